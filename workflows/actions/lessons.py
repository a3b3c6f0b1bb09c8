"""Lessons are drafted, published by another person after the small-cell check, withdrawn (B08)."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Case,
    Lesson,
    LessonKind,
    LessonState,
    OrganisationKind,
    Rectification,
    Region,
    Role,
)
from models.base import begins
from workflows import lessons, places
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName, record
from workflows.icd10 import group_titles
from workflows.notifications import tell, tell_desk
from workflows.permissions import Forbidden, require
from workflows.rules import day_of

_TEXTS = {  # name: words, shortest, longest
    "title": ("标题", 5, 80),
    "situation": ("发生了什么", 10, 2000),
    "text": ("经验或教训", 10, 3000),
    "advice": ("建议做法", 5, 3000),
}
_CODES = {
    "area": {"care", "medical", "management"},
    "scope": {"general", "specific"},
    "problem_kind": {"", "management", "resource", "technique"},
}
Said = Mapping[str, str]
_PUBLISHERS = (Role.COMMISSION, Role.COMMISSION_LEADER, Role.MCH)


class NotReady(Exception):
    """No lesson may be drawn yet: nothing is concluded."""


class Settled(Exception):
    """It is published or withdrawn already."""


def draft(
    session: Session,
    case: Case,
    said: Said,
    cells: list[str],
    *,
    item: Rectification | None = None,
    by: Appointment,
    now: datetime,
) -> Lesson:
    """Begin a lesson from a case one may open. Raises Forbidden, NotReady, InvalidAnswers."""
    require(by, "lesson:draft")
    if not lessons.is_ready(session, case):
        raise NotReady(case.id)
    lesson = Lesson(
        number=_next_number(session, case.city_code, day_of(now).year),
        kind=LessonKind.LESSON,
        city_code=case.city_code,
        organisation_id=by.organisation_id,
        case=case,
        item=item,
        author_id=by.user_id,
        drafted_at=now,
    )
    _write(lesson, said, cells)
    session.add(lesson)
    session.flush()
    _record(session, lesson, EventName.LESSON_DRAFTED, by, now)
    _tell_publishers(session, lesson, by, now)
    return lesson


def rewrite(
    session: Session,
    lesson: Lesson,
    said: Said,
    cells: list[str],
    *,
    by: Appointment,
    now: datetime,
) -> None:
    """Change a draft of one's own unit. Raises Forbidden, Settled, InvalidAnswers."""
    require(by, "lesson:draft")
    if lesson.organisation_id != by.organisation_id:
        raise Forbidden(lesson.id)
    if lesson.state is not LessonState.DRAFT:
        raise Settled(lesson.id)
    _write(lesson, said, cells)
    lesson.author_id, lesson.drafted_at, lesson.returned = by.user_id, now, None
    _record(session, lesson, EventName.LESSON_DRAFTED, by, now)
    _tell_publishers(session, lesson, by, now)


def publish(
    session: Session, lesson: Lesson, reason: str, *, by: Appointment, now: datetime
) -> None:
    """Make it readable to all units of the city.

    Names, numbers, addresses, units, their people and days of the case's course must be out of it;
    a small count may stay with a reason. Raises Forbidden, Settled, InvalidAnswers.
    """
    _require_publisher(session, lesson, by)
    found = lessons.risks(session, lesson.case, lessons.words_of(lesson))
    named = list(dict.fromkeys(risk.words for risk in found if risk.what is not None))
    if named:
        words = "」「".join(named)
        raise InvalidAnswers(
            {"reason": [f"正文里的「{words}」可能让人认出当事人或机构，请退回改写"]}
        )
    reason = reason.strip()
    if found and not 5 <= len(reason) <= 500:
        counts = "」「".join(dict.fromkeys(risk.words for risk in found))
        raise InvalidAnswers({"reason": [f"写明了「{counts}」，例数太小；确需保留的，写明理由"]})
    lesson.kept_reason = reason if found else None
    lesson.state, lesson.published_at = LessonState.PUBLISHED, now
    lesson.published_by_id = by.user_id
    _record(session, lesson, EventName.LESSON_PUBLISHED, by, now)
    _tell_author(session, lesson, EventName.LESSON_PUBLISHED, now)


def give_back(
    session: Session, lesson: Lesson, reason: str, *, by: Appointment, now: datetime
) -> None:
    """The author writes it anew. Raises Forbidden, Settled, InvalidAnswers."""
    _require_publisher(session, lesson, by)
    lesson.returned = _reason(reason, "退回的理由")
    _record(session, lesson, EventName.LESSON_RETURNED, by, now)
    _tell_author(session, lesson, EventName.LESSON_RETURNED, now)


def withdraw(
    session: Session, lesson: Lesson, reason: str, *, by: Appointment, now: datetime
) -> None:
    """Take it out of the library; what was said and why it went stays on record. Raises Forbidden,
    Settled, InvalidAnswers."""
    require(by, "lesson:publish")
    if lesson.organisation.region_code not in lessons.areas(session, by):
        raise Forbidden(lesson.id)
    if lesson.state is not LessonState.PUBLISHED:
        raise Settled(lesson.id)
    lesson.withdrawn_reason = _reason(reason, "撤下的理由")
    lesson.state, lesson.withdrawn_at = LessonState.WITHDRAWN, now
    lesson.withdrawn_by_id = by.user_id
    _record(session, lesson, EventName.LESSON_WITHDRAWN, by, now)
    _tell_author(session, lesson, EventName.LESSON_WITHDRAWN, now)


def _require_publisher(session: Session, lesson: Lesson, by: Appointment) -> None:
    if not lessons.may_publish(lesson, by, lessons.areas(session, by)):
        raise Forbidden(lesson.id)
    if lesson.state is not LessonState.DRAFT:
        raise Settled(lesson.id)


def _reason(text: str, words: str) -> str:
    text = text.strip()
    if not 5 <= len(text) <= 500:
        raise InvalidAnswers({"reason": [f"写明{words}，5 至 500 字"]})
    return text


def _write(lesson: Lesson, said: Said, cells: list[str]) -> None:
    errors = _faults(said, cells)
    if errors:
        raise InvalidAnswers(errors)
    lesson.kind = LessonKind(said["kind"])
    for name in _TEXTS:
        setattr(lesson, name, said[name].strip())
    lesson.area, lesson.scope = said["area"], said["scope"]
    lesson.problem_kind = said.get("problem_kind") or None
    lesson.cause_group = said.get("cause_group") or None
    lesson.cells = "," + "".join(f"{cell}," for cell in sorted({int(each) for each in cells}))


def _faults(said: Said, cells: list[str]) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    for name, (words, least, most) in _TEXTS.items():
        if not least <= len(said.get(name, "").strip()) <= most:
            errors[name] = [f"{words}写 {least} 至 {most} 字"]
    if said.get("kind") not in list(LessonKind):
        errors["kind"] = ["选择是教训还是经验做法"]
    for name, codes in _CODES.items():
        if said.get(name, "") not in codes:
            errors[name] = ["选择分类"]
    if not all(cell.isdigit() and 1 <= int(cell) <= 12 for cell in cells):
        errors["cells"] = ["十二格填 1 至 12"]
    group = said.get("cause_group", "")
    if group and group not in group_titles():
        errors["cause_group"] = ["选择死因分类"]
    return errors


def _next_number(session: Session, city_code: str, year: int) -> str:
    """Numbered by city, not by county: a number must not tell where she died."""
    session.scalars(select(Region).where(Region.code == city_code).with_for_update()).one()
    start = f"JY-{city_code}-{year}-"
    count = select(func.count()).where(begins(Lesson.number, start))
    return f"{start}{(session.scalar(count) or 0) + 1:04d}"


def _record(
    session: Session, lesson: Lesson, name: EventName, by: Appointment, now: datetime
) -> None:
    told = {"lesson": lesson.id, "number": lesson.number}
    record(session, name, case=lesson.case, by=by, now=now, **told)


def _tell_author(session: Session, lesson: Lesson, name: EventName, now: datetime) -> None:
    told = {"lesson": lesson.id, "title": lesson.number}
    tell(session, name, lesson.author_id, case=None, now=now, **told)


def _tell_publishers(session: Session, lesson: Lesson, by: Appointment, now: datetime) -> None:
    told = {"lesson": lesson.id, "title": lesson.number}
    here = by.organisation
    beside = places.unit_at(session, here.region_code, OrganisationKind.COMMISSION, here.level)
    for unit in dict.fromkeys((here.id, beside.id if beside else here.id)):
        tell_desk(session, EventName.LESSON_DRAFTED, unit, _PUBLISHERS, case=None, now=now, **told)
