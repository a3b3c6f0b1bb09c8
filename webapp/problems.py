"""新增台账事项: a problem that no review found. A form without a step; handing it in enters it."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from models import Case, OrganisationKind
from webapp import db, drafts, forms, prefill
from webapp.access import current
from webapp.forms import TaskForm
from webapp.tasks import signing
from workflows import places, surroundings
from workflows.actions import drafts as kept_drafts
from workflows.actions import problems, provinces
from workflows.actions.tasks import InvalidAnswers
from workflows.forms import load
from workflows.forms.spec import Answers
from workflows.permissions import visible_cases
from workflows.rules import day_of

bp = Blueprint("problems", __name__, url_prefix="/ledger/new")

PLACE = "ledger"  # of the draft, before there is an item


@bp.before_request
def require_permission() -> None:
    if not current.may("ledger:enter"):
        abort(404)


@bp.get("")
def new() -> ResponseReturnValue:
    return _page(_form())


@bp.post("")
def create() -> ResponseReturnValue:
    """Enter the problem. The same page handed in twice enters one."""
    form = _form()
    if not form.parse():
        db.write_nothing()
        return _page(form)
    by, now = current.appointment, current.now
    try:
        item = problems.enter_problem(db.session, form.answers, key=form.token, by=by, now=now)
    except InvalidAnswers as invalid:
        db.write_nothing()
        form.show_errors(invalid.errors)
        return _page(form)
    kept_drafts.drop_draft(db.session, PLACE, by=by)
    item_id, number, again = item.id, item.number, item.reopened
    db.session.commit()
    if again:
        flash(f"同一单位的同一问题，不另立条目：{number} 已重新打开，第 {again} 次。", "warning")
    else:
        flash(f"已列入台账，编号 {number}。责任单位已收到。")
    return redirect(url_for("ledger.show", item_id=item_id), 303)


def _form() -> TaskForm:
    spec, by = load.load(problems.FORM), current.appointment
    values = surroundings.prefill(db.session, None, None, by=by, now=current.now) | _proposed()
    known = prefill.defaults(spec, values)
    if above := _of_province():  # begun from there, and no draft in its way
        return forms.build(spec)(known | above, signing=signing())
    return forms.build(spec)(known, place=PLACE, draft=drafts.find(PLACE), signing=signing())


def _of_province() -> Answers:
    """`?province=<case>&problem=<number>`: one problem of the province's paper, for the desk that
    entered it; 404 for anybody else's."""
    key, number = (request.args.get(name, type=int) for name in ("province", "problem"))
    if key is None or number is None:
        return {}
    by = current.appointment
    case: Case = db.one_or_404(visible_cases(by).where(Case.id == key))
    rows = provinces.found(db.session, case) if provinces.may_enter(db.session, case, by) else []
    if not 0 < number <= len(rows):
        abort(404)
    row, _ = rows[number - 1]
    told = {"source": "review", "problem": row["text"], "owner": row["organisation"]}
    return told | {name: row[name] for name in ("area", "cell") if row.get(name)}


def _proposed() -> dict[str, int]:
    """A hospital enters its own; an office accepts what it enters for others; the centre of the
    zone guides."""
    unit = current.appointment.organisation
    offices = (OrganisationKind.MCH, OrganisationKind.COMMISSION)
    found = {"item.acceptor" if unit.kind in offices else "item.owner": unit.id}
    if unit.kind is OrganisationKind.RESCUE_CENTRE:
        return {"item.guide": unit.id}
    centre = places.guide_centre(db.session, unit.region_code, day_of(current.now))
    return found | ({"item.guide": centre.id} if centre else {})


def _page(form: TaskForm) -> ResponseReturnValue:
    return render_template("ledger/new.html", form=form), form.status
