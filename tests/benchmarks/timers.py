"""Due timers among many: 200,000 wait, 1,000 fall due within a minute, four workers run.

The cases that fall due are real ones, reported by the action and then copied with ids of their
own; of the others there is only what the sweep could stumble over: rows, and a state that nobody
can read. A worker that touched one would fail, and is watched for loading any. Lag is from the
moment a timer is due to the commit of what it does.

    python -m tests.benchmarks.timers [--within SECONDS] [--waiting N] [--due N] [sqlite] [postgres]

`--within 0`: all at one moment, as after an outage; then the lag is how long the backlog takes, and
there is no bar on it.
"""

import argparse
import json
import logging
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import zstandard
from sqlalchemy import Engine, Table, event, func, insert, select, text
from sqlalchemy.orm import Session

from models import Base, Case, Event, Process, Timer
from tests import cases, people
from tests.benchmarks.crowd import moved
from tests.benchmarks.figures import AT_MOST, EXACTLY, Bar, finish, say
from tests.postgres import postgres_server
from webapp import worker
from webapp.cli import migrate
from webapp.db import make_engine

ROOT = Path(__file__).parents[2]
AHEAD = timedelta(seconds=15)  # copying takes less
STARTING_SECONDS = 60
MOST_SECONDS = 60  # after the last fell due; then what is left is lost
TIMER = "BT_discuss_overdue"
GATE = "gate"


@dataclass(frozen=True)
class Size:
    waiting: int
    due: int
    workers: int
    within: int


# What waits


def fill(database: Engine, size: Size) -> dict[str, Any]:
    """Everything but the cases that fall due; the rows of one real case, to be copied."""
    now = datetime.now(UTC)
    with Session(database) as session:
        world = people.settle(session)
        session.commit()
        case = cases.report(session, world.by["department"], now)
        rows = _rows_of(session, case)
        _remove(session, rows)
        _crowd(session, rows, size.waiting // 2)
        session.commit()
    return rows


def _settle(database: Engine) -> None:
    """Before anybody else writes: workers open processes of their own (duties of the month that is
    over), and their ids follow on those that were given here."""
    with database.begin() as connection:
        if connection.dialect.name == "postgresql":
            for name in COPIED:
                highest = f'(SELECT max(id) FROM "{name}")'  # noqa: S608
                sequence = f"pg_get_serial_sequence('\"{name}\"', 'id')"
                connection.execute(text(f"SELECT setval({sequence}, {highest})"))
        connection.execute(text("ANALYZE"))


COPIED = ("case", "person", "case_unit", "clock", "process", "task", "timer")


def _tables() -> list[Table]:
    return [Base.metadata.tables[name] for name in COPIED]


def _rows_of(session: Session, case: Case) -> dict[str, Any]:
    """Table → rows of the case."""
    found: dict[str, Any] = {}
    processes = select(Process.id).where(Process.case_id == case.id)
    for table in _tables():
        if table.name == "case":
            query = select(table).where(table.c.id == case.id)
        elif "case_id" in table.c:
            query = select(table).where(table.c.case_id == case.id)
        else:
            query = select(table).where(table.c.process_id.in_(processes))
        found[table.name] = [dict(row._mapping) for row in session.execute(query)]
    return found


def _remove(session: Session, rows: dict[str, Any]) -> None:
    """The pattern itself does not take part: its timers go, its clocks remind of nothing."""
    session.execute(text("DELETE FROM timer"))
    session.execute(text("UPDATE clock SET next_reminder_at = NULL"))
    for clock in rows["clock"]:
        clock["next_reminder_at"] = None


def _crowd(session: Session, rows: dict[str, Any], number: int) -> None:
    """Processes of one case that wait for years, two timers each, made inside the database."""
    [process] = rows["process"]
    later = datetime.now(UTC) + timedelta(days=400)
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :number)"
    values = {"number": number, "first": process["id"], "state": b"nobody reads this"}
    if session.get_bind().dialect.name == "postgresql":
        numbers = "WITH n(i) AS (SELECT generate_series(1, :number))"
    session.execute(
        text(
            "INSERT INTO process (id, case_id, definition_id, status, state, version, started_at) "  # noqa: S608
            f"{numbers} SELECT :first + i, p.case_id, p.definition_id, 'running', :state, 1, "
            "p.started_at FROM n, process p WHERE p.id = :first"
        ),
        values,
    )
    query = select(Process.id).where(Process.id > process["id"]).order_by(Process.id)
    ids = session.scalars(query).all()
    spread = [later + timedelta(seconds=place) for place in range(len(ids))]
    for name in ("BT_discuss_overdue", "BT_submit_overdue"):
        session.execute(
            insert(Base.metadata.tables["timer"]),
            [
                {"process_id": key, "spiff_id": uuid4().hex, "bpmn_id": name, "due_at": due}
                for key, due in zip(ids, spread, strict=True)
            ],
        )


# What falls due


Dues = dict[int, datetime]  # by process


def copy(database: Engine, rows: dict[str, Any], size: Size, first: datetime) -> Dues:
    """So many cases like the one given, whose first timers fall due one after the other."""
    [old_due] = [timer["due_at"] for timer in rows["timer"] if timer["bpmn_id"] == TIMER]
    plain = zstandard.ZstdDecompressor().decompress(rows["process"][0]["state"])
    with database.begin() as connection:
        highest = {
            table.name: connection.scalar(select(func.max(table.c.id))) or 0 for table in _tables()
        }
        made: dict[str, list[dict[str, Any]]] = {table.name: [] for table in _tables()}
        for place in range(size.due):
            due = first + timedelta(seconds=size.within) * place / size.due
            ids = _new_ids(rows, highest)
            tasks = {
                row["spiff_id"]: uuid4().hex for name in ("task", "timer") for row in rows[name]
            }
            state = moved(plain, old_due, due)
            for old, new in tasks.items():
                state = state.replace(old.encode(), new.encode())
            for name, originals in rows.items():
                made[name] += [_copied(name, row, ids, tasks) for row in originals]
            made["case"][-1]["number"] = f"MD-990121-2026-{place:05d}"
            made["process"][-1]["state"] = zstandard.ZstdCompressor(level=3).compress(state)
            _make_due(made, old_due, due)
        for table in _tables():
            connection.execute(insert(table), made[table.name])
    return {row["process_id"]: row["due_at"] for row in made["timer"] if row["bpmn_id"] == TIMER}


def _new_ids(rows: dict[str, Any], highest: dict[str, int]) -> dict[tuple[str, int], int]:
    ids: dict[tuple[str, int], int] = {}
    for name, originals in rows.items():
        for row in originals:
            highest[name] += 1
            ids[name, row["id"]] = highest[name]
    return ids


def _copied(
    name: str, row: dict[str, Any], ids: dict[tuple[str, int], int], tasks: dict[str, str]
) -> dict[str, Any]:
    made = row | {"id": ids[name, row["id"]]}
    for key in ("case", "process", "clock"):
        if made.get(f"{key}_id") is not None:
            made[f"{key}_id"] = ids[key, made[f"{key}_id"]]
    if "spiff_id" in made:
        made["spiff_id"] = tasks[made["spiff_id"]]
    return made


def _make_due(made: dict[str, list[dict[str, Any]]], old: datetime, due: datetime) -> None:
    for name in ("timer", "clock"):
        for row in made[name]:
            if row["due_at"] == old:
                row["due_at"] = due


# The workers


class Unfit(Exception):
    """Nothing can be measured: says why."""


def work(url: str, answer: Path) -> None:
    """Be one worker until told to stop; then write down what was loaded and when what was done.

    It begins when the gate is opened, with everything imported.
    """
    database = make_engine(url)
    loaded: Counter[int] = Counter()
    done: list[tuple[int, float]] = []

    @event.listens_for(Process, "load")
    def _loaded(process: Process, _context: object) -> None:
        loaded[process.id] += 1

    class Diary(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.msg == "%s %d done" and isinstance(record.args, tuple):
                if record.args[0] == "timer":  # other sweeps look too, and do what is theirs
                    done.append((int(str(record.args[1])), record.created))
            elif record.levelno >= logging.ERROR:
                sys.stderr.write(f"{self.format(record)[-1500:]}\n")

    logging.getLogger("webapp.worker").addHandler(Diary())
    logging.getLogger("webapp.worker").setLevel(logging.INFO)
    stop = worker.stopped_by_signals()
    (answer.with_suffix(".ready")).touch()
    while not (answer.parent / GATE).exists() and not stop.wait(0.02):
        pass
    worker.Sweeper(database, worker.SWEEPS).run(stop)
    answer.write_text(json.dumps({"loaded": list(loaded), "done": done}))


@contextmanager
def working(url: str, number: int, folder: Path) -> Iterator["Crew"]:
    """Workers in processes of their own; at the end of the block they are told to stop."""
    answers = [folder / f"worker-{place}.json" for place in range(number)]
    command = [sys.executable, "-m", "tests.benchmarks.timers", "--work"]
    crew = Crew(
        folder,
        answers,
        [
            subprocess.Popen([*command, url, str(answer)], cwd=ROOT, env=os.environ)
            for answer in answers
        ],
    )
    try:
        yield crew
    finally:
        for process in crew.processes:
            process.send_signal(signal.SIGTERM)
        for process in crew.processes:
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()


@dataclass(frozen=True)
class Crew:
    """Workers that stand at the gate, or work; what each has written down at the end."""

    folder: Path
    answers: list[Path]
    processes: list[subprocess.Popen[bytes]]

    def open_gate(self) -> None:
        """When all of them stand there. Raises Unfit."""
        deadline = time.monotonic() + STARTING_SECONDS
        while not all(answer.with_suffix(".ready").exists() for answer in self.answers):
            self.be_there()
            if time.monotonic() > deadline:
                raise Unfit(f"the workers did not start in {STARTING_SECONDS} s")
            time.sleep(0.05)
        (self.folder / GATE).touch()

    def be_there(self) -> None:
        """Raises Unfit when one has ended."""
        ended = [process.returncode for process in self.processes if process.poll() is not None]
        if ended:
            raise Unfit(f"a worker has ended with status {ended[0]}")

    def told(self) -> list[dict[str, Any]]:
        """After they have stopped. Raises Unfit."""
        silent = [answer.name for answer in self.answers if not answer.exists()]
        if silent:
            raise Unfit(f"{silent} did not come to an end in order")
        return [json.loads(answer.read_text()) for answer in self.answers]


# The measurement


def measure(url: str, size: Size, folder: Path) -> dict[str, Any]:
    """Fill, let fall due, wait until nothing is due any more, and count."""
    began = time.monotonic()
    migrate(url)
    database = make_engine(url)
    with working(url, size.workers, folder) as crew:
        rows = fill(database, size)
        say(f"  {size.waiting} waiting after {time.monotonic() - began:.0f} s")
        due = datetime.now(UTC).replace(microsecond=0) + AHEAD
        dues = copy(database, rows, size, due)
        _settle(database)
        crew.open_gate()
        if (late := datetime.now(UTC) - due) > timedelta():
            raise Unfit(f"workers could begin {late} after the first was due: AHEAD is too short")
        left = _until_done(database, max(dues.values()), crew)
        if left:
            say(f"  {left} are still due {MOST_SECONDS} s after the last moment")
    figures = _count(database, size, dues, crew.told())
    database.dispose()
    return figures


def _until_done(database: Engine, due: datetime, crew: Crew) -> int:
    """How many are left after MOST_SECONDS. Raises Unfit."""
    query = select(func.count()).select_from(Timer).where(Timer.due_at <= due)
    while True:
        crew.be_there()
        now = datetime.now(UTC)
        with Session(database.execution_options(reads=True)) as session:
            left = session.scalar(query) or 0
        if now > due and (not left or now > due + timedelta(seconds=MOST_SECONDS)):
            return left
        time.sleep(0.5)


def _count(database: Engine, size: Size, dues: Dues, told: list[dict[str, Any]]) -> dict[str, Any]:
    last = max(dues.values())
    with Session(database.execution_options(reads=True)) as session:
        at = dict(session.execute(select(Process.case_id, Process.id)).all())
        told_of = session.scalars(select(Event.case_id).where(Event.name == "timer.fired"))
        fired = Counter(case for case in told_of if at.get(case) in dues)
        escalated = session.scalar(
            select(func.count()).select_from(Event).where(Event.name == "clock.escalated")
        )
        waiting = session.scalar(select(func.count()).select_from(Timer).where(Timer.due_at > last))
    lags = sorted(at - dues[key].timestamp() for each in told for key, at in each["done"])
    loaded = {key for each in told for key in each["loaded"]}
    return {
        "waiting": waiting,
        "due": size.due,
        "fired_once": sum(1 for count in fired.values() if count == 1),
        "fired_twice": sum(1 for count in fired.values() if count > 1),
        "lost": size.due - len(fired),
        "escalated": escalated,
        "loaded": len(loaded - dues.keys()),
        "p50_lag_s": round(statistics.median(lags), 2) if lags else None,
        "p99_lag_s": round(lags[int(len(lags) * 0.99) - 1], 2) if lags else None,
        "per_worker": [len(each["done"]) for each in told],
    }


def main(size: Size, databases: list[str]) -> int:
    figures: dict[str, Any] = {}
    bars: list[Bar] = []
    for name in databases:
        say(f"{name}: {size.due} of {size.waiting} due in {size.within} s, {size.workers} workers")
        with tempfile.TemporaryDirectory() as folder:
            if name == "sqlite":
                found = measure(f"sqlite:///{folder}/timers.db", size, Path(folder))
            else:
                with postgres_server() as server:
                    found = measure(server.create_database("timers"), size, Path(folder))
        say(f"  {found}")
        figures[name] = found
        bars += [
            Bar(f"{name}: fired exactly once", found["fired_once"], EXACTLY, size.due),
            Bar(f"{name}: escalated", found["escalated"], EXACTLY, size.due),
            Bar(f"{name}: fired twice", found["fired_twice"], EXACTLY, 0),
            Bar(f"{name}: lost", found["lost"], EXACTLY, 0),
            Bar(f"{name}: others loaded", found["loaded"], EXACTLY, 0),
        ]
        if size.within:
            bars.append(Bar(f"{name}: p99 lag, s", found["p99_lag_s"] or 1e9, AT_MOST, 5))
    worst = max(figures.values(), key=lambda found: found["p99_lag_s"] or 1e9)
    return finish(worst | {"databases": figures}, bars)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("databases", nargs="*", default=["sqlite", "postgres"])
    parser.add_argument("--waiting", type=int, default=200_000)
    parser.add_argument("--due", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--within", type=int, default=45)
    parser.add_argument("--work", nargs=2)
    given = parser.parse_args()
    if given.work:
        work(given.work[0], Path(given.work[1]))
    else:
        size = Size(given.waiting, given.due, given.workers, given.within)
        try:
            sys.exit(main(size, given.databases))
        except Unfit as unfit:
            say(json.dumps({"waiting": size.waiting, "due": size.due, "failed": str(unfit)}))
            sys.exit(2)
