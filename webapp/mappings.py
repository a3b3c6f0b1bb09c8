"""报告卡二分类口径: how the province's report card takes the conclusion in between."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import db
from webapp.access import current
from workflows import mappings
from workflows.actions import mappings as actions
from workflows.actions.tasks import InvalidAnswers

bp = Blueprint("mappings", __name__, url_prefix="/mapping")

LONGEST = 2000  # characters read of what is typed; the action says what is too long


@bp.before_request
def require_permission() -> None:
    if not current.may("mapping:view"):
        abort(404)


@bp.get("")
def show() -> ResponseReturnValue:
    return _page({})


@bp.post("")
def confirm() -> ResponseReturnValue:
    """404 for whoever may only read it."""
    if not actions.may_confirm(current.appointment):
        abort(404)
    said = request.form
    try:
        actions.confirm(
            db.session,
            conditional=said.get("conditional", ""),
            document=said.get("document", "")[:LONGEST],
            clause=said.get("clause", "")[:LONGEST],
            reason=said.get("reason", "")[:LONGEST],
            by=current.appointment,
            now=current.now,
        )
    except InvalidAnswers as wrong:
        db.write_nothing()
        return _page(wrong.errors)
    db.session.commit()
    flash("口径已确认，此后签署的结论按此映射；此前签署的保持原样。")
    return redirect(url_for("mappings.show"), 303)


def _page(errors: dict[str, list[str]]) -> ResponseReturnValue:
    province = mappings.province_of(current.appointment.organisation.region_code)
    found = mappings.history(db.session, province)
    page = render_template(
        "mappings/show.html",
        now=found[0] if found else None,
        history=found,
        unmapped=mappings.UNMAPPED,
        two=mappings.TWO,
        basis=mappings.basis,
        confirms=actions.may_confirm(current.appointment),
        errors=errors,
        said=request.form,
    )
    return page, 422 if errors else 200
