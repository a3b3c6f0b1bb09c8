"""What nobody needs any more, once a day: uploads that were never handed in.

Never anything that is referenced: what a case, a document or somebody's draft names stays, and
events and documents stay for good. Finished jobs are forgotten by workflows.jobs.
"""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import String, cast, delete, exists, select
from sqlalchemy.orm import Session

from models import Attachment, Draft, Event
from workflows import jobs
from workflows.events import EventName, record

JOB = "housekeeping"
_ZONE = ZoneInfo("Asia/Shanghai")


def due_days(session: Session, now: datetime, limit: int = 1) -> list[int]:
    """Today in China as a number, if the house has not been kept today. An indexed look."""
    today = now.astimezone(_ZONE).date()
    begin = datetime.combine(today, time(), tzinfo=_ZONE)
    kept = select(Event.id).where(
        Event.name == EventName.HOUSEKEEPING_DONE.value, Event.at >= begin
    )
    return [] if session.scalars(kept.limit(1)).first() else [today.toordinal()]


def ask(session: Session, day: int, now: datetime) -> bool:
    """Have it done by a worker; asked again, it is the same. The caller commits."""
    jobs.enqueue(session, JOB, date.fromordinal(day).isoformat())
    return True


def remove_unused(session: Session, before: datetime, limit: int = 500) -> list[str]:
    """Take rows of uploads out that nothing names; their tokens. The caller commits, then erases
    the bytes: a row never names bytes that are not there."""
    unused = (
        Attachment.case_id.is_(None),
        Attachment.form.is_(None),  # else handed in with the form of a duty
        Attachment.uploaded_at < before,
        ~exists().where(
            Draft.user_id == Attachment.uploaded_by_id,
            cast(Draft.answers, String).contains(Attachment.token, autoescape=False),
        ),
    )
    ids = session.scalars(select(Attachment.id).where(*unused).order_by(Attachment.id).limit(limit))
    gone = delete(Attachment).where(Attachment.id.in_(ids.all()), *unused)
    return list(session.scalars(gone.returning(Attachment.token)))


def finish(session: Session, *, uploads: int, forgotten: int, now: datetime) -> None:
    """Leave on record what was cleaned."""
    record(session, EventName.HOUSEKEEPING_DONE, now=now, uploads=uploads, forgotten=forgotten)
