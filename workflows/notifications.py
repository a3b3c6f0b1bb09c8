"""Telling people: one line for each person at a desk."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from models import Appointment, Case, Notification, Role, Task, User
from workflows import additions
from workflows.events import EventName
from workflows.permissions import LANES

_ZONE = ZoneInfo("Asia/Shanghai")
_AT_DESKS = (
    select(Appointment.organisation_id, Appointment.role, Appointment.user_id)
    .join(User, User.id == Appointment.user_id)
    .where(
        Appointment.organisation_id.in_(bindparam("units", expanding=True)),
        Appointment.role.in_(bindparam("roles", expanding=True)),
        Appointment.valid_from <= bindparam("today"),
        or_(Appointment.valid_to.is_(None), Appointment.valid_to >= bindparam("today")),
        User.active,
    )
    .order_by(Appointment.organisation_id, Appointment.user_id)
    .execution_options(autoflush=False)  # no step changes who sits where
)


def tell_desk(
    session: Session,
    name: EventName,
    organisation_id: int,
    roles: Iterable[Role],
    *,
    case: Case | None,
    now: datetime,
    **data: Any,
) -> int:
    """Tell everybody who sits at a desk today; returns how many."""
    desk = {organisation_id: tuple(roles)}
    return tell_desks(session, name, desk, case=case, now=now, **data)


def tell_desks(
    session: Session,
    name: EventName,
    desks: Mapping[int, Collection[Role]],
    *,
    case: Case | None,
    now: datetime,
    **data: Any,
) -> int:
    """Tell everybody who sits at one of the desks today, `desks`: unit → roles; returns how many.
    One query."""
    asked = {
        "units": list(desks),
        "roles": sorted({role for roles in desks.values() for role in roles}),
        "today": now.astimezone(_ZONE).date(),
    }
    sits = session.execute(_AT_DESKS, asked).all()
    people = {(unit, user): None for unit, role, user in sits if role in desks[unit]}
    for _unit, user_id in people:
        tell(session, name, user_id, case=case, now=now, **data)
    return len(people)


def tell(
    session: Session,
    name: EventName,
    user_id: int,
    *,
    case: Case | None,
    now: datetime,
    **data: Any,
) -> None:
    """Tell one person."""
    case_id = case.id if case else None
    additions.add(
        session,
        Notification,
        user_id=user_id,
        case_id=case_id,
        at=now,
        name=name.value,
        data=data,
    )


def tell_holder(
    session: Session, name: EventName, task: Task, *, now: datetime, **data: Any
) -> None:
    """Tell whoever an open step waits for."""
    if task.user_id is not None:
        tell(session, name, task.user_id, case=task.case, now=now, **data)
    elif task.organisation_id is not None:
        roles = LANES[task.lane].roles
        tell_desk(session, name, task.organisation_id, roles, case=task.case, now=now, **data)
