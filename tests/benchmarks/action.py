"""What the whole action costs: `complete_task` as a page calls it, and its commit."""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import Appointment, Attachment, Case, Organisation
from tests.people import PASSWORD_HASH
from webapp.cli import migrate
from webapp.db import make_engine
from workflows import demo, icd10
from workflows.actions import attachments, tasks
from workflows.demo.answers import NAME
from workflows.demo.people import UNITS
from workflows.demo.play import QH, Play
from workflows.demo.stage import Stage

DEATH = datetime(2026, 11, 20, 19, 40, tzinfo=UTC)
AT = (50, 300)
SAMPLE = 20


@dataclass
class Table:
    """A settled database, one case in it, and how long each hand-in took."""

    database: Engine
    folder: Path
    case_id: int = 0
    took: list[float] = field(default_factory=list)

    @contextmanager
    def play(self) -> Iterator[Play]:
        """One person's request: a session of its own."""
        with Session(self.database) as session:
            names = {unit.key: unit.name for unit in UNITS}
            rows = {row.name: row for row in session.scalars(select(Organisation))}
            units = {key: rows[name] for key, name in names.items()}

            def upload(by: Appointment, name: str, at: datetime) -> Attachment:
                stream = io.BytesIO((demo.FILES / name).read_bytes())
                return attachments.store(
                    session, self.folder, stream, name, most_bytes=1 << 20, by=by, now=at
                )

            case = session.get(Case, self.case_id)
            yield Play(Stage(session, units, upload, case), QH, DEATH, NAME, "002")
            session.commit()

    def timed(self, session: Session, *args: Any, **kwargs: Any) -> Any:
        session.commit()
        session.expire_all()
        began = time.perf_counter()
        document = _complete(session, *args, **kwargs)
        session.commit()
        self.took.append((time.perf_counter() - began) * 1e3)
        return document


_complete = tasks.complete_task


def measure(folder: Path) -> dict[int, list[float]]:
    """Milliseconds of hand-ins around each length of history, verification and supplement alike."""
    url = f"sqlite:///{folder}/action.db"
    migrate(url)
    table = Table(make_engine(url), folder)
    with Session(table.database) as session, session.begin():
        icd10.load(session)
        demo.settle(session, password_hash=PASSWORD_HASH, folder=folder, now=DEATH)
    with patch.object(tasks, "complete_task", table.timed):
        _live(table, max(AT))
    table.database.dispose()
    return {finished: table.took[finished - SAMPLE : finished] for finished in AT}


def _live(table: Table, finished: int) -> None:
    with table.play() as play:
        table.case_id = play.report(2).id
        play.receive(3)
        play.discuss(5)
        play.explain(7)
        play.submit(9)
    hours = 10.0
    while len(table.took) < finished:
        hours += 0.5
        with table.play() as play:
            play.verify(hours, returned=True)
        with table.play() as play:
            play.submit(hours + 0.3, step="UT_supplement")
