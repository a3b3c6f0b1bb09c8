"""The whole process over HTTP, as tables of who does what and what is open next, and for whom."""

from collections import Counter
from pathlib import Path

import pypdfium2
import pytest
from sqlalchemy import select

from models import (
    Appointment,
    CaseState,
    Conclusion,
    DossierRequest,
    Event,
    Level,
    Notice,
    Notification,
    Process,
    ProcessState,
    Rectification,
    RectificationState,
    Role,
    Task,
    Timer,
    User,
)
from tests import said
from tests.conftest import DATABASES
from tests.walk import SECOND, Move, StartWalk, Walk, faults
from webapp import dossiers
from workflows.demo.play import Play
from workflows.events import EventName


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


@pytest.fixture(scope="session")
def empty_postgres(settled_postgres: str) -> str:
    return settled_postgres


EXPERTS = "opinion:chenyf opinion:qianqs opinion:fengjc opinion:chuys opinion:lixh"
FIRST_48H = (
    Move(1.5, "linxm", "report", said.report(), "receive:shenqm discuss:zhougy submit:zhougy"),
    Move(2.7, "shenqm", "receive", said.receipt(), "discuss:zhougy submit:zhougy"),
    Move(11, "zhougy", "discuss", said.discussion(), "explain:helx submit:zhougy"),
    Move(20.3, "helx", "explain", said.explanation(), "submit:zhougy"),
    Move(40, "zhougy", "submit", said.submission(), "verify:shenqm"),
)
RETURNED_TWICE = (
    Move(60, "shenqm", "verify", said.returned(), "supplement:zhougy"),
    Move(70, "zhougy", "supplement", said.supplement(), "verify:shenqm"),
    Move(75, "shenqm", "verify", said.returned(), "supplement:zhougy"),
    Move(90, "zhougy", "supplement", said.supplement(card_no="99210817"), "verify:shenqm"),
    Move(95, "shenqm", "verify", said.verification(), "convene:fangcf"),
)
COUNTY_REVIEW = (
    Move(120, "fangcf", "convene", said.panel("county", 5), EXPERTS),
    Move(160, "chuys", "opinion", said.opinion(),
         "opinion:chenyf opinion:qianqs opinion:fengjc opinion:lixh"),
    Move(161, "chenyf", "opinion", said.opinion(),
         "opinion:qianqs opinion:fengjc opinion:lixh"),
    Move(162, "lixh", "opinion", said.opinion(conclusion="unavoidable", chance="none"),
         "opinion:qianqs opinion:fengjc"),
    Move(163, "fengjc", "opinion", said.opinion(), "opinion:qianqs"),
    Move(170, "qianqs", "opinion", said.opinion(conclusion="avoidable"), "conclude:wugs"),
    Move(245, "wugs", "conclude", said.conclusion("county"), "chair_sign:chenyf"),
    Move(247, "chenyf", "chair_sign", said.chair_returns(), "conclude:wugs"),
    Move(250, "wugs", "conclude", said.conclusion("county"), "chair_sign:chenyf"),
    Move(252, "chenyf", "chair_sign", said.chair_signs(),
         "member_sign:qianqs member_sign:fengjc member_sign:chuys member_sign:lixh"),
    Move(253, "lixh", "member_sign", said.member_signs("出血进展过快，难以避免。"),
         "member_sign:qianqs member_sign:fengjc member_sign:chuys"),
    Move(253.5, "qianqs", "member_sign", said.member_signs(),
         "member_sign:fengjc member_sign:chuys"),
    Move(254, "chuys", "member_sign", said.member_signs(), "member_sign:fengjc"),
    Move(255, "fengjc", "member_sign", said.member_signs(), "endorse:shaoxz"),
    Move(275, "shaoxz", "endorse", said.endorsement(), "notice:fangcf"),
)  # fmt: skip
NOTICE = (
    Move(290, "fangcf", "notice", said.notice(), "issue:shaoxz"),
    Move(292, "shaoxz", "issue", said.issue_returned(), "notice:fangcf"),
    Move(295, "fangcf", "notice", said.notice_again(), "issue:shaoxz"),
    Move(298, "shaoxz", "issue", said.issue(),
         "sign_notice:zhougy sign_notice:shenqm plan:zhougy plan:shenqm convene:chenglc"),
    Move(300, "zhougy", "sign_notice", said.notice_receipt("zhougy"),
         "sign_notice:shenqm plan:zhougy plan:shenqm convene:chenglc"),
    Move(301, "shenqm", "sign_notice", said.notice_receipt("shenqm"),
         "plan:zhougy plan:shenqm convene:chenglc"),
)  # fmt: skip
CITY_REVIEW = (
    Move(310, "chenglc", "convene", said.panel("city", 10),
         "plan:zhougy plan:shenqm "
         "opinion:wangzy opinion:qianqs opinion:zhaocs opinion:fengjc opinion:chenyf"),
    Move(311, "zhougy", "plan", said.plan(40),
         "progress:zhougy plan:shenqm "
         "opinion:wangzy opinion:qianqs opinion:zhaocs opinion:fengjc opinion:chenyf"),
    Move(312, "shenqm", "plan", said.plan(40),
         "progress:zhougy progress:shenqm "
         "opinion:wangzy opinion:qianqs opinion:zhaocs opinion:fengjc opinion:chenyf"),
    Move(400, "wangzy", "opinion", said.opinion(),
         "progress:zhougy progress:shenqm "
         "opinion:qianqs opinion:zhaocs opinion:fengjc opinion:chenyf"),
    Move(401, "qianqs", "opinion", said.opinion(),
         "progress:zhougy progress:shenqm opinion:zhaocs opinion:fengjc opinion:chenyf"),
    Move(402, "zhaocs", "opinion", said.opinion(),
         "progress:zhougy progress:shenqm opinion:fengjc opinion:chenyf"),
    Move(403, "fengjc", "opinion", said.opinion(),
         "progress:zhougy progress:shenqm opinion:chenyf"),
    Move(404, "chenyf", "opinion", said.opinion(),
         "progress:zhougy progress:shenqm conclude:zhengdh"),
    Move(560, "zhengdh", "conclude",
         said.conclusion("city", conclusion="avoidable"),
         "progress:zhougy progress:shenqm chair_sign:wangzy"),
    Move(570, "wangzy", "chair_sign", said.chair_signs(),
         "progress:zhougy progress:shenqm "
         "member_sign:qianqs member_sign:zhaocs member_sign:fengjc member_sign:chenyf"),
    Move(571, "qianqs", "member_sign", said.member_signs(),
         "progress:zhougy progress:shenqm "
         "member_sign:zhaocs member_sign:fengjc member_sign:chenyf"),
    Move(572, "zhaocs", "member_sign", said.member_signs(),
         "progress:zhougy progress:shenqm member_sign:fengjc member_sign:chenyf"),
    Move(573, "fengjc", "member_sign", said.member_signs(),
         "progress:zhougy progress:shenqm member_sign:chenyf"),
    Move(574, "chenyf", "member_sign", said.member_signs(),
         "progress:zhougy progress:shenqm endorse:renys"),
    Move(590, "renys", "endorse", said.endorsement(),
         "progress:zhougy progress:shenqm plan:zhougy"),
)  # fmt: skip
RECTIFIED = (
    Move(600, "zhougy", "progress", said.progress("zhougy", 40),
         "progress:zhougy progress:shenqm plan:zhougy"),
    Move(620, "zhougy", "plan", said.plan(30),
         "progress:zhougy progress:shenqm progress:zhougy"),
    Move(700, "zhougy", "progress", said.progress("zhougy"),
         "accept:fangcf progress:shenqm progress:zhougy"),
    Move(710, "fangcf", "accept", said.rejection(escalation="interview"),
         "progress:zhougy progress:shenqm progress:zhougy"),
    Move(900, "zhougy", "progress", said.progress("zhougy"),
         "accept:chenglc progress:zhougy progress:shenqm"),
    Move(901, "zhougy", "progress", said.progress("zhougy"),
         "accept:chenglc accept:fangcf progress:shenqm"),
    Move(910, "fangcf", "accept", said.acceptance(),
         "accept:chenglc progress:shenqm"),
    Move(920, "chenglc", "accept", said.acceptance(), "progress:shenqm"),
    Move(930, "shenqm", "progress", said.progress("shenqm"), "accept:fangcf"),
    Move(940, "fangcf", "accept", said.acceptance(), "archive:zhougy"),
)  # fmt: skip


WHOLE = (FIRST_48H, RETURNED_TWICE, COUNTY_REVIEW, NOTICE, CITY_REVIEW, RECTIFIED)


@pytest.mark.clause("A01", "B04", "C05")
@pytest.mark.long
@pytest.mark.parametrize("database", DATABASES[1:])
def test_from_discovery_to_the_closed_file(start_walk: StartWalk) -> None:
    """And an autopsy report so late that it stands in the way of closing the file. On SQLite a case
    goes this way in `tests.test_story`."""
    walk = start_walk()
    walk.after.append(strangers_see_nothing)
    for table in WHOLE:
        walk.walk(table)
    walk.at(950)
    assert walk.post("zhougy", f"/cases/{walk.case_id}/rediscuss", {}).status_code == 303
    assert walk.open() == Counter(["archive:zhougy", "discuss_again:zhougy"])
    refused = walk.hand_in("zhougy", "archive", said.archive()(walk))
    assert refused.status_code == 422
    assert "还不能归档：再次讨论还没有完成" in faults(refused)[0]
    assert walk.case.state is CaseState.RECTIFYING
    walk.make(Move(960, "zhougy", "discuss_again", said.second_discussion(), "archive:zhougy"))
    walk.make(Move(970, "zhougy", "archive", said.archive(), ""))
    assert walk.case.state is CaseState.CLOSED
    of_case = Process.case_id == walk.case_id
    processes = walk.session.scalars(select(Process).where(of_case))
    assert {process.status for process in processes} == {ProcessState.DONE}
    of_this = Timer.process_id.in_(select(Process.id).where(of_case))
    assert walk.session.scalars(select(Timer).where(of_this)).all() == []
    late = {clock.rule_key for clock in walk.clocks() if clock.seconds_late(walk.now)}
    assert late == set()
    conclusions = walk.session.scalars(select(Conclusion).order_by(Conclusion.id)).all()
    assert [(row.level, row.code, bool(row.difference)) for row in conclusions] == [
        (Level.COUNTY, "conditionally_avoidable", False),
        (Level.CITY, "avoidable", True),
    ]
    items = walk.session.scalars(select(Rectification).order_by(Rectification.id)).all()
    assert [(item.level, item.state, item.rejections, item.asked) for item in items] == [
        ("county", RectificationState.CLOSED, 1, "interview"),
        ("county", RectificationState.CLOSED, 0, None),
        ("city", RectificationState.CLOSED, 0, None),
    ]


STRANGERS = (
    "subl",
    "gaomz",
    "sundq",
    "anquan",
)  # hospital and MCH next door, expert, administrator


def strangers_see_nothing(walk: Walk, move: Move) -> None:
    """After every move, for people who have no part in the case."""
    tasks = walk.session.scalars(
        select(Task.id).where(Task.case_id == walk.case_id).order_by(Task.id.desc()).limit(2)
    ).all()
    file = walk.attachment()
    paths = [f"/cases/{walk.case_id}", f"/dossiers/of/{walk.case_id}"]
    paths += [f"/tasks/{task}" for task in tasks]
    paths += [f"/attachments/{file.token}"] if file else []
    for who in STRANGERS:
        browser = walk.browser(who)
        for path in paths:
            reply = browser.get(path, headers={"Accept": "application/json"})
            assert reply.status_code == 404, f"{who} gets {path} after {move.step}"


# Late.


def test_a_late_discussion_is_escalated_and_stays_late(start_walk: StartWalk) -> None:
    """24 hours from the death; handed in after 30. The first report has no number in Kaifeng and
    the submission is in time, so nothing is flagged as 迟报."""
    walk = start_walk()
    walk.walk(FIRST_48H[:2])
    walk.at(23.9)
    [clock] = [clock for clock in walk.clocks() if clock.rule_key == DISCUSSION]
    assert clock.escalated_at is None
    walk.at(29)
    assert (clock.escalated_at, clock.met_at) == (walk.moment(24) + SECOND, None)
    told = walk.session.scalars(
        select(User.username)
        .join(Notification, Notification.user_id == User.id)
        .where(Notification.name == EventName.CLOCK_ESCALATED)
    )
    assert set(told) == {"shenqm", "fangcf"}
    assert "超时 5 小时" in walk.browser("zhougy").get("/tasks").text
    late = said.discussion(late_reason="值班负责人在外院会诊。")
    walk.walk(
        (
            Move(30, "zhougy", "discuss", late, "explain:helx submit:zhougy"),
            Move(31, "helx", "explain", said.explanation(), "submit:zhougy"),
            Move(40, "zhougy", "submit", said.submission(), "verify:shenqm"),
            Move(60, "shenqm", "verify", said.verification(), "convene:fangcf"),
        )
    )
    assert clock.seconds_late(walk.now) == 6 * 3600
    assert names_of_events(walk, "clock.escalated") == ["院内死亡病例讨论"]
    assert not walk.case.late_report
    assert "超时 6 小时" in walk.browser("shenqm").get(f"/cases/{walk.case_id}").text


def test_a_late_submission_is_flagged_for_good(start_walk: StartWalk) -> None:
    """48 hours from the death; nothing later takes the flag (D01: 迟报 is R3) or lateness back."""
    walk = start_walk()
    walk.walk(FIRST_48H[:4])
    walk.at(47.9)
    assert not walk.case.late_report
    walk.walk(
        (
            Move(50.5, "zhougy", "submit", said.submission(), "verify:shenqm"),
            Move(60, "shenqm", "verify", said.returned(), "supplement:zhougy"),
            Move(70, "zhougy", "supplement", said.supplement(), "verify:shenqm"),
            Move(80, "shenqm", "verify", said.verification(), "convene:fangcf"),
        )
    )
    assert (walk.case.late_report, walk.case.incomplete_record) == (True, True)
    flags = walk.session.scalars(select(Event).where(Event.name == EventName.CASE_FLAGGED)).all()
    assert [flag.data["trigger"] for flag in flags] == ["R3", "R4"]
    [clock] = [clock for clock in walk.clocks() if clock.rule_key == SUBMISSION]
    assert (clock.met_at, clock.seconds_late(walk.now)) == (walk.moment(50.5), 9000)
    assert names_of_events(walk, "clock.escalated") == ["死亡个案信息报送"]
    for who in ("shenqm", "fangcf", "liangxh"):
        page = walk.browser(who).get("/cases?late=report").text
        assert walk.case.number in page, who


DISCUSSION, SUBMISSION = "clock.in_hospital_discussion", "clock.case_submission"
COUNTY = Level.COUNTY


def names_of_events(walk: Walk, name: str) -> list[str]:
    """What the events of that name are about, in order."""
    events = walk.session.scalars(select(Event).where(Event.name == name).order_by(Event.id))
    return [event.data["title"] for event in events]


# The dossier.

CONCLUDED = "医院有诊断和手术能力，夜间用血条件不足；改善用血和计量后可以避免。"
OWN_OPINION = "出血后诊断基本及时，但夜间红细胞不能及时到位；改善用血和计量，结局可以不同。"


def dossier_of(walk: Walk, by: Appointment) -> str:
    """Asked for, rendered as the worker does, downloaded: its text without blanks."""
    browser, path = walk.client_for(by), f"/dossiers/of/{walk.case_id}"
    asked = browser.post(path, data={"purpose": "audit", "note": ""})
    assert asked.status_code == 303
    number = int(asked.location.rsplit("/", 1)[-1])
    assert browser.get(f"{asked.location}/file").status_code == 404
    walk.session.rollback()
    with walk.app.app_context():
        dossiers.render(number)
    assert browser.get(f"{asked.location}/state").get_json()["state"] == "ready"
    reply = browser.get(f"{asked.location}/file")
    assert (reply.status_code, reply.mimetype) == (200, "application/pdf")
    for other in ("shaoxz", "shenqm", "subl"):
        assert walk.browser(other).get(f"{asked.location}/file").status_code == 404
    with pypdfium2.PdfDocument(reply.data) as document:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    return "".join("".join(pages).split())


def test_the_dossier_holds_the_conclusion_and_opinions_for_the_panel_alone(
    start_walk: StartWalk,
) -> None:
    """A member of the panel reads the opinions, under whichever appointment; the commission that
    called the panel does not. Asking, rendering and each download leave an event."""
    walk = start_walk()
    walk.play(Play.first_48h, lambda play: play.verify(60), lambda play: play.county_review(100))
    walk.at(300)
    second = walk.appoint("chenyf", walk.units["city_mch"], Role.MCH)
    of_commission = dossier_of(walk, walk.seat("fangcf"))
    of_member = dossier_of(walk, second)
    for text in (of_commission, of_member):
        assert CONCLUDED in text
        assert walk.case.number in text
    assert OWN_OPINION not in of_commission
    assert of_member.count(OWN_OPINION) >= 4
    left = walk.session.scalars(select(Event.name).where(Event.name.startswith("dossier.")))
    assert Counter(left) == {
        "dossier.requested": 2,
        "dossier.rendered": 2,
        "dossier.downloaded": 2,
    }


# Everybody without a part, everywhere.

WITHOUT_A_PART = (
    "hexs", "subl", "chenjz", "tanglq", "luocs", "gaomz", "yuedh", "guqf", "dongdz", "zhengdh",
    "sundq", "zhaocs", "wangzy", "xitong", "anquan", "shenji",
)  # fmt: skip


@pytest.mark.clause("I01")
def test_no_address_of_the_case_exists_for_who_has_no_part_in_it(start_walk: StartWalk) -> None:
    """Every rule of the application that names a thing of a case, with every method it takes."""
    walk = start_walk()
    walk.play(Play.first_48h, lambda play: play.verify(60), lambda play: play.county_review(100))
    walk.at(300)
    browser = walk.browser("fangcf")
    browser.post(f"/dossiers/of/{walk.case_id}", data={"purpose": "audit"})
    walk.session.rollback()
    file, sheet = walk.attachment(), walk.document("submit")
    assert file is not None
    things = {
        "case_id": walk.case_id,
        "document_id": sheet.id,
        "task_id": walk.task("zhougy", "plan").id,
        "token": file.token,
        "item_id": walk.session.scalars(select(Rectification.id)).first(),
        "notice_id": walk.session.scalars(select(Notice.id)).first(),
        "dossier_id": walk.session.scalars(select(DossierRequest.id)).first(),
        "key": "maternal_death",
        "place": f"task:{walk.task('zhougy', 'plan').id}",
    }
    addresses = [
        (method, rule.build(things, append_unknown=False)[1])  # type: ignore[index]
        for rule in walk.app.url_map.iter_rules()
        if rule.arguments
        and rule.arguments <= things.keys()
        and rule.endpoint != "drafts.drop"  # forgets one's own draft, and says nothing
        and not rule.endpoint.startswith("statistics.")  # of a process, over one's own cases
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]
    assert len(addresses) > 20
    for who in WITHOUT_A_PART:
        browser = walk.browser(who)
        for method, path in addresses:
            reply = browser.open(path, method=method, headers={"Accept": "application/json"})
            assert reply.status_code == 404, f"{who} may {method} {path}"
    assert walk.attachment() is not None
