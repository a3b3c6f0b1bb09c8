"""流程定义: every version of a process that was ever used, and how many cases run on it."""

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from models import Definition, Process, ProcessState
from webapp import db
from webapp.admin.blueprint import SYSTEM, bp, only
from workflows import diagrams
from workflows.engine import definitions as folders


@bp.get("/definitions")
@only(SYSTEM)
def definitions() -> ResponseReturnValue:
    rows = db.session.scalars(
        select(Definition).order_by(Definition.name, Definition.created_at.desc())
    ).all()
    counted = select(Process.definition_id, Process.status, func.count()).group_by(
        Process.definition_id, Process.status
    )
    counts = {(key, status): number for key, status, number in db.session.execute(counted)}
    return render_template(
        "admin/definitions.html",
        rows=rows,
        counts=counts,
        states=ProcessState,
        title_of=title_of,
        is_current=is_current,
    )


def title_of(row: Definition) -> str:
    """The name its diagram gives it; its folder's name if it gives none."""
    return diagrams.read(row.files[f"{row.name}/process.bpmn"]).title or row.name


def is_current(row: Definition) -> bool:
    """Whether a case opened now would run on it."""
    try:
        return folders.digest(folders.files_of(row.name)) == row.digest
    except LookupError:
        return False  # a process that is no longer offered
