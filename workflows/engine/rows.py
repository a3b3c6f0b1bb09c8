"""The rows of a process, brought in line with its state by plain statements.

What changes is known here. The unit of work would find it out by comparing objects, and take longer
than the engine's whole step. What a session holds of these rows is set or expired. Knows nothing of
SpiffWorkflow.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, delete, insert, inspect, select, update
from sqlalchemy.orm import Session, joinedload, undefer
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.orm.util import identity_key

from models import Definition, Process, ProcessState, Task, TaskState, Timer
from workflows import additions

Timers = Mapping[str, tuple[datetime, str]]  # engine's id → due, bpmn id

_process, _definition, _task, _timer = (
    cast(Table, kind.__table__) for kind in (Process, Definition, Task, Timer)
)
WHOLE = (
    undefer(Process.state),
    joinedload(Process.definition).load_only(Definition.name),  # not its files: they are long
)
LOCKED = (  # both: whoever waits for a lock gets what has become of the locked rows only
    select(Process, Task)
    .join(Task, Task.process_id == Process.id)
    .where(Task.id == bindparam("key"))
    .options(*WHOLE)
    .with_for_update(of=[Process, Task])
    .execution_options(populate_existing=True)
)
_KEEP = (
    update(_process)
    .where(_process.c.id == bindparam("key"), _process.c.version == bindparam("before"))
    .values(
        state=bindparam("blob"),
        version=bindparam("after"),
        status=bindparam("now"),
        ended_at=bindparam("at"),
    )
)
_CLOSE = (
    update(_task)
    .where(_task.c.id == bindparam("key"))
    .values(state=bindparam("now"), closed_at=bindparam("at"), done_by_id=bindparam("by"))
)
_OPEN, _WAIT = insert(_task), insert(_timer)
_FORGET = delete(_timer).where(_timer.c.spiff_id == bindparam("key"))
_MOVE = (
    update(_timer)
    .where(_timer.c.spiff_id == bindparam("key"))
    .values(spiff_id=bindparam("then"), due_at=bindparam("due"), attempts=0, error=None)
)


@dataclass(slots=True)
class Row:
    """What a step reads and writes of its process."""

    id: int
    case_id: int | None
    duty_id: int | None
    definition_id: int
    name: str  # of the definition
    status: ProcessState
    ended_at: datetime | None
    version: int
    state: bytes


_READ_FROM = {**dict(_process.c.items()), "name": _definition.c.name}
_READ = (
    select(*(_READ_FROM[field.name] for field in fields(Row)))
    .join(_definition, _definition.c.id == _process.c.definition_id)
    .where(_process.c.id == bindparam("key"))
)


def read(session: Session, process_id: int) -> Row:
    """The process; not read once more where this transaction has read its state."""
    held = _held(session, process_id)
    if held is None or "state" in inspect(held).unloaded:
        if held is not None:
            session.flush()  # what was changed of it comes first
        return Row(*session.connection().execute(_READ, {"key": process_id}).one())
    told = {field.name: getattr(held, field.name) for field in fields(Row) if field.name != "name"}
    return Row(**told, name=held.definition.name)


def keep(session: Session, row: Row, state: bytes) -> None:
    """Write the state, if it still follows on the one that was read. StaleDataError if not."""
    values = {"status": row.status, "ended_at": row.ended_at, "version": row.version + 1}
    given = {"key": row.id, "before": row.version, "after": row.version + 1, "blob": state}
    given |= {"now": row.status, "at": row.ended_at}
    if session.connection().execute(_KEEP, given).rowcount != 1:
        raise StaleDataError(f"process {row.id} has moved on from version {row.version}")
    row.version, row.state = row.version + 1, state
    if (held := _held(session, row.id)) is not None:
        for name, value in (values | {"state": state}).items():
            set_committed_value(held, name, value)


def _held(session: Session, process_id: int) -> Process | None:
    """The process, where somebody has it in the session."""
    return session.identity_map.get(identity_key(Process, process_id))


def _expire(session: Session, process_id: int, relation: str) -> None:
    if (held := _held(session, process_id)) is not None:
        session.expire(held, [relation])


def close(
    session: Session, task: Task, state: TaskState, now: datetime, by_id: int | None = None
) -> None:
    """The step is done, by whom if one knows, or overtaken."""
    values = {"state": state, "closed_at": now, "done_by_id": by_id}
    given = {"key": task.id, "now": state, "at": now, "by": by_id}
    session.connection().execute(_CLOSE, given)
    for name, value in values.items():
        set_committed_value(task, name, value)


def add(session: Session, process_id: int, tasks: list[Task]) -> None:
    """Steps that have opened; the objects serve as forms and stay outside the session."""
    if tasks:
        session.connection().execute(_OPEN, [additions.values_of(task) for task in tasks])
        _expire(session, process_id, "tasks")


def add_first(session: Session, process: Process, tasks: list[Task]) -> None:
    """The steps with which a process begins: all it has, and somebody is about to look at them."""
    additions.insert(session, tasks)
    set_committed_value(process, "tasks", tasks)


def set_timers(session: Session, process_id: int, before: Timers, after: Timers) -> None:
    """A cycle keeps its row and moves on, and so does the timer of a step that opened once more."""
    if before == after:
        return
    connection = session.connection()
    gone = [key for key in before if key not in after]
    new = [key for key in after if key not in before]
    moved = [(key, key) for key in after if key in before and before[key][0] != after[key][0]]
    if len(gone) == len(new) == 1 and before[gone[0]][1] == after[new[0]][1]:
        moved.append((gone.pop(), new.pop()))
    if gone:
        connection.execute(_FORGET, [{"key": key} for key in gone])
    if new:
        connection.execute(_WAIT, [_waiting(process_id, key, *after[key]) for key in new])
    for key, then in moved:
        connection.execute(_MOVE, {"key": key, "then": then, "due": after[then][0]})
    _expire(session, process_id, "timers")


def _waiting(process_id: int, key: str, due: datetime, name: str) -> dict[str, Any]:
    return {"process_id": process_id, "spiff_id": key, "bpmn_id": name, "due_at": due}
