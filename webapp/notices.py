"""Notices (反馈、通报): the list, and the sheet in official style with who has signed for it."""

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from models import Document, Notice, NoticeFormat, NoticeRecipient, Task
from webapp import db
from webapp.access import current
from workflows.actions import notices
from workflows.letters import official
from workflows.permissions import inbox, visible_notices
from workflows.readers import PlainReader, Reader

bp = Blueprint("notices", __name__, url_prefix="/notices")

MOST = 200


@bp.get("")
def index() -> ResponseReturnValue:
    if not current.may("notice:view"):
        abort(404)
    rows = db.session.scalars(
        visible_notices(current.appointment)
        .options(
            joinedload(Notice.organisation),
            joinedload(Notice.document),
            selectinload(Notice.recipients).joinedload(NoticeRecipient.organisation),
        )
        .order_by(Notice.id.desc())
        .limit(MOST)
    ).all()
    return render_template(
        "notices/index.html", rows=rows, here=current.appointment.organisation_id
    )


@bp.get("/<int:notice_id>")
def show(notice_id: int) -> ResponseReturnValue:
    if not current.may("notice:view"):
        abort(404)
    by = current.appointment
    notice = db.one_or_404(
        visible_notices(by)
        .where(Notice.id == notice_id)
        .options(selectinload(Notice.recipients).joinedload(NoticeRecipient.organisation))
    )
    reader = Reader(db.session, notice.case, by) if notice.case else PlainReader(db.session)
    _note_reading(notice)
    mine = db.session.scalars(
        inbox(by).where(
            Task.case_id.is_not_distinct_from(notice.case_id),
            Task.duty_id.is_not_distinct_from(notice.duty_id),
            Task.form.like("notice_receipt.v%"),
        )
    ).first()
    return render_template(
        "notices/show.html",
        notice=notice,
        reader=reader,
        sheet=official(notice, reader),
        mine=mine,
        formats=NoticeFormat,
        confirmed=_confirmed(notice),
    )


def _confirmed(notice: Notice) -> str:
    """Why something recognisable was left in an issued notice: for the unit that issued it."""
    if notice.issued_at is None or notice.organisation_id != current.appointment.organisation_id:
        return ""
    sheet = db.session.scalars(
        select(Document)
        .where(
            Document.case_id.is_not_distinct_from(notice.case_id),
            Document.duty_id.is_not_distinct_from(notice.duty_id),
            Document.form.like("notice_issue.v%"),
            Document.submitted_at == notice.issued_at,
        )
        .order_by(Document.id.desc())
        .limit(1)
    ).one_or_none()
    return str(sheet.answers.get("confirm_reason") or "") if sheet else ""


def _note_reading(notice: Notice) -> None:
    """The first time a unit that received it opens it, that is on record."""
    here = current.appointment.organisation_id
    row = db.session.scalars(
        select(NoticeRecipient).where(
            NoticeRecipient.notice_id == notice.id,
            NoticeRecipient.organisation_id == here,
            NoticeRecipient.read_at.is_(None),
        )
    ).one_or_none()
    if row is None or notice.issued_at is None:
        return
    with db.transaction() as session:
        notices.note_reading(session, row.id, now=current.now)
    db.session.refresh(row)
