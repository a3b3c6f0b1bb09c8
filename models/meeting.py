"""The meeting of a panel: when and where, who was there, who of those that treated her had left
before the vote, and who has signed what was concluded."""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import PERSONAL, SENSITIVE, Base
from models.document import Document
from models.place import Organisation
from models.review import Panel, PanelMember
from models.user import User


class MeetingMode(enum.StrEnum):
    ON_SITE = "on_site"
    ONLINE = "online"
    MIXED = "mixed"


class Meeting(Base):
    """One for each panel. `agenda`: one line an item."""

    __tablename__ = "meeting"
    __table_args__ = (UniqueConstraint("panel_id"),)

    panel_id: Mapped[int] = mapped_column(ForeignKey("panel.id"))
    held_at: Mapped[datetime]
    mode: Mapped[MeetingMode]
    place: Mapped[str] = mapped_column(default="", info=SENSITIVE)
    agenda: Mapped[str] = mapped_column(info=SENSITIVE)

    panel: Mapped[Panel] = relationship(back_populates="meeting")
    attendance: Mapped[list["Attendance"]] = relationship(
        back_populates="meeting", order_by="Attendance.id"
    )
    guests: Mapped[list["Guest"]] = relationship(back_populates="meeting", order_by="Guest.id")


class Attendance(Base):
    """A member who has signed in, with their own account, on the day."""

    __tablename__ = "attendance"
    __table_args__ = (UniqueConstraint("meeting_id", "member_id"),)

    meeting_id: Mapped[int] = mapped_column(ForeignKey("meeting.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("panel_member.id"))
    at: Mapped[datetime]

    meeting: Mapped[Meeting] = relationship(back_populates="attendance")
    member: Mapped[PanelMember] = relationship()


class Guest(Base):
    """Somebody of a unit that treated her, invited to explain; leaves before the vote."""

    __tablename__ = "guest"

    meeting_id: Mapped[int] = mapped_column(ForeignKey("meeting.id"), index=True)
    name: Mapped[str] = mapped_column(info=PERSONAL)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    title: Mapped[str] = mapped_column(info=PERSONAL)  # a code of staff_title
    came_at: Mapped[datetime]
    left_at: Mapped[datetime | None]

    meeting: Mapped[Meeting] = relationship(back_populates="guests")
    organisation: Mapped[Organisation] = relationship()


class TieBreak(Base):
    """The chair's own decision between conclusions with as many votes, with the reason; a later one
    of the same panel takes the place of it, and both stay."""

    __tablename__ = "tie_break"

    panel_id: Mapped[int] = mapped_column(ForeignKey("panel.id"), index=True)
    chair_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    code: Mapped[str] = mapped_column(info=SENSITIVE)
    reason: Mapped[str] = mapped_column(info=SENSITIVE)
    decided_at: Mapped[datetime]

    panel: Mapped[Panel] = relationship()
    chair: Mapped[User] = relationship()


class Signature(Base):
    """A member's own signature under a sheet of the conclusion. `document`: what they wrote with
    it, which nobody else reads; a reserved view in it is told without a name."""

    __tablename__ = "signature"
    __table_args__ = (UniqueConstraint("sheet_id", "member_id"),)

    panel_id: Mapped[int] = mapped_column(ForeignKey("panel.id"), index=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("panel_member.id"))
    sheet_id: Mapped[int] = mapped_column(ForeignKey("document.id"))
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"))
    reserved: Mapped[str | None] = mapped_column(info=SENSITIVE)
    signed_at: Mapped[datetime]

    panel: Mapped[Panel] = relationship()
    member: Mapped[PanelMember] = relationship()
    sheet: Mapped[Document] = relationship(foreign_keys=[sheet_id])
    document: Mapped[Document] = relationship(foreign_keys=[document_id])
