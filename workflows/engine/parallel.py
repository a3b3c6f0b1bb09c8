"""One parallel step fewer, one more: for a multi-instance that is running already.

A reviewer gives up his seat, another takes one. Cancelling the child would block the multi-instance
for ever, which waits until all its children are completed; so a child is taken out, or added.
"""

from datetime import datetime
from typing import Any

from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import ParallelMultiInstanceTask
from SpiffWorkflow.util.task import TaskState as State
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Task
from workflows import engine
from workflows.engine import Host, NotModelled


class NotParallel(NotModelled):
    """The step is not one of several side by side."""


class IndexTaken(NotModelled):
    """A sibling has, or had, that index."""


def drop(session: Session, task: Task, host: Host, *, now: datetime) -> None:
    """Take an open step out. Was it the last one open, the process goes on without it.

    Raises StepClosed, StepFailed, NotParallel.
    """
    with engine._moving(session, task, host, now) as (instance, step):
        parent = _several(step)
        step.workflow._remove_task(step.id)
        if parent.task_spec.children_complete(parent):
            parent._set_state(State.READY)
            instance.workflow.do_engine_steps()


def add(session: Session, beside: Task, index: int, host: Host, *, now: datetime) -> Task:
    """Open one more step beside an open one, with an index that none of its siblings has had.

    Raises StepClosed when `beside` is not open, StepFailed, NotParallel, IndexTaken.
    """
    with engine._moving(session, beside, host, now) as (instance, step):
        parent = _several(step)
        if index in {engine._index(child) for child in parent.task_spec._instances(parent)}:
            raise IndexTaken(index)
        before = set(instance.open)
        parent.task_spec.create_child(parent, index, index)
        instance.workflow.do_engine_steps()
        instance.look()
        [opened] = instance.open.keys() - before
    return session.scalars(select(Task).where(Task.spiff_id == opened)).one()


def _several(step: Any) -> Any:
    """The multi-instance that the step is a child of."""
    parent = step.parent
    if parent is None or not isinstance(parent.task_spec, ParallelMultiInstanceTask):
        raise NotParallel(step.task_spec.bpmn_id)
    return parent
