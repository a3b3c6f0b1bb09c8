"""「登记报告」: a case has been found. The form without a step; handing it in opens the case."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from models import Case, CaseKind
from webapp import db, drafts, forms, prefill
from webapp.access import current
from webapp.forms import TaskForm
from webapp.tasks import remarks, signing
from workflows import kinds, rules, surroundings
from workflows.actions import cases, nearmiss
from workflows.actions import drafts as kept_drafts
from workflows.actions.tasks import InvalidAnswers
from workflows.forms import load
from workflows.kinds import Kind
from workflows.permissions import visible_cases

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


@bp.get("/death-of/<int:case_id>")
def convert(case_id: int) -> ResponseReturnValue:
    """She died after all: the report of the death, with who she was filled in."""
    before = _near_miss_or_404(case_id)
    return _page(_form(_death(), before), _death(), before)


@bp.post("/death-of/<int:case_id>")
def converted(case_id: int) -> ResponseReturnValue:
    before = _near_miss_or_404(case_id)
    form = _form(_death(), before)
    if not form.parse():
        db.write_nothing()
        return _page(form, _death(), before)
    by, now = current.appointment, current.now
    try:
        death = nearmiss.convert(db.session, before, form.answers, key=form.token, by=by, now=now)
    except InvalidAnswers as invalid:
        db.write_nothing()
        form.show_errors(invalid.errors)
        return _page(form, _death(), before)
    except nearmiss.NotConvertible:
        abort(409)
    case_id, number = death.id, death.number
    db.session.commit()
    flash(f"已登记死亡病例，编号 {number}；原危重孕产妇病例结束，不再计入危重例数。")
    return redirect(url_for("cases.show", case_id=case_id), 303)


def _death() -> Kind:
    return kinds.KINDS[CaseKind.MATERNAL_DEATH]


def _near_miss_or_404(case_id: int) -> Case:
    """One of our own unit that is no death and has not become one."""
    by = current.appointment
    case = db.one_or_404(visible_cases(by).where(Case.id == case_id))
    if kinds.of(case).is_death or case.organisation_id != by.organisation_id:
        abort(404)
    return case


def _offered() -> list[Kind]:
    """The kinds that the rules of the unit's place name."""
    return kinds.offered(rules.rule_set(current.appointment.organisation.region_code, current.now))


def _kind_or_404(code: str) -> Kind:
    found = next((kind for kind in _offered() if kind.code.value == code), None)
    return found or abort(404)


def _form(kind: Kind, before: Case | None = None) -> TaskForm:
    spec = load.load(kind.report)
    values = surroundings.prefill(db.session, None, None, by=current.appointment, now=current.now)
    filled = prefill.defaults(spec, values)
    if before is not None:
        person = {"name": before.person.name, "age": before.person.age}
        return forms.build(spec)(filled | person, signing=signing())
    draft = drafts.find(kind.draft)
    return forms.build(spec)(filled, place=kind.draft, draft=draft, signing=signing())


def _page(form: TaskForm, kind: Kind, before: Case | None = None) -> ResponseReturnValue:
    offered = _offered() if before is None else []
    return (
        render_template("reports/new.html", form=form, kind=kind, offered=offered, before=before),
        form.status,
    )
