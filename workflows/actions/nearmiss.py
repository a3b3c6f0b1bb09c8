"""What follows from the steps of a near miss: its card, the choice of cases for review."""

from datetime import datetime, timedelta

from sqlalchemy import select

from models import CaseState, Level, NearMiss, Timing
from workflows.actions.reports import file_case
from workflows.actions.tasks import Handing
from workflows.engine import Flags
from workflows.events import EventName, record
from workflows.forms.moment import moment

_EARLY = timedelta(hours=12)


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
