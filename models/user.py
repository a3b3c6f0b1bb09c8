"""Who acts: people, what they are appointed to, and their signed-in sessions."""

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import PERSONAL, SECRET, Base
from models.place import Organisation


class Role(enum.StrEnum):
    """What a person is appointed to do for one organisation."""

    DEPARTMENT = "department"
    QUALITY_OFFICE = "quality_office"
    HEAD = "head"
    MCH = "mch"
    COMMISSION = "commission"
    COMMISSION_LEADER = "commission_leader"
    SECRETARY = "secretary"
    EXPERT = "expert"
    AUDITOR = "auditor"
    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"
    AUDIT_ADMIN = "audit_admin"


class Discipline(enum.StrEnum):
    """The eight disciplines of the expert group (B03, B10, B12)."""

    OBSTETRICS = "obstetrics"
    PAEDIATRICS = "paediatrics"
    INTERNAL = "internal"
    SURGERY = "surgery"
    EMERGENCY = "emergency"
    ANAESTHESIA = "anaesthesia"
    INTENSIVE_CARE = "intensive_care"
    TRANSFUSION = "transfusion"


class DiseaseGroup(enum.StrEnum):
    """The five groups of experts for diseases that complicate a pregnancy (B14)."""

    CARDIO_CEREBRAL = "cardio_cerebral"
    ENDOCRINE = "endocrine"
    INFECTION = "infection"
    IMMUNE = "immune"
    MENTAL = "mental"


class User(Base):
    __tablename__ = "user"

    username: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(info=PERSONAL)
    phone: Mapped[str | None] = mapped_column(info=PERSONAL)
    title: Mapped[str | None]  # professional title, such as 主任医师
    discipline: Mapped[Discipline | None]
    disease_groups: Mapped[list[Any] | None]  # codes of DiseaseGroup
    password_hash: Mapped[str] = mapped_column(info=SECRET)
    failed_signins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    active: Mapped[bool] = mapped_column(default=True)
    must_change_password: Mapped[bool] = mapped_column(default=False)  # it was set by somebody else
    created_at: Mapped[datetime]

    appointments: Mapped[list["Appointment"]] = relationship(
        back_populates="user", order_by="Appointment.id"
    )


class Appointment(Base):
    """One person in one role at one organisation, for a period. Every act is done under one.

    `stands_for`: the appointment of somebody absent that this one fills (代理), for all their
    processes or for the one of `diagram`. What is done under it names both.
    """

    __tablename__ = "appointment"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    role: Mapped[Role]
    department: Mapped[str | None]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    stands_for_id: Mapped[int | None] = mapped_column(ForeignKey("appointment.id"), index=True)
    diagram: Mapped[str | None]

    user: Mapped[User] = relationship(back_populates="appointments")
    organisation: Mapped[Organisation] = relationship()
    stands_for: Mapped["Appointment | None"] = relationship(remote_side="Appointment.id")

    def valid_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    @property
    def principal(self) -> User:
        """In whose place the person acts in the end: who is absent, else the person."""
        return self.stands_for.principal if self.stands_for is not None else self.user

    @property
    def people(self) -> tuple[int, ...]:
        """The person, and whoever they act for."""
        if self.stands_for_id is None:
            return (self.user_id,)
        return (self.user_id, self.principal.id)


class Employment(Base):
    """Where somebody works or has worked, besides what they are appointed to here: who reviews
    stands back where they were employed. `unit`: its name, whether we know it or not."""

    __tablename__ = "employment"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    unit: Mapped[str]
    title: Mapped[str | None]  # what they were there
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]

    user: Mapped[User] = relationship()


class UserSession(Base):
    """A signed-in browser: the cookie holds a random token, this row its hash."""

    __tablename__ = "user_session"

    token_hash: Mapped[str] = mapped_column(unique=True, info=SECRET)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    appointment_id: Mapped[int | None] = mapped_column(ForeignKey("appointment.id"))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    address: Mapped[str | None] = mapped_column(info=PERSONAL)

    user: Mapped[User] = relationship()
    appointment: Mapped[Appointment | None] = relationship()
