"""阶段汇总 and 系统分析 of the register: what a month, a quarter, a year brought, by area and
colour; which factors with which colours (B15).

Counted in the database, of the records somebody may see: from the assessments, which are only ever
added, so that a past stage is counted the same later. Reads rows, changes nothing, knows no page.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, func, or_, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Organisation,
    Region,
    RegionLevel,
    RiskAssessment,
    RiskColour,
    RiskEnd,
    RiskFactor,
    RiskRecord,
)
from workflows import register
from workflows.permissions import OFFICES
from workflows.recurrence import after
from workflows.register import Grade

STAR = "star"
ORDER = (RiskColour.RED, RiskColour.ORANGE, STAR, RiskColour.YELLOW, RiskColour.GREEN)
MEASURES = ("new", "risen", "referred", "overdue", "closed", "delivered", "managed")
_CODE = re.compile(r"(\d{4})(?:-(0[1-9]|1[0-2])|Q([1-4]))?")


@dataclass(frozen=True, slots=True)
class Stage:
    """A month, a quarter or a year, from its first day to its last."""

    code: str
    first: date
    last: date


def stage(code: str) -> Stage | None:
    """2026-11, 2026Q4, 2026; None for anything else."""
    fits = _CODE.fullmatch(code)
    if fits is None or int(fits[1]) < 2000:
        return None
    year, month, quarter = int(fits[1]), fits[2], fits[3]
    begin, length = (int(month), 1) if month else (int(quarter) * 3 - 2, 3) if quarter else (1, 12)
    first = date(year, begin, 1)
    return Stage(code, first, after(first, length) - timedelta(days=1))


def stages(today: date) -> list[Stage]:
    """The last twelve months, eight quarters and three years, this one first."""
    first = today.replace(day=1)
    months = [after(first, -back).strftime("%Y-%m") for back in range(12)]
    quarters = list(dict.fromkeys(quarter_of(after(first, -3 * back)) for back in range(8)))
    years = [str(today.year - back) for back in range(3)]
    return [each for code in (*months, *quarters, *years) if (each := stage(code)) is not None]


def quarter_of(day: date) -> str:
    """2026Q4."""
    return f"{day.year}Q{(day.month - 1) // 3 + 1}"


@dataclass(slots=True)
class Line:
    """One area. `by`: code of the colour → measure → count; purple stands beside the others, so it
    is in none of their sums and `total` counts every woman once."""

    area: str
    by: dict[str, Counter[str]] = field(default_factory=dict)
    total: Counter[str] = field(default_factory=Counter)

    def add(self, found: Grade, counts: dict[str, int]) -> None:
        """Take what was counted of one grade."""
        for code in codes_of(found):
            self.by.setdefault(code, Counter()).update(counts)
        self.total.update(counts)


def codes_of(found: Grade) -> list[str]:
    """The lines that a grade is counted in: a purple without another risk in its own alone."""
    if found.purple and found.colour is RiskColour.GREEN:
        return [RiskColour.PURPLE]
    code = STAR if found.star else found.colour.value
    return [code, RiskColour.PURPLE] if found.purple else [code]


def summary(session: Session, by: Appointment, of: Stage, today: date) -> list[Line]:
    """By area: newly registered, risen, referred, follow-ups that were late, closed, of these
    delivered, and managed at the end of the stage. Three queries. `today`: a follow-up is late
    once its day is over."""
    area = _area(by)
    lines: dict[str, Line] = {}
    names = _names(session, by)
    for query in (_of_courses(by, area, of, today), _of_closings(by, area, of)):
        for row in session.execute(query).mappings():
            counts = {name: int(row[name] or 0) for name in MEASURES if name in row}
            if any(counts.values()):
                line = lines.setdefault(row["area"], Line(names.get(str(row["area"]), "")))
                line.add(Grade(row["colour"], bool(row["purple"]), bool(row["star"])), counts)
    return [lines[key] for key in sorted(lines, key=str)]


def whole(lines: list[Line]) -> Line:
    """All areas in one."""
    found = Line("合计")
    for line in lines:
        found.total.update(line.total)
        for code, counts in line.by.items():
            found.by.setdefault(code, Counter()).update(counts)
    return found


def _area(by: Appointment) -> ColumnElement[Any]:
    """A city counts by county; who sees one county or one unit, by responsible unit."""
    own = by.organisation
    wide = own.level is not RegionLevel.COUNTY and own.kind in OFFICES
    return RiskRecord.county_code if wide else RiskRecord.organisation_id  # type: ignore[return-value]


def _names(session: Session, by: Appointment) -> dict[str, str]:
    seen = select(RiskRecord.county_code).where(register.scope(by))
    units = select(RiskRecord.organisation_id).where(register.scope(by))
    areas = session.execute(select(Region.code, Region.name).where(Region.code.in_(seen)))
    rows = session.execute(
        select(Organisation.id, Organisation.short_name).where(Organisation.id.in_(units))
    )
    return {**dict(areas.all()), **{str(key): name for key, name in rows}}


def _courses(by: Appointment, area: ColumnElement[Any]) -> Subquery:
    """Every assessment one sees, with its place in the course and the day of the next."""
    whose, order = RiskAssessment.record_id, RiskAssessment.id
    following = func.lead(RiskAssessment.day).over(partition_by=whose, order_by=order)
    return (
        select(
            area.label("area"),
            RiskAssessment.day,
            RiskAssessment.colour,
            RiskAssessment.star,
            RiskAssessment.purple,
            RiskAssessment.rose,
            RiskAssessment.next_on,
            RiskAssessment.referred_to_id,
            RiskRecord.registered_on,
            RiskRecord.closed_on,
            func.row_number().over(partition_by=whose, order_by=order).label("place"),
            following.label("following"),
        )
        .join(RiskRecord, RiskRecord.id == RiskAssessment.record_id)
        .where(register.scope(by))
        .subquery()
    )


def _sum(condition: ColumnElement[bool], name: str) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0).label(name)


def _of_courses(by: Appointment, area: ColumnElement[Any], of: Stage, today: date) -> Select[Any]:
    each = _courses(by, area).c
    here = and_(each.day >= of.first, each.day <= of.last)
    until = min(of.last, today - timedelta(days=1))
    late = and_(
        each.next_on >= of.first,
        each.next_on <= until,
        or_(each.following.is_(None), each.following > each.next_on),
        or_(each.closed_on.is_(None), each.closed_on > each.next_on),
    )
    managed = and_(
        each.registered_on <= of.last,
        or_(each.day <= of.last, each.place == 1),
        or_(each.following.is_(None), each.following > of.last),
        or_(each.closed_on.is_(None), each.closed_on > of.last),
    )
    registered = and_(
        each.place == 1, each.registered_on >= of.first, each.registered_on <= of.last
    )
    return select(
        each.area,
        each.colour,
        each.star,
        each.purple,
        _sum(registered, "new"),
        _sum(and_(here, each.rose.is_(True)), "risen"),
        _sum(and_(here, each.referred_to_id.is_not(None)), "referred"),
        _sum(late, "overdue"),
        _sum(managed, "managed"),
    ).group_by(each.area, each.colour, each.star, each.purple)


def _of_closings(by: Appointment, area: ColumnElement[Any], of: Stage) -> Select[Any]:
    return (
        select(
            area.label("area"),
            RiskRecord.colour,
            RiskRecord.star,
            RiskRecord.purple,
            func.count().label("closed"),
            _sum(RiskRecord.outcome == RiskEnd.POSTPARTUM, "delivered"),
        )
        .where(
            register.scope(by), RiskRecord.closed_on >= of.first, RiskRecord.closed_on <= of.last
        )
        .group_by(area, RiskRecord.colour, RiskRecord.star, RiskRecord.purple)
    )


def factors(session: Session, by: Appointment, of: Stage) -> dict[str, Counter[str]]:
    """Women assessed in a stage, by group of a factor and its colour. One query."""
    query = (
        select(
            RiskFactor.group,
            RiskFactor.colour,
            func.count(RiskAssessment.record_id.distinct()),
        )
        .join(RiskAssessment, RiskAssessment.id == RiskFactor.assessment_id)
        .join(RiskRecord, RiskRecord.id == RiskAssessment.record_id)
        .where(register.scope(by), RiskAssessment.day >= of.first, RiskAssessment.day <= of.last)
        .group_by(RiskFactor.group, RiskFactor.colour)
    )
    found: dict[str, Counter[str]] = {}
    for group, colour, count in session.execute(query):
        found.setdefault(group, Counter())[colour] = count
    return found


def over_time(
    session: Session, by: Appointment, today: date, count: int
) -> list[tuple[Stage, Line]]:
    """Quarter by quarter, this one last. Three queries each."""
    first = today.replace(day=1)
    codes = dict.fromkeys(quarter_of(after(first, -3 * back)) for back in range(count))
    found = [each for code in reversed(list(codes)) if (each := stage(code)) is not None]
    return [(each, whole(summary(session, by, each, today))) for each in found]
