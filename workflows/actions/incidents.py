"""Incidents (异常): what failed for good is retried, seen to, or settles by itself.

A retry is one more try at once; if it fails too, it is an incident again without further waiting.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, bindparam, or_, select
from sqlalchemy.orm import Session

from models import Appointment, Case, Incident, IncidentKind, Process, ProcessState, Task
from workflows import jobs
from workflows.engine import StepFailed
from workflows.events import EventName, record
from workflows.failures import RETRY_AFTER, Failure, open_incident
from workflows.permissions import require

VIEW = "system:view"


class NothingToRetry(Exception):
    """What somebody handed in was not kept: they hand it in again."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Which of the open incidents: by cause (error and place), by process, by kind; all if none."""

    error: str | None = None
    place: str | None = None
    definition: str | None = None
    kind: IncidentKind | None = None


def open_ones(alike: Alike | None = None) -> Select[Incident]:
    """Incidents that wait for somebody, oldest first."""
    query = select(Incident).where(Incident.solved_at.is_(None)).order_by(Incident.id)
    if alike is None:
        return query
    asked = {
        Incident.error: alike.error,
        Incident.place: alike.place,
        Incident.definition: alike.definition,
        Incident.kind: alike.kind,
    }
    return query.where(*(column == value for column, value in asked.items() if value is not None))


def keep_failed_step(session: Session, error: StepFailed, *, now: datetime) -> Incident:
    """A step that somebody took has raised and was rolled back; once more is the same incident.

    For a transaction of its own. The caller commits.
    """
    failure = Failure.of(error)
    process = session.get(Process, error.process_id) if error.process_id else None
    same = open_ones(Alike(failure.error, failure.place, error.definition, IncidentKind.STEP))
    of_this = Incident.process_id == process.id if process else Incident.process_id.is_(None)
    before = session.scalars(
        same.where(of_this, Incident.step == failure.step).limit(1)
    ).one_or_none()
    if before is not None:
        before.attempts, before.last_at = before.attempts + 1, now
        return before
    return open_incident(
        session,
        IncidentKind.STEP,
        failure,
        now=now,
        case=process.case if process else None,
        process=process,
        definition=error.definition,
    )


def retry(session: Session, incident: Incident, *, by: Appointment | None, now: datetime) -> bool:
    """Try once more; False if it is settled already. `by` is None for whoever runs the machine.

    Raises Forbidden, NothingToRetry.
    """
    _require(by)
    if incident.solved_at is not None:
        return False
    if incident.kind is IncidentKind.STEP:
        raise NothingToRetry(incident.id)
    _AGAIN[incident.kind](session, incident, now)
    _settle(session, incident, EventName.INCIDENT_RETRIED, by, now)
    return True


def retry_all(session: Session, alike: Alike, *, by: Appointment | None, now: datetime) -> int:
    """Try once more what is alike; how many. Each leaves its event. Raises Forbidden."""
    _require(by)
    query = open_ones(alike).where(Incident.kind != IncidentKind.STEP)
    return sum(retry(session, row, by=by, now=now) for row in session.scalars(query).all())


def dismiss(session: Session, incident: Incident, *, by: Appointment | None, now: datetime) -> bool:
    """Seen to in another way. Only what cannot be retried: the others would stand still for ever.

    False if it is settled already, or has something to retry. Raises Forbidden.
    """
    _require(by)
    if incident.solved_at is not None or incident.kind is not IncidentKind.STEP:
        return False
    _settle(session, incident, EventName.INCIDENT_DISMISSED, by, now)
    return True


IN_THE_WAY = (
    open_ones()
    .where(
        Incident.process_id == bindparam("process"),
        or_(Incident.kind == IncidentKind.TIMER, Incident.step == bindparam("step")),
    )
    .execution_options(autoflush=False)  # no step that succeeds makes one
)


def settle_step(session: Session, task: Task, *, by: Appointment, now: datetime) -> None:
    """The step could be handed in, and what was due before it has fired: what stood in the way of
    either is over."""
    process = task.process
    if process.status == ProcessState.INCIDENT:
        process.status = ProcessState.RUNNING
    for row in session.scalars(IN_THE_WAY, {"process": process.id, "step": task.bpmn_id}).all():
        _settle(session, row, EventName.INCIDENT_SOLVED, by, now)


def settle_process(
    session: Session, process: Process, *, by: Appointment | None, now: datetime
) -> None:
    """The process has been ended: there is nothing left to retry."""
    _settle_all(session, open_ones().where(Incident.process_id == process.id), by, now)


def _settle_all(
    session: Session, query: Select[Incident], by: Appointment | None, now: datetime
) -> None:
    for row in session.scalars(query).all():
        _settle(session, row, EventName.INCIDENT_SOLVED, by, now)


def _require(by: Appointment | None) -> None:
    if by is not None:
        require(by, VIEW)


def _settle(
    session: Session, row: Incident, name: EventName, by: Appointment | None, now: datetime
) -> None:
    row.solved_at = now
    record(session, name, case=_case(row), by=by, now=now, incident=row.id, fault=row.kind.value)


def _case(row: Incident) -> Case | None:
    if row.process is not None:
        return row.process.case
    return row.clock.case if row.clock else None


def _wake_process(session: Session, row: Incident, now: datetime) -> None:
    process = session.get_one(Process, row.process_id, with_for_update=True)
    if process.status != ProcessState.INCIDENT:
        return  # voided meanwhile, or on its way again
    process.status = ProcessState.RUNNING
    for timer in process.timers:
        if timer.attempts or timer.due_at < now:
            timer.attempts, timer.due_at = len(RETRY_AFTER), min(timer.due_at, now)


def _ask_again(session: Session, row: Incident, now: datetime) -> None:
    jobs.again(session, str(row.job), str(row.job_key), row.attempts + 1, *(row.job_args or ()))


def _remind_again(session: Session, row: Incident, now: datetime) -> None:
    clock = row.clock
    if clock is not None and clock.met_at is None:
        clock.next_reminder_at, clock.reminder_failures = now, len(RETRY_AFTER)


_AGAIN = {
    IncidentKind.TIMER: _wake_process,
    IncidentKind.JOB: _ask_again,
    IncidentKind.REMINDER: _remind_again,
}
