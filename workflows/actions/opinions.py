"""Sealed opinions: written anew with a reason, and opened by the chair before all are in.

Both only as long as they are sealed. An opinion written after one has read the others' would be
none of one's own; so with the opening the open steps end, and nobody files any more.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models import Appointment, Document, Draft, Opinion, Panel, PanelMember, Role, Task
from workflows import surroundings
from workflows.actions.seats import PanelOpened, check_reason, lock, open_steps, seat_of, steps
from workflows.actions.tasks import InvalidAnswers, handed_in
from workflows.engine import parallel
from workflows.events import EventName, record
from workflows.forms import check, load
from workflows.forms.spec import Answers
from workflows.permissions import Forbidden
from workflows.services import CaseHost


class NotFiled(Exception):
    """One has to file an opinion of one's own first."""


def filed_by(session: Session, panel: Panel, by: Appointment) -> Opinion | None:
    """One's own opinion as it stands, acting as an expert who is seated."""
    member = seat_of(panel, by)
    if member is None or not member.reads:
        return None
    return session.scalars(
        select(Opinion).where(
            Opinion.member_id == member.id,
            Opinion.superseded_at.is_(None),
            Opinion.voided_at.is_(None),
        )
    ).one_or_none()


def may_open(session: Session, panel: Panel, by: Appointment) -> bool:
    """The chair, having filed, while the opinions are sealed. Says nothing of the others'."""
    ours = by.role is Role.EXPERT and panel.chair_id == by.user_id and panel.opened_at is None
    return ours and filed_by(session, panel, by) is not None


def open_early(
    session: Session, panel: Panel, reason: str, *, by: Appointment, now: datetime
) -> None:
    """The chair opens what is in, with a reason that stays on record; who has not filed does not
    any more. Raises Forbidden, PanelOpened, NotFiled, InvalidAnswers ("reason").
    """
    if by.role is not Role.EXPERT or panel.chair_id != by.user_id:
        raise Forbidden(panel.id)
    check_reason(reason, "reason", "写明不等全部意见就启封的原因")
    lock(session, panel)
    waiting = open_steps(session, panel)
    if panel.opened_at is not None or not waiting:
        raise PanelOpened(panel.id)
    if filed_by(session, panel, by) is None:
        raise NotFiled(panel.id)
    panel.opened_reason = reason.strip()
    host = CaseHost(session, panel.case, now)
    for step in waiting:
        session.execute(delete(Draft).where(Draft.place == f"task:{step.id}"))
        parallel.drop(session, step, host, now=now)
    _record(session, EventName.OPINIONS_OPENED_EARLY, panel, by, now)


def revise(
    session: Session,
    panel: Panel,
    answers: Answers,
    reason: str,
    *,
    key: str,
    by: Appointment,
    now: datetime,
) -> Document:
    """One's own opinion written anew while it is sealed; the one before stays on record.

    `key` names the request, as in `complete_task`. Raises Forbidden, PanelOpened, InvalidAnswers.
    """
    lock(session, panel)
    if (before := handed_in(session, by, key)) is not None:
        return before
    if panel.opened_at is not None:
        raise PanelOpened(panel.id)
    opinion = filed_by(session, panel, by)
    if opinion is None:
        raise Forbidden(panel.id)
    form = load.load(opinion.document.form)
    step = _step_of(session, panel, opinion.member)
    known = surroundings.known(session, panel.case, step, by=by, now=now)
    errors = check.check(form, answers, now=now, known=known)
    try:
        check_reason(reason, "revision_reason", "写明修改意见的理由")
    except InvalidAnswers as missing:
        errors |= missing.errors
    if errors:
        raise InvalidAnswers(errors)
    opinion.superseded_at = now
    document = Document(
        case_id=panel.case_id,
        form=form.name,
        edition=opinion.edition + 1,
        answers=answers,
        author_id=by.user_id,
        appointment_id=by.id,
        submitted_at=now,
        key=key,
    )
    session.add(
        Opinion(
            panel=panel,
            member=opinion.member,
            document=document,
            conclusion=answers["conclusion"],
            filed_at=now,
            edition=opinion.edition + 1,
            reason=reason.strip(),
        )
    )
    session.flush()
    _record(session, EventName.OPINION_REVISED, panel, by, now)
    return document


def _step_of(session: Session, panel: Panel, member: PanelMember) -> Task:
    query = select(Task).where(*steps(panel), Task.index == member.place)
    return session.scalars(query.order_by(Task.id.desc()).limit(1)).one()


def _record(
    session: Session, name: EventName, panel: Panel, by: Appointment, now: datetime, **data: Any
) -> None:
    record(session, name, case=panel.case, by=by, now=now, level=panel.level.value, **data)
