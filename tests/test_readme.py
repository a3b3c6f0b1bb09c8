"""What the README says is so: commands, settings, folders, files, accounts, pictures.

A house rule: whoever adds a command, a setting or a folder says in the README what it is for.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.screens import HEAVIEST, PICTURES
from webapp import cli, labels
from workflows.demo.people import PEOPLE

ROOT = Path(__file__).parents[1]
ENGLISH = (ROOT / "README.md").read_text("utf-8")
CHINESE = (ROOT / "README.zh.md").read_text("utf-8")
BOTH = pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["english", "chinese"])

CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
MADE = re.compile(r"\bmake ([a-z][a-z-]*)")
TYPED = re.compile(r"\bwebapp\.cli ([a-z-]+)(?: ([a-z-]+))?")
SETTING = re.compile(r"environ\.get\(\"([A-Z_]+)\"")
FILE = re.compile(r"`([a-z_]+(?:/[\w.-]+)*/(?:[\w.-]+\.[\w-]+)?)`", re.ASCII)
GENERATED = {"__pycache__", "node_modules"}


def section(title: str) -> str:
    """The text under one heading of the English README, up to the next of its rank."""
    _, found, rest = ENGLISH.partition(f"\n## {title}\n")
    assert found, title
    return rest.partition("\n## ")[0]


def code(text: str) -> str:
    """Only what stands in code marks: prose may make sure of things."""
    return "\n".join(CODE.findall(text))


def makes() -> set[str]:
    """The commands of `make help`."""
    told = subprocess.run(
        ["make", "--silent", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return {line.split()[0] for line in told.stdout.splitlines()}


def commands(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command of `webapp.cli`, as its words."""
    for name, command in group.commands.items():
        yield (*before, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))


def settings() -> set[str]:
    """Every variable that the configuration or a command reads from the environment."""
    read = set(SETTING.findall((ROOT / "webapp/config.py").read_text("utf-8")))
    options = [option for name in ("serve", "run") for option in cli.main.commands[name].params]
    return read | {str(option.envvar) for option in options if option.envvar}


def ignored() -> set[str]:
    """Folders at the top that are made here and belong to nobody's clone."""
    lines = (ROOT / ".gitignore").read_text("utf-8").split()
    return {line.strip("/") for line in lines if line.endswith("/")}


def folders() -> Iterator[str]:
    """The top level, the level below it, and every Python package wherever it lies."""
    for top in ROOT.iterdir():
        if top.is_dir() and not top.name.startswith(".") and top.name not in ignored():
            if top.name.endswith(".egg-info"):
                continue
            yield top.name
            below = {folder for folder in top.iterdir() if folder.is_dir()}
            below |= {init.parent for init in top.rglob("__init__.py")} - {top}
            for folder in below:
                if not GENERATED & set(folder.relative_to(ROOT).parts):
                    yield folder.relative_to(ROOT).as_posix()


def test_every_make_command_is_explained() -> None:
    explained = set(MADE.findall(code(section("Commands"))))
    assert explained >= makes() > {"run", "test", "check"}


@BOTH
def test_make_commands_named_exist(text: str) -> None:
    assert set(MADE.findall(code(text))) <= makes()


def test_every_command_of_ours_is_named() -> None:
    named = code(section("Commands"))
    groups = {("definitions",), ("incidents",), ("cases",)}
    assert all(f"`{' '.join(words)}`" in named for words in commands(cli.main) if words[0] != "user"
               and words not in groups)  # fmt: skip
    assert "`user create`" in named
    assert "`user password`" in named


@BOTH
def test_commands_of_ours_named_exist(text: str) -> None:
    known = set(commands(cli.main))
    for first, second in TYPED.findall(code(text)):
        assert (first,) in known, first
        group = cli.main.commands[first]
        if isinstance(group, click.Group):
            assert (first, second) in known, (first, second)


def test_every_setting_is_in_the_table() -> None:
    rows = [line for line in section("Configuration").splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row.split("|")[1])}
    assert told - {"PYTHON"} == settings()  # PYTHON is read by the Makefile


def test_every_folder_is_on_the_map() -> None:
    assert {name for name in folders() if f"`{name}`" not in section("The map")} == set()


@BOTH
def test_files_named_exist(text: str) -> None:
    """But for those of what is not there yet."""
    if text is ENGLISH:
        text = text.replace(section("What is not there yet"), "")
    named = FILE.findall(text)
    made_when_run = {name for name in named if name.split("/")[0] in ignored()}
    assert {name for name in named if not (ROOT / name).exists()} <= made_when_run


@BOTH
def test_links_and_pictures_are_there(text: str) -> None:
    linked = [name for name in LINK.findall(text) if not name.startswith(("http", "#"))]
    assert linked
    assert [name for name in linked if not (ROOT / name).is_file()] == []


def test_pictures_are_those_that_are_taken_and_light() -> None:
    shown = {name for text in (ENGLISH, CHINESE) for name in LINK.findall(text) if "png" in name}
    assert shown == {f"tests/screens/{name}.png" for name in PICTURES}
    assert all((ROOT / name).stat().st_size <= HEAVIEST for name in shown)


def test_accounts_of_the_demonstration_are_told_by_role() -> None:
    table = section("What you see then")
    assert {person.username for person in PEOPLE if f"`{person.username}`" not in table} == set()
    rows = [line for line in table.splitlines() if line.startswith("|")]
    for person in PEOPLE:
        [row] = [row for row in rows if f"`{person.username}`" in row]
        word = labels.label(person.role)
        assert word in row or word.removesuffix("管理员") in row, (person.username, word)
