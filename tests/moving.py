"""A running process moved to another version, beside one that began on it and was never saved.

Both make the same decisions in the same order. The stored one begins on the shipped version and is
moved at a step of its own; from then on both must show the same: open steps, lanes, values, places
among siblings, timers to the microsecond, service calls, the end.
"""

import random
import re
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy.orm import Session

from models import Case, Definition, DefinitionOrigin
from tests import random_walk
from tests.instances import DEATH, FLAGS, RecordingHost
from tests.random_walk import OURS, Mismatch, Reference, Stored
from workflows import vocabulary
from workflows.engine import definitions, rows
from workflows.engine.definitions import Files
from workflows.engine.migration import Mover, Preview

MAIN = "maternal_death"
SHIPPED = definitions.files_of(MAIN)
WORDS = vocabulary.vocabulary()
MOST_STEPS, HURRY_AFTER = 120, 50


def variant(*swaps: tuple[str, str, str]) -> Files:
    """The shipped files with pieces of text replaced, as (folder, old, new)."""
    files = dict(SHIPPED)
    for folder, old, new in swaps:
        key = f"{folder}/process.bpmn"
        assert old in files[key], old
        files[key] = files[key].replace(old, new)
    return files


def inserted(folder: str, flow: str, step: str, beside: str) -> Files:
    """A step of a person put into a flow, in the lane of the step `beside`."""
    text = SHIPPED[f"{folder}/process.bpmn"]
    found = re.search(rf'<bpmn:sequenceFlow id="{flow}"[^>]*targetRef="(\w+)"', text)
    assert found is not None, flow
    line = found[0]
    properties = (
        "<bpmn:extensionElements><spiffworkflow:properties>"
        '<spiffworkflow:property name="form" value="receipt.v1"/>'
        "</spiffworkflow:properties></bpmn:extensionElements>"
    )
    new = (
        f'<bpmn:userTask id="{step}" name="新的一步">{properties}</bpmn:userTask>'
        f'<bpmn:sequenceFlow id="F_{step}__on" sourceRef="{step}" targetRef="{found[1]}"/>'
        + line.replace(f'targetRef="{found[1]}"', f'targetRef="{step}"')
    )
    seat = f"<bpmn:flowNodeRef>{beside}</bpmn:flowNodeRef>"
    return variant((folder, line, new), (folder, seat, seat + seat.replace(beside, step)))


def mover(files: Files) -> Mover:
    """From the shipped version to these files."""
    old, new = definitions.parse(MAIN, SHIPPED), definitions.parse(MAIN, files)
    return Mover(old, new, definitions.digest(files), WORDS)


def move(stored: Stored, files: Files, by: Mover, now: Any) -> Preview:
    """Put the stored process on a version made of these files."""
    process = stored._process()
    preview = by.preview(process.state, now)
    if preview.state is None:
        raise Mismatch(f"cannot be moved: {preview.problems}")
    process.definition = Definition(
        name=MAIN,
        number=definitions.next_number(stored.session, MAIN),
        digest=by.digest,
        files=files,
        created_at=now,
        origin=DefinitionOrigin.UPLOADED,
    )
    stored.session.flush()
    rows.keep(stored.session, process, preview.state)
    stored._settle()
    definitions._parsed.clear()  # whoever goes on with it may be a process that never met either
    return preview


class Apart(Exception):
    """Before it was moved the process came to where the versions differ."""

    def __init__(self, step: int) -> None:
        super().__init__(step)
        self.step = step


def walk(session: Session, case: Any, files: Files, seed: int) -> int:
    """One seed to its end; how many steps it made after the move. Mismatch when they differ."""
    by, at = mover(files), random.Random(seed).randrange(30)  # noqa: S311 - the same every time
    while True:
        try:
            return _walk(session, case(), files, by, seed, at)
        except Apart as apart:  # the same walk again, moved before it came there
            at = apart.step - 1


def _walk(session: Session, case: Case, files: Files, by: Mover, seed: int, at: int) -> int:
    chance = random.Random(seed)  # noqa: S311 - the same walk every time
    flags = {**FLAGS, "city_review": chance.random() < 0.7}
    dues = _dues(chance)
    now = DEATH
    with patch.object(definitions, "files_of", lambda _name: files):
        random_walk._specification.cache_clear()
        reference = Reference(MAIN, flags, RecordingHost(dues))
        random_walk._specification.cache_clear()
    stored = Stored(session, case, MAIN, flags, RecordingHost(dues), restarts=False)
    moved_at = None
    for step in range(MOST_STEPS):
        if step == at:
            move(stored, files, by, now)
            moved_at = step
        expected, seen = reference.view(), stored.view()
        if expected != seen and moved_at is None:
            raise Apart(step)
        if expected != seen:
            raise Mismatch(f"seed {seed}, moved at {moved_at}, step {step}\n{expected}\n{seen}")
        if not expected.steps:
            break
        now += timedelta(hours=chance.choice((0, 1, 30)), seconds=chance.randrange(1, 4000))
        key = chance.choice(sorted(k for k, rows_ in seen.steps.items() if len(rows_) == 1))
        said = OURS.get(key[0], lambda _chance, _hurry: {})(chance, step > HURRY_AFTER)
        if reference.complete(key, said, now) != stored.complete(key, said, now):
            raise Mismatch(f"seed {seed}: {key}")
    return 0 if moved_at is None else step - moved_at


def _dues(chance: random.Random) -> dict[str | int, Any]:
    keys = ["in_hospital_discussion", "case_submission", *range(1, 40)]
    hours = {key: chance.choice([1, 24, 48, 720, None]) for key in keys}
    return {key: DEATH + timedelta(hours=h, seconds=7) for key, h in hours.items() if h}
