"""Databases that every test starts from, made once a run: the first of the test processes that
wants one makes it, the others wait for it and copy. Knows no test.
"""

import fcntl
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from webapp.cli import migrate

if TYPE_CHECKING:  # a plugin: pytest wants to be the first to import it
    from tests.postgres import Server

MIGRATED = "template_migrated"


def once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], None]) -> Path:
    """A folder that `build` has filled, in this process or another of the same run. To be copied,
    never written to."""
    own = factory.getbasetemp()
    common = own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own
    made = common / name
    with (common / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            draft = Path(tempfile.mkdtemp(dir=common))
            build(draft)
            draft.rename(made)
    return made


def migrated_sqlite(factory: pytest.TempPathFactory) -> Path:
    """A migrated database without a row."""
    return once(factory, "migrated", lambda at: migrate(f"sqlite:///{at}/yili.db")) / "yili.db"


@cache
def migrated_postgres(server: "Server") -> str:
    """The name of such a database on a throw-away server."""
    migrate(server.create_database(MIGRATED))
    return MIGRATED
