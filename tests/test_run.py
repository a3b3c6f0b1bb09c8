"""`run` starts everything and stops everything; so does what goes wrong."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from models import WorkerBeat
from tests.conftest import DATABASES
from tests.postgres import free_port
from tests.waiting import until
from webapp.cli import main

ROOT = Path(__file__).parents[1]
PORT_TAKEN = re.compile(r"127\.0\.0\.1:\d+ 用不了")


class Run:
    """`python -m webapp.cli run` in a process of its own, and what it prints."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.port = free_port()
        self.url = database_url
        self.output = folder / "output"
        environment = {
            "PORT": str(self.port),
            "HOST": "127.0.0.1",
            "DATABASE_URL": database_url,
            "YILI_VAR": str(folder),
            "YILI_DEMO": "0",
            "PYTHONPATH": str(ROOT),
        }
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "webapp.cli", "run"],
                env={**os.environ, **environment},
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    def printed(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, text: str) -> None:
        until(
            lambda: text in self.printed() or self.process.poll() is not None,
            f"it prints {text}",
        )
        assert text in self.printed(), self.printed()

    def status_of(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def children(self) -> dict[str, int]:
        """Process numbers by the command of each child: serve, worker."""
        listing = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        found = {}
        for pid in listing.split():
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            found["worker" if b"worker" in words else "serve"] = int(pid)
        return found

    def live_workers(self) -> list[str]:
        engine = create_engine(self.url)
        with Session(engine) as session:
            names = list(session.scalars(select(WorkerBeat.worker)))
        engine.dispose()
        return names


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as a first start leaves it."""
    folder = tmp_path_factory.mktemp("prepared")
    settings = {"YILI_VAR": str(folder), "DATABASE_URL": ""}
    assert CliRunner().invoke(main, ["migrate"], env=settings).exit_code == 0
    return folder / "yili.db"


@pytest.fixture
def second_start(prepared: Path, tmp_path: Path) -> str:
    copyfile(prepared, tmp_path / "yili.db")
    return f"sqlite:///{tmp_path / 'yili.db'}"


@contextmanager
def running(folder: Path, database_url: str) -> Iterator[Run]:
    run = Run(folder, database_url)
    try:
        yield run
    finally:
        run.process.terminate()
        run.process.wait(timeout=60)


@pytest.mark.long
@pytest.mark.parametrize("database", DATABASES)
def test_it_starts_answers_and_stops(tmp_path: Path, database_url: str) -> None:
    with running(tmp_path, database_url) as run:
        run.wait_for("一例已启动")
        assert f"http://127.0.0.1:{run.port}/" in run.printed()
        assert run.status_of("/healthz") == 200
        until(lambda: len(run.live_workers()) == 1, "the worker says that it lives")
        children = run.children()
        assert children.keys() == {"serve", "worker"}
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(timeout=60) == 0
        assert run.printed().rstrip().endswith("已停止。")
        assert run.live_workers() == []
        assert not any(Path(f"/proc/{pid}").exists() for pid in children.values())
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(("127.0.0.1", run.port))


def test_when_one_dies_the_other_is_stopped(tmp_path: Path, second_start: str) -> None:
    with running(tmp_path, second_start) as run:
        run.wait_for("一例已启动")
        children = run.children()
        os.kill(children["worker"], signal.SIGKILL)
        assert run.process.wait(timeout=60) == 1
        assert "后台进程 (SIGKILL) 意外退出" in run.printed()
        assert not any(Path(f"/proc/{pid}").exists() for pid in children.values())


def test_children_do_not_outlive_it(tmp_path: Path, second_start: str) -> None:
    with running(tmp_path, second_start) as run:
        run.wait_for("一例已启动")
        children = run.children()
        run.process.kill()
        until(
            lambda: not any(Path(f"/proc/{pid}").exists() for pid in children.values()),
            "the children end",
        )


def test_a_taken_port_is_named_before_anything_else(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        settings = {"YILI_VAR": str(tmp_path), "PORT": str(other.getsockname()[1])}
        result = CliRunner().invoke(main, ["run"], env=settings)
    assert result.exit_code == 1
    assert PORT_TAKEN.search(result.output)
    assert not (tmp_path / "yili.db").exists()


def test_a_database_out_of_reach_is_said_plainly(tmp_path: Path) -> None:
    settings = {
        "YILI_VAR": str(tmp_path),
        "DATABASE_URL": f"postgresql+psycopg://nobody:hidden@127.0.0.1:{free_port()}/nothing",
    }
    result = CliRunner().invoke(main, ["migrate"], env=settings)
    assert result.exit_code == 1
    assert "数据库用不了" in result.output
    assert "hidden" not in result.output
