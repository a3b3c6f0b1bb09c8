"""The two kinds of database as a backup sees them: copied whole at one moment while others write,
put back whole or not at all, and what must be the same in a copy. Knows no file beside them.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Connection, create_engine, inspect, make_url, text
from sqlalchemy.pool import NullPool

RECORD = ("event", "document")  # what is only ever added: each row counts, to the last letter
PARTS = {"sqlite": "database.sqlite", "postgresql": "database.pgdump"}
DEBIAN = Path("/usr/lib/postgresql")
_SCHEMAS = "DROP SCHEMA IF EXISTS dbos CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public;"


class BackupError(Exception):
    """No backup, no restore; the message says in Chinese why, and what to do."""


class Database(Protocol):
    """One database, there or to be."""

    kind: str

    def copied(self, to: Path) -> AbstractContextManager[Connection]:
        """Write a copy; the connection sees what the copy holds. BackupError."""

    def is_empty(self) -> bool:
        """Whether there is no table."""

    def lying(self) -> list[Path]:
        """The files that are the database itself, as far as there are any."""

    def judge(self, copy: Path) -> dict[str, Any] | None:
        """BackupError unless the copy can be put in place now; its `facts`, where they can be told
        before. Changes nothing."""

    def put(self, copy: Path) -> None:
        """Let the copy take the place of what is there, whole or not at all. BackupError."""

    def opened(self) -> AbstractContextManager[Connection]:
        """A connection to it."""


class Sqlite:
    kind = "sqlite"

    def __init__(self, url: URL) -> None:
        self.path = Path(url.database or "")

    @contextmanager
    def copied(self, to: Path) -> Iterator[Connection]:
        if not self.path.exists():
            raise BackupError(f"没有数据库文件 {self.path}，没有可备份的内容")
        try:
            with (
                closing(sqlite3.connect(self.path)) as source,
                closing(sqlite3.connect(to)) as target,
            ):
                source.backup(target)  # in one step: as it is at this moment, and nobody waits
        except sqlite3.Error as error:
            raise BackupError(f"数据库没有抄完（{error}），没有备份；腾出空间后再做") from error
        with _connected(f"sqlite:///{to}") as connection:
            yield connection

    def is_empty(self) -> bool:
        return not self.path.exists() or _has_no_table(f"sqlite:///{self.path}")

    def lying(self) -> list[Path]:
        names = (self.path.name + end for end in ("", "-wal", "-shm"))
        return [path for name in names if (path := self.path.with_name(name)).exists()]

    def judge(self, copy: Path) -> dict[str, Any]:
        with _connected(f"sqlite:///{copy}") as connection:
            said = connection.execute(text("PRAGMA integrity_check")).scalars().all()
            if said != ["ok"] or connection.execute(text("PRAGMA foreign_key_check")).first():
                raise BackupError("备份里的数据库已损坏，没有恢复")
            return facts(connection)

    def put(self, copy: Path) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f"{self.path.name}.restoring")
        shutil.copy(copy, beside)
        beside.chmod(0o600)
        synced(beside)
        beside.replace(self.path)
        synced(self.path.parent)

    def opened(self) -> AbstractContextManager[Connection]:
        return _connected(f"sqlite:///{self.path}")


class Postgres:
    kind = "postgresql"

    def __init__(self, url: URL) -> None:
        self.url = url

    @contextmanager
    def copied(self, to: Path) -> Iterator[Connection]:
        with self.opened() as connection:
            connection.execution_options(isolation_level="REPEATABLE READ")
            moment = connection.scalar(text("SELECT pg_export_snapshot()"))
            self._run("pg_dump", "--format=custom", "--no-owner", "--no-privileges",
                      f"--snapshot={moment}", f"--file={to}")  # fmt: skip
            yield connection

    def is_empty(self) -> bool:
        return _has_no_table(self.url)

    def lying(self) -> list[Path]:
        return []

    def judge(self, copy: Path) -> None:
        for program in ("pg_restore", "psql"):
            _program(program)
        self._run("pg_restore", "--list", str(copy))
        with self.opened() as connection:
            others = text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid()"
            )
            if connection.scalar(others):
                raise BackupError("还有程序连着这个数据库；先停下网页服务和后台进程")

    def put(self, copy: Path) -> None:
        script = copy.with_suffix(".sql")
        self._run("pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(copy))
        self._run("psql", "--no-psqlrc", "--quiet", "--single-transaction",
                  "--set=ON_ERROR_STOP=1", f"--command={_SCHEMAS}", f"--file={script}")  # fmt: skip
        script.unlink()

    def opened(self) -> AbstractContextManager[Connection]:
        return _connected(self.url)

    def _run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's own; the password travels in the environment, which others cannot
        read."""
        given = {
            "PGHOST": self.url.host,
            "PGPORT": self.url.port,
            "PGUSER": self.url.username,
            "PGPASSWORD": self.url.password,
            "PGDATABASE": self.url.database,
            "PGSSLMODE": self.url.query.get("sslmode"),
        }
        environment = os.environ | {name: str(value) for name, value in given.items() if value}
        ended = subprocess.run(  # noqa: S603
            [_program(program), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if ended.returncode:
            last = ended.stderr.strip().splitlines()[-1:] or ["没有说明原因"]
            raise BackupError(f"{program} 没有完成：{last[0]}")


def _program(name: str) -> str:
    if found := shutil.which(name):
        return found
    debian = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if not debian:
        raise BackupError(f"没有找到 {name}；先安装 postgresql-client，版本不低于数据库服务器")
    return str(debian[-1])


def of(url: str) -> Database:
    """The database of this address."""
    parsed = make_url(url)
    return Postgres(parsed) if parsed.get_backend_name() == "postgresql" else Sqlite(parsed)


@contextmanager
def _connected(url: str | URL) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    with engine.connect() as connection:
        yield connection


def _has_no_table(url: str | URL) -> bool:
    with _connected(url) as connection:
        return not inspect(connection).get_table_names()


def synced(path: Path) -> None:
    """On the disk when this returns: a file's content, or which names a folder has."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# What must be the same in a copy


def facts(connection: Connection) -> dict[str, Any]:
    """Revision of the tables, how many rows each has, and a digest of the record."""
    tables = sorted(inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        raise BackupError("数据库里还没有本程序的表，没有可备份的内容")
    counted = {
        name: connection.scalar(text(f'SELECT count(*) FROM "{name}"'))  # noqa: S608
        for name in tables
    }
    revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return {"revision": revision, "rows": counted, "record": _digest(connection)}


def _digest(connection: Connection) -> str:
    found = hashlib.sha256()
    for table in RECORD:
        query = text(f'SELECT * FROM "{table}" ORDER BY id')  # noqa: S608
        streaming = connection.execution_options(stream_results=True, max_row_buffer=1000)
        for row in streaming.execute(query).mappings():
            line = json.dumps(dict(row), sort_keys=True, default=str)
            found.update(line.encode())
    return found.hexdigest()


def named_files(connection: Connection) -> dict[str, str]:
    """Files that rows name, by folder and name → the SHA-256 that the row says."""
    uploads = text("SELECT token, sha256 FROM attachment")
    dossiers = text("SELECT token, sha256 FROM dossier_request WHERE token IS NOT NULL")
    named = {f"files/{token}": str(sha256) for token, sha256 in connection.execute(uploads)}
    rendered = connection.execute(dossiers)
    return named | {f"dossiers/{token}.pdf": str(sha256) for token, sha256 in rendered}
