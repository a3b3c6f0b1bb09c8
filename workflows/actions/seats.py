"""Seats on a panel: declaring before anything is read, giving a seat up, filling it again.

A conflict that is declared, or found out, shuts the case to the expert at once and voids what they
filed, which stays on record. The review does not wait for a seat that is empty; the commission that
called the panel is told and may seat somebody else until the opinions are opened.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Declaration,
    Draft,
    Opinion,
    Panel,
    PanelMember,
    Process,
    Role,
    Task,
    TaskState,
)
from workflows import panels, recusal
from workflows.actions.tasks import InvalidAnswers
from workflows.engine import parallel
from workflows.events import EventName, record
from workflows.notifications import tell, tell_desk
from workflows.permissions import Forbidden
from workflows.services import CaseHost

_ZONE = ZoneInfo("Asia/Shanghai")
FEWEST, MOST = 10, 500  # characters of a reason


class SeatEnded(Exception):
    """The seat has ended already."""


class PanelOpened(Exception):
    """The opinions are opened, or the review is over: nobody can be seated any more."""


def seat_of(panel: Panel, by: Appointment) -> PanelMember | None:
    """One's own seat on a panel, ended or not, acting as an expert."""
    if by.role is not Role.EXPERT:
        return None
    return next((member for member in panel.members if member.user_id == by.user_id), None)


def declare(
    session: Session,
    member: PanelMember,
    declaration: Declaration,
    reason: str,
    *,
    by: Appointment,
    now: datetime,
) -> None:
    """Declare conflicts and promise secrecy: before reading, or when something was found out later.

    No conflict opens the case; a conflict, with `reason`, ends the seat for good.
    Raises Forbidden, SeatEnded, InvalidAnswers ("reason").
    """
    if member.user_id != by.user_id or by.role is not Role.EXPERT:
        raise Forbidden(member.id)
    if declaration is Declaration.CONFLICT:
        check_reason(reason, "reason", "写明与本例的关系")
    lock(session, member.panel)
    if member.ended_at is not None:
        raise SeatEnded(member.id)
    if declaration is Declaration.CONFLICT:
        member.declaration, member.declared_at = declaration, now
        _end(session, member, reason.strip(), by, now)
    elif member.declared_at is None:
        member.declaration, member.declared_at = declaration, now
        _record(session, EventName.MEMBER_DECLARED, member.panel, by, now, member=member.user_id)


def end_seat(
    session: Session, member: PanelMember, reason: str, *, by: Appointment, now: datetime
) -> None:
    """The commission takes a seat back: a conflict came to its knowledge.

    Raises Forbidden, SeatEnded, InvalidAnswers ("reason").
    """
    _require_convenor(member.panel, by)
    check_reason(reason, "reason", "写明收回聘任的原因")
    lock(session, member.panel)
    if member.ended_at is not None:
        raise SeatEnded(member.id)
    _end(session, member, reason.strip(), by, now)


def add_seat(
    session: Session,
    panel: Panel,
    user_id: int | None,
    *,
    is_guide: bool,
    override_reason: str,
    by: Appointment,
    now: datetime,
) -> PanelMember:
    """Seat one more expert, to declare and to file an opinion like the others.

    Raises Forbidden, PanelOpened, InvalidAnswers ("user", "override_reason").
    """
    _require_convenor(panel, by)
    lock(session, panel)
    beside = next(iter(open_steps(session, panel)), None)
    if panel.opened_at is not None or beside is None:
        raise PanelOpened(panel.id)
    seat = _expert(session, panel, user_id, now)
    overridden = _check_recusal(session, panel, seat.user_id, override_reason.strip())
    member = PanelMember(
        panel=panel,
        user_id=seat.user_id,
        organisation_id=seat.organisation_id,
        place=max(each.place for each in panel.members) + 1,
        is_guide=is_guide,
    )
    session.add(member)
    session.flush()
    host = CaseHost(session, panel.case, now)
    parallel.add(session, beside, member.place, host, now=now)
    for step in open_steps(session, panel):
        if step.user_id is None:  # kept for whoever comes, when nobody was left
            parallel.drop(session, step, host, now=now)
    _record(session, EventName.MEMBER_SEATED, panel, by, now, member=member.user_id)
    if overridden:
        what = {"member": member.user_id, "reason": override_reason.strip()}
        _record(session, EventName.PANEL_OVERRIDDEN, panel, by, now, **what)
    return member


def name_chair(
    session: Session, panel: Panel, user_id: int | None, *, by: Appointment, now: datetime
) -> None:
    """Make another seated member the chair; an open signature goes over to them.

    Raises Forbidden, InvalidAnswers ("chair").
    """
    _require_convenor(panel, by)
    lock(session, panel)
    if user_id not in [each.user_id for each in panel.members if each.ended_at is None]:
        raise InvalidAnswers({"chair": ["从在任的专家中选一位组长"]})
    if user_id == panel.chair_id:
        return
    panel.chair_id = user_id
    session.execute(
        update(Task)
        .where(
            Task.case_id == panel.case_id,
            Task.level == panel.level,
            Task.lane == "chair",
            Task.state == TaskState.OPEN,
        )
        .values(user_id=user_id)
    )
    _record(session, EventName.CHAIR_NAMED, panel, by, now, member=user_id)


def _require_convenor(panel: Panel, by: Appointment) -> None:
    if by.role is not Role.COMMISSION or by.organisation_id != panel.organisation_id:
        raise Forbidden(panel.id)


def check_reason(reason: str, field: str, words: str) -> None:
    """InvalidAnswers under `field` unless the reason is long enough to be one, and no longer."""
    if not FEWEST <= len(reason.strip()) <= MOST:
        raise InvalidAnswers({field: [f"{words}，{FEWEST} 至 {MOST} 字"]})


def steps(panel: Panel) -> tuple[ColumnElement[bool], ...]:
    """Of tasks: the opinion steps of this panel."""
    return (
        Task.case_id == panel.case_id,
        Task.level == panel.level.value,
        Task.form.like("opinion.v%"),
    )


def open_steps(session: Session, panel: Panel) -> list[Task]:
    """Opinions still to be filed. For the engine's use: nobody is told of them."""
    query = select(Task).where(*steps(panel), Task.state == TaskState.OPEN)
    return list(session.scalars(query.order_by(Task.index)))


def lock(session: Session, panel: Panel) -> None:
    """The process is the unit of concurrency; then see what others have done to the panel."""
    key = session.scalars(select(Task.process_id).where(*steps(panel)).limit(1)).one()
    session.get_one(Process, key, with_for_update=True, populate_existing=True)
    session.refresh(panel)
    for member in panel.members:
        session.refresh(member)


def _end(
    session: Session, member: PanelMember, reason: str, by: Appointment, now: datetime
) -> None:
    panel = member.panel
    member.ended_at, member.ended_reason = now, reason
    session.execute(update(Opinion).where(Opinion.member_id == member.id).values(voided_at=now))
    session.flush()
    for step in open_steps(session, panel):
        if step.index == member.place:
            _leave(session, step, member, now)
    for step in _signatures(session, member):
        parallel.drop(session, step, CaseHost(session, panel.case, now), now=now)
    _record(session, EventName.MEMBER_WITHDRAWN, panel, by, now, member=member.user_id)
    name, case, desk = EventName.MEMBER_WITHDRAWN, panel.case, (Role.COMMISSION,)
    tell_desk(session, name, panel.organisation_id, desk, case=case, now=now, panel=panel.id)
    tell(session, name, panel.secretary_id, case=case, now=now, panel=panel.id)


def _signatures(session: Session, member: PanelMember) -> list[Task]:
    """The open step in which the member was to sign the conclusion."""
    query = select(Task).where(
        Task.case_id == member.panel.case_id,
        Task.level == member.panel.level.value,
        Task.lane == "signer",
        Task.user_id == member.user_id,
        Task.state == TaskState.OPEN,
    )
    return list(session.scalars(query))


def _leave(session: Session, step: Task, member: PanelMember, now: datetime) -> None:
    """The review goes on without the step, unless nobody at all would be left to review."""
    place = f"task:{step.id}"
    session.execute(delete(Draft).where(Draft.user_id == member.user_id, Draft.place == place))
    if any(each.ended_at is None for each in member.panel.members):
        host = CaseHost(session, member.panel.case, now)
        parallel.drop(session, step, host, now=now)
    else:
        step.user_id = step.organisation_id = None


def _expert(session: Session, panel: Panel, user_id: int | None, now: datetime) -> Appointment:
    """Their appointment as an expert today. InvalidAnswers for anybody else."""
    today = now.astimezone(_ZONE).date()
    query = panels.held_on(today).where(Appointment.user_id == user_id)
    held = session.scalars(query.order_by(Appointment.id).limit(1)).one_or_none()
    if held is None:
        raise InvalidAnswers({"user": ["从专家库中选一位专家"]})
    if user_id == panel.secretary_id or user_id in [each.user_id for each in panel.members]:
        raise InvalidAnswers({"user": ["这一位已经在本次评审中，或已退出，请另选"]})
    return held


def _check_recusal(session: Session, panel: Panel, user_id: int, reason: str) -> bool:
    """Whether recusal is set aside, with reason. InvalidAnswers when it should be and is not."""
    why = recusal.reasons(session, panel.case, user_id)
    if not why:
        return False
    if not reason:
        told = f"应当回避：{'；'.join(why)}。请另选他人；确需聘请的，写明不回避的理由"
        raise InvalidAnswers({"user": [told]})
    check_reason(reason, "override_reason", "写明不回避的理由")
    return True


def _record(
    session: Session, name: EventName, panel: Panel, by: Appointment, now: datetime, **data: object
) -> None:
    record(session, name, case=panel.case, by=by, now=now, level=panel.level.value, **data)
