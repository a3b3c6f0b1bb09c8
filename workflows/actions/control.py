"""A case stopped and let go on, taken back to an earlier step, led past one that need not be.

The law does not pause: limits run on whatever is done here, what was handed in stays, and nothing
that is reported may be held up (A05). Where one may go back, and what may be left out, the diagram
says; leaving out takes two people of the unit that convened it.
"""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Appointment, Case, CaseState, Panel, Process, ProcessState, Role, Task, TaskState
from workflows.actions import claims
from workflows.actions.tasks import InvalidAnswers, TaskClosed
from workflows.engine import StepClosed, control
from workflows.events import EventName, record
from workflows.notifications import tell_desk, tell_holder
from workflows.permissions import Forbidden, require, visible_cases
from workflows.services import CaseHost

FEWEST, MOST = 10, 500  # characters of a reason
_ENDED = (CaseState.CLOSED, CaseState.VOIDED)


class NotPossible(Exception):
    """The case does not stand where this could be done: it has moved on, or never did."""


# Standing still


def suspend(session: Session, case: Case, reason: str, *, by: Appointment, now: datetime) -> None:
    """Let work on a case stand still. Limits run on, what reports the death goes on.

    Raises Forbidden, NotPossible, InvalidAnswers ("reason").
    """
    _require(session, case, "case:suspend", by)
    said = _reason(reason)
    _lock(session, case)
    if case.state in _ENDED or case.suspended_at is not None:
        raise NotPossible(case.id)
    case.suspended_at, case.suspended_by_id, case.suspended_reason = now, by.id, said
    record(session, EventName.CASE_SUSPENDED, case=case, by=by, now=now, reason=said)
    _tell_holders(session, case, EventName.CASE_SUSPENDED, now)


def resume(session: Session, case: Case, *, by: Appointment, now: datetime) -> None:
    """Work goes on where it stood. Raises Forbidden, NotPossible."""
    _require(session, case, "case:suspend", by)
    _lock(session, case)
    if case.suspended_at is None or case.suspended_by_id is None:
        raise NotPossible(case.id)
    if session.get_one(Appointment, case.suspended_by_id).organisation_id != by.organisation_id:
        raise Forbidden(case.id)
    since = case.suspended_at
    case.suspended_at = case.suspended_by_id = case.suspended_reason = None
    seconds = int((now - since).total_seconds())
    record(session, EventName.CASE_RESUMED, case=case, by=by, now=now, seconds=seconds)
    _tell_holders(session, case, EventName.CASE_RESUMED, now)


# Going back


def ways_back(session: Session, case: Case, by: Appointment) -> list[tuple[Task, str, str]]:
    """(open step, earlier step, its title) that somebody may take the case back to."""
    found = []
    for task in _open(session, case):
        known = control.marks(task.process.definition)
        for target, title in control.ways_back(known, task.bpmn_id).items():
            if _taken(session, task, target, by):
                found.append((task, target, title))
    return found


def rewind(
    session: Session, task: Task, target: str, reason: str, *, by: Appointment, now: datetime
) -> None:
    """Take the case back to an earlier step of one's own unit that the diagram marks for it.

    What is open there is cancelled, documents and clocks stay as they are; the new sheet is the
    next edition. Raises Forbidden, TaskClosed, NotPossible, InvalidAnswers ("reason").
    """
    case = _case_of(task)
    _require(session, case, "case:rewind", by)
    if not _taken(session, task, target, by):
        raise Forbidden(task.id)
    said = _reason(reason)
    claims.lock(session, task)
    before = _open(session, case)
    try:
        control.rewind(session, task, target, CaseHost(session, case, now), now=now)
    except StepClosed:
        raise TaskClosed(task.id) from None
    except control.NotModelled:
        raise NotPossible(task.id) from None
    session.expire_all()
    gone = [each.title for each in before if each.state == TaskState.CANCELLED]
    opened = [each for each in _open(session, case) if each.bpmn_id == target]
    case.state = _STATES.get(target, case.state)
    record(
        session,
        EventName.CASE_REWOUND,
        case=case,
        by=by,
        now=now,
        old=gone,
        new=opened[0].title,
        form=opened[0].form,
        level=opened[0].level or "",
        reason=said,
    )
    for step in opened:
        tell_holder(session, EventName.CASE_REWOUND, step, now=now, title=step.title)


_STATES = {"UT_verify": CaseState.SUBMITTED}  # what the step back to it took is taken again


def _taken(session: Session, task: Task, target: str, by: Appointment) -> bool:
    """Whether the earlier step was one of this person's unit, and nothing stands on it since."""
    done = list(
        session.scalars(
            select(Task)
            .where(Task.process_id == task.process_id, Task.state == TaskState.DONE)
            .order_by(Task.closed_at.desc(), Task.id.desc())
        )
    )
    same = [each for each in done if each.bpmn_id == target]
    if same and same[0].diagram != task.diagram:  # into another part: only from its very beginning
        return done[0] is same[0] and same[0].organisation_id == by.organisation_id
    same = [each for each in same if each.level == task.level]
    return bool(same) and same[0].organisation_id == by.organisation_id


# Leaving a step out


def skippable(session: Session, case: Case) -> list[Task]:
    """Open steps that the diagram lets one leave out."""
    return [
        task
        for task in _open(session, case)
        if control.marks(task.process.definition).get(task.bpmn_id, {}).get("skip") == "yes"
    ]


def ask_skip(session: Session, task: Task, reason: str, *, by: Appointment, now: datetime) -> None:
    """Ask that a step be left out; the leader of the same unit decides.

    Raises Forbidden, TaskClosed, NotPossible, InvalidAnswers ("reason").
    """
    case = _require_skip(session, task, "task:skip", by)
    said = _reason(reason)
    claims.lock(session, task)
    if task.skip_asked_by_id is not None or task not in skippable(session, case):
        raise NotPossible(task.id)
    task.skip_asked_by_id, task.skip_reason = by.user_id, said
    name = EventName.TASK_SKIP_ASKED
    _record(session, name, task, by, now, reason=said)
    leader = (Role.COMMISSION_LEADER,)
    tell_desk(session, name, by.organisation_id, leader, case=case, now=now, title=task.title)


def decide_skip(
    session: Session, task: Task, confirmed: bool, *, by: Appointment, now: datetime
) -> None:
    """Leave it out, or not: by a second person of the unit that asked.

    Raises Forbidden, TaskClosed, NotPossible.
    """
    case = _require_skip(session, task, "task:confirm_skip", by)
    claims.lock(session, task)
    if task.skip_asked_by_id is None:
        raise NotPossible(task.id)
    if task.skip_asked_by_id in by.people:
        raise Forbidden(task.id)
    if not confirmed:
        task.skip_asked_by_id = task.skip_reason = None
        _record(session, EventName.TASK_SKIP_REFUSED, task, by, now)
        return
    session.flush()
    try:
        control.skip(session, task, CaseHost(session, case, now), now=now)
    except StepClosed:
        raise TaskClosed(task.id) from None
    except control.NotModelled:
        raise NotPossible(task.id) from None
    task.done_by_id = by.user_id
    _record(session, EventName.TASK_SKIPPED, task, by, now, reason=task.skip_reason)
    tell_holder(session, EventName.TASK_SKIPPED, task, now=now, title=task.title)


def _require_skip(session: Session, task: Task, permission: str, by: Appointment) -> Case:
    """The case, for its county's or city's administration."""
    case = _case_of(task)
    _require(session, case, permission, by)
    convened = select(func.count(Panel.id)).where(
        Panel.case_id == case.id, Panel.organisation_id == by.organisation_id
    )
    if not session.scalar(convened):
        raise Forbidden(task.id)
    return case


# What they share


def _require(session: Session, case: Case, permission: str, by: Appointment) -> None:
    require(by, permission)
    query = visible_cases(by).where(Case.id == case.id).with_only_columns(Case.id)
    if session.scalar(query) is None:
        raise Forbidden(case.id)


def _case_of(task: Task) -> Case:
    if task.case is None:
        raise Forbidden(task.id)
    return task.case


def _reason(text: str) -> str:
    said = text.strip()
    if not FEWEST <= len(said) <= MOST:
        raise InvalidAnswers({"reason": [f"写明原因，{FEWEST} 至 {MOST} 字"]})
    return said


def _lock(session: Session, case: Case) -> None:
    """Every running process of the case, in one order; then see what others have done."""
    session.scalars(
        select(Process.id)
        .where(Process.case_id == case.id, Process.status == ProcessState.RUNNING)
        .order_by(Process.id)
        .with_for_update()
    ).all()
    session.refresh(case)


def _open(session: Session, case: Case) -> list[Task]:
    query = select(Task).where(Task.case_id == case.id, Task.state == TaskState.OPEN)
    return list(session.scalars(query.order_by(Task.id)))


def _tell_holders(session: Session, case: Case, name: EventName, now: datetime) -> None:
    """One line for each desk and person that has a step open; whose opinion is sealed, too."""
    seen: set[tuple[int | None, int | None, str]] = set()
    for task in _open(session, case):
        desk = (task.organisation_id, task.user_id, task.lane)
        if desk not in seen:
            seen.add(desk)
            tell_holder(session, name, task, now=now)


def _record(
    session: Session, name: EventName, task: Task, by: Appointment, now: datetime, **data: object
) -> None:
    record(session, name, case=task.case, by=by, now=now, task=task.id, title=task.title, **data)
