"""Proposed measures: the machine or a desk proposes, a leader decides (D01–D07, D09, D11, C03).

What is proposed rests on facts of the process alone: see workflows.facts, whose firewall holds for
this module too. What a measure then is: workflows.actions.measures.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, joinedload

from models import (
    Appointment,
    Duty,
    DutyKind,
    Measure,
    Motion,
    MotionObject,
    MotionState,
    Organisation,
    Role,
    Task,
    TaskState,
    User,
)
from models.base import begins
from workflows import engine, facts, key_contacts, measures, two_desks
from workflows.actions import letters
from workflows.events import EventName, record
from workflows.notifications import tell_desk
from workflows.permissions import Forbidden, require
from workflows.rules import Rule, RuleSet
from workflows.services import DutyHost

_ZONE = ZoneInfo("Asia/Shanghai")
_DESK = (Role.COMMISSION, Role.COMMISSION_LEADER)


class Decided(Exception):
    """Somebody has decided it already."""


class LeftToAnother(Exception):
    """One has endorsed what a review concluded of the same case, and another leader could decide;
    or there is no other, and why one decides all the same is not said."""


class NotAllowed(Exception):
    """The rules of the place do not allow this measure against this object."""


@dataclass(frozen=True, slots=True)
class _Ready:
    fact: facts.Fact
    rule: Rule
    measure: Measure
    about: MotionObject
    addressed: Organisation
    commission: Organisation


@dataclass(frozen=True, slots=True)
class Said:
    """What a desk says of an occasion that the machine cannot see, judged already.

    `facts`: what happened and where it is recorded. `named`: see models.Motion. `case_id`,
    `item_id`: what it is about, if any.
    """

    trigger: Rule
    measure: Measure
    about: MotionObject
    addressed: Organisation
    facts: str
    person: User | None = None
    named: str | None = None
    case_id: int | None = None
    item_id: int | None = None


# Proposed by the machine


def due(session: Session, now: datetime, limit: int = 200) -> list[int]:
    """Which kinds of fact have something to propose, as places in facts.FACTS."""
    found = (
        place
        for place, look in enumerate(facts.FACTS)
        if next(_ready(session, look(session, now), now), None) is not None
    )
    return list(found)[:limit]


def propose(session: Session, kind: int, now: datetime) -> bool:
    """Propose what follows from facts of one kind, each once; False if there is nothing (any more).

    The caller commits. Of two workers at once the second waits for the first and finds nothing.
    """
    look = facts.FACTS[kind]
    seen = {ready.commission.id for ready in _ready(session, look(session, now), now)}
    for key in sorted(seen):
        session.get_one(Organisation, key, with_for_update=True)
    # Two limits of one case may have passed: they are one fact
    made = {each.fact.key: each for each in _ready(session, look(session, now), now)}
    for each in sorted(made.values(), key=lambda ready: ready.commission.id):
        motion = Motion(
            number=_number(session, each.commission, now),
            key=each.fact.key,
            trigger=each.rule.key,
            rule=msgspec.to_builtins(each.rule),
            fact=each.fact.kind,
            facts=each.fact.words,
            measure=each.measure,
            object=each.about,
            commission=each.commission,
            organisation=each.addressed,
            region_code=measures.area_of(session, each.addressed).code,
            case_id=each.fact.case_id,
            item_id=each.fact.item_id,
            late_duty_id=each.fact.late_duty_id,
            proposed_at=now,
        )
        _add(session, motion, None, now)
    return bool(made)


def _ready(session: Session, found: Iterator[facts.Fact], now: datetime) -> Iterator[_Ready]:
    """Those facts that the rules of their place make an occasion of, with somebody to decide."""
    sets: dict[str, RuleSet | None] = {}
    for fact in found:
        code = fact.organisation.region_code
        if code not in sets:
            sets[code] = measures.rules_at(code, now)
        rules = sets[code]
        if rules is not None and (ready := _by_rule(session, rules, fact)) is not None:
            yield ready


def _by_rule(session: Session, rules: RuleSet, fact: facts.Fact) -> _Ready | None:
    rule = next((each for each in rules.triggers() if _meets(rules, each, fact)), None)
    if rule is None:
        return None
    for about in (MotionObject.UNIT, MotionObject.AREA):
        open_to = measures.allowed(rules, rule, about, fact.organisation)
        proposed = _proposed(rule, open_to, fact.asked)
        addressed = _addressed(session, about, fact.organisation)
        commission = measures.decider(session, about, fact.organisation)
        if proposed and addressed and commission:
            return _Ready(fact, rule, proposed, about, addressed, commission)
    return None


def _proposed(rule: Rule, open_to: list[Measure], asked: Measure | None) -> Measure | None:
    """What was asked for, or the next milder; else the mildest that the clause names."""
    if asked is not None:
        most = measures.MILDEST_FIRST.index(asked)
        return next(
            (each for each in reversed(measures.MILDEST_FIRST[: most + 1]) if each in open_to), None
        )
    return next((each for each in measures.names(rule) if each in open_to), None)


def _meets(rules: RuleSet, rule: Rule, fact: facts.Fact) -> bool:
    if fact.kind not in rule.facts or (fact.code and rule.code and fact.code != rule.code):
        return False
    if fact.times:
        most = rules.find("motion.rejections")
        return most is None or not isinstance(most.value, int) or fact.times >= most.value
    return True


def _addressed(session: Session, about: MotionObject, unit: Organisation) -> Organisation | None:
    """Who is written to: of an area its commission."""
    if about is MotionObject.AREA:
        return measures.commission_of(session, measures.area_of(session, unit))
    return unit


# Proposed by a desk


def add(session: Session, said: Said, *, by: Appointment, now: datetime) -> Motion:
    """A desk proposes what needs a judgement: the trigger from the list, facts and where they are
    recorded. Raises Forbidden, NotAllowed."""
    require(by, "motion:add")
    rules = measures.rules_at(said.addressed.region_code, now)
    decider = measures.decider(session, said.about, said.addressed)
    if decider is None or decider.id != by.organisation_id:
        raise NotAllowed("decided elsewhere")
    open_to = measures.allowed(rules, said.trigger, said.about, said.addressed) if rules else []
    if said.measure not in open_to:
        raise NotAllowed(said.measure)
    motion = Motion(
        number=_number(session, decider, now),
        trigger=said.trigger.key,
        rule=msgspec.to_builtins(said.trigger),
        facts=said.facts,
        measure=said.measure,
        object=said.about,
        commission=decider,
        organisation=said.addressed,
        region_code=measures.area_of(session, said.addressed).code,
        person=said.person,
        named=said.named,
        case_id=said.case_id,
        item_id=said.item_id,
        proposed_at=now,
        proposed_by_id=by.user_id,
    )
    _add(session, motion, by, now)
    return motion


def _add(session: Session, motion: Motion, by: Appointment | None, now: datetime) -> None:
    session.add(motion)
    session.flush()
    data = {"motion": motion.id, "number": motion.number, "title": motion.rule["title"]}
    record(session, EventName.MOTION_PROPOSED, by=by, now=now, **data)
    tell_desk(
        session,
        EventName.MOTION_PROPOSED,
        motion.commission_id,
        _DESK,
        case=None,
        now=now,
        **data,
    )


def _number(session: Session, commission: Organisation, now: datetime) -> str:
    """The commission's running number of the year; one after the other, no number comes twice."""
    session.get_one(Organisation, commission.id, with_for_update=True)
    start = f"{commission.short_name}处置〔{now.astimezone(_ZONE).year}〕"
    session.flush()
    count = select(func.count()).where(begins(Motion.number, start))
    return f"{start}{(session.scalar(count) or 0) + 1}号"


# Decided by a leader


def choices(session: Session, motion: Motion, now: datetime) -> list[Measure]:
    """The measures a leader may take on it today."""
    rules = measures.rules_at(motion.region_code, now)
    if rules is None:
        return []
    trigger = msgspec.convert(motion.rule, Rule)
    listed = key_contacts.is_listed(session, motion)
    return measures.allowed(rules, trigger, motion.object, motion.organisation, listed=listed)


def take(
    session: Session,
    motion: Motion,
    measure: Measure,
    reason: str,
    *,
    by: Appointment,
    now: datetime,
    alone: str = "",
) -> Duty | None:
    """Take a measure: it begins at once as a process of its own; a notice, which is none of these,
    is the desk's to draft, among the notices.

    `alone`: see LeftToAnother. Raises Forbidden, Decided, NotAllowed, LeftToAnother.
    """
    reason = _hold(session, motion, reason, alone, by, now)
    if measure not in choices(session, motion, now):
        raise NotAllowed(measure)
    motion.taken = measure
    _decide(session, motion, MotionState.TAKEN, reason, by, now)
    kind = measures.HOST.get(measure)
    if kind is None:
        letters.begin_decided(session, motion.number, by=by, now=now)
        return None
    today = now.astimezone(_ZONE).date()
    duty = Duty(
        kind=kind,
        organisation_id=motion.commission_id,
        receiver_id=motion.organisation_id,
        region_code=motion.region_code,
        starts_on=today,
        ends_on=today,
        occasion=motion.number,
        rule=motion.rule,
        opened_at=now,
    )
    session.add(duty)
    session.flush()
    motion.duty = duty
    session.flush()
    flags: dict[str, str | int | bool | None] = {"level": "", "n_items": 0}
    engine.start(session, duty, kind.value, flags, DutyHost(session, duty, now), now=now)
    return duty


def make_known(
    session: Session, motion: Motion, *, by: Appointment, now: datetime, alone: str = ""
) -> Duty:
    """约谈通报: what somebody was interviewed about is made known as well (C03, D11); once.

    `alone`: see LeftToAnother. Raises Forbidden, NotAllowed, Decided, LeftToAnother.
    """
    require(by, "motion:decide")
    if motion.commission_id != by.organisation_id:
        raise Forbidden(motion.id)
    if motion.taken is not Measure.INTERVIEW or Measure.NOTICE not in choices(session, motion, now):
        raise NotAllowed(Measure.NOTICE)
    session.refresh(motion, ["state"], with_for_update=True)
    if notice_of(session, motion) is not None:
        raise Decided(motion.id)
    said = _at_both_desks(session, motion, alone, by, now)
    if said:
        motion.reason = f"{motion.reason or ''}\n决定同时通报：{said}"
    return letters.begin_decided(session, motion.number, by=by, now=now)


def to_make_known(session: Session, seen: Select[Motion], now: datetime) -> list[Motion]:
    """Interviews among those `seen` that have been held, of which no notice is or was drafted, and
    that the place's rules let be made known."""
    drafted = select(Duty.content["interview"].as_string()).where(
        Duty.kind == DutyKind.NOTICE, Duty.content["interview"].as_string().is_not(None)
    )
    held = exists().where(
        Task.duty_id == Motion.duty_id,
        Task.effect == "sign_as_interviewer",
        Task.state == TaskState.DONE,
    )
    rows = session.scalars(
        seen.where(Motion.taken == Measure.INTERVIEW, held, Motion.number.not_in(drafted))
        .options(joinedload(Motion.organisation), joinedload(Motion.region))
        .order_by(Motion.id.desc())
        .limit(20)
    )
    return [motion for motion in rows if Measure.NOTICE in choices(session, motion, now)]


def notice_of(session: Session, motion: Motion) -> Duty | None:
    """Under which a notice of it is drafted, or was."""
    return session.scalars(
        select(Duty).where(
            Duty.kind == DutyKind.NOTICE,
            Duty.organisation_id == motion.commission_id,
            Duty.content["interview"].as_string() == motion.number,
        )
    ).one_or_none()


def drop(
    session: Session,
    motion: Motion,
    reason: str,
    *,
    by: Appointment,
    now: datetime,
    alone: str = "",
) -> None:
    """Take no measure. Raises Forbidden, Decided, LeftToAnother."""
    reason = _hold(session, motion, reason, alone, by, now)
    _decide(session, motion, MotionState.DROPPED, reason, by, now)


def combine(
    session: Session,
    motion: Motion,
    into: Motion,
    reason: str,
    *,
    by: Appointment,
    now: datetime,
    alone: str = "",
) -> None:
    """Deal with it together with another of the same object.

    Raises Forbidden, Decided, NotAllowed, LeftToAnother.
    """
    reason = _hold(session, motion, reason, alone, by, now)
    if into.id not in {each.id for each in others(session, motion)}:
        raise NotAllowed(into.id)
    motion.into = into
    _decide(session, motion, MotionState.COMBINED, reason, by, now)


def others(session: Session, motion: Motion) -> list[Motion]:
    """What it may be combined with: of the same object, before the same leader, not decided or a
    measure that is still being carried out."""
    rows = session.scalars(
        select(Motion)
        .outerjoin(Duty, Duty.id == Motion.duty_id)
        .where(
            Motion.id != motion.id,
            Motion.commission_id == motion.commission_id,
            Motion.organisation_id == motion.organisation_id,
            Motion.object == motion.object,
            Motion.person_id == motion.person_id,
            Motion.named == motion.named,
            Motion.state.in_((MotionState.OPEN, MotionState.TAKEN)),
            Duty.done_at.is_(None),
        )
        .order_by(Motion.id)
    )
    return list(rows)


def _hold(
    session: Session, motion: Motion, reason: str, alone: str, by: Appointment, now: datetime
) -> str:
    """Ours and not decided; the reason, with why the person at both desks decides it."""
    require(by, "motion:decide")
    if motion.commission_id != by.organisation_id:
        raise Forbidden(motion.id)
    session.refresh(motion, ["state"], with_for_update=True)
    if motion.state is not MotionState.OPEN:
        raise Decided(motion.id)
    said = _at_both_desks(session, motion, alone, by, now)
    return f"{reason}\n{said}" if said else reason


def _at_both_desks(
    session: Session, motion: Motion, alone: str, by: Appointment, now: datetime
) -> str:
    """Why who endorsed the conclusion decides all the same; empty for anybody else."""
    if not two_desks.endorsed(session, motion, by.user_id):
        return ""
    if not alone or two_desks.other_leaders(session, motion, now):
        raise LeftToAnother(motion.id)
    return f"决定人审签过同一病例的评审结论，本单位没有其他主管负责人：{alone}"


def _decide(
    session: Session,
    motion: Motion,
    state: MotionState,
    reason: str,
    by: Appointment,
    now: datetime,
) -> None:
    motion.state, motion.reason = state, reason
    motion.decided_at, motion.decided_by_id = now, by.user_id
    session.flush()
    data = {"motion": motion.id, "number": motion.number, "title": motion.number}
    taken = motion.taken.value if motion.taken else ""
    record(
        session,
        EventName.MOTION_DECIDED,
        by=by,
        now=now,
        motion=motion.id,
        number=motion.number,
        state=state.value,
        measure=taken,
    )
    tell_desk(
        session,
        EventName.MOTION_DECIDED,
        motion.commission_id,
        (Role.COMMISSION,),
        case=None,
        now=now,
        **data,
    )
