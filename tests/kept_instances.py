"""Instances as our diagrams have left them in databases, kept for ever: cases run for months, and
whatever is changed in the engine or the library must still load and finish them.

    python -m tests.kept_instances        keeps those of the diagrams as they are now

Each file under tests/kept holds one definition and a state for every set of steps that a walk to
the end met. Files are added when a diagram changes, never changed or removed.
"""

import gzip
import json
import random
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from models import Case, Definition, DefinitionState, Process, ProcessState, Task, Timer
from tests.instances import DEATH, FLAGS, RecordingHost
from tests.random_walk import OURS, Ground, Key, Stored
from workflows import engine
from workflows.engine import definitions, script, store

FOLDER = Path(__file__).parent / "kept"
NAME = "maternal_death"
SEEDS = (1,)
MOST_STEPS = 300


@dataclass(frozen=True, slots=True)
class Kept:
    """One definition with the states of its instances."""

    path: Path
    name: str
    digest: str
    files: definitions.Files
    states: dict[str, bytes]  # by the steps that were open


def all_kept() -> list[Kept]:
    """What tests/kept holds."""
    return [_read(path) for path in sorted(FOLDER.glob("*.json.gz"))]


def _read(path: Path) -> Kept:
    said = json.loads(gzip.decompress(path.read_bytes()))
    states = {steps: b64decode(state) for steps, state in said["states"].items()}
    return Kept(path, said["name"], definitions.digest(said["files"]), said["files"], states)


def current() -> str:
    """The digest of the diagrams as they are now."""
    return definitions.digest(definitions.files_of(NAME))


def restore(session: Session, case: Case, kept: Kept, steps: str, host: RecordingHost) -> Stored:
    """The instance in a database, as if it had been there all along."""
    for table in (Timer, Task):  # states of one walk share the ids of their steps
        session.execute(delete(table))
    row = Definition(
        name=kept.name,
        number=definitions.next_number(session, kept.name),
        digest=kept.digest,
        files=dict(kept.files),
        created_at=DEATH,
        status=DefinitionState.APPROVED,
        decided_at=DEATH,
    )
    process = Process(definition=row, case=case, started_at=DEATH, state=kept.states[steps])
    session.add(process)
    session.flush()
    with script.at(DEATH):
        workflow = store.decode(
            process.state,
            lambda _version: definitions.parsed(row),
            script.Engine(host.functions, host.services),
        )
        instance = engine._Instance(workflow, kept.digest)
        instance.look()
        session.add_all(engine._assigned(session, process, instance, host, DEATH))
        engine.rows.set_timers(session, process.id, {}, engine._waiting_timers(workflow))
    session.commit()
    stored = Stored.__new__(Stored)
    stored.session, stored.host, stored.restarts = session, host, False
    stored.process_id = process.id
    return stored


def finish(stored: Stored, seed: int, linger: int = 0) -> Iterator[tuple[str, bytes]]:
    """Goes on to the end, after `linger` steps by the shortest way; what was open before each step,
    and the state. AssertionError when the end is not reached."""
    chance = random.Random(seed)  # noqa: S311 - the same walk every time
    now = DEATH
    for step in range(MOST_STEPS):
        process = stored._process()
        if process.status == ProcessState.DONE:
            return
        open_now = stored._open()
        yield "、".join(sorted({key[0] for key in open_now})), process.state
        now += timedelta(hours=1)
        key = chance.choice(sorted(open_now))
        stored.complete(key, _said(key, chance, hurry=step >= linger), now)
    raise AssertionError(f"not at its end after {MOST_STEPS} steps")


def _said(key: Key, chance: random.Random, *, hurry: bool) -> dict[str, Any]:
    return OURS.get(key[0], lambda _chance, _hurry: {})(chance, hurry)


def keep() -> Path | None:
    """Adds a file for the diagrams as they are now; None when there is one."""
    files = definitions.files_of(NAME)
    path = FOLDER / f"{NAME}-{current()[:12]}.json.gz"
    if path.exists():
        return None
    ground, states = Ground(), {}
    for seed in SEEDS:
        with Session(ground.database) as session:
            stored = Stored(
                session, ground.case(session), NAME, FLAGS, RecordingHost(), restarts=False
            )
            for steps, state in finish(stored, seed, linger=80):
                states.setdefault(steps, b64encode(state).decode())
    ground.close()
    said = json.dumps({"name": NAME, "files": files, "states": states}, ensure_ascii=False)
    path.write_bytes(gzip.compress(said.encode(), mtime=0))
    return path


if __name__ == "__main__":
    print(keep() or "these diagrams are kept already")
