"""One person at two desks: whoever endorsed what a review concluded of a case leaves it to another
leader of the unit to call people to account for it; where there is no other, says why.

Reads who took a step and who sits where, never what a review thought. Changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models import Appointment, Motion, Role, Task, TaskState
from workflows.desks import on_duty

ENDORSING = "endorse_conclusion"


def endorsed(session: Session, motion: Motion, user_id: int | None) -> bool:
    """Whether this person endorsed a conclusion of the case that a motion is about."""
    if motion.case_id is None or user_id is None:
        return False
    query = select(Task.id).where(
        Task.case_id == motion.case_id,
        Task.effect == ENDORSING,
        Task.state == TaskState.DONE,
        Task.done_by_id == user_id,
    )
    return session.scalar(query.limit(1)) is not None


def other_leaders(session: Session, motion: Motion, now: datetime) -> Sequence[Appointment]:
    """Who of the deciding unit could decide today and has not endorsed it; substitutes included."""
    leaders = on_duty(motion.commission_id, now).where(Appointment.role == Role.COMMISSION_LEADER)
    rows = session.scalars(leaders.options(joinedload(Appointment.user)))
    return [row for row in rows if not endorsed(session, motion, row.user_id)]
