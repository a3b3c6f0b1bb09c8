"""How the machine is doing: what is due and not done, who works, what stands still, since when.

For whoever keeps it running: counts, technical numbers, names of steps and processes. No case, no
unit and no person is among them. Knows no page.
"""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, joinedload, undefer

from models import (
    Appointment,
    Clock,
    Definition,
    Incident,
    IncidentKind,
    Process,
    ProcessState,
    Task,
    TaskState,
    Timer,
    WorkerBeat,
)
from workflows import jobs
from workflows.engine import export
from workflows.events import EventName, record
from workflows.failures import Failure
from workflows.permissions import require

DEAD_AFTER = timedelta(seconds=30)
LATE_AFTER = timedelta(minutes=1)  # a working worker never leaves anything due for so long


@dataclass(frozen=True, slots=True)
class Queue:
    """One kind of work: due by now, due again after a failure, waiting, being done.

    `oldest`: since when the longest due has been due; None when nothing is.
    """

    kind: IncidentKind
    due: int
    retrying: int
    waiting: int
    running: int
    failed: int
    oldest: datetime | None

    def lag(self, now: datetime) -> float:
        """Seconds the longest due has waited; 0 when nothing is due."""
        return max(0.0, (now - self.oldest).total_seconds()) if self.oldest else 0.0

    def is_late(self, now: datetime) -> bool:
        return self.lag(now) > LATE_AFTER.total_seconds()


@dataclass(frozen=True, slots=True)
class Cause:
    """Open incidents that are alike."""

    kind: IncidentKind
    what: str  # name of the process, or of the job
    definition: str | None
    error: str
    place: str
    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """How many cases run, stand still or have ended on one version of a process."""

    definition: Definition
    running: int
    incident: int
    ended: int


def queues(session: Session, now: datetime) -> list[Queue]:
    """Timers, reminders, jobs."""
    failed = _failed(session)
    return [
        _timers(session, now, failed.get(IncidentKind.TIMER, 0)),
        _reminders(session, now, failed.get(IncidentKind.REMINDER, 0)),
        _jobs(session, failed.get(IncidentKind.JOB, 0)),
    ]


def _failed(session: Session) -> dict[IncidentKind, int]:
    query = (
        select(Incident.kind, func.count())
        .where(Incident.solved_at.is_(None))
        .group_by(Incident.kind)
    )
    return dict(session.execute(query).all())


def _timers(session: Session, now: datetime, failed: int) -> Queue:
    running = Process.status == ProcessState.RUNNING
    overdue = (
        select(func.count(Timer.id), func.min(Timer.due_at))
        .join(Process, Process.id == Timer.process_id)
        .where(Timer.due_at < now, running)
    )
    due, oldest = session.execute(overdue).one()
    waiting = session.scalar(select(func.count(Timer.id)).where(Timer.due_at >= now)) or 0
    again = session.scalar(
        select(func.count(Timer.id)).where(Timer.due_at >= now, Timer.attempts > 0)
    )
    return Queue(
        IncidentKind.TIMER, due, again or 0, waiting, running=0, failed=failed, oldest=oldest
    )


def _reminders(session: Session, now: datetime, failed: int) -> Queue:
    def count(*conditions: ColumnElement[bool]) -> tuple[int, datetime | None]:
        query = select(func.count(Clock.id), func.min(Clock.next_reminder_at))
        number, first = session.execute(query.where(Clock.met_at.is_(None), *conditions)).one()
        return number, first

    due, oldest = count(Clock.next_reminder_at <= now)
    waiting, _ = count(Clock.next_reminder_at > now)
    again, _ = count(Clock.next_reminder_at > now, Clock.reminder_failures > 0)
    return Queue(
        IncidentKind.REMINDER, due, again, waiting, running=0, failed=failed, oldest=oldest
    )


def _jobs(session: Session, failed: int) -> Queue:
    held = jobs.waiting(session) or jobs.Waiting(0, 0, 0)
    return Queue(IncidentKind.JOB, held.queued, 0, held.delayed, held.running, failed, held.oldest)


def workers(session: Session, now: datetime) -> list[tuple[WorkerBeat, bool]]:
    """Every worker that has not said goodbye, the last heard of first, and whether it lives."""
    beats = session.scalars(select(WorkerBeat).order_by(WorkerBeat.at.desc()))
    return [(beat, now - beat.at <= DEAD_AFTER) for beat in beats]


def causes(session: Session, most: int = 50) -> list[Cause]:
    """Open incidents by what they failed of, the most frequent first."""
    count = func.count()
    grouped = (
        *(Incident.kind, Incident.definition, Incident.job),
        *(Incident.error, Incident.place),
    )
    query = (
        select(*grouped, count, func.min(Incident.at), func.max(Incident.last_at))
        .where(Incident.solved_at.is_(None))
        .group_by(*grouped)
        .order_by(count.desc(), func.max(Incident.last_at).desc())
        .limit(most)
    )
    return [
        Cause(kind, definition or job or "", definition, error, place, number, first, last)
        for kind, definition, job, error, place, number, first, last in session.execute(query)
    ]


def usage(session: Session) -> list[Usage]:
    """Of every version that a process was ever started on."""
    counted = select(Process.definition_id, Process.status, func.count()).group_by(
        Process.definition_id, Process.status
    )
    counts = {(key, status): number for key, status, number in session.execute(counted)}
    rows = session.scalars(select(Definition).order_by(Definition.name, Definition.id.desc()))
    return [
        Usage(
            row,
            running=counts.get((row.id, ProcessState.RUNNING), 0),
            incident=counts.get((row.id, ProcessState.INCIDENT), 0),
            ended=counts.get((row.id, ProcessState.DONE), 0)
            + counts.get((row.id, ProcessState.CANCELLED), 0),
        )
        for row in rows
        if any(key == row.id for key, _status in counts)
    ]


def oldest_steps(session: Session, most: int = 10) -> list[Task]:
    """The steps that have been open for longest, with process and version."""
    query = (
        select(Task)
        .where(Task.state == TaskState.OPEN)
        .options(joinedload(Task.process).joinedload(Process.definition))
        .order_by(Task.opened_at, Task.id)
        .limit(most)
    )
    return list(session.scalars(query))


def export_state(
    session: Session, process_id: int, *, by: Appointment | None, now: datetime
) -> dict[str, Any]:
    """What the engine knows of one process, and its rows, without a word about whom it is of.

    `engine` is SpiffWorkflow's own serialization; a state that cannot be read is given as it is,
    with the kind of error. `by` is None for whoever runs the machine. That it was taken is on
    record. Raises Forbidden; LookupError when there is no such process.
    """
    if by is not None:
        require(by, "system:view")
    process = session.get(Process, process_id, options=[undefer(Process.state)])
    if process is None:
        raise LookupError(process_id)
    record(session, EventName.STATE_EXPORTED, case=process.case, by=by, now=now, process=process_id)
    return {
        "process": process.id,
        "status": process.status.value,
        "version": process.version,
        "started_at": process.started_at.isoformat(),
        "ended_at": process.ended_at.isoformat() if process.ended_at else None,
        "definition": {
            "name": process.definition.name,
            "number": process.definition.number,
            "digest": process.definition.digest,
        },
        "tasks": [_row(task, TASK) for task in process.tasks],
        "timers": [_row(timer, TIMER) for timer in process.timers],
        "incidents": [_row(row, INCIDENT) for row in _incidents(session, process)],
        "exported_at": now.isoformat(),
        **_engine(process),
    }


TASK = (
    *("id", "spiff_id", "bpmn_id", "diagram", "form", "effect", "lane", "level", "index"),
    *("state", "opened_at", "closed_at", "stops_clock"),
)
TIMER = ("id", "spiff_id", "bpmn_id", "due_at", "attempts", "error")
INCIDENT = (
    *("id", "kind", "step", "error", "place", "trace", "attempts"),
    *("at", "last_at", "solved_at"),
)


def _incidents(session: Session, process: Process) -> list[Incident]:
    query = select(Incident).where(Incident.process_id == process.id).order_by(Incident.id)
    return list(session.scalars(query))


def _row(row: Task | Timer | Incident, columns: tuple[str, ...]) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in columns}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def _engine(process: Process) -> dict[str, Any]:
    try:
        return {"spiffworkflow": export.VERSION, "engine": export.stock(process)}
    except Exception as error:  # whatever is wrong with it: that is what one wants to look at
        failure = Failure.of(error)
        return {
            "unreadable": failure.error,
            "place": failure.place,
            "state": base64.b64encode(process.state).decode(),
        }
