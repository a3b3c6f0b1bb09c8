"""A user's cycle over HTTP: report a case, list what waits, hand in a step.

The server is `webapp.cli serve` with processes and threads; its database a throw-away PostgreSQL
that syncs each commit, and after it SQLite, reported without a bar. Database, server and the eight
clients share this machine; each client is a process of its own whose connections stay open. 50,000
cases are open: one that was really reported, copied inside the database with states of their own.

The clients report in counties of their own. What they hand in is progress of a rectification, as
quality offices of two hospitals, about cases that were played as far as that: a step without a
signature. Where one signs, verifying the password costs 26 ms of processor whatever else is done
(argon2id, by intent): two cores can verify 77 signatures a second and do nothing else.

How many cycles there can be at most is told by the processor time of one: two cores have 2,000 ms
a second for server, database and clients together. It waits for nobody, so it is told as well:
72 cycles would leave 28 ms for each. What is in the way is how often the database is asked, 41
times a cycle: two thirds of the server's time lie between a statement and its rows.
`tests.benchmarks.http_parts` tells whose code it goes into.

CSRF, idempotency keys and durable commits are as in life. The list is the whole inbox as a page;
the two forms are posted without fetching them first.

    python -m tests.benchmarks.http [--open N] [--clients N] [--seconds N] [--processes N]
        [--threads N] [sqlite] [postgres]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from models import Appointment, Attachment, Case, CaseState, Organisation, User
from tests.benchmarks import crowd
from tests.benchmarks.figures import AT_LEAST, AT_MOST, EXACTLY, Bar, finish, say
from tests.benchmarks.http_client import Errand
from tests.people import PASSWORD, PASSWORD_HASH
from tests.postgres import DURABLE, free_port, postgres_server
from tests.typed import typed
from webapp.cli import migrate
from webapp.db import make_engine
from workflows import demo, icd10
from workflows.actions import attachments
from workflows.actions.cases import open_case
from workflows.demo import answers
from workflows.demo.answers import NAME
from workflows.demo.people import UNITS, seat_of
from workflows.demo.play import BL, QH, County, Play
from workflows.demo.stage import Stage, Upload
from workflows.forms import load

ROOT = Path(__file__).parents[2]
STEP, FORM = "整改进展与佐证", "rectification_progress.v2"
COUNTIES = (QH, BL)
WARM_UP = 6.0  # seconds of cycles before the clock starts
CASES_EACH = 2  # that wait for each client


@dataclass(frozen=True)
class Size:
    open: int
    clients: int
    seconds: float
    processes: int
    threads: int


class AtOnce(Stage):
    """Plays without letting time pass for the others."""

    def let_pass(self, until: datetime) -> None:
        """What is due for a case fires with its steps."""


# What there is


def fill(url: str, size: Size, folder: Path) -> list[list[str]]:
    """Everything that is in the database before anybody asks; cases that wait, for each client."""
    migrate(url)
    now = datetime.now(UTC)
    database = make_engine(url)
    with Session(database) as session:
        icd10.load(session)
        demo.settle(session, password_hash=PASSWORD_HASH, folder=folder, now=now)
        desks = [held.organisation_id for held in crowd.settle(session)]
        reporter = seat_of(session, QH.reporter)
        death = now - timedelta(hours=1)
        said = answers.report(death, organisation=reporter.organisation_id)
        case = open_case(session, said, key=str(uuid4()), by=reporter, now=now)
        session.commit()
        original = case.id
    crowd.copy(database, original, desks, size.open)
    waiting = [
        [
            _play(database, COUNTIES[client % 2], folder, now, client * CASES_EACH + number)
            for number in range(CASES_EACH)
        ]
        for client in range(size.clients)
    ]
    database.dispose()
    return waiting


def _upload(session: Session, folder: Path) -> Upload:
    def upload(by: Appointment, name: str, at: datetime) -> Attachment:
        with (demo.FILES / name).open("rb") as stream:
            return attachments.store(
                session, folder, stream, name, most_bytes=1 << 20, by=by, now=at
            )

    return upload


def _play(database: Engine, county: County, folder: Path, now: datetime, number: int) -> str:
    """A case whose hospital puts something right; its number."""
    names = {unit.name: unit.key for unit in UNITS}
    with Session(database) as session, session.begin():
        found = session.scalars(select(Organisation).where(Organisation.name.in_(names)))
        units = {names[row.name]: row for row in found}
        stage = AtOnce(session, units, _upload(session, folder))
        death = now - timedelta(days=20, minutes=number)
        play = Play(stage, county, death, NAME, f"{2 * number:03d}")
        play.first_48h()
        play.verify(50)
        play.county_review(60)
        play.plan(300, days=30)
        assert stage.case is not None
        return stage.case.number


# Who asks


@contextmanager
def serving(url: str, size: Size, folder: Path) -> Iterator[tuple[int, int]]:
    """The production server, as its command starts it; its port and its process."""
    port = free_port()
    settings = {"DATABASE_URL": url, "YILI_VAR": str(folder), "PORT": str(port)}
    words = [f"--processes={size.processes}", f"--threads={size.threads}"]
    server = subprocess.Popen(
        [sys.executable, "-m", "webapp.cli", "serve", *words], env=os.environ | settings, cwd=ROOT
    )
    try:
        _wait(server, f"http://127.0.0.1:{port}/readyz")
        yield port, server.pid
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait(server: subprocess.Popen[bytes], address: str) -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise RuntimeError("the server has ended")
        try:
            with urllib.request.urlopen(address, timeout=1):  # noqa: S310 - our own, on loopback
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server does not answer")


def errands(url: str, size: Size, port: int, waiting: list[list[str]]) -> list[Errand]:
    """One for each client: a reporter in a county of its own, a quality office."""
    database = make_engine(url)
    with Session(database.execution_options(reads=True)) as session:
        reporters = session.scalars(
            select(Appointment)
            .join(User, User.id == Appointment.user_id)
            .where(User.username.in_([f"c{number}-0" for number in range(size.clients)]))
        ).all()
        begin = time.time() + WARM_UP + 2
        progress = typed(load.load(FORM), answers.progress(percent=40))
        found = []
        for client in range(size.clients):
            by = reporters[client]
            death = datetime.now(UTC) - timedelta(hours=2)
            said = answers.report(
                death, organisation=by.organisation_id, reporter=by.user.name, phone="13900000001"
            )
            found.append(
                Errand(
                    port=port,
                    reporter=by.user.username,
                    hands_in=COUNTIES[client % 2].office,
                    password=PASSWORD,
                    report=[list(pair) for pair in typed(load.load("report.v1"), said)],
                    step=STEP,
                    answers=[list(pair) for pair in progress],
                    cases=waiting[client],
                    begin=begin,
                    seconds=size.seconds,
                )
            )
    database.dispose()
    return found


def ask(given: list[Errand], folder: Path) -> list[dict[str, Any]]:
    """Every client in a process of its own; what each found."""
    running = []
    for number, errand in enumerate(given):
        path = folder / f"client-{number}.json"
        path.write_text(json.dumps(asdict(errand)), "utf-8")
        command = [sys.executable, "-m", "tests.benchmarks.http_client", str(path)]
        running.append((path, subprocess.Popen(command, cwd=ROOT)))
    for _path, client in running:
        if client.wait(timeout=300):
            raise RuntimeError("a client has failed")
    return [json.loads(path.with_suffix(".found").read_text("utf-8")) for path, _client in running]


def measure(url: str, size: Size, folder: Path, database: int = 0) -> dict[str, Any]:
    """Fill, serve, ask, look what has become of the rows. `database`: the process of its server."""
    began = time.monotonic()
    waiting = fill(url, size, folder / "files")
    say(f"  filled in {time.monotonic() - began:.0f} s")
    with serving(url, size, folder) as (port, server):
        before, used, stored = _reported(url), processor_s(server), processor_s(database)
        found = ask(errands(url, size, port, waiting), folder)
        used, stored = processor_s(server) - used, processor_s(database) - stored
        after = _reported(url)
    took = {name: sorted(ms for each in found for ms in each[name]) for name in TIMED}
    errors = [error for each in found for error in each["errors"]]
    for error in errors[:5]:
        say(f"  {error}")
    return {
        "cycles": len(took["complete"]),
        "cycles_per_s": round(len(took["complete"]) / size.seconds, 1),
        "p95_ms": _percentile(took["complete"], 0.95),
        "median_ms": {name: _percentile(values, 0.5) for name, values in took.items()},
        "p95_of": {name: _percentile(values, 0.95) for name, values in took.items()},
        "errors": len(errors),
        "open_cases": before[1],
        "reported": after[0] - before[0],
        "server_processor_ms": round(used * 1e3 / max(1, after[0] - before[0]), 1),
        "database_processor_ms": round(stored * 1e3 / max(1, after[0] - before[0]), 1),
        "client_processor_ms": round(
            sum(each["processor_s"] for each in found) * 1e3 / max(1, len(took["complete"])), 1
        ),
    }


TIMED = ("start", "list_", "complete")


def processor_s(parent: int) -> float:
    """Seconds of processor that a process and its children have used, warm-up included."""
    if not parent:  # SQLite is part of the server
        return 0.0
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            said = stat.read_text("ascii", "replace").rpartition(") ")[2].split()
        except OSError:  # it has just ended
            continue
        if parent in (int(stat.parent.name), int(said[1])):
            ticks += int(said[11]) + int(said[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _reported(url: str) -> tuple[int, int]:
    """How many cases there are, and how many of them are open."""
    database = make_engine(url)
    with Session(database.execution_options(reads=True)) as session:
        ended = Case.state.in_((CaseState.CLOSED, CaseState.VOIDED))
        every = session.scalar(select(func.count(Case.id))) or 0
        still = session.scalar(select(func.count(Case.id)).where(~ended)) or 0
    database.dispose()
    return every, still


def _percentile(values: list[float], part: float) -> float:
    return round(values[int(len(values) * part)], 1) if values else 0.0


def main(size: Size, databases: list[str]) -> int:
    figures: dict[str, Any] = {}
    for name in databases:
        say(f"{name}: {size}")
        with tempfile.TemporaryDirectory() as folder:
            if name == "sqlite":
                found = measure(f"sqlite:///{folder}/http.db", size, Path(folder))
            else:
                with postgres_server(DURABLE) as server:
                    url = server.create_database("http")
                    found = measure(url, size, Path(folder), server.process.pid)
        say(f"  {found}")
        figures[name] = found | {"database": name}
    first = figures[databases[0]]
    bars = [
        Bar("answers other than expected", first["errors"], EXACTLY, 0),
        Bar("cycles a second", first["cycles_per_s"], AT_LEAST, 72),
        Bar("p95 of a completion, ms", first["p95_ms"], AT_MOST, 200),
        Bar("open cases", first["open_cases"], AT_LEAST, size.open),
    ]
    return finish(first | {"databases": figures}, bars)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("databases", nargs="*", default=["postgres", "sqlite"])
    parser.add_argument("--open", type=int, default=50_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=4)
    given = parser.parse_args()
    size = Size(given.open, given.clients, given.seconds, given.processes, given.threads)
    sys.exit(main(size, given.databases))
