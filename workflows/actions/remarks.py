"""What people say about a case or one of its steps, beside the forms: no answer, no opinion.

Who reads it is chosen with it, of what the reader's rules allow; reviewers say nothing to anybody
before the opinions are opened. A remark is added and may be taken back; it is never changed.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from models import Appointment, Audience, Case, Remark, Task
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName, record
from workflows.notifications import tell
from workflows.permissions import Forbidden, require
from workflows.readers import Reader

LONGEST = 1000  # characters


def add(
    session: Session,
    case: Case,
    text: str,
    audience: Audience,
    level: str,
    *,
    task: Task | None = None,
    by: Appointment,
    now: datetime,
) -> Remark:
    """Say something. The holder of the step is told of it, if they may read it.

    Raises Forbidden, InvalidAnswers ("text").
    """
    require(by, "remark:write")
    if (audience, level) not in Reader(session, case, by).audiences():
        raise Forbidden(case.id)
    if task is not None and (task.case_id != case.id or task.user_id is not None):
        raise Forbidden(task.id)
    text = text.strip()
    if not 1 <= len(text) <= LONGEST:
        raise InvalidAnswers({"text": [f"写 1 至 {LONGEST} 字"]})
    remark = Remark(
        case=case,
        task=task,
        audience=audience,
        level=level or None,
        text=text,
        author_id=by.user_id,
        appointment=by,
        at=now,
    )
    session.add(remark)
    session.flush()
    _record(session, EventName.REMARK_ADDED, remark, by, now)
    holder = task.holder_id if task is not None else None
    ours = task is not None and task.organisation_id == by.organisation_id
    if (
        holder not in (None, by.user_id)
        and holder is not None
        and (ours or audience is Audience.CASE)
    ):
        tell(session, EventName.REMARK_ADDED, holder, case=case, now=now, remark=remark.id)
    return remark


def withdraw(session: Session, remark: Remark, *, by: Appointment, now: datetime) -> None:
    """Take one's own words back: nobody reads them any more, the row stays. Raises Forbidden."""
    if remark.author_id != by.user_id:
        raise Forbidden(remark.id)
    if remark.withdrawn_at is not None:
        return
    remark.withdrawn_at = now
    _record(session, EventName.REMARK_WITHDRAWN, remark, by, now)


def _record(
    session: Session, name: EventName, remark: Remark, by: Appointment, now: datetime
) -> None:
    """That something was said and to whom; not what."""
    record(
        session,
        name,
        case=remark.case,
        by=by,
        now=now,
        remark=remark.id,
        audience=remark.audience.value,
        level=remark.level or "",
    )
