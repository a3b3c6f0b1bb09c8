"""高危专案: the register of women at risk. A woman registered, her course, reported, closed.

Names do not belong in addresses: looking for one is a POST.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import joinedload, selectinload

from models import (
    Case,
    Event,
    Occasion,
    RegionLevel,
    RiskCase,
    RiskColour,
    RiskEnd,
    RiskGroup,
    RiskRecord,
    RiskReport,
)
from webapp import db, labels, risk_words
from webapp.access import current
from webapp.errors import page as error_page
from webapp.paging import paged
from workflows import places, regions, register
from workflows.actions import register as acts
from workflows.actions.register import Closed
from workflows.actions.risk_entry import Factor
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName
from workflows.permissions import Forbidden, visible_cases

bp = Blueprint("register", __name__, url_prefix="/register")

PER_PAGE = 40
MOST_FOUND = 50
ROWS = 6  # lines for factors on the form
READ_AGAIN = timedelta(minutes=10)
GONE = "这份专案已经结案，不能再登记。回到专案看最新的情况。"
STATES = {"open": "管理中", "closed": "已结案", "all": "全部"}
ALERTS = {
    "late_report": "报送超时",
    "unreported": "待报送",
    "unreceived": "待接收",
    "overdue": "随访超期",
    "risen": "风险升高",
}
Errors = dict[str, list[str]]


@bp.before_request
def require_permission() -> None:
    if not current.may("register:view"):
        abort(404)


def alert_counts() -> list[tuple[str, str, int]]:
    """Code, title and number of each alert of records one sees; none where there is nothing to
    warn of. For the pages that somebody opens first."""
    if not current.may("register:view"):
        return []
    counts = register.counted(db.session, current.appointment, current.now)
    return [(code, title, counts[code]) for code, title in ALERTS.items() if counts[code]]


# 实时检索


@bp.get("")
def index() -> ResponseReturnValue:
    asked = request.args
    state = asked.get("state", "open")
    filters = {
        "state": state if state in STATES else "open",
        "colour": _one_of(asked.get("colour", ""), risk_words.COLOURS),
        "alert": _one_of(asked.get("alert", ""), ALERTS),
        "county": asked.get("county", "")[:6],
        "unit": asked.get("unit", "") if asked.get("unit", "").isdecimal() else "",
    }
    page = paged(db.session, _listed(filters), PER_PAGE)
    return render_template("register/index.html", page=page, **_shown(page.rows), filters=filters)


def _one_of(code: str, known: dict[str, str]) -> str:
    return code if code in known else ""


def _listed(filters: dict[str, str]) -> Select[RiskRecord]:
    query = _with_units(register.visible(current.appointment))
    for condition in _conditions(filters):
        query = query.where(condition)
    closed = RiskRecord.closed_at
    return query.order_by(closed.is_not(None), RiskRecord.next_on, RiskRecord.id)


def _conditions(filters: dict[str, str]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filters["state"] != "all" and not filters["alert"]:
        open_ = RiskRecord.closed_at.is_(None)
        found.append(open_ if filters["state"] == "open" else ~open_)
    if filters["colour"]:
        found.append(register.of_colour(filters["colour"]))
    if filters["alert"]:
        found.append(register.alerts(current.now)[filters["alert"]])
    if filters["county"]:
        found.append(RiskRecord.county_code == filters["county"])
    if filters["unit"]:
        found.append(RiskRecord.organisation_id == int(filters["unit"]))
    return found


def _with_units(query: Select[RiskRecord]) -> Select[RiskRecord]:
    return query.options(joinedload(RiskRecord.organisation), joinedload(RiskRecord.county))


def _shown(rows: Sequence[RiskRecord]) -> dict[str, object]:
    by, now = current.appointment, current.now
    own = by.organisation
    counties = [own.region] if own.level is RegionLevel.COUNTY else _counties(own.region_code)
    return {
        "reports": register.open_reports(db.session, rows),
        "counts": register.counted(db.session, by, now),
        "counties": counties,
        "units": places.reporting_units(db.session, by),
        "states": STATES,
        "alerts": ALERTS,
        "grade": register.grade_of,
        "words": risk_words,
    }


def _counties(city: str) -> list[object]:
    found = regions.children(db.session, city)
    return [row for row in found if row.level is RegionLevel.COUNTY]


@bp.post("/search")
def search() -> ResponseReturnValue:
    """By name, identity number or number of the record, open or closed, in one's own scope."""
    words = request.form.get("q", "").strip()[:40]
    if not words:
        return redirect(url_for("register.index"), 303)
    query = _with_units(register.visible(current.appointment)).where(register.found_by(words))
    rows = db.session.scalars(query.order_by(RiskRecord.id.desc()).limit(MOST_FOUND)).all()
    if len(rows) == 1:
        return redirect(url_for("register.show", record_id=rows[0].id), 303)
    return render_template(
        "register/found.html", rows=rows, q=words, most=MOST_FOUND, **_shown(rows)
    )


# 登记


@bp.get("/new")
def new() -> ResponseReturnValue:
    return _new({})


def _new(errors: Errors) -> ResponseReturnValue:
    if not current.may("register:keep"):
        abort(404)
    city = current.appointment.organisation.region_code[:4] + "00"
    page = render_template(
        "register/new.html",
        counties=_counties(city),
        here=current.appointment.organisation.region_code,
        errors=errors,
        **_asked(),
    )
    return page, 422 if errors else 200


def _asked() -> dict[str, object]:
    """What the form of an assessment offers."""
    return {
        "said": request.form,
        "occasions": labels.choices(Occasion),
        "groups": labels.choices(RiskGroup),
        "colours": labels.choices(RiskColour),
        "factors": (_typed() + [Factor("", "", "")] * ROWS)[: max(ROWS, len(_typed()))],
        "receivers": register.receivers(db.session, current.appointment),
    }


def _typed() -> list[Factor]:
    form = request.form
    columns = (form.getlist(name) for name in ("group", "factor_colour", "factor"))
    return [Factor(*row) for row in zip(*columns, strict=False)]


@bp.post("/new")
def create() -> ResponseReturnValue:
    said, by, now = request.form.to_dict(), current.appointment, current.now
    try:
        made = acts.register_woman(db.session, said, _typed(), by=by, now=now)
    except InvalidAnswers as bad:
        db.write_nothing()
        return _new(bad.errors)
    except Forbidden:
        abort(404)
    key = made.id
    db.session.commit()
    flash("已登记，列入专案管理。")
    return redirect(url_for("register.show", record_id=key), 303)


# One record


@bp.get("/<int:record_id>")
def show(record_id: int) -> ResponseReturnValue:
    row = _seen(record_id)
    _leave_trace(row)
    return _show(row, {})


def _seen(record_id: int) -> RiskRecord:
    query = _with_units(register.visible(current.appointment)).where(RiskRecord.id == record_id)
    return db.one_or_404(
        query.options(
            *register.with_course(), selectinload(RiskRecord.cases).joinedload(RiskCase.case)
        )
    )


def _leave_trace(row: RiskRecord) -> None:
    """One event for each person and record in ten minutes (I01)."""
    lately = select(Event.data).where(
        Event.user_id == current.user.id,
        Event.name == EventName.RISK_READ,
        Event.at > current.now - READ_AGAIN,
    )
    if all(data.get("record") != row.id for data in db.session.scalars(lately)):
        by, now = current.appointment, current.now
        with db.transaction() as session:
            acts.read(session, session.get_one(RiskRecord, row.id), by=by, now=now)


def _show(row: RiskRecord, errors: Errors) -> ResponseReturnValue:
    by = current.appointment
    opens = visible_cases(by).with_only_columns(Case.id)
    ids = [each.case_id for each in row.cases]
    seen = set(db.session.scalars(opens.where(Case.id.in_(ids)))) if ids else set()
    page = render_template(
        "register/show.html",
        row=row,
        keeps=current.may("register:keep") and row.closed_at is None,
        reports=current.may("register:keep"),
        receives=acts.may_receive(row, by),
        cases=[each.case for each in row.cases if each.case_id in seen],
        linkable=register.linkable(db.session, row, by) if current.may("register:keep") else [],
        ends=labels.choices(RiskEnd),
        grade=register.grade_of,
        words=risk_words,
        limit=lambda each: register.limit_words(row.county_code, register.grade_of(each), each.at),
        verbs=risk_words.verbs(row),
        errors=errors,
        **_asked(),
    )
    return page, 422 if errors else 200


def _act(record_id: int, act: Callable[[RiskRecord], object], done: str) -> ResponseReturnValue:
    row = _seen(record_id)
    try:
        act(row)
    except InvalidAnswers as bad:
        db.write_nothing()
        return _show(_seen(record_id), bad.errors)
    except Closed:
        return error_page(409, GONE)
    except Forbidden:
        abort(404)
    db.session.commit()
    flash(done)
    return redirect(url_for("register.show", record_id=record_id), 303)


@bp.post("/<int:record_id>/assess")
def assess(record_id: int) -> ResponseReturnValue:
    said, by, now = request.form.to_dict(), current.appointment, current.now

    def act(row: RiskRecord) -> object:
        return acts.assess(db.session, row, said, _typed(), by=by, now=now)

    return _act(record_id, act, "评估已登记，以前的评估保留。")


@bp.post("/<int:record_id>/reports/<int:report_id>/<verb>")
def pass_on(record_id: int, report_id: int, verb: str) -> ResponseReturnValue:
    """报送, or 接收 by the county's MCH institution."""
    verbs = {"report": (acts.report, "已报送。"), "receive": (acts.receive, "已接收。")}
    if verb not in verbs:
        abort(404)
    do, done = verbs[verb]

    def act(row: RiskRecord) -> object:
        owed = db.one_or_404(
            select(RiskReport).where(RiskReport.id == report_id, RiskReport.record_id == row.id)
        )
        return do(db.session, row, owed, by=current.appointment, now=current.now)

    return _act(record_id, act, done)


@bp.post("/<int:record_id>/cases/<int:case_id>")
def link(record_id: int, case_id: int) -> ResponseReturnValue:
    """That a case one may open is this woman's."""

    def act(row: RiskRecord) -> object:
        by, now = current.appointment, current.now
        case = next((c for c in register.linkable(db.session, row, by) if c.id == case_id), None)
        if case is None:
            abort(404)
        return acts.link(db.session, row, case, by=by, now=now)

    return _act(record_id, act, "已关联。评审可以看到她的风险评估经过。")


@bp.post("/<int:record_id>/close")
def close(record_id: int) -> ResponseReturnValue:
    said, by, now = request.form.to_dict(), current.appointment, current.now

    def act(row: RiskRecord) -> None:
        acts.close(db.session, row, said, by=by, now=now)

    return _act(record_id, act, "已结案，记录保留。")
