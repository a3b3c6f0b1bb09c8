"""专家库: who may be asked to review, for what, where they work and worked, until when."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from models import Appointment, Discipline, DiseaseGroup, Employment, GroupMember, Role, User
from webapp import db, labels, words
from webapp.access import current
from workflows import expert_groups
from workflows.actions import experts as actions
from workflows.actions.tasks import InvalidAnswers

bp = Blueprint("experts", __name__, url_prefix="/experts")


@dataclass(frozen=True, slots=True)
class Expert:
    """`seats`: appointments as an expert, the newest last; `works`: all other places."""

    user: User
    seats: list[Appointment]
    works: list[Employment]
    valid: bool  # may be asked today
    parts: Sequence[GroupMember] = ()  # what they are in groups for, today


@bp.before_request
def require_permission() -> None:
    if not current.may("expert:view"):
        abort(404)


@bp.get("")
def index() -> ResponseReturnValue:
    """By discipline, then the disease groups; `?of=` a code of either narrows it."""
    asked = request.args.get("of", "")
    asked = asked if asked in {*Discipline, *DiseaseGroup} else ""
    found = _experts()
    shown = [
        each
        for each in found
        if not asked or asked in (each.user.discipline, *(each.user.disease_groups or ()))
    ]
    counts = {
        code: sum(
            each.valid and code in (each.user.discipline, *(each.user.disease_groups or ()))
            for each in found
        )
        for code in (*Discipline, *DiseaseGroup)
    }
    return render_template(
        "experts/index.html",
        experts=shown,
        asked=asked,
        counts=counts,
        disciplines=labels.choices(Discipline),
        groups=labels.choices(DiseaseGroup),
    )


@bp.get("/<int:user_id>")
def show(user_id: int) -> ResponseReturnValue:
    return _page(_expert(user_id), {})


@bp.post("/<int:user_id>")
def describe(user_id: int) -> ResponseReturnValue:
    expert, said = _expert(user_id), request.form
    try:
        actions.describe(
            db.session,
            expert.user,
            said.get("discipline", ""),
            said.getlist("groups"),
            by=current.appointment,
            now=current.now,
        )
    except InvalidAnswers as wrong:
        return _page(expert, wrong.errors)
    return _saved(user_id, "已保存")


@bp.post("/<int:user_id>/employments")
def add(user_id: int) -> ResponseReturnValue:
    expert, said = _expert(user_id), request.form
    try:
        actions.add_employment(
            db.session,
            expert.user,
            *(said.get(name, "")[:200] for name in ("unit", "title", "since", "until")),
            by=current.appointment,
            now=current.now,
        )
    except InvalidAnswers as wrong:
        return _page(expert, wrong.errors)
    return _saved(user_id, "已登记。组织评审时，该单位参加救治的病例会提示回避。")


@bp.post("/<int:user_id>/employments/<int:employment_id>/end")
def end(user_id: int, employment_id: int) -> ResponseReturnValue:
    expert = _expert(user_id)
    row = next((each for each in expert.works if each.id == employment_id), None) or abort(404)
    try:
        actions.end_employment(
            db.session,
            row,
            request.form.get("until", "")[:20],
            by=current.appointment,
            now=current.now,
        )
    except InvalidAnswers as wrong:
        return _page(expert, wrong.errors)
    return _saved(user_id, "已登记。离开以后，该单位的病例仍提示回避。")


def _saved(user_id: int, said: str) -> ResponseReturnValue:
    db.session.commit()
    flash(said)
    return redirect(url_for("experts.show", user_id=user_id), 303)


def _page(expert: Expert, errors: dict[str, list[str]]) -> ResponseReturnValue:
    page = render_template(
        "experts/show.html",
        expert=expert,
        errors=errors,
        said=request.form,
        disciplines=labels.choices(Discipline),
        groups=labels.choices(DiseaseGroup),
    )
    return page, 422 if errors else 200


def _expert(user_id: int) -> Expert:
    return next((each for each in _experts(user_id) if each.user.id == user_id), None) or abort(404)


def _experts(user_id: int | None = None) -> list[Expert]:
    """Whoever is or was appointed as an expert, by discipline and name. Four queries."""
    seats = select(Appointment.user_id).where(
        Appointment.role == Role.EXPERT, Appointment.stands_for_id.is_(None)
    )
    query = select(User).where(User.id.in_(seats))
    if user_id is not None:
        query = query.where(User.id == user_id)
    people = db.session.scalars(
        query.options(selectinload(User.appointments).joinedload(Appointment.organisation))
    ).all()
    works: dict[int, list[Employment]] = {}
    ids = [person.id for person in people]
    for row in db.session.scalars(
        select(Employment).where(Employment.user_id.in_(ids)).order_by(Employment.valid_from)
    ):
        works.setdefault(row.user_id, []).append(row)
    order = list(Discipline)
    parts = expert_groups.parts_of(db.session, ids, words.local(current.now).date())
    found = [
        _described(person, works.get(person.id, []), parts.get(person.id, ())) for person in people
    ]
    return sorted(
        found,
        key=lambda each: (
            order.index(each.user.discipline) if each.user.discipline else len(order),
            each.user.name,
        ),
    )


def _described(person: User, works: list[Employment], parts: Sequence[GroupMember]) -> Expert:
    today = words.local(current.now).date()
    seats = [
        held
        for held in person.appointments
        if held.role is Role.EXPERT and held.stands_for_id is None
    ]
    valid = person.active and any(held.valid_on(today) for held in seats)
    return Expert(person, seats, works, valid, parts)
