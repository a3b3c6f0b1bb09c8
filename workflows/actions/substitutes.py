"""代理: somebody stands in for an absent colleague of the same unit, from one day to another.

A substitute gets an appointment of their own that says whose place it fills, acts under it by
choice, and everything done under it names both. Nobody stands in for a reviewer or a secretary of
a panel: opinions and minutes are personal, the convening commission seats somebody else. Nor does
anybody stand in for the one who stands in for them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from models import Appointment, Organisation
from workflows.actions.accounts import ADMINISTRATORS, today, yesterday
from workflows.actions.tasks import InvalidAnswers
from workflows.desks import on_duty
from workflows.events import EventName, record
from workflows.notifications import tell
from workflows.permissions import (
    LEADS,
    PERMISSIONS,
    Forbidden,
    require,
)

LONGEST = 366  # days
PERSONAL = "评审意见、评审记录和签名只能由本人作出，不能代理；不能履行的，由组织评审的单位另行聘请"


@dataclass(frozen=True, slots=True)
class Absence:
    """From the first to the last day; `diagram`: for one process only."""

    first: date
    last: date
    diagram: str | None = None


def arrange(
    session: Session,
    absent: Appointment,
    user_id: int | None,
    absence: Absence,
    *,
    by: Appointment,
    now: datetime,
) -> Appointment:
    """Let a colleague act in somebody's place: arranged by the absent one, or by who leads them.

    Raises Forbidden, InvalidAnswers ("absent", "user", "first", "last").
    """
    require(by, "substitute:arrange")
    if not may_arrange(by, absent):
        raise Forbidden(absent.id)
    # Of one unit one after the other: two at once could close a circle that neither sees.
    session.get_one(Organisation, absent.organisation_id, with_for_update=True)
    if errors := _faults(session, absent, user_id, absence, now):
        raise InvalidAnswers(errors)
    held = Appointment(
        user_id=user_id,
        organisation_id=absent.organisation_id,
        role=absent.role,
        department=absent.department,
        valid_from=absence.first,
        valid_to=absence.last,
        stands_for=absent,
        diagram=absence.diagram,
    )
    session.add(held)
    session.flush()
    _note(session, EventName.SUBSTITUTE_ARRANGED, held, by, now)
    return held


def end(session: Session, held: Appointment, *, by: Appointment, now: datetime) -> None:
    """It is over at once: the absent one is back, the substitute cannot, or the lead decides.

    What was done stays on record. Raises Forbidden.
    """
    if held.stands_for is None or not may_end(by, held):
        raise Forbidden(held.id)
    last = yesterday(now)
    if held.valid_to is not None and held.valid_to <= last:
        return
    held.valid_to = last
    for further in session.scalars(select(Appointment).where(Appointment.stands_for_id == held.id)):
        further.valid_to = min(further.valid_to or last, last)
    _note(session, EventName.SUBSTITUTE_ENDED, held, by, now)


def may_arrange(by: Appointment, absent: Appointment) -> bool:
    """One's own absence; or that of somebody of one's unit whose desk one leads."""
    if absent.user_id == by.user_id:
        return True
    ours = absent.organisation_id == by.organisation_id
    return ours and absent.role in LEADS.get(by.role, frozenset())


def may_end(by: Appointment, held: Appointment) -> bool:
    """The substitute, the absent one, whoever leads the desk."""
    return by.user_id == held.user_id or (
        held.stands_for is not None and may_arrange(by, held.stands_for)
    )


def of_unit(by: Appointment, now: datetime) -> Select[Appointment]:
    """Those who stand in, now or later, that this person may know of."""
    absent = aliased(Appointment)
    led = LEADS.get(by.role, frozenset())
    return (
        select(Appointment)
        .join(absent, absent.id == Appointment.stands_for_id)
        .where(
            or_(Appointment.valid_to.is_(None), Appointment.valid_to >= today(now)),
            or_(
                Appointment.user_id == by.user_id,
                absent.user_id == by.user_id,
                (Appointment.organisation_id == by.organisation_id) & Appointment.role.in_(led),
            ),
        )
        .options(
            joinedload(Appointment.user),
            joinedload(Appointment.stands_for).joinedload(Appointment.user),
        )
        .order_by(Appointment.valid_from, Appointment.id)
    )


def replaceable(session: Session, by: Appointment, now: datetime) -> list[Appointment]:
    """Appointments of the unit whose absence this person may arrange; the own ones first."""
    here = on_duty(by.organisation_id, now).options(joinedload(Appointment.user))
    found = [
        held
        for held in session.scalars(here.order_by(Appointment.id))
        if held.role in PERMISSIONS["substitute:arrange"] and may_arrange(by, held)
    ]
    return sorted(found, key=lambda held: (held.user_id != by.user_id, held.id))


def colleagues(session: Session, by: Appointment, now: datetime) -> list[Appointment]:
    """Who could stand in: everybody of the unit with an appointment of their own, by name."""
    here = on_duty(by.organisation_id, now).where(
        Appointment.stands_for_id.is_(None), Appointment.role.not_in(ADMINISTRATORS)
    )
    found = {held.user_id: held for held in session.scalars(here)}
    return sorted(found.values(), key=lambda held: (held.user.name, held.user_id))


def _faults(
    session: Session, absent: Appointment, user_id: int | None, absence: Absence, now: datetime
) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    if absent.role not in PERMISSIONS["substitute:arrange"]:
        errors["absent"] = [PERSONAL]
    if absence.first < today(now):
        errors["first"] = ["从今天起选，过去的日子不能补办"]
    if not 0 <= (absence.last - absence.first).days <= LONGEST:
        errors["last"] = [f"最后一天不早于开始日期，一次最长 {LONGEST} 天"]
    elif absent.valid_to is not None and absence.last > absent.valid_to:
        errors["last"] = [f"被代理的任职到 {absent.valid_to} 为止，代理不能更长"]
    if not errors and (message := _unfit(session, absent, user_id, absence, now)):
        errors["user"] = [message]
    return errors


def _unfit(
    session: Session, absent: Appointment, user_id: int | None, absence: Absence, now: datetime
) -> str:
    if user_id is None or user_id == absent.user_id:
        return "选一位同事"
    if user_id not in [held.user_id for held in colleagues(session, absent, now)]:
        return "从本单位在任的同事中选一位"
    beside = _overlapping(session, absent.organisation_id, absence)
    if taken := next((each for each in beside if _same_place(each, absent, absence)), None):
        return f"这段时间已由{taken.user.name}代理，先结束那一项"
    if _is_circular(absent, user_id, beside):
        return "这样会互相代理，没有人办：所选的同事这段时间由被代理人代理，另选一位"
    return ""


def _overlapping(session: Session, organisation_id: int, absence: Absence) -> list[Appointment]:
    """Everybody of the unit who stands in for somebody on some of these days."""
    query = select(Appointment).where(
        Appointment.organisation_id == organisation_id,
        Appointment.stands_for_id.is_not(None),
        Appointment.valid_from <= absence.last,
        Appointment.valid_to >= absence.first,
        Appointment.valid_to >= Appointment.valid_from,  # else it was ended before it began
    )
    return list(session.scalars(query.options(joinedload(Appointment.stands_for))))


def _same_place(held: Appointment, absent: Appointment, absence: Absence) -> bool:
    if held.stands_for_id != absent.id:
        return False
    return held.diagram is None or absence.diagram in (None, held.diagram)


def _is_circular(absent: Appointment, user_id: int, beside: Iterable[Appointment]) -> bool:
    """Whether the way from the substitute over their substitutes leads back to the absent one."""
    leads: dict[int, set[int]] = {}
    for held in beside:
        if held.stands_for is not None:
            leads.setdefault(held.stands_for.user_id, set()).add(held.user_id)
    waiting, seen = [user_id], set(absent.people)
    if user_id in seen:
        return True
    reached: set[int] = set()
    while waiting:
        person = waiting.pop()
        if person in seen:
            return True
        if person not in reached:
            reached.add(person)
            waiting += leads.get(person, ())
    return False


def _note(
    session: Session, name: EventName, held: Appointment, by: Appointment, now: datetime
) -> None:
    if held.stands_for is None:
        return
    record(
        session,
        name,
        by=by,
        now=now,
        user=held.user_id,
        absent=held.stands_for.user_id,
        appointment=held.id,
        role=held.role.value,
        organisation=held.organisation_id,
        first_day=held.valid_from.isoformat(),
        last_day=held.valid_to.isoformat() if held.valid_to else None,
        diagram=held.diagram,
    )
    for person in {held.user_id, held.stands_for.user_id} - {by.user_id}:
        tell(session, name, person, case=None, now=now)
