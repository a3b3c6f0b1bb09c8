"""What everybody waits for: a slow database, locked rows, a deadlock, a transaction that the server
refuses, no connection left (F15); on SQLite many writers beside a long reader and a backup (F16).

    python -m tests.faults --only=errors

Nobody waits for ever: whoever cannot be served is told so on a clear page with what they typed, the
others go on, and when the trouble has passed the same page is taken.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.faults.clients import BUSY, Attempt, Client, working
from tests.faults.compound import backed_up
from tests.faults.ground import Ground
from tests.faults.kills import wait
from tests.faults.outages import (
    AWAY,
    BUSY_TITLE,
    Outcome,
    Person,
    expect,
    processes,
    refused_and_kept,
    served,
    settle,
)
from tests.postgres import Server
from webapp import sqlite_log

LONGEST = 2  # seconds that the server may think about one statement
MOST_SECONDS = 30  # until anybody has an answer, whatever is wrong
PEOPLE = 12  # more than the stand has threads
WORKING = 5.0  # seconds with a server that refuses every fifth document
WRITERS, READERS = 8, 4
MOST_LOG = sqlite_log.LARGE + (4 << 20)  # bytes: what comes between two looks
_TABLES = ("task", "process", "case", "document")

# What the server does whenever a document is written
_SLEEPS = "PERFORM pg_sleep(600); RETURN NEW;"
_REFUSES = """
  IF random() < 0.2 THEN RAISE EXCEPTION 'refused' USING ERRCODE = '40001'; END IF;
  IF random() < 0.2 THEN RAISE EXCEPTION 'refused' USING ERRCODE = '40P01'; END IF;
  RETURN NEW;"""


@dataclass
class _Trouble:
    """One stand on PostgreSQL, and a connection of whoever makes the trouble."""

    place: Ground
    person: Person
    dice: Random

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        url = self.place.url.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection

    def elsewhere(self) -> psycopg.Connection:
        """A connection to another database of the same server."""
        server = self.place.url.replace("+psycopg", "").rsplit("/", 1)[0]
        return psycopg.connect(f"{server}/postgres")

    @contextmanager
    def whenever_a_document_is_written(self, does: str) -> Iterator[None]:
        function = sql.SQL(
            "CREATE OR REPLACE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS {}"
        ).format(sql.Literal(f"BEGIN {does} END"))
        with self.connection() as connection:
            connection.execute(function)
            connection.execute(
                "CREATE TRIGGER trouble BEFORE INSERT ON document"
                " FOR EACH ROW EXECUTE FUNCTION trouble()"
            )
            try:
                yield
            finally:
                connection.execute("DROP TRIGGER trouble ON document")

    def hand_in(self, title: str, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Somebody is refused in time, with what they typed; and taken when it has passed."""
        paper, path = self.person.paper()
        attempt = self.person.journal.add(Attempt(paper.who, path, str(uuid4()), "UT_receive"))
        typed, began = paper.typed(attempt.key), time.monotonic()
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(self.place.browser.post, attempt.who, path, typed)
            meanwhile()
            reply = asked.result()
        attempt.told.append("none" if reply is None else str(reply.status))
        refused_and_kept(reply, title, attempt.key)
        expect(time.monotonic() - began < MOST_SECONDS, "they waited too long")
        self._last = attempt, typed

    def settle_last(self) -> None:
        """Once more, the same page."""
        attempt, typed = self._last
        place, journal = self.place, self.person.journal
        stop = threading.Event()
        Client(place.browser, place.engine, journal, "waits", stop).until_told(attempt, typed)
        expect(attempt.acknowledged, f"not taken when it had passed: {attempt.told}")


def database_slow(folder: Path, server: Server, seed: str) -> Outcome:
    """Slow, locked, in a deadlock, refusing: one after the other, on one stand."""
    outcome, dice = Outcome("database slow"), Random(seed)  # noqa: S311 - it must repeat
    with served("slow", folder, server, YILI_LONGEST_SECONDS=str(LONGEST)) as place:
        trouble = _Trouble(place, Person(place, dice), dice)
        before = processes(place)
        for part in (_slow, _crowd, _locked, _deadlock, _refusing, _no_connection):
            part(trouble)
        expect(set(before) <= set(processes(place)), "a process of ours ended")
        outcome.told = dict(trouble.person.journal.counts)
        outcome.faults = settle(place, trouble.person.journal)
    return outcome


def _slow(trouble: _Trouble) -> None:
    with trouble.whenever_a_document_is_written(_SLEEPS):
        trouble.hand_in(BUSY_TITLE)
    trouble.settle_last()


def _crowd(trouble: _Trouble) -> None:
    """More people than threads, all of whom have to wait: readers come through between them."""
    place, person = trouble.place, trouble.person
    paper, path = person.paper()
    with trouble.whenever_a_document_is_written(_SLEEPS), ThreadPoolExecutor(PEOPLE) as pool:
        began = time.monotonic()
        asked = [
            pool.submit(place.browser.post, paper.who, path, paper.typed(str(uuid4())))
            for _ in range(PEOPLE)
        ]
        read = person.look()
        expect(read is not None and read.status == 200, f"nobody could read: {read}")
        told = [reply.status if (reply := each.result()) else None for each in asked]
        expect(time.monotonic() - began < MOST_SECONDS, "somebody waited too long")
    expect(set(told) == {BUSY}, f"the crowd was told {told}")


def _locked(trouble: _Trouble) -> None:
    """Somebody else holds the rows, in a transaction that was forgotten."""
    with trouble.connection() as holder, holder.transaction(force_rollback=True):
        holder.execute("SELECT id FROM task FOR UPDATE")
        holder.execute("SELECT id FROM process FOR UPDATE")
        trouble.hand_in(BUSY_TITLE)
    trouble.settle_last()


def _deadlock(trouble: _Trouble) -> None:
    """A real one; the server ends whoever looks first, and that is made to be us."""
    names = sql.SQL(", ").join(map(sql.Identifier, _TABLES))
    with ExitStack() as stack:
        watcher = stack.enter_context(trouble.connection())
        holder = stack.enter_context(trouble.connection())
        holder.execute("SET deadlock_timeout = '1h'")
        stack.enter_context(holder.transaction(force_rollback=True))
        holder.execute("LOCK TABLE notification, event IN EXCLUSIVE MODE")

        def close_the_circle() -> None:
            query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            expect(wait(lambda: _number(watcher, query) > 0, 20), "nobody waits for the holder")
            lock = sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names)
            holder.execute(lock)

        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        had = _number(watcher, query)
        trouble.hand_in(BUSY_TITLE, close_the_circle)
        expect(wait(lambda: _number(watcher, query) > had, 20), "there was no deadlock")
    trouble.settle_last()


def _number(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def _refusing(trouble: _Trouble) -> None:
    """40001 and 40P01 at random while people work."""
    place, journal = trouble.place, trouble.person.journal
    had = journal.counts["503"]
    with (
        working(place.browser, place.engine, journal, "waits"),
        trouble.whenever_a_document_is_written(_REFUSES),
    ):
        time.sleep(WORKING)
    expect(journal.counts["503"] > had, "the server refused nobody")


def _no_connection(trouble: _Trouble) -> None:
    """Others have taken all that the server allows; ours have been ended."""
    person = trouble.person
    with ExitStack() as stack:
        taken = stack.enter_context(trouble.connection())
        query = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()"""
        full = False
        while not full or _number(taken, query):
            try:
                for _ in range(300):
                    stack.enter_context(trouble.elsewhere())
            except psycopg.OperationalError:
                full = True
        told = [person.look() for _ in range(6)]
        for reply in told:
            expect(reply is not None and reply.status == BUSY, f"without a connection: {reply}")
            assert reply is not None
            expect(AWAY in reply.body or BUSY_TITLE in reply.body, "the page does not say why")
    expect(wait(lambda: person.pages(1) == [200], 30), "the pages did not come back")


def sqlite_busy(folder: Path, seed: str, seconds: float) -> Outcome:
    """Many write and read, somebody reads for long, a backup is made: nobody is told that the
    database is locked, and the log does not grow on when the long reader has gone."""
    outcome, dice = Outcome(""), Random(seed)  # noqa: S311 - it must repeat
    with served("busy", folder, None, YILI_THREADS="16") as place:
        person, before, stop = Person(place, dice), processes(place), threading.Event()
        log = folder / "yili.db-wal"

        def read() -> None:
            while not stop.is_set():
                expect(person.pages(1, "/cases") == [200], "a reader was refused")

        people = working(place.browser, place.engine, person.journal, seed, WRITERS)
        with ThreadPoolExecutor(READERS) as pool, people:
            readers = [pool.submit(read) for _ in range(READERS)]
            sizes = [_after(seconds, log)]
            with closing(sqlite3.connect(folder / "yili.db", isolation_level=None)) as long:
                long.execute("BEGIN")
                long.execute("SELECT count(*) FROM event").fetchone()
                said = backed_up(place, folder.with_name("busy.zip"))
                expect(said.returncode == 0, f"a backup meanwhile: {said}")
                sizes.append(_after(seconds, log))
            sizes += [_after(seconds, log) for _ in range(2)]
            stop.set()
        for reader in readers:
            reader.result()
        outcome.told = {"log KB": [size // 1024 for size in sizes]} | person.journal.counts
        expect(not person.journal.counts["503"], f"somebody was told to wait: {outcome.told}")
        expect(max(sizes[2:]) <= MOST_LOG, f"the log grows on: {sizes}")
        expect(set(before) <= set(processes(place)), "a process of ours ended")
        outcome.faults = settle(place, person.journal)
    return outcome


def _after(seconds: float, log: Path) -> int:
    """How large the log is then."""
    time.sleep(seconds)
    return log.stat().st_size if log.exists() else 0
