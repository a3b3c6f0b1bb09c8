"""A longer deadline: the owner asks, the accepting unit decides. The first deadline stays.

Asked for and decided before the closing only; what the closing overtakes needs no decision.
"""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    CaseState,
    Draft,
    DutyKind,
    DutyState,
    Extension,
    Rectification,
    RectificationState,
    Role,
    Task,
    TaskState,
)
from workflows import clocks, engine, surroundings
from workflows.actions import reopening
from workflows.actions.reopening import ItemClosed, enter, tell, tell_owner, tell_unit
from workflows.actions.tasks import Handing, InvalidAnswers, handed_in, write_sheet
from workflows.engine import Flags
from workflows.events import EventName
from workflows.forms import check, load
from workflows.forms.spec import Answers
from workflows.permissions import Forbidden, may
from workflows.services import host_of

FORM = "extension_request.v1"
_ZONE = ZoneInfo("Asia/Shanghai")


class AlreadyAsked(Exception):
    """A wish for more time waits for its decision."""


def may_ask(item: Rectification, by: Appointment) -> bool:
    """Whether somebody could ask for more time now, apart from a wish that waits already."""
    void = item.case is not None and item.case.state is CaseState.VOIDED
    open_ = item.state is not RectificationState.CLOSED and not void
    ours = by.organisation_id == item.owner_id and may(by, "ledger:extend")
    return ours and open_ and item.deadline is not None


def waiting(session: Session, item: Rectification) -> Extension | None:
    """The wish that waits for its decision."""
    return session.scalars(
        select(Extension).where(Extension.item_id == item.id, Extension.decided_at.is_(None))
    ).one_or_none()


def ask(
    session: Session,
    item: Rectification,
    answers: Answers,
    *,
    key: str,
    by: Appointment,
    now: datetime,
) -> Extension:
    """Ask for more time. `key` names the request: the same again returns the wish it made.

    Raises Forbidden, ItemClosed, AlreadyAsked, InvalidAnswers.
    """
    session.execute(select(Rectification.id).where(Rectification.id == item.id).with_for_update())
    session.refresh(item, ["state", "deadline"])
    if (made := handed_in(session, by, key)) is not None:
        found = select(Extension).where(Extension.duty_id == made.duty_id)
        return session.scalars(found).one()
    if item.state is RectificationState.CLOSED:
        raise ItemClosed(item.id)
    if not may_ask(item, by) or item.deadline is None:
        raise Forbidden(item.id)
    if waiting(session, item) is not None:
        raise AlreadyAsked(item.id)
    form = load.load(FORM)
    around = surroundings.known(session, None, None, by=by, now=now)
    if errors := check.check(form, answers, now=now, known=around):
        raise InvalidAnswers(errors)
    until = date.fromisoformat(answers["until"])
    if until <= item.deadline:
        raise InvalidAnswers({"until": [f"延期后的期限应晚于现在的期限（{item.deadline}）"]})
    return _ask(session, item, answers, until, key=key, by=by, now=now)


def _ask(
    session: Session,
    item: Rectification,
    answers: Answers,
    until: date,
    *,
    key: str,
    by: Appointment,
    now: datetime,
) -> Extension:
    count = select(func.count()).where(Extension.item_id == item.id)
    number = (session.scalar(count) or 0) + 1
    duty = reopening.duty_about(session, item, DutyKind.EXTENSION, item.acceptor, number, now)
    write_sheet(session, load.load(FORM), answers, duty, key=key, by=by, now=now)
    wish = Extension(
        item_id=item.id,
        duty_id=duty.id,
        asked_at=now,
        asked_by_id=by.user_id,
        reason=answers["reason"],
        before=item.deadline,
        until=until,
    )
    session.add(wish)
    text = f"由 {item.deadline} 延至 {until}：{answers['reason']}"
    enter(session, item, "extension_asked", text, by=by, now=now)
    session.flush()
    reopening.run(session, duty, now)
    tell(session, item, EventName.ITEM_EXTENSION_ASKED, by=by, now=now)
    desks = (Role.COMMISSION_LEADER, Role.MCH)
    name = EventName.ITEM_EXTENSION_ASKED
    tell_unit(session, item, name, item.acceptor_id, desks, now)
    return wish


def decide(step: Handing) -> Flags:
    """Approved: the deadline and its clock move. Refused: nothing moves. Both on record.

    Raises Forbidden for the owner's people, InvalidAnswers when the item was closed meanwhile.
    """
    session, answers, now = step.session, step.answers, step.now
    wish = session.scalars(select(Extension).where(Extension.duty_id == step.duty.id)).one()
    item = session.get_one(Rectification, wish.item_id, with_for_update=True)
    if step.by.organisation_id == item.owner_id:
        raise Forbidden(item.id)
    if item.state is RectificationState.CLOSED:
        raise InvalidAnswers({"": ["该条目已经销号，不用再延期"]})
    approved = answers["extension_decision"] == "approve"
    wish.approved, wish.decided_at, wish.decided_by_id = approved, now, step.by.user_id
    wish.decision = answers.get("decision_reason") or None
    step.duty.state, step.duty.done_at = DutyState.DONE, now
    if approved:
        _extend(session, item, wish.until, now)
    words = f"期限延至 {wish.until}" if approved else f"期限仍为 {item.deadline}"
    told = f"{words}。{wish.decision}" if wish.decision else words
    enter(session, item, _ENTRY[approved], told, by=step.by, now=now)
    tell(session, item, _EVENT[approved], by=step.by, now=now)
    tell_owner(session, item, _EVENT[approved], now)
    return {}


_ENTRY = {True: "extension_granted", False: "extension_refused"}
_EVENT = {True: EventName.ITEM_EXTENDED, False: EventName.ITEM_EXTENSION_REFUSED}


def _extend(session: Session, item: Rectification, until: date, now: datetime) -> None:
    """Deadline, clock, and the moment at which the open step of the owner becomes overdue."""
    item.deadline = until
    due_at = datetime.combine(until, time(23, 59), tzinfo=_ZONE)
    clock = clocks.running_of_item(session, item.id)
    if clock is not None:
        clocks.extend(session, clock, due_at, now=now)
    step = session.scalars(
        select(Task).where(
            Task.rectification_id == item.id,
            Task.bpmn_id == "UT_progress",
            Task.state == TaskState.OPEN,
        )
    ).one_or_none()
    if step is not None:
        _open_anew(session, step, now)


def _open_anew(session: Session, step: Task, now: datetime) -> None:
    """The step is left and entered again, so that its alarm is set by the new deadline; who had it
    in hand keeps it, and what was typed goes with it."""
    engine.complete(
        session,
        step,
        {"progress_done": False},
        host_of(session, step, now),
        now=now,
        state=TaskState.CANCELLED,
    )
    fresh = session.scalars(
        select(Task).where(
            Task.rectification_id == step.rectification_id,
            Task.bpmn_id == step.bpmn_id,
            Task.state == TaskState.OPEN,
        )
    ).one()
    for name in ("holder_id", "held_since", "owner_id", "confirms", "priority", "follow_up_on"):
        setattr(fresh, name, getattr(step, name))
    for draft in session.scalars(select(Draft).where(Draft.place == f"task:{step.id}")):
        draft.place = f"task:{fresh.id}"
