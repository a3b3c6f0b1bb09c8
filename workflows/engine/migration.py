"""A running process put on another version of its diagram, by the ids of its elements.

The state is decoded with the old specification; every step that is there takes the element of the
same name in the new one; what was only predicted is predicted anew. Deadlines, places among
parallel siblings and values stay. What has no counterpart, or would leave the case standing, is
refused with a reason. Nothing here writes a row or asks who may.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from SpiffWorkflow.util.task import TaskState as State

from workflows.engine import NEVER, rehearsal, settled, store
from workflows.engine.definitions import Specification
from workflows.engine.lint_terms import Vocabulary

STILL_OPEN = State.READY | State.WAITING | State.STARTED
AHEAD = State.PREDICTED_MASK | State.FUTURE
REHEARSALS = 3
SPLIT = ".BoundaryEventSplit"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a token stands: an open step, and what the new version makes of it."""

    spiff_id: str
    bpmn_id: str
    diagram: str
    index: int | None
    old: "Meaning"
    new: "Meaning | None"  # None: the new version has no such step


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one version says of a step."""

    title: str
    form: str
    effect: str | None
    lane: str


@dataclass(slots=True)
class Preview:
    """What the move would come to. `state` is None when it cannot be made; `problems` say why."""

    places: list[Place]
    timers: list[tuple[datetime, str]]  # due, bpmn id; they stay as they are
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    state: bytes | None = None

    @property
    def possible(self) -> bool:
        return self.state is not None


class Mover:
    """Moves processes from one version to another; what was tried out once is not tried again."""

    def __init__(
        self, old: Specification, new: Specification, digest: str, words: Vocabulary
    ) -> None:
        self.old, self.new, self.digest, self.words = old, new, digest, words
        self._tried: dict[tuple[str, ...], list[str]] = {}

    def preview(self, state: bytes, now: datetime) -> Preview:
        """What becomes of one saved state. Changes nothing."""
        workflow = self._decoded(state, self.old)
        found = Preview(list(self._places(workflow)), _timers(workflow))
        found.problems = list(dict.fromkeys(self._unmappable(workflow)))
        if found.problems:
            return found
        self._swap(workflow)
        moved = store.encode(workflow, self.digest)
        after = self._decoded(moved, self.new)
        if _standing(after) != _standing(self._decoded(state, self.old)):
            found.problems = ["换版后办到哪一步会变，不能换"]
        else:
            found.problems = self._tried_out(moved, now)
        found.notes = list(_notes(found.places))
        found.state = None if found.problems else moved
        return found

    def _decoded(self, state: bytes, specification: Specification) -> Any:
        return store.decode(state, lambda _digest: specification, rehearsal.stand_in(self.words))

    def _places(self, workflow: Any) -> Iterator[Place]:
        for step in store.open_user_tasks(workflow):
            specs = self._specs_for(step.workflow)
            new = specs.get(step.task_spec.name)
            yield Place(
                spiff_id=step.id.hex,
                bpmn_id=step.task_spec.bpmn_id,
                diagram=step.workflow.spec.name,
                index=step.internal_data.get("key_or_index", step.internal_data.get("item")),
                old=_meaning(step.task_spec),
                new=_meaning(new) if new is not None else None,
            )

    def _specs_for(self, part: Any) -> dict[str, Any]:
        """Task specs of the same part in the new version; empty when it has none of that name."""
        main, parts = self.new
        spec = main if part is part.top_workflow else parts.get(part.spec.name)
        return dict(spec.task_specs) if spec is not None else {}

    def _unmappable(self, workflow: Any) -> Iterator[str]:
        for part in settled.parts(workflow):
            specs = self._specs_for(part)
            if not specs:
                yield f"新版本里没有「{_called(part.spec)}」这一段，而它正在办"
                continue
            for task in part.tasks.values():
                if not task._state & AHEAD:
                    yield from _mismatch(task, specs)

    def _swap(self, workflow: Any) -> None:
        main, parts = self.new
        for part in settled.parts(workflow):
            for task in list(part.tasks.values()):
                if task.id in part.tasks and task._state & AHEAD:
                    part._remove_task(task.id)
        for part in settled.parts(workflow):
            part.spec = main if part is workflow else parts[part.spec.name]
            for task in part.tasks.values():
                task.task_spec = part.spec.task_specs[task.task_spec.name]
        workflow.subprocess_specs = parts
        for part in settled.parts(workflow):
            for task in [t for t in part.tasks.values() if t._state & STILL_OPEN]:
                mask = State.NOT_FINISHED_MASK & ~STILL_OPEN | task._state
                task.task_spec._predict(task, mask=mask)

    def _tried_out(self, state: bytes, now: datetime) -> list[str]:
        """Whether the moved process gets on: walked to its end a few times, in memory."""
        workflow = self._decoded(state, self.new)
        key = tuple(sorted(f"{t.task_spec.name} {t._state}" for t in _all_tasks(workflow)))
        if key not in self._tried:
            self._tried[key] = self._walked(state, now)
        return self._tried[key]

    def _walked(self, state: bytes, now: datetime) -> list[str]:
        for seed in range(REHEARSALS):
            chance = random.Random(seed)  # noqa: S311 - the same walks every time
            try:
                rehearsal.walk(self._decoded(state, self.new), self.words, chance, now)
            except rehearsal.Stuck as stuck:
                return [f"换版后会停在 {stuck.element}：{stuck}"]
        return []


def _mismatch(task: Any, specs: dict[str, Any]) -> Iterator[str]:
    old, name = task.task_spec, _called(task.task_spec)
    new = specs.get(old.name)
    if new is None:
        yield f"新版本里没有「{name}」，而它{'正在等' if task._state & STILL_OPEN else '刚办完'}"
    elif type(new) is not type(old):
        yield f"「{name}」在新版本里是另一种元素"
    elif task._state & STILL_OPEN and _guards(old) != _guards(new):
        yield f"新版本给「{name}」加了或去了边界事件，等这一步办完再换"


def _guards(spec: Any) -> tuple[Any, ...]:
    """The boundary events around a step, or what is under their split."""
    splits = [each.name for each in spec.inputs if each.name.endswith(SPLIT)]
    inside = {each.name for each in spec.outputs} if spec.name.endswith(SPLIT) else set()
    return sorted(splits), sorted(inside)


def _called(spec: Any) -> str:
    name = getattr(spec, "bpmn_name", None) or getattr(spec, "description", None)
    return str(name or getattr(spec, "bpmn_id", None) or spec.name)


def _meaning(spec: Any) -> Meaning:
    told = getattr(spec, "extensions", {}).get("properties", {})
    return Meaning(spec.bpmn_name or "", told.get("form", ""), told.get("effect"), spec.lane or "")


def _notes(places: list[Place]) -> Iterator[str]:
    """What whoever decides should know, though it stands in no way."""
    for place in places:
        old, new = place.old, place.new
        if new is None:
            continue
        if old.form != new.form:
            yield f"「{new.title}」改用表单 {new.form}，已存的草稿按题目名带过去"
        if old.lane != new.lane:
            yield f"「{new.title}」新版本归{new.lane}，这一次仍由{old.lane}办"


def _standing(workflow: Any) -> tuple[Any, ...]:
    steps = sorted(step.id.hex for step in store.open_user_tasks(workflow))
    return steps, _timers(workflow)


def _timers(workflow: Any) -> list[tuple[datetime, str]]:
    return [(due, name) for due, _id, name in store.pending_timers(workflow) if due < NEVER]


def _all_tasks(workflow: Any) -> list[Any]:
    return [task for part in settled.parts(workflow) for task in part.tasks.values()]
