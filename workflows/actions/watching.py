"""关注: being told of each step of a case, as far as one may see the step.

What a watcher may see is asked at the moment of the step, of the same rules as pages: a sealed
opinion tells nobody anything, and whose appointment has ended is told nothing more.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, contains_eager

from models import Appointment, Case, Document, User, Watcher
from workflows.events import EventName, record
from workflows.notifications import tell
from workflows.permissions import Forbidden, require, visible_cases
from workflows.readers import Reader

_ZONE = ZoneInfo("Asia/Shanghai")


def watch(session: Session, case: Case, *, by: Appointment, now: datetime) -> None:
    """Follow a case from now on. Twice is once. Raises Forbidden."""
    require(by, "case:watch")
    if not _sees(session, case, by):
        raise Forbidden(case.id)
    if watcher(session, case, by) is None:
        session.add(Watcher(case=case, appointment=by, since=now))
        record(session, EventName.CASE_WATCHED, case=case, by=by, now=now)


def unwatch(session: Session, case: Case, *, by: Appointment, now: datetime) -> None:
    """Not any more."""
    if (found := watcher(session, case, by)) is not None:
        session.delete(found)
        record(session, EventName.CASE_UNWATCHED, case=case, by=by, now=now)


def watcher(session: Session, case: Case, by: Appointment) -> Watcher | None:
    """Whether somebody follows a case under this appointment."""
    query = select(Watcher).where(Watcher.case_id == case.id, Watcher.appointment_id == by.id)
    return session.scalars(query).one_or_none()


_WATCHING = (
    select(Watcher)
    .join(Watcher.appointment)
    .join(Appointment.user)
    .where(
        Watcher.case_id == bindparam("case"), Appointment.user_id != bindparam("doer"), User.active
    )
    .options(contains_eager(Watcher.appointment))
    .execution_options(autoflush=False)  # no step makes somebody follow
)


def tell_watchers(
    session: Session, case: Case, title: str, document: Document, by: Appointment, now: datetime
) -> None:
    """Tell those who follow the case, may see it, and may read what was handed in; not the doer."""
    rows = session.scalars(_WATCHING, {"case": case.id, "doer": by.user_id}).all()
    told: set[int] = set()
    today = now.astimezone(_ZONE).date()
    for row in rows:
        held = row.appointment
        if held.user_id in told or not held.valid_on(today):
            continue
        if _sees(session, case, held) and Reader(session, case, held).reads_document(document):
            told.add(held.user_id)
            tell(session, EventName.TASK_COMPLETED, held.user_id, case=case, now=now, title=title)


def _sees(session: Session, case: Case, by: Appointment) -> bool:
    query = visible_cases(by).where(Case.id == case.id).with_only_columns(Case.id)
    return session.scalar(query) is not None
