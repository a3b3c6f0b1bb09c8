"""Who is responsible where: the units of a county or a city, and the guiding rescue centre."""

from datetime import date

from sqlalchemy import ColumnElement, and_, bindparam, event, or_, select
from sqlalchemy.orm import Session, SessionTransaction

from models import (
    Appointment,
    Case,
    Level,
    Organisation,
    OrganisationKind,
    RegionLevel,
    Zone,
    ZoneKind,
)


class NoUnit(LookupError):
    """A county or city lacks a unit that the process needs; an administrator must enter it."""


def unit_of(session: Session, case: Case, kind: OrganisationKind, level: Level) -> Organisation:
    """The county's or city's own MCH institution or commission. NoUnit if there is none."""
    code = case.county_code if level == Level.COUNTY else case.city_code
    return unit_there(session, code, kind, level)


def unit_there(session: Session, code: str, kind: OrganisationKind, level: Level) -> Organisation:
    """The same of an area. NoUnit if there is none."""
    found = unit_at(session, code, kind, RegionLevel(level.value))
    if found is None:
        raise NoUnit(f"{code} has no {kind.value}")
    return found


def unit_at(
    session: Session, code: str, kind: OrganisationKind, level: RegionLevel
) -> Organisation | None:
    """The area's own unit of a kind; of several the one entered first. Asked once a transaction."""
    known: dict[object, Organisation] = session.info.setdefault(_KNOWN, {})
    found = known.get((code, kind, level))
    if found is None or not found.active:
        asked = {"code": code, "kind": kind, "at": level}
        found = session.scalars(_UNIT_AT, asked).one_or_none()
    if found is not None:
        known[code, kind, level] = found
    return found


_KNOWN = "units"


@event.listens_for(Session, "after_transaction_end")
def _forget(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_KNOWN, None)


_UNIT_AT = (
    select(Organisation)
    .where(
        Organisation.kind == bindparam("kind"),
        Organisation.region_code == bindparam("code"),
        Organisation.level == bindparam("at"),
        Organisation.active,
    )
    .order_by(Organisation.id)
    .limit(1)
    .execution_options(autoflush=False)  # no step changes an organisation
)


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


def reporting_units(session: Session, by: Appointment) -> list[Organisation]:
    """Units whose cases may reach this person: the own one, or those of the area it looks after."""
    own = by.organisation
    if own.kind not in (OrganisationKind.MCH, OrganisationKind.COMMISSION):
        return [own]
    kinds = (OrganisationKind.COMMISSION, OrganisationKind.QUALITY_CENTRE)
    query = select(Organisation).where(_around(own), Organisation.kind.not_in(kinds))
    return list(session.scalars(query.order_by(Organisation.region_code, Organisation.id)))


def responsible_units(session: Session, by: Appointment) -> list[Organisation]:
    """Units that may have to act in a case this person sees: of the area, and those above it."""
    own = by.organisation
    offices = Organisation.kind.in_((OrganisationKind.MCH, OrganisationKind.COMMISSION))
    city = f"{own.region_code[:4]}00"
    above = and_(Organisation.region_code.in_((own.region_code, city)), offices)
    ours = (
        _around(own)
        if own.kind in (OrganisationKind.MCH, OrganisationKind.COMMISSION)
        else (Organisation.id == own.id)
    )
    query = select(Organisation).where(or_(ours, above))
    return list(session.scalars(query.order_by(Organisation.region_code, Organisation.id)))


def _around(own: Organisation) -> ColumnElement[bool]:
    """In the unit's own area: its county, or all of its city."""
    code = own.region_code
    if own.level is RegionLevel.COUNTY:
        return Organisation.region_code == code
    return Organisation.region_code.startswith(code[:4], autoescape=True)
