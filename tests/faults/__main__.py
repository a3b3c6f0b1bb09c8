"""The command: python -m tests.faults [--long] [--seed …] [--only …]."""

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import AT_LEAST, AT_MOST, EXACTLY, Bar, finish, memory_folder, say
from tests.faults import broken, compound, endurance, kills, outages, power, races, waits
from tests.faults.audit import Fault
from tests.faults.ground import ground
from tests.faults.stand import WEB
from tests.postgres import KEEPING, Server, postgres_server

KILLS, LONG_KILLS = 300, 3000
ROUNDS, LONG_ROUNDS = 200, 1000
QUEUEING = 0.42  # of the rounds on SQLite, where they take longer: its writers queue
LONG_SECONDS = 1400  # for the kills of the long form, which is meant to take 25 minutes at most
SHOWN = 25
PRACTICE = 30  # pieces of work that a stand does before it is killed
PAUSE = 0.2  # seconds on the average, between one kill and the next
MOMENTS = 150  # at which the power goes, of about 900
REQUESTS, LONG_REQUESTS = 2500, 250_000
MOST_GROWTH = 4096  # KB in a thousand requests, after warming up
PARTS = ("kills", "races", "outages", "power")
APART = ("endurance", "errors")  # by themselves only
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
    """On both databases side by side, so shared that they end together."""
    queueing = round(rounds * QUEUEING)

    def lane(name: str, on: Server | None) -> tuple[races.Outcome, float]:
        began, share = time.monotonic(), queueing if on is None else rounds - queueing
        with ground("races", folder / f"races-{name}", on, YILI_THREADS="16") as place:
            outcome = races.run(place, share, f"{seed}:{name}", PRACTICE)
        return outcome, time.monotonic() - began

    with ThreadPoolExecutor() as pool:
        running = {
            name: pool.submit(lane, name, on)
            for name, on in (("sqlite", None), ("postgres", server))
        }
        outcomes = {name: each.result() for name, each in running.items()}
    for name, (outcome, took) in outcomes.items():
        say(f"races, {name}: {outcome.rounds} rounds in {took:.0f} s, {dict(outcome.told)}")
        found.add(name, outcome.faults)
    done = [outcome for outcome, _ in outcomes.values()]
    found.figures["race_rounds"] = sum(outcome.rounds for outcome in done)
    found.figures["race_winners_wrong"] = sum(outcome.wrong for outcome in done)
    found.bars += [
        Bar("rounds of the race", found.figures["race_rounds"], AT_LEAST, rounds),
        Bar("rounds with a wrong winner", found.figures["race_winners_wrong"], EXACTLY, 0),
    ]


def go_away(found: Found, folder: Path, seed: str, times: int) -> None:
    """Each kind of outage, `times` over where it can be repeated; those that mostly wait beside
    those that stop the server, which is one of their own."""
    with postgres_server(KEEPING) as server:
        _go_away(found, folder, server, seed, times)


def _go_away(found: Found, folder: Path, server: Server, seed: str, times: int) -> None:
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

    play(found, "outages", (stopped, others))


def play(found: Found, what: str, lanes: Sequence[dict[str, outages.Scenario]]) -> None:
    """Lanes beside each other, the scenarios of each one after the other."""

    def each(scenarios: dict[str, outages.Scenario]) -> list[outages.Outcome]:
        return [outages.attempt(scenario, name) for name, scenario in scenarios.items()]

    with ThreadPoolExecutor() as pool:
        outcomes = [outcome for done in pool.map(each, lanes) for outcome in done]
    for outcome in outcomes:
        well = "as it should be" if not outcome.faults else "WRONG"
        say(f"{outcome.name}: {well} in {outcome.seconds:.0f} s {outcome.told}")
        found.add(outcome.name, outcome.faults)
    wrong = sum(bool(outcome.faults) for outcome in outcomes)
    found.figures[what], found.figures[f"{what}_wrong"] = len(outcomes), wrong
    found.bars.append(Bar(f"{what} gone wrong", wrong, EXACTLY, 0))


def err(found: Found, folder: Path, server: Server, seed: str, times: int) -> None:
    """What seldom happens, and two things at once. `times`: 1, or more in the long form."""
    library = broken.built(folder)
    if library is None:
        say("no C compiler: no disk was broken, no clock set")
    else:
        broken.preload(library)
    disk: dict[str, outages.Scenario] = {
        "disk broken": lambda: broken.run(
            folder / "broken" / "var", seed, steps=60 * times, dossiers=2 * times, lasting=times
        ),
        "clocks jump, sqlite": lambda: compound.clocks_jump(
            folder / "clocks" / "var", None, seed, times
        ),
        "clocks jump, postgres": lambda: compound.clocks_jump(
            folder / "clocks-postgres" / "var", server, seed, times
        ),
    }
    first: dict[str, outages.Scenario] = {
        "database slow": lambda: waits.database_slow(folder / "slow", server, seed),
        "disk full during a backup": lambda: compound.full_during_backup(
            folder / "backup" / "var", seed
        ),
        "killed while recovering": lambda: compound.killed_while_recovering(
            folder / "crashing", seed, 3 * times
        ),
    }
    last: dict[str, outages.Scenario] = {
        "database killed while recovering": lambda: compound.crash_while_recovering(
            folder / "recovering", server, seed, 3 * times
        ),
        "sqlite busy": lambda: waits.sqlite_busy(folder / "busy" / "var", seed, 3 * times),
    }
    play(found, "errors", (disk, first) if library else (first,))
    play(found, "errors_alone", (last,))  # these stop the server, or take all of the machine
    found.figures["looked_at_broken_disks"] = library is not None


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


def endure(found: Found, folder: Path, seed: str, requests: int) -> None:
    """Does anything grow that should not? On SQLite, where all of it is in our processes."""
    with ground("endurance", folder / "endurance") as place:
        outcome = endurance.run(place, requests, seed)
    for role, samples in outcome.samples.items():
        for name in ("memory", "descriptors", "threads"):
            say(f"  {role} {name}: {[getattr(sample, name) for sample in samples]}")
        growth, opened = outcome.growth(role), outcome.opened(role)
        found.figures[role] = {"kb_per_1000_requests": growth, "descriptors_more": opened}
        found.bars += [
            Bar(f"{role}: KB more in 1,000 requests", growth, AT_MOST, MOST_GROWTH),
            Bar(f"{role}: more descriptors", opened, AT_MOST, 0),
        ]
    found.figures["requests"] = outcome.samples[WEB][-1].requests
    found.figures["page_p99_ms"] = outcome.slowest_ms
    found.bars.append(Bar("processes that were replaced", outcome.replaced, EXACTLY, 0))
    found.add("endurance", outcome.faults)


@dataclass(frozen=True)
class Amounts:
    kills: int
    rounds: int
    requests: int
    long: bool

    @property
    def seconds(self) -> int:
        """For the kills, at most."""
        return LONG_SECONDS if self.long else 600

    @property
    def times(self) -> int:
        """Each outage that can be repeated."""
        return 10 if self.long else 1


def run(seed: str, parts: Sequence[str], amounts: Amounts) -> int:
    """All parts at once: one computes while the other waits."""
    found, began = Found(), time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yili-faults-")))
        server = stack.enter_context(postgres_server(KEEPING))
        begin: dict[str, Callable[[], None]] = {
            "kills": lambda: kill(found, folder, server, seed, amounts.kills, amounts.seconds),
            "races": lambda: race(found, folder, server, seed, amounts.rounds),
            "outages": lambda: go_away(found, folder, seed, amounts.times),
            "endurance": lambda: endure(found, folder, seed, amounts.requests),
            "errors": lambda: err(found, folder, server, seed, 3 if amounts.long else 1),
            "power": lambda: go_dark(found, folder, seed, None if amounts.long else MOMENTS),
        }
        with ThreadPoolExecutor() as pool:
            for part in [pool.submit(begin[name]) for name in parts]:
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
    parser.add_argument("--only", choices=PARTS + APART, help="one part")
    parser.add_argument("--kills", type=int, help="so many")
    parser.add_argument("--rounds", type=int, help="so many")
    parser.add_argument("--requests", type=int, help="so many, of endurance")
    parser.add_argument("--seed", help="replay: the same choices, as far as time allows")
    given = parser.parse_args()
    seed = given.seed or secrets.token_hex(3)
    say(f"seed {seed}: ARGS=--seed={seed} makes the same choices again")
    number = given.kills or (LONG_KILLS if given.long else KILLS)
    rounds = given.rounds or (LONG_ROUNDS if given.long else ROUNDS)
    requests = given.requests or (LONG_REQUESTS if given.long else REQUESTS)
    parts = [given.only] if given.only else PARTS
    return run(seed, parts, Amounts(number, rounds, requests, given.long))


if __name__ == "__main__":
    sys.exit(main())
