"""What people say about a case or one of its steps, beside the forms: no answer, no opinion.

Who reads it is chosen with it, of what the reader's rules allow; reviewers say nothing to anybody
before the opinions are opened. A comment is added and may be taken back; it is never changed.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from models import Appointment, Audience, Case, Comment, Task
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName, record
from workflows.happenings import audiences
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
) -> Comment:
    """Say something. The holder of the step is told of it, if they may read it.

    Raises Forbidden, InvalidAnswers ("text").
    """
    require(by, "comment:write")
    if (audience, level) not in audiences(Reader(session, case, by)):
        raise Forbidden(case.id)
    if task is not None and (task.case_id != case.id or task.user_id is not None):
        raise Forbidden(task.id)
    text = text.strip()
    if not 1 <= len(text) <= LONGEST:
        raise InvalidAnswers({"text": [f"写 1 至 {LONGEST} 字"]})
    comment = Comment(
        case=case,
        task=task,
        audience=audience,
        level=level or None,
        text=text,
        author_id=by.user_id,
        appointment=by,
        at=now,
    )
    session.add(comment)
    session.flush()
    _record(session, EventName.COMMENT_ADDED, comment, by, now)
    holder = task.holder_id if task is not None else None
    ours = task is not None and task.organisation_id == by.organisation_id
    if (
        holder not in (None, by.user_id)
        and holder is not None
        and (ours or audience is Audience.CASE)
    ):
        tell(session, EventName.COMMENT_ADDED, holder, case=case, now=now, comment=comment.id)
    return comment


def withdraw(session: Session, comment: Comment, *, by: Appointment, now: datetime) -> None:
    """Take one's own words back: nobody reads them any more, the row stays. Raises Forbidden."""
    if comment.author_id != by.user_id:
        raise Forbidden(comment.id)
    if comment.withdrawn_at is not None:
        return
    comment.withdrawn_at = now
    _record(session, EventName.COMMENT_WITHDRAWN, comment, by, now)


def _record(
    session: Session, name: EventName, comment: Comment, by: Appointment, now: datetime
) -> None:
    """That something was said and to whom; not what."""
    record(
        session,
        name,
        case=comment.case,
        by=by,
        now=now,
        comment=comment.id,
        audience=comment.audience.value,
        level=comment.level or "",
    )
