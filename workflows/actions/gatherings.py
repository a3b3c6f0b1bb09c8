"""What administrations enter around near-miss reviews: dates, zone meetings, training; and signing
in at a zone meeting."""

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    ReviewDate,
    Training,
    TrainingUnit,
    ZoneAttendance,
    ZoneMeeting,
)
from workflows import gatherings
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName, record
from workflows.permissions import Forbidden, require

_ZONE = ZoneInfo("Asia/Shanghai")
LONGEST = 100  # characters of a place, a title, a document


def plan(session: Session, day: str, *, by: Appointment, now: datetime) -> ReviewDate:
    """A day for near-miss reviews (B07), set by the commission itself: no rule gives an interval.
    Raises Forbidden, InvalidAnswers ("planned_on")."""
    require(by, "gathering:keep")
    on = _day(day, "planned_on")
    row = select(ReviewDate).where(
        ReviewDate.organisation_id == by.organisation_id, ReviewDate.planned_on == on
    )
    if session.scalars(row).one_or_none() is not None:
        raise InvalidAnswers({"planned_on": ["这一天已经列入计划"]})
    made = ReviewDate(
        organisation_id=by.organisation_id, planned_on=on, entered_by_id=by.id, entered_at=now
    )
    session.add(made)
    record(session, EventName.REVIEW_PLANNED, by=by, now=now, day=on.isoformat())
    return made


def meet(
    session: Session,
    centre_id: int,
    day: str,
    place: str,
    panel_id: int | None,
    *,
    by: Appointment,
    now: datetime,
) -> ZoneMeeting:
    """A zone meeting, and which near-miss review is held there as a demonstration (B09). Raises
    Forbidden, InvalidAnswers ("centre", "held_on", "place", "panel")."""
    require(by, "gathering:keep")
    on = _day(day, "held_on")
    if centre_id not in [centre.id for centre in gatherings.centres(session, by)]:
        raise InvalidAnswers({"centre": ["请选择本辖区的市级救治中心"]})
    if panel_id is not None and panel_id not in [
        panel.id for panel in gatherings.demonstrable(session, by)
    ]:
        raise InvalidAnswers({"panel": ["请选择本级组织的危重孕产妇评审"]})
    there = select(ZoneMeeting).where(ZoneMeeting.centre_id == centre_id, ZoneMeeting.held_on == on)
    if session.scalars(there).one_or_none() is not None:
        raise InvalidAnswers({"held_on": ["这个中心这一天的例会已经登记"]})
    meeting = ZoneMeeting(
        centre_id=centre_id,
        held_on=on,
        place=_text(place, "place", "地点"),
        panel_id=panel_id,
        entered_by_id=by.id,
        entered_at=now,
    )
    session.add(meeting)
    session.flush()
    record(session, EventName.ZONE_MET, by=by, now=now, zone_meeting=meeting.id)
    return meeting


def sign_in(
    session: Session, meeting: ZoneMeeting, *, by: Appointment, now: datetime
) -> ZoneAttendance:
    """With one's own account, on the day; again changes nothing. Forbidden for a substitute, and on
    another day."""
    require(by, "gathering:view")
    if by.stands_for_id is not None or meeting.held_on != now.astimezone(_ZONE).date():
        raise Forbidden(meeting.id)
    there = next((row for row in meeting.attendance if row.user_id == by.user_id), None)
    if there is not None:
        return there
    row = ZoneAttendance(
        meeting=meeting, organisation_id=by.organisation_id, user_id=by.user_id, at=now
    )
    session.add(row)
    record(session, EventName.ZONE_ATTENDED, by=by, now=now, zone_meeting=meeting.id)
    return row


def train(
    session: Session,
    title: str,
    document: str,
    day: str,
    came: Mapping[int, int],
    *,
    by: Appointment,
    now: datetime,
) -> Training:
    """Training in the review scheme (B05): held already, with how many came by unit; or of today or
    later, to which people sign in themselves. Raises Forbidden,
    InvalidAnswers ("title", "document", "held_on", "units")."""
    require(by, "gathering:keep")
    on, today = _day(day, "held_on"), now.astimezone(_ZONE).date()
    allowed = {unit.id for unit in gatherings.trainable(session, by)}
    sent = {unit: count for unit, count in came.items() if count > 0}
    if on > today and sent:
        raise InvalidAnswers({"held_on": ["到训人数在培训举行以后登记；签到由本人当天进行"]})
    if (on < today and not sent) or not sent.keys() <= allowed:
        raise InvalidAnswers({"units": ["至少填一个单位的到训人数"]})
    made = Training(
        organisation_id=by.organisation_id,
        title=_text(title, "title", "培训内容"),
        document=_text(document, "document", "学习的文件"),
        held_on=on,
        entered_by_id=by.id,
        entered_at=now,
        units=[TrainingUnit(organisation_id=u, attendees=n) for u, n in sorted(sent.items())],
    )
    session.add(made)
    session.flush()
    record(session, EventName.TRAINING_RECORDED, by=by, now=now, training=made.id)
    return made


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidAnswers({field: ["请填写日期"]}) from None


def _text(text: str, field: str, what: str) -> str:
    said = text.strip()
    if not 2 <= len(said) <= LONGEST:
        raise InvalidAnswers({field: [f"请填写{what}，2 至 {LONGEST} 字"]})
    return said
