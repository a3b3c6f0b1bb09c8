"""What a unit owes outside a case: for a month or a quarter (定期任务, A04, C01), or once, for an
occasion."""

import enum
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import PLAIN, SENSITIVE, Base
from models.place import Organisation, Region

if TYPE_CHECKING:
    from models.clock import Clock


class DutyKind(enum.StrEnum):
    """Each is also the name of the process that runs for it, where nothing else is said."""

    MONTHLY_REPORT = "monthly_report"
    QUARTERLY_NOTICE = "quarterly_notice"
    LEDGER_ITEM = "ledger_item"  # a problem that no review found; runs as `rectification`
    EXTENSION = "extension"  # a longer deadline of an item is asked for
    EFFECT_CHECK = "effect_check"
    REMINDER = "reminder"
    SUPERVISION = "supervision"
    INTERVIEW = "interview"
    NOTICE = "notice"
    NOTICE_REPLY = "notice_reply"


PERIODIC = (DutyKind.MONTHLY_REPORT, DutyKind.QUARTERLY_NOTICE)


class DutyState(enum.StrEnum):
    OPEN = "open"
    DONE = "done"


class Duty(Base):
    """One unit, one period or one occasion.

    `occasion` is empty for what comes with every period; otherwise it is the number by which people
    know it, and tells duties of one kind, unit and day apart; its period is the day it was opened.
    `receiver`: the unit that takes a report over, where there is one. `item_id`: the ledger item it
    is about, where that came first.

    `rule` is the rule that asks for it, frozen when the duty was opened. `content`: what a report
    comprised when it was last handed in, as workflows.duties.content says.
    """

    __tablename__ = "duty"
    __table_args__ = (UniqueConstraint("kind", "organisation_id", "starts_on", "occasion"),)

    kind: Mapped[DutyKind]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    receiver_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"), index=True)
    starts_on: Mapped[date]  # days in China; the last one is part of the period
    ends_on: Mapped[date]
    occasion: Mapped[str] = mapped_column(PLAIN, default="")
    item_id: Mapped[int | None] = mapped_column(
        ForeignKey("rectification.id", use_alter=True),  # item → duty → item
        index=True,
    )
    rule: Mapped[dict[str, Any]]
    content: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), info=SENSITIVE)
    state: Mapped[DutyState] = mapped_column(default=DutyState.OPEN)
    opened_at: Mapped[datetime]
    reminded_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]

    organisation: Mapped[Organisation] = relationship(foreign_keys=[organisation_id])
    receiver: Mapped[Organisation | None] = relationship(foreign_keys=[receiver_id])
    region: Mapped[Region] = relationship()
    clocks: Mapped[list["Clock"]] = relationship(back_populates="duty", order_by="Clock.id")

    @property
    def about(self) -> str:
        """Its number, or the period it is for."""
        return self.occasion or self.period

    @property
    def period(self) -> str:
        """2026 年 10 月; 2026 年第 3 季度."""
        year, month = self.starts_on.year, self.starts_on.month
        if self.kind == DutyKind.QUARTERLY_NOTICE:
            return f"{year} 年第 {(month + 2) // 3} 季度"
        return f"{year} 年 {month} 月"
