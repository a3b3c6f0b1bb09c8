"""What administrations arrange around near-miss reviews: dates, zone meetings, training."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SENSITIVE, Base
from models.place import Organisation
from models.review import Panel
from models.user import User


class ReviewDate(Base):
    """A day on which a commission means to review near misses (B07): no rule says how often."""

    __tablename__ = "review_date"
    __table_args__ = (UniqueConstraint("organisation_id", "planned_on"),)

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    planned_on: Mapped[date]
    entered_by_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"))
    entered_at: Mapped[datetime]

    organisation: Mapped[Organisation] = relationship()


class ZoneMeeting(Base):
    """片区例会 of a rescue centre and its counties. `panel`: whose near-miss review was held there
    as a demonstration (B09)."""

    __tablename__ = "zone_meeting"
    __table_args__ = (UniqueConstraint("centre_id", "held_on"),)

    centre_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    held_on: Mapped[date]
    place: Mapped[str] = mapped_column(info=SENSITIVE)
    panel_id: Mapped[int | None] = mapped_column(ForeignKey("panel.id"), unique=True)
    entered_by_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"))
    entered_at: Mapped[datetime]

    centre: Mapped[Organisation] = relationship()
    panel: Mapped[Panel | None] = relationship()
    attendance: Mapped[list["ZoneAttendance"]] = relationship(
        back_populates="meeting", order_by="ZoneAttendance.id"
    )


class ZoneAttendance(Base):
    """Somebody of the zone who signed in, with their own account, on the day."""

    __tablename__ = "zone_attendance"
    __table_args__ = (UniqueConstraint("meeting_id", "user_id"),)

    meeting_id: Mapped[int] = mapped_column(ForeignKey("zone_meeting.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    at: Mapped[datetime]

    meeting: Mapped[ZoneMeeting] = relationship(back_populates="attendance")
    organisation: Mapped[Organisation] = relationship()
    user: Mapped[User] = relationship()


class Training(Base):
    """Training in the review scheme (B05): which document, when, how many of which unit came."""

    __tablename__ = "training"

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    title: Mapped[str] = mapped_column(info=SENSITIVE)
    document: Mapped[str] = mapped_column(info=SENSITIVE)
    held_on: Mapped[date]
    entered_by_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"))
    entered_at: Mapped[datetime]

    organisation: Mapped[Organisation] = relationship()
    units: Mapped[list["TrainingUnit"]] = relationship(
        back_populates="training", order_by="TrainingUnit.id"
    )
    presence: Mapped[list["TrainingPresence"]] = relationship(
        back_populates="training", order_by="TrainingPresence.id"
    )


class TrainingPresence(Base):
    """Somebody who signed in at a training, with their own account, on the day; and what they said
    of it afterwards: `useful` and `clear` from 1 to 5, told to others without a name."""

    __tablename__ = "training_presence"
    __table_args__ = (UniqueConstraint("training_id", "user_id"),)

    training_id: Mapped[int] = mapped_column(ForeignKey("training.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    at: Mapped[datetime]
    useful: Mapped[int | None]
    clear: Mapped[int | None]
    remark: Mapped[str | None] = mapped_column(info=SENSITIVE)
    rated_at: Mapped[datetime | None]

    training: Mapped[Training] = relationship(back_populates="presence")
    organisation: Mapped[Organisation] = relationship()
    user: Mapped[User] = relationship()


class TrainingUnit(Base):
    """How many of one unit came."""

    __tablename__ = "training_unit"
    __table_args__ = (UniqueConstraint("training_id", "organisation_id"),)

    training_id: Mapped[int] = mapped_column(ForeignKey("training.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    attendees: Mapped[int]

    training: Mapped[Training] = relationship(back_populates="units")
    organisation: Mapped[Organisation] = relationship()
