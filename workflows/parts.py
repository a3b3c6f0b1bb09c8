"""Which parts in cases are settled: whoever looks for what is open or runs passes them by.

Said in the transaction in which a case ends, and taken back in the one in which a limit of it
starts again. It is never said of a case that has not ended or of a limit that runs: an end waits
for whoever is starting a limit of the case, and a start that waited for the end sees what it said.
Knows no page.
"""

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, exists, or_, select, update
from sqlalchemy.orm import Session

from models import Case, CaseState, CaseUnit, Clock
from models.case import ENDED


def _runs(case_id: SQLColumnExpression[int] | int) -> ColumnElement[bool]:
    return exists().where(Clock.case_id == case_id, Clock.met_at.is_(None))


def end(session: Session, case: Case) -> None:
    """To be called when the case has ended. Limits of a voided case are over with it."""
    session.flush()
    # Whoever has a new limit of the case holds its row by the key, and is waited for
    session.execute(select(Case.id).where(Case.id == case.id).with_for_update())
    idle = [] if case.state is CaseState.VOIDED else [~_runs(case.id)]
    parts = update(CaseUnit).where(CaseUnit.case_id == case.id, *idle)
    session.execute(parts.values(settled=True), execution_options=_UNSYNCHRONISED)


def go_on(session: Session, case: Case) -> None:
    """To be called when a limit of a case has been written, whatever is known of its end: another
    may have just ended it."""
    parts = update(CaseUnit).where(CaseUnit.case_id == case.id, CaseUnit.settled.is_(True))
    session.execute(parts.values(settled=False), execution_options=_UNSYNCHRONISED)


_UNSYNCHRONISED = {"synchronize_session": False}  # nobody reads the mark from a loaded row


def passed_by() -> Select[int]:
    """Cases that are said to be settled and are not, counted anew: there may be none."""
    open_still = or_(Case.state.not_in(ENDED), (Case.state != CaseState.VOIDED) & _runs(Case.id))
    settled = exists().where(CaseUnit.case_id == Case.id, CaseUnit.settled.is_(True))
    return select(Case.id).where(settled, open_still)
