"""高危孕产妇专案: women at risk while pregnant or after birth, and how their risk was judged (B15).

The record carries a copy of what its last assessment says, so that lists need no history. The
assessments themselves are only ever added.
"""

import enum
from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import PERSONAL, PLAIN, SENSITIVE, Base, index_where
from models.case import Case
from models.place import Organisation, Region
from models.user import Appointment

NOT_CLOSED = "closed_at IS NULL"


class RiskColour(enum.StrEnum):
    """How grave, in order; purple (传染病) goes beside any of them."""

    GREEN = "green"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"
    PURPLE = "purple"


class Occasion(enum.StrEnum):
    """When a risk was judged (F10–F12)."""

    BOOKING = "booking"
    ANTENATAL = "antenatal"
    CHANGE = "change"
    ADMISSION = "admission"
    DISCHARGE = "discharge"
    VISIT = "visit"
    DAY_42 = "day_42"


class RiskGroup(enum.StrEnum):
    """What a risk factor is about: our own grouping for counting, no national table."""

    AGE_BODY = "age_body"
    HISTORY = "history"
    SCAR = "scar"
    PLACENTA = "placenta"
    FETUS = "fetus"
    HYPERTENSION = "hypertension"
    DIABETES = "diabetes"
    HEART = "heart"
    BLOOD = "blood"
    ORGAN = "organ"
    ENDOCRINE = "endocrine"
    IMMUNE = "immune"
    MENTAL = "mental"
    INFECTION = "infection"
    OTHER = "other"


class RiskEnd(enum.StrEnum):
    """Why a record was closed."""

    POSTPARTUM = "postpartum"  # delivered, and the 42 days are over
    MISCARRIED = "miscarried"
    MOVED = "moved"
    DIED = "died"


class RiskRecord(Base):
    """One woman's record. `county_code`: where she is registered, whose institutions manage her.

    `colour` to `next_on` are those of the last assessment. `alerted_on`: the follow-up day of whose
    passing the desks have been told.
    """

    __tablename__ = "risk_record"
    __table_args__ = (
        Index("ix_risk_record_county", "county_code", "id"),
        Index("ix_risk_record_unit", "organisation_id", "id"),
        index_where("ix_risk_record_next", "next_on", "id", where=NOT_CLOSED),
    )

    number: Mapped[str] = mapped_column(PLAIN, unique=True)
    name: Mapped[str] = mapped_column(info=PERSONAL, index=True)
    id_no: Mapped[str] = mapped_column(info=PERSONAL, index=True)
    phone: Mapped[str] = mapped_column(info=PERSONAL)
    county_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    doctor: Mapped[str] = mapped_column(
        info=PERSONAL
    )  # the senior obstetrician who answers for her
    lmp: Mapped[date | None] = mapped_column(info=SENSITIVE)
    edd: Mapped[date | None] = mapped_column(info=SENSITIVE)
    gravida: Mapped[int | None] = mapped_column(info=SENSITIVE)
    para: Mapped[int | None] = mapped_column(info=SENSITIVE)
    registered_at: Mapped[datetime]
    registered_on: Mapped[date] = mapped_column(index=True)  # the same as a day in China
    registered_by_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"))
    colour: Mapped[RiskColour]
    purple: Mapped[bool] = mapped_column(default=False)
    star: Mapped[bool] = mapped_column(default=False)
    rose: Mapped[bool] = mapped_column(default=False)
    assessed_at: Mapped[datetime]
    next_on: Mapped[date | None]
    alerted_on: Mapped[date | None]
    closed_at: Mapped[datetime | None]
    closed_on: Mapped[date | None]  # the same as a day in China
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("appointment.id"))
    outcome: Mapped[RiskEnd | None]
    delivered_on: Mapped[date | None] = mapped_column(info=SENSITIVE)
    closing_note: Mapped[str | None] = mapped_column(info=SENSITIVE)

    county: Mapped[Region] = relationship()
    organisation: Mapped[Organisation] = relationship()
    registered_by: Mapped[Appointment] = relationship(foreign_keys=[registered_by_id])
    assessments: Mapped[list["RiskAssessment"]] = relationship(
        back_populates="record", order_by="RiskAssessment.id"
    )
    cases: Mapped[list["RiskCase"]] = relationship(back_populates="record", order_by="RiskCase.id")


class RiskAssessment(Base):
    """One judgement of the risk, only ever added.

    `colour`: the gravest of green to red; `purple`: an infectious disease beside it; `star`: as
    many yellow factors as the place's rule asks for ☆ (F03); `rose`: graver than the one before.
    """

    __tablename__ = "risk_assessment"
    __table_args__ = (
        Index("ix_risk_assessment_record", "record_id", "id"),
        Index("ix_risk_assessment_day", "day"),
    )

    record_id: Mapped[int] = mapped_column(ForeignKey("risk_record.id"))
    at: Mapped[datetime]
    day: Mapped[date]  # of `at`, in China
    occasion: Mapped[Occasion]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))  # who entered it
    place: Mapped[str | None] = mapped_column(info=SENSITIVE)  # where it was made, if elsewhere
    assessed_by: Mapped[str] = mapped_column(info=PERSONAL)
    colour: Mapped[RiskColour]
    purple: Mapped[bool]
    star: Mapped[bool]
    rose: Mapped[bool]
    advice: Mapped[str | None] = mapped_column(info=SENSITIVE)
    next_on: Mapped[date | None]
    referred_to_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    entered_at: Mapped[datetime]
    entered_by_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"))

    record: Mapped[RiskRecord] = relationship(back_populates="assessments")
    organisation: Mapped[Organisation] = relationship(foreign_keys=[organisation_id])
    referred_to: Mapped[Organisation | None] = relationship(foreign_keys=[referred_to_id])
    entered_by: Mapped[Appointment] = relationship()
    factors: Mapped[list["RiskFactor"]] = relationship(
        back_populates="assessment", order_by="RiskFactor.id"
    )
    report: Mapped["RiskReport | None"] = relationship(back_populates="assessment")


class RiskFactor(Base):
    """One factor of an assessment, as whoever judged it wrote it, and its colour."""

    __tablename__ = "risk_factor"

    assessment_id: Mapped[int] = mapped_column(ForeignKey("risk_assessment.id"), index=True)
    group: Mapped[RiskGroup]
    colour: Mapped[RiskColour]
    text: Mapped[str] = mapped_column(info=SENSITIVE)

    assessment: Mapped[RiskAssessment] = relationship(back_populates="factors")


class RiskReport(Base):
    """That orange, red or purple is to be reported to the county's MCH institution (F01, F02).

    `due_at` None: the place's rules give no number. `alerted_at`: the desks were told it is late.
    """

    __tablename__ = "risk_report"
    __table_args__ = (
        index_where("ix_risk_report_due", "due_at", "id", where="reported_at IS NULL"),
    )

    record_id: Mapped[int] = mapped_column(ForeignKey("risk_record.id"), index=True)
    assessment_id: Mapped[int] = mapped_column(ForeignKey("risk_assessment.id"), unique=True)
    due_at: Mapped[datetime | None]
    reported_at: Mapped[datetime | None]
    reported_by_id: Mapped[int | None] = mapped_column(ForeignKey("appointment.id"))
    received_at: Mapped[datetime | None]
    received_by_id: Mapped[int | None] = mapped_column(ForeignKey("appointment.id"))
    alerted_at: Mapped[datetime | None]

    record: Mapped[RiskRecord] = relationship()
    assessment: Mapped[RiskAssessment] = relationship(back_populates="report")


class RiskCase(Base):
    """That a case, a death or a near miss, is this woman's."""

    __tablename__ = "risk_case"
    __table_args__ = (UniqueConstraint("record_id", "case_id"),)

    record_id: Mapped[int] = mapped_column(ForeignKey("risk_record.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    linked_at: Mapped[datetime]
    linked_by_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"))

    record: Mapped[RiskRecord] = relationship(back_populates="cases")
    case: Mapped[Case] = relationship()
