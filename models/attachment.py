"""Uploaded files. The bytes lie under a random name outside the web root; this row says what they
are."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SENSITIVE, Base
from models.case import Case
from models.duty import Duty
from models.user import User


class Attachment(Base):
    """`case_id` and `duty_id` are empty until the form it was attached to is handed in.

    `motion_id`: evidence handed in with a proposed measure, which belongs to neither;
    `training_id`: material of a training. `form`: with what it was handed in; empty until then, and
    what has been handed in is never handed in elsewhere.
    """

    __tablename__ = "attachment"

    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)
    duty_id: Mapped[int | None] = mapped_column(ForeignKey("duty.id"), index=True)
    motion_id: Mapped[int | None] = mapped_column(ForeignKey("motion.id"), index=True)
    training_id: Mapped[int | None] = mapped_column(ForeignKey("training.id"), index=True)
    token: Mapped[str] = mapped_column(
        unique=True
    )  # how forms name it; also the stored file's name
    filename: Mapped[str] = mapped_column(info=SENSITIVE)
    media_type: Mapped[str]
    size: Mapped[int]
    pages: Mapped[int | None]
    sha256: Mapped[str]
    uploaded_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    uploaded_at: Mapped[datetime]
    form: Mapped[str | None]
    field: Mapped[str | None]

    case: Mapped[Case | None] = relationship()
    duty: Mapped[Duty | None] = relationship()
    uploaded_by: Mapped[User] = relationship()


class BlindCopy(Base):
    """What reviewers get instead of a file: without metadata, what would tell who she was masked.

    `token` None: it is withheld, for reviewers get nothing that was not looked at. `looked_for`:
    digest of what was searched; when more is known of the case, the next copy replaces this one.
    """

    __tablename__ = "blind_copy"

    attachment_id: Mapped[int] = mapped_column(ForeignKey("attachment.id"), unique=True)
    token: Mapped[str | None] = mapped_column(unique=True)  # the stored copy's name
    looked_for: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    masked: Mapped[list[Any]]  # of [page, kind of what was masked there, how often]
    unread: Mapped[list[Any]]  # pages that are pictures: a person must look at them
    withheld: Mapped[str | None]  # code of the reason
    made_at: Mapped[datetime]

    attachment: Mapped[Attachment] = relationship()
