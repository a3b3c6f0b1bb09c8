"""院内产科质控指标: which a hospital keeps, what they say, which problem has none yet (C11).

No norm is known here: names, targets and their basis are what the hospital entered. Reads rows,
changes nothing, knows no page.
"""

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload, selectinload

from models import Appointment, Indicator, IndicatorValue, Rectification, RectificationState
from workflows.recurrence import after

SHOWN = 6  # months side by side
Factor = tuple[str | None, str | None, int | None]  # area, kind, cell


@dataclass(slots=True)
class Gap:
    """A kind of problem that the hospital has had and no indicator of its own watches yet."""

    factor: Factor
    items: list[Rectification] = field(default_factory=list)

    @property
    def still_open(self) -> int:
        """How many of them are not closed."""
        return sum(item.state is not RectificationState.CLOSED for item in self.items)

    @property
    def came_back(self) -> int:
        """How often they were opened again."""
        return sum(item.reopened for item in self.items)


def kept(by: Appointment) -> Select[Indicator]:
    """The indicators of one's own unit."""
    return select(Indicator).where(Indicator.organisation_id == by.organisation_id)


def listed(session: Session, by: Appointment, *, retired: bool = False) -> list[Indicator]:
    """Those in use, or those given up, with all they say."""
    gone = Indicator.retired_at
    return list(
        session.scalars(
            kept(by)
            .where(gone.is_not(None) if retired else gone.is_(None))
            .options(selectinload(Indicator.values), joinedload(Indicator.item))
            .order_by(Indicator.id)
        )
    )


def gaps(session: Session, by: Appointment) -> list[Gap]:
    """Problems of one's own unit in the ledger, by what they are about, that no indicator in use
    came from or shares the factor of; the most frequent first."""
    watched = {(each.area, each.problem_kind, each.cell) for each in listed(session, by)}
    found: dict[Factor, Gap] = {}
    items = session.scalars(
        select(Rectification)
        .where(Rectification.owner_id == by.organisation_id)
        .order_by(Rectification.id)
    )
    for item in items:
        factor = (item.area, item.kind, item.cell)
        if factor not in watched:
            found.setdefault(factor, Gap(factor)).items.append(item)
    return sorted(found.values(), key=lambda gap: (-len(gap.items), str(gap.factor)))


def by_month(indicator: Indicator) -> dict[date, IndicatorValue]:
    """What holds of each month: the newest entry."""
    return {value.month: value for value in indicator.values}


def months(newest: date, count: int = SHOWN) -> list[date]:
    """First days of so many months, the oldest first, up to that of a day."""
    first = newest.replace(day=1)
    return [after(first, -back) for back in range(count - 1, -1, -1)]


def reaches(indicator: Indicator, value: IndicatorValue) -> bool | None:
    """Whether a month reached the hospital's own target; None without target or without a share."""
    if indicator.target is None or value.share is None:
        return None
    if indicator.at_least:
        return value.share >= indicator.target
    return value.share <= indicator.target


def trend(indicator: Indicator) -> float | None:
    """Points of per cent from the last month but one that has a share to the last."""
    shares = [value.share for _, value in sorted(by_month(indicator).items())]
    known = [share for share in shares if share is not None]
    return known[-1] - known[-2] if len(known) > 1 else None
