"""A newborn's case and its mother's: found by number within what somebody may see, told both ways.

Two cases, each counted in its own kind: the link says only that they belong together. Reads rows,
changes nothing, knows no page.
"""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models import Appointment, Case, CaseKind, CaseState
from workflows.permissions import visible_cases

_OF_MOTHERS = (CaseKind.MATERNAL_DEATH, CaseKind.MATERNAL_NEARMISS)


def mother(session: Session, by: Appointment, number: str) -> Case | None:
    """The mother's case of that number, if this person may open it and it was not voided."""
    query = visible_cases(by).where(
        Case.number == number.strip(), Case.kind.in_(_OF_MOTHERS), Case.state != CaseState.VOIDED
    )
    return session.scalars(query).one_or_none()


def can_name_mother(session: Session, by: Appointment, number: str) -> bool:
    """Whether that number is of a mother's case that this person may open."""
    return mother(session, by, number) is not None


def children(by: Appointment, case: Case) -> Select[Case]:
    """The newborns of a mother's case that this person may open, the first born first."""
    return (
        visible_cases(by)
        .where(Case.mother_id == case.id, Case.state != CaseState.VOIDED)
        .order_by(Case.born_at, Case.id)
    )


def siblings(by: Appointment, case: Case) -> Select[Case]:
    """Newborns of the same mother's case, this one left out."""
    same = select(Case.mother_id).where(Case.id == case.id, Case.mother_id.is_not(None))
    return (
        visible_cases(by)
        .where(Case.mother_id.in_(same), Case.id != case.id, Case.state != CaseState.VOIDED)
        .order_by(Case.born_at, Case.id)
    )
