"""What the sheets of 提醒、督导、约谈 start with, and what their checks may ask.

Reads the proposal and the sheets of the same measure, no case. Changes nothing, knows no page.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, Document, Duty, DutyKind, Motion
from workflows import measures

_ZONE = ZoneInfo("Asia/Shanghai")


def motions_of(session: Session, duty: Duty) -> list[Motion]:
    """What a measure is taken for: the proposal decided on, then those combined with it."""
    first = session.scalars(select(Motion).where(Motion.duty_id == duty.id)).one()
    more = select(Motion).where(Motion.into_id == first.id).order_by(Motion.id)
    return [first, *session.scalars(more)]


def prefill(session: Session, duty: Duty) -> dict[str, Any]:
    """Values that the forms of a measure start with, by dotted path."""
    every = motions_of(session, duty)
    motion = every[0]
    leader = motion.decided_by.name if motion.decided_by else ""
    rules = measures.rules_at(motion.region_code, duty.opened_at)
    above_us = measures.filing(session, rules, motion.commission) if rules else None
    notified = motion.notified_at
    return {
        "measure.tier": _TIERS[duty.kind],
        "measure.object": motion.about,
        "measure.trigger": _lines(dict.fromkeys(_trigger(each) for each in every)),
        "measure.facts": _lines(dict.fromkeys(each.facts for each in every)),
        "measure.proposed_by": _lines(dict.fromkeys(_proposer(each) for each in every), "；"),
        "measure.approved_by": f"{leader}，{_day(motion.decided_at)}",
        "measure.decided_by": leader,
        "measure.notified_at": (
            notified.astimezone(_ZONE).strftime("%Y-%m-%dT%H:%M+08:00") if notified else None
        ),
        "measure.filed_with": above_us.name if above_us else None,
        "measure.focus": _focus(session, duty),
    }


_TIERS = {
    DutyKind.REMINDER: "提醒",
    DutyKind.SUPERVISION: "督导",
    DutyKind.INTERVIEW: "约谈",
}


def _lines(said: dict[str, None] | Sequence[str], between: str = "\n") -> str:
    return between.join(said)


def _trigger(motion: Motion) -> str:
    rule = motion.rule
    name = f"{rule.get('code', '')} {rule['title']}".strip()
    return f"{name}（{rule.get('document', '')} {rule.get('clause', '')}）"


def _proposer(motion: Motion) -> str:
    who = motion.proposed_by.name if motion.proposed_by else "系统按规则提出"
    return f"{who}，{_day(motion.proposed_at)}"


def _day(at: datetime | None) -> str:
    return at.astimezone(_ZONE).date().isoformat() if at else ""


def _focus(session: Session, duty: Duty) -> str | None:
    """What the experts sent are to look at."""
    if duty.kind is not DutyKind.SUPERVISION:
        return None
    answers = session.scalars(
        select(Document.answers)
        .where(Document.duty_id == duty.id, Document.form.like("supervision_team.v%"))
        .order_by(Document.id.desc())
        .limit(1)
    ).one_or_none()
    return answers["focus"] if answers else None


def known(session: Session, duty: Duty) -> dict[str, Any]:
    """What the checks of these forms may ask: who works for the object, now or before."""
    motion = motions_of(session, duty)[0]
    people = select(Appointment.user_id).where(
        Appointment.organisation_id == motion.organisation_id
    )
    return {
        "own_people": sorted(set(session.scalars(people))),
        "on_paper": motion.named is not None,
    }
