"""将逐级收集的数据与信息系统导出数据核对: what each level and other systems say of a month, beside
what this system holds (C12; 附件2).

Of a county's month are compared: the county's monthly report as handed in, what the city's roll-up
says of the county, and every table taken in from another system, its newest line for a unit. Held
is what the rows of cases and of the ledger say now. Reads rows, changes nothing, knows no page.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from models import (
    Appointment,
    Case,
    CaseState,
    Conclusion,
    Discrepancy,
    DiscrepancyEntry,
    Document,
    Duty,
    DutyKind,
    FigureImport,
    FigureSource,
    Level,
    Organisation,
    Rectification,
    RectificationState,
    Region,
    RegionLevel,
    Role,
)
from workflows.permissions import areas_of
from workflows.recurrence import after

_ZONE = ZoneInfo("Asia/Shanghai")
BACKLOG = "backlog"  # deaths of earlier months, reported late with this one (补报)
DESKS = (Role.MCH, Role.COMMISSION)
Key = tuple[str, int | None]  # county, unit in it or None for all of it


@dataclass(frozen=True, slots=True)
class Saying:
    """Figures that one source gives for one county or unit."""

    region_code: str
    organisation_id: int | None
    source: FigureSource
    system: str
    figures: dict[str, int]
    held: dict[str, int] = field(default_factory=dict)

    @property
    def differing(self) -> list[str]:
        """Measures on which the system holds something else."""
        return [code for code, count in self.figures.items() if self.held.get(code, 0) != count]


def counties(session: Session, by: Appointment) -> list[Region]:
    """The counties whose figures somebody looks after."""
    return list(
        session.scalars(
            select(Region)
            .where(Region.code.in_(areas_of(by)), Region.level == RegionLevel.COUNTY)
            .order_by(Region.code)
        )
    )


def sayings(session: Session, codes: Iterable[str], month: date) -> list[Saying]:
    """What is said of a month (its first day) in some counties, each beside what is held."""
    codes = list(codes)
    held = held_in(session, codes, month)
    reports, backlogs = _reports(session, codes, month)
    found = [*reports, *_imports(session, codes, month)]
    return [
        Saying(
            each.region_code,
            each.organisation_id,
            each.source,
            each.system,
            each.figures,
            held.get((each.region_code, each.organisation_id), {})
            | {BACKLOG: backlogs.get(each.region_code, 0)},
        )
        for each in found
    ]


def held_in(session: Session, codes: Iterable[str], month: date) -> dict[Key, dict[str, int]]:
    """What the system holds of a month, by county and by unit in it. Absent: nothing but zeros."""
    since, until = _span(month)
    found: dict[Key, Counter[str]] = {}

    def count(code: str, unit: int, *measures: str) -> None:
        for key in ((code, None), (code, unit)):
            found.setdefault(key, Counter()).update(measures)

    filed = exists().where(Document.case_id == Case.id, Document.form.like("case_submission.v%"))
    concluded = exists().where(Conclusion.case_id == Case.id, Conclusion.level == Level.COUNTY)
    cases = select(
        Case.county_code, Case.organisation_id, Case.late_report, filed, concluded
    ).where(
        Case.county_code.in_(list(codes)),
        Case.state != CaseState.VOIDED,
        Case.event_at >= since,
        Case.event_at < until,
    )
    for code, unit, late, is_filed, is_concluded in session.execute(cases):
        of_case = {"deaths": True, "reported": is_filed, "reviewed": is_concluded, "late": late}
        count(code, unit, *(name for name, holds in of_case.items() if holds))
    items = (
        select(Organisation.region_code, Rectification.owner_id, Rectification.state)
        .join(Organisation, Organisation.id == Rectification.owner_id)
        .where(
            Organisation.region_code.in_(list(codes)),
            Rectification.created_at >= since,
            Rectification.created_at < until,
        )
    )
    for code, unit, state in session.execute(items):
        closed = state is RectificationState.CLOSED
        count(code, unit, "items_closed" if closed else "items_open")
    return {key: dict(figures) for key, figures in found.items()}


def _span(month: date) -> tuple[datetime, datetime]:
    """From the first moment of a month in China to the first after it."""
    begin = datetime.combine(month, time(), _ZONE)
    return begin, datetime.combine(after(month, 1), time(), _ZONE)


def _reports(
    session: Session, codes: list[str], month: date
) -> tuple[list[Saying], dict[str, int]]:
    """The counties' reports and the cities' roll-ups; and by county, how many of the deaths that
    its report brings from earlier months the system still has, not voided since."""
    names = dict(
        session.execute(select(Region.name, Region.code).where(Region.code.in_(codes))).all()
    )
    parents = set(session.scalars(select(Region.parent_code).where(Region.code.in_(codes))))
    duties = session.scalars(
        select(Duty).where(
            Duty.kind == DutyKind.MONTHLY_REPORT,
            Duty.starts_on == month,
            Duty.content.is_not(None),
            or_(Duty.region_code.in_(codes), Duty.region_code.in_(parents)),
        )
    ).all()
    said: list[Saying] = []
    backlogs: dict[str, int] = {}
    known = _not_voided(session, (row["number"] for each in duties for row in _rows(each)))
    for duty in duties:
        if duty.region_code in codes:
            rows = _rows(duty)
            brought = [row["number"] for row in rows if row["backlog"]]
            figures = _counted(rows) | {BACKLOG: len(brought)}
            said.append(Saying(duty.region_code, None, FigureSource.REPORT, "", figures))
            backlogs[duty.region_code] = len(known.intersection(brought))
            continue
        for name, code in names.items():
            of_county = [row for row in _rows(duty) if row["area"] == name]
            said.append(Saying(code, None, FigureSource.ROLLUP, "", _counted(of_county)))
    return said, backlogs


def _rows(duty: Duty) -> list[dict[str, Any]]:
    return list((duty.content or {}).get("cases", ()))


def _not_voided(session: Session, numbers: Iterable[str]) -> set[str]:
    query = select(Case.number).where(Case.number.in_(set(numbers)), Case.state != CaseState.VOIDED)
    return set(session.scalars(query))


def _counted(rows: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Of the month itself: late reports of earlier months are in their own."""
    own = [row for row in rows if not row["backlog"]]
    return {"deaths": len(own), "late": sum(bool(row["late"]) for row in own)}


def _imports(session: Session, codes: list[str], month: date) -> Iterator[Saying]:
    """The newest line of each other system for each unit."""
    newest: dict[tuple[str, str, int | None], dict[str, int]] = {}
    for table in session.scalars(imports_of(codes).order_by(FigureImport.id)):
        for row in table.rows:
            if row["month"] == month.isoformat() and row["region"] in codes:
                newest[table.system, row["region"], row["organisation"]] = row["figures"]
    for (system, code, unit), figures in newest.items():
        yield Saying(code, unit, FigureSource.IMPORT, system, figures)


def imports_of(codes: list[str]) -> Select[FigureImport]:
    """Tables taken in by units of some counties or of the areas above them."""
    parents = select(Region.parent_code).where(Region.code.in_(codes))
    return (
        select(FigureImport)
        .join(Organisation, Organisation.id == FigureImport.organisation_id)
        .where(or_(Organisation.region_code.in_(codes), Organisation.region_code.in_(parents)))
    )


# Who sees and does what


def visible(by: Appointment) -> Select[Discrepancy]:
    """Discrepancies of the counties that somebody looks after."""
    return select(Discrepancy).where(Discrepancy.region_code.in_(areas_of(by)))


def may_explain(row: Discrepancy, by: Appointment) -> bool:
    """The county's own MCH institution or commission traces what its figures say."""
    here = by.organisation
    return (
        by.role in DESKS
        and here.region_code == row.region_code
        and here.level is RegionLevel.COUNTY
    )


def may_clear(row: Discrepancy, by: Appointment) -> bool:
    """The institution above it judges the explanation."""
    return by.role in DESKS and by.organisation.region_code == row.region.parent_code


def months_with_something(session: Session, codes: list[str], most: int = 24) -> list[date]:
    """Months with a report handed in or a discrepancy, the newest first."""
    parents = select(Region.parent_code).where(Region.code.in_(codes))
    reported = select(Duty.starts_on).where(
        Duty.kind == DutyKind.MONTHLY_REPORT,
        or_(Duty.region_code.in_(codes), Duty.region_code.in_(parents)),
    )
    found = select(Discrepancy.month).where(Discrepancy.region_code.in_(codes))
    days = reported.union(found).subquery()
    return list(session.scalars(select(days.c[0]).order_by(days.c[0].desc()).limit(most)))


def open_count(session: Session, by: Appointment) -> int:
    """How many are not cleared."""
    rows = visible(by).where(Discrepancy.cleared_at.is_(None)).subquery()
    return session.scalar(select(func.count()).select_from(rows)) or 0


def listed(session: Session, by: Appointment, *, cleared: bool) -> list[Discrepancy]:
    """Those not cleared, oldest month first, or the newest cleared ones."""
    done = Discrepancy.cleared_at
    query = visible(by).where(done.is_not(None) if cleared else done.is_(None))
    order = done.desc() if cleared else Discrepancy.month
    return list(
        session.scalars(
            query.options(
                joinedload(Discrepancy.region),
                joinedload(Discrepancy.organisation),
                joinedload(Discrepancy.item),
                selectinload(Discrepancy.entries).joinedload(DiscrepancyEntry.by),
            )
            .order_by(order, Discrepancy.id)
            .limit(200)
        )
    )


def unit_names(session: Session, keys: set[int]) -> dict[int, str]:
    """Short names of units."""
    query = select(Organisation.id, Organisation.short_name).where(Organisation.id.in_(keys))
    return {key: name for key, name in session.execute(query)}  # noqa: C416 (rows, not pairs)
