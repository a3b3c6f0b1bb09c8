"""One case from every side: who sees what of it, what is sealed, what is hidden, what is left."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from lxml import html
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import (
    Case,
    CaseState,
    Clock,
    Document,
    Event,
    Role,
    Task,
    TaskState,
)
from tests.played import (
    AUDITOR,
    CHAIR,
    CLOSED,
    COMMISSION,
    FRESH,
    HEAD,
    IN_REVIEW,
    KINDS,
    LATE,
    MCH,
    NOW,
    OFFICE,
    RETURNED,
    TABS,
    VOIDED,
    Browse,
    Cast,
    pages_of,
)
from webapp.cases.documents import GROUPS
from workflows.demo.people import PEOPLE
from workflows.events import EventName, record
from workflows.forms.load import all_forms, base_name
from workflows.permissions import visible_cases


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


# Events in words


def test_every_event_has_its_partial(app: Flask) -> None:
    folder = Path(app.root_path, "templates/events")
    assert {path.stem for path in folder.glob("*.html")} == set(EventName)


def test_every_event_of_a_case_can_be_told(browse: Browse, session: Session, cast: Cast) -> None:
    case, by = cast.case(CLOSED), cast.seat(OFFICE)
    for name in EventName:
        record(session, name, case=case, by=by, now=NOW, level="county", title="院内讨论")
    session.commit()
    office, auditor = browse(OFFICE), browse(AUDITOR)
    told = {office.get(f"/cases/{case.id}").text, auditor.get(f"/cases/{case.id}?kind=traces").text}
    for words in ("核实通过，受理并转入评审", "签发反馈通报", "未通过验收", "查阅病例", "下载案卷"):
        assert any(words in text for text in told), words


def test_what_one_act_brought_about_stands_together(browse: Browse, cast: Cast) -> None:
    page = html.document_fromstring(browse(OFFICE).get(f"/cases/{cast.case(CLOSED).id}").text)
    acts = [" ".join(act.text_content().split()) for act in page.find_class("act")]
    assert [act for act in acts if "核实通过" in act] == [
        "01:12 办结「核实质控」 核实通过，受理并转入评审 "
        "「县级核实质控」停止计时「县级评审」开始计时 沈清明 · 妇幼保健机构 · 青禾县妇幼"
    ]


# The head, the strip, what waits


@pytest.mark.clause("A03")
def test_each_clock_says_what_it_rests_on(browse: Browse, cast: Cast) -> None:
    text = browse(OFFICE).get(f"/cases/{cast.case(FRESH).id}").text
    strip = text[text.index('class="strip"') : text.index('id="waiting-title"')]
    for words in (
        "院内死亡病例讨论",
        "24 小时",
        "汴卫〔2022〕38号 母婴(四)1",
        "应在第一时间（24小时内）组织开展院内死亡病例讨论",
        "自死亡时间起算",
        "产安办（质控办） · 青禾县医院",
        "还剩 20 小时 30 分",
        "48 小时",
        "尚未停止",
        "由「发现登记与快报」停止",
    ):
        assert words in strip, words
    assert strip.count("<details") == strip.count("</summary>") == 4  # three run, the rest is ahead
    assert "本地口径待确认" in strip


def test_lateness_is_never_taken_back(browse: Browse, session: Session, cast: Cast) -> None:
    case = cast.case(LATE)
    clock = session.scalars(
        select(Clock).where(Clock.case_id == case.id, Clock.title == "院内死亡病例讨论")
    ).one()
    assert "超时 6 小时" in browse("subl").get(f"/cases/{case.id}").text
    assert clock.due_at is not None
    clock.met_at = clock.due_at + timedelta(hours=31)
    session.commit()
    text = browse("subl").get(f"/cases/{case.id}").text
    assert 'class="limit limit-late"' in text
    assert "超时 31 小时" in text


def test_what_waits_links_to_mine_and_names_the_desk_of_others(browse: Browse, cast: Cast) -> None:
    case = cast.case(FRESH)
    mine, other = (
        browse(OFFICE).get(f"/cases/{case.id}").text,
        browse(MCH).get(f"/cases/{case.id}").text,
    )
    assert mine.count("去办理") == 2  # discussion and submission
    assert other.count("去办理") == 1  # the receipt
    for text in (mine, other):
        assert "县级妇幼保健机构 · 青禾县妇幼" in text


def test_flags_and_banners(browse: Browse, cast: Cast) -> None:
    assert "病历不完整" in browse("subl").get(f"/cases/{cast.case(RETURNED).id}").text
    text = browse("subl").get(f"/cases/{cast.case(VOIDED).id}").text
    assert "已作废。</strong>值班人员重复登记" in text
    assert "现在办理" not in text
    assert "已作废，不再计时" in text


def test_the_rules_in_use_come_with_their_warnings(browse: Browse, cast: Cast) -> None:
    text = browse(OFFICE).get(f"/cases/{cast.case(FRESH).id}").text
    assert "汴卫〔2022〕38号" in text
    assert "计划期至 2022-12-31 已满" in text
    assert "云江市为虚构的示例地区" in text


# Who sees the case at all


def addresses(app: Flask, case: Case) -> Iterator[tuple[str, str]]:
    """Method and address of everything there is about one case."""
    values: dict[str, object] = {"case_id": case.id, "document_id": 1}
    values |= {"task_id": 1, "comment_id": 1}
    values["key"] = "maternal_death"
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            if rule.endpoint.startswith("cases.") and "case_id" in rule.arguments:
                built = rule.build({name: values[name] for name in rule.arguments})
                assert built is not None
                for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                    yield method, built[1]


@pytest.mark.parametrize(
    "username", ["subl", "gaomz", "guqf", "yuedh", "sundq", "tanglq", "xitong"]
)
def test_a_case_of_others_is_not_there(
    app: Flask, browse: Browse, session: Session, cast: Cast, username: str
) -> None:
    client, case = browse(username), cast.case(IN_REVIEW)
    tried = list(addresses(app, case))
    assert len(tried) >= 15
    for method, address in tried:
        assert client.open(address, method=method).status_code == 404, address
    assert case.number not in client.get("/cases").text
    session.rollback()
    assert session.scalar(select(func.count()).where(Event.name == EventName.CASE_READ)) == 0


@pytest.mark.parametrize("case", [CLOSED, IN_REVIEW, LATE, VOIDED])
def test_the_pages_of_a_case_for_every_role_that_sees_it(
    browse: Browse, session: Session, cast: Cast, case: str
) -> None:
    row, roles = cast.case(case), set()
    for person in PEOPLE:
        by = cast.seat(person.username)
        sees = session.scalars(visible_cases(by).where(Case.id == row.id)).first() is not None
        if sees and by.role not in roles:
            roles.add(by.role)
            client = browse(person.username)
            for rest in (*TABS, *KINDS):
                assert client.get(f"/cases/{row.id}{rest}").status_code == 200
            assert client.judged == len(TABS) + len(KINDS)
    assert len(roles) >= 4


def test_every_sheet_is_a_good_page(browse: Browse, cast: Cast) -> None:
    client = browse(OFFICE)
    found = dict(pages_of(client, cast.case(CLOSED), judged=True))
    assert len([address for address in found if "/documents/" in address]) == 25


# Reading leaves a trace


@pytest.mark.clause("I01")
def test_reading_leaves_one_trace_in_ten_minutes(
    browse: Browse, session: Session, cast: Cast
) -> None:
    case, by = cast.case(FRESH), cast.seat(OFFICE)
    client = browse(OFFICE)

    def traces() -> list[str]:
        session.rollback()
        rows = session.scalars(
            select(Event)
            .where(Event.case_id == case.id, Event.name == EventName.CASE_READ)
            .order_by(Event.id)
        ).all()
        assert all(row.user_id == by.user_id and row.appointment_id == by.id for row in rows)
        return [row.data["what"] for row in rows]

    for _ in range(3):
        client.get(f"/cases/{case.id}")
    assert traces() == ["经过"]
    client.get(f"/cases/{case.id}/people")
    with time_machine.travel(NOW + timedelta(minutes=9), tick=False):
        client.get(f"/cases/{case.id}")
    assert traces() == ["经过", "人员与单位"]
    with time_machine.travel(NOW + timedelta(minutes=11), tick=False):
        client.get(f"/cases/{case.id}")
    assert traces() == ["经过", "人员与单位", "经过"]
    document = session.scalars(select(Document).where(Document.case_id == case.id)).first()
    assert document is not None
    client.get(f"/cases/{case.id}/documents/{document.id}")
    assert traces()[-1] == "孕产妇死亡快报（第 1 稿）"


def test_only_the_auditor_reads_who_read(browse: Browse, cast: Cast) -> None:
    case = cast.case(CLOSED)
    browse(MCH).get(f"/cases/{case.id}/people")
    assert "查阅病例：人员与单位" in browse(AUDITOR).get(f"/cases/{case.id}?kind=traces").text
    for username in (OFFICE, COMMISSION, CHAIR):
        text = browse(username).get(f"/cases/{case.id}?kind=traces").text
        assert "查阅" not in text[text.index("<main") :]


# Sheets


def test_every_form_has_its_place_among_the_documents() -> None:
    placed = [base for _, bases in GROUPS for base in bases]
    of_measures = ("reminder_", "supervision_", "interview_")  # of no case either
    steps = {
        base
        for base in {base_name(form.name) for form in all_forms()}
        if not base.startswith(of_measures)
    } - {
        "death_card",
        "nearmiss_card",
        "newborn_card",
        "case_record",
        "record_inventory",  # parts of case_submission
        "monthly_report",
        "monthly_check",
        "quarterly_notice",
        "ledger_item",
        "extension_request",
        "extension_decision",
        "effect_check",
        "letter",
        "letter_check",
        "notice_reply",
        "notice_reply_reading",  # of duties, which belong to no case
    }
    assert sorted(placed) == sorted(steps)


def test_a_sheet_reads_as_it_was_handed_in(browse: Browse, session: Session, cast: Cast) -> None:
    case = cast.case(CLOSED)
    submission = session.scalars(
        select(Document).where(Document.case_id == case.id, Document.form == "case_submission.v1")
    ).one()
    text = browse(OFFICE).get(f"/cases/{case.id}/documents/{submission.id}").text
    assert "麦青青" in text
    assert "周谷雨（青禾县医院）提交" in text
    assert "O72.3" in text
    assert "data-print" in text
    assert 'class="superseded"' not in text


def test_editions_lead_to_each_other(browse: Browse, session: Session, cast: Cast) -> None:
    case = cast.case(CLOSED)
    first, second = session.scalars(
        select(Document)
        .join(Task, Task.id == Document.task_id)
        .where(Document.case_id == case.id, Document.form.like("rectification_progress.v%"))
        .where(Task.rectification_id == select(func.min(Task.rectification_id)).scalar_subquery())
        .order_by(Document.edition)
    )
    client = browse(OFFICE)
    old = client.get(f"/cases/{case.id}/documents/{first.id}").text
    assert "这是第 1 稿，已有新的一稿" in old
    assert f"/cases/{case.id}/documents/{second.id}" in old
    assert "已有新的一稿" not in client.get(f"/cases/{case.id}/documents/{second.id}").text
    assert "已有新稿" in client.get(f"/cases/{case.id}/documents").text


@pytest.mark.clause("B04")
def test_conclusions_of_both_levels_stand_side_by_side(browse: Browse, cast: Cast) -> None:
    text = browse(OFFICE).get(f"/cases/{cast.case(CLOSED).id}/reviews").text
    county, city = text[text.index('id="level-county"') :].split('id="level-city"')
    assert "创造条件可避免" in county[: county.index("</section>")]
    assert "市级认为县医院具备处置条件" in city
    assert "可避免 4 票，创造条件可避免 1 票" in city


# What is done to a case as a whole


REASON = "值班时重复登记，与前一例为同一人，已由质控办核对。"


def state(session: Session, case: Case) -> CaseState:
    session.rollback()
    return session.scalars(select(Case.state).where(Case.id == case.id)).one()


@pytest.mark.clause("A05")
def test_a_mistake_is_voided_by_a_second_person(
    browse: Browse, session: Session, cast: Cast
) -> None:
    case, office, mch = cast.case(FRESH), browse(OFFICE), browse(MCH)
    address = f"/cases/{case.id}/void"
    assert "误报，申请作废" in office.get(f"/cases/{case.id}").text
    assert "不得以任何理由拒报、迟报" in office.get(address).text
    reply = office.post(address, data={"reason": "误报"})
    assert reply.status_code == 422
    assert "写明误报原因，10 至 500 字" in reply.text
    assert ">误报</textarea>" in reply.text
    assert state(session, case) == CaseState.REPORTED
    assert mch.post(address, data={"reason": REASON}).status_code == 404
    assert office.post(address, data={"reason": REASON}).status_code == 303
    assert state(session, case) == CaseState.VOID_REQUESTED
    assert office.post(address, data={"reason": REASON}).status_code == 409
    assert office.get(address).status_code == 409
    assert office.post(f"{address}/decision", data={"decision": "confirm"}).status_code == 404
    assert REASON in mch.get(f"/cases/{case.id}").text
    assert REASON in mch.get(f"{address}/decision").text
    assert mch.post(f"{address}/decision", data={}).status_code == 422
    assert mch.post(f"{address}/decision", data={"decision": "confirm"}).status_code == 303
    assert state(session, case) == CaseState.VOIDED
    text = office.get(f"/cases/{case.id}").text
    assert "已作废。" in text
    assert "去办理" not in text
    for late in (mch.get(f"{address}/decision"), office.post(address, data={"reason": REASON})):
        assert late.status_code == 409


def test_a_request_may_be_refused_and_the_case_goes_on(
    browse: Browse, session: Session, cast: Cast
) -> None:
    case = cast.case(FRESH)
    browse(OFFICE).post(f"/cases/{case.id}/void", data={"reason": REASON})
    reply = browse(MCH).post(f"/cases/{case.id}/void/decision", data={"decision": "refuse"})
    assert reply.status_code == 303
    assert state(session, case) == CaseState.REPORTED
    assert "不同意作废，病例继续办理" in browse(OFFICE).get(f"/cases/{case.id}").text
    open_steps = select(func.count()).where(Task.case_id == case.id, Task.state == TaskState.OPEN)
    assert session.scalar(open_steps) == 3


def test_a_closed_case_is_neither_voided_nor_discussed_again(browse: Browse, cast: Cast) -> None:
    case, office = cast.case(CLOSED), browse(OFFICE)
    reply = office.post(f"/cases/{case.id}/void", data={"reason": REASON})
    assert reply.status_code == 409
    assert "病例已归档或已作废，不能再作废" in reply.text
    for method in ("GET", "POST"):
        assert office.open(f"/cases/{case.id}/rediscuss", method=method).status_code == 409
    assert "更多" not in office.get(f"/cases/{case.id}").text


def test_an_autopsy_report_reopens_the_discussion_once(
    browse: Browse, session: Session, cast: Cast
) -> None:
    case, office = cast.case(IN_REVIEW), browse(OFFICE)
    address = f"/cases/{case.id}/rediscuss"
    assert browse(HEAD).post(address).status_code == 404
    assert "收到尸检报告，再次讨论" in office.get(f"/cases/{case.id}").text
    assert "第一次讨论的记录不变" in office.get(address).text
    assert office.post(address).status_code == 303
    text = office.get(f"/cases/{case.id}").text
    assert "收到尸检报告，开始再次讨论" in text
    assert f'href="{address}"' not in text
    reply = office.post(address)
    assert reply.status_code == 409
    assert "再次讨论已经在进行" in reply.text
    assert office.get(f"/cases/{case.id}/diagrams/second_discussion").status_code == 200


def test_roles_without_cases_have_no_list(browse: Browse, cast: Cast) -> None:
    for username in ("xitong", "anquan", "shenji"):
        assert cast.seat(username).role in (
            Role.SYSTEM_ADMIN,
            Role.SECURITY_ADMIN,
            Role.AUDIT_ADMIN,
        )
        client = browse(username)
        for address in ("/cases", "/board", "/clocks"):
            assert client.get(address).status_code == 404
        assert client.post("/cases", data={"q": "麦"}).status_code == 404
