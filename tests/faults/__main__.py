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

from tests.benchmarks.figures import AT_LEAST, EXACTLY, Bar, finish, say
from tests.faults import kills, outages, races
from tests.faults.audit import Fault
from tests.faults.ground import ground
from tests.postgres import KEEPING, Server, postgres_server

KILLS, LONG_KILLS = 300, 3000
ROUNDS, LONG_ROUNDS = 200, 1000
SHOWN = 25
PARTS = ("kills", "races", "outages")
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
    with ExitStack() as stack:
        lanes = {
            "sqlite": stack.enter_context(ground("kills", folder / "kills-sqlite")),
            "postgres": stack.enter_context(ground("kills", folder / "kills-postgres", server)),
        }
        half = -(-number // len(lanes))
        with ThreadPoolExecutor() as pool:
            running = {
                name: pool.submit(kills.run, lane, half, 0.35, seconds, f"{seed}:{name}")
                for name, lane in lanes.items()
            }
            outcomes = {name: lane.result() for name, lane in running.items()}
    for name, outcome in outcomes.items():
        say(f"kills, {name}: {dict(outcome.kills)}")
        say(f"  answers {dict(outcome.journal.counts)}")
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
        with ground("races", folder / f"races-{name}", on, YILI_THREADS="16") as place:
            outcome = races.run(place, rounds // 2, f"{seed}:{name}")
        say(f"races, {name}: {outcome.rounds} rounds, answers {dict(outcome.told)}")
        found.add(name, outcome.faults)
        done.append(outcome)
    found.figures["race_rounds"] = sum(outcome.rounds for outcome in done)
    found.figures["race_winners_wrong"] = sum(outcome.wrong for outcome in done)
    found.bars += [
        Bar("rounds of the race", found.figures["race_rounds"], AT_LEAST, rounds),
        Bar("rounds with a wrong winner", found.figures["race_winners_wrong"], EXACTLY, 0),
    ]


def go_away(found: Found, folder: Path, server: Server, seed: str, times: int) -> None:
    """Each kind of outage, `times` over where it can be repeated."""
    scenarios: dict[str, outages.Scenario] = {
        "database stopped": lambda: outages.database_stopped(
            folder / "stopped", server, seed, 2 * times
        ),
        "disk full": lambda: outages.disk_full(folder / "full", seed, times),
        "database locked": lambda: outages.database_locked(folder / "locked", seed),
        "worker frozen, sqlite": lambda: outages.worker_frozen(
            folder / "frozen-sqlite", None, seed, times
        ),
        "worker frozen, postgres": lambda: outages.worker_frozen(
            folder / "frozen-postgres", server, seed, times
        ),
    }
    recovered = 0
    for name, scenario in scenarios.items():
        outcome = outages.attempt(scenario, name)
        recovered += not outcome.faults
        say(f"{name}: {'as it should be' if not outcome.faults else 'WRONG'} {outcome.told}")
        found.add(name, outcome.faults)
    found.figures["outages"] = len(scenarios)
    found.figures["outages_wrong"] = len(scenarios) - recovered
    found.bars.append(Bar("outages gone wrong", found.figures["outages_wrong"], EXACTLY, 0))


def run(seed: str, parts: Sequence[str], number: int, rounds: int, long: bool) -> int:
    found, began = Found(), time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yili-faults-")))
        server = stack.enter_context(postgres_server(KEEPING))
        if "kills" in parts:
            kill(found, folder, server, seed, number, 7200 if long else 600)
        with ThreadPoolExecutor() as pool:  # one computes, the other mostly waits
            running = []
            if "races" in parts:
                running.append(pool.submit(race, found, folder, server, seed, rounds))
            if "outages" in parts:
                own = stack.enter_context(postgres_server(KEEPING))  # it is stopped now and then
                times = 10 if long else 1
                running.append(pool.submit(go_away, found, folder, own, seed, times))
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
