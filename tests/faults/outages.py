"""What a client sees, and what is left, when what the program stands on goes away and comes back.

The database server stopped at once or one of its processes killed; the disk full; the one lock of
SQLite held by somebody else; a worker frozen beyond its lease. Nothing of ours is started again:
it must recover by itself.
"""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models import Case, DossierRequest, DossierState, Notification, Task, TaskState
from tests.faults import kills
from tests.faults.audit import Fault, audit, jobs, versions
from tests.faults.clients import BUSY, DONE, Attempt, Client, Journal, Reply, working
from tests.faults.desks import Desks, Paper
from tests.faults.ground import Ground, fall_due, ground
from tests.faults.kills import wait
from tests.faults.stand import MASTER, WEB, WORKER
from tests.postgres import Server
from workflows.events import EventName

AWAY, BUSY_TITLE = "数据库暂时连不上", "系统繁忙"
FULL, BROKEN = "服务器存储空间不足", "服务器磁盘写入失败"
KEPT = "带着填写的内容继续"
MARK = "这一句不能丢"


class Wrong(Exception):
    """What was promised did not hold."""


def expect(holds: object, what: str) -> None:
    if not holds:
        raise Wrong(what)


@dataclass
class Outcome:
    """What one outage came to. `faults` is what must be empty."""

    name: str
    faults: list[Fault] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0


@dataclass
class Person:
    """Somebody with one step to hand in, whom the outage meets."""

    place: Ground
    dice: Random
    journal: Journal = field(default_factory=Journal)

    def paper(self) -> tuple[Paper, str]:
        """The receipt of the newest report, filled in, with a sentence of one's own."""
        with Session(self.place.engine.execution_options(reads=True)) as session:
            query = (
                select(Task)
                .where(Task.bpmn_id == "UT_receive", Task.state == TaskState.OPEN)
                .order_by(Task.id.desc())
            )
            task = session.scalars(query).first()
            expect(task is not None, "no step is left to hand in")
            assert task is not None
            paper = Desks(session, lambda *_: "", self.dice).paper(task)
            path = f"/tasks/{task.id}"
        return Paper(paper.who, paper.form, paper.answers | {"call_note": MARK}), path

    def look(self, path: str = "/tasks", who: str = "shenqm") -> Reply | None:
        return self.place.browser.ask(who, "GET", path)

    def pages(self, number: int, path: str = "/tasks") -> list[int]:
        return [reply.status for _ in range(number) if (reply := self.look(path)) is not None]


@contextmanager
def served(
    name: str, folder: Path, server: Server | None, *, workers: int = 1, **environment: str
) -> Iterator[Ground]:
    """A ground with cases on it, that answers."""
    with ground(name, folder, server, **environment) as place:
        fall_due(place.engine, 12, timedelta(seconds=30))
        place.stand.start(workers)
        expect(wait(place.answers), "the stand never answered")
        yield place


def processes(place: Ground) -> list[int]:
    """Who must still be there afterwards: nothing of ours ends because of an outage."""
    return sorted(place.stand.pids(MASTER) + place.stand.pids(WEB) + place.stand.pids(WORKER))


def settle(place: Ground, journal: Journal) -> list[Fault]:
    """At rest, audited, compared with what was told."""
    kills.rest(place.engine)
    place.stand.stop()
    with Session(place.engine.execution_options(reads=True)) as session:
        found = audit(session, place.folder, datetime.now(UTC), (jobs, versions))
        return found + kills.compare(session, journal)


def refused_and_kept(reply: Reply | None, title: str, key: str) -> None:
    """503, in clear Chinese, with everything that was typed and the key that makes it once."""
    expect(reply is not None, "no answer at all")
    assert reply is not None
    expect(reply.status == BUSY, f"{reply.status} instead of 503: {reply.body[:300]}")
    expect(title in reply.body, f"the page does not say {title}: {reply.body[-900:]}")
    for told in (KEPT, MARK, key):
        expect(told in reply.body, f"the page has lost {told}")


# The database server


def database_stopped(
    folder: Path, server: Server, seed: str, times: int, seconds: float = 2.0
) -> Outcome:
    """Stopped at once while people work, and started again; every other time only one of its
    processes is killed, and it restarts by itself."""
    outcome, dice = Outcome("database stopped"), Random(seed)  # noqa: S311 - it must repeat
    with served("stopped", folder, server) as place:
        person, before = Person(place, dice), processes(place)
        with working(place.browser, place.engine, person.journal, seed, most_cases=30):
            for turn in range(times):
                time.sleep(dice.uniform(0.5, 2.5))
                if turn % 2 == 0:
                    server.stop()
                    _while_stopped(person, turn == 0)
                    time.sleep(dice.uniform(0, seconds))
                    server.start()
                else:
                    server.kill_one(dice)
                expect(wait(lambda: person.pages(1) == [200], 60), "the pages did not come back")
        expect(set(before) <= set(processes(place)), "a process of ours ended")
        outcome.told = dict(person.journal.counts)
        outcome.faults = settle(place, person.journal)
    return outcome


def _while_stopped(person: Person, thoroughly: bool) -> None:
    reply = person.look()
    expect(reply is not None and reply.status == BUSY, f"a page while it is away: {reply}")
    if not thoroughly:
        return
    assert reply is not None
    expect(AWAY in reply.body, "the page does not say what is wrong")
    ready, alive = person.look("/readyz"), person.look("/healthz")
    expect(ready is not None and ready.status == BUSY, "/readyz says that all is well")
    expect(alive is not None and alive.status == 200, "/healthz says that we are dead")
    browser = person.place.browser
    typed = [("key", key := str(uuid4())), ("call_note", MARK)]
    refused_and_kept(browser.post("shenqm", "/tasks/1", typed), AWAY, key)
    json = browser.ask("shenqm", "POST", "/drafts/report", b"name=x", Accept="application/json")
    expect(json is not None and json.status == BUSY and '"message"' in json.body, f"{json}")


# The disk


@contextmanager
def little_disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """`folder` on a file system of its own; False where nobody may mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    mounted = not subprocess.run(command, capture_output=True, check=False).returncode
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def no_space(place: Ground, mounted: bool) -> Iterator[None]:
    """Nothing can be written any more inside the block.

    Without a disk of our own: no file of our processes may grow.
    """
    if not mounted:
        with _no_growth(place):
            yield
        return
    filler = place.folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def _no_growth(place: Ground) -> Iterator[None]:
    none = (1, resource.RLIM_INFINITY)
    here = place.stand.pids(WEB) + place.stand.pids(WORKER)
    old = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE, none) for pid in here}
    try:
        yield
    finally:
        for pid, limits in old.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def disk_full(folder: Path, seed: str, times: int = 2) -> Outcome:
    """The disk of database and files is full for a while: one may read, nothing is half written."""
    outcome, dice = Outcome("disk full"), Random(seed)  # noqa: S311 - it must repeat
    with ExitStack() as stack:
        mounted = stack.enter_context(little_disk(folder, 24))
        place = stack.enter_context(served("full", folder, None))
        person, before = Person(place, dice), processes(place)
        for turn in range(times):
            paper, path = person.paper()
            attempt = person.journal.add(Attempt(paper.who, path, str(uuid4()), "UT_receive"))
            typed = paper.typed(attempt.key)
            if mounted:
                _filling_up(place, turn)
            with no_space(place, mounted):
                _while_full(person, attempt, typed)
            client = Client(place.browser, place.engine, person.journal, seed, threading.Event())
            client.until_told(attempt, typed)
            expect(attempt.acknowledged, f"not taken when there was space again: {attempt.told}")
            client.upload("zhougy", "record.pdf")
        expect(set(before) <= set(processes(place)), "a process of ours ended")
        outcome.told = dict(person.journal.counts)
        outcome.faults = settle(place, person.journal)
        expect(not list((folder / "files").glob("*.part")), "half an upload is left")
    return outcome


def _filling_up(place: Ground, turn: int) -> None:
    """Nearly full: the administrator is told of it, and again when it has room."""
    filler = place.folder / "almost"
    left = shutil.disk_usage(place.folder)
    filler.write_bytes(bytes(left.free - left.total // 25))
    told = wait(lambda: _told(place, EventName.DISK_FILLED) == turn + 1, 30)
    expect(told, "nobody was told of a disk that is nearly full")
    filler.unlink()
    told = wait(lambda: _told(place, EventName.DISK_CLEARED) == turn + 1, 30)
    expect(told, "nobody was told that the disk has room again")


def _told(place: Ground, name: EventName) -> int:
    query = select(func.count(Notification.id)).where(Notification.name == name.value)
    with Session(place.engine.execution_options(reads=True)) as session:
        return session.scalar(query) or 0


def _while_full(person: Person, attempt: Attempt, typed: list[tuple[str, str]]) -> None:
    browser = person.place.browser
    reply = browser.post(attempt.who, attempt.path, typed)
    attempt.told.append("none" if reply is None else str(reply.status))
    refused_and_kept(reply, FULL if os.path.ismount(person.place.folder) else BROKEN, attempt.key)
    sent = browser.upload("zhougy", "record.pdf", Accept="application/json")
    expect(sent is not None and sent.status == BUSY, f"an upload: {sent}")
    assert sent is not None
    expect('"message"' in sent.body and FULL in sent.body, f"an upload was told {sent.body}")
    for path in ("/tasks", "/cases", attempt.path):
        shown = person.look(path, attempt.who)
        expect(shown is not None and shown.status == 200, f"{path} cannot be read: {shown}")


# The one lock of SQLite


def database_locked(folder: Path, seed: str) -> Outcome:
    """Another program holds the write lock for longer than anybody waits."""
    outcome, dice = Outcome("database locked"), Random(seed)  # noqa: S311 - it must repeat
    with served("locked", folder, None) as place:
        person = Person(place, dice)
        paper, path = person.paper()
        attempt = person.journal.add(Attempt(paper.who, path, str(uuid4()), "UT_receive"))
        typed = paper.typed(attempt.key)
        holder = sqlite3.connect(folder / "yili.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        reply = place.browser.post(attempt.who, path, typed)
        attempt.told.append("none" if reply is None else str(reply.status))
        refused_and_kept(reply, BUSY_TITLE, attempt.key)
        shown = person.look(path, attempt.who)
        expect(shown is not None and shown.status == 200, "reading waited for the writer")
        holder.execute("ROLLBACK")
        holder.close()
        stop = threading.Event()
        Client(place.browser, place.engine, person.journal, seed, stop).until_told(attempt, typed)
        expect(attempt.acknowledged, f"not taken when it was free again: {attempt.told}")
        outcome.faults = settle(place, person.journal)
    return outcome


# A frozen worker


def worker_frozen(folder: Path, server: Server | None, seed: str, times: int = 1) -> Outcome:
    """The worker that makes a dossier stands still until another has made it, and comes back."""
    outcome, dice = Outcome("worker frozen"), Random(seed)  # noqa: S311 - it must repeat
    with served("frozen", folder, server, workers=2) as place:
        person = Person(place, dice)
        for _ in range(times):
            with Session(place.engine.execution_options(reads=True)) as session:
                case = session.scalars(select(Case.id).order_by(Case.id)).first()
            asked = place.browser.post("subl", f"/dossiers/of/{case}", [("purpose", "archive")])
            expect(asked is not None and asked.status == DONE, f"asking for a dossier: {asked}")
            assert asked is not None
            key = int(asked.location.rsplit("/", 1)[-1])
            frozen = _freeze_renderer(place, key)
            try:
                ready = wait(lambda: _state(place, key) is DossierState.READY, 120)  # noqa: B023
                expect(ready, "nobody else made the dossier")
            finally:
                os.kill(frozen, signal.SIGCONT)
            expect(wait(lambda: _came_back(place, frozen), 60), "the frozen worker never came back")  # noqa: B023
        outcome.faults = settle(place, person.journal)
        copies = len(list((folder / "dossiers").iterdir()))
        expect(copies == times, f"{copies} copies of {times} dossiers")
    return outcome


def _state(place: Ground, key: int) -> DossierState:
    with Session(place.engine.execution_options(reads=True)) as session:
        return session.get_one(DossierRequest, key).state


def _freeze_renderer(place: Ground, key: int) -> int:
    """Stop whoever is rendering, in the midst of it and holding no lock; its process id."""
    expect(wait(lambda: _state(place, key) is DossierState.RENDERING, 60), "rendering never began")
    schema = "dbos." if place.engine.dialect.name == "postgresql" else ""
    query = f"SELECT executor_id FROM {schema}workflow_status WHERE status = 'PENDING'"  # noqa: S608
    with Session(place.engine.execution_options(reads=True)) as session:
        name = session.scalars(text(query)).first()
    expect(name, "nobody is rendering")
    pid = int(str(name).rsplit("-", 2)[1])
    os.kill(pid, signal.SIGSTOP)
    while _holds_the_lock(place):  # of all SQLite: then nobody could take over before it is back
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.02)
        os.kill(pid, signal.SIGSTOP)
    expect(_state(place, key) is not DossierState.READY, "it was too quick to be frozen")
    return pid


def _holds_the_lock(place: Ground) -> bool:
    if place.engine.dialect.name != "sqlite":
        return False
    try:
        with place.engine.execution_options(waits=False).begin():
            return False
    except OperationalError:
        return True


def _came_back(place: Ground, pid: int) -> bool:
    """It says again that it lives, and renders nothing any more."""
    query = text("SELECT count(*) FROM worker_beat WHERE worker LIKE :name AND at > :since")
    since = datetime.now(UTC) - timedelta(seconds=2)
    with Session(place.engine.execution_options(reads=True)) as session:
        found = session.scalar(query, {"name": f"%-{pid}-%", "since": since})
    return bool(found) and not Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()


Scenario = Callable[[], Outcome]


def attempt(scenario: Scenario, name: str) -> Outcome:
    """Run one; what did not hold becomes a fault."""
    began = time.monotonic()
    try:
        outcome = scenario()
    except Wrong as wrong:
        outcome = Outcome(name, [Fault("strange", f"{name}: {wrong}")])
    outcome.name, outcome.seconds = name, time.monotonic() - began
    return outcome
