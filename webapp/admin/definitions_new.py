"""Bringing a new version: files are chosen, judged by the lint, and handed in for approval."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage
from wtforms import MultipleFileField, SelectField, TextAreaField
from wtforms.validators import DataRequired, Length

from models import Definition
from webapp import db
from webapp.access import current
from webapp.admin.blueprint import bp, only
from webapp.admin.definitions import HOW, SIGNS, TONES
from webapp.admin.forms import AdminForm, tried
from workflows import diagrams
from workflows.actions import definitions as versions
from workflows.actions.definitions import LONGEST_COMMENT, PROPOSE
from workflows.engine import folder


class VersionForm(AdminForm):
    """Which process, its files, and why."""

    process_name = SelectField("流程", [DataRequired(message="选择流程")])
    files = MultipleFileField("文件")
    comment = TextAreaField(
        "为什么改",
        [Length(max=LONGEST_COMMENT, message=f"不超过 {LONGEST_COMMENT} 个字")],
    )


@bp.route("/definitions/new", methods=["GET", "POST"])
@only(PROPOSE)
def new_definition() -> ResponseReturnValue:
    form = VersionForm(process_name=request.args.get("process"))
    names = versions.names(db.session)
    form.process_name.choices = [(name, _title(name)) for name in names]
    if not form.handed_in():
        return _page(form)
    handed = _read(form)
    if handed is None:
        return _page(form)
    if "check" in request.form:
        return _page(form, versions.examine(db.session, form.process_name.data, handed))
    return _hand_in(form, handed)


def _hand_in(form: VersionForm, handed: dict[str, bytes]) -> ResponseReturnValue:
    def act() -> Definition:
        return versions.propose(
            db.session,
            form.process_name.data,
            handed,
            form.comment.data or "",
            by=current.appointment,
            now=current.now,
        )

    try:
        row = tried(form, act)
    except versions.NotSound:
        db.write_nothing()
        return _page(form, versions.examine(db.session, form.process_name.data, handed))
    if row is None:
        return _page(form)
    db.session.commit()
    flash(f"已提交第 {row.number} 版，待另一位管理员批准。")
    return redirect(url_for("admin.definition", definition_id=row.id), 303)


def _read(form: VersionForm) -> dict[str, bytes] | None:
    """The chosen files; None, with a message, when there is none or there are too many."""
    chosen = [file for file in request.files.getlist("files") if file.filename]
    if not chosen:
        form.files.errors = ["选择要改的文件"]
        return None
    if len(chosen) > folder.MOST_FILES:
        form.files.errors = [f"最多选 {folder.MOST_FILES} 个文件"]
        return None
    return {_name(file, place): _bounded(file) for place, file in enumerate(chosen)}


def _name(file: FileStorage, place: int) -> str:
    """Diagrams may all be called process.bpmn; what they are is told by what is in them."""
    name = file.filename or ""
    return f"{place}/{name}" if name.lower().endswith(".bpmn") else name


def _bounded(file: FileStorage) -> bytes:
    return file.stream.read(folder.MOST_BYTES + 1)


def _title(name: str) -> str:
    text = versions.files_in_force(db.session, name)[f"{name}/process.bpmn"]
    return f"{diagrams.read(text).title or name}（{name}）"


def _page(form: VersionForm, examined: versions.Examined | None = None) -> ResponseReturnValue:
    page = render_template(
        "admin/definition_new.html",
        form=form,
        examined=examined,
        kinds=",".join(folder.KINDS),
        most=folder.MOST_FILES,
        how=HOW,
        tones=TONES,
        signs=SIGNS,
    )
    unsound = examined is not None and bool(examined.findings)
    return page, 422 if form.faults or unsound else 200
