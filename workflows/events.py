"""The record of what happened: one call, in the transaction of the change itself."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models import Appointment, Case, Duty, Event


class EventName(enum.StrEnum):
    """`noun.past_participle`. Each has a partial under templates/events that says it in Chinese."""

    CASE_REPORTED = "case.reported"
    CASE_FORWARDED = "case.forwarded"
    CASE_SUBMITTED = "case.submitted"
    CASE_RETURNED = "case.returned"
    CASE_ACCEPTED = "case.accepted"
    CASE_FLAGGED = "case.flagged"
    CASE_VOID_REQUESTED = "case.void_requested"
    CASE_VOID_REFUSED = "case.void_refused"
    CASE_VOIDED = "case.voided"
    CASE_CLOSED = "case.closed"
    CASE_READ = "case.read"
    TASK_COMPLETED = "task.completed"
    TASK_CLAIMED = "task.claimed"
    TASK_RELEASED = "task.released"
    TASK_REASSIGNED = "task.reassigned"
    TASK_DELEGATED = "task.delegated"
    TASK_HANDED_BACK = "task.handed_back"
    TASK_RECALLED = "task.recalled"
    TASK_SKIP_ASKED = "task.skip_asked"
    TASK_SKIP_REFUSED = "task.skip_refused"
    TASK_SKIPPED = "task.skipped"
    CASE_SUSPENDED = "case.suspended"
    CASE_RESUMED = "case.resumed"
    CASE_REWOUND = "case.rewound"
    TASK_RANKED = "task.ranked"
    COMMENT_ADDED = "comment.added"
    COMMENT_WITHDRAWN = "comment.withdrawn"
    CASE_WATCHED = "case.watched"
    CASE_UNWATCHED = "case.unwatched"
    CLOCK_STARTED = "clock.started"
    CLOCK_MET = "clock.met"
    CLOCK_REMINDED = "clock.reminded"
    CLOCK_ESCALATED = "clock.escalated"
    TIMER_FIRED = "timer.fired"
    DISCUSSION_RECORDED = "discussion.recorded"
    DISCUSSION_REOPENED = "discussion.reopened"
    EXPERT_CHANGED = "expert.changed"
    GROUP_FORMED = "group.formed"
    GROUP_SEATED = "group.seated"
    GROUP_LEFT = "group.left"
    EMPLOYMENT_ADDED = "employment.added"
    EMPLOYMENT_ENDED = "employment.ended"
    PANEL_APPOINTED = "panel.appointed"
    PANEL_OVERRIDDEN = "panel.overridden"
    MEMBER_DECLARED = "member.declared"
    MEMBER_WITHDRAWN = "member.withdrawn"
    MEMBER_SEATED = "member.seated"
    CHAIR_NAMED = "chair.named"
    COPY_MASKED = "copy.masked"
    COPY_WITHHELD = "copy.withheld"
    OPINION_FILED = "opinion.filed"
    OPINION_REVISED = "opinion.revised"
    OPINIONS_OPENED_EARLY = "opinions.opened_early"
    OPINIONS_OPENED = "opinions.opened"
    MEETING_PLANNED = "meeting.planned"
    MEETING_ATTENDED = "meeting.attended"
    GUEST_CAME = "meeting.guest_came"
    GUEST_LEFT = "meeting.guest_left"
    TIE_BROKEN = "meeting.tie_broken"
    CONCLUSION_DRAFTED = "conclusion.drafted"
    CONCLUSION_RETURNED = "conclusion.returned"
    MAPPING_CONFIRMED = "mapping.confirmed"
    CONCLUSION_SIGNED = "conclusion.signed"
    NOTICE_DRAFTED = "notice.drafted"
    NOTICE_RETURNED = "notice.returned"
    NOTICE_ISSUED = "notice.issued"
    NOTICE_BEGUN = "notice.begun"
    NOTICE_CHECKED = "notice.checked"
    NOTICE_RECALLED = "notice.recalled"
    NOTICE_ENDED = "notice.ended"
    REPLY_ASKED = "reply.asked"
    REPLY_FILED = "reply.filed"
    REPLY_RETURNED = "reply.returned"
    REPLY_ACCEPTED = "reply.accepted"
    NOTICE_CONFIRMED = "notice.confirmed"
    NOTICE_SIGNED = "notice.signed"
    NOTICE_PRINTED = "notice.printed"
    NOTICE_UNPRINTED = "notice.unprinted"
    NOTICE_DOWNLOADED = "notice.downloaded"
    DUTY_OPENED = "duty.opened"
    DUTY_FILED = "duty.filed"
    DUTY_RETURNED = "duty.returned"
    DUTY_DONE = "duty.done"
    DUTY_REMINDED = "duty.reminded"
    ITEM_OPENED = "item.opened"
    ITEM_PLANNED = "item.planned"
    ITEM_PROGRESSED = "item.progressed"
    ITEM_SUBMITTED = "item.submitted"
    ITEM_REJECTED = "item.rejected"
    ITEM_CLOSED = "item.closed"
    ITEM_URGED = "item.urged"
    ITEM_REOPENED = "item.reopened"
    ITEM_EXTENSION_ASKED = "item.extension_asked"
    ITEM_EXTENDED = "item.extended"
    ITEM_EXTENSION_REFUSED = "item.extension_refused"
    ITEM_PRESS_DUE = "item.press_due"
    ITEM_PRESS_AGREED = "item.press_agreed"
    GUIDANCE_ANSWERED = "guidance.answered"
    ITEM_EFFECT_DUE = "item.effect_due"
    ITEM_EFFECT_JUDGED = "item.effect_judged"
    ITEM_MEASURE_ASKED = "item.measure_asked"
    INTERVIEW_PROPOSED = "interview.proposed"
    MOTION_PROPOSED = "motion.proposed"
    MOTION_DECIDED = "motion.decided"
    MEASURE_NOTIFIED = "measure.notified"
    MEASURE_RECEIVED = "measure.received"
    MEASURE_CLOSED = "measure.closed"
    EXPERTS_SENT = "experts.sent"
    SUPERVISION_REPORTED = "supervision.reported"
    INTERVIEW_RECORDED = "interview.recorded"
    INTERVIEW_SIGNED = "interview.signed"
    INTERVIEW_DISPUTED = "interview.disputed"
    INTERVIEW_FILED = "interview.filed"
    INTERVIEW_REGISTERED = "interview.registered"
    ATTACHMENT_READ = "attachment.read"
    DOSSIER_REQUESTED = "dossier.requested"
    DOSSIER_RENDERED = "dossier.rendered"
    DOSSIER_FAILED = "dossier.failed"
    DOSSIER_DOWNLOADED = "dossier.downloaded"
    JOB_FAILED = "job.failed"
    INCIDENT_OPENED = "incident.opened"
    INCIDENT_RETRIED = "incident.retried"
    INCIDENT_DISMISSED = "incident.dismissed"
    INCIDENT_SOLVED = "incident.solved"
    CALENDAR_CHANGED = "calendar.changed"
    HOUSEKEEPING_DONE = "housekeeping.done"
    STATE_EXPORTED = "state.exported"
    SESSION_STARTED = "session.started"
    SESSION_REFUSED = "session.refused"
    SESSION_ENDED = "session.ended"
    ACCOUNT_CREATED = "account.created"
    ACCOUNT_CHANGED = "account.changed"
    ACCOUNT_LOCKED = "account.locked"
    ACCOUNT_UNLOCKED = "account.unlocked"
    APPOINTMENT_ADDED = "appointment.added"
    APPOINTMENT_ENDED = "appointment.ended"
    SUBSTITUTE_ARRANGED = "substitute.arranged"
    SUBSTITUTE_ENDED = "substitute.ended"
    ORGANISATION_ADDED = "organisation.added"
    ORGANISATION_CHANGED = "organisation.changed"
    ZONE_ADDED = "zone.added"
    ZONE_ENDED = "zone.ended"
    DEFINITION_SHIPPED = "definition.shipped"
    DEFINITION_PROPOSED = "definition.proposed"
    DEFINITION_APPROVED = "definition.approved"
    DEFINITION_REJECTED = "definition.rejected"
    DEFINITION_WITHDRAWN = "definition.withdrawn"
    PROCESS_TRANSFERRED = "process.transferred"
    PROCESS_RESTORED = "process.restored"
    LOG_EXPORTED = "log.exported"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - the name of an event


def of(about: Case | Duty) -> dict[str, Any]:
    """What `record` and `tell_desk` are given to say which case or duty it is about."""
    return {"case": about} if isinstance(about, Case) else {"case": None, "duty": about.id}


def record(
    session: Session,
    name: EventName,
    *,
    now: datetime,
    case: Case | None = None,
    by: Appointment | None = None,
    **data: Any,
) -> Event:
    """Add one event. `data`: ids and plain words; never a name, a number of a person, an answer."""
    event = Event(
        case_id=case.id if case else None,
        user_id=by.user_id if by else None,
        appointment_id=by.id if by else None,
        at=now,
        name=name.value,
        data=data,
    )
    session.add(event)
    return event
