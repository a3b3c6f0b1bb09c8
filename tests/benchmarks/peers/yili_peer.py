"""`workflows.engine` on the benchmark process, SQLite (WAL, FULL).

python -m tests.benchmarks.peers.yili_peer CASES LOOPS FOLDER
"""

import statistics
import sys
import time
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import Engine, bindparam, func, select
from sqlalchemy.orm import Session

from models import Base, Process, ProcessState, Task, TaskState
from tests import instances
from tests.instances import DEATH, RecordingHost
from webapp.db import make_engine
from workflows import engine
from workflows.engine import definitions

HOST = RecordingHost()
OPEN = (  # made once, as whoever asks the same at every step makes it
    select(Task)
    .where(
        Task.process_id == bindparam("process"),
        Task.bpmn_id == bindparam("name"),
        Task.state == TaskState.OPEN,
    )
    .order_by(Task.index, Task.id)
    .limit(1)
)


def open_database(folder: Path) -> Engine:
    """A new file."""
    file = folder / "yili.db"
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    database = make_engine(f"sqlite:///{file}")
    Base.metadata.create_all(database)
    return database


def step(database: Engine, process_id: int, name: str, last: bool, number: int) -> None:
    with Session(database) as session, session.begin():
        task = session.scalars(OPEN, {"process": process_id, "name": name}).one()
        said = {"decision": "ok" if last else "supplement"} if name == "accept" else {}
        now = DEATH + timedelta(seconds=number)
        engine.complete(session, task, said, HOST, now=now)


def main(cases: int, loops: int, folder: Path) -> None:
    script = ["submit", "accept", *["supplement", "accept"] * loops, *["review"] * 7, "sign"]
    text = (folder / "yili" / "bench.bpmn").read_text("utf-8")
    database = open_database(folder)
    with patch.object(definitions, "files_of", lambda _name: {"bench/process.bpmn": text}):
        with Session(database) as session, session.begin():
            hospital, user = instances.settle(session)
            processes = [
                engine.start(
                    session,
                    instances.add_case(session, hospital, user),
                    "bench",
                    {},
                    HOST,
                    now=DEATH,
                ).id
                for _ in range(cases + 1)
            ]
        for number, name in enumerate(script):  # not measured: all engines are warm
            step(database, processes[0], name, number >= len(script) - 9, number)
        times = []
        wall, cpu = time.perf_counter(), time.process_time()
        for number, name in enumerate(script):
            for process_id in processes[1:]:
                began = time.perf_counter()
                step(database, process_id, name, number >= len(script) - 9, number)
                times.append((time.perf_counter() - began) * 1e3)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    with Session(database) as session:
        done = func.count().filter(Process.status == ProcessState.DONE)
        assert session.scalar(select(done)) == cases + 1, "not completed"
        largest = session.scalar(select(func.max(func.length(Process.state))))
    database.dispose()
    times.sort()
    sys.stdout.write(
        f"yili         cases={cases} loops={loops} {len(times) / wall:6.0f} steps/s, "
        f"cpu {cpu / len(times) * 1e3:.2f} ms/step, median {statistics.median(times):.2f} ms, "
        f"p90 {times[int(len(times) * 0.9)]:.2f} ms, last state {largest} B\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
