"""Who of a desk has a step in hand (谁在办): take it on, put it back, give it to somebody else.

A step that nobody has taken on is still everybody's at the desk; one that is taken on waits for its
holder, and for whoever leads the desk, who may give it to another. No limit stops for any of it.
Steps that are one person's own (opinions, chair, secretary) are not given on: see `seats`.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from models import Appointment, Process, Task, TaskState
from workflows.actions.tasks import InvalidAnswers, TaskClosed, TaskHeld
from workflows.desks import colleagues, led_lanes
from workflows.events import EventName, record
from workflows.notifications import tell
from workflows.permissions import Forbidden, is_addressed

LONGEST = 200  # characters of a reason


def claim(session: Session, task: Task, *, by: Appointment, now: datetime) -> None:
    """Take a step of one's desk on. Of two at once one wins; the other gets TaskHeld.

    Raises Forbidden, TaskClosed, TaskHeld.
    """
    require_shared(by, task)
    lock(session, task)
    if task.holder_id == by.user_id:
        return
    if task.holder_id is not None:
        raise TaskHeld(task.id)
    hold(task, by.user_id, now)
    _record(session, EventName.TASK_CLAIMED, task, by, now)


def release(session: Session, task: Task, *, by: Appointment, now: datetime) -> None:
    """Put a step back to the desk: by its holder. Out to a colleague, it is recalled instead.

    Raises Forbidden, TaskClosed, TaskHeld.
    """
    require_shared(by, task)
    lock(session, task)
    if task.holder_id is None:
        return
    if task.holder_id not in by.people or task.owner_id is not None:
        raise TaskHeld(task.id)
    hold(task, None, now)
    _record(session, EventName.TASK_RELEASED, task, by, now)


def reassign(
    session: Session,
    task: Task,
    user_id: int | None,
    reason: str,
    *,
    by: Appointment,
    now: datetime,
) -> None:
    """Whoever leads the desk gives the step to one of its people; None: back to the desk.

    Taking it from somebody needs a reason. What was given out to a colleague ends with it.
    Raises Forbidden, TaskClosed, InvalidAnswers ("user", "reason").
    """
    if not leads(session, task, by, now):
        raise Forbidden(task.id)
    lock(session, task)
    reason = reason.strip()
    if errors := _faults(session, task, user_id, reason, by, now):
        raise InvalidAnswers(errors)
    if task.holder_id == user_id and task.owner_id is None:
        return
    before = {task.holder_id, task.owner_id} - {None, by.user_id, user_id}
    told = {"old": task.holder_id, "new": user_id, "reason": reason}
    _record(session, EventName.TASK_REASSIGNED, task, by, now, **told)
    hold(task, user_id, now)
    for person in (before | {user_id}) - {None, by.user_id}:
        _tell(session, EventName.TASK_REASSIGNED, task, person, now)


def reassign_all(
    session: Session,
    tasks: Iterable[Task],
    user_id: int | None,
    reason: str,
    *,
    by: Appointment,
    now: datetime,
) -> tuple[int, int]:
    """The same for many at once, such as those of somebody who leaves: (given, passed over).

    Passed over is what has closed meanwhile or the person has no part in. Raises Forbidden for a
    desk one does not lead, InvalidAnswers ("reason").
    """
    if not reason.strip() or len(reason.strip()) > LONGEST:
        raise InvalidAnswers({"reason": [f"写明原因，{LONGEST} 字以内"]})
    given = passed = 0
    for task in sorted(tasks, key=lambda task: (task.process_id, task.id)):  # locks in one order
        try:
            reassign(session, task, user_id, reason, by=by, now=now)
        except (TaskClosed, InvalidAnswers):
            passed += 1
        else:
            given += 1
    return given, passed


def leads(session: Session, task: Task, by: Appointment, now: datetime) -> bool:
    """Whether somebody gives out the work of the desk that a step stands at."""
    ours = task.user_id is None and task.organisation_id == by.organisation_id
    return ours and task.lane in led_lanes(session, by, now)


def require_shared(by: Appointment, task: Task) -> None:
    """Forbidden unless the step is one of a desk that this person sits at."""
    if task.user_id is not None or not is_addressed(by, task):
        raise Forbidden(task.id)


def lock(session: Session, task: Task) -> None:
    """The process is the unit of concurrency; then see what others have done. TaskClosed."""
    session.get_one(Process, task.process_id, with_for_update=True, populate_existing=True)
    session.refresh(task)
    if task.state != TaskState.OPEN or task.is_void:
        raise TaskClosed(task.id)


def hold(task: Task, user_id: int | None, now: datetime) -> None:
    """Nothing else is said of who has it: what was given out has come back."""
    task.holder_id, task.held_since = user_id, now if user_id is not None else None
    task.owner_id = task.confirms = None


def may_hold(session: Session, task: Task, user_id: int, now: datetime) -> bool:
    """Whether somebody sits at the step's desk today."""
    query = colleagues(task, now).where(Appointment.user_id == user_id)
    return session.scalars(query.with_only_columns(Appointment.id).limit(1)).first() is not None


def people(session: Session, task: Task, now: datetime) -> list[Appointment]:
    """Those the step could be given to, one line each, by name."""
    found = {held.user_id: held for held in session.scalars(colleagues(task, now))}
    return sorted(found.values(), key=lambda held: (held.user.name, held.user_id))


def _faults(
    session: Session,
    task: Task,
    user_id: int | None,
    reason: str,
    by: Appointment,
    now: datetime,
) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    if user_id is not None and not may_hold(session, task, user_id, now):
        errors["user"] = ["从能办这一步的同事中选一位"]
    takes = task.holder_id not in (None, user_id, by.user_id)
    if (takes and not reason) or len(reason) > LONGEST:
        errors["reason"] = [f"这一步已有人在办，写明改派的原因，{LONGEST} 字以内"]
    return errors


def _tell(
    session: Session, name: EventName, task: Task, user_id: int | None, now: datetime
) -> None:
    if user_id is not None:
        tell(session, name, user_id, case=task.case, now=now, title=task.title, task=task.id)


def _record(
    session: Session, name: EventName, task: Task, by: Appointment, now: datetime, **data: object
) -> None:
    record(session, name, case=task.case, by=by, now=now, task=task.id, title=task.title, **data)
