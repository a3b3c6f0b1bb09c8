"""账号: the list of people, and one person with appointments and sessions."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from flask import current_app, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from models import Appointment, Organisation, Role, User, UserSession
from webapp import db, labels
from webapp.access import current
from webapp.admin.blueprint import PEOPLE, bp, only
from webapp.admin.forms import Fault
from webapp.paging import paged
from webapp.words import local
from workflows.actions import users

PER_PAGE = 50
STATES = {
    "working": "可以登录",
    "unappointed": "没有有效任职",
    "fresh": "尚未首次登录",
    "locked": "锁定中",
    "disabled": "已停用",
}


@bp.get("/people")
@only(PEOPLE)
def people() -> ResponseReturnValue:
    page = paged(db.session, _found(), PER_PAGE)
    last = select(UserSession.user_id, func.max(UserSession.created_at)).where(
        UserSession.user_id.in_([user.id for user in page.rows])
    )
    return render_template(
        "admin/people.html",
        page=page,
        last=dict(db.session.execute(last.group_by(UserSession.user_id)).all()),
        asked={name: request.args.get(name, "") for name in ("q", "role", "unit", "state")},
        roles=labels.choices(Role),
        units=_units(),
        states=STATES,
        state_of=state_of,
        today=local(current.now).date(),
    )


def _found() -> Select[User]:
    query = select(User).order_by(User.active.desc(), User.username)
    for condition in _conditions():
        query = query.where(condition)
    seats = selectinload(User.appointments).joinedload(Appointment.organisation)
    return query.options(seats)


def _conditions() -> Iterator[ColumnElement[bool]]:
    asked = request.args
    if word := asked.get("q", "").strip()[:40]:
        columns = (User.name, User.username, User.phone)
        yield or_(*(column.icontains(word, autoescape=True) for column in columns))
    held = []
    if asked.get("role") in set(Role):
        held.append(Appointment.role == Role(asked["role"]))
    if asked.get("unit", "").isdecimal():
        held.append(Appointment.organisation_id == int(asked["unit"][:9]))
    if held:
        yield exists().where(Appointment.user_id == User.id, _valid_today(), *held)
    if asked.get("state") in STATES:
        yield _in_state(asked["state"])


def _in_state(state: str) -> ColumnElement[bool]:
    conditions: dict[str, ColumnElement[bool]] = {
        "disabled": User.active.is_(False),
        "locked": User.locked_until > current.now,
        "fresh": User.active & User.must_change_password,
        "unappointed": User.active & ~_appointed(),
        "working": User.active & _appointed(),
    }
    return conditions[state]


def _appointed() -> ColumnElement[bool]:
    return exists().where(Appointment.user_id == User.id, _valid_today())


def _valid_today() -> ColumnElement[bool]:
    today = local(current.now).date()
    open_ended = or_(Appointment.valid_to.is_(None), Appointment.valid_to >= today)
    return (Appointment.valid_from <= today) & open_ended


def _units() -> list[Organisation]:
    """Organisations with anybody in them."""
    seats = exists().where(Appointment.organisation_id == Organisation.id)
    return list(db.session.scalars(select(Organisation).where(seats).order_by(Organisation.name)))


def state_of(user: User, now: datetime) -> tuple[str, str]:
    """How an account stands, in a word and its tone."""
    if not user.active:
        return "已停用", "still"
    if user.locked_until is not None and now < user.locked_until:
        return "锁定中", "due"
    if user.must_change_password:
        return "尚未首次登录", "active"
    if not users.valid_appointments(user, now):
        return "没有有效任职", "due"
    return "可以登录", "done"


@bp.get("/people/<int:user_id>")
@only(PEOPLE)
def person(user_id: int) -> ResponseReturnValue:
    return show(db.get_or_404(User, user_id))


def show(user: User, errors: Sequence[str] = ()) -> ResponseReturnValue:
    """The page of one person; `errors` are why something asked for on it was refused."""
    page = render_template(
        "admin/person.html",
        user=user,
        state=state_of(user, current.now),
        mine=user.id == current.user.id,
        appointments=sorted(user.appointments, key=lambda held: held.valid_from, reverse=True),
        today=local(current.now).date(),
        sessions=_living(user),
        last=db.session.scalar(
            select(func.max(UserSession.created_at)).where(UserSession.user_id == user.id)
        ),
        errors=[Fault("", message) for message in errors],
    )
    return page, 422 if errors else 200


def _living(user: User) -> list[UserSession]:
    config, now = current_app.config, current.now
    query = (
        select(UserSession)
        .where(
            UserSession.user_id == user.id,
            UserSession.ended_at.is_(None),
            UserSession.seen_at >= now - config["IDLE"],
            UserSession.created_at >= now - config["ABSOLUTE"],
        )
        .options(joinedload(UserSession.appointment).joinedload(Appointment.organisation))
        .order_by(UserSession.seen_at.desc())
    )
    return list(db.session.scalars(query))
