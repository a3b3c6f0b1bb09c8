"""The law's limits: counted from the death, reminded of, met once, late for ever.

No page here: people act at moments of their own, the clock's arithmetic is looked at directly.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from models import Case, Clock, Event, Level, Notification, Process, ProcessState, User
from tests.cases import report
from tests.walk import stage_on
from workflows import clocks, engine
from workflows.actions import cases, timers
from workflows.demo.answers import NAME
from workflows.demo.cases import EIGHT
from workflows.demo.people import seat_of
from workflows.demo.play import QH, Play
from workflows.demo.stage import Stage
from workflows.events import EventName
from workflows.failures import RETRY_AFTER, Failure
from workflows.frozen import rules_of
from workflows.services import CaseHost

DEATH = datetime(2026, 11, 20, 19, 40, tzinfo=UTC)  # 03:40 of the 21st in China
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
DISCUSSION, SUBMISSION = "in_hospital_discussion", "case_submission"


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


PlayFrom = Callable[..., Play]


@pytest.fixture
def play_from(session: Session, tmp_path: Path) -> PlayFrom:
    """Begins to play a case of a death at some moment."""
    return lambda death=DEATH: Play(stage_on(session, tmp_path / "files"), QH, death, NAME, "002")


def clock_of(session: Session, case: Case | None, key: str, subject: str = "") -> Clock:
    assert case is not None
    found = clocks.find(case, key, subject)
    assert found is not None
    return found


def state(clock: Clock) -> dict[str, Any]:
    """Every column of a clock."""
    return {column.key: getattr(clock, column.key) for column in inspect(Clock).column_attrs}


# Where a limit ends.

MOMENTS = (  # of death, in China; 24 hours on; 48 hours on
    ("2026-11-21T03:40", "2026-11-22T03:40", "2026-11-23T03:40"),
    ("2026-12-30T23:59", "2026-12-31T23:59", "2027-01-01T23:59"),
    ("2027-02-27T00:00", "2027-02-28T00:00", "2027-03-01T00:00"),
    ("2028-02-28T08:00", "2028-02-29T08:00", "2028-03-01T08:00"),
    # over the nights on which Europe and North America put their clocks back and forward
    ("2026-10-24T20:00", "2026-10-25T20:00", "2026-10-26T20:00"),
    ("2026-11-01T10:00", "2026-11-02T10:00", "2026-11-03T10:00"),
    ("2027-03-14T12:00", "2027-03-15T12:00", "2027-03-16T12:00"),
)


@pytest.fixture
def move_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Puts this process into another time zone."""

    def move(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Shanghai"])
def test_hours_are_hours_wherever_the_server_stands(
    session: Session, move_server: Callable[[str], None], zone: str
) -> None:
    """Midnight, the end of a month or year, other countries' summer time: none changes a limit."""
    move_server(zone)
    by = seat_of(session, QH.reporter)
    for moment, discussed_by, submitted_by in MOMENTS:
        case = report(session, by, china(moment) + HOUR)
        session.expire_all()
        assert case.event_at == china(moment)
        assert clock_of(session, case, DISCUSSION).due_at == china(discussed_by)
        assert clock_of(session, case, SUBMISSION).due_at == china(submitted_by)


def china(written: str) -> datetime:
    return datetime.fromisoformat(f"{written}+08:00")


def test_a_ledger_item_is_due_when_its_last_day_in_china_ends(
    session: Session, play_from: PlayFrom
) -> None:
    play = play_from()
    reviewed(play)
    deadline = play.plan(300, 45)
    [clock] = session.scalars(select(Clock).where(Clock.rule_key == "clock.rectification"))
    assert clock.due_at == china(f"{deadline}T23:59")
    assert clock.seconds_late(china(f"{deadline}T23:59")) == 0
    assert clock.seconds_late(china(f"{deadline + timedelta(days=1)}T00:00")) == 60


def reviewed(play: Play) -> None:
    play.first_48h()
    play.verify(60)
    play.county_review(90)


# Met in time, or late for ever.


@pytest.mark.parametrize(
    ("after_due", "late"), [(-1, 0), (0, 0), (1, 1), (59, 59), (86_401, 86_401)]
)
def test_lateness_is_counted_to_the_second(
    session: Session, play_from: PlayFrom, after_due: int, late: int
) -> None:
    clock = clock_of(session, play_from().report(1), SUBMISSION)
    moment = DEATH + 48 * HOUR + after_due * SECOND
    assert clock.seconds_late(moment) == late
    clocks.meet(session, clock, now=moment)
    session.flush()
    session.expire_all()
    assert clock.seconds_late(moment + 1000 * DAY) == late
    [met] = session.scalars(select(Event).where(Event.name == EventName.CLOCK_MET)).all()[-1:]
    assert met.data["late_seconds"] == late


def test_met_late_stays_late_whatever_happens_afterwards(
    session: Session, play_from: PlayFrom
) -> None:
    """Met again, handed in again, returned, supplemented, reviewed: the first time counts (A05)."""
    play = play_from()
    case = play.report(1)
    play.receive(2)
    play.discuss(30)  # handed in an hour later
    play.explain(33)
    play.submit(50)
    before = {key: state(clock_of(session, case, key)) for key in (DISCUSSION, SUBMISSION)}
    play.verify(60, returned=True)
    play.submit(70, "UT_supplement")
    play.verify(80)
    play.convene(100, LEVEL, meeting=200)
    for key, was in before.items():
        clock = clock_of(session, case, key)
        clocks.meet(session, clock, now=play.at(300))
        session.flush()
        session.expire_all()
        assert state(clock) == was
        assert clock.seconds_late(play.at(300)) == {DISCUSSION: 7 * 3600, SUBMISSION: 2 * 3600}[key]


LEVEL = Level.COUNTY


# Reminders.


def reminders(session: Session, clock: Clock, until: datetime) -> list[timedelta]:
    """Since the start, when the clock's people are reminded if a worker looks every second."""
    sent = []
    while clock.next_reminder_at is not None and clock.next_reminder_at <= until:
        moment = clock.next_reminder_at
        assert clock.id not in clocks.due_clocks(session, moment - SECOND)
        assert clock.id in clocks.due_clocks(session, moment)
        assert clocks.remind(session, clock.id, moment)
        assert not clocks.remind(session, clock.id, moment)  # once, whoever asks again
        sent.append(moment - clock.started_at)
    return sent


def test_reminders_at_half_at_four_fifths_at_the_end_and_daily_after(
    session: Session, play_from: PlayFrom
) -> None:
    case = play_from().report(1)
    clock = clock_of(session, case, DISCUSSION)
    sent = reminders(session, clock, DEATH + 4 * DAY)
    assert sent == [12 * HOUR, 19.2 * HOUR, 24 * HOUR, 48 * HOUR, 72 * HOUR, 96 * HOUR]
    told = session.execute(
        select(User.username, Notification.data)
        .join(Notification, Notification.user_id == User.id)
        .where(Notification.name == EventName.CLOCK_REMINDED)
        .order_by(Notification.id)
    ).all()
    assert [(who, data["overdue"]) for who, data in told] == [
        ("zhougy", moment > 24 * HOUR) for moment in sent
    ]
    clocks.meet(session, clock, now=DEATH + 5 * DAY)
    assert reminders(session, clock, DEATH + 900 * DAY) == []
    assert (clock.next_reminder_at, clock.reminders_sent) == (None, len(sent))


def test_what_was_missed_while_no_worker_ran_is_said_once(
    session: Session, play_from: PlayFrom
) -> None:
    clock = clock_of(session, play_from().report(1), DISCUSSION)
    back = DEATH + 5 * DAY + 7 * HOUR
    assert clocks.remind(session, clock.id, back)
    assert clock.reminders_sent == 1
    assert clock.next_reminder_at == DEATH + 6 * DAY


def test_a_case_reported_late_is_not_reminded_of_what_has_passed(
    session: Session, play_from: PlayFrom
) -> None:
    """Reported 20 hours after the death: the next reminder of the discussion is its end."""
    case = play_from().report(20)
    assert clock_of(session, case, DISCUSSION).next_reminder_at == DEATH + 24 * HOUR
    assert clock_of(session, case, SUBMISSION).next_reminder_at == DEATH + 24 * HOUR


def test_nobody_is_reminded_of_a_voided_case(session: Session, play_from: PlayFrom) -> None:
    play = play_from()
    case = play.report(1)
    by, mch = seat_of(session, QH.office), seat_of(session, QH.mch)
    cases.request_void(session, case, "重复登记，同一例已由转出医院报告。", by=by, now=play.at(2))
    clock = clock_of(session, case, DISCUSSION)
    clocks.remind(session, clock.id, play.at(12))
    assert clock.reminders_sent == 1  # until somebody decides, limits run on
    cases.decide_void(session, case, True, by=mch, now=play.at(13))
    clocks.remind(session, clock.id, play.at(24))
    assert clock.reminders_sent == 1


# Limits without a number.


def test_a_limit_without_a_number_is_never_due(session: Session, play_from: PlayFrom) -> None:
    """快报 in Kaifeng, 说明, 核实, 评审, 反馈: shown as 本地口径待确认, never guessed."""
    play = play_from()
    reviewed(play)
    unnumbered = session.scalars(select(Clock).where(Clock.due_at.is_(None))).all()
    assert {clock.rule_key for clock in unnumbered} == {
        "clock.first_report",
        "clock.head_explains",
        "clock.verification",
        "clock.county_review",
        "clock.county_feedback",
        "clock.city_review",
    }
    forever = datetime(2199, 1, 1, tzinfo=UTC)
    due = set(clocks.due_clocks(session, forever, limit=1000))
    for clock in unnumbered:
        assert clock.next_reminder_at is None
        assert clock.id not in due
        assert clock.seconds_late(forever) == 0
        assert (clock.escalated_at, clock.reminders_sent) == (None, 0)
        rule = rules_of(clock.case).find(clock.rule_key)
        assert rule is not None
        assert rule.status == "undefined"
    waking = timers.due_processes(session, forever, limit=1000)
    assert [key for key in waking if session.get_one(Process, key).case_id] == []


# The engine.


def test_timers_fire_on_the_second_and_not_before(session: Session, play_from: PlayFrom) -> None:
    play = play_from()
    case = play.report(1)
    [process] = session.scalars(select(Process).where(Process.case_id == case.id))
    clock, due = clock_of(session, case, DISCUSSION), DEATH + 24 * HOUR
    for moment in (due - SECOND, due):  # at the very end of the limit nobody is late yet
        assert timers.due_processes(session, moment) == []
        assert not timers.fire(session, process.id, moment)
    assert clock.escalated_at is None
    assert timers.due_processes(session, due + SECOND) == [process.id]
    assert timers.fire(session, process.id, due + SECOND)
    assert not timers.fire(session, process.id, due + HOUR)
    assert clock.escalated_at == due + SECOND


def test_no_operation_of_the_engine_touches_a_clock(session: Session, play_from: PlayFrom) -> None:
    """Firing, standing still as an incident, being cancelled: rows of clocks stay as they are but
    for the one word that a limit was escalated."""
    play = play_from()
    case = play.report(1)
    [process] = session.scalars(select(Process).where(Process.case_id == case.id))
    rows = session.scalars(select(Clock)).all()
    before = [state(clock) for clock in rows]
    engine.fire(session, process, CaseHost(session, case, play.at(40)), now=play.at(40))
    session.flush()
    session.expire_all()
    escalated = clock_of(session, case, DISCUSSION)
    assert escalated.escalated_at == play.at(40)
    after = [state(clock) | {"escalated_at": None} for clock in rows]
    assert after == before
    before = [state(clock) for clock in rows]
    for timer in process.timers:
        timer.attempts = len(RETRY_AFTER)
    timers.set_aside(session, process.id, Failure("ValueError"), play.at(50))
    session.flush()
    assert process.status is ProcessState.INCIDENT
    process.status = ProcessState.RUNNING
    engine.cancel(process, now=play.at(51))
    session.flush()
    session.expire_all()
    assert [state(clock) for clock in rows] == before


def test_what_a_clock_says_of_the_past_never_changes(session: Session, tmp_path: Path) -> None:
    """Through the eight cases of the demonstration, looked at after every single step: limits,
    starts, meetings and escalations are written once."""
    seen: dict[int, dict[str, Any]] = {}
    forever = ("case_id", "rule_key", "subject", "title", "started_at")

    class Watched(Stage):
        def let_pass(self, until: datetime) -> None:
            super().let_pass(until)
            self.session.flush()
            for clock in self.session.scalars(select(Clock)):
                now, before = state(clock), seen.get(clock.id)
                if before is not None:
                    assert {key: now[key] for key in forever} == {
                        key: before[key] for key in forever
                    }
                    if clock.rule_key == "clock.rectification":  # an extension moves it on
                        assert now["due_at"] >= before["due_at"]
                    else:
                        assert now["due_at"] == before["due_at"]
                    for once in ("met_at", "escalated_at"):
                        assert before[once] in (None, now[once])
                    assert now["reminders_sent"] >= before["reminders_sent"]
                seen[clock.id] = now

    stage = stage_on(session, tmp_path / "files")
    now = DEATH + 200 * DAY
    for play in EIGHT:
        play(Watched(session, stage.units, stage.upload), now)
    assert len(seen) > 40
    assert sum(row["met_at"] is not None for row in seen.values()) > 20
    assert sum(row["escalated_at"] is not None for row in seen.values()) > 1
