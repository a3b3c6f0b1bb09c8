"""本县（区）评审程序: what a county has written down of its reviews of near misses, by version."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from models import OrganisationKind, RegionLevel, ReviewProcedure
from webapp import db
from webapp.access import current
from workflows import procedures, rules
from workflows.actions import procedures as acts
from workflows.actions.tasks import InvalidAnswers
from workflows.permissions import Forbidden

bp = Blueprint("procedures", __name__, url_prefix="/procedures")

UNITS = {"hours": "小时", "days": "天", "working_days": "个工作日"}
Errors = dict[str, list[str]]


@bp.before_request
def require_permission() -> None:
    if not current.may("gathering:view"):
        abort(404)


@bp.get("")
def index() -> ResponseReturnValue:
    return _page({})


def _page(errors: Errors) -> ResponseReturnValue:
    by, unit = current.appointment, current.appointment.organisation
    rows = procedures.versions(db.session, by)
    place = rules.rule_set(unit.region_code, current.now)
    county = unit.kind is OrganisationKind.COMMISSION and unit.level is RegionLevel.COUNTY
    now_in_force = {
        row.organisation_id: procedures.in_force(
            db.session, row.organisation.region_code, current.today
        )
        for row in rows
    }
    page = render_template(
        "procedures/index.html",
        rows=rows,
        holding={row.id for row in now_in_force.values() if row is not None},
        limits=procedures.open_limits(place),
        titles={rule.key: rule.title for rule in place.clocks()},
        law=[rule for rule in place.clocks() if rule.key in procedures.NUMBERED and rule.value],
        units=UNITS,
        drafts=county and current.may("procedure:draft"),
        approves=county and current.may("procedure:approve"),
        errors=errors,
        said=request.form,
    )
    return page, 422 if errors else 200


@bp.post("")
def draft() -> ResponseReturnValue:
    by, now = current.appointment, current.now
    try:
        acts.draft(db.session, request.form.to_dict(), by=by, now=now)
    except InvalidAnswers as bad:
        db.write_nothing()
        return _page(bad.errors)
    except Forbidden:
        abort(404)
    db.session.commit()
    flash("已起草，等主管负责人批准。")
    return redirect(url_for("procedures.index"), 303)


@bp.post("/<int:procedure_id>/<verb>")
def decide(procedure_id: int, verb: str) -> ResponseReturnValue:
    """The leader approves, or refuses with a reason."""
    seen = {row.id: row for row in procedures.versions(db.session, current.appointment)}
    if procedure_id not in seen or verb not in ("approve", "refuse"):
        abort(404)
    try:
        _decide(seen[procedure_id], verb)
    except InvalidAnswers as bad:
        db.write_nothing()
        return _page(bad.errors)
    except Forbidden:
        abort(404)
    db.session.commit()
    flash("已批准，到生效日期后新登记的危重病例按这一版办理。" if verb == "approve" else "已退回。")
    return redirect(url_for("procedures.index"), 303)


def _decide(row: ReviewProcedure, verb: str) -> None:
    by, now = current.appointment, current.now
    if verb == "approve":
        acts.approve(db.session, row, by=by, now=now)
    else:
        acts.refuse(db.session, row, request.form.get("reason", ""), by=by, now=now)
