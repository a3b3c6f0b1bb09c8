"""经过: what happened in a case, newest first, each event in the words of its own partial.

Events of one moment by one person are one act: the step, what followed from it, the clock it met.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models import Appointment, Event, Role
from webapp import db, labels, words
from webapp.cases.blueprint import bp
from webapp.cases.page import CasePage, open_page, render
from workflows.events import EventName
from workflows.happenings import TRACES
from workflows.readers import Reader

MOST = 400  # events looked at for one page
REMINDERS = {EventName.CLOCK_REMINDED, EventName.TIMER_FIRED}
CLOCKS = {EventName.CLOCK_STARTED, EventName.CLOCK_MET}
KINDS = {"steps": "办理经过", "reminders": "提醒与超时", "traces": "查阅记录"}
# What an act is called after, the telling ones first; the rest stands below it
HEADS = (
    EventName.CASE_REPORTED,
    EventName.CASE_VOIDED,
    EventName.CASE_CLOSED,
    EventName.TASK_COMPLETED,
)


@dataclass(slots=True)
class Act:
    """What one person did at one moment, or what happened by itself."""

    at: datetime
    by: str  # empty: nobody, the system did
    desk: str
    unit: str
    head: Event
    more: list[Event] = field(default_factory=list)
    clocks: list[Event] = field(default_factory=list)  # limits that began or stopped with it


@bp.get("/<int:case_id>")
def show(case_id: int) -> ResponseReturnValue:
    page = open_page(case_id, "经过")
    kinds = _kinds(page.reader)
    kind = request.args.get("kind", "")
    kind = kind if kind in kinds else "steps"
    before = request.args.get("before", type=int)
    events = _events(page, kind, before)
    acts = list(_acts(events[:MOST], page.reader))
    return render(
        "cases/show.html",
        page,
        tab="cases.show",
        days=_by_day(acts),
        kind=kind,
        kinds=kinds,
        titles={document.id: document for document in page.documents},
        earlier=events[MOST - 1].id if len(events) > MOST else None,
    )


def _kinds(reader: Reader) -> dict[str, str]:
    audits = reader.by.role == Role.AUDITOR
    return {code: title for code, title in KINDS.items() if code != "traces" or audits}


def _events(page: CasePage, kind: str, before: int | None) -> list[Event]:
    """Newest first, one more than a page holds if there are more."""
    query = (
        select(Event)
        .where(Event.case_id == page.case.id)
        .order_by(Event.id.desc())
        .options(
            joinedload(Event.user),
            joinedload(Event.appointment).joinedload(Appointment.organisation),
        )
        .limit(MOST + 1)
    )
    if before is not None:
        query = query.where(Event.id < before)
    if kind == "reminders":
        query = query.where(Event.name.in_((*REMINDERS, EventName.CLOCK_ESCALATED)))
    elif kind == "traces":
        query = query.where(Event.name.in_(TRACES))
    else:
        query = query.where(Event.name.not_in((*REMINDERS, *TRACES)))
    readable = {document.id for document in page.documents}
    known = list(EventName)
    return [
        event
        for event in db.session.scalars(query)
        if event.name in known and page.reader.reads_event(event, readable)
    ]


def _acts(events: Iterable[Event], reader: Reader) -> Iterator[Act]:
    for (at, _), grouped in groupby(events, key=lambda event: (event.at, _traced(event))):
        together = list(reversed(list(grouped)))
        doers = [event for event in together if event.user_id is not None]
        for rest in _by_person(doers):
            own = [event for event in together if event in rest or event.user_id is None]
            yield _act(at, own, rest[0], reader)
            together = [event for event in together if event not in own]
        if together:
            yield _act(at, together, None, reader)


def _traced(event: Event) -> bool:
    return event.name in TRACES


def _by_person(events: list[Event]) -> list[list[Event]]:
    people: dict[int, list[Event]] = {}
    for event in events:
        people.setdefault(event.appointment_id or 0, []).append(event)
    return list(people.values())


def _act(at: datetime, events: list[Event], doer: Event | None, reader: Reader) -> Act:
    ranked = sorted(events, key=_rank)
    held = doer.appointment if doer else None
    return Act(
        at=at,
        by=reader.person(doer.user, held) if doer else "",
        desk=labels.label(held.role) if held else "",
        unit=reader.unit(held.organisation) if held else "",
        head=ranked[0],
        more=[event for event in ranked[1:] if event.name not in CLOCKS],
        clocks=[event for event in ranked[1:] if event.name in CLOCKS],
    )


def _rank(event: Event) -> int:
    if event.name in HEADS:
        return HEADS.index(EventName(event.name))
    return len(HEADS) + (event.name in CLOCKS)


def _by_day(acts: list[Act]) -> list[tuple[date, list[Act]]]:
    def day(act: Act) -> date:
        return words.local(act.at).date()

    return [(at, list(same)) for at, same in groupby(acts, key=day)]
