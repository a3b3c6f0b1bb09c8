"""A backup made while people write is one moment of the whole; a restore is all of it or nothing.

`backup` and `restore` as an operator types them, on both databases; the process that restores is
really killed, at every point where it has just told the disk something.
"""

import json
import os
import signal
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from shutil import copyfile
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Attachment, Case, Task, TaskState, Timer
from tests.conftest import DATABASES
from tests.faults.audit import audit, versions
from tests.faults.ground import fall_due
from tests.walk import stage_on
from webapp import backups, databases
from webapp.cli import main
from webapp.db import make_engine
from workflows.actions import timers
from workflows.demo.people import seat_of

_numbers = count(1)


@dataclass
class House:
    """One installation, or the place for one."""

    url: str
    var: Path

    def type(self, *words: str) -> Result:
        given = {"DATABASE_URL": self.url, "YILI_VAR": str(self.var), "YILI_SECRET_KEY": "own"}
        return CliRunner().invoke(main, list(words), env=given)

    def look(self, act: Callable[[Session], Any]) -> Any:
        engine = make_engine(self.url)
        with Session(engine) as session, session.begin():
            found = act(session)
        engine.dispose()
        return found

    def facts(self) -> dict[str, Any]:
        with databases.of(self.url).opened() as connection:
            return databases.facts(connection)

    def tree(self) -> dict[str, bytes]:
        """All that lies there."""
        paths = self.var.rglob("*") if self.var.exists() else ()
        return {str(path): path.read_bytes() for path in paths if path.is_file()}


Build = Callable[[bool], House]


@pytest.fixture
def build(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Build:
    """Another installation: with people and cases that are overdue, or empty."""

    def built(settled: bool) -> House:
        number = next(_numbers)
        var = tmp_path / f"var-{number}"
        if database == "postgres":
            server = request.getfixturevalue("postgres")
            template = request.getfixturevalue("settled_postgres") if settled else None
            url = server.create_database(f"house_{number}", template)
        else:
            url = f"sqlite:///{var / 'yili.db'}"
        if settled:
            var.mkdir()
            if database == "sqlite":
                copyfile(request.getfixturevalue("settled_sqlite"), var / "yili.db")
            _furnish(House(url, var))
        return House(url, var)

    return built


def _furnish(house: House) -> None:
    """Three cases whose limit has just passed, and a file."""
    engine = make_engine(house.url)
    fall_due(engine, 3, timedelta(0))
    with Session(engine) as session, session.begin():
        by = seat_of(session, "zhougy")
        stage_on(session, house.var / "files").upload(by, "record.pdf", datetime.now(UTC))
    engine.dispose()


@pytest.fixture
def archive(build: Build, tmp_path: Path) -> tuple[House, Path]:
    """An installation and its backup."""
    house, file = build(True), tmp_path / "kept.zip"
    said = house.type("backup", str(file))
    assert said.exit_code == 0, said.output
    return house, file


def _writing(house: House, stop: threading.Event) -> threading.Thread:
    def write() -> None:
        engine = make_engine(house.url)
        while not stop.is_set():
            fall_due(engine, 1, timedelta(0))
            with Session(engine) as session, session.begin():
                by = seat_of(session, "zhougy")
                stage_on(session, house.var / "files").upload(by, "drill.jpg", datetime.now(UTC))
        engine.dispose()

    thread = threading.Thread(target=write)
    thread.start()
    return thread


@pytest.mark.parametrize("database", DATABASES)
def test_a_copy_made_while_people_write_is_whole_and_goes_on_exactly_once(
    build: Build, tmp_path: Path
) -> None:
    house, other, file = build(True), build(False), tmp_path / "kept.zip"
    stop = threading.Event()
    writer = _writing(house, stop)
    made = house.type("backup", str(file))
    stop.set()
    writer.join()
    assert made.exit_code == 0, made.output
    assert file.stat().st_mode & 0o777 == 0o600
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".yili")]

    digest = made.output.split("SHA-256 ")[1][:64]
    put = other.type("restore", str(file), "--sha256", digest)
    assert put.exit_code == 0, put.output
    assert not (other.var / "restoring").exists()
    assert "secret.key" not in {path.name for path in other.var.iterdir()}

    def numbers(session: Session) -> list[str]:
        return list(session.scalars(select(Case.number).order_by(Case.id)))

    there, here = house.look(numbers), other.look(numbers)
    assert here == there[: len(here)]
    assert len(here) >= 3
    waiting = other.look(lambda session: session.scalar(select(func.count(Timer.id))))
    assert waiting > 0
    fired = _fire_all(other)
    assert fired >= 3
    assert _fire_all(other) == 0
    now = datetime.now(UTC)
    assert other.look(lambda session: audit(session, other.var, now, [versions])) == []
    still = select(func.count(Task.id)).where(Task.state == TaskState.OPEN)
    assert other.look(lambda session: session.scalar(still)) >= 3 * len(here)
    assert other.look(lambda session: session.scalar(select(func.count(Attachment.id)))) > 0


def _fire_all(house: House) -> int:
    """What the worker would wake; how many processes."""

    def fire(session: Session) -> int:
        now = datetime.now(UTC)
        return sum(timers.fire(session, key, now) for key in timers.due_processes(session, now))

    return int(house.look(fire))


def _tampered(file: Path, name: str, change: Callable[[bytes], bytes], added: str = "") -> None:
    """The same archive with one part changed, well packed."""
    with zipfile.ZipFile(file) as before:
        parts = {each: before.read(each) for each in before.namelist()}
    parts[name] = change(parts[name])
    if added:
        parts[added] = b"x"
    with zipfile.ZipFile(file, "w") as after:
        for each, content in parts.items():
            after.writestr(each, content)


def _recounted(manifest: bytes) -> bytes:
    said = json.loads(manifest)
    said["rows"]["case"] += 1
    return json.dumps(said).encode()


def _climbing(manifest: bytes) -> bytes:
    said = json.loads(manifest)
    said["parts"]["files/../../evil"] = "0"
    return json.dumps(said).encode()


def _newer(manifest: bytes) -> bytes:
    return json.dumps(json.loads(manifest) | {"revision": "9999"}).encode()


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut": (lambda file: os.truncate(file, file.stat().st_size * 2 // 3), "不是完整的备份文件"),
    "no archive": (lambda file: file.write_bytes(b"hello" * 99), "不是完整的备份文件"),
    "a part changed": (
        lambda file: _tampered(file, "database.sqlite", lambda was: was[:-1] + b"?"),
        "不是完整的备份文件",
    ),
    "a part more": (
        lambda file: _tampered(file, "manifest.json", bytes, "files/more"),
        "不是完整的备份文件",
    ),
    "a path that climbs": (
        lambda file: _tampered(file, "manifest.json", _climbing, "files/../../evil"),
        "不是完整的备份文件",
    ),
    "a manifest that says else": (
        lambda file: _tampered(file, "manifest.json", _recounted),
        "与备份的清单不符",
    ),
    "a later release": (
        lambda file: _tampered(file, "manifest.json", _newer),
        "来自更新版本的程序",
    ),
}


@pytest.mark.parametrize("database", ["sqlite"])
def test_what_is_no_whole_backup_is_refused_and_changes_nothing(
    archive: tuple[House, Path], build: Build, tmp_path: Path
) -> None:
    house, file = archive
    full, empty, good = build(True), build(False), file.read_bytes()
    before = full.tree()
    for what, (spoil, told) in SPOILED.items():
        file.write_bytes(good)
        spoil(file)
        for place in (full, empty):
            said = place.type("restore", str(file), "--replace")
            assert said.exit_code == 1, what
            assert told in said.output, what
        assert (full.tree(), empty.tree()) == (before, {}), what
    file.write_bytes(good)
    for place, words, told in (
        (full, [], "目标里已有数据"),
        (empty, ["--sha256", "0" * 64], "不是那一份备份"),
        (House("postgresql+psycopg://nobody@127.0.0.1:9/none", empty.var), [], "来自 sqlite"),
    ):
        said = place.type("restore", str(file), *words)
        assert said.exit_code == 1
        assert told in said.output
    assert (full.tree(), empty.tree()) == (before, {})
    again = house.type("backup", str(file))
    assert again.exit_code == 1
    assert "已经存在，不覆盖" in again.output
    assert file.read_bytes() == good


@pytest.mark.parametrize("database", ["sqlite"])
def test_replaced_data_is_laid_aside_not_deleted(archive: tuple[House, Path], build: Build) -> None:
    house, file = archive
    full = build(True)
    was = full.facts()
    said = full.type("restore", str(file), "--replace")
    assert said.exit_code == 0, said.output
    assert full.facts() == house.facts() != was
    [aside] = full.var.glob("replaced-*")
    assert House(f"sqlite:///{aside / 'yili.db'}", aside).facts() == was


def _killed_at(house: House, file: Path, point: int) -> bool:
    """Whether a process that restores is dead after telling the disk something so many times."""
    child = os.fork()
    if not child:
        left = iter(range(point - 1, -1, -1))

        def burning(act: Any) -> Any:
            def burn(*given: Any, **named: Any) -> Any:
                done = act(*given, **named)
                if not next(left, 0):
                    os.kill(os.getpid(), signal.SIGKILL)
                return done

            return burn

        for of, name in ((os, "fsync"), (Path, "rename"), (Path, "replace")):
            setattr(of, name, burning(getattr(of, name)))
        try:
            backups.put_back(house.url, house.var, file, replace=False)
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


@pytest.mark.parametrize("database", ["sqlite"])
def test_a_restore_that_is_killed_leaves_nothing_that_would_serve(
    archive: tuple[House, Path], build: Build
) -> None:
    house, file = archive
    wanted = house.facts()
    for point in count(1):
        place = build(False)
        if not _killed_at(place, file, point):
            break
        if (place.var / "restoring").exists():
            with pytest.raises(click.ClickException, match="上一次恢复没有做完"):
                backups.refuse_half(place.var)
            said = place.type("restore", str(file))
            assert said.exit_code == 0, (point, said.output)
        assert place.facts() == wanted, point
    assert point > 10


@pytest.mark.parametrize("database", [DATABASES[1]])
def test_so_does_one_on_postgresql(
    archive: tuple[House, Path], build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when the tables are there and nobody has looked at them yet."""
    house, file = archive
    place = build(False)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(backups, "_require_same", die)
        with pytest.raises(KeyboardInterrupt):
            backups.put_back(place.url, place.var, file, replace=False)
    assert "上一次恢复没有做完" in place.type("serve").output
    said = place.type("restore", str(file))
    assert said.exit_code == 0, said.output
    assert place.facts() == house.facts()
    other = place.type("restore", str(file))
    assert "目标里已有数据" in other.output
    engine = make_engine(place.url)
    with engine.connect():
        busy = place.type("restore", str(file), "--replace")
    engine.dispose()
    assert "还有程序连着这个数据库" in busy.output


@pytest.mark.parametrize("database", [DATABASES[1]])
def test_without_the_programs_of_postgresql_it_says_what_to_install(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = build(True)
    monkeypatch.setattr(databases.shutil, "which", lambda _name: None)
    monkeypatch.setattr(databases, "DEBIAN", tmp_path / "none")
    said = house.type("backup", str(tmp_path / "kept.zip"))
    assert said.exit_code == 1
    assert "先安装 postgresql-client" in said.output
    assert not (tmp_path / "kept.zip").exists()
