"""The ledger (台账): one item per problem, followed until another unit accepts it (C03–C05)."""

import enum
from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import PERSONAL, PLAIN, SENSITIVE, Base, index_where, of_case_or_duty
from models.case import Case
from models.duty import Duty
from models.finding import Finding
from models.place import Organisation
from models.user import User

if TYPE_CHECKING:
    from models.press import Press


class RectificationState(enum.StrEnum):
    PLANNING = "planning"
    WORKING = "working"
    AWAITING_ACCEPTANCE = "awaiting_acceptance"
    REJECTED = "rejected"
    CLOSED = "closed"


class ItemSource(enum.StrEnum):
    """How a problem became known."""

    REVIEW = "review"
    QUALITY_CONTROL = "quality_control"
    SELF_INSPECTION = "self_inspection"
    SUPERVISION = "supervision"
    SPOT_CHECK = "spot_check"
    MEETING = "meeting"
    INTERVIEW = "interview"
    RECONCILIATION = "reconciliation"  # figures that did not agree (C12)


class Effect(enum.StrEnum):
    """What was found some months after the closing (回头看)."""

    EFFECTIVE = "effective"
    NOT_YET = "not_yet"  # too early to say; looked at again
    NOT_EFFECTIVE = "not_effective"


# In the order of the ledger, and what decides who sees an item
_LISTED = ("deadline", "id", "case_id", "duty_id", "owner_id", "acceptor_id", "guide_id")


class Rectification(Base):
    """A problem of a case's review (`finding`), or of a duty's: one that was found otherwise.

    The problem is told by the same columns whatever its source; `area`, `scope`, `kind` and `cell`
    as in Finding. `place` is the index among the parallel items of one level of one case or of one
    duty, from 0; the level of a duty's items is empty.
    `deadline` may be extended, `first_deadline` is never overwritten. `reopened`: how often, each
    time with a row of Reopening; the state is that of the newest round, the figures are of all.
    `effect_due_on`: when somebody is to look whether the closing has had its effect.
    `press_due_on`: when the guiding unit is to ask after it next (C07), None where nobody has named
    a day; `press_reminded_on`: the last day it was reminded of that.
    """

    __tablename__ = "rectification"
    __table_args__ = (
        UniqueConstraint("case_id", "level", "place"),
        UniqueConstraint("duty_id", "level", "place"),
        of_case_or_duty(),
        index_where("ix_rectification_open", *_LISTED, where="state <> 'closed'"),
        index_where("ix_rectification_closed", *_LISTED, where="state = 'closed'"),
    )

    number: Mapped[str] = mapped_column(PLAIN, unique=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)
    duty_id: Mapped[int | None] = mapped_column(ForeignKey("duty.id"), index=True)
    finding_id: Mapped[int | None] = mapped_column(ForeignKey("finding.id"), unique=True)
    source: Mapped[ItemSource]
    problem: Mapped[str] = mapped_column(info=SENSITIVE)
    area: Mapped[str]
    scope: Mapped[str]
    kind: Mapped[str | None]
    cell: Mapped[int | None]
    level: Mapped[str]
    place: Mapped[int]
    owner_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    acceptor_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    guide_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    state: Mapped[RectificationState] = mapped_column(default=RectificationState.PLANNING)
    cause: Mapped[str | None] = mapped_column(info=SENSITIVE)
    measure: Mapped[str | None] = mapped_column(info=SENSITIVE)
    strength: Mapped[str | None]
    resp_level: Mapped[str | None]  # government, department, institution, person
    owner_person: Mapped[str | None] = mapped_column(info=PERSONAL)
    first_deadline: Mapped[date | None]
    deadline: Mapped[date | None]
    progress: Mapped[int] = mapped_column(default=0)
    rejections: Mapped[int] = mapped_column(default=0)
    asked: Mapped[str | None]  # the measure its acceptor asked for at the last rejection (C03)
    reopened: Mapped[int] = mapped_column(default=0)
    effect: Mapped[Effect | None]
    effect_due_on: Mapped[date | None] = mapped_column(index=True)
    press_due_on: Mapped[date | None] = mapped_column(index=True)
    press_reminded_on: Mapped[date | None]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    case: Mapped[Case | None] = relationship()
    duty: Mapped[Duty | None] = relationship(foreign_keys=[duty_id])
    finding: Mapped[Finding | None] = relationship()
    owner: Mapped[Organisation] = relationship(foreign_keys=[owner_id])
    acceptor: Mapped[Organisation] = relationship(foreign_keys=[acceptor_id])
    guide: Mapped[Organisation | None] = relationship(foreign_keys=[guide_id])
    entries: Mapped[list["RectificationEntry"]] = relationship(
        back_populates="item", order_by="RectificationEntry.id"
    )
    reopenings: Mapped[list["Reopening"]] = relationship(
        back_populates="item", order_by="Reopening.id", foreign_keys="Reopening.item_id"
    )
    presses: Mapped[list["Press"]] = relationship(back_populates="item", order_by="Press.id")


class RectificationEntry(Base):
    """What happened to an item, by codes that labels.WORDS says. Rows are only added."""

    __tablename__ = "rectification_entry"

    item_id: Mapped[int] = mapped_column(ForeignKey("rectification.id"), index=True)
    at: Mapped[datetime]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    kind: Mapped[str]
    text: Mapped[str] = mapped_column(info=SENSITIVE)

    item: Mapped[Rectification] = relationship(back_populates="entries")
    user: Mapped[User | None] = relationship()


class Extension(Base):
    """A longer deadline, asked for by the owner and decided by the acceptor. The duty is its own.

    `approved` None: not decided, or overtaken by the closing if `decided_at` is set.
    """

    __tablename__ = "extension"

    item_id: Mapped[int] = mapped_column(ForeignKey("rectification.id"), index=True)
    duty_id: Mapped[int] = mapped_column(ForeignKey("duty.id"), unique=True)
    asked_at: Mapped[datetime]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    reason: Mapped[str] = mapped_column(info=SENSITIVE)
    before: Mapped[date]  # the deadline when it was asked for
    until: Mapped[date]
    approved: Mapped[bool | None]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    decision: Mapped[str | None] = mapped_column(info=SENSITIVE)

    item: Mapped[Rectification] = relationship(foreign_keys=[item_id])
    duty: Mapped[Duty] = relationship(foreign_keys=[duty_id])
    asked_by: Mapped[User] = relationship(foreign_keys=[asked_by_id])
    decided_by: Mapped[User | None] = relationship(foreign_keys=[decided_by_id])


class Reopening(Base):
    """A closed item is open again: the problem came back, or the measures had no effect.

    The work goes on where it was found: in the case of the finding, at `place` among the items of
    its level, or in a duty. `deadline` and `closed_at` are of the round that had ended.
    """

    __tablename__ = "reopening"
    __table_args__ = (
        UniqueConstraint("case_id", "level", "place"),
        UniqueConstraint("duty_id", "level", "place"),
        of_case_or_duty(),
    )

    item_id: Mapped[int] = mapped_column(ForeignKey("rectification.id"), index=True)
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"))
    duty_id: Mapped[int | None] = mapped_column(ForeignKey("duty.id"))
    level: Mapped[str]
    place: Mapped[int]
    finding_id: Mapped[int | None] = mapped_column(ForeignKey("finding.id"), unique=True)
    source: Mapped[ItemSource | None]  # None: the effect check
    problem: Mapped[str] = mapped_column(info=SENSITIVE)  # what was found again
    deadline: Mapped[date | None]
    closed_at: Mapped[datetime]

    item: Mapped[Rectification] = relationship(back_populates="reopenings", foreign_keys=[item_id])
    case: Mapped[Case | None] = relationship()
    duty: Mapped[Duty | None] = relationship(foreign_keys=[duty_id])
    finding: Mapped[Finding | None] = relationship()
    by: Mapped[User] = relationship()
