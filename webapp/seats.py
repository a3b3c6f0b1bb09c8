"""Seats on a panel: the declaration before an expert reads anything, and what the commission may
do about seats afterwards."""

from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from models import Case, Conclusion, Declaration, Panel, PanelMember, Role, Task
from webapp import db
from webapp.access import current
from webapp.errors import page as error_page
from workflows import panels
from workflows.actions import seats as actions
from workflows.actions.tasks import InvalidAnswers
from workflows.forms.load import base_name
from workflows.permissions import convened_panels, inbox
from workflows.readers import OPINION
from workflows.surroundings import panel_of

bp = Blueprint("seats", __name__, url_prefix="/panels")

ENDED_ALREADY = "这一席位已经结束。回到专家组变动看最新的情况。"
TOO_LATE = "意见已经启封，或评审已经结束，不能再补聘。"
LONGEST = 2000  # characters read of what is typed; the action says what is too long


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who could be seated; `why` they should stand back, if they should."""

    expert: panels.Expert
    why: str


def undeclared(task: Task) -> PanelMember | None:
    """The own seat of whoever is to file this opinion, while its declaration is missing."""
    if base_name(task.form) != OPINION:
        return None
    panel = panel_of(db.session, task)
    member = actions.seat_of(panel, current.appointment) if panel is not None else None
    return member if member is not None and member.declared_at is None else None


# The expert's side


@bp.get("/<int:panel_id>/declaration")
def declaration(panel_id: int) -> ResponseReturnValue:
    """Asked before any page of the case opens; later, the place to say what was found out."""
    return render_template("seats/declaration.html", member=_own(panel_id), errors={}, said={})


@bp.post("/<int:panel_id>/declaration")
def declare(panel_id: int) -> ResponseReturnValue:
    member = _own(panel_id)
    said = {name: request.form.get(name, "")[:LONGEST] for name in ("declaration", "reason")}
    said["promised"] = request.form.get("promised", "")
    if errors := _misdeclared(said):
        return _asked_again(member, errors, said)
    found = Declaration(said["declaration"])
    try:
        actions.declare(
            db.session, member, found, said["reason"], by=current.appointment, now=current.now
        )
    except InvalidAnswers as wrong:
        return _asked_again(member, wrong.errors, said)
    except actions.SeatEnded:
        db.write_nothing()
        return error_page(409, ENDED_ALREADY)
    db.session.commit()
    if found is Declaration.CONFLICT:
        flash("已登记。本例对您关闭，组织单位会另行安排，您不用再做什么。")
        return redirect(url_for("tasks.inbox"), 303)
    return redirect(_onward(member), 303)


def _own(panel_id: int) -> PanelMember:
    """One's own seat; 404 for whoever has none."""
    query = (
        select(Panel)
        .join(PanelMember, PanelMember.panel_id == Panel.id)
        .where(Panel.id == panel_id, PanelMember.user_id == current.user.id)
        .options(joinedload(Panel.case), joinedload(Panel.organisation))
    )
    member = actions.seat_of(db.one_or_404(query), current.appointment)
    return member or abort(404)


def _misdeclared(said: dict[str, str]) -> dict[str, list[str]]:
    if said["declaration"] not in list(Declaration):
        return {"declaration": ["选择有无利害关系"]}
    if said["declaration"] == Declaration.NONE and not said["promised"]:
        return {"promised": ["承诺保密后才能阅卷"]}
    return {}


def _asked_again(
    member: PanelMember, errors: dict[str, list[str]], said: dict[str, str]
) -> ResponseReturnValue:
    page = render_template("seats/declaration.html", member=member, errors=errors, said=said)
    return page, 422


def _onward(member: PanelMember) -> str:
    """To the opinion if it is still to be written, else to the case."""
    panel = member.panel
    steps = db.session.scalars(
        inbox(current.appointment).where(
            Task.case_id == panel.case_id, Task.level == panel.level.value, Task.lane == "expert"
        )
    ).all()
    if steps:
        return url_for("tasks.show", task_id=steps[0].id)
    return url_for("cases.show", case_id=panel.case_id)


# The commission's side


@bp.get("/<int:panel_id>/seats")
def index(panel_id: int) -> ResponseReturnValue:
    """Who sits, who has declared, who has gone. Not who has filed: that is sealed."""
    return _seats(_convened(panel_id))


@bp.post("/<int:panel_id>/seats")
def add(panel_id: int) -> ResponseReturnValue:
    panel, said = _convened(panel_id), request.form
    try:
        actions.add_seat(
            db.session,
            panel,
            said.get("user", type=int),
            is_guide=bool(said.get("is_guide")),
            override_reason=said.get("override_reason", "")[:LONGEST],
            by=current.appointment,
            now=current.now,
        )
    except InvalidAnswers as wrong:
        db.write_nothing()
        return _seats(_convened(panel_id), wrong.errors)
    except actions.PanelOpened:
        db.write_nothing()
        return error_page(409, TOO_LATE)
    db.session.commit()
    flash("已补聘。专家作出声明后即可阅卷，填写独立意见。")
    return redirect(url_for("seats.index", panel_id=panel_id), 303)


@bp.post("/<int:panel_id>/seats/<int:member_id>/end")
def end(panel_id: int, member_id: int) -> ResponseReturnValue:
    panel = _convened(panel_id)
    member = next((each for each in panel.members if each.id == member_id), None) or abort(404)
    reason = request.form.get("reason", "")[:LONGEST]
    try:
        actions.end_seat(db.session, member, reason, by=current.appointment, now=current.now)
    except InvalidAnswers as wrong:
        db.write_nothing()
        errors = {f"reason-{member_id}": wrong.errors["reason"]}
        return _seats(_convened(panel_id), errors)
    except actions.SeatEnded:
        db.write_nothing()
        return error_page(409, ENDED_ALREADY)
    db.session.commit()
    flash("已收回聘任。本例对该专家关闭，其意见作废留存。")
    return redirect(url_for("seats.index", panel_id=panel_id), 303)


@bp.post("/<int:panel_id>/chair")
def chair(panel_id: int) -> ResponseReturnValue:
    panel = _convened(panel_id)
    try:
        actions.name_chair(
            db.session,
            panel,
            request.form.get("chair", type=int),
            by=current.appointment,
            now=current.now,
        )
    except InvalidAnswers as wrong:
        db.write_nothing()
        return _seats(_convened(panel_id), wrong.errors)
    db.session.commit()
    flash("组长已重新指定")
    return redirect(url_for("seats.index", panel_id=panel_id), 303)


def _convened(panel_id: int) -> Panel:
    """A panel that our commission called; 404 for everybody else."""
    return db.one_or_404(
        convened_panels(current.appointment)
        .where(Panel.id == panel_id)
        .options(
            joinedload(Panel.case).options(joinedload(Case.person), joinedload(Case.organisation)),
            selectinload(Panel.members).options(
                joinedload(PanelMember.user), joinedload(PanelMember.organisation)
            ),
        )
    )


def _seats(panel: Panel, errors: dict[str, list[str]] | None = None) -> ResponseReturnValue:
    signed = select(Conclusion.id).where(Conclusion.panel_id == panel.id)
    open_seats = [member for member in panel.members if member.ended_at is None]
    page = render_template(
        "seats/index.html",
        panel=panel,
        case=panel.case,
        seated=open_seats,
        candidates=_candidates(panel) if panel.opened_at is None else [],
        concluded=db.session.scalar(signed) is not None,
        errors=errors or {},
        said=request.form,
    )
    return page, 422 if errors else 200


def _candidates(panel: Panel) -> list[Candidate]:
    taken = {member.user_id for member in panel.members} | {panel.secretary_id}
    proposal = panels.propose(db.session, panel.case, panel.level, current.now)
    free = [seat.expert for seat in proposal.members]
    free += [expert for cover in proposal.coverage for expert in cover.spare]
    found = {expert.user.id: Candidate(expert, "") for expert in free}
    for expert in proposal.left_out:
        why = "；".join(dict.fromkeys(conflict.reason for conflict in expert.conflicts))
        found[expert.user.id] = Candidate(expert, why)
    return [each for key, each in found.items() if key not in taken]


def may_seat(panel: Panel) -> bool:
    """Whether the page of seats is this person's: for links to it."""
    by = current.appointment
    return by.role is Role.COMMISSION and by.organisation_id == panel.organisation_id
