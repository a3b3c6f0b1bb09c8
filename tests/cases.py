"""Cases for tests: reported by the same action as in life."""

from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, Case, Task
from workflows.actions.cases import open_case
from workflows.demo import answers


def report(
    session: Session,
    by: Appointment,
    now: datetime,
    after: timedelta = timedelta(hours=1),
    **over: object,
) -> Case:
    """A case reported `after` the death; committed."""
    said = answers.report(now - after, organisation=by.organisation_id, **over)
    case = open_case(session, said, key=str(uuid4()), by=by, now=now)
    session.commit()
    return case


def step(session: Session, case: Case, bpmn_id: str) -> Task:
    """The newest step of that kind in the case."""
    return session.scalars(
        select(Task)
        .where(Task.case_id == case.id, Task.bpmn_id == bpmn_id)
        .order_by(Task.id.desc())
        .limit(1)
    ).one()
