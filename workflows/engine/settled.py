"""What of a running instance is settled, and dropped at every save.

Finished tasks stay in SpiffWorkflow's tree for ever, and every step walks it. What nothing will
look at again goes, so that a step costs the same however long a case lives; our rows are the
history.
"""

from typing import Any

from SpiffWorkflow.bpmn.specs.control import _EndJoin
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask
from SpiffWorkflow.bpmn.specs.mixins.unstructured_join import UnstructuredJoin
from SpiffWorkflow.specs.Join import Join
from SpiffWorkflow.util.task import TaskState

FINISHED = TaskState.FINISHED_MASK


def prune(wf: Any) -> None:
    """Drop settled history. The price: reset_from_task_id to it is gone. Model "return to step X"
    as a loop, keep history in an event table of your own."""
    changed = bool(wf.subprocesses)
    while changed:  # sub-processes of finished tasks, then what hung below them
        changed = False
        for task_id in list(wf.subprocesses):
            owner = next((w.tasks[task_id] for w in parts(wf) if task_id in w.tasks), None)
            if owner is None or owner._state & FINISHED:
                del wf.subprocesses[task_id]
                changed = True
    for part in parts(wf):
        keep = _needed(part)
        arrivals = [t for t in part.tasks.values() if has_come(t)]
        if len(arrivals) > 1:
            arrivals.sort(key=lambda task: task.last_state_change)
            _drop_stale(part, arrivals, keep)
            _drop_overridden(part, arrivals, keep)
        _drop_settled(part, keep | wf.subprocesses.keys())


def parts(wf: Any) -> list[Any]:
    """The instance itself, and every part that runs inside it."""
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


def merges(task: Any) -> bool:
    """Gateway joins and the end join count who has come, and read what finished siblings bring."""
    return isinstance(task.task_spec, UnstructuredJoin)


def has_come(task: Any) -> bool:
    """Whether it is an arrival at such a join."""
    return task._state >= TaskState.WAITING and merges(task)


def _drop_stale(wf: Any, arrivals: list[Any], keep: set[Any]) -> None:
    """Cancelled arrivals at a gateway that has fired since: in the next round of a loop
    SpiffWorkflow 3.2.0 would count them, and fire early."""
    fired: set[Any] = set()
    for task in reversed(arrivals):
        gateway = not isinstance(task.task_spec, _EndJoin)
        if task._state == TaskState.COMPLETED:
            fired.add(task.task_spec)
        elif gateway and task.task_spec in fired and _is_left(task, keep):
            _drop(wf, task)


def _drop_overridden(wf: Any, arrivals: list[Any], keep: set[Any]) -> None:
    """Arrivals at the end of a part, each of whose values a later one sets anew: a loop leaves one
    behind in every round whose alarm has rung. The end reads their parents' values in this order.
    One that still waits overrides none: it vanishes, values and all, when its alarm is cancelled.
    """
    later: list[Any] = []
    for task in reversed([each for each in arrivals if isinstance(each.task_spec, _EndJoin)]):
        values = wf.tasks[task._parent].data
        flat = not any(isinstance(value, (dict, list)) for value in values.values())
        overridden = flat and any(values.keys() <= others.keys() for others in later)
        if overridden and _is_left(task, keep):
            _drop(wf, task)
        elif _stays(wf, task):
            later.append(values)


def _stays(wf: Any, task: Any) -> bool:
    """Whether it and all it came from are finished: what is not can be taken out of the tree."""
    while task is not None and task._state & FINISHED:
        task = wf.tasks.get(task._parent)
    return task is None


def _is_left(task: Any, keep: set[Any]) -> bool:
    """Whether it was cancelled, and nothing hangs on it."""
    return task._state == TaskState.CANCELLED and not task._children and task.id not in keep


def _drop(wf: Any, task: Any) -> None:
    wf.tasks[task._parent]._children.remove(task.id)
    del wf.tasks[task.id]


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
            if child is None and not merges(task):
                parent._children.remove(task.id)
            elif child and child._state & FINISHED and (child._children or not merges(child)):
                parent._children[parent._children.index(task.id)] = child.id
                child._parent = parent.id
            else:
                continue
            del wf.tasks[task.id]
            changed = True
