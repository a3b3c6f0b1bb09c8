"""The power goes while the application writes to SQLite: nothing corrupt, half or lost.

Real requests (a report, steps, a case voided) are made, and the statements of their transactions
written down by the driver. These are made again on a copy of the database through a disk that
remembers, with the application's own pragmas. For moments all along, what may then lie on the disk
is opened by SQLite as the application would, and must be, page by page, the database after so many
transactions: at least all that had been acknowledged.

    python -m tests.faults --only=power [--long]

One pragma is not the application's, for a disk in Python shares no memory: `locking_mode`.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event
from typing import Any
from uuid import uuid4

import apsw
from flask import Flask
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from models import Case, CaseState, Task, TaskState
from tests.faults.clients import DONE, SECRET, Attempt, Client, Indoors, Journal, sign_in
from tests.faults.desks import Desks
from tests.faults.disk import Image, Log, Shim, images
from webapp import config, create_app
from webapp.db import PRAGMAS
from workflows.demo.play import QH

Transaction = list[str]
WRITING = ("INSERT", "UPDATE", "DELETE", "SAVEPOINT", "RELEASE", "ROLLBACK TO")
STEPS = 4  # handed in after the report
CHECKPOINT = 60  # pages: often enough that the log is moved into the database several times


@dataclass
class Outcome:
    """How many disks were looked at, and what was wrong with them."""

    transactions: int = 0
    writes: int = 0
    states: int = 0
    corrupt: int = 0
    half: int = 0
    lost: int = 0
    by_fate: Counter[str] = field(default_factory=Counter)

    def add(self, fate: str, found: str | None) -> None:
        self.states += 1
        if found:
            setattr(self, found, getattr(self, found) + 1)
            self.by_fate[f"{fate}: {found}"] += 1


# What the application says to its database


@contextmanager
def recording(engine: Engine) -> Iterator[list[Transaction]]:
    """Inside the block: what each committed writing transaction said, as the driver sends it."""
    told: list[Transaction] = []

    def listen(connection: sqlite3.Connection, *_: Any) -> None:
        said: Transaction = []

        def hear(statement: str) -> None:
            if statement.startswith("BEGIN"):
                said.clear()
            elif statement.startswith("COMMIT"):
                if said:
                    told.append(list(said))
                said.clear()
            elif statement.lstrip().upper().startswith(WRITING):
                said.append(statement)
            elif statement == "ROLLBACK":
                said.clear()

        connection.set_trace_callback(hear)

    engine.dispose()  # so that every connection is a new one
    event.listen(engine, "connect", listen)
    try:
        yield told
    finally:
        event.remove(engine, "connect", listen)
        engine.dispose()


def work(app: Flask, cookies: dict[str, str]) -> None:
    """A death reported twice, steps of the first case taken, the second voided by two people."""
    engine, journal, dice = app.extensions["engine"], Journal(), Random("power")  # noqa: S311
    browser = Indoors(app, cookies)
    somebody = Client(browser, engine, journal, "power", Event())
    death = datetime.now(UTC) - timedelta(hours=2)
    for name in ("禾晚", "禾早"):
        with Session(engine.execution_options(reads=True)) as session:
            paper = Desks(session, somebody.upload, dice).report(QH, death, name)
        _hand_in(somebody, Attempt(paper.who, "/reports/new", str(uuid4()), "report"), paper)
    for _ in range(STEPS):
        with Session(engine.execution_options(reads=True)) as session:
            first = select(Case.id).order_by(Case.id.desc()).offset(1).limit(1).scalar_subquery()
            query = select(Task).where(Task.case_id == first, Task.state == TaskState.OPEN)
            task = session.scalars(query.order_by(Task.id)).first()
            assert task is not None, "no step is open"
            attempt = Attempt("", f"/tasks/{task.id}", str(uuid4()), task.bpmn_id)
            paper = Desks(session, somebody.upload, dice).paper(task)
        attempt.who = paper.who
        _hand_in(somebody, attempt, paper)
    with Session(engine.execution_options(reads=True)) as session:
        second = session.scalars(select(Case.id).order_by(Case.id.desc())).first()
    path = f"/cases/{second}/void"
    assert (
        browser.post(QH.office, path, [("reason", "同一病例重复登记，以先登记的为准")]).status
        == DONE
    )
    assert browser.post(QH.mch, f"{path}/decision", [("decision", "confirm")]).status == DONE
    with Session(engine.execution_options(reads=True)) as session:
        assert session.get_one(Case, second).state is CaseState.VOIDED


def _hand_in(somebody: Client, attempt: Attempt, paper: Any) -> None:
    somebody.until_told(attempt, paper.typed(attempt.key))
    assert attempt.acknowledged, f"{attempt.what}: {attempt.told} {somebody.journal.strange}"


def recorded(database: Path, folder: Path) -> tuple[Image, list[Transaction]]:
    """The database before the work, and what the work said to it. `database` has people in it."""
    environment = {
        "YILI_VAR": str(folder),
        "YILI_SECRET_KEY": SECRET,
        "DATABASE_URL": f"sqlite:///{database}",
    }
    app = create_app({**config.from_environment(environment), "TESTING": True})
    engine = app.extensions["engine"]
    cookies = sign_in(engine)
    engine.dispose()
    _copy(database, folder / "before.db")
    with recording(engine) as told:
        work(app, cookies)
    return {"power.db": (folder / "before.db").read_bytes()}, told


def _copy(database: Path, to: Path) -> None:
    """Whole, though others may have it open and its log may hold some of it."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


# The same once more, on a disk that remembers


@dataclass
class Replay:
    """`after`: the whole database after so many transactions. `acknowledged`: (entries of the log,
    how many transactions the application had been told are safe)."""

    log: Log
    after: list[bytes]
    acknowledged: list[tuple[int, int]]

    def safe_at(self, moment: int) -> int:
        return max((count for at, count in self.acknowledged if at <= moment), default=0)


def replay(
    start: Image, told: Iterable[Transaction], folder: Path, pragmas: Iterable[str] = PRAGMAS
) -> Replay:
    """Every transaction again, with the application's pragmas."""
    [(name, content)] = start.items()
    (folder / name).write_bytes(content)
    log = Log(start)
    disk = f"disk-{uuid4().hex}"
    shim = Shim(disk, log)  # lives as long as it is named here
    connection = apsw.Connection(str(folder / name), vfs=disk)
    for pragma in ("locking_mode=EXCLUSIVE", *pragmas, f"wal_autocheckpoint={CHECKPOINT}"):
        connection.execute(f"PRAGMA {pragma}")
    done = Replay(log, [connection.serialize("main")], [(len(log), 0)])
    for number, transaction in enumerate(told, 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in transaction:
            connection.execute(statement)
        connection.execute("COMMIT")
        done.acknowledged.append((len(log), number))
        done.after.append(connection.serialize("main"))
    connection.close()
    shim.unregister()
    return done


def judge(done: Replay, moment: int, image: Image, folder: Path) -> str | None:
    """`corrupt`, `half`, `lost` or None: what SQLite makes of a disk as it was found."""
    for old in folder.iterdir():
        old.unlink()
    for name, content in image.items():
        (folder / name).write_bytes(content)
    connection = sqlite3.connect(folder / "power.db")
    try:
        if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            return "corrupt"
        found = connection.serialize()
    except sqlite3.DatabaseError:
        return "corrupt"
    finally:
        connection.close()
    if found not in done.after:
        return "half"
    return "lost" if done.after.index(found) < done.safe_at(moment) else None


def run(
    start: Image,
    told: list[Transaction],
    folder: Path,
    seed: str,
    most: int | None,
    pragmas: Iterable[str] = PRAGMAS,
) -> Outcome:
    """What `recorded` gave, tried. `most`: about so many moments, each with all that may become of
    it; None: all moments."""
    dice = Random(seed)  # noqa: S311 - it must repeat
    for name in ("replay", "found"):
        (folder / name).mkdir(parents=True)
    done = replay(start, told, folder / "replay", pragmas)
    outcome = Outcome(len(told), len(done.log))
    moments: Iterable[int] = range(1, len(done.log) + 1)
    if most is not None and most < len(done.log):
        moments = sorted(dice.sample(list(moments), most))
    for moment in moments:
        for fate, image in images(done.log, moment, dice):
            outcome.add(fate, judge(done, moment, image, folder / "found"))
    return outcome
