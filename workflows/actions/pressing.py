"""督促整改进度: the guiding rescue centre presses, advises, is reminded of the next day (C07)."""

from datetime import date, datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Case,
    CaseState,
    Press,
    Rectification,
    RectificationState,
    Role,
)
from workflows import pressing
from workflows.actions import reopening
from workflows.actions.reopening import ItemClosed, enter, tell, tell_unit
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName
from workflows.forms.spec import Answers
from workflows.permissions import Forbidden
from workflows.rules import day_of

FARTHEST = timedelta(days=366)
_GUIDES = (Role.QUALITY_OFFICE, Role.HEAD, Role.MCH)
_RESULTS = {"adopted": "采纳", "partly": "部分采纳", "declined": "未采纳"}


def press(
    session: Session,
    item: Rectification,
    *,
    text: str,
    guidance: str = "",
    next_on: date | None = None,
    by: Appointment,
    now: datetime,
) -> Press:
    """Ask after an item, with or without advice on its measure; the owner is told.

    The next day is the one named or, where the place has a number, at the latest that many days
    from now. Raises Forbidden for who does not guide it, ItemClosed, InvalidAnswers.
    """
    _require(item, by)
    text, guidance, today = text.strip(), guidance.strip(), day_of(now)
    errors: dict[str, list[str]] = {}
    if not 5 <= len(text) <= 1000:
        errors["text"] = ["写明督促的内容，5 至 1000 字"]
    if guidance and not 5 <= len(guidance) <= 2000:
        errors["guidance"] = ["指导意见写 5 至 2000 字；没有意见就不填"]
    following, wrong = _following(session, item, next_on, today)
    if wrong:
        errors["next_on"] = [wrong]
    if errors or following is None:
        raise InvalidAnswers(errors)
    row = Press(
        item=item,
        organisation_id=by.organisation_id,
        at=now,
        by_id=by.user_id,
        due_on=item.press_due_on,
        next_on=following,
        progress=item.progress,
        text=text,
        guidance=guidance or None,
    )
    session.add(row)
    item.press_due_on, item.press_reminded_on = following, None
    enter(session, item, "urged", text, by=by, now=now)
    if guidance:
        enter(session, item, "guided", guidance, by=by, now=now)
    tell(session, item, EventName.ITEM_URGED, by=by, now=now)
    reopening.tell_owner(session, item, EventName.ITEM_URGED, now)
    return row


def agree(
    session: Session, item: Rectification, next_on: date | None, *, by: Appointment, now: datetime
) -> None:
    """Name the day on which to press for the first time, where nobody has named one.

    A day that is named stays until it is pressed: late is late. Raises Forbidden, ItemClosed,
    InvalidAnswers.
    """
    _require(item, by)
    if item.press_due_on is not None:
        raise InvalidAnswers({"next_on": [f"已约定 {item.press_due_on} 督促，督促时再定下一次"]})
    following, wrong = _following(session, item, next_on, day_of(now))
    if following is None or wrong:
        raise InvalidAnswers({"next_on": [wrong]})
    item.press_due_on, item.press_reminded_on = following, None
    tell(session, item, EventName.ITEM_PRESS_AGREED, by=by, now=now)


def _require(item: Rectification, by: Appointment) -> None:
    if item.state is RectificationState.CLOSED:
        raise ItemClosed(item.id)
    if not pressing.may_press(item, by):
        raise Forbidden(item.id)


def _following(
    session: Session, item: Rectification, named: date | None, today: date
) -> tuple[date | None, str]:
    """The next day, or what is wrong with the one named."""
    latest = pressing.next_day(session, item.owner_id, item.guide_id, today)
    if named is None:
        return latest, "" if latest else "本地没有规定督促间隔，请约定下次督促日期"
    if named <= today:
        return None, "下次督促日期应在今天以后"
    if named > (latest or today + FARTHEST):
        return None, f"下次督促日期最晚为 {latest or today + FARTHEST}"
    return named, ""


def take_over(session: Session, item: Rectification, answers: Answers, by: Appointment,
              now: datetime) -> None:  # fmt: skip
    """With its progress the owner answers what the centre advised."""
    result, text = answers.get("guidance_result"), answers.get("guidance_answer")
    if not result or not text:
        return
    waiting = pressing.unanswered(item)
    if not waiting:
        return
    for row in waiting:
        row.result, row.answer = result, text
        row.answered_at, row.answered_by_id = now, by.user_id
    enter(session, item, "guidance_answered", f"{_RESULTS[result]}：{text}", by=by, now=now)
    tell(session, item, EventName.GUIDANCE_ANSWERED, by=by, now=now)
    for unit in dict.fromkeys(row.organisation_id for row in waiting):
        tell_unit(session, item, EventName.GUIDANCE_ANSWERED, unit, _GUIDES, now)


# The worker's sweep


def due_items(session: Session, now: datetime, limit: int = 200) -> list[int]:
    """Ids of open items to be pressed today or earlier, of which the guide has not been reminded
    today. An indexed look."""
    today = day_of(now)
    voided = select(Case.id).where(Case.state == CaseState.VOIDED)
    query = (
        select(Rectification.id)
        .where(
            Rectification.press_due_on <= today,
            Rectification.state != RectificationState.CLOSED,
            or_(Rectification.press_reminded_on.is_(None), Rectification.press_reminded_on < today),
            func.coalesce(Rectification.case_id, 0).not_in(voided),
        )
        .order_by(Rectification.press_due_on, Rectification.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def remind(session: Session, item_id: int, now: datetime) -> bool:
    """Remind the guide of one item, on its day and daily after; False if it was done meanwhile.

    The caller commits.
    """
    item = session.get_one(Rectification, item_id, with_for_update=True)
    today = day_of(now)
    done = item.press_reminded_on is not None and item.press_reminded_on >= today
    closed = item.state is RectificationState.CLOSED
    if done or closed or item.press_due_on is None or item.press_due_on > today:
        return False
    item.press_reminded_on = today
    tell(session, item, EventName.ITEM_PRESS_DUE, by=None, now=now)
    if item.guide_id is not None:
        tell_unit(session, item, EventName.ITEM_PRESS_DUE, item.guide_id, _GUIDES, now)
    return True
