"""Panels, sealed opinions, and the conclusion of each level."""

import enum
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SENSITIVE, Base
from models.case import Case
from models.document import Document
from models.mapping import Mapping
from models.place import Organisation
from models.user import User

if TYPE_CHECKING:
    from models.meeting import Meeting


class Level(enum.StrEnum):
    COUNTY = "county"
    CITY = "city"
    PROVINCE = "province"  # reviews outside this system; what it concludes is entered by the city


class Panel(Base):
    """The experts of one review of one case. `opened_at`: from then on members see each other's.
    `opened_reason`: why the chair opened before all were in."""

    __tablename__ = "panel"
    __table_args__ = (
        UniqueConstraint("case_id", "level"),
        Index("ix_panel_opened", "opened_at", "case_id", "level", "convened_at"),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    level: Mapped[Level]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    chair_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    secretary_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    guide_organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    planned_at: Mapped[datetime]
    convened_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    opened_reason: Mapped[str | None] = mapped_column(info=SENSITIVE)

    case: Mapped[Case] = relationship()
    organisation: Mapped[Organisation] = relationship(foreign_keys=[organisation_id])
    guide_organisation: Mapped[Organisation | None] = relationship(
        foreign_keys=[guide_organisation_id]
    )
    chair: Mapped[User] = relationship(foreign_keys=[chair_id])
    secretary: Mapped[User] = relationship(foreign_keys=[secretary_id])
    members: Mapped[list["PanelMember"]] = relationship(
        back_populates="panel", order_by="PanelMember.place"
    )
    meeting: Mapped["Meeting"] = relationship(back_populates="panel")


class Declaration(enum.StrEnum):
    """What an expert declares before reading anything, and whenever they find out later."""

    NONE = "none"  # no conflict of interest, and secrecy promised
    CONFLICT = "conflict"


class PanelMember(Base):
    """`place` is the member's index among the parallel opinion steps, from 0.

    Who has not declared reads nothing yet; whose seat has ended reads nothing any more, and what
    they filed is void. The row stays.
    """

    __tablename__ = "panel_member"
    __table_args__ = (
        UniqueConstraint("panel_id", "user_id"),
        UniqueConstraint("panel_id", "place"),
    )

    panel_id: Mapped[int] = mapped_column(ForeignKey("panel.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    place: Mapped[int]
    is_guide: Mapped[bool] = mapped_column(default=False)
    declaration: Mapped[Declaration | None]
    declared_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None] = mapped_column(info=SENSITIVE)

    panel: Mapped[Panel] = relationship(back_populates="members")
    user: Mapped[User] = relationship()
    organisation: Mapped[Organisation] = relationship()

    @property
    def reads(self) -> bool:
        """Declared free of conflict, and still seated."""
        return self.declaration is Declaration.NONE and self.ended_at is None


class Opinion(Base):
    """One expert's own opinion, never changed. Sealed until the panel is opened; void when its seat
    has ended. Written anew before the opening it is the next `edition`, with the `reason`; the one
    before stays, superseded."""

    __tablename__ = "opinion"
    __table_args__ = (UniqueConstraint("panel_id", "member_id", "edition"),)

    panel_id: Mapped[int] = mapped_column(ForeignKey("panel.id"), index=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("panel_member.id"))
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"))
    conclusion: Mapped[str] = mapped_column(info=SENSITIVE)
    filed_at: Mapped[datetime]
    edition: Mapped[int] = mapped_column(default=1)
    reason: Mapped[str | None] = mapped_column(info=SENSITIVE)
    superseded_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]

    panel: Mapped[Panel] = relationship()
    member: Mapped[PanelMember] = relationship()
    document: Mapped[Document] = relationship()


class Conclusion(Base):
    """What a level concluded: three classes, votes, up to three major factors (1–12). `changes`: in
    what it differs from the level below (`workflows.differences.Part`). `mapping`: how the
    province's report card took three classes when it was signed, None if that was not confirmed."""

    __tablename__ = "conclusion"
    __table_args__ = (UniqueConstraint("panel_id"), UniqueConstraint("case_id", "level"))

    panel_id: Mapped[int | None] = mapped_column(ForeignKey("panel.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    level: Mapped[Level]
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"))
    code: Mapped[str] = mapped_column(info=SENSITIVE)
    votes: Mapped[dict[str, Any]] = mapped_column(info=SENSITIVE)
    factors: Mapped[list[Any]] = mapped_column(info=SENSITIVE)
    difference: Mapped[str | None] = mapped_column(info=SENSITIVE)
    changes: Mapped[list[Any]] = mapped_column(default=list, info=SENSITIVE)
    signed_at: Mapped[datetime]
    mapping_id: Mapped[int | None] = mapped_column(ForeignKey("mapping.id"))

    panel: Mapped[Panel | None] = relationship()
    mapping: Mapped[Mapping | None] = relationship()
    case: Mapped[Case] = relationship()
    document: Mapped[Document] = relationship()
