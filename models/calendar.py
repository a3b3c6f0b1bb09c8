"""Days that are not what their weekday says, as an administrator enters them from a notice."""

from datetime import date, datetime

from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class CalendarDay(Base):
    """One day in China: worked on, or off. It goes before what the product's own files say.

    `document`: the notice it is from.
    """

    __tablename__ = "calendar_day"

    day: Mapped[date] = mapped_column(unique=True)
    working: Mapped[bool]
    name: Mapped[str]
    document: Mapped[str]
    entered_at: Mapped[datetime]
