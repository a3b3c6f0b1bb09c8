"""The checks of lock files, vendored files and drawings can fail; and ours pass."""

import hashlib
import shutil
from pathlib import Path

import pytest

from tests import drawings, locks, vendored

HASH = "0" * 64
GOOD = (
    f"flask==3.1.3 \\\n    --hash=sha256:{HASH} \\\n    --hash=sha256:{HASH}\n    # via -r a.in\n"
)


def test_lock_files_pin_everything_and_name_no_address() -> None:
    assert list(locks.faults()) == []


@pytest.mark.parametrize(
    "text",
    [
        "-i somewhere\n" + GOOD,
        "--extra-index-url=x\n" + GOOD,
        GOOD.replace("# via -r a.in", "# via -r /home/me/a.in"),
        GOOD.replace("flask==3.1.3", "flask @ https://example.test/flask.whl"),
    ],
    ids=["index", "extra index", "machine path", "address"],
)
def test_an_address_is_found(text: str) -> None:
    assert list(locks.faults_of_text("a.lock", text))


@pytest.mark.parametrize(
    "text",
    [
        "flask==3.1.3\n",
        GOOD.replace("==3.1.3", ">=3.1.3"),
        GOOD.replace("sha256", "md5"),
        GOOD + "werkzeug==3.1.9\n",
    ],
    ids=["no checksum", "no version", "weak checksum", "second without checksum"],
)
def test_a_loose_requirement_is_found(text: str) -> None:
    assert list(locks.faults_of_pins("a.lock", text))


def test_a_good_lock_has_no_fault() -> None:
    assert [*locks.faults_of_text("a", GOOD), *locks.faults_of_pins("a", GOOD)] == []


def test_an_import_nobody_asked_for_is_found() -> None:
    assert any("imports flask" in fault for fault in locks.faults_of_imports(("webapp",), {"lxml"}))


def test_vendored_files_are_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vendored.main("check") == 0
    for folder in vendored.FOLDERS:
        shutil.copytree(folder, tmp_path / folder.relative_to(vendored.ROOT))
    monkeypatch.setattr(vendored, "FOLDERS", [tmp_path / "webapp", tmp_path / "tests"])
    monkeypatch.setattr(vendored, "ROOT", tmp_path)
    changed = tmp_path / "tests/vendor/axe-core/axe.min.js"
    changed.write_bytes(changed.read_bytes() + b" ")
    (tmp_path / "webapp/static/vendor/bootstrap/LICENSE").unlink()
    (tmp_path / "webapp/static/vendor/new.js").touch()
    capsys.readouterr()
    assert vendored.main("check") == 1
    named = [line.split()[-1] for line in capsys.readouterr().out.splitlines()[:-1]]
    assert named == [
        "tests/vendor/axe-core/axe.min.js",
        "webapp/static/vendor/bootstrap/LICENSE",
        "webapp/static/vendor/new.js",
    ]


def test_a_changed_diagram_wants_a_new_drawing(tmp_path: Path) -> None:
    source = tmp_path / "process.bpmn"
    source.write_text("<definitions/>", "utf-8")
    assert drawings.stale(tmp_path) == ["process.bpmn"]
    checksum = hashlib.sha256(source.read_bytes()).hexdigest()
    source.with_suffix(".svg").write_text(f'<svg data-source-sha256="{checksum}"/>', "utf-8")
    assert drawings.stale(tmp_path) == []
    source.write_text("<definitions />", "utf-8")
    assert drawings.stale(tmp_path) == ["process.bpmn"]
    source.unlink()
    assert drawings.stale(tmp_path) == ["process.svg"]
