"""What fails is tried again, then waits for an administrator; nobody else waits for it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event as Signal
from typing import Any

import pytest
import time_machine
import zstandard
from sqlalchemy import Engine, event, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, undefer
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.datastructures import MultiDict

from models import (
    Appointment,
    Case,
    Clock,
    Document,
    Event,
    Incident,
    IncidentKind,
    Process,
    ProcessState,
    Task,
    TaskState,
    Timer,
)
from tests.benchmarks import timers as benchmark
from tests.cases import report, step
from tests.conftest import DATABASES
from tests.pages import Client
from tests.people import World
from tests.typed import typed
from webapp.worker import SWEEPS, Sweeper
from workflows import clocks
from workflows.actions import cases as case_actions
from workflows.actions import incidents, timers
from workflows.actions.incidents import Alike
from workflows.demo import answers
from workflows.engine import store
from workflows.events import EventName
from workflows.forms import load
from workflows.permissions import Forbidden
from workflows.places import NoUnit
from workflows.services import CaseHost

ClientFor = Callable[[Appointment], Client]
DEATH = datetime(2026, 11, 20, 19, 40, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LATE = DEATH + 25 * HOUR  # the discussion's limit has passed, nothing else
NAME = "沈云禾"  # of a patient, in the message of an error


class Poison:
    """Escalating in one case raises, until it is mended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cases: set[int] = set()
        real = CaseHost.escalate

        def escalate(host: CaseHost, clock: str) -> bool:
            if host.case.id in self.cases:
                raise ValueError(f"{NAME} cannot be escalated")
            return real(host, clock)

        monkeypatch.setattr(CaseHost, "escalate", escalate)


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Poison:
    return Poison(monkeypatch)


class Worker:
    """Passes over what is due at a moment of the test's own."""

    def __init__(self, database: Engine) -> None:
        self.now = LATE
        self.sweeper = Sweeper(database, [], clock=lambda: self.now)

    def passes(self, now: datetime) -> None:
        self.now = now
        for sweep in SWEEPS:
            self.sweeper.pass_over(sweep, Signal())


@pytest.fixture
def worker(engine: Engine) -> Worker:
    return Worker(engine)


def reported(session: Session, world: World, number: int = 1) -> list[Case]:
    return [
        report(session, world.by["department"], DEATH + HOUR, name=f"甲{place}")
        for place in range(number)
    ]


def process_of(session: Session, case: Case) -> Process:
    session.rollback()
    return session.scalars(select(Process).where(Process.case_id == case.id)).one()


def told(session: Session, *names: EventName) -> list[Event]:
    session.rollback()
    return list(session.scalars(select(Event).where(Event.name.in_(names)).order_by(Event.id)))


def opened(session: Session) -> list[Incident]:
    session.rollback()
    return list(session.scalars(incidents.open_ones()))


def given_up(session: Session, worker: Worker) -> Incident:
    """Four passes, each when what failed is due again."""
    for minutes in (0, 2, 8, 39):
        worker.passes(LATE + minutes * MINUTE)
    [incident] = opened(session)
    return incident


# Timers


@pytest.mark.parametrize("database", DATABASES)
def test_one_poisoned_among_fifty_holds_up_none_of_the_others(
    session: Session, world: World, worker: Worker, poison: Poison
) -> None:
    cases = reported(session, world, 50)
    sick = cases[17]
    poison.cases = {sick.id}
    worker.passes(LATE)
    fired = [row.case_id for row in told(session, EventName.TIMER_FIRED)]
    assert sorted(fired) == sorted(case.id for case in cases if case is not sick)
    [failed] = session.scalars(select(Timer).where(Timer.attempts > 0))
    assert failed.process.case_id == sick.id
    assert (failed.attempts, failed.error, failed.due_at) == (1, "ValueError", LATE + MINUTE)


def _packed(told: Any) -> bytes:
    return zstandard.compress(told if isinstance(told, bytes) else json.dumps(told).encode())


# What may stand where the state of a process should
POISON = (
    b"?",
    b"",
    _packed(b"[" * 100_000),
    _packed(b'"' + bytes(32 << 20) + b'"'),  # a few KB that want to be very much
    _packed([99, "somebody else's", [], []]),  # of a later release
    _packed([store.FORMAT, "0" * 64, [], []]),  # of a diagram that nobody knows
    _packed({"format": store.FORMAT}),
)


@pytest.mark.parametrize("database", DATABASES)
def test_a_state_that_cannot_be_read_holds_up_nobody_either(
    session: Session, world: World, worker: Worker, engine: Engine, client_for: ClientFor
) -> None:
    *sick, well = reported(session, world, len(POISON) + 1)
    broken = [process_of(session, case).id for case in sick]
    session.rollback()
    with engine.begin() as connection:
        for key, state in zip(broken, POISON, strict=True):
            row = {"state": state, "id": key}
            connection.execute(text("UPDATE process SET state = :state WHERE id = :id"), row)
    worker.passes(LATE)
    assert [row.case_id for row in told(session, EventName.TIMER_FIRED)] == [well.id]
    browser = client_for(world.by["mch"])
    pages = ["/tasks", *(f"/cases/{case.id}" for case in sick)]
    assert {browser.get(page).status_code for page in pages} == {200}


def test_a_state_as_large_as_none_is_refused_before_there_is_no_memory_left() -> None:
    bomb = _packed(bytes(store.MOST_BYTES + 1))
    with pytest.raises(ValueError, match="larger"):
        store.decode(bomb, lambda _: (None, {}), None)


def test_a_due_row_of_which_the_state_knows_nothing_does_not_fire_for_ever(
    session: Session, world: World, worker: Worker
) -> None:
    [case] = reported(session, world)
    version = process_of(session, case).version
    session.execute(update(Timer).values(due_at=LATE - 2 * HOUR))
    session.commit()
    worker.passes(LATE - HOUR)
    assert [timer.attempts for timer in session.scalars(select(Timer))] == [1, 1]
    assert told(session, EventName.TIMER_FIRED) == []
    assert process_of(session, case).version == version


def test_copies_of_a_case_fall_due_like_the_case_itself(
    session: Session, world: World, worker: Worker, engine: Engine
) -> None:
    """What make bench-timers measures is the work of real cases."""
    [case] = reported(session, world)
    rows = benchmark._rows_of(session, case)
    session.rollback()
    size = benchmark.Size(waiting=0, due=3, workers=1, within=0)
    assert len(benchmark.copy(engine, rows, size, LATE - MINUTE)) == 3
    worker.passes(LATE)
    assert len(told(session, EventName.CLOCK_ESCALATED)) == 4


@pytest.mark.parametrize("database", DATABASES)
def test_after_1_5_and_30_minutes_it_is_an_incident_without_a_word_of_the_case(
    session: Session, world: World, worker: Worker, poison: Poison
) -> None:
    [case] = reported(session, world)
    poison.cases = {case.id}
    moments = []
    for _ in range(3):
        worker.passes(worker.now)
        session.rollback()
        [timer] = session.scalars(select(Timer).where(Timer.attempts > 0)).all()
        moments.append((timer.attempts, timer.due_at - worker.now))
        worker.passes(timer.due_at)  # not yet: due is before now
        worker.now = timer.due_at + timedelta(seconds=1)
        session.rollback()
    assert moments == [(1, MINUTE), (2, 5 * MINUTE), (3, 30 * MINUTE)]
    assert opened(session) == []
    session.rollback()
    worker.passes(worker.now)
    [incident] = opened(session)
    assert process_of(session, case).status is ProcessState.INCIDENT
    assert (incident.kind, incident.error, incident.attempts) == (
        IncidentKind.TIMER,
        "ValueError",
        4,
    )
    assert incident.step == "BT_discuss_overdue"
    assert incident.definition == "maternal_death"
    assert "workflows/services.py" in incident.trace or "workflows/engine" in incident.place
    kept = [str(getattr(incident, column.key)) for column in Incident.__table__.columns]
    kept += [str(row.data) for row in told(session, EventName.INCIDENT_OPENED)]
    assert not any(NAME in value or "escalated" in value for value in kept)
    assert told(session, EventName.TIMER_FIRED) == []
    [about] = told(session, EventName.INCIDENT_OPENED)
    assert (about.case_id, about.user_id) == (case.id, None)


@pytest.mark.parametrize("database", DATABASES)
def test_what_is_retried_after_mending_goes_on_and_who_asked_is_on_record(
    session: Session, world: World, worker: Worker, poison: Poison, engine: Engine
) -> None:
    [case] = reported(session, world)
    poison.cases = {case.id}
    incident = given_up(session, worker)
    worker.passes(LATE + HOUR)  # stands still
    assert told(session, EventName.TIMER_FIRED) == []
    poison.cases = set()
    by, now = world.by["system_admin"], LATE + 2 * HOUR
    with Session(engine) as own, own.begin():
        row = own.get_one(Incident, incident.id)
        assert incidents.retry(own, row, by=own.get_one(Appointment, by.id), now=now)
        assert not incidents.retry(own, row, by=None, now=now)
    worker.passes(now + timedelta(seconds=1))
    assert len(told(session, EventName.TIMER_FIRED)) == 1
    [asked] = told(session, EventName.INCIDENT_RETRIED)
    assert (asked.user_id, asked.at, asked.data["incident"]) == (by.user_id, now, incident.id)
    assert opened(session) == []
    assert process_of(session, case).status is ProcessState.RUNNING


def test_what_fails_again_after_a_retry_is_an_incident_at_once(
    session: Session, world: World, worker: Worker, poison: Poison, engine: Engine
) -> None:
    [case] = reported(session, world)
    poison.cases = {case.id}
    first = given_up(session, worker)
    with Session(engine) as own, own.begin():
        incidents.retry(own, own.get_one(Incident, first.id), by=None, now=LATE + HOUR)
    worker.passes(LATE + HOUR + MINUTE)
    [again] = opened(session)
    assert again.id != first.id


def test_retrying_all_takes_what_is_alike_and_nothing_else(
    session: Session, world: World, worker: Worker, poison: Poison, engine: Engine
) -> None:
    cases = reported(session, world, 3)
    poison.cases = {case.id for case in cases}
    for minutes in (0, 2, 8, 39):
        worker.passes(LATE + minutes * MINUTE)
    one, two, three = opened(session)
    session.rollback()
    with Session(engine) as own, own.begin():
        own.get_one(Incident, three.id).error = "KeyError"
    with Session(engine) as own, own.begin():
        by = own.get_one(Appointment, world.by["system_admin"].id)
        assert incidents.retry_all(own, Alike(error="ValueError"), by=by, now=LATE + HOUR) == 2
        assert incidents.retry_all(own, Alike(definition="review"), by=by, now=LATE + HOUR) == 0
    assert [row.id for row in opened(session)] == [three.id]
    retried = [row.data["incident"] for row in told(session, EventName.INCIDENT_RETRIED)]
    assert retried == [one.id, two.id]


def test_only_the_system_administrator_retries(
    session: Session, world: World, worker: Worker, poison: Poison
) -> None:
    [case] = reported(session, world)
    poison.cases = {case.id}
    incident = given_up(session, worker)
    for role in ("commission", "security_admin", "audit_admin", "quality_office"):
        with pytest.raises(Forbidden):
            incidents.retry(session, incident, by=world.by[role], now=LATE)


# Only what is due


def test_the_look_for_due_timers_goes_by_index(session: Session, world: World) -> None:
    statements: list[tuple[str, object]] = []
    connection = session.connection()

    def note(_c: object, _k: object, statement: str, values: object, *_more: object) -> None:
        statements.append((statement, values))

    for look in (timers.due_processes, clocks.due_clocks):
        event.listen(connection, "before_cursor_execute", note)
        look(session, LATE, 200)
        event.remove(connection, "before_cursor_execute", note)
    assert len(statements) == 2
    for statement, values in statements:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
        told = [row[3] for row in plan]
        assert any("INDEX ix_timer_due_at" in s or "INDEX ix_clock_next" in s for s in told), told
        assert not any(line.startswith("SCAN") for line in told), told


@pytest.mark.parametrize("database", DATABASES)
def test_nothing_that_is_not_due_is_loaded(
    session: Session, world: World, worker: Worker, poison: Poison
) -> None:
    early = reported(session, world, 2)
    for number in range(5):
        report(session, world.by["department"], DEATH + 20 * HOUR, name=f"乙{number}")
    loaded: list[int] = []

    def note(process: Process, _context: object) -> None:
        loaded.append(process.id)

    expected = sorted(process_of(session, case).id for case in early)
    session.rollback()
    event.listen(Process, "load", note)
    worker.passes(LATE)
    event.remove(Process, "load", note)
    assert sorted(set(loaded)) == expected


# Fencing


@pytest.mark.parametrize("database", DATABASES)
def test_a_thawed_workers_step_is_refused(session: Session, world: World, engine: Engine) -> None:
    """It read the process, lost its lock while it was frozen, and goes on where it stood."""
    from workflows import engine as runtime

    [case] = reported(session, world)
    key = process_of(session, case).id
    session.rollback()
    frozen = Session(engine, expire_on_commit=False)
    stale = frozen.scalars(
        select(Process).where(Process.id == key).options(undefer(Process.state))
    ).one()
    assert stale.timers
    assert stale.case.rules
    assert stale.definition.name
    frozen.commit()
    with Session(engine) as other, other.begin():
        assert timers.fire(other, key, LATE)
    with pytest.raises((StaleDataError, OperationalError)), frozen.begin():
        runtime.fire(frozen, stale, CaseHost(frozen, stale.case, LATE), now=LATE)
    frozen.close()
    assert len(told(session, EventName.TIMER_FIRED)) == 1
    assert len(told(session, EventName.CLOCK_ESCALATED)) == 1


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgres"])
def test_a_worker_whose_connection_the_server_ended_changes_nothing(
    session: Session, world: World, engine: Engine
) -> None:
    [case] = reported(session, world)
    key = process_of(session, case).id
    session.rollback()
    frozen = Session(engine)
    assert timers.fire(frozen, key, LATE)  # not committed: here it freezes
    backend = frozen.scalar(text("SELECT pg_backend_pid()"))
    with Session(engine) as other, other.begin():
        assert not timers.fire(other, key, LATE)  # somebody has it
    with Session(engine) as other, other.begin():
        other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": backend})
    with Session(engine) as other, other.begin():
        assert timers.fire(other, key, LATE)
    with pytest.raises(OperationalError):
        frozen.commit()
    frozen.close()
    assert len(told(session, EventName.TIMER_FIRED)) == 1


# Reminders


def test_a_reminder_that_fails_is_tried_again_and_then_once_a_day(
    session: Session, world: World, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    sick, well = reported(session, world, 2)
    real = clocks.tell_desk

    def tell(session: Session, name: EventName, *args: object, **data: object) -> None:
        if data["case"].id == sick.id:  # type: ignore[attr-defined]
            raise KeyError(NAME)
        real(session, name, *args, **data)  # type: ignore[arg-type]

    monkeypatch.setattr(clocks, "tell_desk", tell)
    first = DEATH + 12 * HOUR
    worker.passes(first)
    assert [row.case_id for row in told(session, EventName.CLOCK_REMINDED)] == [well.id]
    for minutes in (1, 6, 36):
        assert opened(session) == []
        session.rollback()
        worker.passes(first + minutes * MINUTE)
    [incident] = opened(session)
    assert (incident.kind, incident.error) == (IncidentKind.REMINDER, "KeyError")
    clock = session.get_one(Clock, incident.clock_id)
    assert clock.next_reminder_at == first + 36 * MINUTE + timedelta(days=1)
    monkeypatch.setattr(clocks, "tell_desk", real)
    session.rollback()
    with Session(worker.sweeper.engine) as own, own.begin():
        incidents.retry(own, own.get_one(Incident, incident.id), by=None, now=first + HOUR)
    worker.passes(first + HOUR)
    about = [row.case_id for row in told(session, EventName.CLOCK_REMINDED)]
    assert about == [well.id, sick.id]
    assert session.get_one(Clock, incident.clock_id).reminder_failures == 0


# A step that somebody hands in


def receipt(world: World, now: datetime) -> MultiDict[str, str]:
    mch = world.by["mch"]
    said = answers.receipt(
        now - HOUR,
        organisation=mch.organisation_id,
        commission=world.units["commission"].id,
        upper_mch=world.units["city_mch"].id,
        sign={"user": mch.user_id, "name": mch.user.name, "at": ""},
    )
    data = MultiDict(typed(load.load("receipt.v1"), said))
    data["key"] = "once"
    return data


@pytest.mark.parametrize("database", DATABASES)
def test_a_step_that_raises_leaves_an_incident_a_clear_page_and_nothing_half(
    client_for: ClientFor, session: Session, world: World, poison: Poison
) -> None:
    """The limit has passed, no worker ran: handing in fires the poisoned alarm first."""
    with time_machine.travel(LATE, tick=False):
        [case] = reported(session, world)
        poison.cases = {case.id}
        task = step(session, case, "UT_receive")
        browser, path = client_for(world.by["mch"]), f"/tasks/{task.id}"
        before = session.scalars(select(Document.id)).all()
        session.rollback()
        for _ in range(2):
            reply = browser.post(path, data=receipt(world, LATE))
            assert reply.status_code == 500
            assert "数据没有改变" in reply.text
            assert NAME not in reply.text
        [incident] = opened(session)
        assert f"异常编号 {incident.id}" in reply.text
        assert (incident.kind, incident.step, incident.attempts) == (
            IncidentKind.STEP,
            "UT_receive",
            2,
        )
        assert session.scalars(select(Document.id)).all() == before
        assert session.get_one(Task, task.id).state is TaskState.OPEN
        assert len(told(session, EventName.TASK_COMPLETED)) == 1  # the report's own
        assert process_of(session, case).status is ProcessState.RUNNING
        poison.cases = set()
        session.rollback()
        assert browser.post(path, data=receipt(world, LATE)).status_code == 303
        assert opened(session) == []
        [solved] = told(session, EventName.INCIDENT_SOLVED)
        assert solved.user_id == world.by["mch"].user_id


def test_handing_in_after_mending_frees_a_process_that_stands_still(
    client_for: ClientFor, session: Session, world: World, worker: Worker, poison: Poison
) -> None:
    with time_machine.travel(LATE, tick=False) as clock:
        [case] = reported(session, world)
        poison.cases = {case.id}
        given_up(session, worker)
        poison.cases = set()
        clock.move_to(LATE + HOUR)
        task = step(session, case, "UT_receive")
        session.rollback()
        browser = client_for(world.by["mch"])
        reply = browser.post(f"/tasks/{task.id}", data=receipt(world, LATE + HOUR))
        assert reply.status_code == 303
    assert process_of(session, case).status is ProcessState.RUNNING
    assert opened(session) == []
    assert len(told(session, EventName.CLOCK_ESCALATED)) == 1


def test_a_gap_in_the_setup_is_an_incident_with_its_own_page(
    client_for: ClientFor, session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*_args: object, **_named: object) -> int:
        raise NoUnit("990121 has no mch")

    with time_machine.travel(LATE, tick=False):
        [case] = reported(session, world)
        task = step(session, case, "UT_receive")
        session.rollback()
        monkeypatch.setattr(CaseHost, "escalate", nobody)
        reply = client_for(world.by["mch"]).post(f"/tasks/{task.id}", data=receipt(world, LATE))
    assert reply.status_code == 409
    assert "尚未配置完整" in reply.text
    assert [row.error for row in opened(session)] == ["NoUnit"]


def test_a_step_is_seen_to_rather_than_retried(
    session: Session, world: World, engine: Engine
) -> None:
    from workflows.engine import StepFailed

    with Session(engine) as own, own.begin():
        kept = incidents.keep_failed_step(own, StepFailed("review", None, "UT_plan"), now=LATE)
        with pytest.raises(incidents.NothingToRetry):
            incidents.retry(own, kept, by=None, now=LATE)
        assert incidents.retry_all(own, Alike(), by=None, now=LATE) == 0
        assert incidents.dismiss(own, kept, by=None, now=LATE)
        assert not incidents.dismiss(own, kept, by=None, now=LATE)
    assert len(told(session, EventName.INCIDENT_DISMISSED)) == 1


def test_voiding_a_case_ends_what_stands_still_too(
    session: Session, world: World, worker: Worker, poison: Poison, engine: Engine
) -> None:
    [case] = reported(session, world)
    poison.cases = {case.id}
    given_up(session, worker)
    session.rollback()
    with Session(engine) as own, own.begin():
        mine = own.get_one(Case, case.id)
        asks, decides = (
            own.get_one(Appointment, world.by[name].id) for name in ("quality_office", "mch")
        )
        case_actions.request_void(
            own, mine, "同一病例重复登记，以先登记的为准", by=asks, now=LATE + HOUR
        )
        case_actions.decide_void(own, mine, True, by=decides, now=LATE + 2 * HOUR)
    assert process_of(session, case).status is ProcessState.CANCELLED
    assert opened(session) == []


# Clocks that jump


@pytest.mark.parametrize("database", DATABASES)
def test_a_timer_that_fired_does_not_fire_again_when_the_clock_jumps(
    session: Session, world: World, worker: Worker
) -> None:
    reported(session, world)
    for jump in (timedelta(), -2 * DAY, 22 * HOUR, -HOUR, 90 * MINUTE):
        worker.passes(LATE + jump)
    assert len(told(session, EventName.TIMER_FIRED)) == 1
    assert len(told(session, EventName.CLOCK_ESCALATED)) == 1
