"""Compact persistence of SpiffWorkflow 3.2.0 instances: about 1 KB however long a case lives.

One instance becomes one blob: the open part of its task tree as rows, orjson, zstandard. The
specification is not in it (it is cached by definition), nor is settled history: `settled` drops
that, our own task and event rows are the history. Private fields of the library are used, so its
version is pinned and random walks against a never-saved engine guard any upgrade. Not for
parallelMultiple, transactions, ad-hoc or event sub-processes, data stores: the lint refuses them.

A blob is [format, version of the definition, instance, parts]. The instance, and each part behind
[number of the part that holds its task (0: the instance), the task's place there, specification],
is [data, correlations, success, completed, place of the last task, rows]. A row is [parent's place,
state, specification], and where there is more to say also [..., values set, values removed,
internal data, id, rank, triggered]. Parents come first and siblings in order: the list is the tree.

- id: only of what waits for a person or an event, for nobody else's rows name a task; the others
  get new ones when they are loaded. Ids were more than half of all, and nothing packs them.
- rank: of arrivals at joins, for their order is all that is ever asked of the time.
- internal data names the children that a multi-instance has heard of by their places.

Format 1, which `earlier` reads, kept every id and every moment.
"""

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import datetime
from functools import cache
from itertools import count
from typing import Any

import orjson
import zstandard
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.specs.event_definitions.multiple import MultipleEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask
from SpiffWorkflow.bpmn.util.subworkflow import BpmnSubWorkflow
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from workflows.engine import earlier, settled

Definition = Callable[[str], tuple[Any, dict[str, Any]]]
FORMAT = 2
MOST_BYTES = 16 << 20  # unpacked; the largest known takes a hundredth of it
AWAITED = TaskState.READY | TaskState.WAITING
HEARD = "merged"  # of a multi-instance: the children whose end it has heard of
NOTHING = (None, None, None, 0, 0, 0)  # the end of a short row


class _Id(str):
    """Id of a restored task. Hashed and compared in C: there are hundreds of look-ups a step, and
    a UUID does both in Python."""

    __slots__ = ()

    @property
    def hex(self) -> str:
        return str(self)


TaskId = uuid.UUID | _Id


def _new_ids() -> Iterator[_Id]:
    """Asked of the system once for all."""
    beginning = os.urandom(12).hex()
    return (_Id(f"{beginning}{number:08x}") for number in count())


# At every change of a state the library tells a log all there is to say of the task: several times
# the work of the change, and nobody reads it.
Task.collect_log_extras = lambda _task, extra=None: extra or {}
TaskState.get_name = cache(TaskState.get_name)


class _Zstd(threading.local):
    def __init__(self) -> None:  # per thread: a context shared by threads crashes the interpreter
        self.pack = zstandard.ZstdCompressor(level=3).compress
        self.unpack = zstandard.ZstdDecompressor().decompress


_zstd = _Zstd()


def wire(spec: Any, subs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Prepare a parsed specification, once; returns (spec, subs).

    A multi-instance hears of its children through an event that SpiffWorkflow connects when it
    creates a child or restores a spec from a dict. With a spec just parsed from XML, all children
    of a restored instance complete and the multi-instance never does.
    """
    for each in (spec, *subs.values()):
        for task_spec in each.task_specs.values():
            if isinstance(task_spec, LoopTask):
                done = each.task_specs[task_spec.task_spec].completed_event
                if not done.is_connected(task_spec.merge_child):
                    done.connect(task_spec.merge_child)
    return spec, subs


def encode(wf: Any, version: str) -> bytes:
    """The instance as bytes; `version` names its definition. TypeError if data holds what is not
    plain JSON (date, Decimal, set, a key that is no string)."""
    parts = [wf, *sorted(wf.subprocesses.values(), key=lambda part: part.depth)]  # parents first
    number = {part: at for at, part in enumerate(parts)}
    told, places = zip(*(_own(part) for part in parts), strict=True)
    inner = []
    for part, own in zip(parts[1:], told[1:], strict=True):
        at = number[part.parent_workflow]
        inner.append([at, places[at][part.parent_task_id], part.spec.name, *own])
    doc = [FORMAT, version, told[0], inner]
    return _zstd.pack(orjson.dumps(doc, option=orjson.OPT_PASSTHROUGH_DATETIME))


def _own(wf: Any) -> tuple[list[Any], dict[TaskId, int]]:
    """What is kept of a part, and the places of its tasks."""
    tasks = _in_order(wf)
    places = {task.id: place for place, task in enumerate(tasks)}
    last = places[wf.last_task.id] if wf.last_task is not None else None
    rows = _rows(wf, tasks, places)
    return [wf.data, wf.correlations, wf.success, wf.completed, last, rows], places


def _in_order(wf: Any) -> list[Any]:
    tasks: list[Any] = []
    stack = [wf.task_tree]
    while stack:
        task = stack.pop()
        tasks.append(task)
        stack.extend(wf.tasks[child] for child in reversed(task._children))
    return tasks


def _rows(wf: Any, tasks: list[Any], places: dict[TaskId, int]) -> list[list[Any]]:
    ranks = _ranks(tasks)
    rows: list[list[Any]] = []
    for task in tasks:
        parent, state = wf.tasks.get(task._parent), task._state
        row = [-1 if parent is None else places[parent.id], state, task.task_spec.name]
        new, removed = _difference(task, parent)
        more = (
            new,
            removed,
            _internal(task),
            task.id.hex if state & AWAITED else 0,
            ranks.get(task.id, 0),
            int(task.triggered),
        )
        rows.append([*row, *more] if any(more) else row)
    return rows


def _difference(task: Any, parent: Any) -> tuple[dict[str, Any] | None, list[str] | None]:
    """Values that are not the parent's, and names of those that only the parent has."""
    new = task.data
    if parent is None or task._state < TaskState.WAITING:  # what is only predicted has its own
        return new or None, None
    old = parent.data
    if new == old:
        return None, None
    changed = {k: v for k, v in new.items() if k not in old or old[k] != v}
    return changed or None, [k for k in old if k not in new] or None


def _internal(task: Any) -> dict[str, Any] | None:
    told = task.internal_data
    if heard := told.get(HEARD):
        places = {str(child): place for place, child in enumerate(task._children)}
        told = {**told, HEARD: [places[child] for child in heard if child in places]}
    return told or None


def _ranks(tasks: list[Any]) -> dict[TaskId, int]:
    arrived = [task for task in tasks if settled.has_come(task)]
    arrived.sort(key=lambda task: task.last_state_change)
    return {task.id: rank for rank, task in enumerate(arrived, 1)}


def _unpacked(blob: bytes) -> bytes:
    """ValueError for what would fill the memory: it says itself how large it is."""
    if not 0 <= zstandard.frame_content_size(blob) <= MOST_BYTES:
        raise ValueError("a state that is larger than any")
    return _zstd.unpack(blob)


def decode(blob: bytes, definition: Definition, engine: Any) -> Any:
    """The instance, on the given script engine (the default one would evaluate any Python).

    `definition` maps a version to its wired (spec, subprocess specs); they are shared, not copied.
    """
    form, version, own, parts = orjson.loads(_unpacked(blob))
    if form == earlier.FORMAT:
        own, parts = earlier.renewed(own, parts)
    elif form != FORMAT:
        raise ValueError(f"unknown state format {form}")
    spec, subs = definition(version)
    wf = BpmnWorkflow(spec, subs, script_engine=engine, deserializing=True)
    ids = _new_ids()
    tasks = [_restore(wf, own, wf, ids)]
    for number, place, name, *own in parts:
        task = tasks[number][place]
        sub = BpmnSubWorkflow(subs[name], task.id, wf, deserializing=True)
        tasks.append(_restore(sub, own, wf, ids))
        wf.subprocesses[task.id] = sub
        sub.completed_event.connect(task.task_spec._on_subworkflow_completed, task)
    return wf


def _restore(wf: Any, own: list[Any], top: Any, ids: Iterator[_Id]) -> list[Any]:
    wf.data, wf.correlations, wf.success, wf.completed, last, rows = own
    tasks: list[Any] = []
    several = []
    for row in rows:
        task = _task(wf, row, tasks, ids)
        tasks.append(task)
        wf.tasks[task.id] = task
        if task._state == TaskState.WAITING and isinstance(task.task_spec, CatchingEvent):
            top.event_manager.add_task(task)
        if HEARD in task.internal_data:
            several.append(task)
    for task in several:
        heard = task.internal_data[HEARD]
        task.internal_data[HEARD] = [str(task._children[place]) for place in heard]
    wf.task_tree = tasks[0]
    wf.last_task = tasks[last] if last is not None else None
    return tasks


def _task(wf: Any, row: list[Any], before: list[Any], ids: Iterator[_Id]) -> Any:
    new, removed, internal, known, rank, triggered = row[3:] or NOTHING
    task = Task.__new__(Task)  # not Task(): it would announce itself to its parent
    task.id = _Id(known) if known else next(ids)
    task.workflow, task.task_spec = wf, wf.spec.task_specs[row[2]]
    task._state, task.triggered, task.last_state_change = row[1], bool(triggered), rank
    task._children, task.internal_data, task.thread_id = [], internal or {}, 0
    parent = before[row[0]] if row[0] >= 0 else None
    if parent is None:
        task._parent = None
    else:
        task._parent = parent.id
        parent._children.append(task.id)
    if parent is None or row[1] < TaskState.WAITING:
        task.data = new or {}
        return task
    # An open task gets its own values: filling it in must not change its predecessors
    task.data = dict(parent.data) if row[1] & TaskState.FINISHED_MASK else _separate(parent.data)
    task.data.update(new or ())
    for key in removed or ():
        del task.data[key]
    return task


def _separate(data: dict[str, Any]) -> dict[str, Any]:
    return {k: deepcopy(v) if isinstance(v, (dict, list)) else v for k, v in data.items()}


def open_user_tasks(wf: Any) -> list[Any]:
    """READY tasks that wait for a person: one row each in the table of open tasks."""
    return [task for task in _ready(wf) if task.task_spec.manual]


def ready_engine_tasks(wf: Any) -> list[Any]:
    """READY tasks that wait for nobody: none in a state that is saved."""
    return [task for task in _ready(wf) if not task.task_spec.manual]


def _ready(wf: Any) -> list[Any]:
    tasks = (task for part in settled.parts(wf) for task in part.tasks.values())
    return [task for task in tasks if task._state == TaskState.READY]


def due_at(task: Any) -> datetime | None:
    """When a WAITING event task fires, as an aware UTC datetime; None if it holds no timer."""
    definition, value = task.task_spec.event_definition, task.internal_data.get("event_value")
    several = isinstance(definition, MultipleEventDefinition)
    definitions = definition.event_definitions if several else [definition]
    if isinstance(value, dict):  # a cycle: runs left, next run, seconds between
        value = value["next"] if value["cycles"] else None
    if not value or not any(isinstance(d, TimerEventDefinition) for d in definitions):
        return None
    if "W" in value.upper():  # an ISO week date
        return TimerEventDefinition.parse_iso_week(value)  # type: ignore[no-any-return]
    return TimerEventDefinition.get_datetime(value)  # type: ignore[no-any-return]


def pending_timers(wf: Any) -> list[tuple[datetime, TaskId, str]]:
    """[(due, task id, bpmn id)], soonest first: one row each in the table the worker polls."""
    waiting = [t for t in wf.event_manager.tasks.values() if t._state == TaskState.WAITING]
    timers = [(due_at(t), t.id, t.task_spec.bpmn_id) for t in waiting]
    return sorted(
        ((due, task_id, name) for due, task_id, name in timers if due), key=lambda timer: timer[0]
    )
