"""Work that is slow or lies outside the database: asked for in a transaction, done by the worker.

    @job("render_dossier")
    def render(request_id: int) -> None: ...

    enqueue(session, "render_dossier", f"dossier-{row.id}", row.id)

A job runs at least once after the asking transaction has committed, so its function must be
idempotent; it opens its own transactions. What fails is tried again after 1, 5 and 30 minutes, then
given up: an incident, which an administrator may retry. What a dead worker had begun counts as
failed and is tried again at once by a living one.

The only module that knows DBOS. It is imported on first use: that takes longer than all the rest,
and most web processes never need it. Knows no page and no case.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import cache
from threading import Event as Signal
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from sqlalchemy import (
    Engine,
    column,
    create_engine,
    delete,
    func,
    inspect,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models import IncidentKind, WorkerBeat
from workflows.events import EventName, record
from workflows.failures import AWAY, RETRY_AFTER, Failure, open_incident

if TYPE_CHECKING:
    from dbos import DBOSClient, EnqueueOptions

log = logging.getLogger(__name__)

Scalar = str | int | float | bool | None
Function = TypeVar("Function", bound=Callable[..., None])

APPLICATION = "yili"
QUEUE = "jobs"
RUN = "run_job"  # the one DBOS workflow
VERSION = "1"  # a waiting job is only ever taken by a worker of its version: never change it
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

_WAITING = ("ENQUEUED", "DELAYED", "PENDING")
_ENDED = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
_functions: dict[str, Callable[..., None]] = {}


def job(name: str) -> Callable[[Function], Function]:
    """Register a function under the name that `enqueue` uses. ValueError if the name is taken."""

    def register(function: Function) -> Function:
        if _functions.get(name, function) is not function:
            raise ValueError(f"two functions for the job {name}")
        _functions[name] = function
        return function

    return register


def migrate(url: str) -> None:
    """Make or update the tables of the job engine: in the SQLite file, or in schema `dbos`."""
    from dbos import DBOS

    DBOS.migrate(url)


class _Attempt(NamedTuple):
    """One try at one job; what a DBOS workflow is started with. Attempts count from 1."""

    name: str
    key: str
    number: int
    args: tuple[Scalar, ...]

    @property
    def workflow_id(self) -> str:
        return f"{self.name}:{self.key}" + (f"#{self.number}" if self.number > 1 else "")

    def __str__(self) -> str:
        return f"{self.name} {self.key} (attempt {self.number})"


def enqueue(
    session: Session, name: str, key: str, *args: Scalar, due: datetime | None = None
) -> None:
    """Ask for one run of the job `name`, not before `due`, if and when the session's transaction
    commits. The same name and key a second time changes nothing, however long ago the first was.
    """
    _enqueue(session, _Attempt(name, key, 1, args), due)


def again(session: Session, name: str, key: str, number: int, *args: Scalar) -> None:
    """Ask for one more try, counted as attempt `number`, of a job that was given up. Failing beyond
    the last retry, it is given up again at once."""
    _enqueue(session, _Attempt(name, key, number, args), None)


def _enqueue(session: Session, attempt: _Attempt, due: datetime | None) -> None:
    options: EnqueueOptions = {
        "workflow_name": RUN,
        "workflow_id": attempt.workflow_id,
        "queue_name": QUEUE,
        "app_version": VERSION,
    }
    if due is not None:
        options["delay_seconds"] = _seconds_until(due)
    client = _client(session.connection().dialect.name)
    client.enqueue_in_transaction(
        session, options, attempt.name, attempt.key, attempt.number, *attempt.args
    )


def _seconds_until(due: datetime) -> float:
    """DBOS wants a delay and adds it to its own clock; taking it off the same clock cancels out."""
    return max(0.0, due.timestamp() - time.time())


@cache
def _client(dialect: str) -> "DBOSClient":
    """Writes into the sessions of others. Its own engine tells it the dialect, never connects."""
    from dbos import DBOSClient, DBOSPortableJSONSerializer

    address = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://"}[dialect]
    return DBOSClient(
        system_database_engine=create_engine(address),
        application_name=APPLICATION,
        serializer=DBOSPortableJSONSerializer(),
        lazy=True,
    )


class Waiting(NamedTuple):
    """How many jobs may be taken now, are due later (a retry, mostly), are being run; since when
    the first of those that may be taken could have been."""

    queued: int
    delayed: int
    running: int
    oldest: datetime | None = None


def waiting(session: Session) -> Waiting | None:
    """What lies in the queue; None when the job engine has no tables yet."""
    connection = session.connection()
    schema = "dbos" if connection.dialect.name == "postgresql" else None
    if not inspect(connection).has_table("workflow_status", schema=schema):
        return None
    names = ("status", "queue_name", "created_at", "delay_until_epoch_ms")
    held = table("workflow_status", *(column(name) for name in names), schema=schema)
    since = func.min(func.coalesce(held.c.delay_until_epoch_ms, held.c.created_at))
    query = (
        select(held.c.status, func.count(), since)
        .where(held.c.queue_name == QUEUE, held.c.status.in_(_WAITING))
        .group_by(held.c.status)
    )
    found = {status: (number, first) for status, number, first in session.execute(query)}
    queued, delayed, running = (found.get(status, (0, None))[0] for status in _WAITING)
    first = found.get("ENQUEUED", (0, None))[1]
    return Waiting(
        queued, delayed, running, datetime.fromtimestamp(first / 1000, UTC) if first else None
    )


def forget(engine: Engine, before: datetime) -> int:
    """Drop the records of jobs that ended before; how many. In a worker only, outside transactions.

    A key that is forgotten may be asked for anew: none of ours ever is.
    """
    from dbos import DBOS

    schema = "dbos" if engine.dialect.name == "postgresql" else None
    names = ("workflow_uuid", "status", "queue_name", "updated_at")
    held = table("workflow_status", *(column(name) for name in names), schema=schema)
    ended = (held.c.status.in_(_ENDED), held.c.updated_at < int(before.timestamp() * 1000))
    query = select(held.c.workflow_uuid).where(held.c.queue_name == QUEUE, *ended).limit(500)
    forgotten = 0
    while True:
        with Session(engine.execution_options(reads=True)) as session:
            ids = list(session.scalars(query))
        if not ids:
            return forgotten
        DBOS.delete_workflows(ids)
        forgotten += len(ids)


class Worker:
    """Runs jobs in threads of this process until it is stopped. One per process.

    `name` must differ from that of every other worker, dead ones included. `within` surrounds each
    job. A worker that has been silent for `dead_after` loses its jobs to the others; `steady` tells
    seconds for that and should be a clock that nobody can set.
    """

    def __init__(
        self,
        engine: Engine,
        name: str,
        *,
        clock: Callable[[], datetime],
        steady: Callable[[], float] | None = None,
        within: Callable[[], AbstractContextManager[Any]] = nullcontext,
        concurrency: int = 2,
        poll: timedelta = timedelta(seconds=0.5),
        beat: timedelta = timedelta(seconds=5),
        dead_after: timedelta = timedelta(seconds=30),
        retry_after: Sequence[timedelta] = RETRY_AFTER,
    ) -> None:
        self.engine = engine
        self.name = name
        self.clock = clock
        self.steady = steady or (lambda: clock().timestamp())
        self.within = within
        self.concurrency = concurrency
        self.poll = poll
        self.beat = beat
        self.dead_after = dead_after
        self.retry_after = retry_after
        self._running = 0
        self._heard: dict[str, tuple[datetime, float]] = {}  # worker → its beat, seen first when
        self._lock = Lock()
        self._stopping = Signal()
        self._heart = Thread(target=self._live, name="heart", daemon=True)
        self._knows_queue = False

    def start(self) -> None:
        """Begin to take jobs. Raises what the database raises; then nothing has begun, and it may
        be called again."""
        from dbos import DBOS

        self._beat(self.clock())  # before the first job can be ours
        try:
            self._launch()
        except Exception:
            DBOS.destroy(destroy_registry=True)
            raise
        try:
            self._know_queue()
        except AWAY:  # what is running already must not be begun a second time: the heart goes on
            log.exception("worker %s could not enter its queue yet", self.name)
        self._heart.start()

    def _launch(self) -> None:
        """Until this has come to its end it takes no job."""
        from dbos import DBOS, DBOSPortableJSONSerializer

        DBOS(
            config={
                "name": APPLICATION,
                "system_database_url": self.engine.url.render_as_string(hide_password=False),
                "executor_id": self.name,
                "application_version": VERSION,
                "serializer": DBOSPortableJSONSerializer(),
                "run_migrations": False,
                "log_level": "WARNING",
            }
        )

        @DBOS.workflow(name=RUN)
        def run_job(name: str, key: str, number: int, *args: Scalar) -> None:
            self._run(_Attempt(name, key, number, args))

        DBOS.launch()

    def _know_queue(self) -> None:
        """Enter the queue as this release wants it; once."""
        from dbos import DBOS

        if not self._knows_queue:
            DBOS.register_queue(
                QUEUE,
                worker_concurrency=self.concurrency,
                polling_interval_sec=self.poll.total_seconds(),
                on_conflict="always_update",
            )
            self._knows_queue = True

    def stop(self, grace: timedelta = timedelta(seconds=20)) -> bool:
        """Take no more jobs and wait up to `grace` for the running ones; whether all have ended.

        If not, they are left to the other workers, and the process should end at once.
        """
        from dbos import DBOS

        DBOS.destroy(
            destroy_registry=True, workflow_completion_timeout_sec=int(grace.total_seconds())
        )
        self._stopping.set()
        self._heart.join()
        with self._lock:
            ended = self._running == 0
        with Session(self.engine) as session, session.begin():
            mine = WorkerBeat.worker == self.name
            if ended:
                session.execute(delete(WorkerBeat).where(mine))
            else:
                session.execute(update(WorkerBeat).where(mine).values(at=EPOCH))
        return ended

    def _run(self, attempt: _Attempt) -> None:
        """Running it twice is harmless: the job is idempotent, and so is asking for the next."""
        with self._lock:
            self._running += 1
        try:
            with self.within():
                _functions[attempt.name](*attempt.args)
        except Exception as error:
            log.exception("job %s failed", attempt)
            self._keep_failure(attempt, Failure.of(error))
        finally:
            with self._lock:
                self._running -= 1

    def _keep_failure(self, attempt: _Attempt, cause: Failure) -> None:
        """Until it is written the job must not end: its end would be the last that is heard of it.

        When this worker stops first, the others find the job unfinished.
        """
        while True:
            try:
                with Session(self.engine) as session, session.begin():
                    self._after_failure(session, attempt, cause, wait=True)
                return
            except SQLAlchemyError:
                log.exception("the failure of job %s could not be written yet", attempt)
                if self._stopping.wait(self.beat.total_seconds()):
                    raise

    def _after_failure(
        self, session: Session, attempt: _Attempt, cause: Failure, *, wait: bool
    ) -> None:
        """Ask for the next attempt, or give up."""
        now = self.clock()
        if attempt.number <= len(self.retry_after):
            due = now + self.retry_after[attempt.number - 1] if wait else None
            _enqueue(session, attempt._replace(number=attempt.number + 1), due)
            return
        log.error("job %s given up: %s", attempt, cause.error)
        record(
            session,
            EventName.JOB_FAILED,
            now=now,
            job=attempt.name,
            key=attempt.key,
            attempts=attempt.number,
            cause=cause.error,
        )
        open_incident(
            session,
            IncidentKind.JOB,
            cause,
            now=now,
            attempts=attempt.number,
            job=attempt.name,
            job_key=attempt.key,
            job_args=list(attempt.args),
        )

    def _live(self) -> None:
        """Say that this worker lives, and look after the dead ones, until it stops."""
        while True:
            try:
                now = self.clock()
                self._beat(now)
                self._know_queue()
                self._reap(now)
            except Exception:
                log.exception("worker %s could not tell that it lives", self.name)
            if self._stopping.wait(self.beat.total_seconds()):
                return

    def _beat(self, now: datetime) -> None:
        with Session(self.engine) as session, session.begin():
            mine = session.scalars(
                select(WorkerBeat).where(WorkerBeat.worker == self.name)
            ).one_or_none()
            if mine is None:
                session.add(WorkerBeat(worker=self.name, at=now))
            else:
                mine.at, mine.reaped_at = now, None

    def _reap(self, now: datetime) -> None:
        """Hand the jobs of silent workers to the living. The claim is a lease: should its holder
        die before the row is gone, another begins anew, and finds everything asked for already."""
        limit = now - self.dead_after
        for name, at in self._silent():
            mine = (WorkerBeat.worker == name, WorkerBeat.at == at)
            lapsed = or_(WorkerBeat.reaped_at < limit, WorkerBeat.reaped_at > now)
            claim = (
                update(WorkerBeat)
                .where(*mine, or_(WorkerBeat.reaped_at.is_(None), lapsed))
                .values(reaped_at=now)
                .returning(WorkerBeat.worker)
            )
            with Session(self.engine) as session, session.begin():
                claimed = session.scalars(claim).one_or_none()
            if claimed is not None:
                self._take_over(name)
                with Session(self.engine) as session, session.begin():
                    session.execute(delete(WorkerBeat).where(*mine))

    def _silent(self) -> list[tuple[str, datetime]]:
        """Workers whose last word has stood unchanged for `dead_after`, by a clock that nobody can
        set: the time of day may jump, and then all would seem dead, or a dead one alive."""
        now = self.steady()
        with Session(self.engine.execution_options(reads=True)) as session:
            beats = dict(session.execute(select(WorkerBeat.worker, WorkerBeat.at)).all())
        heard = self._heard
        self._heard = {
            name: heard[name] if name in heard and heard[name][0] == at else (at, now)
            for name, at in beats.items()
        }
        patience = self.dead_after.total_seconds()
        return [
            (name, at)
            for name, (at, since) in self._heard.items()
            if name != self.name and (at == EPOCH or now - since >= patience)
        ]

    def _take_over(self, dead: str) -> None:
        from dbos import DBOS

        for begun in DBOS.list_workflows(executor_id=dead, status="PENDING", load_output=False):
            name, key, number, *args = cast(Any, begun.input)["args"]
            attempt = _Attempt(name, key, number, tuple(args))
            log.warning("job %s was left by the dead worker %s", attempt, dead)
            with Session(self.engine) as session, session.begin():
                self._after_failure(session, attempt, Failure("WorkerDied"), wait=False)
            DBOS.cancel_workflow(begun.workflow_id)
