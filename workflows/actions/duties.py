"""Periodic duties: opened when a period is over, reported, taken over or sent back, reminded of.

A month's report (A04) goes from the county's MCH institution to the city's, and from there to the
city's commission. A quarter's notice (C01) is drafted and issued by the city's commission.
"""

from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models import (
    Appointment,
    Duty,
    DutyKind,
    DutyState,
    Organisation,
    OrganisationKind,
    RegionLevel,
    Role,
    Task,
    TaskState,
)
from workflows import duties, engine, places, rules
from workflows.actions import reconciliation
from workflows.actions.tasks import Handing
from workflows.engine import Flags
from workflows.events import EventName, record
from workflows.notifications import tell_desk, tell_holder
from workflows.permissions import Forbidden
from workflows.services import DutyHost

_DESKS = (Role.MCH, Role.COMMISSION, Role.COMMISSION_LEADER)
_OWES = {  # kind of duty: kind of unit, levels at which it is owed
    DutyKind.MONTHLY_REPORT: (OrganisationKind.MCH, (RegionLevel.COUNTY, RegionLevel.CITY)),
    DutyKind.QUARTERLY_NOTICE: (OrganisationKind.COMMISSION, (RegionLevel.CITY,)),
}


class TooSoon(Exception):
    """The unit has been reminded already today."""


def due_units(session: Session, now: datetime, limit: int = 200) -> list[int]:
    """Ids of units that owe something which is not open yet."""
    today = now.astimezone(duties.ZONE).date()
    owing = (
        unit.id
        for kind, (unit_kind, levels) in _OWES.items()
        for unit in _units(session, unit_kind, levels)
        if next(_periods(session, kind, unit, today), None) is not None
    )
    return list(islice(dict.fromkeys(owing), limit))


def open_due(session: Session, unit_id: int, now: datetime) -> bool:
    """Open what a unit owes; False if there is nothing (any more).

    A unit's first duty is that of the last period that is over; from then on none is left out,
    however long nobody looked. The caller commits.
    """
    unit = session.get_one(Organisation, unit_id, with_for_update=True)
    today = now.astimezone(duties.ZONE).date()
    opened = False
    for kind, (unit_kind, levels) in _OWES.items():
        if unit.kind is not unit_kind or unit.level not in levels:
            continue
        for period, rule in list(_periods(session, kind, unit, today)):
            _open(session, kind, unit, period, rule, now)
            opened = True
    return opened


def _units(
    session: Session, kind: OrganisationKind, levels: tuple[RegionLevel, ...]
) -> list[Organisation]:
    return list(
        session.scalars(
            select(Organisation)
            .where(Organisation.kind == kind, Organisation.level.in_(levels), Organisation.active)
            .order_by(Organisation.id)
        )
    )


def _periods(
    session: Session, kind: DutyKind, unit: Organisation, today: date
) -> Iterator[tuple[duties.Period, rules.Rule]]:
    """Periods that are over and for which the unit has no duty yet."""
    try:
        rule = rules.rule_set(unit.region_code, today).find(duties.RULE[kind])
    except rules.UnknownJurisdiction:
        return
    last = duties.last_ended(rule, today) if rule else None
    if rule is None or last is None:
        return
    newest = session.scalars(
        select(Duty)
        .where(Duty.kind == kind, Duty.organisation_id == unit.id)
        .order_by(Duty.starts_on.desc())
        .limit(1)
    ).one_or_none()
    period = duties.Period(newest.starts_on, newest.ends_on).next() if newest else last
    while period.starts_on <= last.starts_on:
        yield period, rule
        period = period.next()


def _open(
    session: Session,
    kind: DutyKind,
    unit: Organisation,
    period: duties.Period,
    rule: rules.Rule,
    now: datetime,
) -> None:
    duty = Duty(
        kind=kind,
        organisation=unit,
        receiver_id=_receiver(session, unit) if kind is DutyKind.MONTHLY_REPORT else None,
        region_code=unit.region_code,
        starts_on=period.starts_on,
        ends_on=period.ends_on,
        rule=msgspec.to_builtins(rule),
        opened_at=now,
    )
    session.add(duty)
    session.flush()
    engine.start(session, duty, kind.value, {}, DutyHost(session, duty, now), now=now)
    record(session, EventName.DUTY_OPENED, now=now, duty=duty.id, title=duty.period)
    tell_desk(
        session,
        EventName.DUTY_OPENED,
        unit.id,
        _DESKS,
        case=None,
        now=now,
        duty=duty.id,
        title=f"{duty.period} {rule.title}",
    )


def _receiver(session: Session, unit: Organisation) -> int | None:
    """Of a county's report the city's MCH institution, of a city's report its commission."""
    code, kind = unit.region_code, OrganisationKind.COMMISSION
    if unit.level is RegionLevel.COUNTY:
        code, kind = unit.region.parent_code or "", OrganisationKind.MCH
    found = places.unit_at(session, code, kind, RegionLevel.CITY)
    return found.id if found else None


# Effects of the steps


def file_month(step: Handing) -> Flags:
    """The month's report is handed in: what it comprises is kept, and who should know is told."""
    duty = step.duty
    duty.content = duties.content(step.session, duty)
    told = {duty.receiver_id, _same_level_commission(step.session, duty)} - {None}
    for unit in sorted(key for key in told if key is not None):
        tell_desk(
            step.session,
            EventName.DUTY_FILED,
            unit,
            _DESKS,
            case=None,
            now=step.now,
            duty=duty.id,
            title=f"{duty.organisation.short_name} {duty.period}",
        )
    record(
        step.session,
        EventName.DUTY_FILED,
        by=step.by,
        now=step.now,
        duty=duty.id,
        cases=len(duty.content["cases"]),
        title=duty.period,
    )
    if duty.receiver_id is None:
        duty.state, duty.done_at = DutyState.DONE, step.now
    return {"has_receiver": duty.receiver_id is not None}


def check_month(step: Handing) -> Flags:
    """Taken over, or sent back with reasons."""
    duty = step.duty
    if step.answers["month_decision"] == "return":
        name = EventName.DUTY_RETURNED
    else:
        name = EventName.DUTY_DONE
        duty.state, duty.done_at = DutyState.DONE, step.now
        reconciliation.compare_duty(step.session, duty, step.now)
    tell_desk(
        step.session,
        name,
        duty.organisation_id,
        _DESKS,
        case=None,
        now=step.now,
        duty=duty.id,
        title=duty.period,
    )
    record(step.session, name, by=step.by, now=step.now, duty=duty.id, title=duty.period)
    return {}


def _same_level_commission(session: Session, duty: Duty) -> int | None:
    """A06 报送至同级卫生行政部门: whom the MCH institution of a place answers to."""
    level = duty.organisation.level
    found = places.unit_at(session, duty.region_code, OrganisationKind.COMMISSION, level)
    return found.id if found else None


def remind(session: Session, duty: Duty, *, by: Appointment, now: datetime) -> int:
    """催报: tell whoever an open duty waits for (A04 加强工作协调和督促); returns how many steps.

    Only from the unit that takes it over or an administration above it, once a day.
    Raises Forbidden, TooSoon.
    """
    if by.organisation_id == duty.organisation_id or by.role not in _DESKS:
        raise Forbidden(duty.id)
    session.execute(select(Duty.id).where(Duty.id == duty.id).with_for_update())
    session.refresh(duty, ["reminded_at"])
    today = now.astimezone(duties.ZONE).date()
    if duty.reminded_at is not None and duty.reminded_at.astimezone(duties.ZONE).date() == today:
        raise TooSoon(duty.id)
    duty.reminded_at = now
    waiting = session.scalars(
        select(Task)
        .where(Task.duty_id == duty.id, Task.state == TaskState.OPEN)
        .options(joinedload(Task.organisation))
    ).all()
    title = f"{duty.period} {duty.rule['title']}"
    for task in waiting:
        tell_holder(session, EventName.DUTY_REMINDED, task, now=now, duty=duty.id, title=title)
    record(session, EventName.DUTY_REMINDED, by=by, now=now, duty=duty.id, title=duty.period)
    return len(waiting)
