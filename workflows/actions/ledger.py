"""What follows from planning, working on and accepting a ledger item (C03–C05)."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from models import Rectification, RectificationEntry, RectificationState
from workflows import clocks
from workflows.actions.tasks import Handing
from workflows.engine import Flags
from workflows.events import EventName, record

_ZONE = ZoneInfo("Asia/Shanghai")


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
        step.case,
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
        clock = clocks.find(step.session, step.case, "rectification", str(item.id))
        if clock is not None:
            clocks.meet(step.session, clock, now=step.now)
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
        case=step.case,
        by=step.by,
        now=step.now,
        item=item.id,
        number=item.number,
    )
