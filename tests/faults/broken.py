"""The disk fails (EIO) at the n-th write or sync, once or until it is mended: F12.

A small library in C (`broken_disk.c`) is preloaded into all processes of the stand; here it is said
whom it meets, at which of their writes below the installation's folder, and for how long. Database,
attachments and dossiers all lie there. Needs a C compiler; without one it is said that nothing was
looked at.

    python -m tests.faults --only=errors [--long]
"""

import mmap
import multiprocessing.forkserver
import os
import shutil
import struct
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Case, DossierRequest, DossierState, Task, TaskState
from tests.faults.clients import BUSY, DONE, Attempt, Client, working
from tests.faults.ground import Ground, fall_due
from tests.faults.kills import wait
from tests.faults.outages import (
    BROKEN,
    Outcome,
    Person,
    expect,
    processes,
    refused_and_kept,
    served,
    settle,
)
from tests.faults.stand import WEB, WORKER

SOURCE = Path(__file__).with_name("broken_disk.c")
_LAYOUT = struct.Struct("iiii15i448s")
LASTING = 2.0  # seconds that a disk stays broken while people work


class Disk:
    """Says to the library whom it meets, and when."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.folder = f"{folder}/".encode()
        path.write_bytes(bytes(_LAYOUT.size))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _LAYOUT.size)

    def break_(self, pids: Sequence[int], at: int, *, for_ever: bool = False) -> None:
        """At the `at`-th write or sync of these processes taken together, counted from 1."""
        met = [*pids, *[0] * 15][:15]
        _LAYOUT.pack_into(self._memory, 0, 0, int(for_ever), 0, 0, *met, self.folder)
        struct.pack_into("i", self._memory, 0, at)

    def set_clock(self, pids: Sequence[int], ahead: int) -> None:
        """Theirs is so many seconds fast; that of everybody else is right."""
        met = [*pids, *[0] * 15][:15]
        _LAYOUT.pack_into(self._memory, 0, 0, 0, 0, ahead, *met, self.folder)

    def mend(self) -> int:
        """How many writes failed."""
        struct.pack_into("i", self._memory, 0, 0)
        return self.failed

    @property
    def failed(self) -> int:
        return int(struct.unpack_from("i", self._memory, 8)[0])


def built(folder: Path) -> Path | None:
    """The library, compiled; None where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    library = folder / "broken_disk.so"
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    return library


def preload(library: Path) -> None:
    """Into the one process that all stands are forked from. Before the first of them."""
    os.environ["LD_PRELOAD"] = str(library)
    try:
        multiprocessing.forkserver.ensure_running()
    finally:
        del os.environ["LD_PRELOAD"]


@dataclass
class _Scene:
    """One stand with a disk that can be broken."""

    place: Ground
    disk: Disk
    person: Person
    dice: Random
    told: Counter[str] = field(default_factory=Counter)  # n that were tried, writes that failed

    def client(self) -> Client:
        place, journal = self.place, self.person.journal
        return Client(place.browser, place.engine, journal, "broken", threading.Event())

    def note(self, what: str) -> int:
        failed = self.disk.mend()
        self.told[f"{what}: writes failed"] += failed
        return failed


def run(folder: Path, seed: str, *, steps: int, dossiers: int, lasting: int) -> Outcome:
    """`steps`: so many writes of a step and of an upload at most, from the first, each fails once;
    `dossiers`: so many, half of them with a disk that stays broken; `lasting`: how often it stays
    broken while people work."""
    control, outcome, dice = folder.with_name("disk"), Outcome(""), Random(seed)  # noqa: S311
    folder.parent.mkdir(parents=True, exist_ok=True)
    disk = Disk(control, folder)
    with served("broken", folder, None, YILI_BROKEN_DISK=str(control)) as place:
        scene = _Scene(place, disk, Person(place, dice), dice)
        before = processes(place)
        _once_in_a_step(scene, steps)
        _once_in_an_upload(scene, steps)
        for turn in range(dossiers):
            _in_a_dossier(scene, for_ever=bool(turn % 2))
        for turn in range(lasting):
            _for_ever(scene, turn)
        expect(set(before) <= set(processes(place)), "a process of ours ended")
        outcome.told = dict(scene.told)
        outcome.faults = settle(place, scene.person.journal)
        _nothing_unfinished(folder)
    return outcome


def _nothing_unfinished(folder: Path) -> None:
    parts = [path.name for path in folder.rglob("*.part")]
    expect(not parts, f"half a file is left: {parts}")


def _enough_steps(scene: _Scene) -> None:
    query = select(func.count(Task.id)).where(
        Task.bpmn_id == "UT_receive", Task.state == TaskState.OPEN
    )
    with Session(scene.place.engine.execution_options(reads=True)) as session:
        left = session.scalar(query) or 0
    if left < 5:
        fall_due(scene.place.engine, 20, timedelta(seconds=5))


def _once_in_a_step(scene: _Scene, most: int) -> None:
    """Somebody hands in a step, and one of its writes fails."""
    for at in range(1, most + 1):
        _enough_steps(scene)
        paper, path = scene.person.paper()
        attempt = scene.person.journal.add(Attempt(paper.who, path, str(uuid4()), "UT_receive"))
        typed = paper.typed(attempt.key)
        scene.disk.break_(scene.place.stand.pids(WEB), at)
        reply = scene.place.browser.post(attempt.who, path, typed)
        failed = scene.note("step")
        attempt.told.append("none" if reply is None else str(reply.status))
        scene.told[f"step {attempt.told[-1]}"] += 1
        if reply is None or reply.status != DONE:
            expect(failed, f"{attempt.told} though the disk was well")
            refused_and_kept(reply, BROKEN, attempt.key)
        scene.client().until_told(attempt, typed)
        expect(attempt.acknowledged, f"write {at}: not taken when mended: {attempt.told}")
        if not failed:
            return
        scene.told["step: times"] += 1


def _once_in_an_upload(scene: _Scene, most: int) -> None:
    for at in range(1, most + 1):
        scene.disk.break_(scene.place.stand.pids(WEB), at)
        browser, name = scene.place.browser, "record.pdf"
        reply = browser.upload("zhougy", name, Accept="application/json")
        failed = scene.note("upload")
        expect(reply is not None, "an upload was not answered")
        assert reply is not None
        scene.told[f"upload {reply.status}"] += 1
        if reply.status != 201:
            expect(failed and reply.status == BUSY and BROKEN in reply.body, f"upload: {reply}")
        _nothing_unfinished(scene.place.folder)
        scene.client().upload("zhougy", name)
        if not failed:
            return
        scene.told["upload: times"] += 1


def _in_a_dossier(scene: _Scene, *, for_ever: bool) -> None:
    """The worker's own writes: it tries again by itself, and makes one copy."""
    place, disk = scene.place, scene.disk
    with Session(place.engine.execution_options(reads=True)) as session:
        case = session.scalars(select(Case.id).order_by(Case.id)).first()
    disk.break_(place.stand.pids(WORKER), scene.dice.randint(1, 60), for_ever=for_ever)
    asked = place.browser.post("subl", f"/dossiers/of/{case}", [("purpose", "archive")])
    expect(asked is not None and asked.status == DONE, f"asking for a dossier: {asked}")
    assert asked is not None
    key = int(asked.location.rsplit("/", 1)[-1])
    expect(wait(lambda: disk.failed > (5 if for_ever else 0), 60), "the worker never wrote")
    what = "dossier, lasting" if for_ever else "dossier"
    scene.note(what)
    expect(wait(lambda: _ready(place, key), 120), "the dossier was not made when mended")
    scene.told[f"{what}: times"] += 1


def _ready(place: Ground, key: int) -> bool:
    with Session(place.engine.execution_options(reads=True)) as session:
        return session.get_one(DossierRequest, key).state is DossierState.READY


def _for_ever(scene: _Scene, turn: int) -> None:
    """While people work the disk breaks and stays so: they are told, everybody may read."""
    place, person = scene.place, scene.person
    _enough_steps(scene)
    paper, path = person.paper()
    seed = f"broken:{turn}"
    with working(place.browser, place.engine, person.journal, seed, most_cases=60):
        pids = place.stand.pids(WEB) + place.stand.pids(WORKER)
        scene.disk.break_(pids, scene.dice.randint(1, 200), for_ever=True)
        expect(wait(lambda: scene.disk.failed > 0, 30), "nobody wrote")
        until = time.monotonic() + LASTING
        while time.monotonic() < until:
            for shown in ("/tasks", "/cases", "/healthz"):
                reply = person.look(shown, paper.who)
                expect(reply is not None and reply.status == 200, f"{shown}: {reply}")
            key = str(uuid4())
            reply = place.browser.post(paper.who, path, paper.typed(key))
            refused_and_kept(reply, BROKEN, key)
        scene.note("lasting")
    scene.told["lasting: times"] += 1
