"""A county's own written procedure for reviewing near misses (B05), version by version."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SENSITIVE, Base
from models.place import Organisation
from models.user import Appointment


class ReviewProcedure(Base):
    """One version, drafted by the commission's desk and approved by its leader; never changed.

    `limits`: key of a limit that the documents leave without a number → [number, unit]. `interval`:
    months between planned reviews. `odd`: whether an odd number of experts is proposed. Steps that
    no document asks for: `prereview`, the secretary looks through the material before the meeting;
    `outside`, an expert from beyond the county sits on the panel. It holds for cases from
    `valid_from` on, until a later version's day.
    """

    __tablename__ = "review_procedure"
    __table_args__ = (UniqueConstraint("organisation_id", "version"),)

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    version: Mapped[int]
    document: Mapped[str] = mapped_column(info=SENSITIVE)
    valid_from: Mapped[date]
    text: Mapped[str] = mapped_column(info=SENSITIVE)
    limits: Mapped[dict[str, Any]]
    interval: Mapped[int | None]
    odd: Mapped[bool]
    prereview: Mapped[bool] = mapped_column(server_default=false())
    outside: Mapped[bool] = mapped_column(server_default=false())
    drafted_at: Mapped[datetime]
    drafted_by_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"))
    approved_at: Mapped[datetime | None]
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("appointment.id"))
    refused_at: Mapped[datetime | None]
    refused_reason: Mapped[str | None] = mapped_column(info=SENSITIVE)

    organisation: Mapped[Organisation] = relationship()
    drafted_by: Mapped[Appointment] = relationship(foreign_keys=[drafted_by_id])
    approved_by: Mapped[Appointment | None] = relationship(foreign_keys=[approved_by_id])
