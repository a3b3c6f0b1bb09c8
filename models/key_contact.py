"""重点联系单位 (D09): an area or institution that a commission watches, and what it does."""

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import PERSONAL, SENSITIVE, Base
from models.motion import Motion, MotionObject
from models.place import Organisation, Region
from models.user import User


class KeyActionKind(enum.StrEnum):
    GUIDE = "guide"
    INSPECT = "inspect"
    ASSESS = "assess"


class KeyContact(Base):
    """One stay on a commission's list, from one decision to another; rows are not removed.

    `organisation` is who is addressed: of an area its commission. `rule`: the place's rule that the
    list rests on, frozen. `facts`: of the process, as in a motion. `motion`: what suggested it.
    """

    __tablename__ = "key_contact"
    __table_args__ = (Index("ix_key_contact_listed", "commission_id", "organisation_id"),)

    commission_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    object: Mapped[MotionObject]
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    rule: Mapped[dict[str, Any]]
    facts: Mapped[str] = mapped_column(info=SENSITIVE)
    reason: Mapped[str] = mapped_column(info=SENSITIVE)
    motion_id: Mapped[int | None] = mapped_column(ForeignKey("motion.id"))
    listed_at: Mapped[datetime]
    listed_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    end_reason: Mapped[str | None] = mapped_column(info=SENSITIVE)

    commission: Mapped[Organisation] = relationship(foreign_keys=[commission_id])
    organisation: Mapped[Organisation] = relationship(foreign_keys=[organisation_id])
    region: Mapped[Region] = relationship()
    motion: Mapped[Motion | None] = relationship()
    listed_by: Mapped[User] = relationship(foreign_keys=[listed_by_id])
    ended_by: Mapped[User | None] = relationship(foreign_keys=[ended_by_id])
    actions: Mapped[list["KeyAction"]] = relationship(
        back_populates="contact", order_by="KeyAction.planned_on, KeyAction.id"
    )

    @property
    def about(self) -> str:
        """Whom it is about, in words: 白鹭县; 白鹭县医院."""
        if self.object is MotionObject.AREA:
            return self.region.name
        return self.organisation.short_name


class KeyAction(Base):
    """重点指导、重点督查、重点考核: planned for a day, with who sees to it; what came of it."""

    __tablename__ = "key_action"

    contact_id: Mapped[int] = mapped_column(ForeignKey("key_contact.id"), index=True)
    kind: Mapped[KeyActionKind]
    planned_on: Mapped[date]
    responsible: Mapped[str] = mapped_column(info=PERSONAL)
    content: Mapped[str] = mapped_column(info=SENSITIVE)
    added_at: Mapped[datetime]
    added_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    done_on: Mapped[date | None]
    outcome: Mapped[str | None] = mapped_column(info=SENSITIVE)
    done_at: Mapped[datetime | None]
    done_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))

    contact: Mapped[KeyContact] = relationship(back_populates="actions")
    added_by: Mapped[User] = relationship(foreign_keys=[added_by_id])
    done_by: Mapped[User | None] = relationship(foreign_keys=[done_by_id])
