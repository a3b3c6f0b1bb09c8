"""A long run of mixed work: whether the processes grow, and whether descriptors stay open.

Batches of requests, half reading and half writing, by several people at once; after each batch, at
rest, what every process holds is read from the system. The first half is warming up: caches fill.
In minutes this shows what leaks with every request or every step. What leaks by the hour, or only
in months, it cannot show: for that there is `--long`, and a service manager that watches memory.
"""

import os
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.audit import Fault
from tests.faults.clients import Client, Journal
from tests.faults.ground import Ground
from tests.faults.kills import rest, wait
from tests.faults.stand import MASTER, WEB, WORKER

BATCHES, PEOPLE = 12, 4
PAGES = (
    "/tasks",
    "/cases",
    "/board",
    "/ledger",
    "/notices",
    "/cases/1",
    "/reports/new",
    "/healthz",
)
READERS = ("shenqm", "subl", "chenglc", "jiasj")
PAGE = os.sysconf("SC_PAGE_SIZE") // 1024
ROLES = (MASTER, WEB, WORKER)


@dataclass(frozen=True)
class Sample:
    """What one role's processes hold, all together. `memory`: resident, in KB."""

    requests: int
    memory: int
    descriptors: int
    threads: int


@dataclass
class Outcome:
    samples: dict[str, list[Sample]] = field(default_factory=lambda: {role: [] for role in ROLES})
    replaced: bool = False  # a process ended and another took its place
    slowest_ms: float = 0  # the 99th percentile of pages, in the last batch
    faults: list[Fault] = field(default_factory=list)

    def growth(self, role: str) -> float:
        """KB in a thousand requests, by the samples after warming up."""
        counted = self.samples[role][BATCHES // 2 :]
        line = statistics.linear_regression(
            [each.requests for each in counted], [each.memory for each in counted]
        )
        return round(1000 * line.slope, 1)

    def opened(self, role: str) -> int:
        """How many more descriptors at the end than after warming up."""
        counted = self.samples[role][BATCHES // 2 :]
        return counted[-1].descriptors - max(each.descriptors for each in counted[:2])


def run(place: Ground, requests: int, seed: str) -> Outcome:
    outcome, journal, stop = Outcome(), Journal(), threading.Event()
    place.stand.start()
    wait(place.answers)
    before = _processes(place)
    people = [
        Client(place.browser, place.engine, journal, f"{seed}:{number}", stop, 40)
        for number in range(PEOPLE)
    ]
    each = -(-requests // (BATCHES * PEOPLE * 2))
    took: list[float] = []
    for _ in range(BATCHES):
        with ThreadPoolExecutor(PEOPLE) as pool:
            took = [ms for part in pool.map(lambda who: _batch(place, who, each), people)
                    for ms in part]  # fmt: skip
        rest(place.engine)
        done = sum(len(attempt.told) for attempt in journal.attempts) + len(journal.tokens)
        done += each * PEOPLE * (1 + len(outcome.samples[WEB]))
        for role in ROLES:
            outcome.samples[role].append(_sample(place.stand.pids(role), done))
    outcome.slowest_ms = round(statistics.quantiles(took, n=100)[-1])
    outcome.replaced = _processes(place) != before
    outcome.faults = [Fault("strange", what) for what in journal.strange]
    place.stand.stop()
    return outcome


def _processes(place: Ground) -> list[int]:
    return sorted(pid for role in ROLES for pid in place.stand.pids(role))


def _batch(place: Ground, somebody: Client, number: int) -> list[float]:
    """So many pages read, and as many pieces of work; how long each page took, in ms."""
    took = []
    for _ in range(number):
        who, path = somebody.dice.choice(READERS), somebody.dice.choice(PAGES)
        began = time.perf_counter()
        place.browser.ask(who, "GET", path)
        took.append(1000 * (time.perf_counter() - began))
        somebody.act()
    return took


def _sample(pids: list[int], requests: int) -> Sample:
    memory = descriptors = threads = 0
    for pid in pids:
        here = Path(f"/proc/{pid}")
        memory += PAGE * int((here / "statm").read_text("ascii").split()[1])
        descriptors += len(list((here / "fd").iterdir()))
        threads += len(list((here / "task").iterdir()))
    return Sample(requests, memory, descriptors, threads)
