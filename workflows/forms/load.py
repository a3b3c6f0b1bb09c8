"""Reading form files: strictly, once, with messages that name the file and the key.

A form `<name>.v<N>` lies in the `forms` folder of any process; a variant of it for another kind of
case is `<name>.v<N>-<variant>` and goes by the same name. Those that an administrator brought come
from where the edge says (`also_from`). Knows files and the format; knows nothing about
answers, people or the web.
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec

from workflows import criteria
from workflows.forms import validate
from workflows.forms.spec import Choice, Field, Form, Kind

PROCESSES = Path(__file__).parent.parent / "processes"
CODES = Path(__file__).parent / "codes.json"
CODED = {Kind.CHOICE, Kind.CHOICES, Kind.GRID12, Kind.INVENTORY}
FILE_NAME = re.compile(
    r"(?P<base>[a-z][a-z0-9_]*)\.v(?P<version>[1-9]\d*)(?:-(?P<variant>[a-z]+))?"
)


class UnknownForm(LookupError):
    """No file of that name."""


class BrokenForm(ValueError):
    """A form file that cannot be used: says which file and which key."""


def _nowhere(_name: str) -> str | None:
    return None


_elsewhere: Callable[[str], str | None] = _nowhere


@cache
def load(name: str) -> Form:
    """The form of that name and version, such as "report.v1", its parts included.

    Raises UnknownForm, or BrokenForm when the file is not in order.
    """
    path = _paths().get(name)
    if path is not None:
        return read(path)
    text = _elsewhere(name)
    if text is None:
        raise UnknownForm(name)
    return parse(name, text.encode())


def also_from(source: Callable[[str], str | None]) -> None:
    """Where to ask for the text of a form that no folder has. One source for the whole process."""
    global _elsewhere
    _elsewhere = source


def on_disk(name: str) -> bytes | None:
    """The file of a form that came with the product; None when there is none of that name."""
    path = _paths().get(name)
    return path.read_bytes() if path else None


def latest(base: str) -> Form:
    """The newest version of a form, by its name without version, such as "report"; no variant."""
    versions = [name for name in _paths() if base_name(name) == base and not variant(name)]
    if not versions:
        raise UnknownForm(base)
    return load(max(versions, key=version))


def all_forms() -> tuple[Form, ...]:
    """Every version of every form, by name."""
    return tuple(load(name) for name in sorted(_paths()))


def base_name(name: str) -> str:
    """ "report.v1" → "report"; "report.v1-nearmiss" → "report"."""
    return name.rpartition(".v")[0]


def version(name: str) -> int:
    """ "report.v1" → 1."""
    return int(name.rpartition(".v")[2].partition("-")[0])


def variant(name: str) -> str:
    """ "report.v1-nearmiss" → "nearmiss"; empty for the form itself."""
    return name.rpartition(".v")[2].partition("-")[2]


def read(path: Path) -> Form:
    """One form file. Raises BrokenForm."""
    return parse(path.stem, path.read_bytes())


def parse(name: str, raw: bytes) -> Form:
    """A form by the text of its file. Raises BrokenForm; UnknownForm for a part that is none."""
    file = f"{name}.json"
    try:
        form = msgspec.json.decode(raw, type=Form)
        undecided = validate.without_data_class(msgspec.json.decode(raw))
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BrokenForm(f"{file}: {error}") from None
    form = _assembled(form, name)
    problems = [*undecided, *validate.problems(form)]
    if problems:
        raise BrokenForm("\n".join(f"{file}: {problem}" for problem in problems))
    return form


def _assembled(form: Form, name: str) -> Form:
    """The form with its name, its parts' sections in front, and its code lists copied in."""
    parts = [load(part) for part in form.parts]
    sections = [
        msgspec.structs.replace(section, part=part.name)
        for part in parts
        for section in part.sections
    ]
    for section in form.sections:
        fields = tuple(_with_codes(field, f"{name}.json") for field in section.fields)
        sections.append(msgspec.structs.replace(section, fields=fields))
    checks = dict.fromkeys([check for part in parts for check in part.checks] + list(form.checks))
    return msgspec.structs.replace(form, name=name, sections=tuple(sections), checks=tuple(checks))


def _with_codes(field: Field, file: str) -> Field:
    choices = field.choices
    if field.kind in CODED and not choices and field.among:
        choices = code_lists().get(field.among[0], ())
        if not choices:
            raise BrokenForm(f"{file}: {field.name}: no code list {field.among[0]}")
    fields = tuple(_with_codes(child, file) for child in field.fields)
    return msgspec.structs.replace(field, choices=choices, fields=fields)


@cache
def code_lists() -> dict[str, tuple[Choice, ...]]:
    """Code lists that several questions share, by name, those of the criteria sets included."""
    ours = msgspec.json.decode(CODES.read_bytes(), type=dict[str, tuple[Choice, ...]])
    for name, pairs in criteria.code_lists().items():
        ours[name] = tuple(Choice(code=code, label=label) for code, label in pairs)
    return ours


@cache
def _paths() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(PROCESSES.glob("*/forms/*.json")):
        if not FILE_NAME.fullmatch(path.stem):
            raise BrokenForm(
                f"{path.name}: a form file is called <name>.v<number>.json or …-<variant>.json"
            )
        if path.stem in found:
            raise BrokenForm(f"{path.name}: two processes have a form of this name")
        found[path.stem] = path
    return found
