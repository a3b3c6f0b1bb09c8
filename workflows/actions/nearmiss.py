"""What follows from the steps of a near miss: its card, the choice of cases for review; and what
happens when she dies after all."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, Case, CaseState, Level, NearMiss, Timing
from workflows import kinds, parts
from workflows.actions.cases import end_processes, open_case
from workflows.actions.reports import file_case
from workflows.actions.tasks import Handing, handed_in
from workflows.engine import Flags
from workflows.events import EventName, record
from workflows.forms.moment import moment
from workflows.forms.spec import Answers
from workflows.permissions import Forbidden, require

_EARLY = timedelta(hours=12)


class NotConvertible(Exception):
    """The near miss is voided, or its death has been reported already."""


def file_nearmiss(step: Handing) -> Flags:
    """The individual case is with county MCH; what it counts by is kept beside it."""
    answers = step.answers
    hits = answers["criteria_hits"]
    first = min(moment(row["first_dt"]) for row in hits)
    admitted = moment(answers["admit_dt"])
    query = select(NearMiss).where(NearMiss.case_id == step.case.id)
    kept = step.session.scalars(query).one_or_none() or NearMiss(case=step.case)
    kept.criteria_set = answers["criteria_set"]
    kept.criteria = sorted({row["code"] for row in hits})
    kept.first_hit_at, kept.admitted_at = first, admitted
    kept.timing, kept.outcome = timing(first, admitted), answers["outcome_mother"]
    step.session.add(kept)
    return file_case(step)


def timing(first_hit: datetime, admitted: datetime) -> Timing:
    """On admission or within 12 hours of it (SMO12), or later."""
    if first_hit <= admitted:
        return Timing.ON_ADMISSION
    return Timing.WITHIN_12H if first_hit <= admitted + _EARLY else Timing.AFTER_12H


def select_review(step: Handing) -> Flags:
    """The commission chooses whether the case is reviewed, and at which level."""
    chosen = step.answers["select_decision"]
    reviewed = chosen in {level.value for level in Level}
    step.case.state = CaseState.IN_REVIEW if reviewed else CaseState.SUBMITTED
    record(
        step.session,
        EventName.REVIEW_SELECTED,
        case=step.case,
        by=step.by,
        now=step.now,
        level=chosen if reviewed else None,
    )
    return {}


def convert(
    session: Session, case: Case, answers: Answers, *, key: str, by: Appointment, now: datetime
) -> Case:
    """She died after all: the death is a case of its own that follows this one, with its own
    clocks; this one ends and is counted no more. The same key again returns the death it made.

    Raises Forbidden, NotConvertible, InvalidAnswers.
    """
    require(by, "case:report")
    if by.organisation_id != case.organisation_id or kinds.of(case).is_death:
        raise Forbidden(case.id)
    session.get_one(Case, case.id, with_for_update=True, populate_existing=True)
    there = following(session, case)
    if case.state is CaseState.VOIDED or (
        there is not None and handed_in(session, by, key) is None
    ):
        raise NotConvertible(case.id)
    death = open_case(session, answers, key=key, by=by, now=now, follows=case)
    if there is not None:
        return death
    death.person.id_no = death.person.id_no or case.person.id_no
    end_processes(session, case, by=by, now=now)
    case.state, case.closed_at = CaseState.CLOSED, case.closed_at or now
    parts.end(session, case)
    record(session, EventName.CASE_CONVERTED, case=case, by=by, now=now, number=death.number)
    return death


def following(session: Session, case: Case) -> Case | None:
    """The death that followed a near miss."""
    return session.scalars(select(Case).where(Case.follows_id == case.id)).one_or_none()
