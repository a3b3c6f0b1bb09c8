"""A care plan (诊疗预案) that was made or changed about a hidden danger (B13)."""

from datetime import date, datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SENSITIVE, Base
from models.rectification import Rectification
from models.user import User


class CarePlan(Base):
    """What a unit made or changed about a problem of its own. `change`: made, changed. Rows are
    only added."""

    __tablename__ = "care_plan"

    item_id: Mapped[int] = mapped_column(ForeignKey("rectification.id"), index=True)
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    change: Mapped[str]
    title: Mapped[str] = mapped_column(info=SENSITIVE)
    text: Mapped[str] = mapped_column(info=SENSITIVE)
    in_force_on: Mapped[date]

    item: Mapped[Rectification] = relationship()
    by: Mapped[User] = relationship()
