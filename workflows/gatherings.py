"""Near-miss reviews as administrations arrange them: planned against held (B07), demonstrations at
zone meetings, rescue centres at the city's reviews of deaths (B09), training (B05).

Reads rows, changes nothing, knows no page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, false, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from models import (
    Appointment,
    Attachment,
    Attendance,
    Case,
    CaseState,
    Conclusion,
    Level,
    Meeting,
    Organisation,
    OrganisationKind,
    Panel,
    PanelMember,
    ReviewDate,
    Training,
    TrainingPresence,
    TrainingUnit,
    Zone,
    ZoneAttendance,
    ZoneKind,
    ZoneMeeting,
)
from workflows.kinds import DEATHS
from workflows.permissions import areas_of, may

_ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Planned:
    """One planned day, and the near-miss reviews held from it to the next one."""

    row: ReviewDate
    held: list[date]


def planned(session: Session, unit: Organisation) -> list[Planned]:
    """The days that a commission has planned, in order, each against what was held."""
    rows = session.scalars(
        select(ReviewDate)
        .where(ReviewDate.organisation_id == unit.id)
        .order_by(ReviewDate.planned_on)
    ).all()
    days = held(session, unit)
    starts = [row.planned_on for row in rows]
    return [
        Planned(row, [day for day in days if row.planned_on <= day < end])
        for row, end in zip(rows, [*starts[1:], date.max], strict=False)
    ]


def held(session: Session, unit: Organisation) -> list[date]:
    """Days on which the unit's panels met on near misses, once their conclusions are signed."""
    moments = session.scalars(
        select(Meeting.held_at)
        .join(Panel, Panel.id == Meeting.panel_id)
        .join(Case, Case.id == Panel.case_id)
        .join(Conclusion, Conclusion.panel_id == Panel.id)
        .where(
            Panel.organisation_id == unit.id,
            Case.kind.not_in(DEATHS),
            Case.state != CaseState.VOIDED,
        )
        .order_by(Meeting.held_at)
    )
    return [_day(at) for at in moments]


def _day(at: datetime) -> date:
    return at.astimezone(_ZONE).date()


def centres(session: Session, by: Appointment) -> list[Organisation]:
    """The rescue centres that stand behind the counties one looks after."""
    zones = select(Zone.centre_id).where(
        Zone.county_code.in_(areas_of(by)), Zone.kind == ZoneKind.MATERNAL
    )
    query = select(Organisation).where(Organisation.id.in_(zones)).order_by(Organisation.id)
    return list(session.scalars(query))


def zone_meetings(session: Session, by: Appointment) -> list[ZoneMeeting]:
    """Zone meetings of those centres, the newest first."""
    ids = [centre.id for centre in centres(session, by)]
    return list(
        session.scalars(
            select(ZoneMeeting)
            .where(ZoneMeeting.centre_id.in_(ids))
            .order_by(ZoneMeeting.held_on.desc())
            .options(
                joinedload(ZoneMeeting.centre),
                selectinload(ZoneMeeting.attendance).options(
                    joinedload(ZoneAttendance.organisation), joinedload(ZoneAttendance.user)
                ),
            )
        )
    )


def demonstrable(session: Session, by: Appointment) -> list[Panel]:
    """Near-miss panels of one's own commission that were held at no zone meeting yet."""
    used = select(ZoneMeeting.panel_id).where(ZoneMeeting.panel_id.is_not(None))
    return list(
        session.scalars(
            select(Panel)
            .join(Case, Case.id == Panel.case_id)
            .where(
                Panel.organisation_id == by.organisation_id,
                Case.kind.not_in(DEATHS),
                Case.state != CaseState.VOIDED,
                Panel.id.not_in(used),
            )
            .order_by(Panel.id.desc())
            .options(joinedload(Panel.case))
        )
    )


@dataclass(frozen=True, slots=True)
class Part:
    """A centre's part in the city's reviews of deaths: how many were held, at how many its experts
    had signed in."""

    centre: Organisation
    reviews: int
    attended: int


def parts(session: Session, by: Appointment) -> list[Part]:
    """By centre, of the deaths of its own zone that the city has reviewed."""
    return [_part(session, centre) for centre in centres(session, by)]


def _part(session: Session, centre: Organisation) -> Part:
    ours = (
        Panel.level == Level.CITY,
        Case.kind.in_(DEATHS),
        Case.state != CaseState.VOIDED,
        Case.county_code.in_(select(Zone.county_code).where(Zone.centre_id == centre.id)),
    )
    concluded = select(Conclusion.panel_id)
    base = select(func.count(Panel.id.distinct())).join(Case, Case.id == Panel.case_id)
    reviews = base.where(*ours, Panel.id.in_(concluded))
    signed = (
        select(PanelMember.panel_id)
        .join(Attendance, Attendance.member_id == PanelMember.id)
        .where(PanelMember.organisation_id == centre.id)
    )
    attended = reviews.where(Panel.id.in_(signed))
    return Part(centre, session.scalar(reviews) or 0, session.scalar(attended) or 0)


def trainings(session: Session, by: Appointment) -> list[Training]:
    """Training held by administrations of one's area and below it, the newest first."""
    units = select(Organisation.id).where(Organisation.region_code.in_(areas_of(by)))
    return list(
        session.scalars(
            select(Training)
            .where(Training.organisation_id.in_(units))
            .order_by(Training.held_on.desc(), Training.id.desc())
            .options(
                joinedload(Training.organisation),
                selectinload(Training.units).joinedload(TrainingUnit.organisation),
            )
        )
    )


def open_to(by: Appointment) -> Select[Training]:
    """Training that one may take part in: of one's own area, of the city above, of those below."""
    here = by.organisation.region
    units = select(Organisation.id).where(
        or_(
            Organisation.region_code.in_(areas_of(by)),
            Organisation.region_code == here.parent_code,
        )
    )
    return (
        select(Training)
        .where(Training.organisation_id.in_(units))
        .order_by(Training.held_on.desc(), Training.id.desc())
        .options(
            joinedload(Training.organisation),
            selectinload(Training.units),
            selectinload(Training.presence).options(
                joinedload(TrainingPresence.user), joinedload(TrainingPresence.organisation)
            ),
        )
    )


def files_of_trainings(by: Appointment) -> ColumnElement[bool]:
    """Which files are material of training that one may take part in."""
    if not may(by, "training:view"):
        return false()
    return Attachment.training_id.in_(open_to(by).with_only_columns(Training.id).order_by(None))


def trainable(session: Session, by: Appointment) -> Sequence[Organisation]:
    """Units of one's area that may send people: hospitals, MCH institutions, rescue centres."""
    kinds = (OrganisationKind.HOSPITAL, OrganisationKind.MCH, OrganisationKind.RESCUE_CENTRE)
    return session.scalars(
        select(Organisation)
        .where(
            Organisation.region_code.in_(areas_of(by)),
            Organisation.kind.in_(kinds),
            Organisation.active,
        )
        .order_by(Organisation.region_code, Organisation.id)
    ).all()
