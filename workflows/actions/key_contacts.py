"""重点联系单位 (D09): listed and taken off by a leader; guided, inspected, assessed between.

Rests on facts of the process alone, as motions do: the firewall of workflows.facts holds here.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    KeyAction,
    KeyActionKind,
    KeyContact,
    Motion,
    MotionObject,
    Organisation,
)
from workflows import key_contacts, measures
from workflows.events import EventName, record
from workflows.notifications import tell_desk
from workflows.permissions import OBJECT_ROLES, Forbidden, require


class NotListable(Exception):
    """The rules of the place allow no such list, or not this object on ours, or it is there."""


class Ended(Exception):
    """It is on the list no more, or the action has its outcome already."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A decision to list, judged already. `motion`: the proposal that suggested it, if any."""

    about: MotionObject
    addressed: Organisation
    facts: str
    reason: str
    motion: Motion | None = None


def enlist(session: Session, said: Listing, *, by: Appointment, now: datetime) -> KeyContact:
    """Put an area or an institution on our list. Raises Forbidden, NotListable."""
    require(by, "motion:decide")
    rule = key_contacts.rule_of(by, key_contacts.LISTED, now)
    decider = measures.decider(session, said.about, said.addressed)
    if rule is None or decider is None or decider.id != by.organisation_id:
        raise NotListable(said.addressed.id)
    if not measures.codes_of(said.about, said.addressed) & set(rule.codes):
        raise NotListable(said.about)
    session.get_one(Organisation, decider.id, with_for_update=True)
    if _listed(session, said, by):
        raise NotListable(said.addressed.id)
    made = KeyContact(
        commission=decider,
        organisation=said.addressed,
        object=said.about,
        region_code=measures.area_of(session, said.addressed).code,
        rule=msgspec.to_builtins(rule),
        facts=said.facts,
        reason=said.reason,
        motion=said.motion,
        listed_at=now,
        listed_by_id=by.user_id,
    )
    session.add(made)
    session.flush()
    _record(session, EventName.KEY_LISTED, made, by, now)
    _tell(session, EventName.KEY_LISTED, made, now)
    return made


def _listed(session: Session, said: Listing, by: Appointment) -> bool:
    query = select(KeyContact.id).where(
        KeyContact.commission_id == by.organisation_id,
        KeyContact.organisation_id == said.addressed.id,
        KeyContact.object == said.about,
        KeyContact.ended_at.is_(None),
    )
    return session.scalar(query) is not None


def plan(
    session: Session,
    contact: KeyContact,
    kind: KeyActionKind,
    planned_on: date,
    responsible: str,
    content: str,
    *,
    by: Appointment,
    now: datetime,
) -> KeyAction:
    """Plan a guidance, an inspection or an assessment. Raises Forbidden, Ended."""
    _hold(session, contact, by, "motion:view")
    made = KeyAction(
        contact=contact,
        kind=kind,
        planned_on=planned_on,
        responsible=responsible,
        content=content,
        added_at=now,
        added_by_id=by.user_id,
    )
    session.add(made)
    session.flush()
    _record(session, EventName.KEY_PLANNED, contact, by, now, kind=kind.value)
    return made


def settle(
    session: Session,
    action: KeyAction,
    done_on: date,
    outcome: str,
    *,
    by: Appointment,
    now: datetime,
) -> None:
    """Write down what came of an action; once. Raises Forbidden, Ended."""
    _hold(session, action.contact, by, "motion:view")
    session.refresh(action, ["done_at"])
    if action.done_at is not None:
        raise Ended(action.id)
    action.done_on, action.outcome = done_on, outcome
    action.done_at, action.done_by_id = now, by.user_id
    _record(session, EventName.KEY_DONE, action.contact, by, now, kind=action.kind.value)


def end(
    session: Session, contact: KeyContact, reason: str, *, by: Appointment, now: datetime
) -> None:
    """Take off the list. What was planned and not done stays as it is. Raises Forbidden, Ended."""
    _hold(session, contact, by, "motion:decide")
    contact.ended_at, contact.ended_by_id, contact.end_reason = now, by.user_id, reason
    _record(session, EventName.KEY_ENDED, contact, by, now)
    _tell(session, EventName.KEY_ENDED, contact, now)


def _hold(session: Session, contact: KeyContact, by: Appointment, permission: str) -> None:
    require(by, permission)
    if contact.commission_id != by.organisation_id:
        raise Forbidden(contact.id)
    session.refresh(contact, ["ended_at"], with_for_update=True)
    if contact.ended_at is not None:
        raise Ended(contact.id)


def _tell(session: Session, name: EventName, contact: KeyContact, now: datetime) -> None:
    """Whoever answers for the unit learns that, and by whose decision; reason and facts are not
    theirs to read."""
    told = {"contact": contact.id, "title": contact.commission.short_name}
    unit = contact.organisation_id
    tell_desk(session, name, unit, OBJECT_ROLES, case=None, now=now, **told)


def _record(
    session: Session,
    name: EventName,
    contact: KeyContact,
    by: Appointment,
    now: datetime,
    **more: str,
) -> None:
    told: dict[str, Any] = {"contact": contact.id, "unit": contact.about, **more}
    record(session, name, by=by, now=now, **told)
