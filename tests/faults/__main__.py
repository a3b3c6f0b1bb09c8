"""The command: python -m tests.faults [--long] [--seed …] [--only …]."""

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import AT_LEAST, EXACTLY, Bar, finish, memory_folder, say
from tests.faults import kills, outages, power, races
from tests.faults.audit import Fault
from tests.faults.ground import ground
from tests.postgres import KEEPING, Server, postgres_server

KILLS, LONG_KILLS = 300, 3000
ROUNDS, LONG_ROUNDS = 200, 1000
SHOWN = 25
PRACTICE = 30  # pieces of work that a stand does before it is killed
PAUSE = 0.2  # seconds on the average, between one kill and the next
MOMENTS = 150  # at which the power goes, of about 900
PARTS = ("kills", "races", "outages", "power")
NAMES = {
    "lost": "acknowledged writes lost",
    "half": "half steps",
    "doubled": "doubled effects",
    "strange": "answers nobody should get",
}
Figures = dict[str, Any]


@dataclass
class Found:
    """What all parts have found."""

    figures: Figures = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def add(self, where: str, faults: Sequence[Fault]) -> None:
        self.faults += faults
        for fault in faults[:SHOWN]:
            say(f"  {where}: {fault}")


def kill(found: Found, folder: Path, server: Server, seed: str, number: int, seconds: int) -> None:
    """Both databases side by side, half of the kills each."""

    def lane(name: str, on: Server | None) -> kills.Outcome:
        with ground("kills", folder / f"kills-{name}", on) as place:
            return kills.run(place, -(-number // 2), PAUSE, seconds, f"{seed}:{name}", PRACTICE)

    with ThreadPoolExecutor() as pool:
        running = {
            name: pool.submit(lane, name, on)
            for name, on in (("sqlite", None), ("postgres", server))
        }
        outcomes = {name: lane.result() for name, lane in running.items()}
    for name, outcome in outcomes.items():
        say(f"kills, {name}: {dict(outcome.kills)}")
        say(f"  answers {dict(outcome.journal.counts)}, seconds {outcome.took}")
        found.add(name, outcome.faults)
    done = list(outcomes.values())
    found.figures["kills"] = sum(outcome.kills.total() for outcome in done)
    found.figures["acknowledged"] = sum(outcome.journal.acknowledged for outcome in done)
    found.figures["cut"] = sum(outcome.journal.counts["cut"] for outcome in done)
    found.bars.append(Bar("kills", found.figures["kills"], AT_LEAST, number))


def race(found: Found, folder: Path, server: Server, seed: str, rounds: int) -> None:
    """Half of the rounds on each database."""
    done = []
    for name, on in (("sqlite", None), ("postgres", server)):
        began = time.monotonic()
        with ground("races", folder / f"races-{name}", on, YILI_THREADS="16") as place:
            outcome = races.run(place, rounds // 2, f"{seed}:{name}", PRACTICE)
        took = f"{time.monotonic() - began:.0f} s"
        say(f"races, {name}: {outcome.rounds} rounds in {took}, answers {dict(outcome.told)}")
        found.add(name, outcome.faults)
        done.append(outcome)
    found.figures["race_rounds"] = sum(outcome.rounds for outcome in done)
    found.figures["race_winners_wrong"] = sum(outcome.wrong for outcome in done)
    found.bars += [
        Bar("rounds of the race", found.figures["race_rounds"], AT_LEAST, rounds),
        Bar("rounds with a wrong winner", found.figures["race_winners_wrong"], EXACTLY, 0),
    ]


def go_away(found: Found, folder: Path, server: Server, seed: str, times: int) -> None:
    """Each kind of outage, `times` over where it can be repeated; those that mostly wait beside
    those that stop the server."""
    stopped: dict[str, outages.Scenario] = {
        "database stopped": lambda: outages.database_stopped(
            folder / "stopped", server, seed, 2 * times
        ),
        "worker frozen, postgres": lambda: outages.worker_frozen(
            folder / "frozen-postgres", server, seed, times
        ),
    }
    others: dict[str, outages.Scenario] = {
        "disk full": lambda: outages.disk_full(folder / "full", seed, times),
        "database locked": lambda: outages.database_locked(folder / "locked", seed),
        "worker frozen, sqlite": lambda: outages.worker_frozen(
            folder / "frozen-sqlite", None, seed, times
        ),
    }

    def each(scenarios: dict[str, outages.Scenario]) -> list[outages.Outcome]:
        return [outages.attempt(scenario, name) for name, scenario in scenarios.items()]

    with ThreadPoolExecutor() as pool:
        outcomes = [outcome for done in pool.map(each, (stopped, others)) for outcome in done]
    for outcome in outcomes:
        well = "as it should be" if not outcome.faults else "WRONG"
        say(f"{outcome.name}: {well} in {outcome.seconds:.0f} s {outcome.told}")
        found.add(outcome.name, outcome.faults)
    wrong = sum(bool(outcome.faults) for outcome in outcomes)
    found.figures["outages"], found.figures["outages_wrong"] = len(outcomes), wrong
    found.bars.append(Bar("outages gone wrong", wrong, EXACTLY, 0))


def go_dark(found: Found, folder: Path, seed: str, moments: int | None) -> None:
    """The power goes: SQLite, the application's own statements, in memory."""
    with ground("power", folder / "power") as place:
        start, told = power.recorded(folder / "power" / "yili.db", place.folder)
    with memory_folder() as memory:
        outcome = power.run(start, told, memory / "power", seed, moments)
    say(
        f"power: {outcome.transactions} transactions, {outcome.writes} entries of the disk's log, "
        f"{outcome.states} disks looked at, wrong {dict(outcome.by_fate)}"
    )
    wrong = {"corrupt": outcome.corrupt, "half": outcome.half, "lost": outcome.lost}
    found.figures["power"] = {"states": outcome.states} | wrong
    found.bars += [Bar(f"power loss: {name}", number, EXACTLY, 0) for name, number in wrong.items()]


def run(seed: str, parts: Sequence[str], number: int, rounds: int, long: bool) -> int:
    """All parts at once: one computes while the other waits."""
    found, began = Found(), time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yili-faults-")))
        server = stack.enter_context(postgres_server(KEEPING))
        with ThreadPoolExecutor() as pool:
            running = []
            if "kills" in parts:
                limit = 7200 if long else 600
                running.append(pool.submit(kill, found, folder, server, seed, number, limit))
            if "races" in parts:
                running.append(pool.submit(race, found, folder, server, seed, rounds))
            if "outages" in parts:
                own = stack.enter_context(postgres_server(KEEPING))  # it is stopped now and then
                times = 10 if long else 1
                running.append(pool.submit(go_away, found, folder, own, seed, times))
            if "power" in parts:
                moments = None if long else MOMENTS
                running.append(pool.submit(go_dark, found, folder, seed, moments))
            for part in running:
                part.result()
    for kind, name in NAMES.items():
        found.figures[kind] = sum(fault.kind == kind for fault in found.faults)
        found.bars.append(Bar(name, found.figures[kind], EXACTLY, 0))
    seconds = round(time.monotonic() - began)
    return finish(found.figures | {"seed": seed, "seconds": seconds}, found.bars)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    long = f"{LONG_KILLS} kills and {LONG_ROUNDS} rounds, not {KILLS} and {ROUNDS}"
    parser.add_argument("--long", action="store_true", help=long)
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("--kills", type=int, help="so many")
    parser.add_argument("--rounds", type=int, help="so many")
    parser.add_argument("--seed", help="replay: the same choices, as far as time allows")
    given = parser.parse_args()
    seed = given.seed or secrets.token_hex(3)
    say(f"seed {seed}: ARGS=--seed={seed} makes the same choices again")
    number = given.kills or (LONG_KILLS if given.long else KILLS)
    rounds = given.rounds or (LONG_ROUNDS if given.long else ROUNDS)
    return run(seed, [given.only] if given.only else PARTS, number, rounds, given.long)


if __name__ == "__main__":
    sys.exit(main())
