"""Periodic duties: which period comes next, what a period contains. Reads rows, changes nothing.

A month's report lists the deaths of the month and those of earlier months that became known in it
(A04). A quarter's notice sums up what the reviews signed in it have found (C01, C02).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, joinedload

from models import (
    PERIODIC,
    Case,
    CaseState,
    Conclusion,
    Duty,
    DutyKind,
    Finding,
    Organisation,
    OrganisationKind,
    Region,
    RegionLevel,
)
from workflows.kinds import MONTHLY
from workflows.rules import Rule, Unit

ZONE = ZoneInfo("Asia/Shanghai")
RULE = {
    DutyKind.MONTHLY_REPORT: "report.monthly",
    DutyKind.QUARTERLY_NOTICE: "feedback.municipal",
}
_MONTHS = {Unit.MONTH: 1, Unit.QUARTER: 3}
_AREAS = (("care", "care"), ("medical", "medical"), ("management", "admin"))  # ours, the notice's
_NONE = "无"


@dataclass(frozen=True, slots=True)
class Period:
    """Whole months; `ends_on` is the last day."""

    starts_on: date
    ends_on: date

    def next(self) -> "Period":
        months = (self.ends_on.year - self.starts_on.year) * 12
        months += self.ends_on.month - self.starts_on.month + 1
        return _period(_ordinal(self.starts_on) + months, months)


def last_ended(rule: Rule, day: date) -> Period | None:
    """The newest period of the rule that was over before `day`; None if the rule has no period."""
    if rule.unit not in _MONTHS or not isinstance(rule.value, int):
        return None
    months = _MONTHS[rule.unit] * rule.value
    return _period(_ordinal(day) // months * months - months, months)


def _ordinal(day: date) -> int:
    """Months since the year 0, so that periods are counted from January."""
    return day.year * 12 + day.month - 1


def _period(first: int, months: int) -> Period:
    starts_on = date(first // 12, first % 12 + 1, 1)
    after = first + months
    return Period(starts_on, date(after // 12, after % 12 + 1, 1) - timedelta(days=1))


def _span(duty: Duty) -> tuple[datetime, datetime]:
    """From the first moment of the period to the first after it, in China."""
    start = datetime.combine(duty.starts_on, time(), ZONE)
    return start, datetime.combine(duty.ends_on + timedelta(days=1), time(), ZONE)


def _of_area(duty: Duty) -> ColumnElement[bool]:
    return or_(Case.county_code == duty.region_code, Case.city_code == duty.region_code)


def cases_of(session: Session, duty: Duty) -> list[Case]:
    """The deaths of the period, and earlier ones first reported in it that no earlier report of
    the unit has; none that was voided."""
    start, end = _span(duty)
    in_period = and_(Case.event_at >= start, Case.event_at < end)
    found_later = and_(Case.event_at < start, Case.reported_at >= start, Case.reported_at < end)
    found = session.scalars(
        select(Case)
        .where(
            _of_area(duty),
            Case.kind.in_(MONTHLY),
            Case.state != CaseState.VOIDED,
            or_(in_period, found_later),
        )
        .options(joinedload(Case.organisation), joinedload(Case.county))
        .order_by(Case.event_at, Case.id)
    ).all()
    told = _told_before(session, duty) if any(is_backlog(duty, case) for case in found) else set()
    return [case for case in found if not (is_backlog(duty, case) and case.number in told)]


def _told_before(session: Session, duty: Duty) -> set[str]:
    earlier = session.scalars(
        select(Duty.content).where(
            Duty.kind == duty.kind,
            Duty.organisation_id == duty.organisation_id,
            Duty.starts_on < duty.starts_on,
            Duty.content.is_not(None),
        )
    )
    return {row["number"] for content in earlier if content for row in content["cases"]}


def content(session: Session, duty: Duty) -> dict[str, Any]:
    """What a month's report comprises now. `cases`: number, event_at (in China), unit, area, late,
    backlog; `areas`: name and whether filed, of a city's report."""
    return {
        "cases": [
            {
                "number": case.number,
                "event_at": case.event_at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M"),
                "unit": case.organisation.short_name,
                "area": case.county.name,
                "late": case.late_report,
                "backlog": is_backlog(duty, case),
            }
            for case in cases_of(session, duty)
        ],
        "areas": [
            {"name": each.region.name, "filed": each.content is not None, "duty": each.id}
            for each in below(session, duty)
        ],
    }


def is_backlog(duty: Duty, case: Case) -> bool:
    """Whether the death belongs to an earlier period and is reported late with this one (补报)."""
    return case.event_at < _span(duty)[0]


def below(session: Session, duty: Duty) -> list[Duty]:
    """The same duty of the areas directly below, of the same period, with their units."""
    return list(
        session.scalars(
            select(Duty)
            .join(Region, Region.code == Duty.region_code)
            .where(
                Duty.kind == duty.kind,
                Duty.starts_on == duty.starts_on,
                Region.parent_code == duty.region_code,
            )
            .options(joinedload(Duty.organisation), joinedload(Duty.region))
            .order_by(Duty.region_code)
        )
    )


def unfiled(session: Session, duty: Duty) -> list[Duty]:
    """Of the areas below: those whose report of the period has not been handed in yet."""
    return [each for each in below(session, duty) if each.content is None]


# What the quarter's reviews have found


def concluded(session: Session, duty: Duty) -> list[Conclusion]:
    """Conclusions on deaths of the area signed in the period, of county and city."""
    start, end = _span(duty)
    return list(
        session.scalars(
            select(Conclusion)
            .join(Case, Case.id == Conclusion.case_id)
            .where(
                _of_area(duty),
                Case.kind.in_(MONTHLY),
                Case.state != CaseState.VOIDED,
                Conclusion.panel_id.is_not(None),
                Conclusion.signed_at >= start,
                Conclusion.signed_at < end,
            )
            .order_by(Conclusion.id)
        )
    )


def prefill(session: Session, duty: Duty) -> dict[str, Any]:
    """Values a duty's forms start with, by dotted path."""
    values: dict[str, Any] = {
        "duty.period": duty.period,
        "duty.receiver": duty.receiver_id,
        "duty.organisation": duty.organisation_id,
    }
    if duty.kind is DutyKind.QUARTERLY_NOTICE:
        values.update(_quarter(session, duty))
    return values


def _quarter(session: Session, duty: Duty) -> dict[str, Any]:
    conclusions = concluded(session, duty)
    found = session.scalars(
        select(Finding)
        .where(Finding.conclusion_id.in_([each.id for each in conclusions]))
        .order_by(Finding.id)
    ).all()
    values: dict[str, Any] = {
        "quarter.deaths": len(cases_of(session, duty)),
        "quarter.reviewed": len({each.case_id for each in conclusions}),
        "quarter.title": f"关于{duty.period}孕产妇死亡病例评审情况的通报",
        "quarter.recipients": [{"organisation": key} for key in _recipients(session, duty)],
    }
    for scope in ("general", "specific"):
        for area, name in _AREAS:
            texts = (each.text for each in found if (each.scope, each.area) == (scope, area))
            values[f"quarter.{scope}_{name}"] = _numbered(texts)
    return values


def _numbered(texts: Iterable[str]) -> str:
    lines = list(dict.fromkeys(text.strip() for text in texts))
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1)) or _NONE


def _recipients(session: Session, duty: Duty) -> list[int]:
    """The commissions and MCH institutions of the counties."""
    kinds = (OrganisationKind.COMMISSION, OrganisationKind.MCH)
    return list(
        session.scalars(
            select(Organisation.id)
            .join(Region, Region.code == Organisation.region_code)
            .where(
                Region.parent_code == duty.region_code,
                Organisation.level == RegionLevel.COUNTY,
                Organisation.kind.in_(kinds),
                Organisation.active,
            )
            .order_by(Organisation.region_code, Organisation.id)
        )
    )


def facts(session: Session, duty: Duty) -> dict[str, Any]:
    """What the checks of a duty's forms may ask; see forms.checks.duty."""
    if duty.kind not in PERIODIC:
        return {}
    known: dict[str, Any] = {"n_cases": len(cases_of(session, duty))}
    if duty.kind is DutyKind.MONTHLY_REPORT:
        known["unfiled"] = [each.region.name for each in unfiled(session, duty)]
    else:
        known["reviewed"] = len({each.case_id for each in concluded(session, duty)})
        known.update(_recognisable(session, duty))
    return known


def _recognisable(session: Session, duty: Duty) -> dict[str, Any]:
    """Who and which hospital must not be met in a notice: of every case it may be about."""
    about = {each.case_id for each in concluded(session, duty)}
    about |= {case.id for case in cases_of(session, duty)}
    people: list[str] = []
    hospitals: list[str] = []
    rows = session.scalars(
        select(Case)
        .where(Case.id.in_(about))
        .options(joinedload(Case.person), joinedload(Case.organisation))
    )
    for case in rows:
        people += [word for word in (case.person.name, case.person.id_no) if word]
        hospitals += list(_names(case.organisation))
    return {"people": people, "hospitals": hospitals}


def _names(unit: Organisation) -> Iterator[str]:
    yield unit.name
    yield unit.short_name
