"""省级评审结论: entered by the city's desk as it was received. A form without a step."""

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from models import Case
from webapp import dates, db, drafts, forms, prefill
from webapp.access import current
from webapp.cases.blueprint import bp
from webapp.forms import TaskForm
from webapp.tasks import signing
from workflows import surroundings
from workflows.actions import drafts as kept_drafts
from workflows.actions import provinces
from workflows.actions.tasks import InvalidAnswers
from workflows.forms import load
from workflows.permissions import visible_cases


@bp.get("/<int:case_id>/province")
def province(case_id: int) -> ResponseReturnValue:
    case = _case(case_id)
    return _page(case, _form(case))


@bp.post("/<int:case_id>/province")
def enter_province(case_id: int) -> ResponseReturnValue:
    """Enter it. The same page handed in twice enters it once."""
    case = _case(case_id)
    form = _form(case)
    if not form.parse():
        db.write_nothing()
        return _page(case, form)
    by, now = current.appointment, current.now
    try:
        provinces.enter(db.session, case, form.answers, key=form.token, by=by, now=now)
    except InvalidAnswers as invalid:
        db.write_nothing()
        form.show_errors(invalid.errors)
        return _page(_case(case_id), form)
    kept_drafts.drop_draft(db.session, form.place, by=by)
    db.session.commit()
    flash("省级评审结论已登记，列入各级结论对照。")
    return redirect(url_for("cases.reviews", case_id=case_id), 303)


def _case(case_id: int) -> Case:
    """One whose province's conclusion we may enter; 404 otherwise."""
    case: Case = db.one_or_404(visible_cases(current.appointment).where(Case.id == case_id))
    if not provinces.may_enter(db.session, case, current.appointment):
        abort(404)
    dates.tell_by(case)
    return case


def _form(case: Case) -> TaskForm:
    spec, by = load.load(provinces.FORM), current.appointment
    values = surroundings.prefill(db.session, case, None, by=by, now=current.now)
    known = prefill.defaults(spec, values)
    if (before := provinces.entered(db.session, case)) is not None:
        told = before.document.answers
        known |= {name: told[name] for name in told if name not in ("sign", "correction_reason")}
    place = f"province:{case.id}"
    return forms.build(spec)(known, place=place, draft=drafts.find(place), signing=signing())


def _page(case: Case, form: TaskForm) -> ResponseReturnValue:
    page = render_template("cases/province.html", case=case, form=form)
    return page, form.status
