"""Groups of experts: formed, and their experts' duties said, by the commission that looks after
them. Nothing is overwritten: what is said anew ends what was said before."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    DiseaseGroup,
    ExpertGroup,
    GroupMember,
    Organisation,
    OrganisationKind,
    Role,
    User,
)
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName, record
from workflows.permissions import Forbidden, require

_ZONE = ZoneInfo("Asia/Shanghai")
LONGEST_DUTY, LONGEST_PART = 60, 300


def may_keep(by: Appointment, unit: Organisation) -> bool:
    """One's own commission's groups, and those of the rescue centres of the own area and level."""
    if by.role is not Role.COMMISSION:
        return False
    here = by.organisation
    if unit.id == here.id:
        return True
    ours = unit.kind is OrganisationKind.RESCUE_CENTRE and unit.level is here.level
    return ours and unit.region_code == here.region_code


def form(
    session: Session,
    unit: Organisation,
    disease: str,
    contact: Organisation | None,
    *,
    by: Appointment,
    now: datetime,
) -> ExpertGroup:
    """A group of a unit, for rescue at large (`disease` empty) or for one disease. Raises
    Forbidden, InvalidAnswers ("unit", "disease", "contact")."""
    require(by, "expert:administer")
    if not may_keep(by, unit):
        raise Forbidden(unit.id)
    errors: dict[str, list[str]] = {}
    if disease and disease not in list(DiseaseGroup):
        errors["disease"] = ["从所列的病种中选择"]
    if contact is None or not contact.active:
        errors["contact"] = ["选择联系单位"]
    if errors or contact is None:
        raise InvalidAnswers(errors)
    which = DiseaseGroup(disease) if disease else None
    there = select(ExpertGroup.id).where(
        ExpertGroup.organisation_id == unit.id, ExpertGroup.disease == which
    )
    if session.scalar(there) is not None:
        raise InvalidAnswers({"unit": ["这个单位已经有这一专家组，请在原组里调整"]})
    group = ExpertGroup(organisation=unit, disease=which, contact=contact, formed_on=_day(now))
    session.add(group)
    session.flush()
    record(session, EventName.GROUP_FORMED, by=by, now=now, group=group.id, unit=unit.id)
    return group


def seat(
    session: Session,
    group: ExpertGroup,
    user_id: int | None,
    duty: str,
    part: str,
    *,
    by: Appointment,
    now: datetime,
) -> GroupMember:
    """An expert of the pool joins, or gets another duty. Raises Forbidden, InvalidAnswers
    ("user", "duty", "part")."""
    _require(group, by)
    duty, part = duty.strip(), part.strip()
    user = _expert(session, user_id)
    errors: dict[str, list[str]] = {}
    if user is None:
        errors["user"] = ["从专家库里选择专家"]
    if not 0 < len(duty) <= LONGEST_DUTY:
        errors["duty"] = [f"写明职责，不超过 {LONGEST_DUTY} 字"]
    if not 0 < len(part) <= LONGEST_PART:
        errors["part"] = [f"写明任务分工，不超过 {LONGEST_PART} 字"]
    if errors or user is None:
        raise InvalidAnswers(errors)
    for before in group.members:
        if before.user_id == user.id and before.until is None:
            before.until = _day(now)
    member = GroupMember(group=group, user=user, duty=duty, part=part, since=_day(now))
    session.add(member)
    session.flush()
    record(session, EventName.GROUP_SEATED, by=by, now=now, group=group.id, user=user.id)
    return member


def release(session: Session, member: GroupMember, *, by: Appointment, now: datetime) -> None:
    """An expert leaves a group. Once. Raises Forbidden."""
    _require(member.group, by)
    if member.until is not None:
        return
    member.until = _day(now)
    record(
        session, EventName.GROUP_LEFT, by=by, now=now, group=member.group_id, user=member.user_id
    )


def _require(group: ExpertGroup, by: Appointment) -> None:
    require(by, "expert:administer")
    if not may_keep(by, group.organisation):
        raise Forbidden(group.id)


def _expert(session: Session, user_id: int | None) -> User | None:
    """Somebody of the pool."""
    held = select(Appointment.user_id).where(
        Appointment.role == Role.EXPERT, Appointment.stands_for_id.is_(None)
    )
    query = select(User).where(User.id == user_id, User.active, User.id.in_(held))
    return session.scalars(query).one_or_none()


def _day(now: datetime) -> date:
    return now.astimezone(_ZONE).date()
