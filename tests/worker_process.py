"""A worker in a process of its own, for tests/test_jobs.py to kill and to stop.

    python -m tests.worker_process URL NAME FOLDER

Its one job says that it has begun, waits until the test opens the gate, and leaves a row.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from models import Event
from tests.waiting import until
from webapp import worker
from webapp.db import make_engine
from workflows import jobs

URL, NAME, FOLDER = sys.argv[1:]
engine = make_engine(URL)


@jobs.job("wait_at_gate")
def wait_at_gate(gate: str) -> None:
    folder = Path(FOLDER)
    (folder / f"{gate}-begun-by-{NAME}").touch()
    until((folder / f"{gate}-open").exists, f"gate {gate} opens")
    with Session(engine) as session, session.begin():
        event = Event(name=f"passed.{gate}", at=worker.clock(), data={"worker": NAME})
        session.add(event)


if __name__ == "__main__":
    lives = jobs.Worker(
        engine,
        NAME,
        clock=lambda: datetime.now(UTC),
        poll=timedelta(seconds=0.1),
        beat=timedelta(seconds=0.3),
        dead_after=timedelta(seconds=2),
    )
    sys.exit(0 if worker.work(engine, lives, looks=()) else 3)
