"""What people wrote down: drafts while they type, documents once they have handed it in."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SENSITIVE, Base, of_case_or_duty
from models.case import Case
from models.duty import Duty
from models.process import Task
from models.user import Appointment, User


class Document(Base):
    """Answers to one form, handed in and never changed. A correction is the next `edition`."""

    __tablename__ = "document"
    __table_args__ = (
        Index("ix_document_case_id_form", "case_id", "form"),
        UniqueConstraint("task_id"),
        UniqueConstraint("author_id", "key"),
        of_case_or_duty(),
    )

    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"))
    duty_id: Mapped[int | None] = mapped_column(ForeignKey("duty.id"), index=True)
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"))
    form: Mapped[str]  # name and version, such as in_hospital_discussion.v1
    edition: Mapped[int] = mapped_column(default=1)
    answers: Mapped[dict[str, Any]] = mapped_column(info=SENSITIVE)
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    appointment_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"))
    submitted_at: Mapped[datetime]
    key: Mapped[str]  # the request's idempotency key: a doubled submit finds this row

    case: Mapped[Case | None] = relationship()
    duty: Mapped[Duty | None] = relationship()
    task: Mapped[Task | None] = relationship()
    author: Mapped[User] = relationship()
    appointment: Mapped[Appointment] = relationship()


class Draft(Base):
    """What one person has typed into one open step, saved as they type."""

    __tablename__ = "draft"
    __table_args__ = (UniqueConstraint("user_id", "place"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    place: Mapped[str]  # "task:17", or "report" before there is a case
    answers: Mapped[dict[str, Any]] = mapped_column(info=SENSITIVE)
    percent: Mapped[int] = mapped_column(default=0)
    saved_at: Mapped[datetime]

    user: Mapped[User] = relationship()
