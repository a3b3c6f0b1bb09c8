"""One parallel step fewer, one more: for a multi-instance that is running already.

A reviewer gives up his seat, another takes one. Cancelling the child would block the multi-instance
for ever, which waits until all its children are completed; so a child is taken out, or added.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import ParallelMultiInstanceTask
from SpiffWorkflow.util.task import TaskState as State
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Task
from workflows import engine
from workflows.engine import Host, NotModelled, StepClosed, rows, script


class NotParallel(NotModelled):
    """The step is not one of several side by side."""


class IndexTaken(NotModelled):
    """A sibling has, or had, that index."""


@contextmanager
def _moving(task: Task, now: datetime) -> Iterator[None]:
    process = task.process
    with engine._telling(process.definition.name, process.id, task.bpmn_id), script.at(now):
        yield


def drop(session: Session, task: Task, host: Host, *, now: datetime) -> None:
    """Take an open step out. Was it the last one open, the process goes on without it.

    Raises StepClosed, StepFailed, NotParallel.
    """
    with _moving(task, now):
        instance, step = _open_step(session, task, host, now)
        parent = _several(step)
        step.workflow._remove_task(step.id)
        if parent.task_spec.children_complete(parent):
            parent._set_state(State.READY)
            instance.workflow.do_engine_steps()
        engine._save(session, task.process, instance, host, now)


def add(session: Session, beside: Task, index: int, host: Host, *, now: datetime) -> Task:
    """Open one more step beside an open one, with an index that none of its siblings has had.

    Raises StepClosed when `beside` is not open, StepFailed, NotParallel, IndexTaken.
    """
    with _moving(beside, now):
        instance, step = _open_step(session, beside, host, now)
        parent = _several(step)
        if index in {engine._index(child) for child in parent.task_spec._instances(parent)}:
            raise IndexTaken(index)
        before = set(engine._open_steps(instance.workflow))
        parent.task_spec.create_child(parent, index, index)
        instance.workflow.do_engine_steps()
        [opened] = set(engine._open_steps(instance.workflow)) - before
        engine._save(session, beside.process, instance, host, now)
    return session.scalars(select(Task).where(Task.spiff_id == opened)).one()


def _open_step(session: Session, task: Task, host: Host, now: datetime) -> tuple[Any, Any]:
    process = session.scalars(rows.WITH_STATE, {"key": task.process_id}).one()
    instance = engine._load(process, host, now)
    step = engine._open_steps(instance.workflow).get(task.spiff_id)
    if step is None:
        raise StepClosed(task.spiff_id)
    return instance, step


def _several(step: Any) -> Any:
    """The multi-instance that the step is a child of."""
    parent = step.parent
    if parent is None or not isinstance(parent.task_spec, ParallelMultiInstanceTask):
        raise NotParallel(step.task_spec.bpmn_id)
    return parent
