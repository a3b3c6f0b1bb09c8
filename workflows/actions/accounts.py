"""Accounts and appointments, as the security administrator keeps them.

Nobody does any of it to himself, so at least one administrator is always left. The three kinds of
administrators exclude each other and every other role: none of them comes to see a case. Every
change leaves an event with ids and plain words. Knows no page; the passwords it is given were made
at the edge.
"""

import re
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Discipline,
    Organisation,
    OrganisationKind,
    Role,
    Task,
    TaskState,
    User,
    UserSession,
)
from workflows.actions import users
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName, record
from workflows.permissions import lanes_of, require

ADMINISTER = "user:administer"
ADMINISTRATORS = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})
USERNAME = re.compile(r"[a-z][a-z0-9._-]{2,31}")
BAD_USERNAME = "用小写字母开头，3 至 32 位，只用小写字母、数字和 . _ -"
_CARE = frozenset({OrganisationKind.HOSPITAL, OrganisationKind.MCH, OrganisationKind.RESCUE_CENTRE})
# Desks exist at some kinds of organisation only; roles not named here fit anywhere.
SEATS: dict[Role, frozenset[OrganisationKind]] = {
    Role.DEPARTMENT: _CARE,
    Role.QUALITY_OFFICE: _CARE,
    Role.HEAD: _CARE,
    Role.MCH: frozenset({OrganisationKind.MCH}),
    Role.COMMISSION: frozenset({OrganisationKind.COMMISSION}),
    Role.COMMISSION_LEADER: frozenset({OrganisationKind.COMMISSION}),
}


@dataclass(frozen=True, slots=True)
class Particulars:
    """What is known of a person beside the account."""

    name: str
    phone: str | None = None
    title: str | None = None
    discipline: Discipline | None = None


@dataclass(frozen=True, slots=True)
class Seat:
    """An appointment to be made. `valid_to` is the last day; None while nobody says otherwise."""

    organisation: Organisation
    role: Role
    department: str | None
    valid_from: date
    valid_to: date | None


def create_account(
    session: Session,
    username: str,
    particulars: Particulars,
    password: str,
    *,
    by: Appointment,
    now: datetime,
) -> User:
    """A new person with a password for one use. Raises Forbidden, InvalidAnswers.

    Asked for a second time with the same password, before that was used, it is the same request
    sent twice: the account made by the first is returned.
    """
    require(by, ADMINISTER)
    if not USERNAME.fullmatch(username):
        raise InvalidAnswers({"username": [BAD_USERNAME]})
    before = session.scalars(select(User).where(User.username == username)).one_or_none()
    if before is not None:
        if before.must_change_password and users.verify_password(before, password):
            return before
        raise InvalidAnswers({"username": ["这个用户名已经有人用，换一个"]})
    user = User(
        username=username,
        **asdict(particulars),
        password_hash="",
        must_change_password=True,
        created_at=now,
    )
    users.check_strength(user, password)
    user.password_hash = users.hash_password(password)
    session.add(user)
    session.flush()
    record(session, EventName.ACCOUNT_CREATED, by=by, now=now, user=user.id)
    return user


def change_account(
    session: Session, user: User, particulars: Particulars, *, by: Appointment, now: datetime
) -> bool:
    """Correct what is known of a person; whether anything was different.

    Raises Forbidden, InvalidAnswers.
    """
    require(by, ADMINISTER)
    if particulars.discipline is None and any(_is_expert(held, now) for held in user.appointments):
        raise InvalidAnswers({"discipline": ["任评审专家期间要有专业"]})
    changed = [name for name, value in asdict(particulars).items() if getattr(user, name) != value]
    for name in changed:
        setattr(user, name, getattr(particulars, name))
    if changed:
        _note_change(session, user, "particulars", by, now, fields=changed)
    return bool(changed)


def reset_password(
    session: Session, user: User, password: str, *, by: Appointment, now: datetime
) -> None:
    """A password for one use in place of a forgotten one; ends all sessions, lifts a lock.

    With the password that is already set so, nothing changes. Raises Forbidden, InvalidAnswers.
    """
    require(by, ADMINISTER)
    _refuse_self(user, by, "自己的密码在右上角「修改密码」里改")
    if user.must_change_password and users.verify_password(user, password):
        return
    users.check_strength(user, password)
    user.password_hash, user.must_change_password = users.hash_password(password), True
    user.failed_signins, user.locked_until = 0, None
    ended = _end_all(session, user, now)
    _note_change(session, user, "password", by, now, sessions=ended)


def disable_account(session: Session, user: User, *, by: Appointment, now: datetime) -> None:
    """Nobody signs in with it any more, and all its sessions end now. Forbidden, InvalidAnswers."""
    require(by, ADMINISTER)
    _refuse_self(user, by, "不能停用自己的账号，由另一位安全管理员办理")
    if not user.active:
        return
    user.active = False
    _note_change(session, user, "disabled", by, now, sessions=_end_all(session, user, now))


def enable_account(session: Session, user: User, *, by: Appointment, now: datetime) -> None:
    """The account may be used again, with the password it had. Raises Forbidden."""
    require(by, ADMINISTER)
    if user.active:
        return
    user.active = True
    _note_change(session, user, "enabled", by, now)


def unlock_account(session: Session, user: User, *, by: Appointment, now: datetime) -> None:
    """Lift the lock that wrong passwords brought. Raises Forbidden, InvalidAnswers."""
    require(by, ADMINISTER)
    _refuse_self(user, by, "不能解除自己账号的锁定，由另一位安全管理员办理")
    if not user.failed_signins and user.locked_until is None:
        return
    user.failed_signins, user.locked_until = 0, None
    record(session, EventName.ACCOUNT_UNLOCKED, by=by, now=now, user=user.id)


def end_sessions(
    session: Session, user: User, only: UserSession | None, *, by: Appointment, now: datetime
) -> int:
    """End one session of a person, or all (`only` is None); how many ended. Raises Forbidden."""
    require(by, ADMINISTER)
    ended = _end_all(session, user, now, only)
    if ended:
        record(session, EventName.SESSION_ENDED, by=by, now=now, user=user.id, sessions=ended)
    return ended


def add_appointment(
    session: Session, user: User, seat: Seat, *, by: Appointment, now: datetime
) -> Appointment:
    """Appoint somebody else. The very same appointment asked for twice is made once.

    Raises Forbidden, InvalidAnswers.
    """
    require(by, ADMINISTER)
    _refuse_self(user, by, "不能给自己登记任职，由另一位安全管理员办理")
    session.refresh(user, with_for_update=True)  # two administrators at once must see each other
    for held in user.appointments:
        if _is_same(held, seat):
            return held
    if errors := _faults_of(seat, user):
        raise InvalidAnswers(errors)
    held = Appointment(user=user, **_columns(seat))
    session.add(held)
    session.flush()
    _note_appointment(session, EventName.APPOINTMENT_ADDED, held, by, now)
    return held


def end_appointment(
    session: Session, held: Appointment, last_day: date, *, by: Appointment, now: datetime
) -> None:
    """Let an appointment end with a day; with yesterday, it ends now.

    What was done under it stays on record. A shorter validity may not be made longer here. Raises
    Forbidden, InvalidAnswers.
    """
    require(by, ADMINISTER)
    _refuse_self(held.user, by, "不能结束自己的任职，由另一位安全管理员办理")
    if held.valid_to == last_day:
        return
    if held.valid_to is not None and held.valid_to < last_day:
        raise InvalidAnswers(
            {"last_day": [f"这项任职到 {held.valid_to} 为止，要延长就另外登记一项"]}
        )
    if last_day < yesterday(now):
        raise InvalidAnswers({"last_day": ["已经过去的日子不能改，最后一天从今天起选"]})
    held.valid_to = last_day
    _end_substitutes(session, held, last_day)
    _note_appointment(
        session, EventName.APPOINTMENT_ENDED, held, by, now, last_day=last_day.isoformat()
    )


def _end_substitutes(session: Session, held: Appointment, last_day: date) -> None:
    """Nobody stands in for an appointment that has ended, or after leaving the unit."""
    theirs = Appointment.stands_for_id == held.id
    own = [
        each
        for each in held.user.appointments
        if each.organisation_id == held.organisation_id
        and each.stands_for_id is None
        and (each.valid_to is None or each.valid_to > last_day)
    ]
    if not own:
        leaves = (
            Appointment.stands_for_id.is_not(None),
            Appointment.user_id == held.user_id,
            Appointment.organisation_id == held.organisation_id,
        )
        theirs = or_(theirs, and_(*leaves))
    session.execute(
        update(Appointment)
        .where(theirs, or_(Appointment.valid_to.is_(None), Appointment.valid_to > last_day))
        .values(valid_to=last_day)
    )


def waiting_for(session: Session, held: Appointment) -> int:
    """How many open steps are addressed to this very person in the lanes of this role."""
    mine = select(func.count(Task.id)).where(
        Task.user_id == held.user_id,
        Task.lane.in_(lanes_of(held.role)),
        Task.state == TaskState.OPEN,
    )
    return session.scalar(mine) or 0


def today(now: datetime) -> date:
    """The day in China."""
    return now.astimezone(ZoneInfo("Asia/Shanghai")).date()


def yesterday(now: datetime) -> date:
    """The day before; the last day of what ends at once."""
    return date.fromordinal(today(now).toordinal() - 1)


def _refuse_self(user: User, by: Appointment, message: str) -> None:
    if user.id == by.user_id:
        raise InvalidAnswers({"": [message]})


def _end_all(session: Session, user: User, now: datetime, only: UserSession | None = None) -> int:
    living = update(UserSession).where(
        UserSession.user_id == user.id, UserSession.ended_at.is_(None)
    )
    if only is not None:
        living = living.where(UserSession.id == only.id)
    ended = session.scalars(living.values(ended_at=now).returning(UserSession.id)).all()
    return len(ended)


def _columns(seat: Seat) -> dict[str, Any]:
    return {name: getattr(seat, name) for name in (field.name for field in fields(seat))}


def _is_same(held: Appointment, seat: Seat) -> bool:
    return all(getattr(held, name) == value for name, value in _columns(seat).items())


def _faults_of(seat: Seat, user: User) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    if not seat.organisation.active:
        errors["organisation"] = ["这个机构已停用，选另一个"]
    elif seat.organisation.kind not in SEATS.get(seat.role, OrganisationKind):
        errors["role"] = ["这类机构没有这个角色，换一个角色或机构"]
    if seat.role is Role.EXPERT and user.discipline is None:
        errors["role"] = ["评审专家先在账号资料里登记专业，再登记任职"]
    if seat.valid_to is not None and seat.valid_to < seat.valid_from:
        errors["valid_to"] = ["最后一天不能早于开始日期"]
    elif message := _clash(seat, user):
        errors.setdefault("role", []).append(message)
    return errors


def _clash(seat: Seat, user: User) -> str | None:
    for held in user.appointments:
        if not _overlap(held, seat):
            continue
        own = held.stands_for_id is None
        if own and held.role == seat.role and held.organisation == seat.organisation:
            return "这段时间里已有同一机构、同一角色的任职"
        if held.role != seat.role and {held.role, seat.role} & ADMINISTRATORS:
            return "管理员不兼任其他角色，也不兼任另一类管理员；先结束时间重叠的任职"
    return None


def _overlap(held: Appointment, seat: Seat) -> bool:
    begins_before_it_ends = seat.valid_to is None or held.valid_from <= seat.valid_to
    ends_after_it_begins = held.valid_to is None or held.valid_to >= seat.valid_from
    return begins_before_it_ends and ends_after_it_begins and not _never(held)


def _is_expert(held: Appointment, now: datetime) -> bool:
    ended = held.valid_to is not None and held.valid_to < today(now)
    return held.role is Role.EXPERT and not ended


def _never(held: Appointment) -> bool:
    """Withdrawn before its first day."""
    return held.valid_to is not None and held.valid_to < held.valid_from


def _note_change(
    session: Session, user: User, what: str, by: Appointment, now: datetime, **data: Any
) -> None:
    record(session, EventName.ACCOUNT_CHANGED, by=by, now=now, user=user.id, what=what, **data)


def _note_appointment(
    session: Session,
    name: EventName,
    held: Appointment,
    by: Appointment,
    now: datetime,
    **data: Any,
) -> None:
    record(
        session,
        name,
        by=by,
        now=now,
        user=held.user_id,
        appointment=held.id,
        role=held.role.value,
        organisation=held.organisation_id,
        **data,
    )
