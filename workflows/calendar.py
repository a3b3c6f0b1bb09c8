"""The work calendar: which days in China are worked on, for limits in working days (工作日).

Files in `calendars/<year>.toml` say what the State Council's notice says; days that an
administrator has entered go before them. A year that neither knows is Monday to Friday, and
whoever shows a limit that reaches into it says so. Hours are hours on any day: 24 and 48 hours
never come here. Knows no case and no rule.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import CalendarDay

FOLDER = Path(__file__).parent / "calendars"
ZONE = ZoneInfo("Asia/Shanghai")
END_OF_DAY = time(23, 59)  # as of a ledger item's deadline
_DAY = timedelta(days=1)


class BadCalendarFile(ValueError):
    """A file of a year is wrong. The message names it and what to do."""


class Holiday(Struct, frozen=True, forbid_unknown_fields=True):
    """Days off from `first` to `last`, and the days at a weekend that are worked in return."""

    name: str
    first: date
    last: date
    working: tuple[date, ...] = ()

    def days(self) -> Iterator[tuple[date, bool]]:
        """Each day it says something about, and whether it is worked on."""
        for number in range((self.last - self.first).days + 1):
            yield self.first + number * _DAY, False
        yield from ((day, True) for day in self.working)


class Notice(Struct, frozen=True, forbid_unknown_fields=True):
    """What the State Council's office has announced for a year."""

    year: int
    number: str
    title: str
    printed: date
    holidays: tuple[Holiday, ...]


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """`days`: those that are not what their weekday says. `years`: those that are known."""

    days: Mapping[date, bool]
    years: frozenset[int]

    def is_working(self, day: date) -> bool:
        return self.days.get(day, day.weekday() < 5)

    def end_of(self, started_at: datetime, count: int) -> datetime:
        """The end, in UTC, of the `count`-th working day after the day in China on which something
        started: the day itself does not count (民法典 第二百零一条). ValueError when naive or < 1.
        """
        if started_at.tzinfo is None or count < 1:
            raise ValueError("a limit needs an aware start and at least one working day")
        day = started_at.astimezone(ZONE).date()
        while count:
            day += _DAY
            count -= self.is_working(day)
        return datetime.combine(day, END_OF_DAY, tzinfo=ZONE).astimezone(UTC)

    def unknown(self, first: datetime, last: datetime) -> list[int]:
        """Years between two moments whose days off nobody has entered."""
        years = range(first.astimezone(ZONE).year, last.astimezone(ZONE).year + 1)
        return [year for year in years if year not in self.years]


def load(session: Session) -> WorkCalendar:
    """The files of the product, and what administrators have entered. One query."""
    days: dict[date, bool] = {}
    years: set[int] = set()
    for notice in notices():
        years.add(notice.year)
        for holiday in notice.holidays:
            days.update(holiday.days())
    for row in session.scalars(select(CalendarDay)):
        years.add(row.day.year)
        days[row.day] = row.working
    return WorkCalendar(days, frozenset(years))


@lru_cache
def notices(folder: Path = FOLDER) -> tuple[Notice, ...]:
    """Year by year. BadCalendarFile."""
    return tuple(_read(path) for path in sorted(folder.glob("*.toml")))


def _read(path: Path) -> Notice:
    try:
        notice = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Notice)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as wrong:
        raise BadCalendarFile(f"{path.name}: {wrong}; correct it or take it out") from wrong
    if path.stem != str(notice.year):
        raise BadCalendarFile(f"{path.name}: `year` is {notice.year}; make it the file's name")
    for fault in _wrong(notice):
        raise BadCalendarFile(f"{path.name}: {fault}")
    return notice


def _wrong(notice: Notice) -> Iterator[str]:
    said: set[date] = set()
    for holiday in notice.holidays:
        if holiday.last < holiday.first:
            yield f"{holiday.name} ends before it begins; correct the dates"
        for day, working in holiday.days():
            if day.year != notice.year:
                yield f"{day} of {holiday.name} is in another year; it belongs into that file"
            if day in said:
                yield f"{day} is said twice; take one out"
            if working and day.weekday() < 5:
                yield f"{day} is worked on anyway; only days at a weekend are made up"
            said.add(day)
