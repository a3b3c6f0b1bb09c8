"""Before the opening: an opinion written anew with a reason, and the chair's early opening."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models import Case, DataClass, Opinion, Panel, PanelMember
from webapp import dates, db, forms
from webapp.access import current
from webapp.errors import page as error_page
from webapp.forms import TaskForm
from webapp.tasks import signing
from workflows.actions import opinions as actions
from workflows.actions.seats import MOST, PanelOpened
from workflows.actions.tasks import InvalidAnswers
from workflows.forms import load
from workflows.forms.spec import Field, Form, Kind, Section

bp = Blueprint("opinions", __name__, url_prefix="/opinions")

OPENED = "意见已经启封，不能再修改或重复启封。回到病例的评审页看最新的情况。"
REASON = "revision_reason"
LONGEST = 2000  # characters read of what is typed; the action says what is too long


@bp.get("/<int:panel_id>")
def show(panel_id: int) -> ResponseReturnValue:
    """One's own filed opinion, to be written anew. 404 without one, and after the opening."""
    opinion = _own(panel_id)
    return _page(opinion, _form(opinion))


@bp.post("/<int:panel_id>")
def revise(panel_id: int) -> ResponseReturnValue:
    opinion = _own(panel_id)
    form = _form(opinion)
    if not form.parse():
        return _page(opinion, form)
    answers: dict[str, Any] = dict(form.answers)
    reason = str(answers.pop(REASON, ""))
    try:
        actions.revise(
            db.session,
            opinion.panel,
            answers,
            reason,
            key=form.token,
            by=current.appointment,
            now=current.now,
        )
    except InvalidAnswers as invalid:
        db.write_nothing()
        form.show_errors(invalid.errors)
        return _page(_own(panel_id), form)
    except PanelOpened:
        db.write_nothing()
        return error_page(409, OPENED)
    db.session.commit()
    flash("修改后的意见已封存，原稿留存。启封之前只有本人知道。")
    return redirect(url_for("cases.reviews", case_id=opinion.panel.case_id), 303)


@bp.get("/<int:panel_id>/opening")
def opening(panel_id: int) -> ResponseReturnValue:
    """The chair is told what an early opening means. 404 for everybody else."""
    return _opening(_chaired(panel_id), {})


@bp.post("/<int:panel_id>/opening")
def open_early(panel_id: int) -> ResponseReturnValue:
    panel = _chaired(panel_id)
    reason = request.form.get("reason", "")[:LONGEST]
    try:
        actions.open_early(db.session, panel, reason, by=current.appointment, now=current.now)
    except InvalidAnswers as wrong:
        db.write_nothing()
        return _opening(_chaired(panel_id), wrong.errors)
    except PanelOpened:
        db.write_nothing()
        return error_page(409, OPENED)
    db.session.commit()
    flash("意见已启封。未提交的不再收，组内现在可以互相查阅。")
    return redirect(url_for("reviews.show", panel_id=panel_id), 303)


def _panel(panel_id: int) -> Panel:
    """A sealed panel that one sits on; 404 otherwise."""
    return db.one_or_404(
        select(Panel)
        .join(PanelMember, PanelMember.panel_id == Panel.id)
        .where(
            Panel.id == panel_id,
            Panel.opened_at.is_(None),
            PanelMember.user_id == current.user.id,
        )
        .options(joinedload(Panel.case).joinedload(Case.person))
    )


def _own(panel_id: int) -> Opinion:
    found = actions.filed_by(db.session, _panel(panel_id), current.appointment)
    return found or abort(404)


def _chaired(panel_id: int) -> Panel:
    panel = _panel(panel_id)
    if not actions.may_open(db.session, panel, current.appointment):
        abort(404)
    return panel


def _form(opinion: Opinion) -> TaskForm:
    """The sheet as it was filed, with the reason asked first and the signature anew."""
    spec = with_reason(load.load(opinion.document.form))
    signs = {field.name for field in spec.fields() if field.kind is Kind.SIGNATURE}
    filed = {name: value for name, value in opinion.document.answers.items() if name not in signs}
    return forms.build(spec)(filed, signing=signing())


def with_reason(form: Form) -> Form:
    """The form with the question why it is written anew."""
    why = Field(
        name=REASON,
        kind=Kind.LONG_TEXT,
        label="修改的理由",
        required=True,
        max_length=MOST,
        data_class=DataClass.SENSITIVE,
        help="10 至 500 字。与原稿一起留存，启封后组内能看到。",
    )
    asked = Section(title="为什么修改", fields=(why,))
    return replace(form, sections=(asked, *form.sections), submit="提交修改后的意见")


def _page(opinion: Opinion, form: TaskForm) -> ResponseReturnValue:
    panel = opinion.panel
    dates.tell_by(panel.case)
    page = render_template("opinions/revise.html", form=form, panel=panel, case=panel.case)
    return page, form.status


def _opening(panel: Panel, errors: dict[str, list[str]]) -> ResponseReturnValue:
    dates.tell_by(panel.case)
    page = render_template(
        "opinions/opening.html",
        panel=panel,
        case=panel.case,
        errors=errors,
        reason=request.form.get("reason", "")[:LONGEST],
    )
    return page, 422 if errors else 200
