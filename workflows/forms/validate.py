"""Is a form file itself in order? Judges questions, never answers."""

from collections.abc import Iterator, Sequence
from typing import Any

from models.base import DataClass
from workflows.forms.checks.registry import CHECKS
from workflows.forms.spec import CIRCUMSTANCES, Field, Form, Kind

RANK = {
    DataClass.PUBLIC: 0,
    DataClass.INTERNAL: 1,
    DataClass.SENSITIVE: 2,
    DataClass.PERSONAL: 3,
    DataClass.SECRET: 4,
}
# What a kind may hold at worst when nobody thought about it.
LEAST = {
    Kind.LONG_TEXT: DataClass.SENSITIVE,
    Kind.ICD10: DataClass.SENSITIVE,
    Kind.CAUSE_CHAIN: DataClass.SENSITIVE,
    Kind.INVENTORY: DataClass.SENSITIVE,
    Kind.FILES: DataClass.SENSITIVE,
    Kind.PHONE: DataClass.PERSONAL,
    Kind.ID_NUMBER: DataClass.PERSONAL,
}
WITH_FIELDS = {Kind.GROUP, Kind.GRID12}
WITH_CHOICES = {Kind.CHOICE, Kind.CHOICES, Kind.GRID12, Kind.INVENTORY}
UNCLASSED = {Kind.NOTE, Kind.GROUP, Kind.GRID12}  # their fields have the classes
ROUTABLE = {Kind.CHOICE, Kind.BOOL, Kind.INTEGER}
SWITCHES = {Kind.CHOICE, Kind.CHOICES, Kind.BOOL}


def without_data_class(form: dict[str, Any]) -> list[str]:
    """Fields of a decoded file that do not say how far their answers may travel."""
    sections = form.get("sections", [])
    return [
        f"{field.get('name')}: data_class is not decided"
        for field in _walk_raw([f for section in sections for f in section["fields"]])
        if field["kind"] not in UNCLASSED and "data_class" not in field
    ]


def problems(form: Form) -> list[str]:
    """What is wrong with a form, each line naming the field."""
    found = [f"no check called {name}" for name in form.checks if name not in CHECKS]
    unheard = sorted({section.only for section in form.sections} - CIRCUMSTANCES - {""})
    found += [f"only: no circumstance called {name}" for name in unheard]
    found += [] if form.fields() else ["no questions"]
    found += _problems_of(form.fields(), ())
    routes = [field.route for field in form.fields() if field.route]
    found += [f"route {route} twice" for route in _doubles(routes)]
    return found


def _problems_of(fields: Sequence[Field], outer: tuple[Field, ...]) -> list[str]:
    found = [f"{name}: this name twice" for name in _doubles([f.name for f in fields])]
    for place, field in enumerate(fields):
        earlier = {f.name: f for f in (*outer, *fields[:place])}
        found += [f"{field.name}: {problem}" for problem in _problems_in(field, earlier)]
        found += _problems_of(field.fields, (*outer, *fields[:place]))
    return found


def _problems_in(field: Field, earlier: dict[str, Field]) -> Iterator[str]:
    if not field.label:
        yield "no label"
    if (field.kind in WITH_FIELDS) != bool(field.fields):
        yield "a group or grid has fields, nothing else has"
    if (field.kind in WITH_CHOICES) != bool(field.choices):
        yield "a question with codes has choices, nothing else has"
    yield from (f"code {code} twice" for code in _doubles([c.code for c in field.choices]))
    if field.route and field.kind not in ROUTABLE:
        yield "only a code, a yes/no or a whole number may be routed on"
    if RANK[field.data_class] < RANK[LEAST.get(field.kind, DataClass.PUBLIC)]:
        yield f"class {field.data_class} is too open for {field.kind}"
    if field.past and field.future:
        yield "cannot be past and future"
    yield from _problems_of_when(field, earlier)


def _problems_of_when(field: Field, earlier: dict[str, Field]) -> Iterator[str]:
    for name, codes in field.when.items():
        switch = earlier.get(name)
        if switch is None or switch.kind not in SWITCHES:
            yield f"when: {name} is no earlier question with codes"
            continue
        known = {"true", "false"} if switch.kind is Kind.BOOL else {c.code for c in switch.choices}
        yield from (f"when: {name} has no code {code}" for code in codes if code not in known)


def _walk_raw(fields: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for field in fields:
        yield field
        yield from _walk_raw(field.get("fields", []))


def _doubles(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
