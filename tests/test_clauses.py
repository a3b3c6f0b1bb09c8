"""The count of proved clauses cannot be had cheaply: only a full run in which all passed counts."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import clauses

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = """
[pytest]
testpaths = checks
addopts = --strict-markers
markers = clause(*ids)
"""
PASSING = """
import pytest

@pytest.mark.clause("A01", "A02")
@pytest.mark.parametrize("n", [1, 2])
def test_one(n): pass

def test_unmarked(): pass
"""
FAILING = """
import pytest

@pytest.mark.clause("A02")
def test_fails(): assert False
"""
SKIPPED = """
import pytest

@pytest.mark.clause("A01")
@pytest.mark.skip(reason="no Chromium")
def test_skipped(): pass
"""
ONE = "checks/test_passing.py::test_one"

Run = Callable[..., int]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project that uses our plugin."""
    (tmp_path / "pytest.ini").write_text(SETTINGS, "utf-8")
    (tmp_path / "checks").mkdir()
    plugins = 'pytest_plugins = ["tests.plugins"]'
    (tmp_path / "checks/conftest.py").write_text(plugins, "utf-8")
    (tmp_path / "checks/test_passing.py").write_text(PASSING, "utf-8")
    return tmp_path


@pytest.fixture
def run(project: Path) -> Run:
    """Run pytest there; the exit status is the answer."""

    def run(*arguments: str) -> int:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        command = [sys.executable, "-m", "pytest", "-q", *arguments]
        done = subprocess.run(
            command,
            cwd=project,
            env={**environment, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
        )
        return done.returncode

    return run


def proved(project: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, int, str]:
    """Exit status of the count, how many core clauses are proved, and all it printed."""
    status = clauses.main(project / ".pytest_cache/v" / clauses.CACHE_KEY)
    text = capsys.readouterr().out
    return status, json.loads(text.splitlines()[-1])["core"], text


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_full_run_proves(
    project: Path, run: Run, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    assert run(*options) == 0
    status, core, text = proved(project, capsys)
    assert (status, core) == (0, 2)
    assert re.search(r"^✓ A01 core .*\n      checks/test_passing.py::test_one$", text, re.M)
    assert re.search(r"^— A03 core ", text, re.M)
    figures = json.loads(text.splitlines()[-1])
    assert figures == {"core": 2, "core_total": 89, "record": 0, "record_total": 35}


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_one_failure_takes_the_proof_away(
    project: Path, run: Run, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    assert run(*options) == 0
    (project / "checks/test_failing.py").write_text(FAILING, "utf-8")
    assert run(*options) == 1
    status, core, text = proved(project, capsys)
    assert (status, core) == (1, 1)
    assert "checks/test_failing.py::test_fails (failed)" in text


def test_a_skipped_test_proves_nothing(
    project: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "checks/test_skipped.py").write_text(SKIPPED, "utf-8")
    assert run() == 0
    status, core, text = proved(project, capsys)
    assert (status, core) == (1, 1)
    assert "checks/test_skipped.py::test_skipped (skipped)" in text


@pytest.mark.parametrize(
    "options",
    [
        ("-k", "one"),
        ("-k", "one", "-n", "2"),
        ("-m", "clause"),
        (ONE,),
        ("--deselect", f"{ONE}[1]"),
        ("--ignore", "checks/test_other.py"),
        ("--collect-only",),
        ("--setup-only",),
    ],
    ids=lambda options: " ".join(options),
)
def test_part_of_the_suite_is_no_full_run(
    project: Path, run: Run, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    assert run(*options) == 0
    status, core, text = proved(project, capsys)
    assert (status, core) == (1, 0)
    assert "No full test run is recorded" in text


@pytest.mark.parametrize(
    ("file", "options", "status"),
    [
        ("test_failing.py", ("-x",), 1),
        ("test_broken.py", (), 2),
        ("test_broken.py", ("--continue-on-collection-errors",), 1),
        ("test_crash.py", ("-n", "2"), 1),
    ],
    ids=["stopped early", "broken file", "broken file passed over", "crashed worker"],
)
def test_a_run_that_did_not_end_is_no_full_run(
    project: Path, run: Run, file: str, options: tuple[str, ...], status: int
) -> None:
    bodies = {
        "test_failing.py": FAILING,
        "test_broken.py": "import no_such_module",
        "test_crash.py": "import os\ndef test_crash(): os._exit(3)",
    }
    (project / "checks" / file).write_text(bodies[file], "utf-8")
    assert run(*options) == status
    assert not (project / ".pytest_cache/v" / clauses.CACHE_KEY).exists()


@pytest.mark.parametrize("mark", ['"Z99"', ""], ids=["unknown", "empty"])
def test_a_mark_must_name_clauses_of_the_list(project: Path, run: Run, mark: str) -> None:
    body = PASSING.replace('"A01", "A02"', mark)
    (project / "checks/test_passing.py").write_text(body, "utf-8")
    assert run() == pytest.ExitCode.USAGE_ERROR


def test_an_unknown_clause_on_record_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "record"
    run = clauses.FullRun(ended="", commit="", tests=1, outcomes={"Z99": {"t": "passed"}})
    record.write_text(json.dumps(run), "utf-8")
    assert clauses.main(record) == 1
    assert "Marks that name no clause: Z99" in capsys.readouterr().out
