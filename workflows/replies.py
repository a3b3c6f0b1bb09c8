"""Who reads a written answer to a notice, and its files: a query each. Knows no page."""

from sqlalchemy import ColumnElement, Select, and_, false, or_, select

from models import Appointment, Attachment, Notice, NoticeRecipient
from workflows.permissions import may


def visible_replies(by: Appointment) -> Select[NoticeRecipient]:
    """Answers to notices: of the unit that answers, for the unit that asked."""
    if not may(by, "notice:view") or not may(by, "case:identify"):
        return select(NoticeRecipient).where(false())
    here = by.organisation_id
    return (
        select(NoticeRecipient)
        .join(Notice, Notice.id == NoticeRecipient.notice_id)
        .where(
            NoticeRecipient.reply_duty_id.is_not(None),
            or_(NoticeRecipient.organisation_id == here, Notice.organisation_id == here),
        )
    )


def files_of_replies(by: Appointment) -> ColumnElement[bool]:
    """Which uploaded files one may have because one reads the answer they were handed in with."""
    replies = visible_replies(by).with_only_columns(NoticeRecipient.reply_duty_id)
    return and_(Attachment.duty_id.in_(replies), Attachment.form.like("notice_reply.v%"))
