"""Notices of their own: an interview made known, what was done well, plain work, one taken back.

Begun at a commission's desk, each as a duty of the commission on an occasion, known by its draft
number; drafted, checked, issued by the leader, signed for (process `notice`). Knows no page.
"""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Document,
    Duty,
    DutyKind,
    DutyState,
    Notice,
    NoticeKind,
    Organisation,
)
from models.base import begins
from workflows import engine
from workflows.actions.tasks import Handing, InvalidAnswers
from workflows.desks import on_duty
from workflows.duties import ZONE
from workflows.engine import Flags
from workflows.events import EventName, of, record
from workflows.permissions import require
from workflows.services import DutyHost

OWN = (NoticeKind.INTERVIEW, NoticeKind.COMMENDATION, NoticeKind.WORK)


class NotRecallable(Exception):
    """Not ours, not issued, taken back already or about to be, or itself a recall."""


def begin(
    session: Session,
    kind: NoticeKind,
    *,
    by: Appointment,
    now: datetime,
    interview: str = "",
) -> Duty:
    """Begin to draft a notice of its own. `interview`: the number of one that it makes known.

    Raises Forbidden, ValueError for a kind that is none.
    """
    if kind not in OWN or (interview and kind is not NoticeKind.INTERVIEW):
        raise ValueError(kind)
    require(by, "notice:draft")
    content: dict[str, str | int] = {"kind": kind.value}
    if interview:
        content["interview"] = interview
    return _begin(session, content, by, now)


def begin_decided(session: Session, number: str, *, by: Appointment, now: datetime) -> Duty:
    """What the leader of a commission has decided to make known (通报): its desk drafts it, and it
    names the number of the decision."""
    return _begin(session, {"kind": NoticeKind.INTERVIEW.value, "interview": number}, by, now)


def begin_recall(session: Session, notice: Notice, *, by: Appointment, now: datetime) -> Duty:
    """Begin to take an issued notice back: by a new one, which all its recipients get.

    The one taken back stays as it is. Raises Forbidden, NotRecallable.
    """
    session.get_one(Notice, notice.id, with_for_update=True)
    if not may_recall(session, notice, by):
        raise NotRecallable(notice.id)
    require(by, "notice:draft")
    return _begin(session, {"kind": NoticeKind.RECALL.value, "recalls": notice.id}, by, now)


def may_recall(session: Session, notice: Notice, by: Appointment) -> bool:
    """Whether somebody of the unit that issued it may begin to take it back now."""
    ours = notice.organisation_id == by.organisation_id and notice.issued_at is not None
    if not ours or notice.kind is NoticeKind.RECALL or notice.recalled_by is not None:
        return False
    return recall_under_way(session, notice) is None


def recall_under_way(session: Session, notice: Notice) -> Duty | None:
    """The duty under which a notice is about to be taken back."""
    begun = select(Duty).where(
        Duty.kind == DutyKind.NOTICE,
        Duty.organisation_id == notice.organisation_id,
        Duty.state == DutyState.OPEN,
        Duty.content["recalls"].as_integer() == notice.id,
    )
    return session.scalars(begun.limit(1)).one_or_none()


def _begin(session: Session, content: dict[str, str | int], by: Appointment, now: datetime) -> Duty:
    day = now.astimezone(ZONE).date()
    duty = Duty(
        kind=DutyKind.NOTICE,
        organisation=by.organisation,
        region_code=by.organisation.region_code,
        starts_on=day,
        ends_on=day,
        occasion=_number(session, by.organisation_id, day.year),
        rule={},
        content=content,
        opened_at=now,
    )
    session.add(duty)
    session.flush()
    number = duty.occasion
    record(session, EventName.NOTICE_BEGUN, by=by, now=now, number=number, **of(duty))
    engine.start(session, duty, "notice", {}, DutyHost(session, duty, now), now=now)
    return duty


def _number(session: Session, organisation_id: int, year: int) -> str:
    """拟稿号 of the unit and year. One after the other: none comes twice."""
    session.get_one(Organisation, organisation_id, with_for_update=True)
    start = f"TB-{year}-"
    count = select(func.count()).where(
        Duty.kind == DutyKind.NOTICE,
        Duty.organisation_id == organisation_id,
        begins(Duty.occasion, start),
    )
    return f"{start}{(session.scalar(count) or 0) + 1:03d}"


def check_letter(step: Handing) -> Flags:
    """核稿: passed on to the leader, or back to the drafter. By somebody other than the drafter,
    where the desk has another person today."""
    if _drafter(step) == step.by.user_id and _has_another(step):
        raise InvalidAnswers({"": ["拟稿人不能核自己的稿，请由本单位另一位经办人核稿"]})
    passed = step.answers["check_decision"] == "pass"
    name = EventName.NOTICE_CHECKED if passed else EventName.NOTICE_RETURNED
    record(step.session, name, by=step.by, now=step.now, **of(step.about))
    return {}


def _drafter(step: Handing) -> int | None:
    query = (
        select(Document.author_id)
        .where(Document.duty_id == step.duty.id, Document.form.like("letter.v%"))
        .order_by(Document.id.desc())
        .limit(1)
    )
    return step.session.scalars(query).one_or_none()


def _has_another(step: Handing) -> bool:
    desk = on_duty(step.by.organisation_id, step.now).where(
        Appointment.role == step.by.role, Appointment.user_id != step.by.user_id
    )
    return step.session.scalars(desk.limit(1)).first() is not None
