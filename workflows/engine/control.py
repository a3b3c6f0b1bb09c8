"""Moving a process by hand where its diagram says one may: back to an earlier step, or past one.

The marks are properties of a step: `rewindFrom`, the steps from which one may come back to it;
`skip`, that it may be left out; `suspends` "no", that it goes on while its case is suspended. What
is settled stays settled: documents, clocks, what others have decided. Knows no rule of who may.
"""

from datetime import datetime
from functools import lru_cache
from typing import Any

from SpiffWorkflow.bpmn.specs.control import EventSplit
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask
from SpiffWorkflow.util.task import TaskState as State
from sqlalchemy.orm import Session

from models import Definition, Task, TaskState
from workflows import engine
from workflows.engine import Host, NotModelled
from workflows.engine.definitions import parse_xml

_B = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
_SPIFF = "{http://spiffworkflow.org/bpmn/schema/1.0/core}"
_STANDING = State.READY | State.WAITING | State.STARTED

__all__ = ["Marks", "NotModelled", "marks", "rewind", "skip", "ways_back"]

Marks = dict[str, dict[str, str]]  # step → its properties, and its name as `title`


def marks(row: Definition) -> Marks:
    """What each step of a version says of itself. Parsed once for each version."""
    return _marks(row.digest, tuple(sorted(row.files.items())))


@lru_cache(maxsize=32)
def _marks(_digest: str, files: tuple[tuple[str, str], ...]) -> Marks:
    found: Marks = {}
    for name, text in files:
        if not name.endswith(".bpmn"):
            continue
        for step in parse_xml(text).iter(f"{_B}userTask"):
            told = {p.get("name"): p.get("value") for p in step.iter(f"{_SPIFF}property")}
            found[str(step.get("id"))] = {**told, "title": str(step.get("name") or "")}
    return found


def ways_back(known: Marks, bpmn_id: str) -> dict[str, str]:
    """Earlier steps that one may go back to from an open one: id → title."""
    return {
        target: told["title"]
        for target, told in known.items()
        if bpmn_id in told.get("rewindFrom", "").split()
    }


def rewind(session: Session, task: Task, target: str, host: Host, *, now: datetime) -> None:
    """The open step, and the part that it stands in, give way to the earlier step `target`.

    Raises StepClosed, StepFailed, NotModelled when the diagram has no such way.
    """
    if target not in ways_back(marks(task.process.definition), task.bpmn_id):
        raise NotModelled(target)
    with engine._moving(session, task, host, now) as (instance, step):
        branch, spec = _branch(step, target)
        _replace(instance.workflow, branch, spec)
        engine._advance(instance.workflow)


def skip(session: Session, task: Task, host: Host, *, now: datetime) -> None:
    """Go on without a step that the diagram lets one leave out. Its clock is not met by that.

    Raises StepClosed, StepFailed, NotModelled.
    """
    if marks(task.process.definition).get(task.bpmn_id, {}).get("skip") != "yes":
        raise NotModelled(task.bpmn_id)
    engine.complete(session, task, {}, host, now=now, state=TaskState.SKIPPED)


def _branch(step: Any, target: str) -> tuple[Any, Any]:
    """What is taken out of the part that holds the target, and the target's specification."""
    node, spec = step, _spec(step.workflow, target)
    if spec is None:  # or from the first step of a part that the target's process has called
        node = engine._owner(step.workflow)
        spec = _spec(node.workflow, target) if node is not None else None
    if spec is None:
        raise NotModelled(target)
    parent = node.parent
    alone = not any(
        other.has_state(_STANDING) and other is not node and not _above(node, other)
        for other in node.workflow.tasks.values()
    )
    wrapped = isinstance(parent.task_spec, EventSplit | LoopTask)
    if not alone or wrapped or not parent.has_state(State.FINISHED_MASK):
        raise NotModelled(target)
    return node, spec


def _above(node: Any, other: Any) -> bool:
    """Whether `other` is one of what `node` came from."""
    while (node := node.parent) is not None:
        if node is other:
            return True
    return False


def _spec(part: Any, target: str) -> Any:
    for spec in part.spec.task_specs.values():
        if spec.manual and getattr(spec, "bpmn_id", None) == target:
            return spec
    return None


def _replace(workflow: Any, branch: Any, spec: Any) -> None:
    """The branch with everything inside it goes; the target stands in its place."""
    part, parent = branch.workflow, branch.parent
    if branch.id in workflow.subprocesses:
        inside = workflow.delete_subprocess(branch)
        gone = {task.id for task in inside}
    else:
        gone = set()
    part._remove_task(branch.id)
    waiting = workflow.event_manager.tasks
    for key in [key for key in waiting if key in gone or key not in _all(workflow)]:
        del waiting[key]
    step = parent._add_child(spec, State.FUTURE)
    spec._predict(step, mask=State.NOT_FINISHED_MASK)
    spec._update(step)


def _all(workflow: Any) -> set[Any]:
    return {key for part in (workflow, *workflow.subprocesses.values()) for key in part.tasks}
