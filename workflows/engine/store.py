"""Compact persistence of SpiffWorkflow 3.2.0 instances: about 1.6 KB however long a case lives.

One instance becomes one blob: the open part of its task tree as rows, orjson, zstandard. The
specification is not in it (it is cached by definition), nor is settled history: `prune` drops
that, our own task and event rows are the history. Private fields of the library are used, so its
version is pinned and random walks against a never-saved engine guard any upgrade. Not for
parallelMultiple, transactions, ad-hoc or event sub-processes, data stores: the lint refuses them.
"""

import os
import threading
import uuid
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from typing import Any

import orjson
import zstandard
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.specs.control import BoundaryEventJoin
from SpiffWorkflow.bpmn.specs.event_definitions.multiple import MultipleEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.bpmn.specs.mixins.inclusive_gateway import InclusiveGateway
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask
from SpiffWorkflow.bpmn.specs.mixins.parallel_gateway import ParallelGateway
from SpiffWorkflow.bpmn.util.subworkflow import BpmnSubWorkflow
from SpiffWorkflow.specs.Join import Join
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

Definition = Callable[[str], tuple[Any, dict[str, Any]]]
FORMAT = 1
FINISHED = TaskState.FINISHED_MASK
OWN = 0  # in a row's last place: its data is complete, nothing comes from the parent


class _Id(str):
    """Id of a restored task. Hashed and compared in C: there are hundreds of look-ups a step, and
    a UUID does both in Python."""

    __slots__ = ()

    @property
    def hex(self) -> str:
        return str(self)


TaskId = uuid.UUID | _Id


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
    nested = sorted(wf.subprocesses.items(), key=lambda item: item[1].depth)  # parents first
    parts = [[task_id.hex, sub.spec.name, *_own(sub)] for task_id, sub in nested]
    doc = [FORMAT, version, _own(wf), parts]
    return _zstd.pack(orjson.dumps(doc, option=orjson.OPT_PASSTHROUGH_DATETIME))


def _own(wf: Any) -> list[Any]:
    last = wf.last_task.id.hex if wf.last_task is not None else None
    return [wf.data, wf.correlations, wf.success, wf.completed, last, _rows(wf)]


def _rows(wf: Any) -> list[list[Any]]:
    """[id, parent's place, state, spec, changed at, triggered, internal data, keys set, keys
    removed] of each task. Parents come first and siblings in order: the list is the tree. What is
    only predicted gets a new id when it is loaded: nothing refers to it, and ids are half of all.
    """
    rows: list[list[Any]] = []
    place: dict[TaskId, int] = {}
    stack = [wf.task_tree]
    while stack:
        task = stack.pop()
        place[task.id] = len(rows)
        parent = wf.tasks.get(task._parent)
        new: Any = task.data
        removed: Any = OWN
        if parent is not None and task._state >= TaskState.WAITING:  # below: predicted, own data
            old = parent.data
            new = {k: v for k, v in task.data.items() if k not in old or old[k] != v}
            removed = [k for k in old if k not in task.data] or None
        real = task._state >= TaskState.WAITING
        row: list[Any] = [task.id.hex if real else 0, -1 if parent is None else place[parent.id]]
        changed_at = round(task.last_state_change, 6) if real else 0
        row += [task._state, task.task_spec.name, changed_at, int(task.triggered)]
        rows.append([*row, task.internal_data or None, new or None, removed])
        stack.extend(wf.tasks[child] for child in reversed(task._children))
    return rows


def decode(blob: bytes, definition: Definition, engine: Any) -> Any:
    """The instance, on the given script engine (the default one would evaluate any Python).

    `definition` maps a version to its wired (spec, subprocess specs); they are shared, not copied.
    """
    fmt, version, own, parts = orjson.loads(_zstd.unpack(blob))
    if fmt != FORMAT:
        raise ValueError(f"unknown state format {fmt}")
    spec, subs = definition(version)
    wf = BpmnWorkflow(spec, subs, script_engine=engine, deserializing=True)
    _restore(wf, own, wf)
    for hex_id, name, *own in parts:
        task = wf.get_task_from_id(_Id(hex_id))
        sub = BpmnSubWorkflow(subs[name], task.id, wf, deserializing=True)
        _restore(sub, own, wf)
        wf.subprocesses[task.id] = sub
        sub.completed_event.connect(task.task_spec._on_subworkflow_completed, task)
    return wf


def _restore(wf: Any, own: list[Any], top: Any) -> None:
    wf.data, wf.correlations, wf.success, wf.completed, last, rows = own
    tasks: list[Any] = []
    for hex_id, place, state, name, changed_at, triggered, internal, new, removed in rows:
        task = Task.__new__(Task)  # not Task(): it would announce itself to its parent
        task.id = _Id(hex_id or os.urandom(16).hex())
        task.workflow, task.task_spec = wf, wf.spec.task_specs[name]
        task._state, task.triggered, task.last_state_change = state, bool(triggered), changed_at
        task._children, task.internal_data, task.thread_id = [], internal or {}, 0
        task._parent = tasks[place].id if place >= 0 else None
        if place >= 0:
            tasks[place]._children.append(task.id)
        if removed == OWN:
            task.data = new or {}
        else:  # an open task gets its own values: filling it in must not change its predecessors
            copied = dict if state & FINISHED else _separate
            task.data = {**copied(tasks[place].data), **(new or {})}
            for key in removed or ():
                task.data.pop(key, None)
        tasks.append(task)
        wf.tasks[task.id] = task
        if state == TaskState.WAITING and isinstance(task.task_spec, CatchingEvent):
            top.event_manager.add_task(task)
    wf.task_tree = tasks[0]
    wf.last_task = wf.tasks.get(_Id(last)) if last else None


def _separate(data: dict[str, Any]) -> dict[str, Any]:
    return {k: deepcopy(v) if isinstance(v, (dict, list)) else v for k, v in data.items()}


def prune(wf: Any) -> int:
    """Drop settled history; returns how many tasks went. The price: reset_from_task_id to them is
    gone. Model "return to step X" as a loop, keep history in an event table of your own."""
    before = sum(len(part.tasks) for part in _parts(wf))
    changed = True
    while changed:  # sub-processes of finished tasks, then what hung below them
        changed = False
        for task_id in list(wf.subprocesses):
            owner = next((w.tasks[task_id] for w in _parts(wf) if task_id in w.tasks), None)
            if owner is None or owner._state & FINISHED:
                del wf.subprocesses[task_id]
                changed = True
    for part in _parts(wf):
        keep = _needed(part)
        _drop_stale_arrivals(part, keep)
        _drop_settled(part, keep | wf.subprocesses.keys())
    return before - sum(len(part.tasks) for part in _parts(wf))


def _parts(wf: Any) -> list[Any]:
    return [wf, *wf.subprocesses.values()]


def _needed(wf: Any) -> set[Any]:
    """Ids of finished tasks that the engine still looks at."""
    keep = {wf.task_tree.id, wf.last_task.id if wf.last_task is not None else None}
    for task in wf.tasks.values():
        if task._state & FINISHED:
            continue
        if isinstance(task.task_spec, LoopTask):
            keep.update(task._children)  # a running multi-instance counts its children
        if isinstance(task.task_spec, Join) and task.task_spec.split_task:
            split = task.find_ancestor(task.task_spec.split_task)  # looked up from below
            keep.update((split.id, *split._children) if split is not None else ())
    return keep


def _drop_stale_arrivals(wf: Any, keep: set[Any]) -> None:
    """Cancelled arrivals at a join that has fired: in the next round of a loop SpiffWorkflow 3.2.0
    would count them, and fire early."""
    gateways = (ParallelGateway, InclusiveGateway)
    joins = [t for t in wf.tasks.values() if isinstance(t.task_spec, gateways)]
    for fired in [t for t in joins if t._state == TaskState.COMPLETED]:
        for task in [t for t in joins if t.task_spec is fired.task_spec and t.id in wf.tasks]:
            older = task.last_state_change <= fired.last_state_change and task.id not in keep
            if older and task._state == TaskState.CANCELLED and not task._children:
                wf.tasks[task._parent]._children.remove(task.id)
                del wf.tasks[task.id]


def _merges(task: Any) -> bool:
    """Gateway joins and the end join read the data of finished siblings."""
    return isinstance(task.task_spec, Join) and not isinstance(task.task_spec, BoundaryEventJoin)


def _drop_settled(wf: Any, keep: set[Any]) -> None:
    """Remove finished leaves, and finished links of chains, below finished parents."""
    changed = True
    while changed:
        changed = False
        for task in list(wf.tasks.values()):
            parent = wf.tasks.get(task._parent)
            if task.id in keep or not task._state & FINISHED or len(task._children) > 1:
                continue
            if parent is None or not parent._state & FINISHED:
                continue
            child = wf.tasks[task._children[0]] if task._children else None
            if child is None and not _merges(task):
                parent._children.remove(task.id)
            elif child and child._state & FINISHED and (child._children or not _merges(child)):
                parent._children[parent._children.index(task.id)] = child.id
                child._parent = parent.id
            else:
                continue
            del wf.tasks[task.id]
            changed = True


def open_user_tasks(wf: Any) -> list[Any]:
    """READY tasks that wait for a person: one row each in the table of open tasks."""
    return [task for task in _ready(wf) if task.task_spec.manual]


def ready_engine_tasks(wf: Any) -> list[Any]:
    """READY tasks that wait for nobody: none in a state that is saved."""
    return [task for task in _ready(wf) if not task.task_spec.manual]


def _ready(wf: Any) -> list[Any]:
    tasks = (task for part in _parts(wf) for task in part.tasks.values())
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
