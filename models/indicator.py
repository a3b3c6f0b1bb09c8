"""Obstetric quality indicators that a hospital keeps for itself (院内产科质控指标, C11)."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SENSITIVE, Base
from models.place import Organisation
from models.rectification import Rectification
from models.user import User


class Indicator(Base):
    """One share that a hospital counts by the month. Everything in it is the hospital's own entry.

    `target`: per cent, None as long as it is undecided; `at_least` says from which side it is to be
    reached. `basis`: the clause it rests on, or that the hospital set it itself. `item_id`: the
    problem it came from; `area`, `problem_kind` and `cell` as there.
    """

    __tablename__ = "indicator"
    __table_args__ = (UniqueConstraint("organisation_id", "name"),)

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    name: Mapped[str] = mapped_column(info=SENSITIVE)
    numerator: Mapped[str] = mapped_column(info=SENSITIVE)
    denominator: Mapped[str] = mapped_column(info=SENSITIVE)
    target: Mapped[int | None]
    at_least: Mapped[bool] = mapped_column(default=True)
    basis: Mapped[str] = mapped_column(info=SENSITIVE)
    item_id: Mapped[int | None] = mapped_column(ForeignKey("rectification.id"), index=True)
    area: Mapped[str | None]
    problem_kind: Mapped[str | None]
    cell: Mapped[int | None]
    added_at: Mapped[datetime]
    added_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    retired_at: Mapped[datetime | None]
    retired_reason: Mapped[str | None] = mapped_column(info=SENSITIVE)

    organisation: Mapped[Organisation] = relationship()
    item: Mapped[Rectification | None] = relationship()
    added_by: Mapped[User] = relationship()
    values: Mapped[list["IndicatorValue"]] = relationship(
        back_populates="indicator", order_by="IndicatorValue.month, IndicatorValue.id"
    )
    suggestions: Mapped[list["Suggestion"]] = relationship(
        back_populates="indicator", order_by="Suggestion.id"
    )


class IndicatorValue(Base):
    """What was counted for a month (its first day). A correction is another row: the newest of a
    month holds, the others stay on record."""

    __tablename__ = "indicator_value"

    indicator_id: Mapped[int] = mapped_column(ForeignKey("indicator.id"), index=True)
    month: Mapped[date]
    numerator: Mapped[int]
    denominator: Mapped[int]
    note: Mapped[str] = mapped_column(info=SENSITIVE)
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))

    indicator: Mapped[Indicator] = relationship(back_populates="values")
    by: Mapped[User] = relationship()

    @property
    def share(self) -> float | None:
        """Per cent; None when there was nothing to count."""
        return 100 * self.numerator / self.denominator if self.denominator else None


class Suggestion(Base):
    """An improvement suggested from an indicator (改进建议); `item_id`: the item it became."""

    __tablename__ = "suggestion"

    indicator_id: Mapped[int] = mapped_column(ForeignKey("indicator.id"), index=True)
    text: Mapped[str] = mapped_column(info=SENSITIVE)
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    item_id: Mapped[int | None] = mapped_column(ForeignKey("rectification.id"), index=True)

    indicator: Mapped[Indicator] = relationship(back_populates="suggestions")
    by: Mapped[User] = relationship()
    item: Mapped[Rectification | None] = relationship()
