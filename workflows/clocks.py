"""Clocks: the law's limits of one case or duty. Started by rule, met once, late for ever.

A clock is a row that no engine operation touches. Reminders go out at fractions of the limit and
daily after it, as the rule set says; a clock without a number has no due moment and no reminder.
"""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from models import Case, CaseState, Clock, Duty, IncidentKind
from workflows import additions, calendar, kinds, parts
from workflows.events import EventName, of, record
from workflows.failures import RETRY_AFTER, Failure, open_incident
from workflows.frozen import rules_for, rules_of
from workflows.notifications import tell_desk
from workflows.permissions import LANES
from workflows.rules import Rule, RuleSet

_DAY = timedelta(days=1)


def about(clock: Clock) -> Case | Duty:
    """The case or the duty a clock belongs to. LookupError for one that belongs to nothing."""
    found = clock.case or clock.duty
    if found is None:
        raise LookupError(f"clock {clock.id} belongs to nothing")
    return found


def find(owner: Case | Duty, key: str, subject: str = "") -> Clock | None:
    """The clock of a key, and of one level or ledger item where there are several."""
    name = f"clock.{key}", subject
    return next((each for each in owner.clocks if (each.rule_key, each.subject) == name), None)


def of_event(session: Session, case: Case, *, now: datetime) -> list[Clock]:
    """Every clock of its kind that runs from the death or event itself (A02, A03), to be entered
    with a new case and then recorded as `started`."""
    rules = [rule for rule in kinds.clocks(rules_of(case), case) if rule.start == "event"]
    at = case.organisation_id
    return [_made(session, case, rule, "", at, case.event_at, None, now) for rule in rules]


def start(
    session: Session,
    owner: Case | Duty,
    key: str,
    *,
    organisation_id: int | None,
    now: datetime,
    subject: str = "",
    due_at: datetime | None = None,
) -> Clock | None:
    """The clock of a step that has just opened; None if the rule set has none of that key.

    A clock already there is returned as it is: coming back to a step restarts nothing.
    """
    there = find(owner, key, subject)
    if there is not None:
        return there
    rule = rules_for(owner).find(f"clock.{key}")
    if rule is None:
        return None
    clock = _made(session, owner, rule, subject, organisation_id, now, due_at, now)
    additions.insert(session, [clock])
    if isinstance(owner, Case):
        parts.go_on(session, owner)
    started(session, [clock], now)
    return clock


def _made(
    session: Session,
    owner: Case | Duty,
    rule: Rule,
    subject: str,
    organisation_id: int | None,
    started_at: datetime,
    due_at: datetime | None,
    now: datetime,
) -> Clock:
    clock = Clock(
        rule_key=rule.key,
        subject=subject,
        title=rule.title,
        organisation_id=organisation_id,
        started_at=started_at,
        due_at=due_at or _end_of(session, rule, started_at),
    )
    clock.next_reminder_at = _next_reminder(clock, rules_for(owner), now)
    # No change of the owner, of which the unit of work would have to find out that it is none
    set_committed_value(clock, "case" if isinstance(owner, Case) else "duty", owner)
    set_committed_value(owner, "clocks", [*owner.clocks, clock])
    return clock


def started(session: Session, clocks: list[Clock], now: datetime) -> None:
    """Put on record that clocks run from now on."""
    for clock in clocks:
        told = {**of(about(clock)), "clock": clock.id, "title": clock.title}
        record(session, EventName.CLOCK_STARTED, now=now, **told)


def _end_of(session: Session, rule: Rule, started_at: datetime) -> datetime | None:
    """Hours and days pass on any day; working days by the calendar as it is known now."""
    if (count := rule.working_days()) is not None:
        return calendar.load(session).end_of(started_at, count)
    limit = rule.limit()
    return started_at + limit if limit else None


def meet(session: Session, clock: Clock, *, now: datetime) -> None:
    """Stop a clock. The first time counts; whether it was late stays on it for ever (A05)."""
    if clock.met_at is not None:
        return
    session.connection().execute(_MEET, {"key": clock.id, "at": now})
    for name, value in {"met_at": now, "next_reminder_at": None}.items():
        set_committed_value(clock, name, value)
    late = clock.seconds_late(now)
    record(
        session,
        EventName.CLOCK_MET,
        **of(about(clock)),
        now=now,
        clock=clock.id,
        title=clock.title,
        late_seconds=late,
    )


_clock = cast(Table, Clock.__table__)
_MEET = (  # known to be the only change
    update(_clock)
    .where(_clock.c.id == bindparam("key"))
    .values(met_at=bindparam("at"), next_reminder_at=None)
)


def running_of_item(session: Session, item_id: int) -> Clock | None:
    """The clock of a ledger item's deadline in its present round, wherever that runs."""
    return session.scalars(
        select(Clock).where(
            Clock.rule_key == "clock.rectification",
            Clock.subject == str(item_id),
            Clock.met_at.is_(None),
        )
    ).one_or_none()


def extend(session: Session, clock: Clock, due_at: datetime, *, now: datetime) -> None:
    """Move what people have set and may set anew, never what a rule sets: an item's deadline.

    Reminders start over, and what has been escalated may be again. ValueError for other clocks.
    """
    if clock.rule_key != "clock.rectification" or clock.met_at is not None:
        raise ValueError(f"the limit {clock.rule_key} cannot be extended")
    clock.due_at, clock.escalated_at = due_at, None
    clock.next_reminder_at = _next_reminder(clock, rules_for(about(clock)), now)


def due_clocks(session: Session, now: datetime, limit: int = 50) -> list[int]:
    """Ids of running clocks with a reminder due at `now`, longest due first. An indexed look."""
    query = (
        select(Clock.id)
        .where(Clock.next_reminder_at <= now, Clock.met_at.is_(None))
        .order_by(Clock.next_reminder_at)
        .limit(limit)
    )
    return list(session.scalars(query))


def remind(session: Session, clock_id: int, now: datetime) -> bool:
    """Remind of one clock; False if another worker has it or nothing is due any more.

    The caller commits. What was missed while no worker ran is said once, not many times.
    """
    clock = session.scalars(
        select(Clock)
        .where(Clock.id == clock_id, Clock.next_reminder_at <= now, Clock.met_at.is_(None))
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if clock is None:
        return False
    _remind(session, clock, now)
    clock.reminder_failures = 0
    return True


def postpone(session: Session, clock_id: int, failure: Failure, now: datetime) -> None:
    """A reminder that failed goes out later; tried often enough, once a day, as an incident.

    For a transaction of its own, after the failed one was rolled back. The caller commits.
    """
    clock = session.get_one(Clock, clock_id, with_for_update=True)
    if clock.next_reminder_at is None or clock.next_reminder_at > now:
        return
    clock.reminder_failures += 1
    tried = clock.reminder_failures
    clock.next_reminder_at = now + (RETRY_AFTER[tried - 1] if tried <= len(RETRY_AFTER) else _DAY)
    if tried == len(RETRY_AFTER) + 1:
        open_incident(
            session,
            IncidentKind.REMINDER,
            failure,
            now=now,
            case=clock.case,
            attempts=tried,
            clock=clock,
        )


def _remind(session: Session, clock: Clock, now: datetime) -> None:
    owner = about(clock)
    rules = rules_for(owner)
    clock.next_reminder_at = _next_reminder(clock, rules, now)
    voided = isinstance(owner, Case) and owner.state == CaseState.VOIDED
    if voided or clock.organisation_id is None:
        return
    clock.reminders_sent += 1
    data: dict[str, Any] = {
        "clock": clock.id,
        "title": clock.title,
        "overdue": clock.seconds_late(now) > 0,
    }
    rule = rules.find(clock.rule_key)
    lane = LANES.get(rule.responsible) if rule else None
    if lane is not None:
        tell_desk(
            session,
            EventName.CLOCK_REMINDED,
            clock.organisation_id,
            lane.roles,
            **of(owner),
            now=now,
            **data,
        )
    record(session, EventName.CLOCK_REMINDED, now=now, **of(owner), **data)


def _next_reminder(clock: Clock, rules: RuleSet, now: datetime) -> datetime | None:
    """The first reminder moment after `now`."""
    if clock.due_at is None or clock.met_at is not None:
        return None
    length = clock.due_at - clock.started_at
    fractions = rules.find("reminders.fractions")
    points = fractions.value if fractions and isinstance(fractions.value, tuple) else ()
    moments = [clock.started_at + length * float(point) for point in points]
    if ahead := [moment for moment in moments if moment > now]:
        return min(ahead)
    daily = rules.find("reminders.daily_after")
    if daily is None or not daily.value:
        return None
    days_late = max(0, (now - clock.due_at) // _DAY) + 1
    return clock.due_at + days_late * _DAY
