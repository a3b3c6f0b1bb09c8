"""Asking a colleague to do a step and getting it back (委托): to look over, or handed in directly.

The owner stays the owner: who does it for whom is on the step, in its events and with the document.
With confirmation the colleague fills in and hands back, the owner hands in and signs. Only within a
desk; what is one person's own (opinions, signatures of the panel) is never given out.
"""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models import Appointment, Draft, Task
from workflows.actions import claims
from workflows.actions.tasks import InvalidAnswers, TaskHeld
from workflows.events import EventName, record
from workflows.notifications import tell

LONGEST = 200  # characters of what one asks for


def delegate(
    session: Session,
    task: Task,
    user_id: int | None,
    note: str,
    *,
    confirms: bool,
    by: Appointment,
    now: datetime,
) -> None:
    """Ask a colleague of the desk. `confirms`: it comes back to be looked over and handed in.

    What is typed so far goes with it. Raises Forbidden, TaskClosed, TaskHeld, InvalidAnswers.
    """
    claims.require_shared(by, task)
    claims.lock(session, task)
    if task.holder_id not in (None, *by.people) or task.owner_id is not None:
        raise TaskHeld(task.id)
    if user_id is None or user_id == by.user_id:
        raise InvalidAnswers({"delegate": ["选一位同事"]})
    if not claims.may_hold(session, task, user_id, now):
        raise InvalidAnswers({"delegate": ["从能办这一步的同事中选一位"]})
    if len(note.strip()) > LONGEST:
        raise InvalidAnswers({"note": [f"嘱咐写 {LONGEST} 字以内"]})
    claims.hold(task, user_id, now)
    task.owner_id, task.confirms = by.user_id, confirms
    _pass_on(session, task, by.user_id, user_id)
    told = {"new": user_id, "confirms": confirms, "note": note.strip()}
    _record(session, EventName.TASK_DELEGATED, task, by, now, **told)
    _tell(session, EventName.TASK_DELEGATED, task, user_id, now)


def hand_back(session: Session, task: Task, *, by: Appointment, now: datetime) -> None:
    """The colleague is done with it, or cannot do it; what is typed goes back to the owner.

    Raises Forbidden, TaskClosed, TaskHeld.
    """
    claims.require_shared(by, task)
    claims.lock(session, task)
    if task.owner_id is None or task.holder_id not in by.people:
        raise TaskHeld(task.id)
    owner = task.owner_id
    _pass_on(session, task, by.user_id, owner)
    claims.hold(task, owner, now)
    _record(session, EventName.TASK_HANDED_BACK, task, by, now, new=owner)
    _tell(session, EventName.TASK_HANDED_BACK, task, owner, now)


def recall(session: Session, task: Task, *, by: Appointment, now: datetime) -> None:
    """The owner takes it back before it is done, with what the colleague has typed.

    Raises Forbidden, TaskClosed, TaskHeld.
    """
    claims.require_shared(by, task)
    claims.lock(session, task)
    if task.owner_id not in by.people or task.holder_id is None:
        raise TaskHeld(task.id)
    colleague = task.holder_id
    _pass_on(session, task, colleague, by.user_id)
    claims.hold(task, by.user_id, now)
    _record(session, EventName.TASK_RECALLED, task, by, now, old=colleague)
    _tell(session, EventName.TASK_RECALLED, task, colleague, now)


def _pass_on(session: Session, task: Task, giver: int, taker: int) -> None:
    """The draft changes hands: what the taker had typed before gives way to what is newer."""
    place = f"task:{task.id}"
    draft = session.scalars(
        select(Draft).where(Draft.user_id == giver, Draft.place == place)
    ).one_or_none()
    if draft is not None:
        session.execute(delete(Draft).where(Draft.user_id == taker, Draft.place == place))
        draft.user_id = taker
        session.flush()


def _tell(session: Session, name: EventName, task: Task, user_id: int, now: datetime) -> None:
    tell(session, name, user_id, case=task.case, now=now, title=task.title, task=task.id)


def _record(
    session: Session, name: EventName, task: Task, by: Appointment, now: datetime, **data: object
) -> None:
    record(session, name, case=task.case, by=by, now=now, task=task.id, title=task.title, **data)
