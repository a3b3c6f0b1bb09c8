"""Written answers to notices (回复): asked for with a deadline, handed in, read, asked for again.

Each answer is a duty of the unit that answers, received by the one that asked (process
`notice_reply`). Its first deadline stays, and that it was missed; asking again starts another one.
"""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Clock,
    Draft,
    Duty,
    DutyKind,
    DutyState,
    Notice,
    NoticeRecipient,
    Organisation,
    Process,
    ProcessState,
    Role,
    Task,
    TaskState,
)
from workflows import clocks, engine
from workflows.actions.tasks import Handing
from workflows.duties import ZONE
from workflows.engine import Flags
from workflows.events import EventName, of, record
from workflows.notifications import tell_desk
from workflows.services import DutyHost, host_of

CLOCK = "notice_reply"
_DESKS = (Role.QUALITY_OFFICE, Role.MCH, Role.COMMISSION)
_ISSUERS = (Role.COMMISSION, Role.COMMISSION_LEADER)


def ask(session: Session, notice: Notice, *, by: Appointment, now: datetime) -> None:
    """Every recipient of an issued notice that wants an answer owes one, and is told; of one that
    takes another back those who still owed that one theirs."""
    if notice.reply_due is None:
        return
    owing = None if notice.recalls is None else _owing(notice.recalls)
    for recipient in notice.recipients:
        if owing is not None and recipient.organisation_id not in owing:
            continue
        duty = _open(session, notice, recipient, notice.reply_due, now)
        told = {"number": notice.number, "due": notice.reply_due.isoformat(), **of(duty)}
        record(session, EventName.REPLY_ASKED, by=by, now=now, **told)
        engine.start(session, duty, "notice_reply", {}, DutyHost(session, duty, now), now=now)
        if owing is not None:
            _keep_draft(session, owing[recipient.organisation_id], duty)


def _owing(notice: Notice) -> dict[int, Duty]:
    """Unit → its answer, of those who have not handed in any."""
    return {
        row.organisation_id: row.reply_duty
        for row in notice.recipients
        if row.reply_duty is not None and row.replied_at is None
    }


def _keep_draft(session: Session, before: Duty, after: Duty) -> None:
    """What was typed into the answer goes along."""
    steps = [
        session.scalars(
            select(Task.id).where(Task.duty_id == each.id, Task.state == TaskState.OPEN)
        ).first()
        for each in (before, after)
    ]
    for draft in session.scalars(select(Draft).where(Draft.place == f"task:{steps[0]}")):
        draft.place = f"task:{steps[1]}"


def _open(
    session: Session, notice: Notice, recipient: NoticeRecipient, due: date, now: datetime
) -> Duty:
    duty = Duty(
        kind=DutyKind.NOTICE_REPLY,
        organisation=recipient.organisation,
        receiver_id=notice.organisation_id,
        region_code=recipient.organisation.region_code,
        starts_on=now.astimezone(ZONE).date(),
        ends_on=due,
        occasion=notice.number or "",
        rule={},
        opened_at=now,
    )
    session.add(duty)
    session.flush()
    recipient.reply_due, recipient.reply_duty = due, duty
    _run(session, duty, due, "", now)
    return duty


def _run(session: Session, duty: Duty, due: date, subject: str, now: datetime) -> Clock | None:
    """The limit that the issuer has set: to the end of that day in China."""
    return clocks.start(
        session,
        duty,
        CLOCK,
        organisation_id=duty.organisation_id,
        now=now,
        subject=subject,
        due_at=datetime.combine(due, time(23, 59), ZONE),
    )


def recipient_of(session: Session, duty: Duty) -> NoticeRecipient:
    """Whose answer a duty is. LookupError if it is none."""
    query = select(NoticeRecipient).where(NoticeRecipient.reply_duty_id == duty.id)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise LookupError(f"duty {duty.id} is no answer")
    return found


def file_reply(step: Handing) -> Flags:
    """Handed in; the first time counts. Who asked is told."""
    recipient = recipient_of(step.session, step.duty)
    late = False
    for clock in step.duty.clocks:
        if clock.met_at is None:
            late = clock.seconds_late(step.now) > 0
            clocks.meet(step.session, clock, now=step.now)
    recipient.replied_at = recipient.replied_at or step.now
    told = {"number": recipient.notice.number, "late": late, **of(step.duty)}
    record(step.session, EventName.REPLY_FILED, by=step.by, now=step.now, **told)
    _tell(step, EventName.REPLY_FILED, recipient.notice.organisation_id, _ISSUERS)
    return {}


def read_reply(step: Handing) -> Flags:
    """Accepted, or asked for once more with another deadline."""
    recipient = recipient_of(step.session, step.duty)
    again = step.answers["reply_decision"] == "again"
    name = EventName.REPLY_RETURNED if again else EventName.REPLY_ACCEPTED
    told = {"number": recipient.notice.number, **of(step.duty)}
    if again:
        due = date.fromisoformat(step.answers["again_due"])
        recipient.reply_due, told["due"] = due, due.isoformat()
        _run(step.session, step.duty, due, str(len(step.duty.clocks) + 1), step.now)
    else:
        recipient.reply_accepted_at = step.now
        step.duty.state, step.duty.done_at = DutyState.DONE, step.now
    record(step.session, name, by=step.by, now=step.now, **told)
    _tell(step, name, recipient.organisation_id, _DESKS)
    return {}


def _tell(step: Handing, name: EventName, unit: int, roles: tuple[Role, ...]) -> None:
    recipient = recipient_of(step.session, step.duty)
    told = {"number": recipient.notice.number, "notice": recipient.notice_id}
    tell_desk(step.session, name, unit, roles, case=None, now=step.now, **told)


def end_for(session: Session, notice: Notice, *, now: datetime) -> None:
    """Nobody has to sign for a notice that was taken back, or answer it: what is still open ends,
    what was handed in stays, and who was waited for is told."""
    for recipient in notice.recipients:
        duty = recipient.reply_duty
        if duty is None or duty.state is DutyState.DONE:
            continue
        _tell_ended(session, notice, recipient.organisation, "reply", now)
        running = select(Process).where(
            Process.duty_id == duty.id, Process.status == ProcessState.RUNNING
        )
        for process in session.scalars(running):
            engine.cancel(process, now=now)
        for clock in duty.clocks:
            clock.next_reminder_at = None
        duty.state, duty.done_at = DutyState.DONE, now
    _end_receipts(session, notice, now)


def _end_receipts(session: Session, notice: Notice, now: datetime) -> None:
    """The steps of signing for it that are open. Not those of a later notice of the same case."""
    of_same = (
        Notice.case_id == notice.case_id,
        Notice.duty_id == notice.duty_id,
    )
    if session.scalar(select(Notice.id).where(*of_same, Notice.id > notice.id).limit(1)):
        return
    waiting = select(Task).where(
        Task.case_id == notice.case_id,
        Task.duty_id == notice.duty_id,
        Task.form.like("notice_receipt.v%"),
        Task.state == TaskState.OPEN,
    )
    for task in session.scalars(waiting.order_by(Task.id)).all():
        session.get_one(Process, task.process_id, with_for_update=True, populate_existing=True)
        host = host_of(session, task, now)
        engine.complete(session, task, {}, host, now=now, state=TaskState.CANCELLED)
        if task.organisation is not None:
            _tell_ended(session, notice, task.organisation, "receipt", now)


def _tell_ended(
    session: Session, notice: Notice, unit: Organisation, what: str, now: datetime
) -> None:
    told: dict[str, Any] = {"number": notice.number, "notice": notice.id}
    record(
        session,
        EventName.NOTICE_ENDED,
        case=notice.case,
        now=now,
        unit=unit.short_name,
        what=what,
        **told,
    )
    tell_desk(session, EventName.NOTICE_ENDED, unit.id, _DESKS, case=None, now=now, **told)
