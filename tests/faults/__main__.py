"""The command: python -m tests.faults [--long] [--seed N] [--only kills|races|outages]."""

import argparse
import secrets
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import AT_LEAST, EXACTLY, Bar, finish, say
from tests.faults import kills
from tests.faults.ground import ground
from tests.postgres import postgres_server

KILLS, LONG_KILLS = 300, 3000
SHOWN = 25


def kill(seed: str, number: int, seconds: float) -> tuple[dict[str, Any], list[Bar]]:
    """Both databases side by side, half of the kills each."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(postgres_server())
        lanes = {
            "sqlite": stack.enter_context(ground("kills", folder / "sqlite")),
            "postgres": stack.enter_context(ground("kills", folder / "postgres", server)),
        }
        with ThreadPoolExecutor() as pool:
            running = {
                name: pool.submit(
                    kills.run, lane, number // len(lanes), 0.35, seconds, f"{seed}:{name}"
                )
                for name, lane in lanes.items()
            }
            outcomes = {name: lane.result() for name, lane in running.items()}
    for name, outcome in outcomes.items():
        say(f"{name}: {dict(outcome.kills)}; answers {dict(outcome.journal.counts)}")
        for fault in outcome.faults[:SHOWN]:
            say(f"  {fault}")
    found = list(outcomes.values())
    figures = {
        "kills": sum(outcome.kills.total() for outcome in found),
        "acknowledged": sum(outcome.journal.acknowledged for outcome in found),
        "cut": sum(outcome.journal.counts["cut"] for outcome in found),
        **{
            kind: sum(outcome.of(kind) for outcome in found)
            for kind in ("lost", "half", "doubled", "strange")
        },
    }
    bars = [Bar("kills", figures["kills"], AT_LEAST, number)]
    bars += [
        Bar(name, figures[kind], EXACTLY, 0)
        for kind, name in (
            ("lost", "acknowledged writes lost"),
            ("half", "half steps"),
            ("doubled", "doubled effects"),
            ("strange", "answers nobody should get"),
        )
    ]
    return figures, bars


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--long", action="store_true", help=f"{LONG_KILLS} kills, not {KILLS}")
    parser.add_argument("--kills", type=int, help="so many")
    parser.add_argument("--seed", help="replay: the same choices, as far as time allows")
    given = parser.parse_args()
    seed = given.seed or secrets.token_hex(3)
    say(f"seed {seed}: ARGS=--seed={seed} makes the same choices again")
    number = given.kills or (LONG_KILLS if given.long else KILLS)
    began = time.monotonic()
    figures, bars = kill(seed, number, 150 if not given.long else 3600)
    return finish(figures | {"seed": seed, "seconds": round(time.monotonic() - began)}, bars)


if __name__ == "__main__":
    sys.exit(main())
