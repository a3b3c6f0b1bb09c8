"""Ledger items: opened for a case or a duty, planned, worked on, accepted (C03–C05, C13)."""

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Case,
    Duty,
    DutyKind,
    DutyState,
    Finding,
    ItemSource,
    Organisation,
    Rectification,
    RectificationEntry,
    RectificationState,
    Region,
    Role,
)
from workflows import clocks, engine, places
from workflows.actions.tasks import Handing
from workflows.engine import Flags
from workflows.events import EventName, of, record
from workflows.frozen import rules_for
from workflows.notifications import tell_desk
from workflows.services import DutyHost

_ZONE = ZoneInfo("Asia/Shanghai")


_DESKS = (Role.QUALITY_OFFICE, Role.MCH, Role.COMMISSION)


class SameUnit(ValueError):
    """Nobody accepts what they have to put right themselves (C05)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be put right; codes as in models.Finding."""

    text: str
    area: str
    scope: str
    kind: str | None = None
    cell: int | None = None


def open_item(
    session: Session,
    *,
    problem: Problem,
    source: ItemSource,
    owner: Organisation,
    acceptor: Organisation,
    duty: Duty | None = None,
    guide: Organisation | None = None,
    by: Appointment,
    now: datetime,
) -> Rectification:
    """Enter a problem that no review found; its owner is told.

    With `duty` the item goes along with that duty's own process: the next place among its items,
    as the parallel runs of `rectification` in its diagram count them. Without, it gets a duty of
    its own and `rectification` starts for it. `guide` None: the rescue centre of the owner's zone.
    Raises SameUnit.
    """
    if owner.id == acceptor.id:
        raise SameUnit(owner.id)
    day = now.astimezone(_ZONE).date()
    number = next_number(session, owner.region_code, day.year)
    about = duty or _own_duty(session, number, owner, acceptor, day, now)
    guide = guide or places.guide_centre(session, owner.region_code, day)
    place = select(func.count()).where(Rectification.duty_id == about.id)
    item = Rectification(
        number=number,
        duty=about,
        source=source,
        problem=problem.text,
        area=problem.area,
        scope=problem.scope,
        kind=problem.kind,
        cell=problem.cell,
        level="",
        place=session.scalar(place) or 0,
        owner_id=owner.id,
        acceptor_id=acceptor.id,
        guide_id=guide.id if guide else None,
        created_at=now,
    )
    _enter_item(session, item, about, by, now)
    if duty is None:
        engine.start(session, about, "rectification", {}, DutyHost(session, about, now), now=now)
    tell_desk(session, EventName.ITEM_OPENED, owner.id, _DESKS, now=now, **of(about), title=number)
    return item


def _own_duty(
    session: Session,
    number: str,
    owner: Organisation,
    acceptor: Organisation,
    day: date,
    now: datetime,
) -> Duty:
    duty = Duty(
        kind=DutyKind.LEDGER_ITEM,
        organisation=owner,
        receiver_id=acceptor.id,
        region_code=owner.region_code,
        starts_on=day,
        ends_on=day,
        occasion=number,
        rule={},
        opened_at=now,
    )
    rule = rules_for(duty).find("clock.rectification")
    duty.rule = msgspec.to_builtins(rule) if rule else {}
    session.add(duty)
    session.flush()
    return duty


def open_finding(
    session: Session,
    case: Case,
    finding: Finding,
    *,
    level: str,
    place: int,
    acceptor_id: int,
    by: Appointment,
    now: datetime,
) -> Rectification:
    """Enter what a review found, at its place among the parallel items of the level."""
    day = now.astimezone(_ZONE).date()
    guide = places.guide_centre(session, case.county_code, day)
    item = Rectification(
        number=next_number(session, case.county_code, day.year),
        case=case,
        finding=finding,
        source=ItemSource.REVIEW,
        problem=finding.text,
        area=finding.area,
        scope=finding.scope,
        kind=finding.kind,
        cell=finding.cell,
        level=level,
        place=place,
        owner_id=finding.organisation_id,
        acceptor_id=acceptor_id,
        guide_id=guide.id if guide else None,
        created_at=now,
    )
    _enter_item(session, item, case, by, now)
    return item


def _enter_item(
    session: Session, item: Rectification, about: Case | Duty, by: Appointment, now: datetime
) -> None:
    session.add(item)
    session.flush()
    told = {**of(about), "item": item.id, "number": item.number}
    record(session, EventName.ITEM_OPENED, by=by, now=now, **told)


def next_number(session: Session, region_code: str, year: int) -> str:
    """Items of one area are numbered one after the other: no number comes twice."""
    session.scalars(select(Region).where(Region.code == region_code).with_for_update()).one()
    start = f"ZG-{region_code}-{year}-"
    count = select(func.count()).where(Rectification.number.startswith(start, autoescape=True))
    return f"{start}{(session.scalar(count) or 0) + 1:04d}"


# Effects of the steps


def plan_rectification(step: Handing) -> Flags:
    """Measure and deadline. The deadline's clock runs to the end of that day in China."""
    item, answers = _item(step), step.answers
    item.cause, item.measure = answers["cause"], answers["measure"]
    item.strength, item.owner_person = answers.get("strength"), answers.get("owner_person")
    item.deadline = date.fromisoformat(answers["deadline"])
    item.first_deadline = item.first_deadline or item.deadline
    item.state = RectificationState.WORKING
    due_at = datetime.combine(item.deadline, time(23, 59), tzinfo=_ZONE)
    clocks.start(
        step.session,
        step.about,
        "rectification",
        organisation_id=item.owner_id,
        now=step.now,
        subject=str(item.id),
        due_at=due_at,
    )
    _enter(step, item, "planned", item.measure)
    _record(step, EventName.ITEM_PLANNED, item)
    return {"item_id": item.id}


def report_rectification(step: Handing) -> Flags:
    """Progress with evidence; when done it goes to the acceptor."""
    item, answers = _item(step), step.answers
    item.progress = int(answers["percent"])
    done = bool(answers.get("done"))
    item.state = RectificationState.AWAITING_ACCEPTANCE if done else RectificationState.WORKING
    _enter(step, item, "progress", f"{item.progress}%　{answers['text']}")
    _record(step, EventName.ITEM_SUBMITTED if done else EventName.ITEM_PROGRESSED, item)
    return {"progress_done": done, "item_id": item.id}


def accept_rectification(step: Handing) -> Flags:
    """Accepted by another unit and closed, or rejected and worked on again.

    A rejection may propose an interview (整改达不到要求的，开展约谈通报, C03); a person decides.
    """
    item, answers = _item(step), step.answers
    if answers["result"] == "accepted":
        item.state, item.closed_at = RectificationState.CLOSED, step.now
        clock = clocks.find(step.session, step.about, "rectification", str(item.id))
        if clock is not None:
            clocks.meet(step.session, clock, now=step.now)
        if item.duty is not None and item.duty.kind is DutyKind.LEDGER_ITEM:
            item.duty.state, item.duty.done_at = DutyState.DONE, step.now
        _enter(step, item, "accepted", answers.get("reason") or "整改到位，予以销号")
        _record(step, EventName.ITEM_CLOSED, item)
        return {"item_id": item.id}
    item.state, item.rejections = RectificationState.REJECTED, item.rejections + 1
    _enter(step, item, "rejected", answers["reason"])
    _record(step, EventName.ITEM_REJECTED, item)
    if answers.get("escalation") == "interview":
        item.interview_proposed = True
        _record(step, EventName.INTERVIEW_PROPOSED, item)
    return {"item_id": item.id}


def _item(step: Handing) -> Rectification:
    return step.session.get_one(Rectification, step.task.rectification_id)


def _enter(step: Handing, item: Rectification, kind: str, text: str) -> None:
    step.session.add(
        RectificationEntry(item=item, at=step.now, user_id=step.by.user_id, kind=kind, text=text)
    )


def _record(step: Handing, name: EventName, item: Rectification) -> None:
    record(
        step.session,
        name,
        **of(step.about),
        by=step.by,
        now=step.now,
        item=item.id,
        number=item.number,
    )
