"""Feedback and notices (反馈、通报) and who has signed for them (C01, C02)."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, of_case_or_duty
from models.case import Case
from models.document import Document
from models.duty import Duty
from models.place import Organisation
from models.user import User


class Notice(Base):
    """The feedback on one case, or a quarter's. Its text is the document; issued, it stays."""

    __tablename__ = "notice"
    __table_args__ = (of_case_or_duty(),)

    number: Mapped[str | None] = mapped_column(unique=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)
    duty_id: Mapped[int | None] = mapped_column(ForeignKey("duty.id"), index=True)
    level: Mapped[str]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"))
    drafted_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    issued_at: Mapped[datetime | None]

    case: Mapped[Case | None] = relationship()
    duty: Mapped[Duty | None] = relationship()
    organisation: Mapped[Organisation] = relationship()
    document: Mapped[Document] = relationship()
    drafted_by: Mapped[User] = relationship(foreign_keys=[drafted_by_id])
    issued_by: Mapped[User | None] = relationship(foreign_keys=[issued_by_id])
    recipients: Mapped[list["NoticeRecipient"]] = relationship(
        back_populates="notice", order_by="NoticeRecipient.place"
    )


class NoticeRecipient(Base):
    __tablename__ = "notice_recipient"
    __table_args__ = (UniqueConstraint("notice_id", "organisation_id"),)

    notice_id: Mapped[int] = mapped_column(ForeignKey("notice.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    place: Mapped[int]
    read_at: Mapped[datetime | None]
    signed_at: Mapped[datetime | None]
    signed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))

    notice: Mapped[Notice] = relationship(back_populates="recipients")
    organisation: Mapped[Organisation] = relationship()
    signed_by: Mapped[User | None] = relationship()
