"""回头看: some months after the closing the acceptor looks whether the measures had an effect."""

from datetime import date, datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from models import (
    Case,
    CaseState,
    Duty,
    DutyKind,
    DutyState,
    Effect,
    Rectification,
    RectificationState,
    Role,
)
from workflows.actions import reopening
from workflows.actions.reopening import Again, enter, tell, tell_unit
from workflows.actions.tasks import Handing
from workflows.engine import Flags
from workflows.events import EventName
from workflows.rules import day_of


def due_items(session: Session, now: datetime, limit: int = 200) -> list[int]:
    """Ids of closed items whose day has come and which nobody looks at yet. An indexed look."""
    voided = select(Case.id).where(Case.state == CaseState.VOIDED)
    query = (
        select(Rectification.id)
        .where(
            Rectification.effect_due_on <= day_of(now),
            Rectification.state == RectificationState.CLOSED,
            ~exists().where(
                Duty.item_id == Rectification.id,
                Duty.kind == DutyKind.EFFECT_CHECK,
                Duty.state == DutyState.OPEN,
            ),
            func.coalesce(Rectification.case_id, 0).not_in(voided),
        )
        .order_by(Rectification.effect_due_on, Rectification.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def open_due(session: Session, item_id: int, now: datetime) -> bool:
    """Open the check of an item for its acceptor; False if there is none (any more).

    The caller commits.
    """
    item = session.get_one(Rectification, item_id, with_for_update=True)
    if item_id not in due_items(session, now, 1000):
        return False
    count = select(func.count()).where(Duty.item_id == item.id, Duty.kind == DutyKind.EFFECT_CHECK)
    number = (session.scalar(count) or 0) + 1
    duty = reopening.duty_about(session, item, DutyKind.EFFECT_CHECK, item.acceptor, number, now)
    reopening.run(session, duty, now)
    tell(session, item, EventName.ITEM_EFFECT_DUE, by=None, now=now)
    desks = (Role.COMMISSION, Role.MCH)
    tell_unit(session, item, EventName.ITEM_EFFECT_DUE, item.acceptor_id, desks, now)
    return True


def judge(step: Handing) -> Flags:
    """Effective: done. Too early: looked at again on the day named. Not effective: the item is
    opened again, with the reason."""
    session, answers, now = step.session, step.answers, step.now
    item = session.get_one(Rectification, step.task.rectification_id, with_for_update=True)
    found = Effect(answers["effect_judgement"])
    step.duty.state, step.duty.done_at = DutyState.DONE, now
    item.effect, item.effect_due_on = found, None
    if found is Effect.NOT_YET:
        item.effect_due_on = date.fromisoformat(answers["again_on"])
    enter(session, item, "effect_judged", _words(found, answers), by=step.by, now=now)
    tell(session, item, EventName.ITEM_EFFECT_JUDGED, by=step.by, now=now)
    if found is Effect.NOT_EFFECTIVE:
        again = Again(answers["reason"], None)
        reopening.reopen(session, item, again, host=None, by=step.by, now=now)
    return {}


_FOUND = {
    Effect.EFFECTIVE: "有效",
    Effect.NOT_YET: "尚不能判断",
    Effect.NOT_EFFECTIVE: "无效",
}


def _words(found: Effect, answers: dict[str, str]) -> str:
    """The judgement in one line: what was looked at, before and after, and why."""
    parts = [_FOUND[found], answers["indicator"]]
    if answers.get("before") or answers.get("after"):
        parts.append(f"整改前 {answers.get('before', '—')}，整改后 {answers.get('after', '—')}")
    if answers.get("reason"):
        parts.append(answers["reason"])
    return "；".join(parts)
