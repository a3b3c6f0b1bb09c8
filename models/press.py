"""Pressing (督促): the guiding rescue centre asks after a ledger item, and advises (C07)."""

from datetime import date, datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SENSITIVE, Base
from models.place import Organisation
from models.rectification import Rectification
from models.user import User


class Press(Base):
    """One pressing by the guiding unit. Rows are only added; the owner's answer is added once.

    `due_on`: the day it was due, None when nobody had named one; whether it was late is told by its
    own two days and stays so. `progress`: per cent that the item had reached. `guidance`: advice on
    the measure (指导完善整改措施); `result`: what the owner made of it, a code of
    labels.WORDS["guidance"].
    """

    __tablename__ = "press"

    item_id: Mapped[int] = mapped_column(ForeignKey("rectification.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    due_on: Mapped[date | None]
    next_on: Mapped[date]
    progress: Mapped[int]
    text: Mapped[str] = mapped_column(info=SENSITIVE)
    guidance: Mapped[str | None] = mapped_column(info=SENSITIVE)
    result: Mapped[str | None]
    answer: Mapped[str | None] = mapped_column(info=SENSITIVE)
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))

    item: Mapped[Rectification] = relationship(back_populates="presses")
    organisation: Mapped[Organisation] = relationship()
    by: Mapped[User] = relationship(foreign_keys=[by_id])
    answered_by: Mapped[User | None] = relationship(foreign_keys=[answered_by_id])
