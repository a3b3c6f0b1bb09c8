"""The running diagrams: definitions, processes, and what waits for people or for the clock.

`Process.state` belongs to workflows.engine; lists read tasks and timers and never open it.
"""

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import SENSITIVE, Base, of_case_or_duty
from models.case import Case, CaseState
from models.clock import Clock
from models.duty import Duty
from models.place import Organisation
from models.user import User


class DefinitionOrigin(enum.StrEnum):
    SHIPPED = "shipped"  # came with the product
    UPLOADED = "uploaded"  # by an administrator of this installation


class DefinitionState(enum.StrEnum):
    PROPOSED = "proposed"  # waits for a second person
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Definition(Base):
    """One version of a process: its files, never changed, named by the hash of their content.

    `number` counts the versions of a process from 1. New cases start on the version approved last.
    """

    __tablename__ = "definition"
    __table_args__ = (
        UniqueConstraint("name", "number"),
        Index("ix_definition_name_digest", "name", "digest"),
    )

    name: Mapped[str]
    number: Mapped[int]
    digest: Mapped[str]
    files: Mapped[dict[str, Any]]  # file name → text of each .bpmn, .dmn and form
    created_at: Mapped[datetime]
    origin: Mapped[DefinitionOrigin] = mapped_column(default=DefinitionOrigin.SHIPPED)
    status: Mapped[DefinitionState] = mapped_column(default=DefinitionState.APPROVED)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    comment: Mapped[str] = mapped_column(default="")
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    decided_at: Mapped[datetime | None]
    decision: Mapped[str] = mapped_column(default="")  # what the second person wrote

    author: Mapped[User | None] = relationship(foreign_keys=[author_id])
    decided_by: Mapped[User | None] = relationship(foreign_keys=[decided_by_id])


class FormText(Base):
    """A form that an administrator brought with a version; from its approval on it never changes.

    Those of the product lie in its folders.
    """

    __tablename__ = "form_text"

    name: Mapped[str] = mapped_column(unique=True)  # as in "receipt.v2"
    text: Mapped[str]
    definition_id: Mapped[int] = mapped_column(ForeignKey("definition.id"), index=True)


class ProcessState(enum.StrEnum):
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    INCIDENT = "incident"


class Process(Base):
    """One running BPMN process of a case or of a periodic duty."""

    __tablename__ = "process"
    __table_args__ = (of_case_or_duty(),)

    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)
    duty_id: Mapped[int | None] = mapped_column(ForeignKey("duty.id"), index=True)
    definition_id: Mapped[int] = mapped_column(ForeignKey("definition.id"))
    status: Mapped[ProcessState] = mapped_column(default=ProcessState.RUNNING)
    state: Mapped[bytes] = mapped_column(deferred=True)
    version: Mapped[int] = mapped_column()
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    case: Mapped[Case | None] = relationship()
    duty: Mapped[Duty | None] = relationship()
    definition: Mapped[Definition] = relationship()
    tasks: Mapped[list["Task"]] = relationship(back_populates="process", order_by="Task.id")
    timers: Mapped[list["Timer"]] = relationship(
        back_populates="process", cascade="all, delete-orphan"
    )

    __mapper_args__ = {"version_id_col": version}

    @property
    def about(self) -> str:
        """The number of its case, or what its duty is about."""
        return self.case.number if self.case else self.duty.about if self.duty else ""


class TaskState(enum.StrEnum):
    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"  # left out, by two people, where the diagram allows it


class Priority(enum.StrEnum):
    """How urgent a step is to its desk; none is the usual. No limit depends on it."""

    URGENT = "urgent"
    HIGH = "high"
    LOW = "low"


class Task(Base):
    """A step that waits for, or was done by, a person (待办).

    Who: `lane` at `organisation`, narrowed to `user` when the step is one person's own. `holder` is
    who of a desk has taken the step on (谁在办); while it is out to a colleague, `owner` is who
    gave it out, and `confirms` whether they hand it in themselves.
    `index` is the place among parallel siblings, counted from 0.
    """

    __tablename__ = "task"
    __table_args__ = (
        Index("ix_task_inbox", "state", "organisation_id", "lane"),
        Index("ix_task_own", "state", "user_id"),
        of_case_or_duty(),
    )

    process_id: Mapped[int] = mapped_column(ForeignKey("process.id"), index=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)
    duty_id: Mapped[int | None] = mapped_column(ForeignKey("duty.id"), index=True)
    spiff_id: Mapped[str] = mapped_column(unique=True)
    bpmn_id: Mapped[str]
    diagram: Mapped[str]  # the BPMN process the step stands in
    title: Mapped[str]
    form: Mapped[str]
    effect: Mapped[str | None]
    lane: Mapped[str]
    level: Mapped[str | None]  # county or city, where a part is used at both
    index: Mapped[int | None]
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    holder_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    held_since: Mapped[datetime | None]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    confirms: Mapped[bool | None]
    priority: Mapped[Priority | None]
    follow_up_on: Mapped[date | None]
    skip_asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    skip_reason: Mapped[str | None] = mapped_column(info=SENSITIVE)
    rectification_id: Mapped[int | None] = mapped_column(
        ForeignKey("rectification.id", use_alter=True)  # task → item → finding → document → task
    )
    clock_id: Mapped[int | None] = mapped_column(ForeignKey("clock.id"))
    stops_clock: Mapped[bool] = mapped_column(default=False)
    state: Mapped[TaskState] = mapped_column(default=TaskState.OPEN)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    done_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))

    process: Mapped[Process] = relationship(back_populates="tasks")
    case: Mapped[Case | None] = relationship()
    duty: Mapped[Duty | None] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    user: Mapped[User | None] = relationship(foreign_keys=[user_id])
    holder: Mapped[User | None] = relationship(foreign_keys=[holder_id])
    owner: Mapped[User | None] = relationship(foreign_keys=[owner_id])
    done_by: Mapped[User | None] = relationship(foreign_keys=[done_by_id])
    clock: Mapped[Clock | None] = relationship()

    @property
    def about(self) -> str:
        """See Process.about."""
        return self.case.number if self.case else self.duty.about if self.duty else ""

    @property
    def is_void(self) -> bool:
        """Its case has been voided."""
        return self.case is not None and self.case.state == CaseState.VOIDED


class Timer(Base):
    """A moment at which a process wants to be woken. The worker polls `due_at` and nothing else.

    What failed is due again a while later: `attempts` counts the failures, `error` is the kind of
    the last one.
    """

    __tablename__ = "timer"

    process_id: Mapped[int] = mapped_column(ForeignKey("process.id"), index=True)
    spiff_id: Mapped[str] = mapped_column(unique=True)
    bpmn_id: Mapped[str]
    due_at: Mapped[datetime] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    error: Mapped[str | None]

    process: Mapped[Process] = relationship(back_populates="timers")


class Transfer(Base):
    """A running process that was put on another version (换版), and what it takes to undo that.

    Undone it can be while the process is still at `version_after`: until its next step.
    """

    __tablename__ = "transfer"

    process_id: Mapped[int] = mapped_column(ForeignKey("process.id"), index=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("definition.id"))
    target_id: Mapped[int] = mapped_column(ForeignKey("definition.id"))
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    comment: Mapped[str] = mapped_column(default="")
    state_before: Mapped[bytes] = mapped_column(deferred=True)
    steps_before: Mapped[dict[str, Any]]  # task id → title, form, effect
    version_after: Mapped[int]
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))

    process: Mapped[Process] = relationship()
    source: Mapped[Definition] = relationship(foreign_keys=[source_id])
    target: Mapped[Definition] = relationship(foreign_keys=[target_id])
    by: Mapped[User | None] = relationship(foreign_keys=[by_id])
