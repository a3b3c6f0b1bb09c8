"""Completing a step: the one way an answer gets into a case."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Attachment,
    Case,
    Clock,
    Document,
    Duty,
    Task,
    TaskState,
)
from workflows import additions, clocks, engine, surroundings
from workflows.actions import aside, incidents
from workflows.actions.aside import Aside
from workflows.actions.drafts import drop_draft
from workflows.actions.watching import tell_watchers
from workflows.engine import control
from workflows.events import EventName, record
from workflows.forms import check, load
from workflows.forms.spec import Answers, Field, Form, Kind
from workflows.notifications import tell
from workflows.permissions import APART, Forbidden, is_addressed, may_complete
from workflows.services import host_of

__all__ = [
    "CaseSuspended",
    "Handing",
    "InvalidAnswers",
    "TaskClosed",
    "TaskHeld",
    "complete_task",
    "prefill",
    "write_document",
]


class InvalidAnswers(Exception):
    """The answers are not acceptable. `errors`: field path → what to do, in Chinese."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(errors)
        self.errors = errors


class TaskClosed(Exception):
    """The step has been done, cancelled or overtaken."""


class TaskHeld(Exception):
    """A colleague has taken the step on, or its owner wants to see it first."""


class CaseSuspended(TaskHeld):
    """Work on the case stands still; only what reports the death goes on."""


@dataclass(frozen=True, slots=True)
class Handing:
    """One step being handed in: what its effect gets to work with."""

    session: Session
    task: Task
    document: Document
    by: Appointment
    now: datetime
    aside: Aside

    @property
    def case(self) -> Case:
        """The case of the step. LookupError for a step of a duty."""
        if self.task.case is None:
            raise LookupError(f"step {self.task.id} belongs to no case")
        return self.task.case

    @property
    def duty(self) -> Duty:
        """The duty of the step. LookupError for a step of a case."""
        if self.task.duty is None:
            raise LookupError(f"step {self.task.id} belongs to no duty")
        return self.task.duty

    @property
    def about(self) -> Case | Duty:
        """Whichever of the two the step belongs to."""
        return self.case if self.task.case is not None else self.duty

    @property
    def answers(self) -> Answers:
        return self.document.answers


def prefill(session: Session, task: Task, *, by: Appointment, now: datetime) -> dict[str, Any]:
    """Values the step's form starts with, by dotted path."""
    return surroundings.prefill(session, task.case, task, by=by, now=now)


def complete_task(
    session: Session, task: Task, answers: Answers, *, key: str, by: Appointment, now: datetime
) -> Document:
    """Hand in a step.

    `key` names the request: the same key again returns the first document and changes nothing.
    Raises Forbidden, TaskClosed, TaskHeld, InvalidAnswers.
    """
    if not is_addressed(by, task):
        raise Forbidden(task.id)
    # The process is the unit of concurrency: whoever locks it first moves the case.
    engine.lock(session, task)
    there = aside.look(session, task, key=key, by=by)
    if there.before is not None:
        return session.get_one(Document, there.before)
    if task.state != TaskState.OPEN or task.is_void:
        raise TaskClosed(task.id)
    if not may_complete(by, task):
        raise TaskHeld(task.id)
    if stands_still(task):
        raise CaseSuspended(task.id)
    if step := took_the_other(session, task, by):
        raise InvalidAnswers({"": [f"「{step}」是本人办理的，这一步须由另一人办理，不能代理"]})
    form = load.load(task.form)
    around = surroundings.known(session, task.case, task, by=by, now=now)
    if errors := check.check(form, answers, now=now, known=around):
        raise InvalidAnswers(errors)
    document = write_document(
        session, form, answers, task, key=key, by=by, now=now, edition=there.editions + 1
    )
    hand_in(Handing(session, task, document, by, now, there), form)
    return document


def stands_still(task: Task) -> bool:
    """Whether a step waits for its case to be resumed. Nothing that reports a death does (A05)."""
    if task.case is None or task.case.suspended_at is None:
        return False
    return control.marks(task.process.definition).get(task.bpmn_id, {}).get("suspends") != "no"


def took_the_other(session: Session, task: Task, by: Appointment) -> str:
    """The title of a step that the same person took and must not take this one after, where one
    of the two is done in somebody else's place; empty if there is none."""
    apart = APART.get(task.effect or "")
    if apart is None:
        return ""
    query = (
        select(Task.title)
        .join(Document, Document.task_id == Task.id)
        .join(Appointment, Appointment.id == Document.appointment_id)
        .where(
            Task.case_id == task.case_id,
            Task.duty_id == task.duty_id,
            Task.effect.in_(apart),
            Task.level == task.level,
            Task.rectification_id == task.rectification_id,
            Document.author_id == by.user_id,
        )
    )
    if by.stands_for_id is None:
        query = query.where(Appointment.stands_for_id.is_not(None))
    return session.scalars(query.limit(1)).first() or ""


def hand_in(step: Handing, form: Form) -> None:
    """What follows from a document: its effect, the clock, the engine's move, the record."""
    from workflows.actions.effects import EFFECTS  # effects are built on this module

    flags: dict[str, str | int | bool | None] = dict(check.routed(form, step.answers))
    if step.task.effect:
        flags.update(EFFECTS[step.task.effect](step))
    if step.task.stops_clock and step.task.clock_id is not None:
        clocks.meet(step.session, step.session.get_one(Clock, step.task.clock_id), now=step.now)
    host = host_of(step.session, step.task, step.now)
    try:
        engine.complete(step.session, step.task, flags, host, now=step.now, by_id=step.by.user_id)
    except engine.StepClosed:
        raise TaskClosed(step.task.id) from None
    if step.aside.incident:
        incidents.settle_step(step.session, step.task, by=step.by, now=step.now)
    if step.aside.draft:
        drop_draft(step.session, f"task:{step.task.id}", by=step.by)
    _record_done(step)
    _tell_done(step)


def _record_done(step: Handing) -> None:
    told = {"owner": step.task.owner_id} if step.task.owner_id is not None else {}
    record(
        step.session,
        EventName.TASK_COMPLETED,
        case=step.task.case,
        by=step.by,
        now=step.now,
        task=step.task.id,
        title=step.task.title,
        document=step.document.id,
        **told,
    )


def _tell_done(step: Handing) -> None:
    """Whoever asked a colleague to do the step, and those who follow the case."""
    about, title = step.task.case, step.task.title
    if about is not None and step.aside.watched:
        tell_watchers(step.session, about, title, step.document, step.by, step.now)
    if (owner := step.task.owner_id) is not None:
        name = EventName.TASK_COMPLETED
        tell(step.session, name, owner, case=about, now=step.now, title=title)


def write_document(
    session: Session,
    form: Form,
    answers: Answers,
    task: Task,
    *,
    key: str,
    by: Appointment,
    now: datetime,
    edition: int,
) -> Document:
    """Keep answers for good, and the files they name with the case or duty. `edition`: 1 for the
    first hand-in of a sheet, then 2, 3, … for each correction of it."""
    document = Document(
        case_id=task.case_id,
        duty_id=task.duty_id,
        task=task,
        form=form.name,
        edition=edition,
        answers=answers,
        author_id=by.user_id,
        appointment_id=by.id,
        submitted_at=now,
        key=key,
    )
    return keep_document(session, document, form)


def write_sheet(
    session: Session,
    form: Form,
    answers: Answers,
    duty: Duty,
    *,
    key: str,
    by: Appointment,
    now: datetime,
) -> Document:
    """The same for a form without a step, with which a duty begins."""
    document = Document(
        duty_id=duty.id,
        form=form.name,
        answers=answers,
        author_id=by.user_id,
        appointment_id=by.id,
        submitted_at=now,
        key=key,
    )
    return keep_document(session, document, form)


def keep_document(session: Session, document: Document, form: Form) -> Document:
    """A document for good, and the files it names with its case or duty."""
    additions.insert(session, [document])
    owner = {"case_id": document.case_id, "duty_id": document.duty_id}
    for field, token in _tokens(form.fields(), document.answers):
        session.execute(
            update(Attachment)
            .where(Attachment.token == token, Attachment.form.is_(None))
            .values(form=form.name, field=field, **owner)
        )
    return document


def handed_in(session: Session, by: Appointment, key: str) -> Document | None:
    """What this person's request of that key has written already."""
    return session.scalars(_HANDED_IN, {"author": by.user_id, "said": key}).one_or_none()


_HANDED_IN = select(Document).where(
    Document.author_id == bindparam("author"), Document.key == bindparam("said")
)


def _tokens(fields: tuple[Field, ...], answers: Answers) -> list[tuple[str, str]]:
    """(field name, attachment token) of every file that the answers name."""
    found: list[tuple[str, str]] = []
    for field in fields:
        value = answers.get(field.name)
        if not value:
            continue
        if field.kind == Kind.FILES:
            found += [(field.name, token) for token in value]
        elif field.kind == Kind.INVENTORY:
            rows = value.values()
            found += [(field.name, token) for row in rows for token in row.get("files", ())]
        elif field.kind == Kind.GROUP:
            found += [pair for row in value for pair in _tokens(field.fields, row)]
    return found
