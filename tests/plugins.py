"""Writes down what became of every clause-marked test, each time the whole suite has run.

Loaded by tests/conftest.py. Knows pytest and tests/clauses.py, nothing of the application.

What counts as a full run, and why:
- nothing was chosen by path: pytest took its arguments from `testpaths`;
- nothing was left out: no --ignore, no --lf, and no test deselected by whatever means (-k, -m,
  --deselect, a plugin); with xdist the workers report what they deselected;
- the tests really ran: not --collect-only and the like, no file that could not be collected, no
  crashed worker, not stopped early (-x, Ctrl-C);
- the exit status is 0 or 1. A run with failures is full as well: were it not recorded, a clause
  would stay "proved" by an older run although its test fails now.
Any other run leaves the record alone, so that trying a single test while working costs nothing.
"""

import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.clauses import CACHE_KEY, FullRun, all_clauses

PROPERTY = "clauses"
WORSE = ("passed", "skipped", "failed")
PARTIAL_OPTIONS = ("ignore", "ignore_glob", "lf", "collectonly", "setuponly", "setupplan")


def pytest_configure(config: pytest.Config) -> None:
    """Observe this run."""
    config.pluginmanager.register(ClauseRecorder(config), "clause-recorder")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse marks that name no clause; let the marks travel with the reports."""
    known = all_clauses().keys()
    for item in items:
        marks = list(item.iter_markers("clause"))
        ids = sorted({clause for mark in marks for clause in mark.args})
        if unknown := [clause for clause in ids if clause not in known]:
            raise pytest.UsageError(f"{item.nodeid}: no such clause: {', '.join(unknown)}")
        if any(not mark.args or mark.kwargs for mark in marks):
            raise pytest.UsageError(f"{item.nodeid}: clause(...) wants clause ids, nothing else")
        if ids:
            item.user_properties.append((PROPERTY, ids))


class ClauseRecorder:
    """Collects outcomes; writes them where tests/clauses.py looks, if the run was a full one."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.is_worker = hasattr(config, "workerinput")  # xdist: the controller writes
        self.left_out = 0
        self.broken = False
        self.tests: set[str] = set()
        self.outcomes: dict[str, dict[str, str]] = {}

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Count what was not to be run."""
        self.left_out += len(items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that could not be read may hide marked tests."""
        self.broken = self.broken or report.failed

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst of a test's three phases."""
        self.tests.add(report.nodeid)
        for clause in dict(report.user_properties).get(PROPERTY, ()):
            tests = self.outcomes.setdefault(clause, {})
            before = tests.get(report.nodeid, "passed")
            tests[report.nodeid] = max(before, report.outcome, key=WORSE.index)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """What an xdist worker left out; a worker that crashed hides its tests' marks."""
        self.broken = self.broken or error is not None
        self.left_out += getattr(node, "workeroutput", {}).get("left_out", 0)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Hand the worker's count over, or write the record."""
        if self.is_worker:
            self.config.workeroutput["left_out"] = self.left_out
        elif getattr(self.config, "cache", None) is not None and self.was_full(session, exitstatus):
            run = FullRun(
                ended=datetime.now(UTC).isoformat(timespec="seconds"),
                commit=commit(),
                tests=len(self.tests),
                outcomes=self.outcomes,
            )
            self.config.cache.set(CACHE_KEY, run)

    def was_full(self, session: pytest.Session, exitstatus: int) -> bool:
        """Whether the whole suite ran to its end; the reasons stand at the top of this file."""
        whole = self.config.args_source == pytest.Config.ArgsSource.TESTPATHS
        partial = any(getattr(self.config.option, name, None) for name in PARTIAL_OPTIONS)
        ended = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        stopped = bool(session.shouldstop or session.shouldfail)
        return whole and ended and not (partial or stopped or self.left_out or self.broken)


def commit() -> str:
    """The checked-out commit; "unknown" outside a repository."""
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
