"""「登记报告」: a death has been found. The form without a step; handing it in opens the case."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp import db, drafts, forms, prefill
from webapp.access import current
from webapp.forms import TaskForm
from webapp.tasks import remarks, signing
from workflows import surroundings
from workflows.actions import cases
from workflows.actions import drafts as kept_drafts
from workflows.actions.tasks import InvalidAnswers
from workflows.forms import load

bp = Blueprint("reports", __name__, url_prefix="/reports")

PLACE = "report"  # of the draft, before there is a case


@bp.before_request
def require_permission() -> None:
    if not current.may("case:report"):
        abort(404)


@bp.get("/new")
def new() -> ResponseReturnValue:
    return _page(_form())


@bp.post("/new")
def create() -> ResponseReturnValue:
    """Open the case. The same page handed in twice opens one."""
    form = _form()
    if not form.parse():
        db.write_nothing()
        return _page(form)
    by, now = current.appointment, current.now
    try:
        case = cases.open_case(db.session, form.answers, key=form.token, by=by, now=now)
    except InvalidAnswers as invalid:
        db.write_nothing()
        form.show_errors(invalid.errors)
        return _page(form)
    kept_drafts.drop_draft(db.session, PLACE, by=by)
    case_id, number = case.id, case.number  # looked at later they would begin a transaction
    looked_at = remarks(form, None)
    db.session.commit()
    flash(f"已登记，编号 {number}。县级妇幼保健机构已收到。")
    for remark in looked_at:
        flash(remark, "warning")
    return redirect(url_for("cases.show", case_id=case_id), 303)


def _form() -> TaskForm:
    spec = load.load(cases.REPORT)
    values = surroundings.prefill(db.session, None, None, by=current.appointment, now=current.now)
    return forms.build(spec)(
        prefill.defaults(spec, values), place=PLACE, draft=drafts.find(PLACE), signing=signing()
    )


def _page(form: TaskForm) -> ResponseReturnValue:
    return render_template("reports/new.html", form=form), form.status
