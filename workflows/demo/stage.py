"""Plays the demonstration: people act at their moments, and what is due in between fires first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Attachment,
    Case,
    CaseKind,
    Clock,
    Declaration,
    Duty,
    Organisation,
    Task,
    TaskState,
    Timer,
)
from workflows import clocks
from workflows.actions import cases, seats, tasks, timers
from workflows.demo import answers
from workflows.demo.people import seat_of
from workflows.forms.spec import Answers
from workflows.permissions import inbox
from workflows.surroundings import panel_of

Upload = Callable[[Appointment, str, datetime], Attachment]
_SECOND = timedelta(seconds=1)


class NotTheirTurn(LookupError):
    """Nobody of that name has such a step open."""


@dataclass
class Stage:
    """One case or periodic duty being played. `upload` stores a small file in somebody's name."""

    session: Session
    units: Mapping[str, Organisation]
    upload: Upload
    case: Case | None = None
    duty: Duty | None = None

    def sign(self, username: str, at: datetime) -> Answers:
        seat = seat_of(self.session, username)
        return answers.signature(seat.user_id, seat.user.name, at)

    def report(
        self,
        username: str,
        filled: Answers,
        at: datetime,
        kind: CaseKind = CaseKind.MATERNAL_DEATH,
    ) -> Case:
        """Somebody reports the case."""
        self.let_pass(at)
        self.case = cases.open_case(
            self.session,
            filled,
            key=str(uuid4()),
            by=seat_of(self.session, username),
            now=at,
            kind=kind,
        )
        return self.case

    def act(self, username: str, bpmn_id: str, filled: Answers, at: datetime) -> Task:
        """Somebody hands in the step that waits for them. NotTheirTurn when there is none."""
        self.let_pass(at)
        seat = seat_of(self.session, username)
        task = self.step_of(seat, bpmn_id)
        tasks.complete_task(self.session, task, filled, key=str(uuid4()), by=seat, now=at)
        return task

    def declare(self, username: str, at: datetime) -> None:
        """An expert declares that nothing stands against reading, once for each panel."""
        seat = seat_of(self.session, username)
        task = self.step_of(seat, "UT_opinion")
        panel = panel_of(self.session, task)
        member = seats.seat_of(panel, seat) if panel is not None else None
        if member is not None:
            seats.declare(self.session, member, Declaration.NONE, "", by=seat, now=at)

    def step_of(self, seat: Appointment, bpmn_id: str) -> Task:
        """The open step that waits for somebody. NotTheirTurn when there is none."""
        here = self._here()
        query = inbox(seat).where(here, Task.bpmn_id == bpmn_id)
        task = self.session.scalars(query.order_by(Task.index, Task.id)).first()
        if task is None:
            waiting = self.session.scalars(
                select(Task.bpmn_id).where(here, Task.state == TaskState.OPEN)
            ).all()
            raise NotTheirTurn(f"{bpmn_id} for {seat.user.username}; open: {waiting}")
        return task

    def _here(self) -> ColumnElement[bool]:
        """Steps of what is on stage."""
        if self.duty is not None:
            return Task.duty_id == self.duty.id
        if self.case is None:
            raise NotTheirTurn("no case on stage yet")
        return Task.case_id == self.case.id

    def let_pass(self, until: datetime) -> None:
        """Fire timers and reminders, each at its own moment, as the worker would have."""
        while (moment := self._next_due()) is not None and moment <= until:
            now = moment + _SECOND
            for process_id in timers.due_processes(self.session, now):
                timers.fire(self.session, process_id, now)
            for clock_id in clocks.due_clocks(self.session, now):
                clocks.remind(self.session, clock_id, now)
            self.session.flush()

    def _next_due(self) -> datetime | None:
        waiting = [
            self.session.scalar(select(func.min(Timer.due_at))),
            self.session.scalar(
                select(func.min(Clock.next_reminder_at)).where(Clock.met_at.is_(None))
            ),
        ]
        return min((moment for moment in waiting if moment is not None), default=None)


def opinions(stage: Stage, experts: list[tuple[str, datetime, dict[str, Any]]]) -> None:
    """Each expert files an own opinion."""
    for username, at, over in experts:
        stage.act(
            username, "UT_opinion", answers.opinion(sign=stage.sign(username, at), **over), at
        )
