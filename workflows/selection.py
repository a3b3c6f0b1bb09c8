"""At which levels a case is reviewed: all that the rules name, or those that the commission chose.

Reads rows, changes nothing.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Case, Document, Level
from workflows import kinds
from workflows.forms.spec import Answers
from workflows.frozen import rules_of

CHOICE = "review_selection"


def levels(session: Session, case: Case) -> list[str]:
    """Codes of the levels, from below upwards; none while nobody has chosen or for a case that is
    not reviewed."""
    if kinds.of(case).selected:
        chosen = newest(session, case).get("select_decision")
        return [level.value for level in Level if level.value == chosen]
    if kinds.of(case).upward:
        said = newest(session, case, "notice").get("select_decision")
        return [Level.COUNTY.value, *([Level.CITY.value] if said == Level.CITY else [])]
    rule = rules_of(case).find("review.levels")
    return list(rule.codes if rule and rule.codes else (Level.COUNTY.value,))


def newest(session: Session, case: Case, form: str = CHOICE) -> Answers:
    """What the commission said last about reviewing the case, on that sheet; or nothing yet."""
    query = select(Document.answers).where(
        Document.case_id == case.id, Document.form.like(f"{form}.v%")
    )
    return session.scalars(query.order_by(Document.id.desc()).limit(1)).first() or {}
