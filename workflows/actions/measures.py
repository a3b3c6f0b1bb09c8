"""What follows from the steps of a measure: 提醒、督导、约谈 (D01–D04, C08).

What an interview or the experts sent require becomes ledger items, which another unit accepts.
"""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import select

from models import Document, DutyKind, DutyState, ItemSource, Motion, Organisation, Role
from workflows import clocks, measures
from workflows.actions.ledger import Problem, open_item
from workflows.actions.tasks import Handing
from workflows.duties import ZONE
from workflows.engine import Flags
from workflows.events import EventName, record
from workflows.forms.moment import day_in
from workflows.notifications import tell, tell_desk

_DESK = (Role.COMMISSION, Role.COMMISSION_LEADER)
_OBJECT = (Role.HEAD, Role.QUALITY_OFFICE, Role.MCH, *_DESK)


def send_letter(step: Handing) -> Flags:
    """A reminder, or a summons to an interview: from now on its object may read it.

    A reminder is answered by the day that it names. Of one person's their unit is not reminded.
    """
    _notify(step)
    if step.duty.kind is DutyKind.REMINDER:
        motion, day = motion_of(step), day_in(step.answers, "reply_due")
        clocks.start(
            step.session,
            step.duty,
            "reminder_reply",
            organisation_id=None if motion.person_id else motion.organisation_id,
            now=step.now,
            due_at=datetime.combine(day, time(23, 59), ZONE) if day else None,
        )
    return {}


def receive_letter(step: Handing) -> Flags:
    """The object has signed for it."""
    _tell_host(step, EventName.MEASURE_RECEIVED)
    return {}


def receive_reminder(step: Handing) -> Flags:
    """Signed for, with what is done about it: a reminder asks for no more (D01)."""
    _tell_host(step, EventName.MEASURE_RECEIVED)
    _close(step)
    return {}


def record_interview(step: Handing) -> Flags:
    """The record, or its next edition after the object did not agree with it."""
    _record(step, EventName.INTERVIEW_RECORDED, edition=step.document.edition)
    return {}


def sign_as_object(step: Handing) -> Flags:
    """Signed by whoever was interviewed, or back with what is wrong in the record."""
    agreed = step.answers["object_view"] == "agree"
    _tell_host(step, EventName.INTERVIEW_SIGNED if agreed else EventName.INTERVIEW_DISPUTED)
    return {}


def sign_as_interviewer(step: Handing) -> Flags:
    """Signed by the interviewer: what was required becomes ledger items (D04 整改不力)."""
    _record(step, EventName.INTERVIEW_SIGNED)
    written = step.session.scalars(
        select(Document)
        .where(Document.duty_id == step.duty.id, Document.form.like("interview_record.v%"))
        .order_by(Document.id.desc())
        .limit(1)
    ).one()
    return {
        "n_items": _open_items(step, written.answers["requirements"], ItemSource.INTERVIEW),
        "needs_filing": _filed_with(step) is not None,
    }


def file_interview(step: Handing) -> Flags:
    """Sent to the commission above (D04 同时报市卫生健康委备案)."""
    motion, above = motion_of(step), _filed_with(step)
    if above is None:
        raise LookupError(f"{motion.number} is filed with nobody")
    motion.filed_with_id, motion.filed_at = above.id, step.now
    _record(step, EventName.INTERVIEW_FILED, to=above.name)
    return {}


def _filed_with(step: Handing) -> Organisation | None:
    motion = motion_of(step)
    rules = measures.rules_at(motion.region_code, step.now)
    return measures.filing(step.session, rules, motion.commission) if rules else None


def register_filing(step: Handing) -> Flags:
    """The commission above has it on file."""
    _tell_host(step, EventName.INTERVIEW_REGISTERED)
    return {}


def send_experts(step: Handing) -> Flags:
    """Who leads the experts sent to guide the object (C08, D03)."""
    motion = motion_of(step)
    motion.lead_id = int(step.answers["lead"])
    _notify(step)
    data = {"duty": step.duty.id, "title": motion.number}
    tell(step.session, EventName.EXPERTS_SENT, motion.lead_id, case=None, now=step.now, **data)
    return {}


def report_supervision(step: Handing) -> Flags:
    """What the experts saw and advise; each problem becomes a ledger item (C08 促进整改落实)."""
    _tell_host(step, EventName.SUPERVISION_REPORTED)
    return {"n_items": _open_items(step, step.answers["problems"], ItemSource.SUPERVISION)}


def close_measure(step: Handing) -> Flags:
    """Ended, with the ground for it: everything required has been accepted."""
    _close(step)
    return {}


def motion_of(step: Handing) -> Motion:
    """The proposal that the measure of this step carries out."""
    return step.session.scalars(select(Motion).where(Motion.duty_id == step.duty.id)).one()


def _open_items(step: Handing, rows: list[dict[str, Any]], source: ItemSource) -> int:
    """The day that is asked for is the item's first deadline, whatever is planned later."""
    motion = motion_of(step)
    owner = step.session.get_one(Organisation, motion.organisation_id)
    for row in rows:
        item = open_item(
            step.session,
            duty=step.duty,
            problem=Problem(row["text"], row["area"], "specific", row.get("kind")),
            source=source,
            owner=owner,
            acceptor=motion.commission,
            by=step.by,
            now=step.now,
        )
        item.first_deadline = item.deadline = date.fromisoformat(row["deadline"])
    return len(rows)


def _close(step: Handing) -> None:
    step.duty.state, step.duty.done_at = DutyState.DONE, step.now
    _tell_host(step, EventName.MEASURE_CLOSED)


def _notify(step: Handing) -> None:
    motion = motion_of(step)
    motion.notified_at = motion.notified_at or step.now
    data = {"duty": step.duty.id, "title": motion.number}
    if motion.person_id is not None:
        tell(
            step.session,
            EventName.MEASURE_NOTIFIED,
            motion.person_id,
            case=None,
            now=step.now,
            **data,
        )
    else:
        tell_desk(
            step.session,
            EventName.MEASURE_NOTIFIED,
            motion.organisation_id,
            _OBJECT,
            case=None,
            now=step.now,
            **data,
        )
    _record(step, EventName.MEASURE_NOTIFIED)


def _tell_host(step: Handing, name: EventName) -> None:
    """The commission that takes the measure is told."""
    motion = motion_of(step)
    tell_desk(
        step.session,
        name,
        motion.commission_id,
        _DESK,
        case=None,
        now=step.now,
        duty=step.duty.id,
        title=motion.number,
    )
    _record(step, name)


def _record(step: Handing, name: EventName, **more: Any) -> None:
    number = motion_of(step).number
    data = {"duty": step.duty.id, "number": number, **more}
    record(step.session, name, by=step.by, now=step.now, **data)
