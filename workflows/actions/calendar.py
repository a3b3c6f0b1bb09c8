"""The work calendar, as the system administrator enters it from a notice. Each change an event."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models import Appointment, CalendarDay
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName, record
from workflows.permissions import require

VIEW = "system:view"
LONGEST = 31  # days at once; a slip of the year would fill thousands


@dataclass(frozen=True, slots=True)
class Days:
    """Some days in a row, off or worked on, and the notice that says so."""

    first: date
    last: date
    working: bool
    name: str
    document: str

    def each(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]


def enter_days(session: Session, days: Days, *, by: Appointment, now: datetime) -> int:
    """Enter or correct days; how many. Clocks that run already keep their moment.

    Raises Forbidden, InvalidAnswers.
    """
    require(by, VIEW)
    if days.last < days.first:
        raise InvalidAnswers({"last": ["最后一天不早于第一天"]})
    if (days.last - days.first).days >= LONGEST:
        raise InvalidAnswers({"last": [f"一次最多 {LONGEST} 天，核对年份"]})
    chosen = days.each()
    session.execute(delete(CalendarDay).where(CalendarDay.day.in_(chosen)))
    for day in chosen:
        session.add(
            CalendarDay(
                day=day,
                working=days.working,
                name=days.name,
                document=days.document,
                entered_at=now,
            )
        )
    session.flush()
    _record(session, days.first, days.last, "working" if days.working else "off", by, now)
    return len(chosen)


def remove_day(session: Session, day: date, *, by: Appointment, now: datetime) -> bool:
    """Take back what was entered for a day; False if there is nothing. Raises Forbidden."""
    require(by, VIEW)
    row = session.scalars(select(CalendarDay).where(CalendarDay.day == day)).one_or_none()
    if row is None:
        return False
    session.delete(row)
    _record(session, day, day, "removed", by, now)
    return True


def _record(
    session: Session, first: date, last: date, how: str, by: Appointment, now: datetime
) -> None:
    record(
        session,
        EventName.CALENDAR_CHANGED,
        by=by,
        now=now,
        first=first.isoformat(),
        last=last.isoformat(),
        days=how,
    )
