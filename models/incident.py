"""Work that failed and was given up until an administrator sees to it. What is kept of an error is
its kind and where it arose, never its message: that may quote a case."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base
from models.clock import Clock
from models.process import Process


class IncidentKind(enum.StrEnum):
    TIMER = "timer"  # a due moment of a process did not fire; the process stands still
    STEP = "step"  # what somebody handed in could not be done; nothing of it happened
    JOB = "job"  # background work was given up
    REMINDER = "reminder"  # a limit could not be reminded of; it is tried once a day


class Incident(Base):
    """One thing that went wrong, until it is retried, settled by itself, or seen to.

    `definition`: the name of the process it happened in; `step`: the step of the diagram;
    `error`, `place`: the kind of error and the line of ours it came from: together its cause;
    `trace`: the way there, without a value. `attempts`: how often it was tried until `last_at`.
    """

    __tablename__ = "incident"
    __table_args__ = (Index("ix_incident_open", "solved_at", "error", "place"),)

    kind: Mapped[IncidentKind]
    at: Mapped[datetime]
    last_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=1)
    process_id: Mapped[int | None] = mapped_column(ForeignKey("process.id"), index=True)
    clock_id: Mapped[int | None] = mapped_column(ForeignKey("clock.id"), index=True)
    definition: Mapped[str | None]
    step: Mapped[str | None]
    job: Mapped[str | None]
    job_key: Mapped[str | None]
    job_args: Mapped[list[Any] | None]
    error: Mapped[str]
    place: Mapped[str] = mapped_column(default="")
    trace: Mapped[str] = mapped_column(default="")
    solved_at: Mapped[datetime | None]

    process: Mapped[Process | None] = relationship()
    clock: Mapped[Clock | None] = relationship()
