"""What people say beside the forms, of a case or one of its steps; and who follows a case."""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SENSITIVE, Base
from models.case import Case
from models.process import Task
from models.user import Appointment, User


class Audience(enum.StrEnum):
    """Who reads a comment. Nobody outside it learns that there is one."""

    UNIT = "unit"  # colleagues of the author's unit
    CASE = "case"  # the units that handle the case; never its reviewers
    PANEL = "panel"  # who reads the opinions of that level, once they are opened


class Comment(Base):
    """Added, never changed; its author may take it back, the row stays."""

    __tablename__ = "comment"

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"))
    audience: Mapped[Audience]
    level: Mapped[str | None]  # of the panel
    text: Mapped[str] = mapped_column(info=SENSITIVE)
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    appointment_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"))
    at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]

    case: Mapped[Case] = relationship()
    task: Mapped[Task | None] = relationship()
    author: Mapped[User] = relationship()
    appointment: Mapped[Appointment] = relationship()


class Watcher(Base):
    """Somebody who is told of each step of a case that they may see, under one appointment."""

    __tablename__ = "watcher"
    __table_args__ = (UniqueConstraint("case_id", "appointment_id"),)

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    appointment_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"), index=True)
    since: Mapped[datetime]

    case: Mapped[Case] = relationship()
    appointment: Mapped[Appointment] = relationship()
