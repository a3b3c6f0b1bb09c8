"""Feedback and notices (反馈、通报), who has signed for them and answered, and copies of them as
files (C01, C02, D13)."""

import enum
from datetime import date, datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import PLAIN, Base, of_case_or_duty
from models.case import Case
from models.document import Document
from models.dossier import DossierState
from models.duty import Duty
from models.place import Organisation
from models.user import Appointment, User


class NoticeKind(enum.StrEnum):
    CASE_FEEDBACK = "case_feedback"  # of one case, to the units concerned
    QUARTERLY = "quarterly"
    INTERVIEW = "interview"  # after an interview about what was not put right (D04, D07)
    COMMENDATION = "commendation"  # what was done well (D13)
    WORK = "work"
    RECALL = "recall"  # takes another one back


class Notice(Base):
    """What a commission tells units. Its text is the document; issued, it stays: the database
    refuses to change what was issued. `recalls`: the one that this one takes back."""

    __tablename__ = "notice"
    __table_args__ = (of_case_or_duty(),)

    kind: Mapped[NoticeKind]
    number: Mapped[str | None] = mapped_column(PLAIN, unique=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)
    duty_id: Mapped[int | None] = mapped_column(ForeignKey("duty.id"), index=True)
    level: Mapped[str]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"))
    drafted_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    issued_at: Mapped[datetime | None]
    reply_due: Mapped[date | None]  # until when a written answer is asked for; a day in China
    recalls_id: Mapped[int | None] = mapped_column(ForeignKey("notice.id"), index=True)

    case: Mapped[Case | None] = relationship()
    duty: Mapped[Duty | None] = relationship()
    organisation: Mapped[Organisation] = relationship()
    document: Mapped[Document] = relationship()
    drafted_by: Mapped[User] = relationship(foreign_keys=[drafted_by_id])
    issued_by: Mapped[User | None] = relationship(foreign_keys=[issued_by_id])
    recipients: Mapped[list["NoticeRecipient"]] = relationship(
        back_populates="notice", order_by="NoticeRecipient.place"
    )
    recalls: Mapped["Notice | None"] = relationship(
        remote_side="Notice.id", back_populates="recalled"
    )
    recalled: Mapped[list["Notice"]] = relationship(back_populates="recalls")

    @property
    def recalled_by(self) -> "Notice | None":
        """The issued notice that took this one back."""
        return next((each for each in self.recalled if each.issued_at is not None), None)


class NoticeRecipient(Base):
    """One unit it went to. `reply_due`: of an answer asked for once more it is the new day."""

    __tablename__ = "notice_recipient"
    __table_args__ = (UniqueConstraint("notice_id", "organisation_id"),)

    notice_id: Mapped[int] = mapped_column(ForeignKey("notice.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    place: Mapped[int]
    read_at: Mapped[datetime | None]
    signed_at: Mapped[datetime | None]
    signed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    reply_due: Mapped[date | None]
    reply_duty_id: Mapped[int | None] = mapped_column(ForeignKey("duty.id"), index=True)
    replied_at: Mapped[datetime | None]  # the first time
    reply_accepted_at: Mapped[datetime | None]

    notice: Mapped[Notice] = relationship(back_populates="recipients")
    organisation: Mapped[Organisation] = relationship()
    signed_by: Mapped[User | None] = relationship()
    reply_duty: Mapped[Duty | None] = relationship()


class NoticeFormat(enum.StrEnum):
    PDF = "pdf"
    DOCX = "docx"


class NoticeFile(Base):
    """One reader's copy of a notice as a file, made by the worker. `document`: the edition that it
    holds; `draft`: it was not issued then."""

    __tablename__ = "notice_file"

    notice_id: Mapped[int] = mapped_column(ForeignKey("notice.id"), index=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"))
    appointment_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"), index=True)
    format: Mapped[NoticeFormat]
    draft: Mapped[bool]
    state: Mapped[DossierState] = mapped_column(default=DossierState.WAITING)
    percent: Mapped[int] = mapped_column(default=0)
    message: Mapped[str | None]
    requested_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    token: Mapped[str | None] = mapped_column(unique=True)  # the stored file's random name
    sha256: Mapped[str | None]
    size: Mapped[int | None]

    notice: Mapped[Notice] = relationship()
    document: Mapped[Document] = relationship()
    appointment: Mapped[Appointment] = relationship()
