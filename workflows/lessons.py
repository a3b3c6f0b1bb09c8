"""经验与教训: who reads which, from which cases one may be drawn, what in one still tells (B08).

A published lesson is read by every unit of the city. From it no way leads back to its case but for
those who may open the case; nor does it say to others which county published it, and when exactly,
because in a county one case is one woman. Who reviews a case anew does not meet lessons drawn from
it before their own panel's opinions are open. Reads rows, changes nothing, knows no page.
"""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Case,
    CaseState,
    Conclusion,
    Document,
    Finding,
    Lesson,
    LessonKind,
    LessonState,
    Rectification,
)
from workflows import kinds, recurrence, small_cells
from workflows.forms.spec import Answers
from workflows.permissions import areas_of, case_scope, may, unread_below
from workflows.small_cells import Risk

TAGS = ("area", "scope", "problem_kind", "cause_group")


def visible(by: Appointment) -> Select[Lesson]:
    """Published lessons of the city; drafts and withdrawn ones of cases one may open, for those who
    draft and publish."""
    here = by.organisation
    city = (here.region_code, here.region.parent_code or here.region_code)
    published = and_(Lesson.state == LessonState.PUBLISHED, Lesson.city_code.in_(city))
    seen: ColumnElement[bool] = published
    if may(by, "lesson:draft") or may(by, "lesson:publish"):
        of_cases = select(Case.id).where(case_scope(by))
        seen = or_(published, Lesson.case_id.in_(of_cases))
    return select(Lesson).where(seen, *(Lesson.case_id.not_in(own) for own in unread_below(by)))


def library(
    by: Appointment,
    *,
    words: str = "",
    kind: str = "",
    case_kind: str = "",
    cell: str = "",
    tags: dict[str, str],
) -> Select[Lesson]:
    """Published lessons that hold all the words and have all the tags; the newest first."""
    query = visible(by).where(Lesson.state == LessonState.PUBLISHED)
    for word in words.split()[:6]:
        texts = (Lesson.title, Lesson.situation, Lesson.text, Lesson.advice)
        query = query.where(or_(*(column.contains(word, autoescape=True) for column in texts)))
    if kind in list(LessonKind):
        query = query.where(Lesson.kind == LessonKind(kind))
    if (of := kinds.known(case_kind)) is not None:
        query = query.where(Lesson.case_id.in_(select(Case.id).where(Case.kind == of.code)))
    if cell.isdigit():
        query = query.where(Lesson.cells.contains(f",{int(cell)},"))
    for name in TAGS:
        if tags.get(name):
            query = query.where(getattr(Lesson, name) == tags[name])
    return query.order_by(Lesson.published_at.desc(), Lesson.id.desc())


def is_ready(session: Session, case: Case) -> bool:
    """Whether a lesson may be drawn: the case is closed, or a conclusion of it is signed."""
    if case.state is CaseState.VOIDED:
        return False
    signed = select(Conclusion.id).where(Conclusion.case_id == case.id)
    return case.state is CaseState.CLOSED or session.scalars(signed.limit(1)).first() is not None


def sources(session: Session, case: Case) -> tuple[list[Finding], list[Rectification]]:
    """What a lesson may be drawn from: the findings of a case, and its ledger items."""
    findings = select(Finding).where(Finding.case_id == case.id).order_by(Finding.id)
    items = recurrence.items_of(case.id).order_by(Rectification.id)
    return list(session.scalars(findings)), list(session.scalars(items))


def cause_group(session: Session, case: Case) -> str | None:
    """The group of the underlying cause that the death card names."""
    answers: Answers | None = session.scalars(
        select(Document.answers)
        .where(Document.case_id == case.id, Document.form.like("case_submission.v%"))
        .order_by(Document.id.desc())
        .limit(1)
    ).first()
    return answers.get("underlying_group") if answers else None


def risks(session: Session, case: Case, texts: Iterable[str]) -> list[Risk]:
    """What in a draft would let somebody recognise her, a hospital, or their people."""
    return small_cells.of_texts(session, case, list(texts))


def words_of(lesson: Lesson) -> list[str]:
    """Everything in it that others read."""
    return [lesson.title, lesson.situation, lesson.text, lesson.advice]


def may_publish(lesson: Lesson, by: Appointment, areas: Iterable[str]) -> bool:
    """Another person than its author, of the same area or the one above. `areas`: one's own."""
    if not may(by, "lesson:publish") or by.user_id == lesson.author_id:
        return False
    return lesson.organisation.region_code in set(areas)


def areas(session: Session, by: Appointment) -> list[str]:
    """One's own area and those below it."""
    return list(session.scalars(areas_of(by)))


def drawn_from(session: Session, case_id: int, by: Appointment) -> list[Lesson]:
    """Lessons of a case that one may open, for its page."""
    query = visible(by).where(Lesson.case_id == case_id)
    return list(session.scalars(query.order_by(Lesson.id)))
