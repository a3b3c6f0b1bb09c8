"""A case: one death or near miss found, one report, one review (A01). And the units with a part."""

import enum
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from models.base import PERSONAL, PLAIN, SENSITIVE, Base, index_where
from models.place import Organisation, Region
from models.rule import FrozenRules
from models.user import User

if TYPE_CHECKING:
    from models.clock import Clock


class CaseKind(enum.StrEnum):
    MATERNAL_DEATH = "maternal_death"
    MATERNAL_NEARMISS = "maternal_nearmiss"
    NEONATAL_DEATH = "neonatal_death"


class CaseState(enum.StrEnum):
    """Where the case stands, coarse; the process says it exactly."""

    REPORTED = "reported"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    IN_REVIEW = "in_review"
    RECTIFYING = "rectifying"
    CLOSED = "closed"
    VOID_REQUESTED = "void_requested"
    VOIDED = "voided"


ENDED = (CaseState.CLOSED, CaseState.VOIDED)
NOT_ENDED = "state NOT IN ('closed', 'voided')"
_FOLLOWED = ("submitted", "county_concluded", "city_concluded")


class Case(Base):
    __tablename__ = "case"
    __table_args__ = (
        Index("ix_case_event_at", "event_at", "id"),
        Index("ix_case_organisation_id", "organisation_id", "id"),
        index_where("ix_case_open", "id", "organisation_id", "state", "kind", where=NOT_ENDED),
        index_where(
            "ix_case_lacking",
            "id",
            *_FOLLOWED,
            "state",
            where=" OR ".join(f"{column} IS false" for column in _FOLLOWED),
        ),
        index_where("ix_case_late_report", "id", where="late_report IS true"),
        index_where("ix_case_incomplete_record", "id", where="incomplete_record IS true"),
    )

    number: Mapped[str] = mapped_column(PLAIN, unique=True)
    kind: Mapped[CaseKind]
    state: Mapped[CaseState] = mapped_column(default=CaseState.REPORTED, index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    county_code: Mapped[str] = mapped_column(ForeignKey("region.code"), index=True)
    city_code: Mapped[str] = mapped_column(ForeignKey("region.code"), index=True)
    reported_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    event_at: Mapped[datetime]  # the death, or the first criterion met, to the minute
    discovered_at: Mapped[datetime]
    reported_at: Mapped[datetime] = mapped_column(index=True)  # server time, nobody edits it
    jurisdiction: Mapped[str]
    rules_digest: Mapped[str] = mapped_column(ForeignKey("frozen_rules.digest"))
    late_report: Mapped[bool] = mapped_column(default=False)  # D01 R3: never taken back
    incomplete_record: Mapped[bool] = mapped_column(default=False)  # D01 R4: never taken back
    # What of one found, one reported, one reviewed is there; set with the sheet or the conclusion
    submitted: Mapped[bool] = mapped_column(default=False, server_default=false())
    county_concluded: Mapped[bool] = mapped_column(default=False, server_default=false())
    city_concluded: Mapped[bool] = mapped_column(default=False, server_default=false())
    void_reason: Mapped[str | None] = mapped_column(info=SENSITIVE)
    void_requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    voided_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    state_before_void: Mapped[CaseState | None]
    closed_at: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]  # work stands still, limits do not
    suspended_by_id: Mapped[int | None] = mapped_column(ForeignKey("appointment.id"))
    suspended_reason: Mapped[str | None] = mapped_column(info=SENSITIVE)
    # Of a death: the near miss of the same woman that came before it, counted no more
    follows_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), unique=True)
    # Of a newborn: the birth, by which reviewers are told time, and the mother's own case
    born_at: Mapped[datetime | None]
    mother_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)

    rules: Mapped[FrozenRules] = relationship()  # in force at event_at
    organisation: Mapped[Organisation] = relationship()
    county: Mapped[Region] = relationship(foreign_keys=[county_code])
    city: Mapped[Region] = relationship(foreign_keys=[city_code])
    reported_by: Mapped[User] = relationship(foreign_keys=[reported_by_id])
    units: Mapped[list["CaseUnit"]] = relationship(back_populates="case", order_by="CaseUnit.id")
    person: Mapped["Person"] = relationship(back_populates="case")
    clocks: Mapped[list["Clock"]] = relationship(back_populates="case", order_by="Clock.id")
    follows: Mapped["Case | None"] = relationship(foreign_keys=[follows_id], remote_side="Case.id")

    @validates("state")
    def _goes_on(self, _name: str, state: CaseState) -> CaseState:
        """What had ended is looked for again among what has not."""
        if self.state in ENDED and state not in ENDED:
            for unit in self.units:
                unit.settled = False
        return state


class UnitPart(enum.StrEnum):
    """Why a unit sees a case."""

    REPORTER = "reporter"
    RECEIVER = "receiver"
    ADMINISTRATION = "administration"
    UPPER_MCH = "upper_mch"
    UPPER_ADMINISTRATION = "upper_administration"
    GUIDE = "guide"
    CONCERNED = "concerned"  # received a notice, or owns a ledger item


SEES = "part NOT IN ('concerned', 'guide')"
ELSEWHERE = "part IN ('concerned', 'guide')"
UNSETTLED = f"settled IS false AND {SEES}"


class CaseUnit(Base):
    """A unit's part in a case: the routing log, and what the query scope looks at.

    `settled`: the case has ended and no limit of it runs, so that nobody looks for it among what is
    open. Where it is not set, nothing is said: see `workflows.parts`.
    """

    __tablename__ = "case_unit"
    __table_args__ = (
        UniqueConstraint("case_id", "organisation_id", "part"),
        index_where("ix_case_unit_scope", "organisation_id", "case_id", "since", where=SEES),
        index_where("ix_case_unit_elsewhere", "organisation_id", where=ELSEWHERE),
        index_where("ix_case_unit_unsettled", "organisation_id", "case_id", where=UNSETTLED),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    part: Mapped[UnitPart]
    since: Mapped[datetime]
    settled: Mapped[bool] = mapped_column(default=False, server_default=false())

    case: Mapped[Case] = relationship(back_populates="units")
    organisation: Mapped[Organisation] = relationship()


class Person(Base):
    """The woman, or the newborn: whose case it is. Who that is lives here and in documents, never
    in the engine's state."""

    __tablename__ = "person"

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), unique=True)
    name: Mapped[str] = mapped_column(info=PERSONAL)
    id_no: Mapped[str | None] = mapped_column(info=PERSONAL, index=True)
    age: Mapped[int | None] = mapped_column(info=PERSONAL)

    case: Mapped[Case] = relationship(back_populates="person")

    @property
    def masked_name(self) -> str:
        return masked(self.name)


def masked(name: str) -> str:
    """As those read a name who are not to know it: 沈＊＊."""
    return name[:1] + "＊" * max(1, len(name) - 1)
