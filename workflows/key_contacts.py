"""重点联系单位, which two documents mean two things by. Rules and queries; knows no page.

Xuzhou's are areas and institutions that do badly, watched more closely (D09): a list that the
commission keeps. Kaifeng's are units of the city that support the others (D10): known by their
kind, on nobody's list. Which of the two a place has, its own rules say.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    KeyContact,
    Motion,
    MotionObject,
    Organisation,
    OrganisationKind,
    RegionLevel,
)
from workflows import measures
from workflows.rules import Rule

LISTED, SUPPORT = "key_contact.listed", "key_contact.support"


def rule_of(by: Appointment, key: str, now: datetime) -> Rule | None:
    """The rule of one's place for one of the two meanings; None where the place has it not."""
    rules = measures.rules_at(by.organisation.region_code, now)
    rule = rules.find(key) if rules else None
    return rule if rule is not None and rule.codes else None


def of_listed() -> ColumnElement[bool]:
    """The motion is about whom its commission has on the list now; about a person of a listed
    institution, too."""
    same = or_(
        and_(KeyContact.object == MotionObject.AREA, Motion.object == MotionObject.AREA),
        and_(KeyContact.object == MotionObject.UNIT, Motion.object != MotionObject.AREA),
    )
    return exists().where(
        KeyContact.commission_id == Motion.commission_id,
        KeyContact.organisation_id == Motion.organisation_id,
        KeyContact.ended_at.is_(None),
        same,
    )


def is_listed(session: Session, motion: Motion) -> bool:
    """The same of one."""
    return session.scalar(select(Motion.id).where(Motion.id == motion.id, of_listed())) is not None


def support_units(session: Session, by: Appointment, rule: Rule) -> list[Organisation]:
    """D10: the city's units of the kinds that the rule names."""
    kinds = [kind for kind in OrganisationKind if kind.value in rule.codes]
    city = f"{by.organisation.region_code[:4]}00"
    query = select(Organisation).where(
        Organisation.kind.in_(kinds),
        Organisation.level == RegionLevel.CITY,
        Organisation.region_code.startswith(city[:4], autoescape=True),
        Organisation.active,
    )
    return list(session.scalars(query.order_by(Organisation.id)))
