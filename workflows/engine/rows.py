"""The rows of a process, brought in line with its state by plain statements.

What changes is known here. The unit of work would find it out by comparing objects, and take longer
than the engine's whole step. What a session holds of these rows is set or expired. Knows nothing of
SpiffWorkflow.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, delete, insert, inspect, select, update
from sqlalchemy.orm import MANYTOONE, Session, joinedload, undefer
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError

from models import Definition, Process, Task, TaskState, Timer

Timers = Mapping[str, tuple[datetime, str]]  # engine's id → due, bpmn id

_process, _task, _timer = (cast(Table, kind.__table__) for kind in (Process, Task, Timer))
WITH_STATE = (
    select(Process)
    .where(Process.id == bindparam("key"))
    .options(
        undefer(Process.state),
        joinedload(Process.definition).load_only(Definition.name),  # not its files: they are long
    )
)
_KEEP = (
    update(_process)
    .where(_process.c.id == bindparam("key"), _process.c.version == bindparam("before"))
    .values(state=bindparam("blob"), version=bindparam("after"))
)
_CLOSE = (
    update(_task)
    .where(_task.c.id == bindparam("key"))
    .values(state=bindparam("now"), closed_at=bindparam("at"))
)
_OPEN, _WAIT = insert(_task), insert(_timer)
_FORGET = delete(_timer).where(_timer.c.spiff_id == bindparam("key"))
_MOVE = (
    update(_timer)
    .where(_timer.c.spiff_id == bindparam("key"))
    .values(due_at=bindparam("due"), attempts=0, error=None)
)

_COLUMNS = [column.key for column in _task.c if column.key != "id"]
_TO_ONE = [
    (relation.key, local.name)
    for relation in inspect(Task).relationships
    if relation.direction is MANYTOONE
    for local in relation.local_columns
]


def keep(session: Session, process: Process, state: bytes) -> None:
    """Write the state, if it still follows on the one that was read. StaleDataError if not."""
    values = {"key": process.id, "before": process.version, "after": process.version + 1}
    written = session.connection().execute(_KEEP, values | {"blob": state})
    if written.rowcount != 1:
        raise StaleDataError(f"process {process.id} has moved on from version {process.version}")
    set_committed_value(process, "state", state)
    set_committed_value(process, "version", process.version + 1)


def close(session: Session, task: Task, state: TaskState, now: datetime) -> None:
    """The step is done or overtaken."""
    session.connection().execute(_CLOSE, {"key": task.id, "now": state, "at": now})
    set_committed_value(task, "state", state)
    set_committed_value(task, "closed_at", now)


def add(session: Session, process: Process, tasks: list[Task]) -> None:
    """Steps that have opened; the objects serve as forms and stay outside the session."""
    if tasks:
        session.connection().execute(_OPEN, [_values(task) for task in tasks])
        session.expire(process, ["tasks"])


def _values(task: Task) -> dict[str, Any]:
    values = {key: getattr(task, key) for key in _COLUMNS}
    for relation, column in _TO_ONE:
        if (other := task.__dict__.get(relation)) is not None:
            values[column] = other.id
    return values | {"stops_clock": bool(task.stops_clock)}


def set_timers(session: Session, process: Process, before: Timers, after: Timers) -> None:
    """A cycle keeps its row and moves on."""
    if before == after:
        return
    connection = session.connection()
    if gone := [{"key": key} for key in before if key not in after]:
        connection.execute(_FORGET, gone)
    if new := [
        {"process_id": process.id, "spiff_id": key, "bpmn_id": name, "due_at": due}
        for key, (due, name) in after.items()
        if key not in before
    ]:
        connection.execute(_WAIT, new)
    for key, (due, _name) in after.items():
        if key in before and before[key][0] != due:
            connection.execute(_MOVE, {"key": key, "due": due})
    session.expire(process, ["timers"])
