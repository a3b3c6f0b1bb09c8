"""What happened, who did it, for which unit. Rows are only ever added (I01)."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SENSITIVE, Base
from models.user import Appointment, User


class Event(Base):
    """`name` is `noun.past_participle`; `data` holds ids and plain words, no personal data."""

    __tablename__ = "event"

    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"), index=True)
    appointment_id: Mapped[int | None] = mapped_column(ForeignKey("appointment.id"))
    at: Mapped[datetime] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(index=True)
    data: Mapped[dict[str, Any]] = mapped_column(info=SENSITIVE)

    user: Mapped[User | None] = relationship()
    appointment: Mapped[Appointment | None] = relationship()
