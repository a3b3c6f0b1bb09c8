"""Who is responsible where: the units of a county or a city, and the guiding rescue centre."""

from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models import Case, Level, Organisation, OrganisationKind, Zone, ZoneKind


class NoUnit(LookupError):
    """A county or city lacks a unit that the process needs; an administrator must enter it."""


def unit_of(session: Session, case: Case, kind: OrganisationKind, level: Level) -> Organisation:
    """The county's or city's own MCH institution or commission. NoUnit if there is none."""
    code = case.county_code if level == Level.COUNTY else case.city_code
    found = session.scalars(
        select(Organisation)
        .where(
            Organisation.kind == kind,
            Organisation.region_code == code,
            Organisation.level == level.value,
            Organisation.active,
        )
        .order_by(Organisation.id)
        .limit(1)
    ).one_or_none()
    if found is None:
        raise NoUnit(f"{code} has no {kind.value}")
    return found


def guide_centre(
    session: Session, county_code: str, day: date, kind: ZoneKind = ZoneKind.MATERNAL
) -> Organisation | None:
    """The rescue centre whose zone the county is in on that day (H14–H16)."""
    return session.scalars(
        select(Organisation)
        .join(Zone, Zone.centre_id == Organisation.id)
        .where(
            Zone.county_code == county_code,
            Zone.kind == kind,
            Zone.valid_from <= day,
            or_(Zone.valid_to.is_(None), Zone.valid_to >= day),
        )
        .order_by(Zone.valid_from.desc())
        .limit(1)
    ).one_or_none()
