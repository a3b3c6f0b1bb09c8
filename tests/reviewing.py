"""Cases brought to their review in a database of the test's own, by the same actions, no pages."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, Attachment, Organisation
from webapp.db import make_engine
from workflows.actions.attachments import store
from workflows.demo import FILES
from workflows.demo.people import UNITS
from workflows.demo.play import QH, Play
from workflows.demo.stage import Stage

DEATH = datetime(2026, 11, 20, 19, 40, tzinfo=UTC)  # 03:40 of the 21st in China
CONVENED = 100.0  # hours after the death


@contextmanager
def opened(settled: Path, folder: Path) -> Iterator[Session]:
    """A session on a copy of the settled database: people, no case."""
    copyfile(settled, folder / "reviewing.db")
    engine = make_engine(f"sqlite:///{folder / 'reviewing.db'}")
    with Session(engine) as session:
        yield session
    engine.dispose()


def begin(session: Session, folder: Path, name: str = "禾小满", serial: str = "002") -> Play:
    """A death of 青禾县, nothing done yet."""
    by_name = {unit.name: unit for unit in session.scalars(select(Organisation))}

    def upload(by: Appointment, file: str, at: datetime) -> Attachment:
        stream = io.BytesIO((FILES / file).read_bytes())
        return store(session, folder / "files", stream, file, most_bytes=1 << 20, by=by, now=at)

    stage = Stage(session, {unit.key: by_name[unit.name] for unit in UNITS}, upload)
    return Play(stage, QH, DEATH, name, serial)


def submit(play: Play, **over: object) -> None:
    """Reported, discussed, submitted with these answers, verified: the panel is next."""
    play.report(1.5)
    play.receive(2.5)
    play.discuss(10)
    play.explain(20)
    play.submit(40, **over)
    play.verify(60)
