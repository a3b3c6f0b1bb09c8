"""What is remembered of work that failed: the kind of error and the way to it, never its words.

A message may quote a case, so it goes nowhere but into the log of the machine. What fails is tried
again after `RETRY_AFTER`; after that it is an incident, which an administrator sees and retries.
Knows no page and no action.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from traceback import walk_tb
from typing import Any, Self

from sqlalchemy import exc
from sqlalchemy.exc import InterfaceError, OperationalError, PendingRollbackError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from models import Case, Incident, IncidentKind
from workflows.engine import StepFailed
from workflows.events import EventName, record

RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))
# The connection died, under a statement or under the transaction around it; none came free
AWAY = (OperationalError, InterfaceError, PendingRollbackError, exc.TimeoutError)
# The database was away or somebody was faster: tried again soon, and counted by nobody
PASSING = (*AWAY, StaleDataError)
_OURS = re.compile(r"(?:^|/)((?:workflows|webapp|models)/[\w/]+\.py)$")
_MOST_FRAMES = 40


@dataclass(frozen=True, slots=True)
class Failure:
    """`error`: the class of what was raised first; `place`: the last line of ours on the way to it;
    `trace`: that way, a line each; `step`: where in the diagram, if it was there."""

    error: str
    place: str = ""
    trace: str = ""
    step: str | None = None

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """What may be kept of an error and those it came from."""
        chain = list(_chain(error))
        frames = [frame for each in chain for frame in _frames(each)][-_MOST_FRAMES:]
        step = next((each.step for each in chain if isinstance(each, StepFailed)), None)
        place = frames[-1].split(" ")[0] if frames else ""
        return cls(type(chain[-1]).__name__, place, "\n".join(frames), step)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, then what it came from."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__


def _frames(error: BaseException) -> Iterator[str]:
    for frame, number in walk_tb(error.__traceback__):
        if ours := _OURS.search(frame.f_code.co_filename):
            yield f"{ours[1]}:{number} {frame.f_code.co_name}"


def open_incident(
    session: Session,
    kind: IncidentKind,
    failure: Failure,
    *,
    now: datetime,
    case: Case | None = None,
    attempts: int = 1,
    **about: Any,
) -> Incident:
    """Keep what was given up, with its event. `about`: process, clock, definition, job …"""
    incident = Incident(
        kind=kind,
        at=now,
        last_at=now,
        attempts=attempts,
        step=failure.step,
        error=failure.error,
        place=failure.place,
        trace=failure.trace,
        **about,
    )
    session.add(incident)
    session.flush()
    record(
        session,
        EventName.INCIDENT_OPENED,
        case=case,
        now=now,
        incident=incident.id,
        fault=kind.value,
        error=failure.error,
        step=failure.step,
    )
    return incident
