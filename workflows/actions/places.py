"""Organisations and the zone map, as the system administrator keeps them.

What a case depends on does not change under it: an organisation that has taken part in one keeps
its kind, level and region, and the last of its kind stays in force while cases of its area run.
Every change leaves an event. Knows no page; who is responsible where is asked in workflows.places.
"""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Case,
    CaseState,
    CaseUnit,
    Organisation,
    OrganisationKind,
    Region,
    RegionLevel,
    Zone,
    ZoneKind,
)
from workflows import regions
from workflows.actions.accounts import today, yesterday
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName, record
from workflows.permissions import PARTS, require

VIEW = "system:view"
# Their area is what they answer for: a county's commission sits in the county, a city's in the city
_OF_AN_AREA = frozenset({OrganisationKind.MCH, OrganisationKind.COMMISSION})
_HOSTS = frozenset({OrganisationKind.HOSPITAL, OrganisationKind.MCH})
FIXED = ("kind", "level", "region_code")
FROZEN = "已有病例涉及这个机构，这一项不能改；情况变了就停用它，另登记一个"

Errors = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Particulars:
    """What is known of an organisation. `host_id`: the hospital whose duty a centre is."""

    name: str
    short_name: str
    kind: OrganisationKind
    level: RegionLevel
    region_code: str
    grade: str | None = None
    host_id: int | None = None
    phone: str | None = None


def add_organisation(
    session: Session, particulars: Particulars, *, by: Appointment, now: datetime
) -> Organisation:
    """Enter an organisation. The very same entered twice is one. Forbidden, InvalidAnswers."""
    require(by, VIEW)
    before = _named(session, particulars.name)
    if before is not None and not _differences(before, particulars):
        return before
    if errors := _faults_of(session, particulars, before):
        raise InvalidAnswers(errors)
    row = Organisation(**asdict(particulars))
    session.add(row)
    session.flush()
    record(session, EventName.ORGANISATION_ADDED, by=by, now=now, organisation=row.id)
    return row


def change_organisation(
    session: Session,
    row: Organisation,
    particulars: Particulars,
    *,
    by: Appointment,
    now: datetime,
) -> bool:
    """Correct an organisation; whether anything was different. Raises Forbidden, InvalidAnswers."""
    require(by, VIEW)
    changed = _differences(row, particulars)
    errors = _faults_of(session, particulars, _named(session, particulars.name), row)
    if is_used(session, row):
        errors |= {name: [FROZEN] for name in FIXED if name in changed}
    if errors:
        raise InvalidAnswers(errors)
    for name in changed:
        setattr(row, name, getattr(particulars, name))
    if changed:
        _note(session, row, "particulars", by, now, fields=changed)
    return bool(changed)


def deactivate_organisation(
    session: Session, row: Organisation, *, by: Appointment, now: datetime
) -> None:
    """No new case comes to it, and pickers leave it out. Raises Forbidden, InvalidAnswers."""
    require(by, VIEW)
    if not row.active:
        return
    if message := _needed(session, row, today(now)):
        raise InvalidAnswers({"": [message]})
    row.active = False
    _note(session, row, "deactivated", by, now)


def activate_organisation(
    session: Session, row: Organisation, *, by: Appointment, now: datetime
) -> None:
    """Put it back in force. Raises Forbidden."""
    require(by, VIEW)
    if row.active:
        return
    row.active = True
    _note(session, row, "activated", by, now)


def add_zone(
    session: Session,
    centre: Organisation,
    county: Region,
    kind: ZoneKind,
    valid_from: date,
    valid_to: date | None,
    *,
    by: Appointment,
    now: datetime,
) -> Zone:
    """Let a rescue centre stand behind a county (H14–H16). The very same twice is one.

    Raises Forbidden, InvalidAnswers.
    """
    require(by, VIEW)
    session.refresh(county, with_for_update=True)  # two entries at once must see each other
    of_county = session.scalars(
        select(Zone).where(Zone.county_code == county.code, Zone.kind == kind)
    ).all()
    row = next((z for z in of_county if z.centre == centre and z.valid_from == valid_from), None)
    if row is not None and row.valid_to == valid_to:
        return row
    errors = _wrong_zone(centre, county, valid_from, valid_to)
    if any(_overlap(zone, valid_from, valid_to) for zone in of_county):
        errors["county"] = ["这个县（区）在这段时间已有救治中心，先结束原来的"]
    if errors:
        raise InvalidAnswers(errors)
    row = row or Zone(centre=centre, county=county, kind=kind, valid_from=valid_from)
    row.valid_to = valid_to
    session.add(row)
    session.flush()
    _note_zone(session, EventName.ZONE_ADDED, row, by, now)
    return row


def end_zone(
    session: Session, row: Zone, last_day: date, *, by: Appointment, now: datetime
) -> None:
    """Let a zone end with a day; with yesterday, it ends now. Raises Forbidden, InvalidAnswers."""
    require(by, VIEW)
    if row.valid_to == last_day:
        return
    if row.valid_to is not None and row.valid_to < last_day:
        raise InvalidAnswers({"last_day": [f"这一片区到 {row.valid_to} 为止，要延长就另外登记"]})
    if last_day < yesterday(now):
        raise InvalidAnswers({"last_day": ["已经过去的日子不能改，最后一天从今天起选"]})
    row.valid_to = last_day
    _note_zone(session, EventName.ZONE_ENDED, row, by, now, last_day=last_day.isoformat())


def is_used(session: Session, row: Organisation) -> bool:
    """Whether a case involves it."""
    reported = exists().where(Case.organisation_id == row.id)
    involved = (exists().where(CaseUnit.organisation_id == row.id, part) for part in PARTS)
    return bool(session.scalar(select(or_(reported, *involved))))


def _named(session: Session, name: str) -> Organisation | None:
    return session.scalars(select(Organisation).where(Organisation.name == name)).one_or_none()


def _differences(row: Organisation, particulars: Particulars) -> list[str]:
    return [name for name, value in asdict(particulars).items() if getattr(row, name) != value]


def _faults_of(
    session: Session,
    particulars: Particulars,
    namesake: Organisation | None,
    row: Organisation | None = None,
) -> Errors:
    errors: Errors = {}
    if namesake is not None and namesake is not row:
        errors["name"] = ["已有同名的机构"]
    region = regions.get(session, particulars.region_code)
    if region is None:
        errors["region_code"] = ["没有这个地区，从列表中选择"]
    elif particulars.kind in _OF_AN_AREA and region.level != particulars.level:
        errors["region_code"] = ["地区要与机构级别一致：县级机构选县（区），市级机构选市"]
    if message := _wrong_host(session, particulars, row):
        errors["host_id"] = [message]
    return errors


def _wrong_host(session: Session, particulars: Particulars, row: Organisation | None) -> str | None:
    if particulars.host_id is None:
        needed = particulars.kind == OrganisationKind.RESCUE_CENTRE
        return "选择救治中心设在哪个医疗机构" if needed else None
    if particulars.kind in (*_HOSTS, OrganisationKind.COMMISSION):
        return "只有救治中心和质控中心设在别的机构"
    host = session.get(Organisation, particulars.host_id)
    if host is None or host is row or host.kind not in _HOSTS:
        return "选择一个医院或妇幼保健机构"
    return None


def _needed(session: Session, row: Organisation, day: date) -> str | None:
    """Why it cannot be spared just now."""
    running_zone = exists().where(
        Zone.centre_id == row.id, or_(Zone.valid_to.is_(None), Zone.valid_to >= day)
    )
    if session.scalar(select(running_zone)):
        return "还有县（区）由它对口，先在片区里结束"
    if row.kind not in _OF_AN_AREA or _has_substitute(session, row):
        return None
    of_area = Case.county_code if row.level == RegionLevel.COUNTY else Case.city_code
    running = exists().where(
        of_area == row.region_code, Case.state.not_in((CaseState.CLOSED, CaseState.VOIDED))
    )
    if session.scalar(select(running)):
        return "本地区还有没办完的病例要经过它，先登记接替的机构"
    return None


def _has_substitute(session: Session, row: Organisation) -> bool:
    """Another of the same kind for the same area, to which what comes next would go."""
    query = exists().where(
        Organisation.id != row.id,
        Organisation.kind == row.kind,
        Organisation.level == row.level,
        Organisation.region_code == row.region_code,
        Organisation.active,
    )
    return bool(session.scalar(select(query)))


def _wrong_zone(
    centre: Organisation, county: Region, valid_from: date, valid_to: date | None
) -> Errors:
    errors: Errors = {}
    if centre.kind != OrganisationKind.RESCUE_CENTRE or not centre.active:
        errors["centre"] = ["选择一个在用的救治中心"]
    if county.level != RegionLevel.COUNTY:
        errors["county"] = ["选到县（区）一级"]
    if valid_to is not None and valid_to < valid_from:
        errors["valid_to"] = ["最后一天不能早于开始日期"]
    return errors


def _overlap(zone: Zone, valid_from: date, valid_to: date | None) -> bool:
    if zone.valid_to is not None and zone.valid_to < zone.valid_from:
        return False  # withdrawn before its first day
    begins_before_it_ends = valid_to is None or zone.valid_from <= valid_to
    return begins_before_it_ends and (zone.valid_to is None or zone.valid_to >= valid_from)


def _note(
    session: Session, row: Organisation, what: str, by: Appointment, now: datetime, **data: Any
) -> None:
    record(
        session,
        EventName.ORGANISATION_CHANGED,
        by=by,
        now=now,
        organisation=row.id,
        what=what,
        **data,
    )


def _note_zone(
    session: Session, name: EventName, row: Zone, by: Appointment, now: datetime, **data: Any
) -> None:
    record(
        session,
        name,
        by=by,
        now=now,
        zone=row.id,
        organisation=row.centre.id,
        county=row.county.code,
        kind=row.kind.value,
        **data,
    )
