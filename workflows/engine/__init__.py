"""Running processes: the only package that knows SpiffWorkflow.

A process row goes in, moves as far as it can without a person, and its open steps and pending
timers come out as rows, in the caller's transaction. What a step means, who does it and when it
is due is the host's to say; the engine keeps the order.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.specs.mixins.subworkflow_task import CallActivity as CallActivityMixin
from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError, PendingRollbackError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError

from models import Case, Definition, Duty, Process, ProcessState, Task, TaskState
from workflows import additions
from workflows.engine import definitions, rows, script, settled, store
from workflows.engine.script import Functions

NEVER = datetime(9000, 1, 1, tzinfo=UTC)  # what a diagram's due() says of a limit without a number

__all__ = ["NEVER", "Flags", "Functions", "Host", "NotModelled", "Step", "StepClosed", "StepFailed"]

Flags = Mapping[str, str | int | bool | None]


class StepClosed(Exception):
    """The step is no longer open in the process: done, cancelled, or overtaken."""


class StepFailed(Exception):
    """A process could not go on, and nothing of it has happened; its cause says why.

    `step`: what was handed in or due; of a process that was only to be started (`process_id` is
    None) what raised, if that can be told.
    """

    def __init__(self, definition: str, process_id: int | None, step: str | None) -> None:
        super().__init__(f"{definition}, process {process_id}, {step}")
        self.definition, self.process_id, self.step = definition, process_id, step


class NotModelled(Exception):
    """The diagram does not let one go there, or more is open there than the one step."""


# The database is away, somebody was faster: no fault of the process, and with pages of their own
_NO_FAULT = (
    StepClosed,
    StepFailed,
    NotModelled,
    OperationalError,
    InterfaceError,
    PendingRollbackError,
    StaleDataError,
)


def _no_fault(error: BaseException | None) -> BaseException | None:
    """What SpiffWorkflow has wrapped, when it was no fault of the process."""
    while error is not None and not isinstance(error, _NO_FAULT):
        error = error.__cause__ or error.__context__
    return error


@contextmanager
def _telling(definition: str, process_id: int | None, step: str | None) -> Iterator[None]:
    """Whatever a step raises comes out as StepFailed."""
    try:
        yield
    except _NO_FAULT:
        raise
    except Exception as error:
        if (first := _no_fault(error)) is not None:
            raise first from None
        at = getattr(getattr(error, "task_spec", None), "bpmn_id", None)
        raise StepFailed(definition, process_id, step or at) from error


@dataclass(frozen=True, slots=True)
class Step:
    """An open step as the diagram tells it."""

    bpmn_id: str
    diagram: str
    title: str
    lane: str  # the lane's name
    properties: dict[str, str]
    index: int | None  # among parallel siblings
    data: dict[str, Any]  # routed values, read only


@dataclass(slots=True)
class _Instance:
    """A process in memory, and what its rows say of it: the same as its state when it was saved.

    Only the difference to them is written, so a step costs the same however long the case lives.
    """

    workflow: Any
    digest: str
    steps: set[str] = field(default_factory=set)  # rows that are open
    timers: dict[str, tuple[datetime, str]] = field(default_factory=dict)  # rows that wait
    open: dict[str, Any] = field(default_factory=dict)  # steps that are open now

    def look(self) -> None:
        """See which steps are open, after the process has moved."""
        self.open = {step.id.hex: step for step in store.open_user_tasks(self.workflow)}


class Host(Protocol):
    """What the engine asks of its caller."""

    functions: Functions
    services: Functions

    def assign(self, step: Step, task: Task) -> None:
        """Fill in lane, level, unit, person and clock of a newly opened step."""


def start(
    session: Session, about: Case | Duty, name: str, data: Flags, host: Host, *, now: datetime
) -> Process:
    """A new process of a case or a periodic duty, run to its first steps. Raises StepFailed."""
    with session.no_autoflush:  # nothing that waits to be written is a definition
        definition = definitions.current(session, name, now)
    with _telling(name, None, None), script.at(now):
        workflow = BpmnWorkflow(
            *definitions.parsed(definition),
            script_engine=script.Engine(host.functions, host.services),
        )
        workflow.task_tree.data.update(data)
        _advance(workflow)
        instance = _Instance(workflow, definition.digest)
        session.flush()  # what it is about, and what its first steps ask for
        state = _packed(instance)
        process = Process(definition=definition, started_at=now, state=state, version=1)
        if workflow.completed:
            process.status, process.ended_at = ProcessState.DONE, now
        if isinstance(about, Case):
            process.case = about
        else:
            process.duty = about
        additions.insert(session, [process])
        opened = _assigned(session, process, instance, host, now)
        rows.add_first(session, process, opened)
        rows.set_timers(session, process.id, instance.timers, _waiting_timers(workflow))
    return process


def complete(
    session: Session,
    task: Task,
    data: Flags,
    host: Host,
    *,
    now: datetime,
    state: TaskState = TaskState.DONE,
    by_id: int | None = None,
) -> None:
    """Hand in one step, or leave it out (`state`); `by_id`: who. What is due fires first: a late
    hand-in must not cancel its own alarm.

    Raises StepClosed, StepFailed.
    """
    with _moving(session, task, host, now) as (instance, step):
        step.data.update(data)
        step.run()
        _advance(instance.workflow)
        rows.close(session, task, state, now, by_id)
        instance.steps.remove(task.spiff_id)


@contextmanager
def _moving(
    session: Session, task: Task, host: Host, now: datetime
) -> Iterator[tuple[_Instance, Any]]:
    """The process of an open step, in memory, and the step in it. What the block makes of them is
    saved at its end. Raises StepClosed, StepFailed."""
    row = rows.read(session, task.process_id)
    with _telling(row.name, row.id, task.bpmn_id), script.at(now):
        instance = _load(session, row, host, now)
        step = instance.open.get(task.spiff_id)
        if step is None:
            raise StepClosed(task.spiff_id)
        yield instance, step
        _save(session, row, instance, host, now)


def lock(session: Session, task: Task) -> Process:
    """The process of a step, both as they are now, and for nobody else until the transaction
    ends."""
    process, _step = session.execute(rows.LOCKED, {"key": task.id}).one()
    set_committed_value(task, "process", process)
    return process


def fire(session: Session, process: Process, host: Host, *, now: datetime) -> None:
    """Fire every timer of the process that is due at `now`. Raises StepFailed, also where a row is
    due of which the state knows nothing: it would fire at every look, and nothing would come of it.
    """
    due = {timer.spiff_id: timer.bpmn_id for timer in process.timers if timer.due_at <= now}
    first = next(iter(due.values()), None)
    row = rows.read(session, process.id)
    with _telling(row.name, row.id, first), script.at(now):
        instance = _load(session, row, host, now)
        waiting = {key for key, (at, _) in instance.timers.items() if at <= now}
        if unknown := due.keys() - waiting:
            raise LookupError(f"the state does not wait for {sorted(unknown)}")
        _save(session, row, instance, host, now)


def cancel(process: Process, *, now: datetime) -> None:
    """End a process where it stands. Its rows stay; nothing in it can be done any more."""
    process.status, process.ended_at = ProcessState.CANCELLED, now
    process.timers.clear()
    for task in process.tasks:  # all of them: it happens once in a case
        if task.state == TaskState.OPEN:
            task.state, task.closed_at = TaskState.CANCELLED, now


def _load(session: Session, row: rows.Row, host: Host, now: datetime) -> _Instance:
    digest = ""

    def specification(version: str) -> definitions.Specification:
        nonlocal digest
        digest = version
        if (known := definitions.known(version)) is not None:
            return known
        return definitions.parsed(session.get_one(Definition, row.definition_id))

    engine = script.Engine(host.functions, host.services)
    workflow = store.decode(row.state, specification, engine)
    instance = _Instance(workflow, digest, timers=_waiting_timers(workflow))
    instance.look()
    instance.steps.update(instance.open)
    if any(due <= now for due, _ in instance.timers.values()):  # else it rests where it was saved
        workflow.refresh_timers()
        _advance(workflow)
        instance.look()
    return instance


def _advance(workflow: Any) -> None:
    """Go on until only people and moments to come are waited for.

    The library's `do_engine_steps` looks at the timers last: one that is due when its step opens
    would be left standing, neither fired nor waiting. And it walks the whole tree once more to see
    that nothing is ready.
    """
    _run_ready(workflow)
    workflow.refresh_timers()
    while _run_ready(workflow):
        workflow.refresh_timers()


def _run_ready(workflow: Any) -> bool:
    """Whether anything was ready that waits for nobody."""
    ran = False
    while store.ready_engine_tasks(workflow):
        workflow._do_engine_steps()
        ran = True
    return ran


def _save(session: Session, row: rows.Row, instance: _Instance, host: Host, now: datetime) -> None:
    state = _packed(instance)
    opened = _assigned(session, row, instance, host, now)
    _cancel_overtaken(session, instance, now)
    rows.add(session, row.id, opened)
    rows.set_timers(session, row.id, instance.timers, _waiting_timers(instance.workflow))
    if instance.workflow.completed and row.status == ProcessState.RUNNING:
        row.status, row.ended_at = ProcessState.DONE, now
    rows.keep(session, row, state)


def _packed(instance: _Instance) -> bytes:
    settled.prune(instance.workflow)
    instance.look()
    return store.encode(instance.workflow, instance.digest)


def _cancel_overtaken(session: Session, instance: _Instance, now: datetime) -> None:
    if overtaken := instance.steps - instance.open.keys():
        for task in session.scalars(select(Task).where(Task.spiff_id.in_(overtaken))):
            rows.close(session, task, TaskState.CANCELLED, now)


def _assigned(
    session: Session, process: Process | rows.Row, instance: _Instance, host: Host, now: datetime
) -> list[Task]:
    """Rows to be, for the steps that have opened; whatever they refer to has an id."""
    new = [(key, step) for key, step in instance.open.items() if key not in instance.steps]
    new.sort(key=lambda each: _index(each[1]) or 0)
    opened = [_row(process, key, _describe(step), host, now) for key, step in new]
    if additions.refer_to_new(opened):
        session.flush()
    return opened


def _row(process: Process | rows.Row, spiff_id: str, step: Step, host: Host, now: datetime) -> Task:
    task = Task(
        process_id=process.id,
        case_id=process.case_id,
        duty_id=process.duty_id,
        spiff_id=spiff_id,
        bpmn_id=step.bpmn_id,
        diagram=step.diagram,
        title=step.title,
        form=step.properties["form"],
        effect=step.properties.get("effect"),
        index=step.index,
        state=TaskState.OPEN,
        opened_at=now,
    )
    host.assign(step, task)
    return task


def _waiting_timers(workflow: Any) -> dict[str, tuple[datetime, str]]:
    timers = store.pending_timers(workflow)
    return {task_id.hex: (due, name) for due, task_id, name in timers if due < NEVER}


def _describe(task: Any) -> Step:
    spec = task.task_spec
    return Step(
        bpmn_id=spec.bpmn_id,
        diagram=_diagram(task.workflow),
        title=spec.bpmn_name,
        lane=spec.lane,
        properties=dict(spec.extensions.get("properties", {})),
        index=_index(task),
        data=dict(task.data),
    )


def _diagram(workflow: Any) -> str:
    """The file's process: an embedded sub-process stands in the diagram of its parent."""
    while (owner := _owner(workflow)) is not None and not isinstance(
        owner.task_spec, CallActivityMixin
    ):
        workflow = owner.workflow
    return str(workflow.spec.name)


def _owner(workflow: Any) -> Any:
    """The step of the outer process that this part is the inside of; None at the top."""
    parent = getattr(workflow, "parent_task_id", None)
    return workflow.top_workflow.get_task_from_id(parent) if parent else None


def _index(task: Any) -> int | None:
    """Place among parallel siblings: the step's own, else that of the part it stands in."""
    while task is not None:
        for key in ("key_or_index", "item"):
            if key in task.internal_data:
                return int(task.internal_data[key])
        task = _owner(task.workflow)
    return None
