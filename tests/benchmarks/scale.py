"""Lists with a million cases behind them: what each page takes, and how many questions it asks.

The pages are asked for through the application itself (its test client), by the people with the
most to see: the largest city's institution and commission, its largest county's, its busiest
hospital's office, the expert with the most cases. A page's time is from request to answer, without
the network. Queries are those sent to the database, signing in and noting who looked included.

    python -m tests.benchmarks.scale [--cases N] [--steps N] [--rounds N] [postgres] [sqlite]
    python -m tests.benchmarks.scale [--cases N] --kept URL

Without `--cases`: 200,000 on PostgreSQL and 20,000 on SQLite, in under three minutes on a quiet
machine. The full size is `--cases 1000000`, on PostgreSQL; it takes ten. `--kept`: a database of
your own, filled when it is empty and left as it is; the next time it is migrated and asked at once.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, func, make_url, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from models import Appointment, Case, CaseState, Organisation, Person, Role, Task, TaskState
from tests import postgres
from tests.benchmarks.figures import AT_MOST, Bar, finish, say
from tests.benchmarks.scale_data import FIRST, Size, fill
from tests.pages import Client
from webapp import config, create_app, serving
from webapp.cli import migrate
from webapp.db import make_engine
from workflows.actions import users

SERVER = {
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "autovacuum": "on",
    "random_page_cost": "1.1",  # as on any solid-state disk
}
MOST_MS = 100  # of a list, a board, a case
COUNTED_MS = 1000  # of statistics, which count a year of everything on the spot


# Who looks at what


@dataclass(frozen=True)
class Ask:
    """A page: the name it is reported under, and how it is asked for."""

    name: str
    path: str
    form: dict[str, str] | None = None


@dataclass
class Known:
    """What the people look for: cases of the largest city."""

    case: Case
    closed: Case
    name: str
    number: str
    hospital: int
    steps: dict[str, dict[str, int]]  # by reader: one that waits, one that was handed in


def readers(session: Session) -> dict[str, Appointment]:
    """The people with the most to see, by what they are."""

    def seat(organisation: int, role: Role) -> Appointment:
        query = select(Appointment).where(
            Appointment.organisation_id == organisation, Appointment.role == role
        )
        return session.scalars(query.order_by(Appointment.id).limit(1)).one()

    def most(column: Any, *conditions: Any) -> Any:
        query = select(column).where(Case.id >= FIRST, *conditions).group_by(column)
        return session.scalars(query.order_by(func.count().desc(), column).limit(1)).one()

    city = most(Case.city_code)
    county = most(Case.county_code, Case.city_code == city)
    hospital = most(Case.organisation_id, Case.county_code == county)

    def unit(region: str, kind: str) -> int:
        query = select(Organisation.id).where(
            Organisation.region_code == region, Organisation.kind == kind
        )
        return session.scalars(query.order_by(Organisation.id).limit(1)).one()

    opinions = (
        select(Task.user_id)
        .where(Task.bpmn_id == "UT_opinion", Task.state == TaskState.OPEN)
        .group_by(Task.user_id)
        .order_by(func.count().desc())
        .limit(1)
    )
    expert = session.scalars(
        select(Appointment).where(Appointment.user_id == session.scalars(opinions).one())
    ).one()
    return {
        "city MCH": seat(unit(city, "mch"), Role.MCH),
        "city commission": seat(unit(city, "commission"), Role.COMMISSION),
        "county MCH": seat(unit(county, "mch"), Role.MCH),
        "hospital": seat(hospital, Role.QUALITY_OFFICE),
        "expert": expert,
    }


def known(session: Session, hospital: int) -> Known:
    def newest(state: CaseState) -> Case:
        query = select(Case).where(Case.organisation_id == hospital, Case.state == state)
        return session.scalars(query.order_by(Case.id.desc()).limit(1)).one()

    case = newest(CaseState.RECTIFYING)
    name = session.scalars(select(Person.name).where(Person.case_id == case.id)).one()

    def step(state: TaskState) -> int:
        query = select(Task.id).where(
            Task.organisation_id == hospital, Task.lane == "quality_office", Task.state == state
        )
        return session.scalars(query.order_by(Task.id.desc()).limit(1)).one()

    steps = {
        "hospital": {"step": step(TaskState.OPEN), "step, handed in": step(TaskState.DONE)},
    }
    return Known(case, newest(CaseState.CLOSED), name, case.number, hospital, steps)


LISTS = {
    "cases": "",
    "cases, page 30": "?page=30",
    "cases, open": "?state=open",
    "cases, late now": "?late=now",
    "cases, late ever": "?late=ever",
    "cases, late report": "?late=report",
    "cases, no city review": "?gap=city",
    "cases, this year": "?period=year",
    "cases, last year, open": "?period=last_year&state=open",
    "cases, by due": "?order=due",
    "cases, by event": "?order=event",
    "cases, by number": "?order=number",
}
BOARDS = {
    "limits": "/clocks",
    "limits, late": "/clocks?state=late",
    "limits, late longest first": "/clocks?state=late&order=late",
    "limits, met late": "/clocks?state=met_late",
    "limits, all": "/clocks?state=all",
    "limits, by unit": "/clocks?order=unit",
    "ledger": "/ledger",
    "ledger, overdue": "/ledger?view=overdue",
    "ledger, closed": "/ledger?view=closed",
    "board": "/board",
    "board, last year": "/board?period=last_year",
    "statistics": "/statistics?period=year",
    "statistics, review": "/statistics/review-county?period=year",
}


def asks(who: str, seen: Known) -> Iterator[Ask]:
    """What somebody looks at."""
    yield Ask("my tasks", "/tasks")
    for name, rest in LISTS.items():
        yield Ask(name, f"/cases{rest}")
    yield Ask("cases, number", f"/cases?number={seen.number}")
    yield Ask("cases, end of number", f"/cases?number={seen.number[-9:]}")
    yield Ask("search, number", "/search", {"q": seen.number[-9:]})
    if who == "expert":
        return
    yield Ask("cases, unit", f"/cases?unit={seen.hospital}")
    for name, words in (
        ("name", seen.name),
        ("part of a name", seen.name[1:]),
        ("surname", seen.name[:1]),
        ("no such name", "欧阳无"),
    ):
        yield Ask(f"cases, {name}", "/cases", {"q": words})
        yield Ask(f"search, {name}", "/search", {"q": words})
    for name, key in seen.steps.get(who, {}).items():
        yield Ask(name, f"/tasks/{key}")
    for name, path in BOARDS.items():
        if who != "hospital" or not name.startswith("statistics"):
            yield Ask(name, path)
    for name, case in (("case", seen.case), ("closed case", seen.closed)):
        yield Ask(name, f"/cases/{case.id}")
        yield Ask(f"{name}, diagram", f"/cases/{case.id}/diagrams")


# Asking


@dataclass
class Tally:
    """Milliseconds, by page and reader, and the most queries of any answer."""

    took: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    queries: dict[str, int] = field(default_factory=dict)

    def note(self, page: str, who: str, ms: float, queries: int) -> None:
        self.took.setdefault((page, who), []).append(ms)
        self.queries[page] = max(queries, self.queries.get(page, 0))

    def p95(self) -> dict[str, float]:
        """The slowest reader's, for each page."""
        found: dict[str, float] = {}
        for (page, _), took in self.took.items():
            found[page] = max(found.get(page, 0.0), percentile(took))
        return {page: round(ms, 1) for page, ms in found.items()}


def percentile(values: list[float]) -> float:
    several = values if len(values) > 1 else values * 2
    return statistics.quantiles(several, n=20, method="inclusive")[-1]


@contextmanager
def counting(engine: Engine) -> Iterator[list[str]]:
    """The statements sent meanwhile."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def browser(app: Flask, session: Session, by: Appointment) -> FlaskClient:
    """A signed-in browser of somebody."""
    row, token = users.open_session(session, by.user, now=datetime.now(UTC), address=None)
    row.appointment = by
    session.commit()
    found = app.test_client()
    with found.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = token, True
    return found


def answer(client: FlaskClient, ask: Ask) -> TestResponse:
    """The page, unjudged: a judge takes longer than the page."""
    assert isinstance(client, Client)
    headers = {"X-CSRFToken": client._csrf_token()} if ask.form is not None else {}
    method = "GET" if ask.form is None else "POST"
    reply = FlaskClient.open(
        client, ask.path, method=method, data=ask.form, headers=headers, buffered=True
    )
    assert reply.status_code in (200, 303), (ask, reply.status_code)
    return reply


def measure(url: str, rounds: int, folder: Path) -> Tally:
    environment = {"YILI_VAR": str(folder), "YILI_SECRET_KEY": "a", "DATABASE_URL": url}
    app = create_app({**config.from_environment(environment), "TESTING": True})
    app.test_client_class = Client
    engine: Engine = app.extensions["engine"]
    tally = Tally()
    with Session(engine) as session:
        people = readers(session)
        seen = known(session, people["hospital"].organisation_id)
        browsers = {who: browser(app, session, by) for who, by in people.items()}
        pages = {who: list(asks(who, seen)) for who in people}
        session.commit()
    for turn in range(rounds + 1):
        for who, client in browsers.items():
            for ask in pages[who]:
                with counting(engine) as statements:
                    began = time.perf_counter()
                    answer(client, ask)
                    took = (time.perf_counter() - began) * 1e3
                if turn:  # the first fills caches that stay filled
                    tally.note(ask.name, who, took, len(statements))
        if not turn:
            serving.settle()  # as a server's process does
    engine.dispose()
    return tally


def report(tally: Tally) -> None:
    whos = list(dict.fromkeys(who for _, who in tally.took))
    pages = list(dict.fromkeys(page for page, _ in tally.took))
    say(f"  {'':28}{'queries':>8}" + "".join(f"{who:>17}" for who in whos))
    for page in pages:
        cells = [tally.took.get((page, who)) for who in whos]
        shown = "".join(f"{percentile(cell):17.1f}" if cell else f"{'–':>17}" for cell in cells)
        say(f"  {page:28}{tally.queries[page]:8}{shown}")


@contextmanager
def database(name: str, folder: Path) -> Iterator[str]:
    if name == "sqlite":
        yield f"sqlite:///{folder}/scale.db"
        return
    with patch.dict(postgres.SETTINGS, SERVER), postgres.postgres_server() as server:
        yield server.create_database("scale")


def run(name: str, size: Size, rounds: int, kept: str | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with nullcontext(kept) if kept else database(name, folder) as url:
            began = time.monotonic()
            size = _filled(url, size, folder)
            say(f"{name}: {size.cases} cases, {size.open} open, {time.monotonic() - began:.0f} s")
            tally = measure(url, rounds, folder)
    report(tally)
    return {
        "cases": size.cases,
        "open": size.open,
        "p95_ms": tally.p95(),
        "queries": tally.queries,
        "statistics": {
            page: ms for page, ms in tally.p95().items() if page.startswith("statistics")
        },
    }


def _filled(url: str, size: Size, folder: Path) -> Size:
    """The database with everything in it; how many cases that are."""
    migrate(url)
    engine = make_engine(url)
    with Session(engine) as session:
        there = session.scalar(select(func.count()).where(Case.id > FIRST))
    if not there:
        fill(engine, size, folder / "files", datetime.now(UTC))
    engine.dispose()
    return Size(there, size.steps) if there else size


SHORT = {"postgres": Size(200_000, 1_000_000), "sqlite": Size(20_000, 60_000)}


def sized(name: str, cases: int | None, steps: int | None) -> Size:
    usual = SHORT[name]
    return Size(cases or usual.cases, steps or usual.steps)


def _most(page: str) -> int:
    return COUNTED_MS if page.startswith("statistics") else MOST_MS


def main(given: argparse.Namespace) -> int:
    databases, kept = given.databases, given.kept
    if kept:
        databases = ["sqlite" if make_url(kept).get_backend_name() == "sqlite" else "postgres"]
    figures = {
        name: run(name, sized(name, given.cases, given.steps), given.rounds, kept)
        for name in databases
    }
    bars = [
        Bar(f"{name}: {page}, p95 in ms", ms, AT_MOST, _most(page))
        for name, found in figures.items()
        for page, ms in found["p95_ms"].items()
        if name == databases[0]  # the other is told beside it
    ]
    first = figures[databases[0]]
    return finish(first | {"database": databases[0], "databases": figures}, bars)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("databases", nargs="*", default=["postgres", "sqlite"])
    parser.add_argument("--cases", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--kept", metavar="URL")
    sys.exit(main(parser.parse_args()))
