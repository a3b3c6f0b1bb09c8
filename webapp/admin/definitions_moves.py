"""换版: what a version would make of the cases that run, and putting some of them on it."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload
from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length

from models import Definition, DefinitionState, Process, Transfer
from webapp import db
from webapp.access import current
from webapp.admin.blueprint import bp, only
from webapp.admin.forms import AdminForm
from workflows.actions import transfers
from workflows.actions.definitions import DECIDE, LONGEST_COMMENT, PROPOSE, title_of


class MoveForm(AdminForm):
    """Why the chosen cases are moved."""

    comment = TextAreaField(
        "为什么换",
        [
            DataRequired(message="写明为什么换"),
            Length(max=LONGEST_COMMENT, message=f"不超过 {LONGEST_COMMENT} 个字"),
        ],
    )


@bp.route("/definitions/<int:definition_id>/cases", methods=["GET", "POST"])
@only(DECIDE)
def definition_cases(definition_id: int) -> ResponseReturnValue:
    row = db.get_or_404(Definition, definition_id)
    form = MoveForm()
    if form.handed_in() and current.may(PROPOSE):
        return _move(row, form)
    return _page(row, form)


def _move(row: Definition, form: MoveForm) -> ResponseReturnValue:
    chosen = request.form.getlist("process", type=int)
    query = (
        transfers.movable(row)
        .where(Process.id.in_(chosen))
        .options(joinedload(Process.case), joinedload(Process.definition))
    )
    processes = list(db.session.scalars(query))
    if not processes or len(processes) != len(set(chosen)):
        form.show_errors({"": ["选择要换版的病例；已经换过或办结的不在其中"]})
        return _page(row, form)
    try:
        transfers.transfer_all(
            db.session,
            processes,
            row,
            form.comment.data,
            by=current.appointment,
            now=current.now,
        )
    except transfers.CannotMove as refused:
        db.write_nothing()
        form.show_errors({"": [*refused.problems, "一例都没有换"]})
        return _page(row, form)
    db.session.commit()
    flash(f"{len(processes)} 例已换到第 {row.number} 版。下一步办理之前可以撤销。")
    return redirect(url_for("admin.definitions") + "#undoable", 303)


def _page(row: Definition, form: MoveForm) -> ResponseReturnValue:
    seen = transfers.dry_run(db.session, row, current.now)
    total = db.session.scalar(select(func.count()).select_from(transfers.movable(row).subquery()))
    page = render_template(
        "admin/definition_cases.html",
        row=row,
        title=title_of(row),
        about=transfers.about,
        form=form,
        seen=seen,
        total=total or 0,
        possible=sum(each.preview.possible for each in seen),
        may_move=row.status is DefinitionState.APPROVED and current.may(PROPOSE),
        states=DefinitionState,
    )
    return page, form.status


@bp.post("/definitions/transfers/<int:transfer_id>/undo")
@only(PROPOSE)
def undo_transfer(transfer_id: int) -> ResponseReturnValue:
    row = db.get_or_404(Transfer, transfer_id)
    try:
        transfers.undo(db.session, row, by=current.appointment, now=current.now)
        db.session.commit()
        flash("已撤销换版，流程回到原来的版本。")
    except transfers.TooLate:
        db.write_nothing()
        flash("不能撤销了：这个病例已经办理了下一步，或已撤销过。")
    return redirect(url_for("admin.definitions"), 303)
