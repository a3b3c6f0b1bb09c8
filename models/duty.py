"""A periodic duty (定期任务): what a unit owes for a month or a quarter (A04, C01)."""

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SENSITIVE, Base
from models.place import Organisation, Region


class DutyKind(enum.StrEnum):
    """Each is also the name of the process that runs for it."""

    MONTHLY_REPORT = "monthly_report"
    QUARTERLY_NOTICE = "quarterly_notice"


class DutyState(enum.StrEnum):
    OPEN = "open"
    DONE = "done"


class Duty(Base):
    """One unit, one period. `receiver`: the unit that takes a report over, where there is one.

    `rule` is the rule that asks for it, frozen when the duty was opened. `content`: what a report
    comprised when it was last handed in, as workflows.duties.content says.
    """

    __tablename__ = "duty"
    __table_args__ = (UniqueConstraint("kind", "organisation_id", "starts_on"),)

    kind: Mapped[DutyKind]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    receiver_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"), index=True)
    starts_on: Mapped[date]  # days in China; the last one is part of the period
    ends_on: Mapped[date]
    rule: Mapped[dict[str, Any]]
    content: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), info=SENSITIVE)
    state: Mapped[DutyState] = mapped_column(default=DutyState.OPEN)
    opened_at: Mapped[datetime]
    reminded_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]

    organisation: Mapped[Organisation] = relationship(foreign_keys=[organisation_id])
    receiver: Mapped[Organisation | None] = relationship(foreign_keys=[receiver_id])
    region: Mapped[Region] = relationship()

    @property
    def period(self) -> str:
        """2026 年 10 月; 2026 年第 3 季度."""
        year, month = self.starts_on.year, self.starts_on.month
        if self.kind == DutyKind.QUARTERLY_NOTICE:
            return f"{year} 年第 {(month + 2) // 3} 季度"
        return f"{year} 年 {month} 月"
