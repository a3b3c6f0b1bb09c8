"""The province's conclusion, reviewed outside this system: the city's desk enters it as it was
received, after the city's own, and a mistake is put right by a further entry with its reason."""

from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Case,
    Conclusion,
    Document,
    ItemSource,
    Level,
    Rectification,
    RegionLevel,
)
from workflows import differences, mappings, surroundings
from workflows.actions.tasks import InvalidAnswers, handed_in, keep_document
from workflows.events import EventName, record
from workflows.forms import check, load
from workflows.forms.checks import Known
from workflows.forms.comparison import Part, changed, reason
from workflows.forms.spec import Answers
from workflows.kinds import CARDED
from workflows.permissions import Forbidden, may

FORM = "province_conclusion.v1"
_ZONE = ZoneInfo("Asia/Shanghai")


def enters(by: Appointment) -> bool:
    """Whether what the province has written comes to this desk: that of the city's commission."""
    return may(by, "province:enter") and by.organisation.level is RegionLevel.CITY


def may_enter(session: Session, case: Case, by: Appointment) -> bool:
    """The desk of the city's commission, once the city has concluded. Of a case they may open."""
    ours = enters(by)
    carded = case.kind in CARDED
    return ours and carded and entered(session, case, Level.CITY) is not None


def entered(session: Session, case: Case, level: Level = Level.PROVINCE) -> Conclusion | None:
    """What a level concluded."""
    return session.scalars(
        select(Conclusion).where(Conclusion.case_id == case.id, Conclusion.level == level)
    ).one_or_none()


def found(session: Session, case: Case) -> list[tuple[Answers, Rectification | None]]:
    """The problems of the province's paper, in order, each with the ledger item that was entered
    in its words, if there is one."""
    row = entered(session, case)
    rows: list[Answers] = list(row.document.answers.get("problems") or ()) if row else []
    items = session.scalars(
        select(Rectification)
        .where(
            Rectification.source == ItemSource.REVIEW,
            Rectification.case_id.is_(None),
            Rectification.problem.in_([each["text"] for each in rows]),
        )
        .order_by(Rectification.id)
    )
    by_words = {item.problem: item for item in items}
    return [(each, by_words.get(each["text"])) for each in rows]


def known(session: Session, case: Case, *, by: Appointment, now: datetime) -> Known:
    """What the sheet is checked against: the case, and what the city concluded."""
    around = surroundings.known(session, case, None, by=by, now=now)
    below = differences.answers_below(session, case, Level.PROVINCE)
    return replace(around, case={**around.case, "lower": below})


def enter(
    session: Session, case: Case, answers: Answers, *, key: str, by: Appointment, now: datetime
) -> Document:
    """Enter it, or put an entry right. The same `key` again returns the first document.

    The day of the conclusion is that of the province's paper. Raises Forbidden, InvalidAnswers.
    """
    if not may_enter(session, case, by):
        raise Forbidden(case.id)
    session.get_one(Case, case.id, with_for_update=True)
    if (made := handed_in(session, by, key)) is not None:
        return made
    form = load.load(FORM)
    errors = check.check(form, answers, now=now, known=known(session, case, by=by, now=now))
    before = entered(session, case)
    if before is not None and not answers.get("correction_reason"):
        errors["correction_reason"] = ["已经登记过，更正须写明理由"]
    if errors:
        raise InvalidAnswers(errors)
    document = keep_document(
        session,
        Document(
            case_id=case.id,
            form=form.name,
            edition=_edition(session, case),
            answers=answers,
            author_id=by.user_id,
            appointment_id=by.id,
            submitted_at=now,
            key=key,
        ),
        form,
    )
    _conclude(session, case, document, before)
    record(
        session,
        EventName.CONCLUSION_RECEIVED,
        case=case,
        by=by,
        now=now,
        level=Level.PROVINCE.value,
        edition=document.edition,
    )
    return document


def _edition(session: Session, case: Case) -> int:
    """One more than there are."""
    query = select(func.count()).where(Document.case_id == case.id, Document.form == FORM)
    return (session.scalar(query) or 0) + 1


def _conclude(
    session: Session, case: Case, document: Document, before: Conclusion | None
) -> Conclusion:
    answers = document.answers
    below = differences.answers_below(session, case, Level.PROVINCE) or {}
    row = before or Conclusion(
        case=case, level=Level.PROVINCE, mapping=mappings.in_force(session, case)
    )
    row.document, row.code, row.votes = document, answers["conclusion"], {}
    row.factors = list(answers.get("major_factors") or [])
    row.difference = reason(answers, Part.CONCLUSION) or None
    row.changes = [part.value for part in changed(below, answers)]
    day = date.fromisoformat(answers["doc_date"])
    row.signed_at = datetime.combine(day, time(), tzinfo=_ZONE)
    session.add(row)
    session.flush()
    return row
