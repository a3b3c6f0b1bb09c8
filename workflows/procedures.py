"""本县（区）评审程序: how a county reviews near misses, as it has written down itself (B05).

各县区要…结合实际完善评审流程 (汴卫〔2022〕38号 母婴(四)3). A county may give a number where the
documents give none; a limit of a document it cannot change. What its version in force says is
frozen into the rules of a near miss, and the process goes by them: limits run, experts are
proposed. Reads rows, changes nothing, knows no page.
"""

from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models import (
    Appointment,
    Case,
    CaseKind,
    Organisation,
    OrganisationKind,
    RegionLevel,
    ReviewProcedure,
)
from workflows import places
from workflows.frozen import rules_of
from workflows.permissions import areas_of
from workflows.rules import Rule, RuleSet, Status, Unit, day_of

NUMBERED = (
    "clock.nearmiss_first_report",
    "clock.nearmiss_case_submission",
    "clock.nearmiss_verification",
    "clock.nearmiss_review_selection",
    "clock.nearmiss_county_review",
    "clock.nearmiss_county_feedback",
)
UNITS = (Unit.HOURS, Unit.DAYS, Unit.WORKING_DAYS)
INTERVAL, ODD, NAMED = "review.nearmiss", "panel.odd_number_warning", "review.procedure"
PREREVIEW, OUTSIDE = "review.procedure.prereview", "review.procedure.outside"
OPTIONAL = {PREREVIEW: "开会前由秘书预审材料", OUTSIDE: "专家组请外县专家"}


def versions(session: Session, by: Appointment) -> list[ReviewProcedure]:
    """All versions of the commissions of one's area and below it, newest first."""
    units = select(Organisation.id).where(Organisation.region_code.in_(areas_of(by)))
    query = (
        select(ReviewProcedure)
        .where(ReviewProcedure.organisation_id.in_(units))
        .order_by(ReviewProcedure.organisation_id, ReviewProcedure.version.desc())
        .options(
            joinedload(ReviewProcedure.organisation),
            joinedload(ReviewProcedure.drafted_by).joinedload(Appointment.user),
            joinedload(ReviewProcedure.approved_by).joinedload(Appointment.user),
        )
    )
    return list(session.scalars(query))


def in_force(session: Session, county_code: str, day: date) -> ReviewProcedure | None:
    """The approved version of a county that holds on a day: the newest that has begun."""
    unit = places.unit_at(session, county_code, OrganisationKind.COMMISSION, RegionLevel.COUNTY)
    if unit is None:
        return None
    return session.scalars(
        select(ReviewProcedure)
        .where(
            ReviewProcedure.organisation_id == unit.id,
            ReviewProcedure.approved_at.is_not(None),
            ReviewProcedure.valid_from <= day,
        )
        .order_by(ReviewProcedure.valid_from.desc(), ReviewProcedure.version.desc())
        .limit(1)
    ).one_or_none()


def of_case(session: Session, case: Case) -> ReviewProcedure | None:
    """The version that a case goes by, as it was frozen into its rules."""
    named = rules_of(case).find(NAMED)
    if named is None:
        return None
    rows = session.scalars(
        select(ReviewProcedure)
        .join(Organisation, Organisation.id == ReviewProcedure.organisation_id)
        .where(
            Organisation.region_code == named.jurisdiction,
            ReviewProcedure.approved_at.is_not(None),
            ReviewProcedure.valid_from == named.effective_from,
        )
    )
    return next((row for row in rows if title(row) == named.value), None)


def open_limits(rules: RuleSet) -> list[Rule]:
    """The limits of a near miss's review that the documents leave without a number."""
    found = [rules.find(key) for key in NUMBERED]
    return [rule for rule in found if rule is not None and rule.status is Status.UNDEFINED]


def applied(
    session: Session, rules: RuleSet, county_code: str, kind: CaseKind, at: datetime
) -> RuleSet:
    """The rules of a case with what its county has laid down; those of a death as they are."""
    row = None
    if kind is CaseKind.MATERNAL_NEARMISS:
        row = in_force(session, county_code, day_of(at))
    return rules if row is None else with_procedure(rules, row, county_code)


def with_procedure(rules: RuleSet, row: ReviewProcedure, county_code: str) -> RuleSet:
    """The same set, with a number where the procedure gives one and the documents none."""
    said = {
        "status": Status.CONFIRMED,
        "document": row.document,
        "clause": title(row),
        "jurisdiction": county_code,
        "effective_from": row.valid_from,
    }
    changed: dict[str, Rule] = {}
    for rule in open_limits(rules):
        if rule.key in row.limits:
            value, unit = row.limits[rule.key]
            changed[rule.key] = _with(rule, said, value=value, unit=Unit(unit))
    interval = rules.find(INTERVAL)
    if row.interval and interval is not None and interval.value is None:
        changed[INTERVAL] = _with(interval, said, value=row.interval, unit=Unit.MONTH)
    odd = rules.find(ODD)
    if odd is not None and odd.status is Status.PRODUCT:
        changed[ODD] = _with(odd, said, value=row.odd)
    named = Rule(key=NAMED, title="本县（区）评审程序", status=Status.CONFIRMED, unit=Unit.TEXT)
    changed[NAMED] = _with(named, said, value=title(row), clause="")
    for key, asked in ((PREREVIEW, row.prereview), (OUTSIDE, row.outside)):
        if asked:
            step = msgspec.structs.replace(named, key=key, title="本县（区）另加的步骤")
            changed[key] = _with(step, said, value=OPTIONAL[key])
    return msgspec.structs.replace(rules, rules={**rules.rules, **changed})


def _with(rule: Rule, said: dict[str, Any], **more: Any) -> Rule:
    return msgspec.structs.replace(rule, **{**said, "quote": "", "wording": "", "note": "", **more})


def title(row: ReviewProcedure) -> str:
    """第 2 版（自 2026-12-01 起）."""
    return f"第 {row.version} 版（自 {row.valid_from} 起）"
