"""Faults: the audit finds what it is there to find; a few kills lose, halve and double nothing,
one wins a race, a stopped database is found again, a power loss loses nothing.

The long forms are `make faults`.
"""

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile, copytree

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.benchmarks.figures import memory_folder
from tests.conftest import DATABASES
from tests.faults import kills, outages, power, races
from tests.faults.audit import audit, versions
from tests.faults.ground import ground
from tests.faults.tampering import TAMPERINGS
from tests.played import NOW
from tests.postgres import KEEPING, postgres_server
from webapp.db import PRAGMAS, make_engine


@pytest.fixture
def rows(played_sqlite: Path, tmp_path: Path) -> Iterator[Session]:
    """The demonstration's eight cases, to be tampered with."""
    copyfile(played_sqlite / "yili.db", tmp_path / "yili.db")
    copytree(played_sqlite / "files", tmp_path / "files")
    engine = make_engine(f"sqlite:///{tmp_path / 'yili.db'}")
    with Session(engine) as session:
        yield session
    engine.dispose()


def test_what_was_only_played_is_whole(rows: Session, tmp_path: Path) -> None:
    assert audit(rows, tmp_path, NOW, [versions]) == []


@pytest.mark.parametrize("what", TAMPERINGS)
def test_the_audit_finds(what: str, rows: Session, tmp_path: Path) -> None:
    kind, tamper = TAMPERINGS[what]
    rows.connection().execute(text("PRAGMA defer_foreign_keys = ON"))
    tamper(rows, tmp_path)
    rows.expire_all()
    assert kind in {fault.kind for fault in audit(rows, tmp_path, NOW, [versions])}
    rows.rollback()


@pytest.fixture
def memory() -> Iterator[Path]:
    """For disks that are looked at by the dozen."""
    with memory_folder() as folder:
        yield folder


@pytest.mark.long
@pytest.mark.parametrize("database", DATABASES)
def test_killed_processes_lose_halve_and_double_nothing(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue("postgres") if database == "postgres" else None
    with ground("faults", tmp_path, server) as place:
        outcome = kills.run(place, kills=8, pause=0.2, seconds=60, seed="eight")
    assert outcome.faults == []
    assert outcome.kills.total() > 0
    assert outcome.journal.acknowledged > 0


def test_in_a_race_one_wins_and_the_others_are_told(tmp_path: Path) -> None:
    with ground("race", tmp_path, YILI_THREADS="16") as place:
        outcome = races.run(place, rounds=2, seed="two")
    assert outcome.faults == []
    assert (outcome.rounds, outcome.wrong) == (2, 0)


def test_when_the_power_goes_nothing_acknowledged_is_lost_and_nothing_half_or_corrupt(
    settled_sqlite: Path, tmp_path: Path, memory: Path
) -> None:
    """And the test would see it: with fewer syncs than the application asks for, much is lost."""
    copyfile(settled_sqlite, tmp_path / "yili.db")
    start, told = power.recorded(tmp_path / "yili.db", tmp_path)
    asked = power.run(start, told, memory / "asked", "ten", most=10)
    assert (asked.corrupt, asked.half, asked.lost) == (0, 0, 0)
    assert asked.states == 60
    assert asked.transactions >= 8
    fewer = [pragma.replace("synchronous=FULL", "synchronous=NORMAL") for pragma in PRAGMAS]
    risked = power.run(start, told, memory / "risked", "ten", most=10, pragmas=fewer)
    assert (risked.corrupt, risked.half) == (0, 0)
    assert risked.lost > 0


@pytest.mark.postgres
@pytest.mark.usefixtures("postgres")  # without its programs there is nothing to stop
def test_a_database_that_was_stopped_is_found_again_and_nothing_is_lost(tmp_path: Path) -> None:
    with postgres_server(KEEPING) as server:
        outcome = outages.database_stopped(tmp_path, server, "one", times=2)
    assert outcome.faults == []
    assert outcome.told["503"] > 0
