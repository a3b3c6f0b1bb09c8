"""Steps per second, persistence included, beside viewflow, bpmn-engine and bpmn-server.

One process in the dialect of each, one user task a step, one operating-system process each, one
after the other in rounds whose order changes. The first case of each is played to its end before
the clock starts, so that compilers and caches of all are warm.

Each keeps its state by its own means, in a SQLite file of its own with WAL and `synchronous=FULL`;
the files lie in memory, where a commit waits for no disk, so that engines are compared:

- yili: `workflows.engine` as it is, state, steps and timers in one transaction;
- viewflow: its models through Django's ORM, the step in one transaction, its locking off;
- bpmn-engine: keeps nothing itself; its getState() and recover() around one transaction that
  writes the state and rows of open steps and timers, as its documentation proposes;
- bpmn-server: its data store unchanged, its document database replaced by one table of documents.

The others are installed by their own package managers into var/peers, the first time, which takes
about two minutes; what cannot be installed is left out, and said. viewflow is AGPL: measured here,
used nowhere.

    python -m tests.benchmarks.peers [CASES [LOOPS [ROUNDS]]]
"""

import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import venv
from collections import defaultdict
from pathlib import Path

from tests.benchmarks.figures import AT_LEAST, Bar, finish, memory_folder, say
from tests.benchmarks.peers import dialects

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[3]
HOME = ROOT / "var" / "peers"  # where the others live
VIEWFLOW = "django-viewflow==2.4.0"
NODE_PEERS = ("bpmn-engine", "bpmn-server")
LINE = re.compile(r"([\d.]+) steps/s, cpu ([\d.]+) ms/step")
MOST_SECONDS = 300
Peers = dict[str, tuple[list[str], dict[str, str]]]  # name → command, environment


def install() -> Peers:
    """Whoever can be had."""
    HOME.mkdir(parents=True, exist_ok=True)
    peers: Peers = {"yili": ([sys.executable, "-m", "tests.benchmarks.peers.yili_peer"], {})}
    if (python := _viewflow(HOME / "viewflow")) is not None:
        peers["viewflow"] = ([str(python), str(HERE / "viewflow_peer.py")], {})
    if (modules := _node(HOME / "node")) is not None:
        for name in NODE_PEERS:
            driver = HERE / f"{name.replace('-', '_')}.cjs"
            peers[name] = (["node", str(driver)], {"NODE_PATH": str(modules)})
    return peers


def _viewflow(folder: Path) -> Path | None:
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    has = [str(python), "-c", "import importlib.metadata as m; m.version('django-viewflow')"]
    if _done(has):
        return python
    pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", VIEWFLOW]
    return python if _done(pip) and _done(has) else None


def _node(folder: Path) -> Path | None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    folder.mkdir(exist_ok=True)
    modules = folder / "node_modules"
    has = ["node", "-e", "new (require('better-sqlite3'))(':memory:')"]
    if not _done(has, NODE_PATH=str(modules)):
        shutil.copy(HERE / "package.json", folder)
        _done(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder)])
    return modules if _done(has, NODE_PATH=str(modules)) else None


def _done(command: list[str], **environment: str) -> bool:
    ended = subprocess.run(
        command,
        env=os.environ | environment,
        capture_output=True,
        timeout=MOST_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return ended.returncode == 0


def one_round(peers: Peers, arguments: list[str]) -> dict[str, tuple[float, float]]:
    """Each once: steps per second, processor milliseconds a step. Who fails is left out."""
    found = {}
    for name in random.sample(list(peers), len(peers)):
        command, environment = peers[name]
        ended = subprocess.run(
            [*command, *arguments],
            env=os.environ | environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        told = LINE.search(ended.stdout)
        if ended.returncode or told is None:
            say(f"  {name} failed: {(ended.stdout + ended.stderr)[-400:]}")
            continue
        say(f"  {ended.stdout.strip()}")
        found[name] = float(told[1]), float(told[2])
    return found


def main(cases: int, loops: int, rounds: int) -> int:
    peers = install()
    missing = {"viewflow", *NODE_PEERS} - peers.keys()
    if missing:
        say(f"not installed, left out: {', '.join(sorted(missing))}")
    rates: dict[str, list[float]] = defaultdict(list)
    cpu: dict[str, list[float]] = defaultdict(list)
    with memory_folder() as folder:
        dialects.write(folder)
        for _ in range(rounds):
            for name, (rate, used) in one_round(
                peers, [str(cases), str(loops), str(folder)]
            ).items():
                rates[name].append(rate)
                cpu[name].append(used)
    middle = {name: statistics.median(values) for name, values in rates.items()}
    work = {name: statistics.median(values) for name, values in cpu.items()}
    others = middle.keys() - {"yili"}
    if "yili" not in middle or not others:
        say("nobody to compare with")
        return 1
    best = max(others, key=lambda name: middle[name])
    least = min(others, key=lambda name: work[name])
    figures = {
        "ratio_vs_best_peer": round(middle["yili"] / middle[best], 1),
        "ratio_processor": round(work[least] / work["yili"], 1),
        "best_peer": best,
        "peers": {name: round(value) for name, value in middle.items()},
        "processor_ms": work,
        "spread": {name: [min(values), max(values)] for name, values in rates.items()},
        "left_out": sorted(missing),
    }
    return finish(
        figures, [Bar(f"steps beside {best}", middle["yili"] / middle[best], AT_LEAST, 5)]
    )


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    sys.exit(main(*(numbers + [12, 1, 5][len(numbers) :])))
