"""Waking processes: what the worker does. What fails is due again later, then stands still."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models import IncidentKind, Process, ProcessState, Timer
from workflows import engine
from workflows.engine import rows
from workflows.events import EventName, record
from workflows.failures import RETRY_AFTER, Failure, open_incident
from workflows.services import host_of


def due_processes(session: Session, now: datetime, limit: int = 50) -> list[int]:
    """Ids of running processes with a timer due before `now`, as the engine counts; longest first.
    An indexed look."""
    query = (
        select(Timer.process_id)
        .join(Process, Process.id == Timer.process_id)
        .where(Timer.due_at < now, Process.status == ProcessState.RUNNING)
        .order_by(Timer.due_at)
        .limit(limit)
    )
    return list(dict.fromkeys(session.scalars(query)))


def fire(session: Session, process_id: int, now: datetime) -> bool:
    """Fire what is due in one process; False if another worker has it or nothing is due any more.

    The caller commits. Raises engine.StepFailed.
    """
    process = session.scalars(
        select(Process)
        .where(Process.id == process_id, Process.status == ProcessState.RUNNING)
        .options(*rows.WHOLE, joinedload(Process.case), joinedload(Process.duty))
        .with_for_update(skip_locked=True, of=Process)
    ).one_or_none()
    if process is None or not any(timer.due_at < now for timer in process.timers):
        return False
    due = [timer.bpmn_id for timer in process.timers if timer.due_at < now or timer.attempts]
    engine.fire(session, process, host_of(session, process, now), now=now)
    record(session, EventName.TIMER_FIRED, case=process.case, now=now, timers=due)
    return True


def set_aside(session: Session, process_id: int, failure: Failure, now: datetime) -> None:
    """What is due in a process whose timer failed is due again later. When it has been tried often
    enough, the process stands still as an incident until somebody retries it.

    For a transaction of its own, after the failed one was rolled back. The caller commits.
    """
    process = session.get_one(Process, process_id, with_for_update=True)
    due = [timer for timer in process.timers if timer.due_at < now]
    if process.status != ProcessState.RUNNING or not due:
        return  # voided meanwhile, or another worker has done it
    attempts = 1 + max(timer.attempts for timer in due)
    for timer in due:
        timer.attempts, timer.error = attempts, failure.error
        if attempts <= len(RETRY_AFTER):
            timer.due_at = now + RETRY_AFTER[attempts - 1]
    if attempts > len(RETRY_AFTER):
        process.status = ProcessState.INCIDENT
        open_incident(
            session,
            IncidentKind.TIMER,
            failure,
            now=now,
            case=process.case,
            attempts=attempts,
            process=process,
            definition=process.definition.name,
        )
