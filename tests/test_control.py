"""A case stopped and let go on, taken back, led past a step: the law pauses for none of it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Case,
    CaseState,
    Clock,
    Document,
    Event,
    Level,
    Notification,
    Role,
    Task,
    TaskState,
    User,
)
from tests.conftest import DATABASES
from tests.pages import Client
from tests.played import RECTIFYING, Cast
from tests.reviewing import begin, opened, submit
from webapp.db import make_engine
from workflows import clocks
from workflows.actions import control
from workflows.actions.tasks import CaseSuspended, InvalidAnswers, TaskClosed
from workflows.demo import answers
from workflows.demo.people import seat_of
from workflows.demo.play import Play
from workflows.engine import control as engine_control
from workflows.events import EventName
from workflows.permissions import Forbidden, inbox
from workflows.readers import Reader
from workflows.services import CaseHost

WHY = "公安机关正在调查，暂停评审等待结论。"
MISTAKE = "受理时没有核对输血记录，需要重新核实。"
DISSOLVED = "该单位已经撤销，无人签收。"
DONE, CANCELLED = TaskState.DONE, TaskState.CANCELLED
ClientFor = Callable[[Appointment], Client]


@pytest.fixture
def play(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Play]:
    if database == "sqlite":
        with opened(request.getfixturevalue("settled_sqlite"), tmp_path) as session:
            yield begin(session, tmp_path)
        return
    server = request.getfixturevalue("postgres")
    engine = make_engine(
        server.create_database("control", request.getfixturevalue("settled_postgres"))
    )
    with Session(engine) as session:
        yield begin(session, tmp_path)
    engine.dispose()
    server.drop_database("control")


def rows(play: Play) -> Session:
    return play.stage.session


def case_of(play: Play) -> Case:
    return rows(play).scalars(select(Case)).one()


def by(play: Play, who: str) -> Appointment:
    return seat_of(rows(play), who)


def waiting(play: Play) -> list[str]:
    query = select(Task.bpmn_id).where(Task.state == TaskState.OPEN).order_by(Task.bpmn_id)
    return [name.removeprefix("UT_") for name in rows(play).scalars(query)]


def task(play: Play, bpmn_id: str) -> Task:
    query = select(Task).where(Task.bpmn_id == bpmn_id, Task.state == TaskState.OPEN)
    return rows(play).scalars(query.order_by(Task.id)).first() or pytest.fail(bpmn_id)


def limits(play: Play) -> list[tuple[object, ...]]:
    found = rows(play).scalars(select(Clock).order_by(Clock.id))
    return [(c.rule_key, c.subject, c.started_at, c.due_at, c.met_at) for c in found]


def last(play: Play, name: EventName) -> Event:
    query = select(Event).where(Event.name == name).order_by(Event.id.desc())
    return rows(play).scalars(query).first() or pytest.fail(name)


# Standing still


def suspend(play: Play, hours: float, who: str = "", reason: str = WHY) -> None:
    leader = by(play, who or play.county.leader)
    control.suspend(rows(play), case_of(play), reason, by=leader, now=play.at(hours))


@pytest.mark.parametrize("database", DATABASES)
def test_work_stands_still_and_goes_on_where_it_stood(play: Play) -> None:
    submit(play)
    before = limits(play)
    suspend(play, 62)
    with pytest.raises(CaseSuspended):
        play.convene(70, Level.COUNTY, meeting=200)
    rows(play).expire_all()
    with pytest.raises(control.NotPossible):
        suspend(play, 71)
    control.resume(rows(play), case_of(play), by=by(play, "shaoxz"), now=play.at(90))
    assert limits(play) == before
    assert last(play, EventName.CASE_SUSPENDED).data["reason"] == WHY
    assert last(play, EventName.CASE_RESUMED).data["seconds"] == 28 * 3600
    told = rows(play).scalars(
        select(User.username)
        .join(Notification, Notification.user_id == User.id)
        .where(Notification.name == EventName.CASE_SUSPENDED)
    )
    assert list(told) == [play.county.commission]
    play.convene(100, Level.COUNTY, meeting=220)
    with pytest.raises(control.NotPossible):
        control.resume(rows(play), case_of(play), by=by(play, "shaoxz"), now=play.at(101))


@pytest.mark.clause("A05")
def test_the_law_does_not_pause_and_nothing_reported_is_held_up(play: Play) -> None:
    play.report(1)
    play.receive(2)
    suspend(play, 3)
    play.discuss(30)  # six hours late, and taken all the same
    clock = clocks.find(case_of(play), "in_hospital_discussion")
    assert clock is not None
    assert clock.due_at == play.death + timedelta(hours=24)
    assert clock.escalated_at is not None  # while the case stood still
    assert clock.seconds_late(play.at(31)) > 6 * 3600
    play.explain(32)
    submission = clocks.find(case_of(play), "case_submission")
    assert submission is not None
    play.stage.let_pass(play.at(50))
    rows(play).refresh(submission)
    assert submission.escalated_at is not None
    assert submission.reminders_sent > 0
    play.submit(51)
    with pytest.raises(CaseSuspended):
        play.verify(52)


def test_who_may_let_a_case_stand_still(play: Play) -> None:
    submit(play)
    for who in ("fangcf", "shenqm", "zhougy", "helx", "dongdz", "renys", "jiasj"):
        with pytest.raises(Forbidden):
            suspend(play, 62, who)
    for reason in ("", "短", "长" * 501):
        with pytest.raises(InvalidAnswers):
            suspend(play, 62, reason=reason)


# Going back


def rewind(play: Play, who: str, step: str, target: str, hours: float) -> None:
    open_step, at = task(play, step), play.at(hours)
    control.rewind(rows(play), open_step, target, MISTAKE, by=by(play, who), now=at)


@pytest.mark.parametrize("database", DATABASES)
def test_back_to_checking_before_the_panel_is_called(play: Play) -> None:
    submit(play)
    before, sheets = limits(play), rows(play).scalars(select(Document.id)).all()
    convene = task(play, "UT_convene")
    assert control.ways_back(rows(play), case_of(play), by(play, "shenqm")) == [
        (convene, "UT_verify", "核实质控")
    ]
    rewind(play, "shenqm", "UT_convene", "UT_verify", 62)
    assert waiting(play) == ["verify"]
    assert convene.state is CANCELLED
    assert case_of(play).state is CaseState.SUBMITTED
    assert limits(play) == before
    assert rows(play).scalars(select(Document.id)).all() == sheets
    told = last(play, EventName.CASE_REWOUND).data
    assert (told["old"], told["new"]) == (["组织评审、聘定专家"], "核实质控")
    assert told["reason"] == MISTAKE
    play.verify(63, returned=True)  # and from there as ever
    assert waiting(play) == ["supplement"]
    rewind(play, "shenqm", "UT_supplement", "UT_verify", 64)
    play.verify(65)
    newest = rows(play).scalars(select(Document.edition).where(Document.form == "verification.v1"))
    assert list(newest) == [1, 2, 3]
    play.county_review(100)
    assert "sign_notice" in waiting(play)


def test_back_from_the_signatures_to_the_conclusion(play: Play) -> None:
    submit(play)
    play.convene(100, Level.COUNTY, meeting=220)
    play.opine(110, Level.COUNTY)
    assert waiting(play) == ["conclude"]
    with pytest.raises(control.NotPossible):  # opinions are never taken back by others
        rewind(play, "fangcf", "UT_conclude", "UT_opinion", 121)
    play.stage.act("wugs", "UT_conclude", _draft(play, 125), play.at(126))
    assert waiting(play) == ["chair_sign"]
    before = limits(play)
    rewind(play, "fangcf", "UT_chair_sign", "UT_conclude", 127)
    event = last(play, EventName.CASE_REWOUND)  # a draft is the panel's: so is its taking back
    tells = {
        who: Reader(rows(play), case_of(play), by(play, who)).reads_event(event, ())
        for who in ("fangcf", "wugs", "chenyf", "zhougy", "shenqm")
    }
    assert [who for who, may in tells.items() if may] == ["fangcf", "wugs", "chenyf"]
    assert waiting(play) == ["conclude"]
    assert task(play, "UT_conclude").user.username == "wugs"
    assert limits(play) == before
    play.conclude(130, Level.COUNTY)
    assert waiting(play) == ["notice"]


def _draft(play: Play, hours: float) -> dict[str, object]:
    play.meet(hours, Level.COUNTY)
    members = play._members(Level.COUNTY)
    return answers.conclusion(
        play.at(hours),
        organisation=play.unit(play.county.unit_commission),
        chair=members[0][0],
        secretary=play.user("wugs"),
        members=members,
        owner=play.unit(play.county.hospital),
        sign=play.stage.sign("wugs", play.at(hours)),
        **(answers.votes(len(members), against=1) | {"dissent": "一名专家认为可避免。"}),
    )


def test_one_goes_back_only_where_the_diagram_says_and_to_a_step_of_ones_own_unit(
    play: Play,
) -> None:
    submit(play)
    for who in ("fangcf", "shaoxz", "gaomz", "liangxh"):
        with pytest.raises(Forbidden):
            rewind(play, who, "UT_convene", "UT_verify", 62)
    for target in ("UT_report", "UT_discuss", "UT_submit", "UT_nonsense"):
        with pytest.raises((Forbidden, control.NotPossible)):
            rewind(play, "shenqm", "UT_convene", target, 62)
    play.county_review(100)
    assert control.ways_back(rows(play), case_of(play), by(play, "shenqm")) == []
    assert control.ways_back(rows(play), case_of(play), by(play, "fangcf")) == []


def test_the_citys_panel_does_not_lead_back_over_the_countys(play: Play) -> None:
    submit(play)
    play.county_review(100)
    assert task(play, "UT_convene").level == "city"
    for who in ("shenqm", "chenglc", "liangxh"):
        with pytest.raises(Forbidden):
            rewind(play, who, "UT_convene", "UT_verify", 300)
    host = CaseHost(rows(play), case_of(play), play.at(300))
    convene = task(play, "UT_convene")
    with pytest.raises(engine_control.NotModelled):  # whoever asks
        engine_control.rewind(rows(play), convene, "UT_verify", host, now=play.at(300))


def test_of_two_at_once_the_second_is_told(play: Play) -> None:
    submit(play)
    convene = task(play, "UT_convene")
    rewind(play, "shenqm", "UT_convene", "UT_verify", 62)
    with pytest.raises(TaskClosed):
        control.rewind(
            rows(play), convene, "UT_verify", MISTAKE, by=by(play, "shenqm"), now=play.at(62)
        )


# Leaving out


@pytest.mark.parametrize("database", DATABASES)
def test_a_step_is_left_out_by_two_people_of_the_unit(play: Play) -> None:
    submit(play)
    play.county_review(100)
    step = task(play, "UT_sign_notice")
    clerk, leader, at = by(play, "fangcf"), by(play, "shaoxz"), play.at(300)
    with pytest.raises(Forbidden):
        control.ask_skip(rows(play), step, DISSOLVED, by=leader, now=at)
    with pytest.raises(control.NotPossible):
        control.decide_skip(rows(play), step, True, by=leader, now=at)
    with pytest.raises(InvalidAnswers):
        control.ask_skip(rows(play), step, "无人", by=clerk, now=at)
    control.ask_skip(rows(play), step, DISSOLVED, by=clerk, now=at)
    with pytest.raises(Forbidden):
        control.decide_skip(rows(play), step, True, by=clerk, now=at)
    own = Appointment(
        user_id=clerk.user_id,
        organisation_id=clerk.organisation_id,
        role=Role.COMMISSION_LEADER,
        valid_from=leader.valid_from,
        valid_to=None,
    )
    rows(play).add(own)
    rows(play).flush()
    with pytest.raises(Forbidden):  # the same person under another appointment
        control.decide_skip(rows(play), step, True, by=own, now=at)
    control.decide_skip(rows(play), step, False, by=leader, now=at)
    assert step.state is TaskState.OPEN
    control.ask_skip(rows(play), step, DISSOLVED, by=clerk, now=at)
    before = limits(play)
    control.decide_skip(rows(play), step, True, by=leader, now=at)
    assert (step.state, step.done_by_id) == (TaskState.SKIPPED, leader.user_id)
    assert limits(play) == before
    assert rows(play).scalars(select(Document).where(Document.task_id == step.id)).all() == []
    assert last(play, EventName.TASK_SKIPPED).data["reason"] == DISSOLVED
    play.sign_for(play.county.mch, 302)  # the other unit's is still to be signed
    assert "sign_notice" not in waiting(play)


def test_reports_and_reviews_are_never_left_out(play: Play) -> None:
    play.first_48h()
    play.verify(60)
    play.convene(100, Level.COUNTY, meeting=220)
    assert control.skippable(rows(play), case_of(play)) == []
    expert = rows(play).scalars(inbox(by(play, "lixh"))).one()
    with pytest.raises(control.NotPossible):
        control.ask_skip(rows(play), expert, DISSOLVED, by=by(play, "fangcf"), now=play.at(110))
    marks = engine_control.marks(expert.process.definition)
    assert {step for step, told in marks.items() if told.get("skip")} == {
        "UT_member_sign",
        "UT_sign_notice",
    }
    assert not [step for step, told in marks.items() if told.get("skip") and told.get("stopsClock")]


# Pages


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


def test_in_the_browser(client_for: ClientFor, session: Session, cast: Cast) -> None:
    case = cast.case(RECTIFYING)
    clerk, leader = client_for(cast.seat("guqf")), client_for(cast.seat("dongdz"))
    base = f"/cases/{case.id}"
    page = leader.get(f"{base}/control").text
    assert "暂停办理" in page
    assert leader.post(f"{base}/suspend", data={"reason": "短"}).status_code == 422
    assert leader.post(f"{base}/suspend", data={"reason": WHY}).status_code == 303
    assert "暂停办理。" in clerk.get(base).text
    assert leader.post(f"{base}/suspend", data={"reason": WHY}).status_code == 409
    step = session.scalars(
        select(Task)
        .where(Task.case_id == case.id, Task.bpmn_id == "UT_sign_notice")
        .where(Task.state == TaskState.OPEN)
    ).one()
    desk = cast.seat("gaomz")
    assert "已暂停办理，恢复以后才能提交" in client_for(desk).get(f"/tasks/{step.id}").text
    assert leader.post(f"{base}/resume").status_code == 303
    skip = f"{base}/steps/{step.id}/skip"
    assert "略过「" in clerk.get(f"{base}/control").text
    assert "现在没有可以做的" in client_for(desk).get(f"{base}/control").text
    assert clerk.post(skip, data={"reason": "短"}).status_code == 422
    assert clerk.post(skip, data={"reason": DISSOLVED}).status_code == 303
    assert clerk.post(skip, data={"reason": DISSOLVED}).status_code == 409
    assert DISSOLVED in leader.get(f"{base}/control").text
    assert clerk.post(f"{skip}/decision", data={"decision": "confirm"}).status_code == 404
    assert leader.post(f"{skip}/decision", data={"decision": "confirm"}).status_code == 303
    session.expire_all()
    assert session.get_one(Task, step.id).state is TaskState.SKIPPED
    told = clerk.get(base).text
    assert "同意略过「" in told
    assert "已略过" in client_for(desk).get(f"/tasks/{step.id}").text
    assert clerk.post(f"{base}/rewind", data={"way": "", "reason": WHY}).status_code == 422
    for who in ("subl", "jiasj", "fangcf"):
        assert client_for(cast.seat(who)).get(f"{base}/control").status_code == 404
