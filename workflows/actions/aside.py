"""What may lie beside a step that is handed in, asked for together: most steps have none of it.

An earlier hand-in of the same page, or of the same sheet; a draft of it; an incident that stood in
its way; somebody who follows the case. Reads rows, changes nothing.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, exists, func, literal, select
from sqlalchemy.orm import Session

from models import Appointment, Document, Draft, ProcessState, Task, Watcher
from workflows.actions import incidents
from workflows.forms.load import base_name


@dataclass(frozen=True, slots=True)
class Aside:
    """`before`: the document that this very request has written already. `editions`: how often the
    sheet was handed in."""

    before: int | None = None
    editions: int = 0
    incident: bool = False
    draft: bool = False
    watched: bool = False


NOTHING = Aside()  # beside a step with which a case begins


def look(session: Session, task: Task, *, key: str, by: Appointment) -> Aside:
    """What there is now; for whoever has locked the process. One query."""
    owner, about = ("case_id", task.case_id) if task.case_id else ("duty_id", task.duty_id)
    asked = {
        "about": about,
        "who": by.user_id,
        "said": key,
        "sheet": f"{base_name(task.form)}.v%",
        "draft_at": f"task:{task.id}",
        "process": task.process_id,
        "step": task.bpmn_id,
    }
    place = {column.key: getattr(task, column.key) for column in _PLACE}
    unsaid = frozenset(name for name, value in place.items() if value is None)
    found = session.execute(_beside(owner, unsaid), asked | place).one()
    stopped = task.process.status is ProcessState.INCIDENT
    return Aside(
        found.before, found.editions, found.incident or stopped, found.draft, found.watched
    )


_PLACE = (Task.level, Task.index, Task.rectification_id)


@cache
def _beside(owner: str, unsaid: frozenset[str]) -> Select[Any]:
    """`unsaid`: which of _PLACE the step does not have."""
    before = select(Document.id).where(
        Document.author_id == bindparam("who"), Document.key == bindparam("said")
    )
    editions = (
        select(func.count())
        .select_from(Document)
        .outerjoin(Task, Task.id == Document.task_id)
        .where(
            getattr(Document, owner) == bindparam("about"),
            Document.form.like(bindparam("sheet")),
            *(
                column.is_(None) if column.key in unsaid else column == bindparam(column.key)
                for column in _PLACE
            ),
        )
    )
    draft = exists().where(Draft.user_id == bindparam("who"), Draft.place == bindparam("draft_at"))
    watched = exists().where(Watcher.case_id == bindparam("about"))
    return select(
        before.scalar_subquery().label("before"),
        editions.scalar_subquery().label("editions"),
        incidents.IN_THE_WAY.exists().label("incident"),
        draft.label("draft"),
        (watched if owner == "case_id" else literal(False)).label("watched"),
    )
