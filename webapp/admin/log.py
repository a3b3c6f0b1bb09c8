"""日志: who did what, when, for which unit and from where; found, paged and exported.

Shows ids as names of staff and units, and plain words from a fixed list of keys. Answers and names
of patients are not among them, whatever an event may hold.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from io import BytesIO, StringIO
from typing import Any

from flask import render_template, request, send_file
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import joinedload

from models import Appointment, Case, Event, User
from models.base import begins
from webapp import db, labels
from webapp.access import current
from webapp.admin.blueprint import LOG, bp, only
from webapp.admin.details import Names, describe, names_in
from webapp.paging import paged
from webapp.words import SHANGHAI, local
from workflows.events import EventName, record
from workflows.permissions import sealed_events

PER_PAGE = 50
MOST_EXPORTED = 50_000
SYSTEM = "系统"
# Events whose `data["user"]` is the person they are about
ABOUT_PEOPLE = (
    EventName.ACCOUNT_CREATED,
    EventName.ACCOUNT_CHANGED,
    EventName.ACCOUNT_UNLOCKED,
    EventName.APPOINTMENT_ADDED,
    EventName.APPOINTMENT_ENDED,
    EventName.SESSION_ENDED,
    EventName.SUBSTITUTE_ARRANGED,
    EventName.SUBSTITUTE_ENDED,
)
HEADS = ("序号", "时间", "人员", "用户名", "角色", "单位", "事项", "事件", "病例", "内容", "地址")
# What makes a spreadsheet take a cell for a formula
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked for; words that mean nothing are as if they were not there."""

    who: str
    event: str
    since: date | None
    until: date | None
    case: str

    def kept(self) -> dict[str, str]:
        """As the address has it."""
        pairs = {
            "who": self.who,
            "event": self.event,
            "since": self.since.isoformat() if self.since else "",
            "until": self.until.isoformat() if self.until else "",
            "case": self.case,
        }
        return {name: value for name, value in pairs.items() if value}


@dataclass(frozen=True, slots=True)
class Row:
    """One event as it may be read."""

    event: Event
    at: str  # to the second, in China
    case: str
    words: str
    details: str
    address: str


@bp.get("/log")
@only(LOG)
def log() -> ResponseReturnValue:
    filters = _filters(request.args)
    return _page(filters, "")


@bp.post("/log/export")
@only(LOG)
def export_log() -> ResponseReturnValue:
    """The rows that the filters leave, as CSV; that they were taken away is on record itself."""
    filters = _filters(request.form)
    query = _query(filters)
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    if total > MOST_EXPORTED:
        return _page(filters, f"共 {total} 条，一次最多导出 {MOST_EXPORTED} 条，先缩小时间范围。")
    events = db.session.scalars(query.order_by(Event.at, Event.id).options(*_loaded())).all()
    content = _csv(_rows(events))
    record(
        db.session,
        EventName.LOG_EXPORTED,
        by=current.appointment,
        now=current.now,
        rows=total,
        filters=_without_names(filters),
        address=request.remote_addr,
    )
    db.session.commit()
    return send_file(
        BytesIO(content),
        mimetype="text/csv",
        as_attachment=True,
        download_name=f"日志-{local(current.now):%Y%m%d-%H%M}.csv",
        max_age=0,
    )


def _page(filters: Filters, problem: str) -> ResponseReturnValue:
    page = paged(
        db.session,
        _query(filters).order_by(Event.at.desc(), Event.id.desc()).options(*_loaded()),
        PER_PAGE,
    )
    shown = render_template(
        "admin/log.html",
        page=page,
        rows=list(_rows(page.rows)),
        filters=filters,
        names=labels.choices(EventName),
        problem=problem,
    )
    return shown, 422 if problem else 200


def _loaded() -> tuple[Any, ...]:
    return (
        joinedload(Event.user),
        joinedload(Event.appointment).joinedload(Appointment.organisation),
    )


def _filters(given: Any) -> Filters:
    event = given.get("event", "")
    return Filters(
        who=given.get("who", "").strip()[:40],
        event=event if event in set(EventName) else "",
        since=_day(given.get("since", "")),
        until=_day(given.get("until", "")),
        case=given.get("case", "").strip()[:40],
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _query(filters: Filters) -> Select[Event]:
    return select(Event).where(*_conditions(filters))


def _conditions(filters: Filters) -> Iterator[ColumnElement[bool]]:
    yield Event.id.not_in(sealed_events())
    if filters.who:
        yield _by_or_about(filters.who)
    if filters.event:
        yield Event.name == filters.event
    if filters.since:
        yield Event.at >= _begin(filters.since)
    if filters.until:
        yield Event.at < _begin(filters.until + timedelta(days=1))
    if filters.case:
        matching = begins(Case.number, filters.case.upper())
        yield Event.case_id.in_(select(Case.id).where(matching))


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=SHANGHAI)


def _by_or_about(who: str) -> ColumnElement[bool]:
    matching = or_(User.username == who.lower(), User.name.contains(who, autoescape=True))
    ids = list(db.session.scalars(select(User.id).where(matching)))
    about = and_(Event.name.in_(ABOUT_PEOPLE), Event.data["user"].as_integer().in_(ids))
    return or_(Event.user_id.in_(ids), about)


def _without_names(filters: Filters) -> dict[str, str]:
    """What was asked for, as an event may keep it: of a person only that one was named."""
    kept = filters.kept()
    return kept | {"who": "✓"} if filters.who else kept


def _rows(events: Iterable[Event]) -> Iterator[Row]:
    events = list(events)
    names: Names = names_in(db.session, events)
    numbers = _numbers({event.case_id for event in events if event.case_id is not None})
    for event in events:
        yield Row(
            event=event,
            at=f"{local(event.at):%Y-%m-%d %H:%M:%S}",
            case=numbers.get(event.case_id or 0, ""),
            words=labels.event(event.name),
            details=describe(event, names, numbers.get(event.case_id or 0, "")),
            address=str(event.data.get("address") or ""),
        )


def _numbers(ids: set[int]) -> dict[int, str]:
    """Case numbers, and nothing else of the cases."""
    query = select(Case.id, Case.number).where(Case.id.in_(ids))
    return dict(db.session.execute(query).all())


def _csv(rows: Iterable[Row]) -> bytes:
    """With the mark by which spreadsheets know UTF-8."""
    told = StringIO(newline="")
    writer = csv.writer(told, quoting=csv.QUOTE_ALL)
    writer.writerow(HEADS)
    for row in rows:
        writer.writerow([as_text(cell) for cell in _cells(row)])
    return told.getvalue().encode("utf-8-sig")


def _cells(row: Row) -> list[str]:
    event, held = row.event, row.event.appointment
    return [
        str(event.id),
        row.at,
        event.user.name if event.user else SYSTEM,
        event.user.username if event.user else "",
        labels.label(held.role) if held else "",
        held.organisation.name if held else "",
        row.words,
        event.name,
        row.case,
        row.details,
        row.address,
    ]


def as_text(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.lstrip(" ").startswith(FORMULA) else cell
