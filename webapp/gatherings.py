"""危重评审: planned days against held ones, demonstrations at zone meetings, training."""

from collections.abc import Callable
from datetime import datetime
from typing import TypedDict

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from models import Appointment, Organisation, OrganisationKind, ZoneMeeting
from webapp import db, words
from webapp.access import current
from workflows import gatherings, procedures, rules
from workflows.actions import gatherings as actions
from workflows.actions.tasks import InvalidAnswers
from workflows.permissions import Forbidden

bp = Blueprint("gatherings", __name__, url_prefix="/gatherings")


class Who(TypedDict):
    """Who acts, and when."""

    by: Appointment
    now: datetime


@bp.before_request
def require_permission() -> None:
    if not current.may("gathering:view"):
        abort(404)


@bp.get("")
def index() -> ResponseReturnValue:
    return _page({})


@bp.post("/plan")
def plan() -> ResponseReturnValue:
    return _act(lambda: actions.plan(db.session, _said("planned_on"), **_who()), "已列入计划。")


@bp.post("/meetings")
def meet() -> ResponseReturnValue:
    def act() -> object:
        centre, panel = request.form.get("centre", 0, int), request.form.get("panel", None, int)
        return actions.meet(db.session, centre, _said("held_on"), _said("place"), panel, **_who())

    return _act(act, "片区例会已登记。到会人员当天用本人账号签到。")


@bp.post("/meetings/<int:meeting_id>/sign-in")
def sign_in(meeting_id: int) -> ResponseReturnValue:
    seen = gatherings.zone_meetings(db.session, current.appointment)
    meeting: ZoneMeeting | None = next((row for row in seen if row.id == meeting_id), None)
    if meeting is None:
        abort(404)
    return _act(lambda: actions.sign_in(db.session, meeting, **_who()), "已签到。")


@bp.post("/trainings")
def train() -> ResponseReturnValue:
    def act() -> object:
        units = gatherings.trainable(db.session, current.appointment)
        came = {unit.id: request.form.get(f"unit-{unit.id}", 0, int) for unit in units}
        return actions.train(
            db.session, _said("title"), _said("document"), _said("day"), came, **_who()
        )

    return _act(act, "培训已登记。")


def _said(name: str) -> str:
    return request.form.get(name, "").strip()


def _who() -> Who:
    return {"by": current.appointment, "now": current.now}


def _act(act: Callable[[], object], done: str) -> ResponseReturnValue:
    try:
        act()
    except InvalidAnswers as invalid:
        db.write_nothing()
        return _page(invalid.errors), 422
    except Forbidden:
        abort(404)
    db.session.commit()
    flash(done)
    return redirect(url_for("gatherings.index"), 303)


def _interval(unit: Organisation) -> rules.Rule | None:
    """How often near misses are to be reviewed, with what the county itself has laid down."""
    place = rules.rule_set(unit.region_code, current.now)
    row = procedures.in_force(db.session, unit.region_code, current.today)
    held = procedures.with_procedure(place, row, unit.region_code) if row is not None else place
    return held.find("review.nearmiss")


def _page(errors: dict[str, list[str]]) -> str:
    by = current.appointment
    unit, keeps = by.organisation, current.may("gathering:keep")
    plans = unit.kind is OrganisationKind.COMMISSION
    return render_template(
        "gatherings/index.html",
        errors=errors,
        said=request.form,
        keeps=keeps,
        plans=plans,
        rule=_interval(unit),
        planned=gatherings.planned(db.session, unit) if plans else [],
        held=gatherings.held(db.session, unit) if plans else [],
        today=words.local(current.now).date(),
        centres=gatherings.centres(db.session, by),
        meetings=gatherings.zone_meetings(db.session, by),
        panels=gatherings.demonstrable(db.session, by) if keeps else [],
        parts=gatherings.parts(db.session, by),
        trainings=gatherings.trainings(db.session, by),
        units=gatherings.trainable(db.session, by) if keeps else [],
    )
