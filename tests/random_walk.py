"""Random walks: is a case that is saved, pruned and loaded at every step the same case?

Each seed fixes decisions, order and clock jumps. One engine is `workflows.engine` on a database,
the session emptied after every step; the other is SpiffWorkflow driven by hand, on a specification
parsed for itself, never saved, nothing left out. After every step both must show the same: open
steps (id, lane, level, place, data), timers to the microsecond, service calls, completion.
"""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from unittest.mock import patch

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.spiff.parser.process import VALIDATOR, SpiffBpmnParser
from SpiffWorkflow.util.task import TaskState as State
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from models import Base, Case, Organisation, Process, ProcessState, Task, TaskState, Timer, User
from tests import instances, torture
from tests.instances import DEATH, FLAGS, RecordingHost
from workflows import engine
from workflows.engine import NEVER, definitions, script, store
from workflows.permissions import LANE_BY_TITLE

MOST_STEPS, HURRY_AFTER = 150, 70
Key = tuple[str, str, str]  # step, level, place


class Mismatch(AssertionError):
    """The two engines differ; the seed and the step are in it."""


@dataclass(frozen=True)
class View:
    """What there is to see of a case."""

    steps: dict[Key, list[str]]  # → lane and data of each
    timers: list[tuple[datetime, str]]
    calls: list[tuple[str, Any]]
    done: bool


def _plain(data: dict[str, Any]) -> str:
    return json.dumps(data, sort_keys=True)


class Reference:
    """SpiffWorkflow itself, the way its manual drives it."""

    def __init__(self, name: str, flags: dict[str, Any], host: RecordingHost) -> None:
        self.host = host
        with script.at(DEATH):
            self.workflow = BpmnWorkflow(
                *_specification(name), script_engine=script.Engine(host.functions, host.services)
            )
            self.workflow.task_tree.data.update(flags)
            self.workflow.do_engine_steps()

    def _open(self) -> dict[Key, list[Any]]:
        found: dict[Key, list[Any]] = {}
        for task in self.workflow.get_tasks(state=State.READY, manual=True):
            found.setdefault(_key(self.workflow, task), []).append(task)
        return found

    def complete(self, key: Key, data: dict[str, Any], now: datetime) -> bool:
        [task] = self._open()[key]
        self.fire(now)
        with script.at(now):
            if task.id not in task.workflow.tasks or task.state != State.READY:
                return False
            task.data.update(data)
            task.run()
            self.workflow.do_engine_steps()
        return True

    def fire(self, now: datetime) -> None:
        with script.at(now):
            self.workflow.refresh_timers()
            self.workflow.do_engine_steps()

    def view(self) -> View:
        steps = {
            key: sorted(f"{task.task_spec.lane} {_plain(task.data)}" for task in tasks)
            for key, tasks in self._open().items()
        }
        waiting = self.workflow.event_manager.tasks.values()
        dues = [
            (_due(task), task.task_spec.bpmn_id) for task in waiting if task.state == State.WAITING
        ]
        timers = sorted((due, name) for due, name in dues if due is not None and due < NEVER)
        return View(steps, timers, self.host.calls, self.workflow.completed)


class Stored:
    """Our engine on a database; nothing outlives a step but rows and what is parsed.

    `restarts`: not even that, as if each step were made by a process of its own.
    """

    def __init__(
        self,
        session: Session,
        case: Case,
        name: str,
        flags: dict[str, Any],
        host: RecordingHost,
        restarts: bool,
    ) -> None:
        self.session, self.host, self.restarts = session, host, restarts
        self.process_id = engine.start(session, case, name, flags, host, now=DEATH).id
        self._settle()

    def _settle(self) -> None:
        self.session.commit()
        self.session.expunge_all()
        if self.restarts:
            definitions._parsed.clear()

    def _open(self) -> dict[Key, list[Task]]:
        query = select(Task).where(Task.process_id == self.process_id, Task.state == TaskState.OPEN)
        found: dict[Key, list[Task]] = {}
        for row in self.session.scalars(query.order_by(Task.id)):
            place = "" if row.index is None else str(row.index)
            found.setdefault((row.bpmn_id, row.level or "", place), []).append(row)
        return found

    def complete(self, key: Key, data: dict[str, Any], now: datetime) -> bool:
        [task] = self._open()[key]
        before = len(self.host.calls)
        try:
            engine.complete(self.session, task, data, self.host, now=now)
        except engine.StepClosed:  # rolled back, as a page does; then the worker comes by
            self.session.rollback()
            del self.host.calls[before:]
            self.fire(now)
            return False
        self._settle()
        return True

    def fire(self, now: datetime) -> None:
        engine.fire(self.session, self._process(), self.host, now=now)
        self._settle()

    def _process(self) -> Process:
        return self.session.get_one(Process, self.process_id)

    def workflow(self) -> Any:
        """The saved state, restored."""
        process = self._process()
        host = script.Engine(self.host.functions, self.host.services)
        return store.decode(process.state, lambda _: definitions.parsed(process.definition), host)

    def view(self) -> View:
        tasks = {task.id.hex: task for task in store.open_user_tasks(self.workflow())}
        steps = {
            key: sorted(f"{_title(row)} {_plain(tasks.pop(row.spiff_id).data)}" for row in rows)
            for key, rows in self._open().items()
        }
        if tasks:
            raise Mismatch(f"open steps without a row: {sorted(tasks)}")
        rows = self.session.execute(
            select(Timer.due_at, Timer.bpmn_id).where(Timer.process_id == self.process_id)
        )
        timers = sorted((due, name) for due, name in rows)
        done = self._process().status == ProcessState.DONE
        return View(steps, timers, self.host.calls, done)


_TITLE_OF_LANE = {lane.code: title for title, lane in LANE_BY_TITLE.items()}


def _title(row: Task) -> str:
    return _TITLE_OF_LANE.get(row.lane, row.lane)


def _key(workflow: Any, task: Any) -> Key:
    place, inside = "", task
    while place == "" and inside is not None:
        for name in ("key_or_index", "item"):
            place = str(inside.internal_data.get(name, place))
        parent = getattr(inside.workflow, "parent_task_id", None)
        inside = workflow.get_task_from_id(parent) if parent else None
    return task.task_spec.bpmn_id, task.data.get("level") or "", place


def _due(task: Any) -> datetime | None:
    value = task.internal_data.get("event_value")
    if isinstance(value, dict):
        value = value["next"] if value["cycles"] else None
    return TimerEventDefinition.get_datetime(value) if value else None


@cache
def _specification(name: str) -> tuple[Any, Any]:
    parser = SpiffBpmnParser(validator=VALIDATOR)
    for file, text in definitions.files_of(name).items():
        parser.add_bpmn_xml(definitions.parse_xml(text), filename=file)
    return parser.get_spec(name), parser.get_subprocess_specs(name)


# What people decide


Chance = random.Random
Answers = dict[str, Callable[[Chance, bool], dict[str, Any]]]

OURS: Answers = {
    "UT_verify": lambda r, hurry: {
        "verify_decision": "return" if not hurry and r.random() < 0.4 else "accept",
        "level": "county",
    },
    "UT_convene": lambda r, _: {"n_experts": r.choice([1, 3, 5, 7])},
    "UT_chair_sign": lambda r, hurry: {
        "chair_decision": "return" if not hurry and r.random() < 0.3 else "sign",
        "n_signers": r.randrange(5),
    },
    "UT_endorse": lambda r, _: {"n_items": r.randrange(4)},
    "UT_notice": lambda r, _: {"n_recipients": r.randrange(1, 4)},
    "UT_issue": lambda r, hurry: {
        "issue_decision": "return" if not hurry and r.random() < 0.3 else "issue"
    },
    "UT_plan": lambda r, _: {"item_id": r.randrange(1, 40)},
    "UT_progress": lambda r, hurry: {"progress_done": hurry or r.random() < 0.6},
    "UT_accept": lambda r, hurry: {
        "accept_decision": "accepted" if hurry else r.choice(["accepted", "partial", "rejected"])
    },
}
TORTURE: Answers = {
    "UT_plan": lambda r, _: {
        "n_turns": r.randrange(1, 4),
        "n_parts": r.randrange(1, 4),
        "take_a": r.random() < 0.5,
        "take_b": r.random() < 0.5,
    },
    "UT_check": lambda r, hurry: {"bad": not hurry and r.random() < 0.4},
    "UT_close": lambda r, hurry: {"again": not hurry and r.random() < 0.6},
}
PROCESSES: dict[str, tuple[Answers, dict[str, Any]]] = {
    "maternal_death": (OURS, {}),
    torture.NAME: (TORTURE, {"level": "county", "again": False}),
}


@contextmanager
def known_diagrams() -> Iterator[None]:
    """Inside, the torture diagram is a process like the others."""
    ours = definitions.files_of

    def files_of(name: str) -> definitions.Files:
        return {"torture/process.bpmn": torture.xml()} if name == torture.NAME else ours(name)

    with patch.object(definitions, "files_of", files_of):
        yield


# The walk


@dataclass
class Walker:
    """One seed, two engines."""

    name: str
    seed: int
    session: Session
    case: Case
    restarts: bool = False
    steps: int = 0
    completed: bool = False
    largest: int = 0
    chance: Chance = field(init=False)

    def walk(self) -> None:
        """To the end, or until it has been long enough. Mismatch when the engines differ."""
        self.chance = random.Random(self.seed)  # noqa: S311 - the same walk every time
        answers, more = PROCESSES[self.name]
        flags = {**FLAGS, "city_review": self.chance.random() < 0.7, **more}
        dues = self._dues()
        self.now = DEATH
        reference = Reference(self.name, flags, RecordingHost(dues))
        host = RecordingHost(dues)
        stored = Stored(self.session, self.case, self.name, flags, host, self.restarts)
        seen = self._compare(reference, stored)
        while seen.steps and self.steps < MOST_STEPS:
            self.steps += 1
            self._step(reference, stored, seen, answers)
            seen = self._compare(reference, stored)
        self.completed = seen.done

    def _dues(self) -> dict[str | int, datetime]:
        """When clocks and items are due; some never, some before they begin."""
        keys = ["in_hospital_discussion", "case_submission", "cut", *range(1, 40)]
        hours = {key: self.chance.choice([-5, 1, 24, 48, 720, None]) for key in keys}
        return {
            key: DEATH + timedelta(hours=after, microseconds=self.chance.randrange(10**6))
            for key, after in hours.items()
            if after is not None
        }

    def _step(self, reference: Reference, stored: Stored, seen: View, answers: Answers) -> None:
        jump = self.chance.random() < 0.12
        self.now += timedelta(
            hours=self.chance.choice([13, 26, 49, 200, 800]) if jump else 0,
            seconds=self.chance.randrange(1, 4000),
        )
        if self.chance.random() < 0.12:
            reference.fire(self.now)
            stored.fire(self.now)
            return
        single = sorted(key for key, found in seen.steps.items() if len(found) == 1)
        key = self.chance.choice(single)
        hurry = self.steps > HURRY_AFTER
        said = answers.get(key[0], lambda _chance, _hurry: {})(self.chance, hurry)
        first = reference.complete(key, said, self.now)
        second = stored.complete(key, said, self.now)
        if first != second:
            raise Mismatch(f"{self}: {key} done {first}, stored {second}")

    def _compare(self, reference: Reference, stored: Stored) -> View:
        expected, found = reference.view(), stored.view()
        for name in ("steps", "timers", "calls", "done"):
            if (a := getattr(expected, name)) != (b := getattr(found, name)):
                raise Mismatch(f"{self}: {name}\n  never saved {a}\n  stored      {b}")
        self.largest = max(self.largest, len(stored._process().state))
        return found

    def __str__(self) -> str:
        return f"{self.name}, seed {self.seed}, step {self.steps}"


class Ground:
    """A database in memory for walks."""

    def __init__(self) -> None:
        self.database = create_engine("sqlite://", poolclass=StaticPool)
        Base.metadata.create_all(self.database)
        with Session(self.database) as session:
            self.hospital, self.user = (row.id for row in instances.settle(session))
            session.commit()

    def walk(self, name: str, seed: int, restarts: bool = False) -> Walker:
        """Walk one seed. Whatever the stored engine raises is a mismatch too."""
        with known_diagrams(), Session(self.database) as session:
            walker = Walker(name, seed, session, self.case(session), restarts)
            try:
                walker.walk()
            except Mismatch:
                raise
            except Exception as error:
                raise Mismatch(f"{walker}: {error!r}") from error
            return walker

    def case(self, session: Session) -> Case:
        """One more case without answers and clocks."""
        hospital = session.get_one(Organisation, self.hospital)
        return instances.add_case(session, hospital, session.get_one(User, self.user))

    def close(self) -> None:
        self.database.dispose()
