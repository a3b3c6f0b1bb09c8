"""A throw-away PostgreSQL server for tests, and a fresh database for each of them.

The server belongs to one pytest process: with xdist every worker starts its own, which costs it
about a second and spares us locks, shared lifetimes and name clashes. It listens on loopback, asks
for a password made for the occasion, writes nothing to disk that it could put off, and dies with
the process that started it. Knows nothing of the application.

    with postgres_server() as server:
        url = server.create_database("case_1")          # or server.prefix + "case_1"

The server programs come from the PATH or from where Debian keeps them; without them a test that
asks for PostgreSQL is skipped, or fails when CI is set, so that nothing goes untested unnoticed.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from random import Random

import psycopg
import pytest
from psycopg import sql

SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "32MB",
    "max_connections": "50",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
}
DURABLE = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
}
# Stopped at once, it keeps what it has acknowledged; so long as nobody pulls the machine's plug
KEEPING = SETTINGS | {
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",  # several installations with many threads stand on it
}
ATTEMPTS = 3  # somebody else may take the free port before the server does


class ServerFailed(Exception):
    """The server did not start; carries the end of its log."""


@dataclass(eq=False)
class Server:
    """A running server: `prefix` and a database name make a SQLAlchemy URL."""

    prefix: str
    process: subprocess.Popen[bytes]
    begin: Callable[[], subprocess.Popen[bytes]]

    def stop(self) -> None:
        """At once, as if the machine had been switched off: nothing is cleaned up."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(timeout=30)

    def start(self) -> None:
        """Again, with what it had acknowledged."""
        self.process = self.begin()

    def kill_one(self, dice: Random) -> None:
        """One of its processes that serve somebody; it then ends all of them and recovers."""
        query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
        with psycopg.connect(self.prefix.replace("+psycopg", "") + "postgres") as connection:
            found = sorted(pid for (pid,) in connection.execute(query))
        with suppress(ProcessLookupError):
            os.kill(dice.choice(found), signal.SIGKILL)

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make a database, as a copy of `template` when one is named; its SQLAlchemy URL.

        Nobody may be connected to the template meanwhile.
        """
        source = sql.Identifier(template or "template0")
        # Copying files beats logging them page by page when nothing is ever synced to disk.
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        self._execute(command.format(sql.Identifier(name), source))
        return self.prefix + name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, command: sql.Composed) -> None:
        address = self.prefix.replace("+psycopg", "") + "postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(command)


def server_programs() -> Path | None:
    """The folder of initdb and postgres, newest version first; None when there is none."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(debian, key=lambda path: int(path.parts[-3]), default=None)
    return newest.parent if newest else None


def unprivileged() -> dict[str, str | int | list[int]]:
    """How to start a program as somebody the server accepts: it refuses root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    entry = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def dying_with_us() -> list[str]:
    """What to put before a command so that it is stopped at once should pytest be killed."""
    return ["setpriv", "--pdeathsig", "QUIT"] if shutil.which("setpriv") else []


def free_port() -> int:
    """A loopback port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(
    programs: Path, folder: Path, port: int, settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start the server and wait until it answers."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [
            *dying_with_us(),
            programs / "postgres",
            "-D",
            folder / "data",
            f"--port={port}",
            *options,
        ],
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
        cwd=folder,
        **unprivileged(),
    )
    log.close()
    # The server notes in this file that it is ready: pg_ctl waits for the same line.
    pid_file = folder / "data/postmaster.pid"
    while server.poll() is None:
        if pid_file.exists() and pid_file.read_text("ascii").split("\n")[7:8] == ["ready   "]:
            return server
        try:
            server.wait(timeout=0.02)
        except subprocess.TimeoutExpired:
            continue
    raise ServerFailed((folder / "log").read_text("utf-8", "replace")[-2000:])


@contextmanager
def postgres_server(settings: Mapping[str, str] = SETTINGS) -> Iterator[Server]:
    """A new, empty server on a random loopback port, gone with all its data at the end.

    With DURABLE it syncs and cleans up as PostgreSQL does by default.
    """
    programs = server_programs()
    if programs is None:
        raise ServerFailed("no PostgreSQL server programs: apt-get install postgresql")
    password = secrets.token_hex(8)
    with tempfile.TemporaryDirectory(prefix="yili-postgres-") as name:
        folder = Path(name)
        secret = folder / "password"
        secret.write_text(password, "ascii")
        identity = unprivileged()
        if identity:
            for path in (folder, secret):
                shutil.chown(path, identity["user"], identity["group"])
        command = [programs / "initdb", "-D", folder / "data", "-U", "yili", f"--pwfile={secret}"]
        choices = ["--auth=password", "--encoding=UTF8", "--no-locale", "--no-sync"]
        made = subprocess.run(
            [*command, *choices],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            **identity,
        )
        if made.returncode:
            raise ServerFailed(made.stderr)
        for attempt in range(ATTEMPTS):
            port = free_port()
            try:
                server = start(programs, folder, port, settings)
                break
            except ServerFailed:
                if attempt == ATTEMPTS - 1:
                    raise
        try:
            prefix = f"postgresql+psycopg://yili:{password}@127.0.0.1:{port}/"
            running = Server(prefix, server, partial(start, programs, folder, port, settings))
            yield running
        finally:
            running.stop()  # nothing is worth a clean shutdown


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server of this test process, started when the first test asks for it."""
    if server_programs() is None:
        missing = "PostgreSQL's server programs are not installed: make test installs them"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    """An empty database for one test."""
    name = f"empty_{next(_numbers)}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


_numbers = count(1)
