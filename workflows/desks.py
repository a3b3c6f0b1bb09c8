"""The desks of a unit: who sits at them today, whose work one gives out. Queries; knows no page."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from models import Appointment, Task, TaskState, User
from workflows.permissions import LANES, LEADS, PERSONAL, in_place, lanes_of, may

_ZONE = ZoneInfo("Asia/Shanghai")


def led_lanes(session: Session, by: Appointment, now: datetime) -> frozenset[str]:
    """Lanes whose desks of one's own unit one gives out the work of; one query.

    A desk that nobody in the unit leads looks after itself, so that no step can get stuck with
    somebody who has left.
    """
    if not may(by, "task:distribute"):
        return frozenset()
    here = on_duty(by.organisation_id, now).with_only_columns(Appointment.role).distinct()
    roles = set(session.scalars(here))
    led = LEADS.get(by.role, frozenset()) | (
        {by.role} if not any(by.role in LEADS.get(role, ()) for role in roles) else set()
    )
    return frozenset(
        lane.code for lane in LANES.values() if lane.at not in PERSONAL and led & set(lane.roles)
    )


def desk_tasks(by: Appointment, led: Iterable[str]) -> Select[Task]:
    """Open steps of the desks of one's own unit that one sits at or leads."""
    return select(Task).where(
        Task.state == TaskState.OPEN,
        Task.organisation_id == by.organisation_id,
        Task.user_id.is_(None),
        Task.lane.in_({*lanes_of(by.role), *led}),
        *(in_place(by) if by.stands_for_id is not None else ()),
    )


def on_duty(organisation_id: int, now: datetime) -> Select[Appointment]:
    """Appointments at a unit that hold today, of people who may sign in."""
    today = now.astimezone(_ZONE).date()
    return (
        select(Appointment)
        .join(Appointment.user)
        .where(
            Appointment.organisation_id == organisation_id,
            Appointment.valid_from <= today,
            or_(Appointment.valid_to.is_(None), Appointment.valid_to >= today),
            User.active,
        )
    )


def colleagues(task: Task, now: datetime) -> Select[Appointment]:
    """Who could do a step of a desk today: its unit's people in the roles of its lane."""
    return on_duty(task.organisation_id or 0, now).where(
        Appointment.role.in_(LANES[task.lane].roles)
    )
