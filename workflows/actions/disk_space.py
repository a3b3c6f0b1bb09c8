"""Telling whoever administers that a disk fills up while everything still works, and when it has
room again: once each time, and once more on every day on which it is still so.

Knows what is to be told, not how a disk is measured.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models import Appointment, Event, Role, User
from workflows.events import EventName, record
from workflows.notifications import tell

AGAIN = timedelta(days=1)
TO_DO = "用完后不能再登记、上传，请尽快腾出空间或扩大磁盘"
_ZONE = ZoneInfo("Asia/Shanghai")
_WORDS = (EventName.DISK_FILLED.value, EventName.DISK_CLEARED.value)


def owed(session: Session, now: datetime, *, scarce: bool, roomy: bool) -> EventName | None:
    """What is to be told of a disk that has little left, or enough. Between the two nothing new is:
    a disk at the mark would be told of all day. An indexed look."""
    query = select(Event.name, Event.at).where(Event.name.in_(_WORDS)).order_by(Event.id.desc())
    last = session.execute(query.limit(1)).first()
    told = last is not None and last.name == EventName.DISK_FILLED.value
    if scarce and not (last and told and abs(now - last.at) < AGAIN):
        return EventName.DISK_FILLED
    return EventName.DISK_CLEARED if roomy and told else None


def tell_administrators(
    session: Session, now: datetime, *, scarce: bool, roomy: bool, left: str
) -> EventName | None:
    """Tell every system administrator of today what is owed, if anything is, `left` in words for
    people; on record. Workers that see it at once tell it once. The caller commits."""
    today = now.astimezone(_ZONE).date()
    sits = (
        select(Appointment)
        .join(User, User.id == Appointment.user_id)
        .where(
            Appointment.role == Role.SYSTEM_ADMIN,
            Appointment.valid_from <= today,
            or_(Appointment.valid_to.is_(None), Appointment.valid_to >= today),
            User.active,
        )
        .order_by(Appointment.id)
        .with_for_update(of=Appointment)
    )
    people = {each.user_id: None for each in session.scalars(sits)}
    name = owed(session, now, scarce=scarce, roomy=roomy)
    if name is not None:
        for user_id in people:
            title = f"{left}。{TO_DO}" if name is EventName.DISK_FILLED else left
            tell(session, name, user_id, case=None, now=now, title=title, disk=True)
        record(session, name, now=now, space=left, people=len(people))
    return name
