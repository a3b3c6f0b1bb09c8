"""培训学习: trainings in the review scheme that one may take part in: material, signing in, what
those who were there say of it."""

from collections.abc import Callable

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from models import Attachment, Training
from webapp import db
from webapp.access import current
from webapp.attachments import stored
from workflows import gatherings
from workflows.actions import attachments
from workflows.actions import trainings as acts
from workflows.actions.tasks import InvalidAnswers
from workflows.permissions import Forbidden

bp = Blueprint("trainings", __name__, url_prefix="/trainings")

MOST_FILES = 5
ENVELOPE = 64 * 1024
Errors = dict[str, list[str]]


@bp.url_value_preprocessor
def limit_request(_endpoint: str | None, _values: object) -> None:
    """Runs before anything reads the body."""
    most = int(current_app.config["UPLOAD_BYTES"]) * MOST_FILES + ENVELOPE
    request.max_content_length = most


@bp.before_request
def require_permission() -> None:
    if not current.may("training:view"):
        abort(404)


@bp.get("")
def index() -> ResponseReturnValue:
    rows = db.session.scalars(gatherings.open_to(current.appointment)).all()
    return render_template("trainings/index.html", rows=rows)


@bp.get("/<int:training_id>")
def show(training_id: int) -> ResponseReturnValue:
    return _page(_seen(training_id), {})


def _seen(training_id: int) -> Training:
    query = gatherings.open_to(current.appointment).where(Training.id == training_id)
    return db.one_or_404(query)


def _page(row: Training, errors: Errors) -> ResponseReturnValue:
    by = current.appointment
    files = select(Attachment).where(Attachment.training_id == row.id).order_by(Attachment.id)
    ours = row.organisation_id == by.organisation_id and current.may("gathering:keep")
    page = render_template(
        "trainings/show.html",
        row=row,
        mine=acts.presence_of(row, by),
        keeps=ours,
        counts=ours or current.may("gathering:keep"),
        files=db.session.scalars(files).all(),
        rated=[each for each in row.presence if each.rated_at is not None],
        errors=errors,
        most=MOST_FILES,
    )
    return page, 422 if errors else 200


def _act(training_id: int, act: Callable[[Training], object], done: str) -> ResponseReturnValue:
    row = _seen(training_id)
    try:
        act(row)
    except InvalidAnswers as bad:
        db.write_nothing()
        return _page(_seen(training_id), bad.errors)
    except attachments.Unacceptable as refused:
        db.write_nothing()
        return _page(_seen(training_id), {"files": [f"{refused}；请重新选择全部文件"]})
    except Forbidden:
        abort(404)
    db.session.commit()
    flash(done)
    return redirect(url_for("trainings.show", training_id=training_id), 303)


@bp.post("/<int:training_id>/files")
def equip(training_id: int) -> ResponseReturnValue:
    """Material, judged by its content."""

    def act(row: Training) -> None:
        if row.organisation_id != current.appointment.organisation_id:
            raise Forbidden(row.id)
        by, now = current.appointment, current.now
        acts.keep(db.session, row, _stored(), by=by, now=now)

    return _act(training_id, act, "材料已上传。")


def _stored() -> list[Attachment]:
    chosen = [file for file in request.files.getlist("files") if file.filename]
    if not 0 < len(chosen) <= MOST_FILES:
        raise attachments.Unacceptable(f"选择 1 至 {MOST_FILES} 个文件")
    return [stored(file) for file in chosen]


@bp.post("/<int:training_id>/sign-in")
def sign_in(training_id: int) -> ResponseReturnValue:
    by, now = current.appointment, current.now
    return _act(training_id, lambda row: acts.sign_in(db.session, row, by=by, now=now), "已签到。")


@bp.post("/<int:training_id>/rate")
def rate(training_id: int) -> ResponseReturnValue:
    form = request.form
    marks = (form.get("useful", ""), form.get("clear", ""))

    def act(row: Training) -> None:
        by, now = current.appointment, current.now
        acts.rate(db.session, row, marks, form.get("remark", ""), by=by, now=now)

    return _act(training_id, act, "评价已提交，其他人看不到是谁写的。")
