"""Notices over HTTP: what a text may tell, copies as files, answers, taking one back."""

import io
import re
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import docx
import pypdfium2
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DatabaseError
from werkzeug.test import TestResponse

from models import (
    Attachment,
    Document,
    Duty,
    DutyKind,
    DutyState,
    Event,
    Level,
    Notice,
    NoticeFile,
    Notification,
    Role,
    Task,
)
from tests import said
from tests.conftest import DATABASES
from tests.walk import StartWalk, Walk, faults
from webapp import notice_files
from workflows.demo import answers
from workflows.demo.answers import NAME
from workflows.demo.play import Play

CHINA = ZoneInfo("Asia/Shanghai")
DESK, LEADER = "chenglc", "renys"
HOSTILE = "<script>alert(1)</script>&amp;<w:t>]]>{{ 7*7 }}"


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


@pytest.fixture(scope="session")
def empty_postgres(settled_postgres: str) -> str:
    return settled_postgres


def arrive(walk: Walk, day: str) -> None:
    """It is nine in the morning of a day in China, and the worker has looked."""
    there = datetime.fromisoformat(f"{day}T09:00").replace(tzinfo=CHINA)
    walk.at((there - walk.death) / timedelta(hours=1))
    walk.sweep()


def quarter_of(walk: Walk) -> Duty:
    """One case reviewed in the quarter, which is over; from now on the walk is about its notice."""
    walk.play(Play.first_48h, lambda play: play.verify(60), lambda play: play.county_review(100))
    arrive(walk, "2027-01-04")
    walk.session.rollback()
    found = walk.session.scalars(
        select(Duty).where(
            Duty.kind == DutyKind.QUARTERLY_NOTICE, Duty.starts_on == date(2026, 10, 1)
        )
    ).one()
    walk.duty_id = found.id
    return found


def draft(walk: Walk, **over: object) -> TestResponse:
    filled = answers.quarterly_notice(
        period="2026 年第 4 季度",
        deaths=1,
        reviewed=1,
        recipients=[walk.units["qh_mch"], walk.units["bl_commission"]],
        sign=said.SIGNED,
        **over,
    )
    return walk.hand_in(DESK, "quarter_draft", filled)


def issue(walk: Walk, **over: object) -> TestResponse:
    return walk.hand_in(LEADER, "quarter_issue", answers.notice_issue(sign=said.SIGNED, **over))


def newest(walk: Walk) -> Notice:
    walk.session.rollback()
    return walk.session.scalars(select(Notice).order_by(Notice.id.desc()).limit(1)).one()


def copy_of(walk: Walk, who: str, notice: Notice, code: str) -> TestResponse:
    """Asked for, made as the worker does, downloaded."""
    browser = walk.browser(who)
    asked = browser.post(f"/notices/{notice.id}/files/{code}")
    assert asked.status_code == 303
    assert browser.post(f"/notices/{notice.id}/files/{code}").location == asked.location
    assert "正在制作" in browser.get(asked.location).text
    assert browser.get(f"{asked.location}/file").status_code == 404
    walk.session.rollback()
    with walk.app.app_context():
        notice_files.render(int(asked.location.rsplit("/", 1)[-1]))
    assert browser.get(f"{asked.location}/state").get_json()["state"] == "ready"
    assert "已制成" in browser.get(asked.location).text
    for other in {"gaomz", "zhougy", "shenqm", DESK} - {who}:
        assert walk.browser(other).get(f"{asked.location}/file").status_code == 404
    reply = browser.get(f"{asked.location}/file")
    assert reply.status_code == 200
    return reply


def file_name(reply: TestResponse) -> str:
    return unquote(reply.headers["Content-Disposition"].rpartition("UTF-8''")[2])


def text_of_pdf(data: bytes) -> str:
    with pypdfium2.PdfDocument(data) as document:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    return "".join("".join(pages).split())


def text_of_docx(data: bytes) -> str:
    """What a word processor would show: head, body, foot."""
    document = docx.Document(io.BytesIO(data))
    section = document.sections[0]
    parts = [*section.header.paragraphs, *document.paragraphs, *section.footer.paragraphs]
    return "".join("".join(part.text for part in parts).split())


def test_a_text_by_which_somebody_could_be_recognised_is_stopped_until_the_issuer_says_why(
    start_walk: StartWalk,
) -> None:
    walk = start_walk()
    quarter_of(walk)
    reply = draft(walk, guidance=f"家属是{NAME}的丈夫")
    assert any("不能出现当事人" in fault for fault in faults(reply))
    telling = {
        "measures": "青 禾 县 人 民 医 院备足血；贺立夏负责。",
        "guidance": "2026年11月21日的病例由各县（区）对照，2026年12月1日起自查。",
    }
    assert draft(walk, **telling).status_code == 303

    step = walk.task(LEADER, "quarter_issue")
    page = walk.browser(LEADER).get(f"/tasks/{step.id}").text
    for words, kind in (
        ("青 禾 县 人 民 医 院", "医疗机构名称"),
        ("贺立夏", "医务人员姓名"),
        ("2026年11月21日", "日期"),
        ("1 例", "例数过小"),
    ):
        found = re.search(rf"<strong>{words}</strong>.*?</tr>", page, re.S)
        assert found, words
        assert kind in found[0]
    assert "2026年12月1日</strong>" not in page
    assert "本地口径待确认" in page

    reply = issue(walk)
    assert reply.status_code == 422
    assert any("贺立夏" in fault and "写明理由" in fault for fault in faults(reply))
    assert newest(walk).issued_at is None
    back = {"issue_decision": "return", "return_reason": "请不点名。"}
    assert walk.hand_in(LEADER, "quarter_issue", back).status_code == 303  # that needs no reason
    assert draft(walk).status_code == 303
    reply = issue(walk)  # nobody is named any more, but one case is one woman
    assert any("「1 例」" in fault for fault in faults(reply))
    reason = "全市本季度只有一例，例数须上报。"
    assert issue(walk, confirm_reason=reason).status_code == 303
    notice = newest(walk)
    assert notice.issued_at is not None
    [event] = walk.session.scalars(select(Event).where(Event.name == "notice.confirmed"))
    assert event.data == {"found": 2, "kinds": ["count"]}
    assert reason in walk.browser(LEADER).get(f"/notices/{notice.id}").text
    assert reason not in walk.browser("shenqm").get(f"/notices/{notice.id}").text


def test_the_feedback_goes_to_units_concerned_and_may_name_them_but_to_no_other_unit(
    start_walk: StartWalk,
) -> None:
    walk = start_walk()
    walk.play(
        Play.first_48h,
        lambda play: play.verify(60),
        lambda play: play.convene(100, Level.COUNTY, meeting=220),
        lambda play: play.opine(148, Level.COUNTY),
        lambda play: play.conclude(220, Level.COUNTY),
    )
    walk.at(300)
    named = {"measures": "青禾县人民医院备足血。", "sign": said.SIGNED}
    concerned = [walk.units["qh_hospital"], walk.units["qh_mch"]]
    for units, stopped in ((concerned, False), ([*concerned, walk.units["bl_hospital"]], True)):
        filled = answers.notice(recipients=units, **named)
        assert walk.hand_in("fangcf", "notice", filled).status_code == 303
        step = walk.task("shaoxz", "issue")
        page = walk.browser("shaoxz").get(f"/tasks/{step.id}").text
        assert ("可识别性检查" in page) is stopped
        filled = answers.notice_issue(sign=said.SIGNED)
        if not stopped:
            filled = {"issue_decision": "return", "return_reason": "再发给白鹭县。"}
        reply = walk.hand_in("shaoxz", "issue", filled)
        assert reply.status_code == (422 if stopped else 303)
    assert any("青禾县人民医院" in fault for fault in faults(reply))


@pytest.mark.clause("C02")
def test_a_notice_can_be_had_as_pdf_and_as_an_editable_file_before_and_after_it_is_issued(
    start_walk: StartWalk,
) -> None:
    walk = start_walk()
    quarter_of(walk)
    assert draft(walk, guidance=HOSTILE, copies_to="市人民政府办公室").status_code == 303
    notice = newest(walk)
    plain = "".join(HOSTILE.split())
    for code, read in (("pdf", text_of_pdf), ("docx", text_of_docx)):
        reply = copy_of(walk, DESK, notice, code)
        assert file_name(reply).startswith("草稿 关于2026年第4季度")
        assert file_name(reply).endswith(f".{code}")
        found = read(reply.data)
        if code == "docx":
            nothing_but_text(reply.data)
        assert plain in found
        assert "草稿未签发，不具效力" in found
    assert walk.browser("shenqm").post(f"/notices/{notice.id}/files/pdf").status_code == 404

    assert issue(walk, confirm_reason="只有一例，写明例数。").status_code == 303
    notice = newest(walk)
    head = (
        "云江市卫生健康委员会", notice.number, "青禾县妇幼保健院、白鹭县卫生健康委员会：",
        "一、普遍问题", "（一）保健方面", "（二）医疗方面", "（三）管理方面", "二、个性化问题",
        "三、指导性意见", "四、改进措施", "抄送：市人民政府办公室",
        "2027年1月4日印发", plain,
    )  # fmt: skip
    for code, read in (("pdf", text_of_pdf), ("docx", text_of_docx)):
        for who in ("shenqm", DESK):
            reply = copy_of(walk, who, notice, code)
            assert file_name(reply).startswith(notice.number)
            found = read(reply.data)
            places = [found.index("".join(words.split())) for words in head[:-1]]
            assert places == sorted(places)
            assert plain in found
            assert "草稿" not in found
            marked = "沈清明" in found
            assert marked is (code == "pdf" and who == "shenqm")  # the issuer's is for the seal
    walk.session.rollback()
    downloads = walk.session.scalars(select(Event).where(Event.name == "notice.downloaded")).all()
    assert Counter((each.data["format"], each.data["draft"]) for each in downloads) == {
        ("pdf", True): 1, ("docx", True): 1, ("pdf", False): 2, ("docx", False): 2,
    }  # fmt: skip
    assert all(re.fullmatch("[0-9a-f]{64}", each.data["sha256"]) for each in downloads)


def nothing_but_text(data: bytes) -> None:
    """No field but the page number, no link, no macro; nobody's name in the properties."""
    document = docx.Document(io.BytesIO(data))
    xml = document.element.xml
    assert "w:hyperlink" not in xml
    assert "w:instrText" not in xml
    section = document.sections[0]
    assert [round(edge.mm) for edge in (section.page_width, section.page_height)] == [210, 297]
    margins = (section.top_margin, section.bottom_margin, section.left_margin, section.right_margin)
    assert [round(edge.mm) for edge in margins] == [37, 35, 28, 26]
    assert section.footer._element.xml.count("w:instrText") == 2  # opened and closed
    assert ">PAGE<" in section.footer._element.xml
    kinds = {relation.reltype.rsplit("/", 1)[-1] for relation in document.part.rels.values()}
    assert not kinds & {"hyperlink", "vbaProject", "attachedTemplate", "oleObject", "image"}
    assert document.core_properties.author == ""


@pytest.mark.parametrize("database", DATABASES)
def test_an_issued_notice_is_neither_changed_nor_removed_whoever_holds_the_connection(
    start_walk: StartWalk,
) -> None:
    walk = start_walk()
    quarter_of(walk)
    assert draft(walk).status_code == 303
    assert issue(walk, confirm_reason="只有一例，写明例数。").status_code == 303
    notice = newest(walk)
    engine: Any = walk.app.extensions["engine"]
    for change in (
        update(Notice).values(number="第 1 号"),
        update(Notice).values(issued_at=None),
        update(Document).where(Document.id == notice.document_id).values(answers={}),
        text("DELETE FROM notice"),
    ):
        walk.session.rollback()
        with (
            pytest.raises(DatabaseError, match=r"stays as it is|only added"),
            engine.begin() as held,
        ):
            held.execute(change)


def nobody_elses(walk: Walk, who: str, notice: Notice, words: tuple[str, ...]) -> None:
    """Answers, what was said of them, and why something recognisable stayed, are met nowhere."""
    browser = walk.browser(who)
    places = (
        "tasks",
        "notices",
        f"notices/{notice.id}",
        "notifications",
        "desk",
        "duties?view=all",
    )
    for place in (*places, "board", "clocks", "ledger", "statistics", "search?q=备血", "motions"):
        page = browser.get(f"/{place}").text
        assert not [word for word in words if word in page], (who, place)


def board(walk: Walk, who: str) -> str:
    return str(walk.browser(who).get("/board").text)


# What a commission writes of its own accord, what units answer, what is taken back.


def begin(walk: Walk, who: str, kind: str) -> TestResponse:
    return walk.browser(who).post("/notices", data={"kind": kind})


def turn_to(walk: Walk, kind: DutyKind, unit: str) -> Duty:
    """From now on the walk is about the newest duty of that kind of a unit."""
    walk.session.rollback()
    query = select(Duty).where(Duty.kind == kind, Duty.organisation_id == walk.units[unit])
    found = walk.session.scalars(query.order_by(Duty.id.desc()).limit(1)).one()
    walk.duty_id = found.id
    return found


def write(walk: Walk, kind: str, **over: object) -> None:
    """Drafted, checked and issued; who wrote it sees it go."""
    filled = answers.letter(kind, sign=said.SIGNED, **over)
    reply = walk.hand_in(DESK, "letter_draft", filled)
    assert reply.status_code == 303, faults(reply)
    checked = answers.letter_check(sign=said.SIGNED)
    assert walk.hand_in(DESK, "letter_check", checked).status_code == 303


def let_go(walk: Walk, **over: object) -> Notice:
    filled = answers.notice_issue(sign=said.SIGNED, **over)
    reply = walk.hand_in(LEADER, "letter_issue", filled)
    assert reply.status_code == 303, faults(reply)
    return newest(walk)


def told(walk: Walk, who: str) -> list[str]:
    walk.session.rollback()
    lines = select(Notification.name).where(Notification.user_id == walk.user(who))
    return list(walk.session.scalars(lines.order_by(Notification.id)))


def official_text(walk: Walk, who: str, notice: Notice) -> str:
    """The sheet alone, as it stands on the page."""
    page = walk.browser(who).get(f"/notices/{notice.id}").text
    found = re.search(r'<article class="official.*?</article>', page, re.S)
    assert found is not None
    return re.sub(r"<[^>]+>|\s", "", found[0])


@pytest.mark.parametrize("database", DATABASES[1:])  # on SQLite: tests/test_story.py
def test_a_quarters_notice_is_signed_for_answered_late_asked_again_accepted_and_taken_back(
    start_walk: StartWalk,
) -> None:
    walk = start_walk()
    quarter_of(walk)
    assert draft(walk, reply_due="2027-01-20").status_code == 303
    assert issue(walk).status_code == 422
    assert issue(walk, confirm_reason="只有一例，写明例数。").status_code == 303
    quarter, notice = walk.duty_id, newest(walk)
    before = official_text(walk, DESK, notice)
    assert "请于2027年1月20日前书面回复" in before
    receipt = answers.notice_receipt(sign=said.signed(walk, "shenqm"))
    assert walk.hand_in("shenqm", "quarter_sign", receipt).status_code == 303
    index = walk.browser(DESK).get("/notices?view=unsigned").text
    assert "未签收：白鹭卫健" in re.sub(r"\s", "", index)

    # One answers in time, the other does not, is reminded, and those above it are told.
    turn_to(walk, DutyKind.NOTICE_REPLY, "qh_mch")
    filled = answers.reply(sign=said.SIGNED, files=[walk.upload("shenqm", "drill.jpg")])
    assert walk.hand_in("shenqm", "reply", filled).status_code == 303
    arrive(walk, "2027-01-22")
    assert "clock.reminded" in told(walk, "guqf")
    assert "clock.escalated" in told(walk, "gaomz")
    page = walk.browser(DESK).get(f"/notices/{notice.id}").text
    assert "逾期 2 天" in page
    assert "逾期 1" in walk.browser(DESK).get("/notices?view=unanswered").text
    [late_for] = walk.limits("guqf", "?state=late").items()
    assert late_for[0] == "通报书面回复"
    assert "两小时" not in walk.browser("guqf").get(late_for[1]).text
    late = re.search(r'state=late"><span class="figure-number">(\d+)', board(walk, "guqf"))
    assert late
    assert late[1] == "1"
    assert late_for[1] not in walk.limits("zhougy").values()
    turn_to(walk, DutyKind.NOTICE_REPLY, "bl_commission")
    assert walk.hand_in("guqf", "reply", answers.reply(sign=said.SIGNED)).status_code == 303
    again = answers.reply_reading(sign=said.SIGNED, again="请写明备血的安排。", due="2027-02-01")
    assert walk.hand_in(DESK, "reply_read", again).status_code == 303
    more = answers.reply(sign=said.SIGNED, measures_taken="备血与市中心血站约定，两小时到位。")
    assert walk.hand_in("guqf", "reply", more).status_code == 303
    accepted = answers.reply_reading(sign=said.SIGNED)
    assert walk.hand_in(DESK, "reply_read", accepted).status_code == 303
    walk.session.rollback()
    rows = {row.organisation_id: row for row in newest(walk).recipients}
    late = rows[walk.units["bl_commission"]]
    assert late.reply_accepted_at is not None
    assert [clock.met_at > clock.due_at for clock in late.reply_duty.clocks] == [True, False]
    path = f"/notices/replies/{late.id}"
    for who in (DESK, LEADER, "guqf"):
        assert "两小时到位" in walk.browser(who).get(path).text
        assert "逾期回复" in walk.browser(who).get(path).text
    for who in ("shenqm", "zhougy", "jiasj", "gaomz"):
        assert walk.browser(who).get(path).status_code == 404
    for who in ("shenqm", "zhougy", "gaomz", "jiasj", "xitong"):
        nobody_elses(walk, who, notice, ("两小时到位", "请写明备血的安排", "只有一例，写明例数"))
    file = walk.session.scalars(select(Attachment).where(Attachment.duty_id.is_not(None))).one()
    assert walk.browser(DESK).get(f"/attachments/{file.token}").status_code == 200
    assert walk.browser("guqf").get(f"/attachments/{file.token}").status_code == 404

    # Taken back: by a new notice, to all who got it; the old one stays and says so.
    assert "停止使用" not in text_of_docx(copy_of(walk, DESK, notice, "docx").data)
    walk.clock.shift(60)
    assert walk.browser("shenqm").post(f"/notices/{notice.id}/recall").status_code == 404
    assert walk.browser(DESK).post(f"/notices/{notice.id}/recall").status_code == 303
    turn_to(walk, DutyKind.NOTICE, "city_commission")
    write(walk, "recall", recipients=[walk.units["bl_mch"]])
    recall = let_go(walk)
    assert recall.recalls_id == notice.id
    assert {row.organisation_id for row in recall.recipients} == {
        walk.units[key] for key in ("qh_mch", "bl_commission", "bl_mch")
    }
    text_of = official_text(walk, "gaomz", recall)
    assert notice.number in text_of
    assert "例数统计有误" in text_of
    page = walk.browser("shenqm").get(f"/notices/{notice.id}").text
    assert f"{recall.number}</a> 撤回" in page
    assert "例数统计有误" in page
    assert official_text(walk, "shenqm", notice) == before
    copied = text_of_docx(copy_of(walk, DESK, notice, "docx").data)
    assert f"本件已由{recall.number}撤回，停止使用" in copied
    old = select(func.min(NoticeFile.id)).where(
        NoticeFile.notice_id == notice.id, NoticeFile.appointment_id == walk.seat(DESK).id
    )
    before_it = f"/notices/files/{walk.session.scalar(old)}"  # made before: said, not handed out
    assert walk.browser(DESK).get(f"{before_it}/file").location == before_it
    assert f"已由 {recall.number} 撤回" in walk.browser(DESK).get(before_it).text
    assert walk.open() == Counter(f"letter_sign:{who}" for who in ("shenqm", "guqf", "gaomz"))
    for who in ("shenqm", "guqf", "gaomz"):
        assert told(walk, who)[-1] == "notice.issued"
        receipt = answers.notice_receipt(sign=said.signed(walk, who))
        assert walk.hand_in(who, "letter_sign", receipt).status_code == 303
    assert "通报书面回复" not in walk.limits("gaomz")
    first = turn_to(walk, DutyKind.NOTICE_REPLY, "qh_mch")  # read by nobody yet, and not needed now
    assert first.state is DutyState.DONE
    assert walk.open() == Counter()
    walk.duty_id = quarter
    assert walk.open() == Counter()  # who had not signed for it need not any more
    assert told(walk, "guqf").count("notice.ended") == 1
    ended = walk.session.scalars(
        select(Task).where(Task.duty_id == quarter, Task.state == "cancelled")
    )
    why = walk.browser("guqf").get(f"/tasks/{ended.one().id}").text
    assert "通报已撤回，这一步不用再办" in why
    assert notice.number in why
    assert "不再签收" in walk.browser("guqf").get(f"/notices/{notice.id}").text
    assert notice.number not in walk.browser(DESK).get("/notices?view=unsigned").text
    assert {"reply", "receipt"} == {
        each.data["what"]
        for each in walk.session.scalars(select(Event).where(Event.name == "notice.ended"))
    }
    assert walk.browser(DESK).post(f"/notices/{notice.id}/recall").status_code == 303
    assert newest(walk).id == recall.id  # it is taken back once
    assert "已撤回" in walk.browser("shenqm").get("/notices?view=recalled").text


def test_answers_still_owed_move_to_the_notice_that_takes_another_back(
    start_walk: StartWalk,
) -> None:
    walk = start_walk()
    walk.at(24)
    assert begin(walk, DESK, "work").status_code == 303
    turn_to(walk, DutyKind.NOTICE, "city_commission")
    write(
        walk,
        "work",
        recipients=[walk.units[key] for key in ("qh_mch", "bl_mch")],
        reply_due="2026-12-20",
    )
    notice = let_go(walk)
    assert walk.browser(DESK).post(f"/notices/{notice.id}/recall").status_code == 303
    turn_to(walk, DutyKind.NOTICE_REPLY, "qh_mch")
    assert walk.hand_in("shenqm", "reply", answers.reply(sign=said.SIGNED)).status_code == 303
    first = turn_to(walk, DutyKind.NOTICE_REPLY, "bl_mch")
    step = walk.task("gaomz", "reply").id
    typed = {"measures_taken": "正在核对"}
    assert walk.browser("gaomz").put(f"/drafts/task:{step}", data=typed).status_code == 200
    turn_to(walk, DutyKind.NOTICE, "city_commission")
    write(walk, "recall", recipients=[walk.units["qh_mch"]], replies="move", moved_due="2026-12-28")
    recall = let_go(walk)
    assert "请于2026年12月28日前就本通知书面回复" in official_text(walk, "gaomz", recall)
    assert {row.organisation_id: row.reply_due for row in recall.recipients} == {
        walk.units["qh_mch"]: None,  # has answered already
        walk.units["bl_mch"]: date(2026, 12, 28),
    }
    second = turn_to(walk, DutyKind.NOTICE_REPLY, "bl_mch")
    assert first.state is DutyState.DONE
    assert [clock.due_at.date() for clock in (*first.clocks, *second.clocks)] == [
        date(2026, 12, 20), date(2026, 12, 28),
    ]  # fmt: skip
    assert list(walk.limits("gaomz").values()) == [f"/notices/replies/{recall.recipients[1].id}"]
    again = walk.task("gaomz", "reply").id
    assert "正在核对" in walk.browser("gaomz").get(f"/tasks/{again}").text


@pytest.mark.clause("D13")
def test_a_commission_makes_an_interview_and_what_was_done_well_known(
    start_walk: StartWalk,
) -> None:
    walk = start_walk()
    walk.at(1)
    for who in (LEADER, "shenqm", "zhougy", "jiasj"):
        assert begin(walk, who, "work").status_code == 404
    assert begin(walk, DESK, "quarterly").status_code == 404
    units = [walk.units["qh_hospital"], walk.units["bl_commission"]]
    expected = {
        "interview": ("约谈对象", "地区：白鹭县", "台账逾期未整改", "一个月内完成整改"),
        "commendation": ("工作进展", "典型机构：白鹭县妇幼保健院", "典型人员：高芒种", "典型事例"),
        "work": ("工作进展", "工作要求"),
    }
    for kind, words in expected.items():
        assert begin(walk, DESK, kind).status_code == 303
        turn_to(walk, DutyKind.NOTICE, "city_commission")
        assert "正在起草" in walk.browser(DESK).get("/notices").text
        write(walk, kind, recipients=units)
        assert walk.browser("zhougy").get(f"/notices/{newest(walk).id}").status_code == 404
        notice = let_go(walk)
        assert notice.kind.value == kind
        said_there = official_text(walk, "zhougy", notice)
        for each in (*words, notice.number):
            assert each in said_there
        for who in ("zhougy", "guqf"):
            receipt = answers.notice_receipt(sign=said.signed(walk, who))
            assert walk.hand_in(who, "letter_sign", receipt).status_code == 303
        assert walk.open() == Counter()
        only = walk.browser("zhougy").get(f"/notices?kind={kind}").text
        assert only.count("母婴通报〔") == 1


def test_another_person_of_the_desk_checks_what_one_has_drafted(start_walk: StartWalk) -> None:
    walk = start_walk()
    walk.at(1)
    walk.appoint("liangxh", walk.units["city_commission"], Role.COMMISSION)
    assert begin(walk, DESK, "work").status_code == 303
    turn_to(walk, DutyKind.NOTICE, "city_commission")
    filled = answers.letter("work", recipients=[walk.units["qh_mch"]], sign=said.SIGNED)
    assert walk.hand_in(DESK, "letter_draft", filled).status_code == 303
    reply = walk.hand_in(DESK, "letter_check", answers.letter_check(sign=said.SIGNED))
    assert reply.status_code == 422
    assert "另一位经办人核稿" in reply.text


def test_whatever_is_posted_an_issued_text_stays(start_walk: StartWalk) -> None:
    """By everybody, to whatever has to do with notices and steps, with what a draft would say."""
    walk = start_walk()
    quarter_of(walk)
    assert draft(walk).status_code == 303
    assert issue(walk, confirm_reason="只有一例，写明例数。").status_code == 303
    notice = newest(walk)
    seen = official_text(walk, LEADER, notice), notice.document.answers, notice.number
    rules = [rule for rule in walk.app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    ids = {"notice_id": notice.id, "duty_id": notice.duty_id, "code": "pdf"}
    tasks = walk.session.scalars(select(Task.id).where(Task.duty_id == notice.duty_id)).all()
    data = {
        "title": "改过的标题",
        "guidance": "改过",
        "kind": "recall",
        "number": "第 1 号",
        "key": "k",
    }
    random = Random(17)  # noqa: S311 - no secret
    near = ("notice", "tasks", "drafts", "duties", "desk", "replies", "reports")
    rules = [rule for rule in rules if rule.endpoint.startswith(near)]
    for _ in range(60):
        rule = random.choice(rules)
        values = {name: ids.get(name, 1) for name in rule.arguments}
        values |= {"task_id": random.choice(tasks)} if "task_id" in rule.arguments else {}
        built = rule.build(values)
        assert built is not None
        who = random.choice((DESK, LEADER, "shenqm", "guqf", "zhougy"))
        assert walk.browser(who).post(built[1], data=data).status_code < 500, built[1]
    walk.session.expire_all()
    notice = walk.session.get_one(Notice, notice.id)
    assert (official_text(walk, LEADER, notice), notice.document.answers, notice.number) == seen
