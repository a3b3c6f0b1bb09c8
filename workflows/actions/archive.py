"""Closing a case. Nothing closes without its report, its reviews, and every ledger item closed."""

from sqlalchemy import func, select

from models import (
    CaseState,
    Conclusion,
    Process,
    ProcessState,
)
from workflows import parts, recurrence, selection
from workflows.actions.tasks import Handing, InvalidAnswers
from workflows.engine import Flags
from workflows.events import EventName, record


def archive_case(step: Handing) -> Flags:
    """One found, one reported, one reviewed (A01), or the case stays open."""
    if missing := _missing(step):
        raise InvalidAnswers({"": [f"还不能归档：{'；'.join(missing)}"]})
    step.case.state, step.case.closed_at = CaseState.CLOSED, step.now
    parts.end(step.session, step.case)
    record(step.session, EventName.CASE_CLOSED, case=step.case, by=step.by, now=step.now)
    return {}


def _missing(step: Handing) -> list[str]:
    reviewed = set(
        step.session.scalars(select(Conclusion.level).where(Conclusion.case_id == step.case.id))
    )
    wanted = selection.levels(step.session, step.case)
    missing = [f"缺{_LEVEL[str(level)]}评审结论" for level in wanted if level not in reviewed]
    still_open = step.session.scalar(
        select(func.count()).select_from(recurrence.open_in(step.case.id).subquery())
    )
    if still_open:
        missing.append(f"还有 {still_open} 项整改未销号")
    beside = select(func.count()).where(
        Process.case_id == step.case.id,
        Process.status.not_in((ProcessState.DONE, ProcessState.CANCELLED)),
        Process.id != step.task.process_id,
    )
    if step.session.scalar(beside):
        missing.append("再次讨论还没有完成")
    return missing


_LEVEL = {"county": "县级", "city": "市级"}
