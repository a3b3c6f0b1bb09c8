"""「登记报告」: a case has been found. The form without a step; handing it in opens the case."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from models import CaseKind
from webapp import db, drafts, forms, prefill
from webapp.access import current
from webapp.forms import TaskForm
from webapp.tasks import remarks, signing
from workflows import kinds, rules, surroundings
from workflows.actions import cases
from workflows.actions import drafts as kept_drafts
from workflows.actions.tasks import InvalidAnswers
from workflows.forms import load
from workflows.kinds import Kind

bp = Blueprint("reports", __name__, url_prefix="/reports")

DEATH = CaseKind.MATERNAL_DEATH.value


@bp.before_request
def require_permission() -> None:
    if not current.may("case:report"):
        abort(404)


@bp.get("/new", defaults={"code": DEATH})
@bp.get("/new/<code>")
def new(code: str) -> ResponseReturnValue:
    kind = _kind_or_404(code)
    return _page(_form(kind), kind)


@bp.post("/new", defaults={"code": DEATH})
@bp.post("/new/<code>")
def create(code: str) -> ResponseReturnValue:
    """Open the case. The same page handed in twice opens one."""
    kind = _kind_or_404(code)
    form = _form(kind)
    if not form.parse():
        db.write_nothing()
        return _page(form, kind)
    by, now = current.appointment, current.now
    try:
        case = cases.open_case(
            db.session, form.answers, key=form.token, by=by, now=now, kind=kind.code
        )
    except InvalidAnswers as invalid:
        db.write_nothing()
        form.show_errors(invalid.errors)
        return _page(form, kind)
    kept_drafts.drop_draft(db.session, kind.draft, by=by)
    case_id, number = case.id, case.number  # looked at later they would begin a transaction
    looked_at = remarks(form, None)
    db.session.commit()
    flash(f"已登记，编号 {number}。县级妇幼保健机构已收到。")
    for remark in looked_at:
        flash(remark, "warning")
    return redirect(url_for("cases.show", case_id=case_id), 303)


def _offered() -> list[Kind]:
    """The kinds that the rules of the unit's place name."""
    return kinds.offered(rules.rule_set(current.appointment.organisation.region_code, current.now))


def _kind_or_404(code: str) -> Kind:
    found = next((kind for kind in _offered() if kind.code.value == code), None)
    return found or abort(404)


def _form(kind: Kind) -> TaskForm:
    spec = load.load(kind.report)
    values = surroundings.prefill(db.session, None, None, by=current.appointment, now=current.now)
    return forms.build(spec)(
        prefill.defaults(spec, values),
        place=kind.draft,
        draft=drafts.find(kind.draft),
        signing=signing(),
    )


def _page(form: TaskForm, kind: Kind) -> ResponseReturnValue:
    return (
        render_template("reports/new.html", form=form, kind=kind, offered=_offered()),
        form.status,
    )
