"""How urgent a step is to its desk, and when to look at it again. The law's limits know neither."""

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from models import Appointment, Priority, Task
from workflows.actions import claims
from workflows.actions.accounts import today
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName, record
from workflows.permissions import Forbidden, is_addressed

FURTHEST = 366  # days


def rank(
    session: Session,
    task: Task,
    priority: Priority | None,
    follow_up_on: date | None,
    *,
    by: Appointment,
    now: datetime,
) -> None:
    """By the people of the desk and whoever leads it. None: the usual; no day.

    Raises Forbidden, TaskClosed, InvalidAnswers ("follow_up_on").
    """
    shared = task.user_id is None and is_addressed(by, task)
    if not shared and not claims.leads(session, task, by, now):
        raise Forbidden(task.id)
    claims.lock(session, task)
    before = (task.priority, task.follow_up_on)
    if before == (priority, follow_up_on):
        return
    if follow_up_on not in (None, before[1]) and not _is_near(follow_up_on, now):
        raise InvalidAnswers({"follow_up_on": [f"从今天起 {FURTHEST} 天之内选一天"]})
    task.priority, task.follow_up_on = priority, follow_up_on
    record(
        session,
        EventName.TASK_RANKED,
        case=task.case,
        by=by,
        now=now,
        task=task.id,
        title=task.title,
        old=_plain(*before),
        new=_plain(priority, follow_up_on),
    )


def _is_near(day: date | None, now: datetime) -> bool:
    return day is None or today(now) <= day <= today(now) + timedelta(days=FURTHEST)


def _plain(priority: Priority | None, day: date | None) -> list[str]:
    return [priority.value if priority else "", day.isoformat() if day else ""]
