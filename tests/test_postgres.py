"""The throw-away server does what the tests that use it rely on."""

import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, make_url, text

from tests.postgres import Server

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.postgres

START_AND_BE_KILLED = """
import os, signal
from pathlib import Path
from tests.postgres import postgres_server
with postgres_server():
    child = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()[0]
    print(child, Path(f"/proc/{child}/cwd").readlink(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_each_database_starts_as_its_template(postgres: Server) -> None:
    template = create_engine(postgres.create_database("template_with_a_row"))
    with template.begin() as connection:
        connection.execute(text("CREATE TABLE t AS SELECT '䶮' AS name"))
    template.dispose()
    for name in ("copy_1", "copy_2"):
        engine = create_engine(postgres.create_database(name, "template_with_a_row"))
        with engine.begin() as connection:
            assert connection.scalars(text("SELECT name FROM t")).all() == ["䶮"]
            connection.execute(text("INSERT INTO t VALUES ('later')"))
        engine.dispose()
        postgres.drop_database(name)


def test_a_database_is_empty_and_keeps_utc(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
        assert connection.scalar(text(tables)) == 0
        assert connection.scalar(text("SHOW timezone")) == "UTC"
    engine.dispose()


def test_the_server_wants_its_password(postgres: Server) -> None:
    address = make_url(postgres.prefix + "postgres").set(drivername="postgresql", password="wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(address.render_as_string(hide_password=False))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent's life")
def test_no_server_outlives_a_killed_run() -> None:
    command = [sys.executable, "-c", START_AND_BE_KILLED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    child, data = done.stdout.split()
    try:
        assert has_ended(int(child))
    finally:
        shutil.rmtree(Path(data).parent)


def has_ended(process: int) -> bool:
    """Wait for the end of a process that is not our child."""
    try:
        watch = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    with os.fdopen(watch):
        return bool(select.select([watch], [], [], 30)[0])
