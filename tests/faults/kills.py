"""kill -9 of web server and workers while people work; then what they were told against all rows.

Half of the kills come at any moment, half by a fuse in the midst of a step. Whoever dies is started
again at once; the killing goes on meanwhile.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from models import (
    Attachment,
    Clock,
    Document,
    DossierRequest,
    DossierState,
    Process,
    ProcessState,
    Timer,
)
from tests.faults.audit import DOUBLED, HALF, Fault, audit, jobs, versions
from tests.faults.clients import CONFLICT, DONE, GONE, INVALID, Attempt, Journal, working
from tests.faults.ground import Ground, fall_due
from tests.faults.stand import MASTER, WEB, WORKER
from webapp import leftovers

LOST = "lost"
REST_SECONDS = 90
MOST_IDLE = 1.0  # seconds until somebody is killed though nobody was told anything since the last
MANY_CUTS = 10  # so often one request may be cut off before it is given time to come to its end
TIME_TO_END = 20.0  # seconds
LONGEST_FUSE = {WEB: 90, WORKER: 120}  # a step takes about so many statements


@dataclass
class Outcome:
    """What one lane saw. `faults` is what must be empty."""

    kills: Counter[str] = field(default_factory=Counter)
    journal: Journal = field(default_factory=Journal)
    faults: list[Fault] = field(default_factory=list)
    took: dict[str, int] = field(default_factory=dict)  # what → seconds


class Killer:
    """Kills until so many have died. `dice` says whom, when and how."""

    def __init__(self, ground: Ground, dice: Random, outcome: "Outcome") -> None:
        self.stand, self.dice, self.kills = ground.stand, dice, outcome.kills
        self.journal = outcome.journal
        self._lit: set[str] = set()  # roles with a fuse that burns

    def run(self, number: int, pause: float, until: float) -> None:
        """`pause`: seconds between two on the average; `until`: when to stop in any case."""
        while self.kills.total() < number and time.monotonic() < until:
            told = self.journal.acknowledged
            time.sleep(self.dice.uniform(0, 2 * pause))
            wait(lambda: self.journal.acknowledged > told, MOST_IDLE)  # noqa: B023
            self._give_time()
            self._count_burnt()
            role = self.dice.choices((WEB, WORKER, MASTER), (72, 24, 4))[0]
            if role is not MASTER and role not in self._lit and self.dice.random() < 0.6:
                self._light(role)
            else:
                self._kill(role)
        self._put_out()

    def _give_time(self) -> None:
        """A long step among short ones would never end where somebody is killed after each short
        one: it would be cut until its owner has lost patience, and prove nothing."""
        cut = [each for each in self.journal.attempts if each.told[MANY_CUTS:] and not each.final]
        if cut:
            wait(lambda: any(each.final for each in cut), TIME_TO_END)

    def _kill(self, role: str) -> None:
        """At any moment."""
        pids = self.stand.pids(role)
        with suppress(ProcessLookupError):
            if pids:
                os.kill(self.dice.choice(pids), signal.SIGKILL)
                self.kills[f"{role} at any moment"] += 1

    def _light(self, role: str) -> None:
        """In the midst of a step: whoever comes to its end. Others may be killed meanwhile."""
        self.stand.fuse.set(role, self.dice.randint(1, LONGEST_FUSE[role]))
        self._lit.add(role)

    def _count_burnt(self) -> None:
        for role in [role for role in self._lit if not self.stand.fuse.left(role)]:
            self.kills[f"{role} in a step"] += 1
            self._lit.remove(role)

    def _put_out(self) -> None:
        self._count_burnt()
        while any(self.stand.fuse.left(role) for role in self._lit):
            for role in self._lit:  # again: somebody may just be counting it down
                self.stand.fuse.set(role, 0)
            time.sleep(0.05)


def run(
    ground: Ground, kills: int, pause: float, seconds: float, seed: str, practice: int = 0
) -> Outcome:
    """One lane: `kills` of them or for `seconds`, whichever ends first; then the audit."""
    outcome = Outcome()
    with taking(outcome.took, "start"):
        fall_due(ground.engine, 40, timedelta(seconds=max(10, kills * pause)))
        ground.stand.start(practice=practice)
        wait(ground.answers)
    people = working(ground.browser, ground.engine, outcome.journal, seed, 4, 60)
    with taking(outcome.took, "kills"), people:
        dice = Random(f"{seed}:killer")  # noqa: S311 - it must repeat
        Killer(ground, dice, outcome).run(kills, pause, time.monotonic() + seconds)
    with taking(outcome.took, "rest"):
        rest(ground.engine)
        ground.stand.stop()
        if _busy(ground.engine):  # a worker asked for something more just before it stopped
            ground.stand.start()
            rest(ground.engine)
            ground.stand.stop()
    with taking(outcome.took, "audit"):
        outcome.faults = _audited(ground, outcome.journal)
    return outcome


@contextmanager
def taking(took: dict[str, int], what: str) -> Iterator[None]:
    """Write down for how many seconds."""
    began = time.monotonic()
    yield
    took[what] = round(time.monotonic() - began)


def _audited(ground: Ground, journal: Journal) -> list[Fault]:
    now = datetime.now(UTC)
    with Session(ground.engine.execution_options(reads=True)) as session:
        nowhere = ground.folder / "nowhere"
        leftovers.sweep(session, ground.folder, nowhere, now + 2 * leftovers.SETTLED)
        faults = audit(session, ground.folder, now, (jobs, versions))
        return faults + compare(session, journal)


def wait(condition: Callable[[], bool], seconds: float = REST_SECONDS) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def rest(engine: Engine) -> None:
    """Until nothing is due and no job runs. What never comes to rest the audit will find."""
    wait(lambda: not _busy(engine))


def _busy(engine: Engine) -> bool:
    now = datetime.now(UTC)
    schema = "dbos." if engine.dialect.name == "postgresql" else ""
    queries: tuple[Any, ...] = (
        select(Timer.id)
        .join(Process, Process.id == Timer.process_id)
        .where(Timer.due_at < now, Process.status == ProcessState.RUNNING),
        select(Clock.id).where(Clock.next_reminder_at < now, Clock.met_at.is_(None)),
        select(DossierRequest.id).where(
            DossierRequest.state.not_in((DossierState.READY, DossierState.FAILED))
        ),
        text(
            f"SELECT 1 FROM {schema}workflow_status WHERE status NOT IN ('SUCCESS', 'CANCELLED')"  # noqa: S608
        ),
    )
    with Session(engine.execution_options(reads=True)) as session:
        return any(session.execute(query).first() is not None for query in queries)


# What people were told


def compare(session: Session, journal: Journal) -> list[Fault]:
    """Nothing lost of what was acknowledged, nothing there of what was refused, nothing twice."""
    faults = [Fault("strange", what) for what in journal.strange]
    by_key: dict[str, list[Document]] = {}
    for document in session.scalars(select(Document)):
        by_key.setdefault(document.key, []).append(document)
    for attempt in journal.attempts:
        faults += _compared(attempt, by_key.get(attempt.key, []))
    known = set(session.scalars(select(Attachment.token)))
    lost = [token for token in journal.tokens if token not in known]
    faults += [Fault(LOST, "an upload that was acknowledged") for _ in lost]
    return faults


def _compared(attempt: Attempt, found: list[Document]) -> list[Fault]:
    here = f"{attempt.what} {attempt.path} by {attempt.who}, told {'-'.join(attempt.told)}"
    if attempt.final is None:
        return [Fault("strange", f"{here}: never answered")]
    if len(found) > 1:
        return [Fault(DOUBLED, f"{here}: {len(found)} documents")]
    if attempt.final.status in (CONFLICT, GONE, INVALID):
        return [Fault(HALF, f"{here}: refused, and there it is")] if found else []
    if attempt.final.status != DONE:
        return []  # strange already
    if not found:
        return [Fault(LOST, here)]
    document = found[0]
    reported = attempt.what.startswith("report")
    where = f"/cases/{document.case_id}" if reported else f"/tasks/{document.task_id}"
    if attempt.final.location != where:
        return [Fault(DOUBLED, f"{here}: sent to {attempt.final.location}, not {where}")]
    return []
