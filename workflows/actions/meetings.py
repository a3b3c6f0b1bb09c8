"""The meeting of a panel: planned by its secretary, attended under each member's own account, left
by those who treated her before the vote; and the members' signatures under what it concluded."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models import (
    Appointment,
    Attendance,
    Guest,
    Meeting,
    MeetingMode,
    Organisation,
    Panel,
    Role,
    Signature,
    TieBreak,
)
from workflows import meetings
from workflows.actions.seats import lock, seat_of
from workflows.actions.tasks import Handing, InvalidAnswers
from workflows.engine import Flags
from workflows.events import EventName, record
from workflows.forms.checks.review import VOTES
from workflows.forms.load import latest
from workflows.permissions import Forbidden
from workflows.surroundings import panel_of

LONGEST_AGENDA, LONGEST_PLACE, LONGEST_NAME = 2000, 100, 50
SHORTEST_REASON, LONGEST_REASON = 10, 2000


class NotNow(Exception):
    """Nobody signs in, comes or leaves: the opinions are not opened, it is another day, or the
    conclusion has been written."""


def open_meeting(panel: Panel, planned: datetime, mode: str, place: str) -> Meeting:
    """The meeting of a panel that is being appointed."""
    return Meeting(
        panel=panel,
        held_at=planned,
        mode=MeetingMode(mode),
        place=place,
        agenda="\n".join(meetings.AGENDA),
    )


def plan(
    session: Session,
    meeting: Meeting,
    *,
    held_at: datetime | None,
    mode: str,
    place: str,
    agenda: str,
    by: Appointment,
    now: datetime,
) -> None:
    """When, where and what about. Raises Forbidden, NotNow, InvalidAnswers."""
    _require_secretary(meeting.panel, by)
    place, agenda = place.strip(), agenda.strip()
    errors: dict[str, list[str]] = {}
    if held_at is None:
        errors["held_at"] = ["填写会议时间"]
    if mode not in list(MeetingMode):
        errors["mode"] = ["选择方式"]
    elif mode != MeetingMode.ONLINE and not 0 < len(place) <= LONGEST_PLACE:
        errors["place"] = [f"填写地点，不超过 {LONGEST_PLACE} 字"]
    if not 0 < len(agenda) <= LONGEST_AGENDA:
        errors["agenda"] = [f"一行一项，不超过 {LONGEST_AGENDA} 字"]
    if errors or held_at is None:
        raise InvalidAnswers(errors)
    _lock(session, meeting)
    if meeting.attendance or _is_over(session, meeting):
        raise NotNow(meeting.id)
    meeting.held_at, meeting.mode = held_at, MeetingMode(mode)
    meeting.place, meeting.agenda = place, agenda
    _record(session, EventName.MEETING_PLANNED, meeting, by, now)


def sign_in(session: Session, meeting: Meeting, *, by: Appointment, now: datetime) -> None:
    """A member is there. Twice is once. Raises Forbidden, NotNow."""
    member = seat_of(meeting.panel, by)
    if member is None or not member.reads:
        raise Forbidden(meeting.panel_id)
    _lock(session, meeting)
    _require_now(session, meeting, now)
    if member.id not in meetings.present(meeting):
        session.add(Attendance(meeting=meeting, member=member, at=now))
        _record(session, EventName.MEETING_ATTENDED, meeting, by, now, member=member.user_id)


def receive(
    session: Session,
    meeting: Meeting,
    *,
    name: str,
    organisation_id: int | None,
    title: str,
    by: Appointment,
    now: datetime,
) -> Guest:
    """Somebody who treated her has come to explain. Raises Forbidden, NotNow, InvalidAnswers."""
    _require_secretary(meeting.panel, by)
    errors: dict[str, list[str]] = {}
    if not 0 < len(name.strip()) <= LONGEST_NAME:
        errors["name"] = ["填写姓名"]
    unit = session.get(Organisation, organisation_id) if organisation_id else None
    if unit is None or not unit.active:
        errors["organisation"] = ["选择单位"]
    if title not in titles():
        errors["title"] = ["选择职称"]
    if errors or unit is None:
        raise InvalidAnswers(errors)
    _lock(session, meeting)
    _require_now(session, meeting, now)
    guest = Guest(
        meeting=meeting, name=name.strip(), organisation_id=unit.id, title=title, came_at=now
    )
    session.add(guest)
    session.flush()
    _record(session, EventName.GUEST_CAME, meeting, by, now, guest=guest.id)
    return guest


def dismiss(session: Session, guest: Guest, *, by: Appointment, now: datetime) -> None:
    """They have left, before the vote. Once. Raises Forbidden, NotNow."""
    _require_secretary(guest.meeting.panel, by)
    _lock(session, guest.meeting)
    if guest.left_at is not None:
        return
    if _is_over(session, guest.meeting):
        raise NotNow(guest.id)
    guest.left_at = now
    _record(session, EventName.GUEST_LEFT, guest.meeting, by, now, guest=guest.id)


def break_tie(
    session: Session, meeting: Meeting, *, code: str, reason: str, by: Appointment, now: datetime
) -> TieBreak:
    """The chair decides between conclusions with as many votes, from the day of the meeting until
    its sheet is handed in, when nobody who treated her is in the room. Raises Forbidden, NotNow,
    InvalidAnswers ("code", "tie_reason").
    """
    if not is_chair(meeting.panel, by):
        raise Forbidden(meeting.panel_id)
    errors: dict[str, list[str]] = {}
    if code not in VOTES:
        errors["code"] = ["选择裁定的结论"]
    if not SHORTEST_REASON <= len(reason.strip()) <= LONGEST_REASON:
        errors["tie_reason"] = [f"写明裁定的理由，{SHORTEST_REASON} 至 {LONGEST_REASON} 字"]
    if errors:
        raise InvalidAnswers(errors)
    _lock(session, meeting)
    if not meetings.may_vote(session, meeting, now):
        raise NotNow(meeting.id)
    made = TieBreak(
        panel=meeting.panel, chair_id=by.user_id, code=code, reason=reason.strip(), decided_at=now
    )
    session.add(made)
    _record(session, EventName.TIE_BROKEN, meeting, by, now)
    return made


def titles() -> dict[str, str]:
    """Codes and words of what treating staff may be."""
    field = next(f for f in latest("in_hospital_discussion").fields() if f.name == "attendees")
    choices = next(part for part in field.fields if part.name == "title").choices
    return {choice.code: choice.label for choice in choices}


def sign_conclusion(step: Handing) -> Flags:
    """One member's signature under the sheet that the chair has signed; whoever gave up their seat
    meanwhile signs no more."""
    panel = panel_of(step.session, step.task)
    member = seat_of(panel, step.by) if panel is not None else None
    sheet = meetings.sheet_of(step.session, step.case, step.task.level or "")
    if panel is None or member is None or not member.reads or sheet is None:
        raise Forbidden(step.task.id)
    step.session.add(
        Signature(
            panel=panel,
            member=member,
            sheet=sheet,
            document=step.document,
            reserved=step.answers.get("reserved_view"),
            signed_at=step.now,
        )
    )
    return {}


def is_secretary(panel: Panel, by: Appointment) -> bool:
    """Whether one serves the panel, acting as its secretary."""
    return by.role is Role.SECRETARY and by.user_id == panel.secretary_id


def is_chair(panel: Panel, by: Appointment) -> bool:
    """Whether one is the panel's chair, and still has the seat."""
    member = seat_of(panel, by)
    return by.user_id == panel.chair_id and member is not None and member.reads


def _require_secretary(panel: Panel, by: Appointment) -> None:
    if not is_secretary(panel, by):
        raise Forbidden(panel.id)


def _lock(session: Session, meeting: Meeting) -> None:
    lock(session, meeting.panel)
    session.refresh(meeting)
    session.expire(meeting, ["attendance", "guests"])


def _is_over(session: Session, meeting: Meeting) -> bool:
    """Its conclusion has been written, and not been sent back."""
    panel = meeting.panel
    written = meetings.sheet_of(session, panel.case, panel.level) is not None
    return written and not meetings.is_open(session, panel)


def _require_now(session: Session, meeting: Meeting, now: datetime) -> None:
    if not meetings.is_open(session, meeting.panel) or not meetings.is_on(meeting, now):
        raise NotNow(meeting.id)


def _record(
    session: Session,
    name: EventName,
    meeting: Meeting,
    by: Appointment,
    now: datetime,
    **data: Any,
) -> None:
    panel = meeting.panel
    record(session, name, case=panel.case, by=by, now=now, level=panel.level.value, **data)
