"""A proposed measure (处置建议): 提醒、督导、约谈 or 通报, made from facts, decided by a leader."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import PERSONAL, PLAIN, SENSITIVE, Base
from models.case import Case
from models.duty import Duty
from models.place import Organisation, Region
from models.rectification import Rectification
from models.user import User


class Measure(enum.StrEnum):
    """From the mildest to the hardest."""

    REMIND = "remind"
    SUPERVISE = "supervise"
    INTERVIEW = "interview"
    NOTICE = "notice"


class MotionObject(enum.StrEnum):
    """Whom it is about: a unit, the area that its commission answers for, or one of its people."""

    UNIT = "unit"
    AREA = "area"
    PERSON = "person"


class MotionState(enum.StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    DROPPED = "dropped"
    COMBINED = "combined"


class Motion(Base):
    """One trigger met once. The machine or a commission's desk proposes, its leader decides.

    `key` tells what made it, so that nothing is proposed twice; empty for one made by hand.
    `trigger` and `rule`: the rule that was met, frozen. `fact`: which fact of the process met it.
    `organisation` is who is addressed: the unit, for an area its commission, for a person their
    unit. `named`: somebody without an account, whom `person`, the head of their unit, brings the
    letters; they sign on paper. `late_duty` is what a unit failed to hand in; `duty` is what
    carries the measure out.
    """

    __tablename__ = "motion"

    number: Mapped[str] = mapped_column(PLAIN, unique=True)
    key: Mapped[str | None] = mapped_column(unique=True)
    trigger: Mapped[str]
    rule: Mapped[dict[str, Any]]
    fact: Mapped[str | None]
    facts: Mapped[str] = mapped_column(info=SENSITIVE)
    measure: Mapped[Measure]
    object: Mapped[MotionObject]
    commission_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    named: Mapped[str | None] = mapped_column(info=PERSONAL)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)
    item_id: Mapped[int | None] = mapped_column(ForeignKey("rectification.id"), index=True)
    late_duty_id: Mapped[int | None] = mapped_column(ForeignKey("duty.id"))
    state: Mapped[MotionState] = mapped_column(default=MotionState.OPEN)
    proposed_at: Mapped[datetime]
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    taken: Mapped[Measure | None]
    reason: Mapped[str | None] = mapped_column(info=SENSITIVE)
    into_id: Mapped[int | None] = mapped_column(ForeignKey("motion.id"), index=True)
    duty_id: Mapped[int | None] = mapped_column(ForeignKey("duty.id"), unique=True)
    lead_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))  # of the experts sent
    notified_at: Mapped[datetime | None]  # since when the object may read it
    filed_with_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    filed_at: Mapped[datetime | None]

    commission: Mapped[Organisation] = relationship(foreign_keys=[commission_id])
    organisation: Mapped[Organisation] = relationship(foreign_keys=[organisation_id])
    region: Mapped[Region] = relationship()
    person: Mapped[User | None] = relationship(foreign_keys=[person_id])
    case: Mapped[Case | None] = relationship()
    item: Mapped[Rectification | None] = relationship()
    late_duty: Mapped[Duty | None] = relationship(foreign_keys=[late_duty_id])
    proposed_by: Mapped[User | None] = relationship(foreign_keys=[proposed_by_id])
    decided_by: Mapped[User | None] = relationship(foreign_keys=[decided_by_id])
    into: Mapped["Motion | None"] = relationship(remote_side="Motion.id")
    duty: Mapped[Duty | None] = relationship(foreign_keys=[duty_id])
    lead: Mapped[User | None] = relationship(foreign_keys=[lead_id])
    filed_with: Mapped[Organisation | None] = relationship(foreign_keys=[filed_with_id])

    @property
    def about(self) -> str:
        """Whom it is about, in words: 白鹭县; 白鹭县医院; 白鹭县医院 陈惊蛰."""
        if self.object is MotionObject.AREA:
            return self.region.name
        unit = self.organisation.short_name
        name = self.named or (self.person.name if self.person is not None else "")
        return f"{unit} {name}" if name else unit
