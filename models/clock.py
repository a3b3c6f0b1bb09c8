"""A clock is the law: a limit that started, is due, and was met or was not. Never paused, never
erased, untouched by anything the engine does."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, index_where, of_case_or_duty
from models.case import Case
from models.duty import Duty
from models.place import Organisation

MET_LATE = "(met_at > due_at) IS true"  # so said, PostgreSQL knows how many: see 0042


class Clock(Base):
    """One limit of one case or of one duty. `due_at` is empty when the rule gives no number
    (本地口径待确认).

    `subject` tells clocks of one key apart: empty, a level, or a ledger item.
    """

    __tablename__ = "clock"
    __table_args__ = (
        UniqueConstraint("case_id", "rule_key", "subject"),
        UniqueConstraint("duty_id", "rule_key", "subject"),
        of_case_or_duty(),
        Index("ix_clock_of_case", "case_id", "due_at", "id", "met_at", "organisation_id"),
        index_where(
            "ix_clock_running",
            "case_id",
            "due_at",
            "id",
            "organisation_id",
            where="met_at IS NULL",
        ),
        index_where("ix_clock_of_duties", "duty_id", "due_at", where="duty_id IS NOT NULL"),
        index_where("ix_clock_met_late", "case_id", where=MET_LATE),
        index_where(
            "ix_clock_met_late_due", "due_at", "id", "case_id", "organisation_id", where=MET_LATE
        ),
        index_where(
            "ix_clock_waiting",
            "due_at",
            "id",
            "case_id",
            "organisation_id",
            where="met_at IS NULL",
        ),
    )

    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"))
    duty_id: Mapped[int | None] = mapped_column(ForeignKey("duty.id"))
    rule_key: Mapped[str]
    subject: Mapped[str] = mapped_column(default="")
    title: Mapped[str]
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    started_at: Mapped[datetime]
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    met_at: Mapped[datetime | None]
    next_reminder_at: Mapped[datetime | None] = mapped_column(index=True)
    reminders_sent: Mapped[int] = mapped_column(default=0)
    reminder_failures: Mapped[int] = mapped_column(default=0, server_default="0")  # in a row
    escalated_at: Mapped[datetime | None]

    case: Mapped[Case | None] = relationship(back_populates="clocks")
    duty: Mapped[Duty | None] = relationship(back_populates="clocks")
    organisation: Mapped[Organisation | None] = relationship()

    def seconds_late(self, now: datetime) -> int:
        """Seconds beyond the limit when met, or by now; 0 when in time or without a number."""
        if self.due_at is None:
            return 0
        return max(0, int(((self.met_at or now) - self.due_at).total_seconds()))
