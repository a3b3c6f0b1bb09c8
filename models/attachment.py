"""Uploaded files. The bytes lie under a random name outside the web root; this row says what they
are."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SENSITIVE, Base
from models.case import Case
from models.user import User


class Attachment(Base):
    """`case_id` is empty until the form it was attached to is handed in."""

    __tablename__ = "attachment"

    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)
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
    uploaded_by: Mapped[User] = relationship()
