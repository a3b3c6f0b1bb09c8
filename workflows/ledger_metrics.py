"""How well problems are put right: days to close, days over, the share in time, by unit and kind.

In time is measured against the first deadline, which no extension changes; how long an item is past
the deadline that holds now is told beside it. A reopened item was closed when it was closed first;
that it came back is counted for itself. One query; counting is done here, so that both databases
count alike. Knows no page.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from statistics import median
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from models import Organisation, Rectification, Reopening

_ZONE = ZoneInfo("Asia/Shanghai")
AGES = ((30, "30 天以内"), (60, "31–60 天"), (90, "61–90 天"), (None, "超过 90 天"))


@dataclass(frozen=True, slots=True)
class Item:
    """What is counted of one ledger item. Days are days in China."""

    owner: str
    area: str  # care, medical, management
    strength: str | None  # strong, medium, weak; None until planned
    opened_on: date
    first_deadline: date | None
    closed_on: date | None
    source: str = "review"
    deadline: date | None = None  # the one that holds now
    reopened: int = 0
    first_closed_on: date | None = None  # where it was reopened since
    effect: str | None = None  # effective, not_yet, not_effective; None until looked at

    def days_over(self, today: date) -> int:
        """Days past the first deadline, until first closed or until today; 0 without one."""
        if self.first_deadline is None:
            return 0
        until = self.first_closed_on or self.closed_on or today
        return max(0, (until - self.first_deadline).days)

    def days_over_now(self, today: date) -> int:
        """The same against the deadline that holds now, in the present round."""
        if self.deadline is None:
            return 0
        return max(0, ((self.closed_on or today) - self.deadline).days)

    @property
    def extended(self) -> bool:
        """Whether it got more time in its first round."""
        return bool(not self.reopened and self.first_deadline and self._later())

    def _later(self) -> bool:
        return self.deadline is not None and self.deadline > (self.first_deadline or date.max)


@dataclass(frozen=True, slots=True)
class Line:
    """The figures of one group. `in_time` and `days_to_close` are None when nothing was closed
    that had a deadline, or nothing was closed."""

    name: str
    items: int
    closed: int
    overdue: int  # open and past the first deadline
    extended: int
    reopened: int
    in_time: float | None  # share of the closed, 0–1
    days_to_close: float | None  # median
    days_over: int  # the longest
    days_over_now: int  # the longest, against the deadline that holds now
    effective: float | None  # share of those whose effect was looked at and could be told


@dataclass(frozen=True, slots=True)
class Metrics:
    total: Line
    by_owner: list[Line] = field(default_factory=list)
    by_area: list[Line] = field(default_factory=list)
    by_strength: list[Line] = field(default_factory=list)
    by_source: list[Line] = field(default_factory=list)
    ages: list[tuple[str, int]] = field(default_factory=list)  # open items by days since opened


def metrics(
    session: Session, scope: Select[Rectification], start: date, end: date, today: date
) -> Metrics:
    """Of the items in `scope` that were opened from `start` to `end`, both included."""
    items = [item for item in _items(session, scope, today) if start <= item.opened_on <= end]
    return Metrics(
        total=_line("合计", items, today),
        by_owner=_grouped(items, lambda item: item.owner, today),
        by_area=_grouped(items, lambda item: item.area, today),
        by_strength=_grouped(items, lambda item: item.strength or "", today),
        by_source=_grouped(items, lambda item: item.source, today),
        ages=_ages(items, today),
    )


def _items(session: Session, scope: Select[Rectification], today: date) -> list[Item]:
    chosen = scope.with_only_columns(Rectification.id).subquery()
    first_closed = select(func.min(Reopening.closed_at)).where(
        Reopening.item_id == Rectification.id
    )
    rows = session.execute(
        select(
            Organisation.short_name,
            Rectification.area,
            Rectification.strength,
            Rectification.created_at,
            Rectification.first_deadline,
            Rectification.closed_at,
            Rectification.source,
            Rectification.deadline,
            Rectification.reopened,
            first_closed.scalar_subquery(),
            Rectification.effect,
        )
        .join(chosen, chosen.c.id == Rectification.id)
        .join(Organisation, Organisation.id == Rectification.owner_id)
    )
    return [
        Item(
            owner,
            area,
            strength,
            _day(created) or today,
            first,
            _day(closed),
            source.value,
            deadline,
            reopened,
            _day(again),
            effect.value if effect else None,
        )
        for (
            owner, area, strength, created, first, closed, source, deadline, reopened, again, effect
        ) in rows
    ]  # fmt: skip


def _day(at: datetime | None) -> date | None:
    return at.astimezone(_ZONE).date() if at else None


def _grouped(items: Iterable[Item], key: Callable[[Item], str], today: date) -> list[Line]:
    """One line a group, the one with most open and overdue first."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    lines = [_line(name, found, today) for name, found in groups.items()]
    return sorted(lines, key=lambda line: (-line.overdue, -line.items, line.name))


def _line(name: str, items: Sequence[Item], today: date) -> Line:
    closed = [item for item in items if item.closed_on is not None]
    judged = [item for item in closed if item.first_deadline is not None]
    took = [(item.closed_on - item.opened_on).days for item in closed if item.closed_on]
    in_time = sum(item.days_over(today) == 0 for item in judged)
    looked_at = [item.effect for item in items if item.effect not in (None, "not_yet")]
    return Line(
        name=name,
        items=len(items),
        closed=len(closed),
        overdue=sum(item.closed_on is None and _is_over(item, today) for item in items),
        extended=sum(item.extended for item in items),
        reopened=sum(item.reopened > 0 for item in items),
        in_time=in_time / len(judged) if judged else None,
        days_to_close=median(took) if took else None,
        days_over=max((item.days_over(today) for item in items), default=0),
        days_over_now=max((item.days_over_now(today) for item in items), default=0),
        effective=looked_at.count("effective") / len(looked_at) if looked_at else None,
    )


def _is_over(item: Item, today: date) -> bool:
    """Of an open item: past the first deadline, or in a later round past that round's."""
    return (item.days_over_now(today) if item.reopened else item.days_over(today)) > 0


def _ages(items: Iterable[Item], today: date) -> list[tuple[str, int]]:
    counts = [0] * len(AGES)
    for item in items:
        if item.closed_on is None:
            age = (today - item.opened_on).days
            place = next(n for n, (most, _) in enumerate(AGES) if most is None or age <= most)
            counts[place] += 1
    return [(title, count) for (_, title), count in zip(AGES, counts, strict=True)]
