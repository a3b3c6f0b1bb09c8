"""Which measure may be taken against whom, by which rule; who decides, where it is filed.

Rules and places only: reads no case. Changes nothing, knows no page.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    DutyKind,
    Measure,
    MotionObject,
    Organisation,
    OrganisationKind,
    Region,
    RegionLevel,
)
from workflows import places
from workflows.rules import Rule, RuleSet, UnknownJurisdiction, rule_set

MILDEST_FIRST = tuple(Measure)
HOST = {  # what carries a measure out; a notice is drafted where notices are
    Measure.REMIND: DutyKind.REMINDER,
    Measure.SUPERVISE: DutyKind.SUPERVISION,
    Measure.INTERVIEW: DutyKind.INTERVIEW,
}
MEASURES = tuple(HOST.values())
_INSTITUTIONS = (OrganisationKind.HOSPITAL, OrganisationKind.MCH, OrganisationKind.RESCUE_CENTRE)
# A notice is addressed to whom an interview is: the documents name both together.
_OBJECTS = {
    Measure.REMIND: "remind.objects",
    Measure.SUPERVISE: "supervise.objects",
    Measure.INTERVIEW: "interview.objects",
    Measure.NOTICE: "interview.objects",
}


def rules_at(code: str, now: datetime) -> RuleSet | None:
    """The rules in force at a place today; None where nobody has written any."""
    try:
        return rule_set(code, now)
    except UnknownJurisdiction:
        return None


def names(trigger: Rule) -> list[Measure]:
    """The measures that the trigger's clause names, the mildest first."""
    return [measure for measure in MILDEST_FIRST if measure.value in trigger.codes]


def allowed(
    rules: RuleSet,
    trigger: Rule,
    about: MotionObject,
    unit: Organisation,
    *,
    listed: bool = False,
) -> list[Measure]:
    """The measures a leader may choose among: none harder than the clause names, each open to such
    an object where the place's rules say who its objects are (D04, D07, D09).

    `listed`: on the list of 重点联系单位, whose clause names 约谈 and 通报 itself (D09).
    """
    named = [*names(trigger), *([Measure.INTERVIEW, Measure.NOTICE] if listed else [])]
    hardest = MILDEST_FIRST.index(named[-1]) if named else -1
    return [
        measure
        for measure in MILDEST_FIRST[: hardest + 1]
        if _open_to(rules, measure, about, unit) and _within(trigger, about, unit)
    ]


def _open_to(rules: RuleSet, measure: Measure, about: MotionObject, unit: Organisation) -> bool:
    rule = rules.find(_OBJECTS[measure])
    return rule is not None and bool(codes_of(about, unit) & set(rule.codes))


def _within(trigger: Rule, about: MotionObject, unit: Organisation) -> bool:
    return not trigger.objects or bool(codes_of(about, unit) & set(trigger.objects))


def codes_of(about: MotionObject, unit: Organisation) -> set[str]:
    """What the rules call such an object: 地区、个人、单位, 医疗保健机构 among the last."""
    if about is not MotionObject.UNIT:
        return {about.value}
    return {"unit", "institution"} if unit.kind in _INSTITUTIONS else {"unit"}


def area_of(session: Session, unit: Organisation) -> Region:
    """The area a unit works for: a city's hospital may stand in one of its counties."""
    region = unit.region
    if unit.level is RegionLevel.CITY and region.level is RegionLevel.COUNTY:
        return session.scalars(select(Region).where(Region.code == region.parent_code)).one()
    return region


def commission_of(session: Session, area: Region) -> Organisation | None:
    """An area's own commission."""
    return places.unit_at(session, area.code, OrganisationKind.COMMISSION, area.level)


def above(session: Session, area: Region) -> Organisation | None:
    """The commission of the area above; None where it is not in this system."""
    query = select(Region).where(Region.code == (area.parent_code or ""))
    parent = session.scalars(query).one_or_none()
    return commission_of(session, parent) if parent is not None else None


def decider(session: Session, about: MotionObject, unit: Organisation) -> Organisation | None:
    """Whose leader decides: the area's commission; of an area or a commission the one above."""
    area = area_of(session, unit)
    if about is MotionObject.AREA or unit.kind is OrganisationKind.COMMISSION:
        return above(session, area)
    return commission_of(session, area)


def filing(session: Session, rules: RuleSet, commission: Organisation) -> Organisation | None:
    """With whom an interview is filed (D04 同时报市卫生健康委备案): the city's commission, unless
    it holds the interview itself; None where the rules ask for no filing."""
    if rules.find("interview.filing") is None or commission.level is not RegionLevel.COUNTY:
        return None
    return above(session, commission.region)
