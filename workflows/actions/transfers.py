"""Putting running cases on another version of their process (换版), and undoing that.

An administrator's explicit act, one case or many, seen beforehand. Clocks, units, people, drafts
and opinions stay as they are: the rows of open steps keep everything but title, form and effect,
which follow the diagram. Until the process makes its next step the move can be undone.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload, undefer

from models import (
    Appointment,
    Case,
    Definition,
    DefinitionState,
    Process,
    ProcessState,
    Task,
    Timer,
    Transfer,
)
from workflows import engine, vocabulary
from workflows.actions.definitions import PROPOSE
from workflows.engine import definitions, rows
from workflows.engine.migration import Mover, Preview
from workflows.events import EventName, record
from workflows.permissions import require
from workflows.services import host_of

MOST = 200  # processes looked at in one go
Steps = dict[str, dict[str, str | None]]  # task id → title, form, effect


class CannotMove(Exception):
    """The process cannot go on in the version asked for. `problems` say why."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("；".join(problems))
        self.problems = problems


class TooLate(Exception):
    """The process has made a step since, or the move was undone already."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One running process, and what the version asked for would make of it."""

    process: Process
    preview: Preview


def about(process: Process) -> str:
    """The number of its case, or the period of its duty."""
    return process.case.number if process.case else process.duty.about if process.duty else ""


def movable(target: Definition) -> Select[Process]:
    """Running processes of the same name on other versions, the oldest first."""
    return (
        select(Process)
        .join(Definition, Definition.id == Process.definition_id)
        .where(
            Definition.name == target.name,
            Definition.digest != target.digest,
            Process.status == ProcessState.RUNNING,
        )
        .order_by(Process.id)
    )


def dry_run(
    session: Session,
    target: Definition,
    now: datetime,
    *,
    numbers: Collection[str] = (),
    most: int | None = MOST,
) -> list[Seen]:
    """What would become of real running cases, worked out on copies in memory.

    `numbers`: of the cases to look at, or all. The version need not be approved yet. Nothing is
    written.
    """
    query = movable(target).limit(most)
    if numbers:
        query = query.join(Case, Case.id == Process.case_id).where(Case.number.in_(numbers))
    loaded = (
        joinedload(Process.case),
        joinedload(Process.duty),
        joinedload(Process.definition),
        undefer(Process.state),
    )
    movers = _Movers(session, target)
    return [
        Seen(process, movers.preview(process, now))
        for process in session.scalars(query.options(*loaded))
    ]


def transfer(
    session: Session,
    process: Process,
    target: Definition,
    comment: str,
    *,
    by: Appointment,
    now: datetime,
) -> Transfer:
    """Put one process on an approved version. Forbidden, CannotMove.

    What is due fires first, still on the old version.
    """
    return transfer_all(session, [process], target, comment, by=by, now=now)[0]


def transfer_all(
    session: Session,
    processes: list[Process],
    target: Definition,
    comment: str,
    *,
    by: Appointment,
    now: datetime,
) -> list[Transfer]:
    """The same for many, all or none. Forbidden, CannotMove."""
    require(by, PROPOSE)
    if target.status is not DefinitionState.APPROVED:
        raise CannotMove(["这个版本还没有批准"])
    movers = _Movers(session, target)
    return [_move(session, process, movers, comment, by=by, now=now) for process in processes]


class _Movers:
    """One mover for each version that processes come from."""

    def __init__(self, session: Session, target: Definition) -> None:
        self.target, self.words = target, vocabulary.of(session)
        self._by_digest: dict[str, Mover] = {}

    def preview(self, process: Process, now: datetime) -> Preview:
        source = process.definition
        if source.digest not in self._by_digest:
            self._by_digest[source.digest] = Mover(
                definitions.parsed(source),
                definitions.parsed(self.target),
                self.target.digest,
                self.words,
            )
        return self._by_digest[source.digest].preview(process.state, now)


def _move(
    session: Session,
    process: Process,
    movers: _Movers,
    comment: str,
    *,
    by: Appointment,
    now: datetime,
) -> Transfer:
    target = movers.target
    session.refresh(process, with_for_update=True)
    if process.status is not ProcessState.RUNNING or process.definition.name != target.name:
        raise CannotMove(["这个流程已经结束，或不是这种流程"])
    if process.definition.digest == target.digest:
        raise CannotMove(["已经在这个版本上"])
    _fire_due(session, process, now)
    preview = movers.preview(process, now)
    if preview.state is None:
        raise CannotMove(preview.problems)
    source, before = process.definition, process.state
    steps = _reworded(session, process, preview)
    _put(session, process, target, preview.state)
    row = Transfer(
        process_id=process.id,
        source_id=source.id,
        target_id=target.id,
        at=now,
        by_id=by.user_id,
        comment=comment.strip(),
        state_before=before,
        steps_before=steps,
        version_after=process.version,
    )
    session.add(row)
    session.flush()
    numbers = {"before": source.number, "version": target.number}
    _record(session, EventName.PROCESS_TRANSFERRED, process, numbers, by=by, now=now)
    return row


def _fire_due(session: Session, process: Process, now: datetime) -> None:
    due = select(Timer.id).where(Timer.process_id == process.id, Timer.due_at <= now).limit(1)
    if session.scalars(due).first() is not None:
        engine.fire(session, process, host_of(session, process, now), now=now)


def _reworded(session: Session, process: Process, preview: Preview) -> Steps:
    """Give open steps the new version's title, form and effect; what they had before."""
    meanings = {place.spiff_id: place.new for place in preview.places if place.new is not None}
    before: Steps = {}
    for task in session.scalars(select(Task).where(Task.spiff_id.in_(meanings))):
        new = meanings[task.spiff_id]
        old = {"title": task.title, "form": task.form, "effect": task.effect}
        if old != {"title": new.title, "form": new.form, "effect": new.effect}:
            before[str(task.id)] = old
            task.title, task.form, task.effect = new.title, new.form, new.effect
    return before


def _put(session: Session, process: Process, definition: Definition, state: bytes) -> None:
    process.definition = definition
    session.flush()
    rows.keep(session, rows.read(session, process.id), state)


def can_undo(row: Transfer) -> bool:
    """Whether nothing has happened since."""
    return row.undone_at is None and row.process.version == row.version_after


def undo(session: Session, row: Transfer, *, by: Appointment, now: datetime) -> None:
    """Back to the version before, as it was. Forbidden, TooLate."""
    require(by, PROPOSE)
    process = session.get_one(Process, row.process_id, with_for_update=True, populate_existing=True)
    session.refresh(row)
    if not can_undo(row):
        raise TooLate(row.id)
    for task in session.scalars(select(Task).where(Task.id.in_(map(int, row.steps_before)))):
        old = row.steps_before[str(task.id)]
        task.title, task.form, task.effect = old["title"], old["form"], old["effect"]
    _put(session, process, row.source, row.state_before)
    row.undone_at, row.undone_by_id = now, by.user_id
    session.flush()
    numbers = {"before": row.target.number, "version": row.source.number}
    _record(session, EventName.PROCESS_RESTORED, process, numbers, by=by, now=now)


def _record(
    session: Session,
    name: EventName,
    process: Process,
    numbers: dict[str, int],
    *,
    by: Appointment,
    now: datetime,
) -> None:
    record(session, name, case=process.case, by=by, now=now, process=process.id, **numbers)


def newest_undoable(session: Session) -> Iterator[Transfer]:
    """Moves that could still be undone, the latest first."""
    query = (
        select(Transfer)
        .join(Process, Process.id == Transfer.process_id)
        .where(Transfer.undone_at.is_(None), Process.version == Transfer.version_after)
        .order_by(Transfer.id.desc())
        .limit(MOST)
        .options(
            joinedload(Transfer.process).joinedload(Process.case),
            joinedload(Transfer.process).joinedload(Process.duty),
            joinedload(Transfer.source),
            joinedload(Transfer.target),
            joinedload(Transfer.by),
        )
    )
    yield from session.scalars(query)
