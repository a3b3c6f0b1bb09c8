"""The escape hatch: any process as SpiffWorkflow itself would write it, so that no case depends on
our way of keeping it. What the compact state leaves out is not in it: settled history, and when a
state changed, of which only the order of arrivals at a join is kept."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG

from models import Process
from workflows.engine import definitions, script, store

VERSION = "3.2.0"  # of the library that reads it


def stock(process: Process) -> dict[str, Any]:
    """What SpiffWorkflow's `BpmnWorkflowSerializer` makes of the process, as plain JSON.

    Raises whatever a state that cannot be read raises.
    """
    workflow = store.decode(
        process.state, lambda _digest: definitions.parsed(process.definition), script.Engine({}, {})
    )
    serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(SPIFF_CONFIG))
    parts = (workflow, *workflow.subprocesses.values())
    ids = {task_id.hex: str(UUID(task_id.hex)) for part in parts for task_id in part.tasks}
    told: dict[str, Any] = _renamed(serializer.to_dict(workflow), ids)
    return told


def _renamed(value: Any, ids: Mapping[str, str]) -> Any:
    """Ids of tasks written out, as the library looks for them; ours come without dashes."""
    if isinstance(value, dict):
        return {ids.get(key, key): _renamed(inner, ids) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(inner, ids) for inner in value]
    return ids.get(value, value) if isinstance(value, str) else value
