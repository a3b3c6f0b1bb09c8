"""What one step costs: load, complete, advance, save, project the rows, commit, on SQLite.

`workflows.engine` as it is against the same with SpiffWorkflow's own serializer under it: the same
diagram, the same statements, the same file, in one process, case by case in turn. A case is sent
back for supplement until so many steps lie behind it; then the rest of its life is measured, from
the verification to the archive, with seven experts, two ledger items and both levels.

The file lies in memory: a commit waits for the disk (`synchronous=FULL`), both sides alike, and a
slow disk would hide what is compared. How it looks on this disk is told beside it, without a bar,
as is the whole action with form, document, effect and events. Ratios compare each step at its
quickest among the cases; the lower of wall and processor time counts.

    python -m tests.benchmarks.step [CASES]
"""

import gc
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import Base, Process, Task, TaskState
from tests import instances
from tests.benchmarks import action
from tests.benchmarks.figures import (
    AT_LEAST,
    AT_MOST,
    Bar,
    finish,
    fsync_ms,
    memory_folder,
    say,
    spread,
)
from tests.instances import DEATH, FLAGS, RecordingHost
from webapp.db import make_engine
from workflows import engine

HOST = RecordingHost({key: DEATH + timedelta(days=90) for key in (1, 2, 3)})
FIRST = ("UT_report", "UT_receive", "UT_discuss", "UT_explain", "UT_submit")


@dataclass(frozen=True)
class Move:
    step: str
    data: dict[str, Any] = field(default_factory=dict)
    index: int | None = None
    level: str | None = None


def review(level: str, experts: int, items: int) -> list[Move]:
    opinions = [Move("UT_opinion", index=place) for place in range(experts)]
    return [
        Move("UT_convene", {"n_experts": experts}, level=level),
        *opinions,
        Move("UT_conclude"),
        Move("UT_chair_sign", {"chair_decision": "return"}),
        Move("UT_conclude"),
        Move("UT_chair_sign", {"chair_decision": "sign", "n_signers": 0}),
        Move("UT_endorse", {"n_items": items}),
    ]


def ledger(level: str, places: int, first: int) -> list[Move]:
    moves = []
    for place in range(places):
        here = {"index": place, "level": level}
        moves += [
            Move("UT_plan", {"item_id": first + place}, **here),
            Move("UT_progress", {"progress_done": False}, **here),
            Move("UT_progress", {"progress_done": True}, **here),
            Move("UT_accept", {"accept_decision": "rejected"}, **here),
            Move("UT_progress", {"progress_done": True}, **here),
            Move("UT_accept", {"accept_decision": "accepted"}, **here),
        ]
    return moves


REST = [
    Move("UT_verify", {"verify_decision": "accept", "level": "county"}),
    *review("county", experts=7, items=2),
    Move("UT_notice", {"n_recipients": 2}),
    Move("UT_issue", {"issue_decision": "return"}),
    Move("UT_notice", {"n_recipients": 2}),
    Move("UT_issue", {"issue_decision": "issue"}),
    Move("UT_sign_notice", index=0),
    *ledger("county", places=2, first=1),
    *review("city", experts=5, items=1),
    Move("UT_sign_notice", index=1),
    *ledger("city", places=1, first=3),
    Move("UT_archive"),
]


@dataclass
class Line:
    """One way of keeping, at one length of history."""

    kept: str
    finished: int
    processes: list[int] = field(default_factory=list)
    wall: dict[tuple[int, int], float] = field(default_factory=dict)
    cpu: dict[tuple[int, int], float] = field(default_factory=dict)
    largest: int = 0

    def ways(self) -> AbstractContextManager[None]:
        return instances.stock() if self.kept == "stock" else nullcontext()


def history(session: Session, process: Process, finished: int) -> datetime:
    """Do steps until so many are finished and the case waits for verification; the moment then."""
    now, done = DEATH, 0
    opened = {task.bpmn_id: task for task in process.tasks}
    steps = [*FIRST, *("UT_verify", "UT_supplement") * ((finished - len(FIRST)) // 2)]
    for done, name in enumerate(steps, 1):
        now = DEATH + timedelta(minutes=done)
        task = open_step(session, process.id, Move(name)) if done > 1 else opened[name]
        engine.complete(session, task, {"verify_decision": "return"}, HOST, now=now)
    return now


def open_step(session: Session, process_id: int, move: Move) -> Task:
    query = select(Task).where(
        Task.process_id == process_id, Task.state == TaskState.OPEN, Task.bpmn_id == move.step
    )
    if move.index is not None:
        query = query.where(Task.index == move.index)
    if move.level is not None:
        query = query.where(Task.level == move.level)
    return session.scalars(query).one()


def prepare(database: Engine, lines: list[Line], cases: int) -> None:
    """Every line gets its own cases, each with its history, in the one file."""
    with Session(database) as session, session.begin():
        hospital, user = instances.settle(session)
        for line in lines:
            for _ in range(cases):
                case = instances.add_case(session, hospital, user)
                line.processes.append(_prepare_one(session, case, line))
            session.flush()
            session.expire_all()


def _prepare_one(session: Session, case: Any, line: Line) -> int:
    if line.kept == "own":
        process = engine.start(session, case, "maternal_death", FLAGS, HOST, now=DEATH)
        history(session, process, line.finished)
        return process.id
    with instances.resident() as kept:  # quicker than saving every step of what is not measured
        process = engine.start(session, case, "maternal_death", FLAGS, HOST, now=DEATH)
        history(session, process, line.finished)
        process.state = instances.to_stock(kept[process.state])
    session.flush()
    return process.id


def measure(database: Engine, lines: list[Line], cases: int) -> None:
    """One case after the other, each on every line in turn, in an order that chance decides."""
    rng = random.Random(1)  # noqa: S311 - the same order every time
    for case in range(cases):
        for line in rng.sample(lines, len(lines)):
            gc.collect()  # nobody pays for another's garbage
            with line.ways():
                _live(database, line, case)


def _live(database: Engine, line: Line, case: int) -> None:
    now = DEATH + timedelta(days=40)
    for place, move in enumerate(REST):
        now += timedelta(minutes=1)
        with Session(database) as session:
            task = open_step(session, line.processes[case], move)
            took = timed(partial(one_step, session, task, move, now))
        line.wall[case, place], line.cpu[case, place] = took
        line.largest = max(line.largest, size(database, line.processes[case]))


def one_step(session: Session, task: Task, move: Move, now: datetime) -> None:
    engine.complete(session, task, move.data, HOST, now=now)
    session.commit()


def timed(act: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor time, in milliseconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    act()
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3


def size(database: Engine, process_id: int) -> int:
    with Session(database.execution_options(reads=True)) as session:
        return len(session.scalars(select(Process.state).where(Process.id == process_id)).one())


def least(line: Line, of: str) -> list[float]:
    """Each step at its quickest: what others on the machine took from a step is not its cost."""
    took: dict[tuple[int, int], float] = getattr(line, of)
    places = sorted({place for _case, place in took})
    return [min(ms for (_case, at), ms in took.items() if at == place) for place in places]


def ratio(above: Line, below: Line, of: str = "wall") -> list[float]:
    """Step by step."""
    return [over / under for over, under in zip(least(above, of), least(below, of), strict=True)]


def run(folder: Path, lines: list[Line], cases: int) -> None:
    """Measure all lines in one database file of its own."""
    database = make_engine(f"sqlite:///{folder}/bench.db")
    Base.metadata.create_all(database)
    prepare(database, lines, cases)
    gc.freeze()
    measure(database, lines, cases)
    database.dispose()


def show(title: str, lines: list[Line]) -> None:
    say(title)
    for line in lines:
        wall, cpu = list(line.wall.values()), statistics.median(line.cpu.values())
        say(
            f"  {line.kept:5} {line.finished:5} finished: {spread(wall)}"
            f"   processor {cpu:.2f}   state {line.largest} B"
        )


def main(cases: int) -> int:
    lines = [Line("own", n) for n in (50, 200, 300, 1000)]
    lines += [Line("stock", n) for n in (50, 200, 300)]
    with memory_folder() as folder:
        run(folder, lines, cases)
    disk = [Line("own", 300), Line("stock", 300)]
    with tempfile.TemporaryDirectory() as name:
        run(Path(name), disk, 1)
        sync = fsync_ms(Path(name))
        whole = action.measure(Path(name))
    show(
        f"one step: {len(REST)} steps of {cases} cases each, file in memory, ms (p10 to p90)", lines
    )
    show(f"the same on this disk, whose fsync takes {sync:.2f} ms, one case", disk)
    at = {(line.kept, line.finished): line for line in lines}
    ratios = {
        "stock / own at 300 finished": ratio(at["stock", 300], at["own", 300]),
        "stock / own at 300, processor": ratio(at["stock", 300], at["own", 300], "cpu"),
        "stock / own at 300, this disk": ratio(disk[1], disk[0]),
        "stock / own at 200 finished": ratio(at["stock", 200], at["own", 200]),
        "own, 1,000 / 50 finished": ratio(at["own", 1000], at["own", 50]),
        "own, 1,000 / 50, processor": ratio(at["own", 1000], at["own", 50], "cpu"),
    }
    for name, values in ratios.items():
        say(f"  {name:30} {spread(values)}")
    say("the whole action on this disk: form, document, effect, events, commit, ms")
    for finished, values in whole.items():
        say(f"  {finished:5} finished: {spread(values)}")
    middle = {name: statistics.median(values) for name, values in ratios.items()}
    # On a busy machine long steps wait more often than short ones: processor time does not wait.
    above = min(middle["stock / own at 300 finished"], middle["stock / own at 300, processor"])
    growth = middle["own, 1,000 / 50, processor"]
    largest = max(line.largest for line in lines if line.kept == "own")
    took = {
        f"{line.kept}_{line.finished}": round(statistics.median(line.wall.values()), 2)
        for line in lines
    }
    figures = {
        "ratio_vs_stock_300": round(above, 1),
        "growth_1000_vs_50": round(growth, 2),
        "state_bytes": largest,
        "step_ms": took["own_300"],
        "all_step_ms": took,
        "ratios": {name: round(value, 2) for name, value in middle.items()},
        "action_ms": {str(n): round(statistics.median(values), 2) for n, values in whole.items()},
        "fsync_ms": round(sync, 2),
    }
    return finish(
        figures,
        [
            Bar("a step beside the stock serializer, 300 finished", above, AT_LEAST, 10),
            Bar("a step at 1,000 finished beside 50", growth, AT_MOST, 1.3),
            Bar("bytes of the largest state", largest, AT_MOST, 4096),
        ],
    )


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
