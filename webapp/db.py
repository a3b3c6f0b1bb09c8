"""One engine per app, one session per request; closed when the request ends.

A request that may write takes the write lock when it begins (`BEGIN IMMEDIATE` on SQLite), so that
reading and then writing cannot fail half-way; a GET only reads and waits for nobody. A GET that
must leave an event (a dossier was read) does it in `transaction()`. Knows no table.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from select import POLLIN, poll
from sqlite3 import Connection as SqliteConnection
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import Flask, abort, current_app, g, has_request_context, request
from sqlalchemy import Connection, Dialect, Engine, Select, create_engine, event, make_url
from sqlalchemy.engine import ExecutionContext
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry
from werkzeug.local import LocalProxy

from models import Base
from workflows import additions

if TYPE_CHECKING:  # an installation on SQLite does not wait for the driver of the other
    from psycopg import Connection as PostgresConnection
    from psycopg import Cursor as PostgresCursor

Row = TypeVar("Row", bound=Base)

READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
WAIT_SECONDS = 10  # for a lock that somebody else holds; then the request says that it could not
PATIENCE = f"busy_timeout={WAIT_SECONDS * 1000}"
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # NORMAL loses acknowledged commits on power loss
    "foreign_keys=ON",
    PATIENCE,
    "secure_delete=ON",
    "trusted_schema=OFF",
)


PLANNED = {"planned": True}  # execution options of a statement: for its own values, see below
MOST_PREPARED = 300  # statements that a connection keeps prepared; a step takes a hundred
IDLE_SECONDS = 60  # a process frozen in a transaction must not keep its locks for ever
ANSWER_SECONDS = 5  # of a server that may be away
# A server without power says no goodbye: given up after a quarter of a minute, not after hours
UNPLUGGED = {
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}
# Many people ask for little: to compile a plan and start helpers takes longer than the answer
SHORT_ANSWERS = "-c jit=off -c max_parallel_workers_per_gather=0"
STILL_SECONDS = 30  # something between us and the server may forget a connection that lies still


def make_engine(url: str, longest: int = 0) -> Engine:
    """An engine for SQLite or PostgreSQL as this application needs it.

    `longest`: seconds after which PostgreSQL gives up a statement; 0: never, for who fills or
    repairs a database.

    Each thread takes two connections at most, so the pool has no bound of its own. It keeps them
    all, for a new one costs more than a request, and hands out the one that has prepared most.
    """
    postgres: dict[str, Any] = {
        "connect_args": {
            "connect_timeout": ANSWER_SECONDS,
            **UNPLUGGED,
            "options": f"-c lock_timeout={WAIT_SECONDS}s -c statement_timeout={longest}s "
            f"-c idle_in_transaction_session_timeout={IDLE_SECONDS}s {SHORT_ANSWERS}",
        },
    }
    own = postgres if make_url(url).get_backend_name() == "postgresql" else {}
    # Errors are logged, answers never
    engine = create_engine(url, hide_parameters=True, pool_size=0, pool_use_lifo=True, **own)
    if engine.dialect.name == "sqlite":
        queue = _Queue()
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", partial(_begin_sqlite, queue))
        for ended in ("commit", "rollback"):
            event.listen(engine, ended, queue.leave)
        event.listen(engine, "checkin", queue.went)
        event.listen(engine, "invalidate", queue.went)
    else:
        event.listen(engine, "connect", _prepare_postgresql)
        event.listen(engine, "do_execute", _plan_for_values)
        event.listen(engine, "checkin", _note_return)
        event.listen(engine, "checkout", partial(_look_alive, engine.dialect))
    return engine


def _prepare_postgresql(connection: "PostgresConnection[Any]", _entry: ConnectionPoolEntry) -> None:
    from webapp.cursors import Brief

    connection.prepared_max = MOST_PREPARED
    connection.cursor_factory = Brief


def _note_return(_connection: object, entry: ConnectionPoolEntry) -> None:
    entry.info["returned"] = monotonic()


def _look_alive(
    dialect: Dialect,
    connection: "PostgresConnection[Any]",
    entry: ConnectionPoolEntry,
    _proxy: object,
) -> None:
    """A server that was restarted is found out before anything is lost.

    It says goodbye before it goes: who has something to say without being asked is no longer
    there. So the look asks the server nothing, unless the connection has lain still for long.
    """
    waits = poll()
    waits.register(connection.fileno(), POLLIN)
    still = monotonic() - entry.info.get("returned", monotonic())
    if waits.poll(0) or (still > STILL_SECONDS and not dialect.do_ping(cast(Any, connection))):
        raise DisconnectionError


def _plan_for_values(
    cursor: "PostgresCursor[Any]", statement: Any, parameters: Any, context: ExecutionContext
) -> bool:
    """PLANNED is not prepared. How many cases somebody may see decides where a list is begun, and
    of values it has yet to get the server assumes the average."""
    if "planned" not in context.execution_options:
        return False
    cursor.execute(statement, parameters, prepare=False)
    return True


def _prepare_sqlite(connection: SqliteConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


class _Queue:
    """Writers of one process come one after the other. SQLite lets whoever happens to ask at the
    right moment have its lock, so that among many somebody would wait in vain; it alone says who
    may write, this only says who asks."""

    def __init__(self) -> None:
        self._turn = Lock()

    def join(self, connection: Connection) -> float:
        """How many seconds it took until it was one's turn, or one no longer waited for it."""
        began = monotonic()
        if self._turn.acquire(timeout=WAIT_SECONDS):
            connection.info["turn"] = True
        return monotonic() - began

    def leave(self, connection: Connection) -> None:
        if not connection.invalidated and connection.info.pop("turn", False):
            self._turn.release()

    def went(self, _connection: object, entry: ConnectionPoolEntry, *_: object) -> None:
        """Whatever has become of its transaction."""
        if entry.info.pop("turn", False):
            self._turn.release()


def _begin_sqlite(queue: _Queue, connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("reads"):
        connection.exec_driver_sql("BEGIN")
    elif options.get("waits", True):
        waited = queue.join(connection)
        try:
            _begin_writing(connection, WAIT_SECONDS - waited)
        except BaseException:
            queue.leave(connection)
            raise
    else:
        _begin_writing(connection, 0)


def _begin_writing(connection: Connection, patience: float) -> None:
    """Take the one lock; `patience`: seconds."""
    if patience > WAIT_SECONDS - 1:  # the usual: not worth a statement
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    connection.exec_driver_sql(f"PRAGMA busy_timeout={max(0, round(patience * 1000))}")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        connection.exec_driver_sql(f"PRAGMA {PATIENCE}")


def init_app(app: Flask) -> None:
    app.extensions["engine"] = make_engine(app.config["DATABASE_URL"], app.config["LONGEST"])
    app.teardown_appcontext(_close)


def engine() -> Engine:
    return cast(Engine, current_app.extensions["engine"])


def reading_engine() -> Engine:
    """The same engine and pool; its transactions never take the write lock.

    On PostgreSQL each statement is one of its own, as it is by its isolation anyway: nothing is
    rolled back, and with a rollback the driver would forget what it has prepared.
    """
    found = engine()
    own = {"isolation_level": "AUTOCOMMIT"} if found.dialect.name == "postgresql" else {}
    return found.execution_options(reads=True, **own)


def only_reads() -> bool:
    """Whether the request is of a kind that changes nothing."""
    return has_request_context() and request.method in READING_METHODS


def takes_the_lock() -> bool:
    """Whether the request's own transaction shuts out every other writer from its beginning."""
    return not only_reads() and engine().dialect.name == "sqlite"


def _open() -> Session:
    if "session" not in g:
        g.session = OfRequest(reading_engine() if only_reads() else engine())
    return cast(Session, g.session)


class OfRequest(Session):
    """A session forgets rows that nobody holds, and asks for them again; a request is short."""


def _keep(session: Session, row: object) -> None:
    session.info.setdefault("kept", []).append(row)


def _note_writing(session: Session, _context: object) -> None:
    session.info["wrote"] = True


for _became in ("loaded_as_persistent", "pending_to_persistent", "detached_to_persistent"):
    event.listen(OfRequest, _became, _keep)
event.listen(OfRequest, "after_flush", _note_writing)


def _close(_error: BaseException | None) -> None:
    if opened := g.pop("session", None):
        try:
            opened.close()
        except SQLAlchemyError:  # the database went away since: the answer is made, and true
            opened.invalidate()


session = cast(Session, LocalProxy(_open))


def write_nothing() -> None:
    """Undo what the request has done so far; from here on it only reads.

    The page that says why must not make others wait for it.
    """
    session.rollback()
    session.bind = reading_engine()


def let_go() -> None:
    """The same where the request was refused before it wrote anything: what it has read so far is
    as true as it was, and not read again."""
    changed = session.new or session.dirty or session.deleted or additions.wait(session)
    if changed or session.info.get("wrote"):
        write_nothing()
        return
    session.expire_on_commit = False
    session.connection().connection.rollback()  # not even what went past the session stays
    session.commit()
    session.bind = reading_engine()


def give_up() -> None:
    """The same where the connection may have died: nothing of the request stays, nothing raises."""
    try:
        write_nothing()
    except SQLAlchemyError:
        session.invalidate()


@contextmanager
def transaction(*, waits: bool = True) -> Iterator[Session]:
    """A short writing transaction of its own, committed at the end.

    For a GET that leaves a trace, and for the worker. In a request that writes, use `session`: a
    second writer would wait for the first. `waits=False`: for what is not worth waiting for, where
    the whole database has one lock; OperationalError at once when somebody else holds it.
    """
    with Session(engine().execution_options(waits=waits)) as own, own.begin():
        yield own


@contextmanager
def reading() -> Iterator[Session]:
    """A short reading transaction beside the request's own."""
    with Session(reading_engine()) as own:
        yield own


def get_or_404(kind: type[Row], key: int) -> Row:
    """By primary key. Only for rows that every signed-in person may see."""
    return session.get(kind, key) or abort(404)


def one_or_404(query: Select[Row]) -> Row:
    """The one row of a query that is already scoped by who asks."""
    return session.scalars(query).one_or_none() or abort(404)
