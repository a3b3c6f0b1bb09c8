"""Where it happens: a database with the demonstration's people, and cases that fall due one by one.

On SQLite in a folder; on PostgreSQL on a server of the command's own, which keeps what it has
acknowledged even when it is stopped at once.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from uuid import uuid4

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import Clock, Icd10
from tests.faults.clients import SECRET, Browser, sign_in
from tests.faults.stand import WEB, WORKER, Stand
from tests.people import CHEAP_HASH
from tests.postgres import Server, free_port
from webapp.cli import migrate
from webapp.db import make_engine
from workflows import demo
from workflows.actions.cases import open_case
from workflows.demo import answers
from workflows.demo.people import seat_of

SETTLED = "settled"  # the database that all others on a server are copies of
_settled: dict[Server | None, TemporaryDirectory[str]] = {}  # None: on SQLite
_settling = Lock()  # Alembic does one thing at a time
CODES = {"O72.1": "其他即时产后出血", "O72.3": "产后凝血缺陷"}  # all that the answers name


@dataclass
class Ground:
    """One installation: its database, seen by us, and its processes."""

    url: str
    folder: Path
    engine: Engine
    stand: Stand
    browser: Browser

    def answers(self) -> bool:
        """Whether all that was started is there, and pages come."""
        here = len(self.stand.pids(WEB)) >= 2 and self.stand.pids(WORKER)
        return bool(here and self.stand.answers() and self.browser.ask("subl", "GET", "/healthz"))


@contextmanager
def ground(
    name: str, folder: Path, server: Server | None = None, **environment: str
) -> Iterator[Ground]:
    """A settled database and a stand on it, not started yet. `server`: PostgreSQL, else SQLite."""
    folder.mkdir(parents=True, exist_ok=True)
    url = _copied(name, folder, server)
    engine = make_engine(url)
    cookies, port = sign_in(engine), free_port()
    own = folder.with_name(f"{folder.name}-stand")  # not on a disk that will be full
    own.mkdir()
    (own / "cookies").write_text(json.dumps(cookies), "ascii")  # for the stand's own practice
    settings = {"YILI_VAR": str(folder), "DATABASE_URL": url, "YILI_SECRET_KEY": SECRET}
    stand = Stand(settings | environment, own, port)
    try:
        yield Ground(url, folder, engine, stand, Browser(port, cookies))
    finally:
        stand.stop()
        engine.dispose()


def _copied(name: str, folder: Path, server: Server | None) -> str:
    """A copy of the settled database; its URL."""
    with _settling:
        settled = _settled.get(server)
        if settled is None:
            settled = _settled[server] = TemporaryDirectory(prefix="yili-settled-")
            _settle(Path(settled.name), server)
        if server is not None:
            return server.create_database(name, SETTLED)
        shutil.copy(Path(settled.name) / "yili.db", folder)
    return f"sqlite:///{folder / 'yili.db'}"


def _settle(folder: Path, server: Server | None) -> None:
    """Every table, and the people of the demonstration in them."""
    url = server.create_database(SETTLED) if server else f"sqlite:///{folder / 'yili.db'}"
    migrate(url)
    engine = make_engine(url)
    with Session(engine) as session, session.begin():
        for code, title in CODES.items():
            session.add(_titled(code, title))
        demo.settle(
            session, password_hash=CHEAP_HASH, folder=folder / "files", now=datetime.now(UTC)
        )
    engine.dispose()  # nobody may be connected to what is copied


def _titled(code: str, title: str) -> Icd10:
    return Icd10(
        code=code, title=title, title_en=code, initials="", chapter=15, rank=0, divided=False
    )


def fall_due(engine: Engine, number: int, within: timedelta) -> None:
    """Cases whose first limit passes, and whose next reminder comes, one after the other."""
    now = datetime.now(UTC)
    with Session(engine) as session, session.begin():
        by = seat_of(session, "hexs")
        for place in range(number):
            due = now + within * place / number
            death = due - timedelta(hours=24)
            said = answers.report(death, organisation=by.organisation_id, name="苇荷")
            open_case(session, said, key=str(uuid4()), by=by, now=death + timedelta(hours=1))
        for place, clock in enumerate(
            session.scalars(select(Clock).where(Clock.next_reminder_at.is_not(None)))
        ):
            clock.next_reminder_at = now + within * place / (2 * number)
