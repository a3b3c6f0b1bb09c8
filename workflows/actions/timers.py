"""Waking processes: what the worker does, one process a transaction."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, undefer

from models import Incident, Process, ProcessState, Timer
from workflows import engine
from workflows.events import EventName, record
from workflows.services import CaseHost


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

    The caller commits.
    """
    process = session.scalars(
        select(Process)
        .where(Process.id == process_id, Process.status == ProcessState.RUNNING)
        .options(undefer(Process.state), joinedload(Process.case, innerjoin=True))
        .with_for_update(skip_locked=True, of=Process)
    ).one_or_none()
    if process is None or not any(timer.due_at < now for timer in process.timers):
        return False
    due = [timer.bpmn_id for timer in process.timers if timer.due_at < now]
    engine.fire(session, process, CaseHost(session, process.case, now), now=now)
    record(session, EventName.TIMER_FIRED, case=process.case, now=now, timers=due)
    return True


def quarantine(session: Session, process_id: int, cause: str, now: datetime) -> None:
    """Let a process whose step failed stand still until somebody retries it.

    For a transaction of its own, after the failed one was rolled back. The caller commits.
    """
    process = session.get_one(Process, process_id, with_for_update=True)
    if process.status == ProcessState.RUNNING:
        process.status = ProcessState.INCIDENT
        session.add(Incident(process=process, at=now, cause=cause))
