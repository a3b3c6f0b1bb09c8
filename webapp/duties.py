"""Periodic duties (定期任务): who owes what for which period, and one of them from every side."""

from collections.abc import Sequence

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models import Document, Duty, DutyKind, DutyState, Notice, Task, TaskState
from webapp import db
from webapp.access import current
from webapp.cases.documents import parts_of
from workflows import duties
from workflows.actions import duties as acts
from workflows.forms import load
from workflows.permissions import may_complete, visible_duties, visible_notices
from workflows.readers import PlainReader

bp = Blueprint("duties", __name__, url_prefix="/duties")

MOST = 200
VIEWS = {"open": "待完成", "all": "全部"}


@bp.before_request
def require_permission() -> None:
    if not current.may("duty:view"):
        abort(404)


@bp.get("")
def index() -> ResponseReturnValue:
    view = request.args.get("view", "open")
    query = visible_duties(current.appointment)
    if view != "all":
        view, query = "open", query.where(Duty.state == DutyState.OPEN)
    rows = db.session.scalars(
        query.options(joinedload(Duty.organisation), joinedload(Duty.receiver))
        .order_by(Duty.starts_on.desc(), Duty.kind, Duty.region_code, Duty.id)
        .limit(MOST)
    ).all()
    return render_template(
        "duties/index.html", rows=rows, steps=_steps(rows), view=view, views=VIEWS, most=MOST
    )


def _steps(rows: Sequence[Duty]) -> dict[int, Task]:
    """The step each duty waits for; of several signatures that wait, the first."""
    found: dict[int, Task] = {}
    ids = [duty.id for duty in rows]
    for task in db.session.scalars(
        select(Task)
        .where(Task.duty_id.in_(ids), Task.state == TaskState.OPEN)
        .options(joinedload(Task.organisation))
        .order_by(Task.id)
    ):
        found.setdefault(task.duty_id or 0, task)
    return found


@bp.get("/<int:duty_id>")
def show(duty_id: int) -> ResponseReturnValue:
    duty = _visible(duty_id)
    reader = PlainReader(db.session)
    waiting = db.session.scalars(
        select(Task)
        .where(Task.duty_id == duty.id, Task.state == TaskState.OPEN)
        .options(joinedload(Task.organisation))
        .order_by(Task.id)
    ).all()
    return render_template(
        "duties/show.html",
        duty=duty,
        content=_content(duty),
        waiting=[(task, may_complete(current.appointment, task)) for task in waiting],
        sheets=[(row, load.load(row.form).title, parts_of(row, reader)) for row in _sheets(duty)],
        notice=_notice(duty),
        reader=reader,
        may_remind=_may_remind(duty),
    )


def _content(duty: Duty) -> dict[str, object] | None:
    if duty.kind is not DutyKind.MONTHLY_REPORT:
        return None
    return duty.content or duties.content(db.session, duty)


def _sheets(duty: Duty) -> list[Document]:
    """What was handed in. A notice's draft is its unit's own until it is issued, and then read as
    the notice it is."""
    ours = current.appointment.organisation_id in (duty.organisation_id, duty.receiver_id)
    if duty.kind is DutyKind.QUARTERLY_NOTICE and not ours:
        return []
    return list(
        db.session.scalars(
            select(Document)
            .where(Document.duty_id == duty.id, Document.form.not_like("notice_receipt.v%"))
            .options(joinedload(Document.author), joinedload(Document.appointment))
            .order_by(Document.id.desc())
        )
    )


def _notice(duty: Duty) -> Notice | None:
    return db.session.scalars(
        visible_notices(current.appointment).where(Notice.duty_id == duty.id)
    ).one_or_none()


def _may_remind(duty: Duty) -> bool:
    return (
        duty.state is DutyState.OPEN and current.appointment.organisation_id != duty.organisation_id
    )


@bp.post("/<int:duty_id>/reminder")
def remind(duty_id: int) -> ResponseReturnValue:
    """催报."""
    duty = _visible(duty_id)
    if not _may_remind(duty):
        abort(404)
    try:
        acts.remind(db.session, duty, by=current.appointment, now=current.now)
    except acts.TooSoon:
        db.write_nothing()
        flash("今天已经催过，明天可以再催。", "warning")
    else:
        db.session.commit()
        flash("已提醒经办人。")
    return redirect(url_for("duties.show", duty_id=duty_id), 303)


def _visible(duty_id: int) -> Duty:
    return db.one_or_404(
        visible_duties(current.appointment)
        .where(Duty.id == duty_id)
        .options(joinedload(Duty.organisation), joinedload(Duty.receiver))
    )
