"""One unit's written answer to a notice (回复): what was handed in, how it was read, its limits."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models import Attachment, Document, Duty, NoticeRecipient, Task, TaskState
from webapp import db
from webapp.access import current
from webapp.cases.documents import parts_of
from workflows.forms import load
from workflows.permissions import may_complete
from workflows.readers import PlainReader
from workflows.replies import visible_replies

bp = Blueprint("replies", __name__, url_prefix="/notices/replies")


@bp.get("/<int:recipient_id>")
def show(recipient_id: int) -> ResponseReturnValue:
    row = db.one_or_404(
        visible_replies(current.appointment)
        .where(NoticeRecipient.id == recipient_id)
        .options(
            joinedload(NoticeRecipient.notice),
            joinedload(NoticeRecipient.organisation),
            joinedload(NoticeRecipient.reply_duty).selectinload(Duty.clocks),
        )
    )
    reader = PlainReader(db.session)
    of_duty = select(Document).where(Document.duty_id == row.reply_duty_id)
    sheets = db.session.scalars(
        of_duty.order_by(Document.id.desc()).options(
            joinedload(Document.author),
            joinedload(Document.appointment),
        )
    ).all()
    files = db.session.scalars(
        select(Attachment).where(Attachment.duty_id == row.reply_duty_id).order_by(Attachment.id)
    ).all()
    waiting = db.session.scalars(
        select(Task).where(Task.duty_id == row.reply_duty_id, Task.state == TaskState.OPEN)
    ).all()
    by = current.appointment
    return render_template(
        "notices/reply.html",
        row=row,
        reader=reader,
        sheets=[(each, load.load(each.form).title, parts_of(each, reader)) for each in sheets],
        files=files,
        mine=next((task for task in waiting if may_complete(by, task)), None),
    )
