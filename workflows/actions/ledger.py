"""Ledger items: opened for a case or a duty, planned, worked on, accepted (C03–C05, C13)."""

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

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
    RectificationState,
    Region,
)
from models.base import begins
from workflows import clocks, kinds, places, pressing, recurrence
from workflows.actions import pressing as presses
from workflows.actions import reopening
from workflows.actions.reopening import Again, ItemClosed, enter, tell
from workflows.actions.tasks import Handing, InvalidAnswers
from workflows.engine import Flags
from workflows.events import EventName, of, record
from workflows.permissions import Forbidden, may

_ZONE = ZoneInfo("Asia/Shanghai")


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
    resp_level: str | None = None,
    by: Appointment,
    now: datetime,
) -> Rectification:
    """Enter a problem that no review found; its owner is told.

    With `duty` the item goes along with that duty's own process: the next place among its items,
    as the parallel runs of `rectification` in its diagram count them. Without, it gets a duty of
    its own and `rectification` starts for it. `guide` None: the rescue centre of the owner's zone.
    What is an old problem come back opens the old item again, which is returned: see
    `workflows.recurrence`. Raises SameUnit.
    """
    if owner.id == acceptor.id:
        raise SameUnit(owner.id)
    if (old := recurrence.old_item(session, problem, owner.id, duty, now)) is not None:
        again = Again(problem.text, source)
        reopening.reopen(session, old, again, host=duty, by=by, now=now)
        return old
    day = now.astimezone(_ZONE).date()
    number = next_number(session, owner.region_code, day.year)
    about = duty or reopening.own_duty(session, number, owner, acceptor.id, now)
    guide = guide or places.guide_centre(session, owner.region_code, day)
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
        place=reopening.next_place(session, about),
        owner_id=owner.id,
        acceptor_id=acceptor.id,
        guide_id=guide.id if guide else None,
        resp_level=resp_level,
        created_at=now,
    )
    _enter_item(session, item, about, by, now)
    if duty is None:
        reopening.run(session, about, now)
    reopening.tell_owner(session, item, EventName.ITEM_OPENED, now)
    return item


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
    """Enter what a review found, at its place among the parallel items of the level.

    What is an old problem come back opens the old item again, at this place: the work that follows
    is this case's, the item stays one.
    """
    owner_id = finding.organisation_id
    if (old := recurrence.old_item(session, finding, owner_id, case, now)) is not None:
        again = Again(finding.text, ItemSource.REVIEW, finding, level, place)
        reopening.reopen(session, old, again, host=case, by=by, now=now)
        return old
    day = now.astimezone(_ZONE).date()
    guide = places.guide_centre(session, case.county_code, day, kinds.of(case).zone)
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
        owner_id=owner_id,
        acceptor_id=acceptor_id,
        guide_id=guide.id if guide else None,
        created_at=now,
    )
    _enter_item(session, item, case, by, now)
    return item


def item_of(session: Session, duty: Duty) -> Rectification:
    """The item that a duty of its own is about: entered in it, or opened again."""
    if duty.item_id is not None:
        return session.get_one(Rectification, duty.item_id)
    return session.scalars(select(Rectification).where(Rectification.duty_id == duty.id)).one()


def _enter_item(
    session: Session, item: Rectification, about: Case | Duty, by: Appointment, now: datetime
) -> None:
    session.add(item)
    session.flush()
    day = now.astimezone(_ZONE).date()
    item.press_due_on = pressing.next_day(session, item.owner_id, item.guide_id, day)
    told = {**of(about), "item": item.id, "number": item.number}
    record(session, EventName.ITEM_OPENED, by=by, now=now, **told)


def next_number(session: Session, region_code: str, year: int) -> str:
    """Items of one area are numbered one after the other: no number comes twice."""
    session.scalars(select(Region).where(Region.code == region_code).with_for_update()).one()
    start = f"ZG-{region_code}-{year}-"
    count = select(func.count()).where(begins(Rectification.number, start))
    return f"{start}{(session.scalar(count) or 0) + 1:04d}"


def urge(
    session: Session, item: Rectification, text: str, *, by: Appointment, now: datetime
) -> None:
    """督促: whoever accepts or looks after an item says what is missing (C04).

    The owner is told. For the guiding unit: `actions.pressing`.
    Raises Forbidden for the owner itself, ItemClosed, InvalidAnswers.
    """
    if by.organisation_id == item.owner_id or not may(by, "ledger:urge"):
        raise Forbidden(item.id)
    if item.state is RectificationState.CLOSED:
        raise ItemClosed(item.id)
    text = text.strip()
    if not 5 <= len(text) <= 1000:
        raise InvalidAnswers({"text": ["写明督促或指导的内容，5 至 1000 字"]})
    enter(session, item, "urged", text, by=by, now=now)
    tell(session, item, EventName.ITEM_URGED, by=by, now=now)
    reopening.tell_owner(session, item, EventName.ITEM_URGED, now)


# Effects of the steps


def plan_rectification(step: Handing) -> Flags:
    """Measure and deadline. The deadline's clock runs to the end of that day in China."""
    item, answers = _item(step), step.answers
    item.cause, item.measure = answers["cause"], answers["measure"]
    item.strength, item.owner_person = answers.get("strength"), answers.get("owner_person")
    item.resp_level = answers.get("resp_level") or item.resp_level
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
    presses.take_over(step.session, item, answers, step.by, step.now)
    _record(step, EventName.ITEM_SUBMITTED if done else EventName.ITEM_PROGRESSED, item)
    return {"progress_done": done, "item_id": item.id}


def accept_rectification(step: Handing) -> Flags:
    """Accepted by another unit and closed, or rejected and worked on again.

    A rejection may ask for a measure (整改达不到要求的，开展约谈通报, C03); a person decides.
    """
    item, answers = _item(step), step.answers
    if answers["result"] == "accepted":
        _close(step, item)
        return {"item_id": item.id}
    item.state, item.rejections = RectificationState.REJECTED, item.rejections + 1
    _enter(step, item, "rejected", answers["reason"])
    _record(step, EventName.ITEM_REJECTED, item)
    asked = answers["escalation"]
    item.asked = None if asked == "none" else asked
    if item.asked == "interview":
        _record(step, EventName.INTERVIEW_PROPOSED, item)
    elif item.asked is not None:
        _record(step, EventName.ITEM_MEASURE_ASKED, item, measure=item.asked)
    return {"item_id": item.id}


def _close(step: Handing, item: Rectification) -> None:
    """The round is over. A wish for more time is overtaken; when to look at the effect is set."""
    item.state, item.closed_at = RectificationState.CLOSED, step.now
    clock = clocks.find(step.about, "rectification", str(item.id))
    if clock is not None:
        clocks.meet(step.session, clock, now=step.now)
    if step.task.duty is not None and step.task.duty.kind is DutyKind.LEDGER_ITEM:
        step.duty.state, step.duty.done_at = DutyState.DONE, step.now
    reopening.overtake(step.session, item, now=step.now)
    item.effect, item.effect_due_on = None, _effect_due(step, item)
    item.press_due_on = None
    _enter(step, item, "accepted", step.answers.get("reason") or "整改到位，予以销号")
    _record(step, EventName.ITEM_CLOSED, item)


def _effect_due(step: Handing, item: Rectification) -> date | None:
    """回头看: the day that the acceptor named, else as many months after the closing as the rule
    of the place says; None where nobody has said."""
    if named := step.answers.get("effect_check_on"):
        return date.fromisoformat(named)
    today = step.now.astimezone(_ZONE).date()
    count = recurrence.months(step.session, recurrence.EFFECT_CHECK, item.owner_id, today)
    return recurrence.after(today, count) if count else None


def _item(step: Handing) -> Rectification:
    return step.session.get_one(Rectification, step.task.rectification_id)


def _enter(step: Handing, item: Rectification, kind: str, text: str) -> None:
    enter(step.session, item, kind, text, by=step.by, now=step.now)


def _record(step: Handing, name: EventName, item: Rectification, **more: str) -> None:
    told = {**of(step.about), "item": item.id, "number": item.number, **more}
    record(step.session, name, by=step.by, now=step.now, **told)
