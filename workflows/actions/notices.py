"""What follows from drafting, issuing and signing for a notice: the feedback on one case, or a
city's notice of a quarter (C01, C02)."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import (
    CaseState,
    DutyKind,
    DutyState,
    Notice,
    NoticeKind,
    NoticeRecipient,
    Organisation,
    Role,
    UnitPart,
)
from models.base import begins
from workflows import clocks, kinds, surroundings
from workflows.actions import replies
from workflows.actions.tasks import Handing
from workflows.engine import Flags
from workflows.events import EventName, record
from workflows.forms.moment import day_in
from workflows.frozen import rules_of
from workflows.notifications import tell_desk
from workflows.services import add_unit

_ZONE = ZoneInfo("Asia/Shanghai")
_DESKS = (Role.QUALITY_OFFICE, Role.MCH, Role.COMMISSION, Role.HEAD)


def draft_notice(step: Handing) -> Flags:
    """A draft, or its next edition after the leader sent it back. Where one was issued already,
    because the case was taken back to this step, that one stays and this is another."""
    recalled = _recalled(step)
    first = [row.organisation_id for row in recalled.recipients] if recalled else []
    said = (row["organisation"] for row in step.answers["recipients"])
    units = list(dict.fromkeys([*first, *said]))  # who got it learns that it was taken back
    notice = _own(step)
    if notice is None or notice.issued_at is not None:
        notice = Notice(
            kind=_kind(step),
            recalls_id=recalled.id if recalled else None,
            case_id=step.task.case_id,
            duty_id=step.task.duty_id,
            level=step.task.level or step.by.organisation.level.value,
            organisation_id=step.by.organisation_id,
            document=step.document,
            drafted_by_id=step.by.user_id,
        )
        step.session.add(notice)
    notice.document, notice.drafted_by_id = step.document, step.by.user_id
    for old in list(notice.recipients):
        step.session.delete(old)
    step.session.flush()
    step.session.refresh(notice, ["recipients"])
    notice.recipients = [
        NoticeRecipient(organisation_id=unit, place=place) for place, unit in enumerate(units)
    ]
    step.session.flush()
    record(
        step.session,
        EventName.NOTICE_DRAFTED,
        case=step.task.case,
        by=step.by,
        now=step.now,
        recipients=len(units),
    )
    return {"n_recipients": len(units)}


def issue_notice(step: Handing) -> Flags:
    """Issued: numbered, unchangeable, with the units concerned; or back to the drafter."""
    if step.answers["issue_decision"] == "return":
        record(
            step.session, EventName.NOTICE_RETURNED, case=step.task.case, by=step.by, now=step.now
        )
        return {}
    notice = _own(step)
    if notice is None:
        raise LookupError("nothing to issue")
    _note_confirmed(step)
    number = _number(step, step.now)
    written = notice.document.answers
    notice.reply_due = day_in(written, "reply_due") or day_in(written, "moved_due")
    notice.number, notice.issued_at, notice.issued_by_id = number, step.now, step.by.user_id
    step.session.flush()  # all at once: from now on the database keeps it as it is
    replies.ask(step.session, notice, by=step.by, now=step.now)
    _follow_up(step, notice)
    for recipient in notice.recipients:
        tell_desk(
            step.session,
            EventName.NOTICE_ISSUED,
            recipient.organisation_id,
            _DESKS,
            case=None,
            now=step.now,
            notice=notice.id,
            number=notice.number,
        )
    record(
        step.session,
        EventName.NOTICE_ISSUED,
        case=step.task.case,
        by=step.by,
        now=step.now,
        notice=notice.id,
        number=notice.number,
    )
    return {"n_recipients": len(notice.recipients)}


def _note_confirmed(step: Handing) -> None:
    """The reason stands in the sheet; that there was need of one is an event."""
    found = surroundings.recognisable(step.session, step.task)
    if found and step.answers.get("confirm_reason"):
        record(
            step.session,
            EventName.NOTICE_CONFIRMED,
            case=step.task.case,
            by=step.by,
            now=step.now,
            found=len(found),
            kinds=sorted({risk.what.value if risk.what else "count" for risk in found}),
        )


def _follow_up(step: Handing, notice: Notice) -> None:
    """What an issued notice changes beside itself: its case goes on, or its quarter is done."""
    if notice.recalls is not None:
        record(
            step.session,
            EventName.NOTICE_RECALLED,
            by=step.by,
            now=step.now,
            number=notice.number,
            recalled=notice.recalls.number,
        )
        replies.end_for(step.session, notice.recalls, now=step.now)
    if step.task.duty is not None:
        step.duty.state, step.duty.done_at = DutyState.DONE, step.now
        record(step.session, EventName.DUTY_DONE, by=step.by, now=step.now, duty=step.duty.id)
        return
    feedback = kinds.of(step.case).clock(rules_of(step.case), "county_feedback")
    if (clock := clocks.find(step.case, feedback)) is not None:
        clocks.meet(step.session, clock, now=step.now)
    step.case.state = CaseState.RECTIFYING
    for recipient in notice.recipients:
        add_unit(step.case, recipient.organisation_id, UnitPart.CONCERNED, step.now)


def sign_notice(step: Handing) -> Flags:
    """A unit concerned signs for the notice."""
    notice = _own(step)
    if notice is None:
        raise LookupError("nothing to sign for")
    recipient = next(row for row in notice.recipients if row.place == step.task.index)
    recipient.read_at = recipient.read_at or step.now
    recipient.signed_at, recipient.signed_by_id = step.now, step.by.user_id
    record(
        step.session,
        EventName.NOTICE_SIGNED,
        case=step.task.case,
        by=step.by,
        now=step.now,
        notice=notice.id,
        unit=recipient.organisation.name,
    )
    return {}


def _kind(step: Handing) -> NoticeKind:
    """A notice of its own is of the kind it was begun as, whatever a sheet says."""
    if step.task.case is not None:
        return NoticeKind.CASE_FEEDBACK
    if step.duty.kind is DutyKind.QUARTERLY_NOTICE:
        return NoticeKind.QUARTERLY
    return NoticeKind((step.duty.content or {})["kind"])


def _recalled(step: Handing) -> Notice | None:
    """What a recall takes back."""
    if step.task.duty is None or step.duty.kind is not DutyKind.NOTICE:
        return None
    key = (step.duty.content or {}).get("recalls")
    return step.session.get_one(Notice, key) if key else None


def _own(step: Handing) -> Notice | None:
    return step.session.scalars(
        select(Notice)
        .where(
            Notice.case_id == step.task.case_id,
            Notice.duty_id == step.task.duty_id,
        )
        .order_by(Notice.id.desc())
        .limit(1)
    ).one_or_none()


def _number(step: Handing, now: datetime) -> str:
    """The issuing unit's running number of the year, in the form 〔2026〕3号. Issued one after the
    other: no number comes twice."""
    step.session.get_one(Organisation, step.by.organisation_id, with_for_update=True)
    year = now.astimezone(_ZONE).year
    short = step.by.organisation.short_name
    start = f"{short}母婴通报〔{year}〕"
    count = select(func.count()).where(begins(Notice.number, start))
    return f"{start}{(step.session.scalar(count) or 0) + 1}号"


def note_reading(session: Session, recipient_id: int, *, now: datetime) -> None:
    """A unit concerned has opened the notice; the first time counts."""
    row = session.get_one(NoticeRecipient, recipient_id, with_for_update=True)
    row.read_at = row.read_at or now
