"""How a measurement ends: a table for people, one line of JSON for programs, an exit status."""

import json
import operator
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

AT_LEAST, AT_MOST, EXACTLY = "≥", "≤", "="
_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    AT_LEAST: operator.ge,
    AT_MOST: operator.le,
    EXACTLY: operator.eq,
}


@dataclass(frozen=True)
class Bar:
    """What a figure must reach."""

    name: str
    value: float
    relation: str
    bound: float

    @property
    def held(self) -> bool:
        return _HOLDS[self.relation](self.value, self.bound)


def say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def spread(values: Sequence[float]) -> str:
    """Median, with the tenth and the ninetieth percentile."""
    tenths = statistics.quantiles(values, n=10)
    return f"{statistics.median(values):8.2f}  ({tenths[0]:.2f} to {tenths[-1]:.2f})"


@contextmanager
def memory_folder() -> Iterator[Path]:
    """A folder that lies in memory where the system has one, else a temporary one."""
    shared = Path("/dev/shm")  # noqa: S108 - a fresh folder inside
    within = shared if os.access(shared, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=within) as name:
        yield Path(name)


def fsync_ms(folder: Path) -> float:
    """How long this disk takes to say that four kilobytes are safe; the median of 50."""
    took = []
    with (folder / "probe").open("wb", buffering=0) as probe:
        for _ in range(50):
            probe.write(b"x" * 4096)
            began = time.perf_counter()
            os.fsync(probe.fileno())
            took.append((time.perf_counter() - began) * 1e3)
    return statistics.median(took)


def finish(figures: dict[str, Any], bars: Sequence[Bar]) -> int:
    """Say what held, print the figures as the last line; the exit status."""
    load = [round(value, 1) for value in os.getloadavg()]
    say(f"\nload average {load} on {os.cpu_count()} cores")
    for bar in bars:
        verdict = "held  " if bar.held else "MISSED"
        say(f"{verdict} {bar.name}: {bar.value:g} (bar {bar.relation} {bar.bound:g})")
    say(json.dumps(figures | {"load": load[0], "cores": os.cpu_count()}, ensure_ascii=False))
    return 0 if all(bar.held for bar in bars) else 1
