"""Two faults at once (F24): a crash while recovering from a crash, a disk that fills up while a
backup is made, clocks that jump under two workers.

    python -m tests.faults --only=errors
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import WorkerBeat
from tests.faults import kills
from tests.faults.broken import Disk
from tests.faults.clients import Journal, working
from tests.faults.ground import Ground, fall_due, ground
from tests.faults.outages import Outcome, Person, expect, little_disk, processes, served, settle
from tests.faults.stand import WORKER
from tests.postgres import Server, ServerFailed

HOUR, DAY = 3600, 86400
JUMPS = (HOUR, -HOUR, DAY, -DAY)  # by NTP, or by hand
A_JUMP = 1.2  # seconds until the next


def crash_while_recovering(folder: Path, server: Server, seed: str, times: int) -> Outcome:
    """The database server is killed, and again each time it has begun to recover."""
    outcome, dice = Outcome(""), Random(seed)  # noqa: S311 - it must repeat
    with served("recovering", folder, server) as place:
        person, before = Person(place, dice), processes(place)
        with working(place.browser, place.engine, person.journal, seed):
            for _ in range(times):
                time.sleep(dice.uniform(0.5, 1.5))
                server.stop()
                again = sum(_killed_recovering(server, dice) for _ in range(3))
                outcome.told["killed while recovering"] = (
                    outcome.told.get("killed while recovering", 0) + again
                )
                _started(server)
                expect(kills.wait(lambda: person.pages(1) == [200], 60), "no pages came back")
        expect(outcome.told["killed while recovering"] > 0, "it was never killed in time")
        expect(set(before) <= set(processes(place)), "a process of ours ended")
        outcome.told |= person.journal.counts
        outcome.faults = settle(place, person.journal)
    return outcome


def _killed_recovering(server: Server, dice: Random) -> bool:
    """Started, and killed with signal 9 before it said that it was ready."""
    data = cast("partial[object]", server.begin).args[1] / "data"
    ready: list[bool] = []

    def begin() -> None:
        with suppress(ServerFailed, FileNotFoundError):
            server.start()
            ready.append(True)

    old = _postmaster(data)
    starting = threading.Thread(target=begin)
    starting.start()
    kills.wait(lambda: _postmaster(data) != old or not starting.is_alive(), 20)
    time.sleep(dice.uniform(0, 0.05))
    with suppress(ProcessLookupError):
        if (pid := _postmaster(data)) != old and pid:
            os.kill(pid, signal.SIGKILL)
    starting.join()
    server.process.wait(timeout=30)
    return not ready


def _postmaster(data: Path) -> int:
    """Whoever has written its number there; 0 for nobody."""
    with suppress(OSError, ValueError):
        return int((data / "postmaster.pid").read_text("ascii").split("\n")[0])
    return 0


def _started(server: Server) -> None:
    """Its killed predecessor's children may take a moment to see that they are orphans."""

    def begun() -> bool:
        try:
            server.start()
        except ServerFailed:
            return False
        return True

    expect(kills.wait(begun, 30), "the server does not start any more")


def killed_while_recovering(folder: Path, seed: str, times: int) -> Outcome:
    """SQLite: all of ours killed at once, and again while they begin anew and read the log."""
    outcome, dice, journal = Outcome(""), Random(seed), Journal()  # noqa: S311 - it must repeat
    with ground("crashing", folder) as place:
        fall_due(place.engine, 12, timedelta(seconds=30))
        place.stand.start(practice=10)
        expect(kills.wait(place.answers), "the stand never answered")
        with working(place.browser, place.engine, journal, seed):
            for turn in range(times * 6):
                # every third time long enough for work, else while they begin
                time.sleep(dice.uniform(0.6, 1.2) if turn % 3 == 0 else dice.uniform(0, 0.15))
                for pid in processes(place):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                outcome.told["killed"] = outcome.told.get("killed", 0) + 1
        outcome.told |= journal.counts
        outcome.faults = settle(place, journal)
    return outcome


def full_during_backup(folder: Path, seed: str) -> Outcome:
    """A backup onto the disk of the database itself fills it: no archive, none in part, and the
    work goes on; onto one with room it succeeds."""
    outcome, dice = Outcome(""), Random(seed)  # noqa: S311 - it must repeat
    with little_disk(folder, 32) as mounted:
        if not mounted:
            outcome.told["nobody may mount a disk here"] = 1
            return outcome
        with served("backup", folder, None) as place:
            person, before = Person(place, dice), processes(place)
            kept = folder.with_name("kept")
            kept.mkdir()
            with working(place.browser, place.engine, person.journal, seed):
                left = shutil.disk_usage(folder).free
                filler = folder / "filler"
                filler.write_bytes(bytes(max(0, left - (2 << 20))))
                said = backed_up(place, folder / "full.zip")
                expect(said.returncode == 1, f"a backup without room: {said}")
                expect("没有备份" in said.stderr or "没有做完" in said.stderr, said.stderr)
                expect("Traceback" not in said.stderr, said.stderr)
                expect(not list(folder.glob("*.zip")), "part of an archive is left")
                expect(not list(folder.glob(".yili-backup-*")), "what it had written is left")
                filler.unlink()
                said = backed_up(place, kept / "whole.zip")
                expect(said.returncode == 0, f"a backup with room: {said}")
            expect(set(before) <= set(processes(place)), "a process of ours ended")
            outcome.told |= person.journal.counts
            outcome.faults = settle(place, person.journal)
    return outcome


def backed_up(place: Ground, file: Path) -> subprocess.CompletedProcess[str]:
    """What an operator's command came to."""
    command = [sys.executable, "-m", "webapp.cli", "backup", str(file)]
    environment = os.environ | place.stand.environment
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def clocks_jump(folder: Path, server: Server | None, seed: str, times: int) -> Outcome:
    """Two workers whose clocks somebody sets, one of them or both: nothing twice, nothing lost."""
    outcome, dice = Outcome(""), Random(seed)  # noqa: S311 - it must repeat
    control = folder.with_name(f"{folder.name}-clock")
    folder.parent.mkdir(parents=True, exist_ok=True)
    clock = Disk(control, folder)
    name = f"jumps_{'sqlite' if server is None else 'postgres'}"
    with served(name, folder, server, workers=2, YILI_BROKEN_DISK=str(control)) as place:
        person, before = Person(place, dice), processes(place)
        pids = place.stand.pids(WORKER)
        with working(place.browser, place.engine, person.journal, seed, 2):
            for ahead in JUMPS * times:
                who = pids if dice.random() < 0.5 else [dice.choice(pids)]
                clock.set_clock(who, ahead)
                told = kills.wait(lambda: _beats_near(place, ahead), 10)  # noqa: B023
                expect(told, "a worker does not see that its clock was set")
                time.sleep(A_JUMP)
            clock.set_clock([], 0)
        expect(set(before) <= set(processes(place)), "a process of ours ended")
        outcome.told = {"jumps": len(JUMPS) * times} | person.journal.counts
        outcome.faults = settle(place, person.journal)
    return outcome


def _beats_near(place: Ground, ahead: int) -> bool:
    """Whether a worker has written down a moment that is about so many seconds from now."""
    then = datetime.now(UTC) + timedelta(seconds=ahead)
    near = timedelta(minutes=5)
    query = select(WorkerBeat.id).where(WorkerBeat.at.between(then - near, then + near))
    with Session(place.engine.execution_options(reads=True)) as session:
        return session.scalars(query).first() is not None
