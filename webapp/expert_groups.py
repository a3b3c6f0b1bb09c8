"""急救专家组: an area's groups of experts, what each expert is there for, whom a group lacks by the
rules of the place; and for the institutions that they guide, whom to turn to. No telephone number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from models import (
    Appointment,
    DiseaseGroup,
    ExpertGroup,
    Organisation,
    OrganisationKind,
    Role,
    User,
)
from webapp import db, labels, words
from webapp.access import current
from workflows import expert_groups, places
from workflows.actions import expert_groups as actions
from workflows.actions.tasks import InvalidAnswers

bp = Blueprint("expert_groups", __name__, url_prefix="/expert-groups")

LONGEST = 2000  # characters read of what is typed; the action says what is too long


@bp.before_request
def require_permission() -> None:
    if not (current.may("expert:view") or current.may("group:view")):
        abort(404)


def title(group: ExpertGroup) -> str:
    """Such as 云江市危重孕产妇和新生儿急救专家组."""
    unit = group.organisation
    centre = unit.kind is OrganisationKind.RESCUE_CENTRE
    whose = unit.name if centre else unit.region.name
    if group.disease is None:
        return f"{whose}急救专家组" if centre else f"{whose}危重孕产妇和新生儿急救专家组"
    return f"{whose}孕产妇合并{labels.label(group.disease)}危急重症专病专家组"


@bp.get("")
def index() -> ResponseReturnValue:
    """All groups of the area for its commission; for an institution those that guide it."""
    return _index({})


@bp.post("")
def form() -> ResponseReturnValue:
    said = request.form
    unit = next((each for each in _kept() if str(each.id) == said.get("unit")), None)
    contact = next((each for each in _contacts() if str(each.id) == said.get("contact")), None)
    try:
        group = actions.form(
            db.session,
            unit or abort(404),
            said.get("disease", ""),
            contact,
            by=current.appointment,
            now=current.now,
        )
    except InvalidAnswers as wrong:
        db.write_nothing()
        return _index(wrong.errors)
    db.session.commit()
    flash("专家组已组建，请逐一加入专家，写明职责和任务分工。")
    return redirect(url_for("expert_groups.show", group_id=group.id), 303)


@bp.get("/<int:group_id>")
def show(group_id: int) -> ResponseReturnValue:
    return _show(_group(group_id), {})


@bp.post("/<int:group_id>/members")
def seat(group_id: int) -> ResponseReturnValue:
    group, said = _own(group_id), request.form
    try:
        actions.seat(
            db.session,
            group,
            said.get("user", type=int),
            said.get("duty", "")[:LONGEST],
            said.get("part", "")[:LONGEST],
            by=current.appointment,
            now=current.now,
        )
    except InvalidAnswers as wrong:
        db.write_nothing()
        return _show(_own(group_id), wrong.errors)
    return _saved(group_id, "已保存")


@bp.post("/<int:group_id>/members/<int:member_id>/end")
def release(group_id: int, member_id: int) -> ResponseReturnValue:
    group = _own(group_id)
    member = next((each for each in group.members if each.id == member_id), None) or abort(404)
    actions.release(db.session, member, by=current.appointment, now=current.now)
    return _saved(group_id, "已退出专家组")


def _saved(group_id: int, said: str) -> ResponseReturnValue:
    db.session.commit()
    flash(said)
    return redirect(url_for("expert_groups.show", group_id=group_id), 303)


# What the pages need


@dataclass(frozen=True, slots=True)
class Shown:
    """A group on the page. `rules`: what the place wants of it."""

    standing: expert_groups.Standing
    wanted: expert_groups.Wanted
    keeps: bool

    @property
    def group(self) -> ExpertGroup:
        return self.standing.group


def _visible() -> list[ExpertGroup]:
    by = current.appointment
    if current.may("expert:view"):
        return expert_groups.of_area(db.session, by)
    today = words.local(current.now).date()
    return expert_groups.serving(db.session, by.organisation.region_code, today)


def _group(group_id: int) -> ExpertGroup:
    return next((each for each in _visible() if each.id == group_id), None) or abort(404)


def _own(group_id: int) -> ExpertGroup:
    """One that we look after; 404 otherwise."""
    group = _group(group_id)
    if not actions.may_keep(current.appointment, group.organisation):
        abort(404)
    return group


def _shown(group: ExpertGroup) -> Shown:
    today = words.local(current.now).date()
    wants = expert_groups.wanted(group.organisation.region_code, today)
    keeps = actions.may_keep(current.appointment, group.organisation)
    return Shown(expert_groups.standing(group, wants, today), wants, keeps)


def _index(errors: dict[str, list[str]]) -> ResponseReturnValue:
    groups, here = _visible(), current.appointment.organisation
    today = words.local(current.now).date()
    wants = expert_groups.wanted(here.region_code, today)
    looks_after = current.may("expert:view")
    page = render_template(
        "expert_groups/index.html",
        groups=[_shown(each) for each in groups],
        wants=wants,
        looks_after=looks_after,
        no_disease=expert_groups.missing_diseases(groups, wants) if looks_after else [],
        no_area=expert_groups.missing_areas(db.session, groups, wants, here) if looks_after else [],
        kept=_kept(),
        contacts=_contacts(),
        diseases=labels.choices(DiseaseGroup),
        errors=errors,
        said=request.form,
    )
    return page, 422 if errors else 200


def _show(group: ExpertGroup, errors: dict[str, list[str]]) -> ResponseReturnValue:
    today = words.local(current.now).date()
    shown = _shown(group)
    page = render_template(
        "expert_groups/show.html",
        shown=shown,
        gone=[each for each in group.members if not expert_groups.holds(each, today)],
        pool=_pool() if shown.keeps else [],
        errors=errors,
        said=request.form,
    )
    return page, 422 if errors else 200


def _kept() -> list[Organisation]:
    """Units whose groups we form."""
    by = current.appointment
    if not current.may("expert:administer"):
        return []
    query = select(Organisation).where(
        Organisation.active,
        Organisation.region_code == by.organisation.region_code,
        Organisation.kind.in_((OrganisationKind.COMMISSION, OrganisationKind.RESCUE_CENTRE)),
    )
    found = db.session.scalars(query.order_by(Organisation.id))
    return [unit for unit in found if actions.may_keep(by, unit)]


def _contacts() -> list[Organisation]:
    if not current.may("expert:administer"):
        return []
    return [
        unit
        for unit in places.responsible_units(db.session, current.appointment)
        if unit.active and unit.kind is not OrganisationKind.COMMISSION
    ]


def _pool() -> Sequence[User]:
    """Everybody who is or was appointed as an expert, as the pool has them."""
    held = select(Appointment.user_id).where(
        Appointment.role == Role.EXPERT, Appointment.stands_for_id.is_(None)
    )
    query = select(User).where(User.active, User.id.in_(held))
    return db.session.scalars(query.order_by(User.discipline, User.name)).all()
