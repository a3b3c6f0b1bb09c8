"""The long form of tests/test_equivalence.py: hundreds of random walks, no difference allowed.

    python -m tests.soak [WALKS [FIRST_SEED]]

Two of three walks go over our own diagrams, the third over the one made to be difficult; every
tenth as if each step were made by a process of its own.
"""

import sys
import time

from tests.benchmarks.figures import AT_LEAST, AT_MOST, EXACTLY, Bar, finish, say
from tests.random_walk import Ground, Mismatch, Walker

MOST_SECONDS = 3000
STEPS = 10_000


def main(walks: int, first: int) -> int:
    ground = Ground()
    done: list[Walker] = []
    mismatches: list[str] = []
    began = time.monotonic()
    for seed in range(first, first + walks):
        name = "torture" if seed % 3 == 2 else "maternal_death"
        try:
            done.append(ground.walk(name, seed, restarts=seed % 10 == 9))
        except Mismatch as mismatch:
            mismatches.append(str(mismatch))
            say(str(mismatch))
        if len(done) % 50 == 0:
            say(f"{len(done)} walks, {sum(walk.steps for walk in done)} steps")
        if time.monotonic() - began > MOST_SECONDS:
            break
    ground.close()
    steps = sum(walk.steps for walk in done)
    figures = {
        "walks": len(done) + len(mismatches),
        "steps": steps,
        "completed": sum(walk.completed for walk in done),
        "mismatches": len(mismatches),
        "state_bytes": max(walk.largest for walk in done),
    }
    bars = [
        Bar("walks that differ", len(mismatches), EXACTLY, 0),
        Bar("bytes of the largest state", figures["state_bytes"], AT_MOST, 4096),
        Bar("walks", figures["walks"], AT_LEAST, walks),
    ]
    if walks >= 300:
        bars.append(Bar("steps", steps, AT_LEAST, STEPS))
    return finish(figures, bars)


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    sys.exit(main(*(numbers + [300, 0][len(numbers) :])))
