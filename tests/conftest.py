"""What every test has at hand: an app on a fresh database, people, clients signed in as them."""

import gc
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from shutil import copyfile, disk_usage
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event
from sqlalchemy.orm import ORMExecuteState, Session

from models import Appointment
from tests import form_desk, pages, people
from tests.once import migrated_postgres, migrated_sqlite
from tests.pages import Client
from tests.people import World
from webapp import config, create_app, db, serving
from webapp.db import make_engine
from webapp.forms import released
from workflows.actions import users
from workflows.forms import load

# What tests start, they start many times: compiled once is enough
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Thousands of databases are made, written and thrown away: in memory, where there is room for them
MEMORY, ROOM = Path("/dev/shm"), 4 << 30  # noqa: S108 - as safe as the folder it stands for
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK | os.X_OK) and disk_usage(MEMORY).free > ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

pytest_plugins = ["tests.played", "tests.plugins", "tests.postgres", "tests.walk"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins the shares that the test processes are dealt, one after the other in
    this order; who is done takes from the others' ends. So nobody waits for it at the end."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    long = [item for item in items if item.get_closest_marker("long")]
    others = [item for item in items if not item.get_closest_marker("long")]
    dealt: list[pytest.Item] = []
    for left in range(processes, 0, -1):
        share = (len(items) - len(dealt)) // left
        first = long[processes - left :: processes]
        dealt += first + others[: share - len(first)]
        del others[: share - len(first)]
    items[:] = dealt


def pytest_collection_finish() -> None:
    """What has been loaded stays: it is not looked through for garbage again and again, which was a
    seventh of the suite's time."""
    serving.settle(many=50_000)


def pytest_sessionfinish() -> None:
    """What is left goes with the process; pytest would look through all of it five times."""
    gc.freeze()


_numbers = count(1)
_first: dict[str, Engine] = {}
_create_engine = db.create_engine


def _compiling_once(url: str, **options: Any) -> Engine:
    """An engine that knows the statements which others of its kind have compiled: every test has a
    database of its own, and compiling takes a tenth of the suite's time.
    """
    engine = _create_engine(url, query_cache_size=5000, **options)
    first = _first.setdefault(engine.dialect.name, engine)
    if first.dialect.server_version_info is not None:  # it has been connected, so it knows all
        engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
    return engine


db.create_engine = _compiling_once


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without a row; tests work on copies."""
    return migrated_sqlite(tmp_path_factory)


@pytest.fixture(scope="session")
def empty_postgres(postgres: Any) -> str:
    """The name of a migrated database without a row on the throw-away server."""
    return migrated_postgres(postgres)


@pytest.fixture
def database() -> str:
    """`sqlite`; a test that should hold on both parametrizes this with DATABASES."""
    return "sqlite"


DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture
def database_url(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated, empty database of this test's own."""
    if database == "sqlite":
        copyfile(request.getfixturevalue("empty_sqlite"), tmp_path / "yili.db")
        yield f"sqlite:///{tmp_path / 'yili.db'}"
        return
    template = request.getfixturevalue("empty_postgres")
    server, name = request.getfixturevalue("postgres"), f"app_{next(_numbers)}"
    yield server.create_database(name, template)
    server.drop_database(name)


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> dict[str, Any]:
    """What the app of this test is configured with."""
    environment = {
        "YILI_VAR": str(tmp_path),
        "YILI_SECRET_KEY": "for tests only",
        "DATABASE_URL": database_url,
    }
    return {**config.from_environment(environment), "TESTING": True}


def _built(folder: Path, *routes: Callable[[Flask], None]) -> Flask:
    """An app of nobody's yet. Routes and templates are compiled once for all tests of a process."""
    environment = {
        "YILI_VAR": str(folder),
        "YILI_SECRET_KEY": "for tests only",
        "DATABASE_URL": f"sqlite:///{folder}/none.db",
    }
    app = create_app({**config.from_environment(environment), "TESTING": True})
    app.extensions.pop("engine").dispose()
    app.test_client_class = Client
    pages.watch(app)
    for add_route in routes:
        add_route(app)
    return app


@pytest.fixture(scope="session")
def plain_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return _built(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="session")
def trial_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Has the routes of tests besides: a desk for any form, and bad pages."""
    folder = tmp_path_factory.mktemp("trial")
    return _built(folder, form_desk.add_route, pages.add_bad_routes)


@pytest.fixture
def app(request: pytest.FixtureRequest, settings: dict[str, Any]) -> Iterator[Flask]:
    """The application with this test's settings and database; what a test changes of them ends
    with it. No context is pushed: every request has its own, as in life.
    """
    trial = request.node.get_closest_marker("trial")
    app: Flask = request.getfixturevalue("trial_app" if trial else "plain_app")
    before = dict(app.config)
    app.config.update(settings)
    engine = app.extensions["engine"] = make_engine(app.config["DATABASE_URL"])
    released.init_app(engine)
    yield app
    engine.dispose()
    load.also_from(lambda _name: None)
    app.config.clear()
    app.config.update(before)


@pytest.fixture
def engine(app: Flask) -> Engine:
    found: Engine = app.extensions["engine"]
    return found


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """The test's own look at the database. Commit before a client asks; afterwards it sees anew."""
    with Session(engine.execution_options(reads=True)) as session:
        yield session


@pytest.fixture
def world(session: Session) -> World:
    """A fictional city with two counties and a person for every role."""
    world = people.settle(session)
    session.commit()
    return world


@pytest.fixture
def client(app: Flask, session: Session) -> Client:
    """A stranger's browser."""
    stranger = app.test_client()
    assert isinstance(stranger, Client)
    stranger.test_session = session
    return stranger


ClientFor = Callable[[Appointment], Client]


@pytest.fixture
def client_for(app: Flask, session: Session) -> ClientFor:
    """Browsers of people who have signed in and act under the appointment given."""

    def signed_in(by: Appointment) -> Client:
        row, token = users.open_session(session, by.user, now=datetime.now(UTC), address=None)
        row.appointment = by
        session.commit()
        browser = app.test_client()
        assert isinstance(browser, Client)
        browser.test_session = session
        with browser.session_transaction() as cookie:
            cookie["_user_id"], cookie["_fresh"] = token, True
        return browser

    return signed_in


@event.listens_for(Session, "after_flush")
def _flushed(session: Session, _context: object) -> None:
    session.info["flushed"] = True


@event.listens_for(Session, "do_orm_execute")
def _executed(state: ORMExecuteState) -> None:
    if state.is_update or state.is_insert or state.is_delete:
        state.session.info["flushed"] = True


@event.listens_for(Session, "after_commit")
@event.listens_for(Session, "after_rollback")
def _settled(session: Session) -> None:
    session.info.pop("flushed", None)
