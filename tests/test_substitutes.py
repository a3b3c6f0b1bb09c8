"""Standing in for somebody absent: from one day to another, in both names, never for a reviewer."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Case,
    Document,
    Event,
    Level,
    Notification,
    Panel,
    Role,
    Task,
    TaskState,
    UserSession,
)
from tests.cases import report, step
from tests.conftest import DATABASES
from tests.pages import Client
from tests.people import PASSWORD, World
from tests.reviewing import begin, opened, submit
from tests.test_tasks import receipt
from workflows import recusal
from workflows.actions import accounts, claims, seats, substitutes, users
from workflows.actions.substitutes import Absence
from workflows.actions.tasks import InvalidAnswers, TaskHeld, complete_task
from workflows.demo import answers
from workflows.demo.people import seat_of
from workflows.desks import led_lanes
from workflows.events import EventName
from workflows.permissions import Forbidden, inbox, visible_cases

ClientFor = Callable[[Appointment], Client]
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
TODAY = date(2026, 11, 22)
WEEK = Absence(TODAY, TODAY + timedelta(days=6))


@pytest.fixture
def morning() -> Iterator[object]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def unit(session: Session, world: World) -> World:
    """More colleagues at two units."""
    world.appoint("mch2", "mch", Role.MCH)
    world.appoint("mch3", "mch", Role.MCH)
    session.commit()
    return world


def arrange(
    world: World, absent: str, who: str, absence: Absence = WEEK, by: str = ""
) -> Appointment:
    return substitutes.arrange(
        world.session,
        world.by[absent],
        world.user(who).id,
        absence,
        by=world.by[by or absent],
        now=NOW,
    )


# Who, for whom, until when


def test_a_substitute_has_the_steps_of_the_absent_and_no_others(
    session: Session, unit: World
) -> None:
    case = report(session, unit.by["quality_office"], NOW - timedelta(hours=2))
    held = arrange(unit, "head", "department")
    session.flush()
    assert session.scalars(inbox(held)).all() == []  # nothing for the head yet
    office = arrange(unit, "quality_office", "department", by="head")
    titles = {task.bpmn_id for task in session.scalars(inbox(office))}
    assert titles == {"UT_discuss", "UT_submit"}
    assert session.scalars(visible_cases(office)).all() == [case]
    assert session.scalars(inbox(unit.by["department"])).all() == []  # not in the own name
    assert "quality_office" in led_lanes(session, held, NOW)
    session.rollback()


def test_from_the_first_day_to_the_last(session: Session, unit: World) -> None:
    later = Absence(TODAY + timedelta(days=2), TODAY + timedelta(days=3))
    held = arrange(unit, "mch", "mch2", later)
    session.expire(unit.user("mch2"))
    for days, valid in ((0, False), (1, False), (2, True), (3, True), (4, False)):
        acts = users.valid_appointments(unit.user("mch2"), NOW + timedelta(days=days))
        assert (held in acts) is valid, days
    session.rollback()


@pytest.mark.parametrize(
    ("absence", "field"),
    [
        (Absence(TODAY - timedelta(days=1), TODAY), "first"),
        (Absence(TODAY, TODAY - timedelta(days=1)), "last"),
        (Absence(TODAY, TODAY + timedelta(days=400)), "last"),
    ],
)
def test_days_that_cannot_be(unit: World, absence: Absence, field: str) -> None:
    with pytest.raises(InvalidAnswers) as refused:
        arrange(unit, "mch", "mch2", absence)
    assert refused.value.errors.keys() == {field}


@pytest.mark.parametrize("who", ["mch", "head", "neighbour_mch", "system_admin"])
def test_only_a_colleague_of_the_unit_stands_in(unit: World, who: str) -> None:
    with pytest.raises(InvalidAnswers) as refused:
        arrange(unit, "mch", who)
    assert refused.value.errors.keys() == {"user"}


def test_nobody_stands_in_for_a_reviewer_or_a_secretary(session: Session, unit: World) -> None:
    for personal in ("expert1", "secretary"):
        with pytest.raises(Forbidden):
            arrange(unit, personal, "city_quality_office")
        unit.appoint("both", unit_of(unit, personal), Role.MCH, unit.user(personal))
        session.flush()
        with pytest.raises(InvalidAnswers) as refused:
            arrange(unit, personal, "city_quality_office", by="both")
        assert "不能代理" in str(refused.value.errors["absent"])
    session.rollback()


def unit_of(world: World, who: str) -> str:
    found = world.by[who].organisation
    return next(key for key, unit in world.units.items() if unit is found)


def test_the_absent_one_or_the_lead_arranges_it(session: Session, unit: World) -> None:
    with pytest.raises(Forbidden):
        arrange(unit, "quality_office", "department", by="department")
    with pytest.raises(Forbidden):
        arrange(unit, "quality_office", "department", by="mch")
    with pytest.raises(Forbidden):
        arrange(unit, "head", "department", by="quality_office")
    held = arrange(unit, "commission", "commission_leader", by="commission_leader")
    [event] = session.scalars(select(Event).where(Event.name == EventName.SUBSTITUTE_ARRANGED))
    assert event.data["user"] == held.user_id
    assert event.data["absent"] == unit.user("commission").id
    assert (event.data["first_day"], event.data["last_day"]) == ("2026-11-22", "2026-11-28")
    told = set(session.scalars(select(Notification.user_id)))
    assert told == {unit.user("commission").id}
    session.rollback()


def test_one_place_is_filled_once_at_a_time(session: Session, unit: World) -> None:
    arrange(unit, "mch", "mch2", Absence(TODAY, TODAY + timedelta(days=6), "review"))
    arrange(unit, "mch", "mch3", Absence(TODAY, TODAY + timedelta(days=6), "rectification"))
    for diagram in (None, "review"):
        with pytest.raises(InvalidAnswers):
            arrange(
                unit, "mch", "mch3", Absence(TODAY + timedelta(6), TODAY + timedelta(9), diagram)
            )
    arrange(unit, "mch", "mch3", Absence(TODAY + timedelta(7), TODAY + timedelta(9)))
    session.rollback()


def test_a_chain_is_followed_and_a_circle_refused(session: Session, unit: World) -> None:
    first = arrange(unit, "mch", "mch2")
    arrange(unit, "mch2", "mch3")
    for absent, who in (("mch2", "mch"), ("mch3", "mch"), ("mch3", "mch2")):
        with pytest.raises(InvalidAnswers) as refused:
            arrange(unit, absent, who)
        assert "user" in refused.value.errors
    onward = substitutes.arrange(session, first, unit.user("mch3").id, WEEK, by=first, now=NOW)
    assert onward.principal == unit.user("mch")
    with pytest.raises(InvalidAnswers):
        substitutes.arrange(session, onward, unit.user("mch").id, WEEK, by=onward, now=NOW)
    arrange(unit, "mch3", "mch", Absence(TODAY + timedelta(8), TODAY + timedelta(9)))  # later
    session.rollback()


def test_for_one_process_only(session: Session, unit: World) -> None:
    report(session, unit.by["quality_office"], NOW - timedelta(hours=2))
    reviews = arrange(unit, "mch", "mch2", Absence(TODAY, TODAY, "rectification"))
    assert session.scalars(inbox(reviews)).all() == []
    other = arrange(unit, "mch", "mch3", Absence(TODAY, TODAY, "maternal_death"))
    assert [task.bpmn_id for task in session.scalars(inbox(other))] == ["UT_receive"]
    session.rollback()


def test_it_ends_with_the_appointment_it_fills_and_with_its_own(
    session: Session, unit: World
) -> None:
    admin = unit.by["security_admin"]
    ends = accounts.yesterday(NOW)
    for leaves in ("mch", "mch2"):
        held = arrange(unit, "mch", "mch2")
        accounts.end_appointment(session, unit.by[leaves], ends, by=admin, now=NOW)
        session.refresh(held)
        assert held.valid_to == ends
        session.rollback()


def test_what_the_absent_had_in_hand_is_the_substitutes(session: Session, unit: World) -> None:
    case = report(session, unit.by["quality_office"], NOW - timedelta(hours=2))
    task = step(session, case, "UT_receive")
    claims.claim(session, task, by=unit.by["mch"], now=NOW)
    held = arrange(unit, "mch", "mch2")
    with pytest.raises(TaskHeld):
        complete_task(session, task, {}, key="1", by=unit.by["mch2"], now=NOW)
    claims.release(session, task, by=held, now=NOW)
    assert task.holder_id is None
    session.rollback()


# The record


@pytest.mark.parametrize("database", DATABASES)
def test_pages_documents_and_signatures_name_both(
    client_for: ClientFor, session: Session, unit: World, morning: object
) -> None:
    case = report(session, unit.by["quality_office"], NOW - timedelta(hours=2))
    task = step(session, case, "UT_receive")
    absent, other = unit.user("mch"), unit.user("mch2")
    asked = {
        "absent": str(unit.by["mch"].id),
        "user": str(other.id),
        "first": "2026-11-22",
        "last": "2026-11-30",
        "diagram": "",
    }
    browser = client_for(unit.by["mch"])
    assert browser.post("/substitutes", data={**asked, "last": ""}).status_code == 422
    assert browser.post("/substitutes", data={**asked, "user": ""}).status_code == 422
    assert browser.post("/substitutes", data=asked).status_code == 303
    assert f"{other.name} " in browser.get("/substitutes").text
    held = session.scalars(select(Appointment).where(Appointment.stands_for_id.is_not(None))).one()
    both = f"{other.name} 代 {absent.name}"
    own = client_for(unit.by["mch2"])
    assert f"代 {absent.name}" in own.get("/appointments").text
    assert own.post("/appointments", data={"appointment": str(held.id)}).status_code == 303
    assert both in own.get("/tasks").text
    typed = receipt(unit, str(uuid4()))
    typed["sign.password"] = PASSWORD
    reply = own.post(f"/tasks/{task.id}", data=typed)
    assert reply.status_code == 303, reply.text
    document = session.scalars(select(Document).where(Document.task_id == task.id)).one()
    assert document.answers["sign"]["name"] == both
    assert (document.author_id, document.appointment.principal) == (other.id, absent)
    for page in (reply.location, f"/cases/{case.id}", f"/cases/{case.id}/documents/{document.id}"):
        assert both in own.get(page).text, page
    done = session.scalars(
        select(Event).where(Event.name == EventName.TASK_COMPLETED, Event.appointment_id == held.id)
    ).one()
    assert done.user_id == other.id
    assert own.post(f"/substitutes/{held.id}/end").status_code == 303
    assert both in browser.get(f"/cases/{case.id}").text  # what was done stays in both names
    assert "没有代理" in browser.get("/substitutes").text
    assert browser.post(f"/substitutes/{held.id}/end").status_code == 404


def test_one_signs_in_in_ones_own_name(session: Session, unit: World) -> None:
    arrange(unit, "mch", "mch2")
    session.expire(unit.user("mch2"))
    row, _ = users.open_session(session, unit.user("mch2"), now=NOW, address=None)
    assert isinstance(row, UserSession)
    assert row.appointment == unit.by["mch2"]
    session.rollback()


def test_a_stranger_ends_nothing(client_for: ClientFor, session: Session, unit: World) -> None:
    today = accounts.today(datetime.now(UTC))
    held = substitutes.arrange(
        session,
        unit.by["mch"],
        unit.user("mch2").id,
        Absence(today, today),
        by=unit.by["mch"],
        now=datetime.now(UTC),
    )
    session.commit()
    for who in ("mch3", "commission", "neighbour_mch"):
        assert client_for(unit.by[who]).post(f"/substitutes/{held.id}/end").status_code == 404
    for who in ("expert1", "auditor", "system_admin"):
        assert client_for(unit.by[who]).get("/substitutes").status_code == 404


# Recusal, and who may not do both


@pytest.fixture
def rows(settled_sqlite: Path, tmp_path: Path) -> Iterator[Session]:
    with opened(settled_sqlite, tmp_path) as session:
        yield session


def stand_in(session: Session, absent: str, who: str, at: datetime) -> Appointment:
    day = accounts.today(at)
    held = seat_of(session, absent)
    return substitutes.arrange(
        session, held, seat_of(session, who).user_id, Absence(day, day), by=held, now=at
    )


def _task(session: Session, bpmn_id: str) -> Task:
    query = select(Task).where(Task.bpmn_id == bpmn_id, Task.state == TaskState.OPEN)
    return session.scalars(query).one()


def test_who_drafted_does_not_sign_in_the_leaders_place(rows: Session, tmp_path: Path) -> None:
    play = begin(rows, tmp_path)
    submit(play)
    play.convene(100, Level.COUNTY, meeting=220)
    play.opine(110, Level.COUNTY)
    play.conclude(150, Level.COUNTY)
    at, drafter = play.at(200), play.county.commission
    recipients = [play.unit(play.county.hospital), play.unit(play.county.unit_mch)]
    reply = (at + timedelta(days=30)).date()
    drafted = answers.notice(
        recipients=recipients, sign=play.stage.sign(drafter, at), reply_due=reply
    )
    play.stage.act(drafter, "UT_notice", drafted, at)
    held = stand_in(rows, play.county.leader, drafter, at)
    task = _task(rows, "UT_issue")
    issued = answers.notice_issue(sign=play.stage.sign(drafter, at))
    with pytest.raises(InvalidAnswers) as refused:
        complete_task(rows, task, issued, key="1", by=held, now=at)
    assert "须由另一人办理" in str(refused.value.errors)
    leader = seat_of(rows, play.county.leader)
    signed = answers.notice_issue(sign=play.stage.sign(play.county.leader, at))
    complete_task(rows, task, signed, key="2", by=leader, now=at)


def test_who_reviews_a_case_stands_in_for_nobody_there(rows: Session, tmp_path: Path) -> None:
    play = begin(rows, tmp_path)
    submit(play)
    play.convene(100, Level.COUNTY, meeting=220)
    at, expert = play.at(101), seat_of(rows, "lixh")
    absent = next(
        held
        for held in rows.scalars(select(Appointment))
        if held.organisation_id == expert.organisation_id
        and held.role in (Role.MCH, Role.QUALITY_OFFICE)
    )
    held = stand_in(rows, absent.user.username, "lixh", at)
    case = rows.scalars(select(Case)).one()
    held.organisation_id, held.role = case.organisation_id, Role.QUALITY_OFFICE  # the worst case
    rows.flush()
    assert rows.scalars(visible_cases(held)).all() == []
    assert rows.scalars(inbox(held)).all() == []


def test_who_stood_in_where_she_was_treated_stands_back(rows: Session, tmp_path: Path) -> None:
    play = begin(rows, tmp_path)
    submit(play)
    play.convene(100, Level.COUNTY, meeting=220)
    case, at = rows.scalars(select(Case)).one(), play.at(101)
    expert = seat_of(rows, "zhaocs")
    assert recusal.reasons(rows, case, expert.user_id) == []
    office = seat_of(rows, play.county.office)
    rows.add(
        Appointment(
            user_id=expert.user_id,
            organisation_id=office.organisation_id,
            role=office.role,
            valid_from=accounts.today(at),
            valid_to=accounts.today(at),
            stands_for=office,
        )
    )
    rows.flush()
    [why] = recusal.reasons(rows, case, expert.user_id)
    assert "代理" in why
    panel = rows.scalars(select(Panel)).one()
    commission = seat_of(rows, play.county.commission)
    what = {"is_guide": False, "override_reason": "", "by": commission, "now": at}
    with pytest.raises(InvalidAnswers):
        seats.add_seat(rows, panel, expert.user_id, **what)
