"""The rounds of a ledger item: a closed one is opened again, in a case or in a duty of its own.

The closing of the round before stays on record; the first deadline is never overwritten.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Case,
    Duty,
    DutyKind,
    DutyState,
    Extension,
    Finding,
    ItemSource,
    Organisation,
    Process,
    ProcessState,
    Rectification,
    RectificationEntry,
    RectificationState,
    Reopening,
    Role,
)
from workflows import additions, engine, pressing
from workflows.events import EventName, of, record
from workflows.frozen import rules_for
from workflows.notifications import tell_desk
from workflows.rules import day_of
from workflows.services import DutyHost

_DESKS = (Role.QUALITY_OFFICE, Role.MCH, Role.COMMISSION)
_NAMES = {DutyKind.EXTENSION: "延期", DutyKind.EFFECT_CHECK: "评估", DutyKind.LEDGER_ITEM: "重开"}


class ItemClosed(Exception):
    """The item is closed; this is only for items being worked on."""


@dataclass(frozen=True, slots=True)
class Again:
    """What was found again: the words, how it was found (None: the effect check), and where the
    work goes on if in a case."""

    text: str
    source: ItemSource | None
    finding: Finding | None = None
    level: str = ""
    place: int = 0


def reopen(
    session: Session,
    item: Rectification,
    again: Again,
    *,
    host: Case | Duty | None,
    by: Appointment,
    now: datetime,
) -> Reopening:
    """Open a closed item again. `host`: the case or duty whose own process runs the work; without
    one `rectification` starts in a duty of its own. Raises ItemClosed for one that is not closed.
    """
    if item.closed_at is None or item.state is not RectificationState.CLOSED:
        raise ItemClosed(item.id)
    item.reopened += 1
    about = host or duty_about(session, item, DutyKind.LEDGER_ITEM, item.owner, item.reopened, now)
    row = Reopening(
        item=item,
        at=now,
        by_id=by.user_id,
        case=about if isinstance(about, Case) else None,
        duty=about if isinstance(about, Duty) else None,
        level=again.level,
        place=again.place if isinstance(about, Case) else next_place(session, about),
        finding=again.finding,
        source=again.source,
        problem=again.text,
        deadline=item.deadline,
        closed_at=item.closed_at,
    )
    session.add(row)
    item.state, item.progress, item.closed_at = RectificationState.PLANNING, 0, None
    item.deadline, item.effect_due_on = None, None
    item.press_due_on = pressing.next_day(session, item.owner_id, item.guide_id, day_of(now))
    overtake(session, item, now=now)
    enter(session, item, "reopened", again.text, by=by, now=now)
    session.flush()
    told = {"item": item.id, "number": item.number}
    hosts = [about] if item.case is None or about is item.case else [about, item.case]
    for each in hosts:  # linked both ways: in the old case and in the new one
        record(session, EventName.ITEM_REOPENED, by=by, now=now, **{**of(each), **told})
    if host is None:
        run(session, row.duty or duty_of(row), now)
    tell_owner(session, item, EventName.ITEM_REOPENED, now)
    return row


def duty_of(row: Reopening) -> Duty:
    """The duty a round runs in. LookupError for one of a case."""
    if row.duty is None:
        raise LookupError(f"reopening {row.id} runs in a case")
    return row.duty


def overtake(session: Session, item: Rectification, *, now: datetime) -> None:
    """What somebody was to decide about the round before needs no decision any more."""
    waiting = session.scalars(
        select(Duty).where(
            Duty.item_id == item.id,
            Duty.state == DutyState.OPEN,
            Duty.kind.in_((DutyKind.EXTENSION, DutyKind.EFFECT_CHECK)),
        )
    ).all()
    for duty in waiting:
        duty.state, duty.done_at = DutyState.DONE, now
        running = select(Process).where(
            Process.duty_id == duty.id, Process.status == ProcessState.RUNNING
        )
        for process in session.scalars(running.with_for_update()):
            engine.cancel(process, now=now)
    wishes = select(Extension).where(Extension.item_id == item.id, Extension.decided_at.is_(None))
    for wish in session.scalars(wishes):
        wish.decided_at = now


def next_place(session: Session, duty: Duty) -> int:
    """Where the next item of a duty stands among its items, reopened ones included."""
    return sum(
        session.scalar(select(func.count()).where(table.duty_id == duty.id)) or 0
        for table in (Rectification, Reopening)
    )


def own_duty(
    session: Session, number: str, owner: Organisation, acceptor_id: int, now: datetime
) -> Duty:
    """The duty that hosts a new item of its own."""
    return _add_duty(session, DutyKind.LEDGER_ITEM, owner, acceptor_id, number, now)


def duty_about(
    session: Session,
    item: Rectification,
    kind: DutyKind,
    unit: Organisation,
    count: int,
    now: datetime,
) -> Duty:
    """A duty of a unit about an item that is there already, the nth of its kind."""
    name = f"{item.number}-{_NAMES[kind]}{count}"
    duty = _add_duty(session, kind, unit, item.acceptor_id, name, now)
    duty.item_id = item.id
    session.flush()
    return duty


def _add_duty(
    session: Session,
    kind: DutyKind,
    unit: Organisation,
    receiver_id: int,
    occasion: str,
    now: datetime,
) -> Duty:
    day = day_of(now)
    duty = Duty(
        kind=kind,
        organisation=unit,
        receiver_id=receiver_id,
        region_code=unit.region_code,
        starts_on=day,
        ends_on=day,
        occasion=occasion,
        rule={},
        opened_at=now,
    )
    rule = rules_for(duty).find("rectification.ledger")
    duty.rule = msgspec.to_builtins(rule) if rule else {}
    session.add(duty)
    session.flush()
    return duty


def run(session: Session, duty: Duty, now: datetime) -> None:
    """Start the process of a duty about an item."""
    name = "rectification" if duty.kind is DutyKind.LEDGER_ITEM else duty.kind.value
    engine.start(session, duty, name, {}, DutyHost(session, duty, now), now=now)


def enter(
    session: Session,
    item: Rectification,
    kind: str,
    text: str,
    *,
    by: Appointment | None,
    now: datetime,
) -> None:
    """Add a line to what happened to an item; kinds: `labels.WORDS["entry"]`."""
    if item.id is None:
        session.flush()
    user_id = by.user_id if by else None
    additions.add(
        session, RectificationEntry, item_id=item.id, at=now, user_id=user_id, kind=kind, text=text
    )


def about(item: Rectification) -> Case | Duty:
    """The case or duty that an item was entered in. LookupError for one of nothing."""
    found = item.case or item.duty
    if found is None:
        raise LookupError(f"item {item.id} belongs to nothing")
    return found


def tell(
    session: Session,
    item: Rectification,
    name: EventName,
    *,
    by: Appointment | None,
    now: datetime,
) -> None:
    """Leave an event where the item belongs."""
    told = {**of(about(item)), "item": item.id, "number": item.number}
    record(session, name, by=by, now=now, **told)


def tell_owner(session: Session, item: Rectification, name: EventName, now: datetime) -> None:
    """A line for the desks of the unit that puts it right."""
    tell_unit(session, item, name, item.owner_id, _DESKS, now)


def tell_unit(
    session: Session,
    item: Rectification,
    name: EventName,
    organisation_id: int,
    roles: tuple[Role, ...],
    now: datetime,
) -> None:
    """A line for desks of a unit, which leads to the item."""
    told = {"item": item.id, "title": item.number}
    tell_desk(session, name, organisation_id, roles, case=None, now=now, **told)
