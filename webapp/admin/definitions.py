"""流程定义: every version of a process, what is different in it, and a second person's decision."""

from dataclasses import dataclass
from typing import Any

from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload
from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length

from models import Definition, DefinitionState, Process, ProcessState
from webapp import db
from webapp.access import current
from webapp.admin.blueprint import bp, only
from webapp.admin.forms import AdminForm, tried
from workflows import diagrams
from workflows.actions import definitions as versions
from workflows.actions import transfers
from workflows.actions.definitions import DECIDE, LONGEST_COMMENT, PROPOSE, title_of
from workflows.engine import definitions as folders
from workflows.engine import diff
from workflows.permissions import Forbidden

__all__ = ["title_of"]

HOW = {diff.How.ADDED: "新增", diff.How.REMOVED: "删去", diff.How.CHANGED: "改动"}
TONES = {diff.How.ADDED: "done", diff.How.REMOVED: "late", diff.How.CHANGED: "due"}
SIGNS = {diff.How.ADDED: "plus-lg", diff.How.REMOVED: "x-lg", diff.How.CHANGED: "pencil"}


class CommentForm(AdminForm):
    """Why, in the words of whoever acts."""

    comment = TextAreaField(
        "意见",
        [
            DataRequired(message="写明意见"),
            Length(max=LONGEST_COMMENT, message=f"不超过 {LONGEST_COMMENT} 个字"),
        ],
    )


@dataclass(frozen=True, slots=True)
class Compared:
    """A version beside the one it is compared with."""

    row: Definition
    other: Definition | None
    changes: list[diff.Change]

    @property
    def diagrams(self) -> list[tuple[str, str, int]]:
        """Folder, title and number of changes of every diagram; those that changed come first."""
        both = {**(self.other.files if self.other else {}), **self.row.files}
        found = []
        for file, text in both.items():
            if file.endswith(".bpmn"):
                folder = file.split("/")[0]
                count = sum(change.file == file for change in self.changes)
                found.append((folder, diagrams.read(text).title or folder, count))
        return sorted(found, key=lambda each: (not each[2], each[0] != self.row.name, each[0]))


@bp.get("/definitions")
@only(DECIDE)
def definitions() -> ResponseReturnValue:
    rows = db.session.scalars(
        select(Definition)
        .order_by(Definition.name, Definition.number.desc())
        .options(joinedload(Definition.author), joinedload(Definition.decided_by))
    ).all()
    counted = select(Process.definition_id, Process.status, func.count()).group_by(
        Process.definition_id, Process.status
    )
    counts = {(key, status): number for key, status, number in db.session.execute(counted)}
    return render_template(
        "admin/definitions.html",
        rows=rows,
        waiting=[row for row in rows if row.status is DefinitionState.PROPOSED],
        counts=counts,
        states=ProcessState,
        title_of=title_of,
        about=transfers.about,
        in_force=_in_force({row.name for row in rows}),
        undoable=list(transfers.newest_undoable(db.session)) if current.may(PROPOSE) else [],
    )


def _in_force(names: set[str]) -> set[int]:
    found = (folders.in_force(db.session, name) for name in names)
    return {row.id for row in found if row is not None}


@bp.get("/definitions/<int:definition_id>")
@only(DECIDE)
def definition(definition_id: int) -> ResponseReturnValue:
    return version_page(db.get_or_404(Definition, definition_id))


def version_page(
    row: Definition, form: AdminForm | None = None, findings: list[Any] | None = None
) -> ResponseReturnValue:
    """Everything about one version. `form`: the decision that was refused, with its reasons."""
    compared = _compared(row)
    shown = request.args.get("diagram", "")
    tabs = compared.diagrams
    if shown not in {folder for folder, _, _ in tabs}:
        shown = tabs[0][0] if tabs else row.name
    form = form or CommentForm(formdata=None)
    page = render_template(
        "admin/definition.html",
        row=row,
        title=title_of(row),
        compared=compared,
        tabs=tabs,
        shown=shown,
        form=form,
        findings=findings or [],
        in_force=folders.in_force(db.session, row.name),
        others=_others(row),
        may_decide=versions.may_decide(row, current.appointment),
        may_withdraw=row.status is DefinitionState.PROPOSED
        and row.author_id == current.appointment.user_id,
        states=DefinitionState,
        how=HOW,
        tones=TONES,
        signs=SIGNS,
        propose=PROPOSE,
    )
    return page, form.status


def _others(row: Definition) -> list[Definition]:
    query = select(Definition).where(Definition.name == row.name, Definition.id != row.id)
    return list(db.session.scalars(query.order_by(Definition.number.desc())))


def _compared(row: Definition) -> Compared:
    other = _against(row)
    return Compared(row, other, diff.changes(other.files if other else {}, row.files))


def _against(row: Definition) -> Definition | None:
    """The version asked for; else the one in force, or for an approved one the one before."""
    asked = request.args.get("against", type=int)
    others = {other.id: other for other in _others(row)}
    if asked in others:
        return others[asked]
    in_force = folders.in_force(db.session, row.name)
    if row.status is not DefinitionState.APPROVED:
        return in_force
    earlier = [
        other
        for other in others.values()
        if other.status is DefinitionState.APPROVED and other.number < row.number
    ]
    return max(earlier, key=lambda other: other.number, default=None)


@bp.get("/definitions/<int:definition_id>/diagrams/<diagram>")
@only(DECIDE)
def definition_data(definition_id: int, diagram: str) -> ResponseReturnValue:
    """What the two drawings need: both files, and how each element differs."""
    row = db.get_or_404(Definition, definition_id)
    compared, file = _compared(row), f"{diagram}/process.bpmn"
    old, new = (compared.other.files if compared.other else {}).get(file), row.files.get(file)
    if old is None and new is None:
        abort(404)
    changes = {each.element: each for each in compared.changes if each.file == file}
    return jsonify(
        old=old,
        new=new,
        changes={
            key: {"how": each.how, "word": HOW[each.how], "tip": "；".join(map(str, each.lines))}
            for key, each in changes.items()
        },
    )


@bp.post("/definitions/<int:definition_id>/decide")
@only(DECIDE)
def decide_definition(definition_id: int) -> ResponseReturnValue:
    row = db.get_or_404(Definition, definition_id)
    form = CommentForm()
    approves = "approve" in request.form

    def act() -> bool:
        said, by, now = form.comment.data, current.appointment, current.now
        if approves:
            against = request.form.get("against", type=int)
            versions.approve(db.session, row, said, against=against, by=by, now=now)
        else:
            versions.reject(db.session, row, said, by=by, now=now)
        return True

    if not form.handed_in():
        return version_page(row, form)
    try:
        done = tried(form, act)
    except Forbidden:
        abort(403)
    except versions.NotSound as unsound:
        db.write_nothing()
        form.show_errors({"": ["产品升级后这个版本不再合规，请提交人改好再提交"]})
        return version_page(row, form, unsound.findings)
    if not done:
        return version_page(row, form)
    db.session.commit()
    flash(
        "已批准，新病例从现在起用这个版本。" if approves else "没有批准，提交人会在这里看到意见。"
    )
    return redirect(url_for("admin.definition", definition_id=row.id), 303)


@bp.post("/definitions/<int:definition_id>/withdraw")
@only(PROPOSE)
def withdraw_definition(definition_id: int) -> ResponseReturnValue:
    row = db.get_or_404(Definition, definition_id)
    form = AdminForm()

    def act() -> bool:
        versions.withdraw(db.session, row, by=current.appointment, now=current.now)
        return True

    try:
        done = form.handed_in() and tried(form, act)
    except Forbidden:
        abort(403)
    if not done:
        return version_page(row, form)
    db.session.commit()
    flash("已撤回。")
    return redirect(url_for("admin.definition", definition_id=row.id), 303)


@bp.post("/definitions/<int:definition_id>/again")
@only(PROPOSE)
def propose_definition_again(definition_id: int) -> ResponseReturnValue:
    row = db.get_or_404(Definition, definition_id)
    form = CommentForm()

    def act() -> Definition:
        return versions.propose_again(
            db.session, row, form.comment.data, by=current.appointment, now=current.now
        )

    try:
        proposed = tried(form, act) if form.handed_in() else None
    except versions.NotSound as unsound:
        db.write_nothing()
        form.show_errors({"": ["产品升级后这个版本不再合规，不能重新启用"]})
        return version_page(row, form, unsound.findings)
    if proposed is None:
        return version_page(row, form)
    db.session.commit()
    flash(f"已提交为第 {proposed.number} 版，待另一位管理员批准。")
    return redirect(url_for("admin.definition", definition_id=proposed.id), 303)
