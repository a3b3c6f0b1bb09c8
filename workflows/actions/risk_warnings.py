"""自动警示 of the register: what the worker warns of once, and whom the register tells."""

from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    OrganisationKind,
    RegionLevel,
    RiskRecord,
    RiskReport,
    Role,
)
from workflows import places
from workflows.events import EventName, record
from workflows.notifications import tell_desk
from workflows.rules import day_of

DESKS = (Role.DEPARTMENT, Role.QUALITY_OFFICE, Role.MCH)


def due_records(session: Session, now: datetime, limit: int = 200) -> list[int]:
    """Ids of records of which something has become late and nobody has been told. Indexed looks."""
    late = select(RiskReport.record_id).where(
        RiskReport.reported_at.is_(None), RiskReport.due_at < now, RiskReport.alerted_at.is_(None)
    )
    passed = select(RiskRecord.id).where(
        RiskRecord.closed_at.is_(None),
        RiskRecord.next_on < day_of(now),
        or_(RiskRecord.alerted_on.is_(None), RiskRecord.alerted_on < RiskRecord.next_on),
    )
    return list(session.scalars(late.union(passed).limit(limit)))


def warn(session: Session, record_id: int, now: datetime) -> bool:
    """自动警示: event and notification once for each report and follow-up that is late; False if
    there is none (any more). The caller commits."""
    row = session.get_one(RiskRecord, record_id, with_for_update=True)
    return any([_warn_of_reports(session, row, now), _warn_of_follow_up(session, row, now)])


def _warn_of_reports(session: Session, row: RiskRecord, now: datetime) -> bool:
    owed = session.scalars(
        select(RiskReport).where(
            RiskReport.record_id == row.id,
            RiskReport.reported_at.is_(None),
            RiskReport.due_at < now,
            RiskReport.alerted_at.is_(None),
        )
    ).all()
    for each in owed:
        each.alerted_at = now
        told = {"assessment": each.assessment_id}
        enter(session, row, EventName.RISK_REPORT_LATE, None, now, **told)
        tell(session, row, EventName.RISK_REPORT_LATE, now)
    return bool(owed)


def _warn_of_follow_up(session: Session, row: RiskRecord, now: datetime) -> bool:
    day = row.next_on
    told = row.alerted_on is not None and day is not None and row.alerted_on >= day
    if row.closed_at is not None or day is None or day >= day_of(now) or told:
        return False
    row.alerted_on = day
    enter(session, row, EventName.RISK_FOLLOW_UP_LATE, None, now, day=day.isoformat())
    tell(session, row, EventName.RISK_FOLLOW_UP_LATE, now)
    return True


def tell(session: Session, row: RiskRecord, name: EventName, now: datetime) -> None:
    """The responsible unit's desks, and the county's MCH institution."""
    mch = places.unit_at(session, row.county_code, OrganisationKind.MCH, RegionLevel.COUNTY)
    units = [row.organisation_id, *([mch.id] if mch else [])]
    told = {"record": row.id, "number": row.number}
    for unit in dict.fromkeys(units):
        tell_desk(session, name, unit, DESKS, case=None, now=now, **told)


def enter(
    session: Session,
    row: RiskRecord,
    name: EventName,
    by: Appointment | None,
    now: datetime,
    **told: Any,
) -> None:
    """One event of a record: its number, and ids."""
    record(session, name, by=by, now=now, record=row.id, number=row.number, **told)
