"""What the bell holds: one line for each thing a person should know of. Reading ticks it off."""

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import joinedload

from models import (
    Appointment,
    Case,
    Duty,
    Lesson,
    Motion,
    Notice,
    NoticeFile,
    Notification,
    Panel,
    Rectification,
    RiskRecord,
    Task,
)
from webapp import db
from webapp.access import current
from workflows import lessons, register
from workflows.actions.notice_files import visible_files
from workflows.item_scope import visible_items
from workflows.measure_readers import visible_measures, visible_motions
from workflows.permissions import (
    convened_panels,
    visible_cases,
    visible_duties,
    visible_notices,
    visible_tasks,
)

bp = Blueprint("notifications", __name__, url_prefix="/notifications")

MOST = 100


@bp.get("")
def index() -> ResponseReturnValue:
    lines = db.session.scalars(
        select(Notification)
        .where(Notification.user_id == current.user.id)
        .order_by(Notification.read_at.is_not(None), Notification.at.desc())
        .options(joinedload(Notification.case).joinedload(Case.person))
        .limit(MOST)
    ).all()
    return render_template("notifications/index.html", lines=lines, most=MOST)


@bp.post("/read")
def read_all() -> ResponseReturnValue:
    """Everything that is unread now has been read."""
    unread = update(Notification).where(
        Notification.user_id == current.user.id, Notification.read_at.is_(None)
    )
    db.session.execute(unread.values(read_at=current.now))
    db.session.commit()
    return redirect(url_for("notifications.index"), 303)


@bp.post("/<int:line_id>")
def follow(line_id: int) -> ResponseReturnValue:
    """Tick one line off and go to what it is about."""
    line = db.one_or_404(
        select(Notification).where(
            Notification.id == line_id, Notification.user_id == current.user.id
        )
    )
    line.read_at = line.read_at or current.now
    target = _target(line)
    db.session.commit()
    return redirect(target, 303)


def _target(line: Notification) -> str:
    """Where a line leads, as far as the present appointment may go; else back to the list."""
    by = current.appointment
    notice, panel = line.data.get("notice"), line.data.get("panel")
    task = line.data.get("task")
    if task is not None and db.session.scalar(visible_tasks(by).where(Task.id == task)):
        return url_for("tasks.show", task_id=task)
    if panel is not None and db.session.scalar(convened_panels(by).where(Panel.id == panel)):
        return url_for("seats.index", panel_id=panel)
    if found := _of_measure(line, by) or _of_learning(line) or _of_risk(line) or _of_disk(line):
        return found
    if item := line.data.get("item"):
        return _of_item(Rectification.id == item)
    if duty := line.data.get("duty"):
        return _of_duty(duty)
    if notice is not None:
        return _notice(notice, line.data.get("file"))
    if db.session.scalar(visible_cases(by).where(Case.id == line.case_id)):
        side = "cases.files" if line.data.get("files") else "cases.show"
        return url_for(side, case_id=line.case_id)
    return url_for("notifications.index")


def _of_risk(line: Notification) -> str | None:
    """A woman's record of the register, if one may see it; a county's review procedure."""
    key = line.data.get("record")
    if line.data.get("procedure") and current.may("gathering:view"):
        return url_for("procedures.index")
    mine = register.visible(current.appointment).where(RiskRecord.id == key)
    if key is None or db.session.scalar(mine) is None:
        return None
    return url_for("register.show", record_id=key)


def _of_disk(line: Notification) -> str | None:
    seen = line.data.get("disk") and current.may("system:view")
    return url_for("admin.health") if seen else None


def _of_duty(duty: int) -> str:
    """The page of a periodic duty, or of the ledger item that an occasional one is about."""
    by = current.appointment
    if current.may("duty:view") and db.session.scalar(visible_duties(by).where(Duty.id == duty)):
        return url_for("duties.show", duty_id=duty)
    about = select(Duty.item_id).where(Duty.id == duty, Duty.item_id.is_not(None))
    return _of_item(or_(Rectification.duty_id == duty, Rectification.id.in_(about)))


def _of_learning(line: Notification) -> str | None:
    """The month whose figures differ; a lesson in the library or on its way there."""
    month, key = line.data.get("figures"), line.data.get("lesson")
    if month and current.may("figures:view"):
        return url_for("reconciliation.index", month=month)
    if not key or not current.may("lesson:view"):
        return None
    if db.session.scalar(lessons.visible(current.appointment).where(Lesson.id == key)):
        return url_for("lessons.show", lesson_id=key)
    return url_for("lessons.index")


def _of_item(condition: ColumnElement[bool]) -> str:
    items = visible_items(current.appointment).where(condition).order_by(Rectification.id)
    if current.may("ledger:view") and (item := db.session.scalars(items.limit(1)).first()):
        return url_for("ledger.show", item_id=item.id)
    return url_for("notifications.index")


def _notice(key: int, file: int | None) -> str:
    """The notice, or one's copy of it that is ready."""
    by = current.appointment
    if not db.session.scalar(visible_notices(by).where(Notice.id == key)):
        return url_for("notifications.index")
    if file is not None and db.session.scalar(visible_files(by).where(NoticeFile.id == file)):
        return url_for("notice_files.show", file_id=file)
    return url_for("notices.show", notice_id=key)


def _of_measure(line: Notification, by: Appointment) -> str | None:
    """A proposed measure, or one being carried out, that one may see."""
    motion, duty = line.data.get("motion"), line.data.get("duty")
    if line.name.startswith("item."):
        return None  # the item of a measure is the ledger's
    if "contact" in line.data and current.may("measure:view"):
        return url_for("measures.index")
    if motion and db.session.scalar(visible_motions(by).where(Motion.id == motion)):
        return url_for("motions.show", motion_id=motion)
    if duty and db.session.scalar(visible_measures(by).where(Duty.id == duty)):
        return url_for("measures.show", duty_id=duty)
    return None
