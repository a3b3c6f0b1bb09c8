"""Answers as a browser posts them: what somebody would have typed into the form."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.people import PASSWORD
from webapp.forms.reading import shown
from workflows.forms.spec import Answers, Field, Form, Kind

Pairs = list[tuple[str, str]]


def typed(form: Form, answers: Mapping[str, Any], password: str = PASSWORD) -> Pairs:
    """Names and values of every field that has an answer; signatures become the password."""
    return _row(form.fields(), answers, "", password)


def _row(fields: Sequence[Field], row: Mapping[str, Any], start: str, password: str) -> Pairs:
    pairs: Pairs = []
    for field in fields:
        answer = row.get(field.name)
        if answer not in (None, "", [], {}):
            pairs += _field(field, answer, start + field.name, password)
    return pairs


def _field(field: Field, answer: Any, name: str, password: str) -> Pairs:
    if field.kind is Kind.SIGNATURE:
        return [(f"{name}.password", password)]
    if field.kind in (Kind.CHOICES, Kind.FILES):
        return [(name, str(value)) for value in answer]
    if field.kind is Kind.GROUP:
        rows = (
            _row(field.fields, row, f"{name}.{index}.", password)
            for index, row in enumerate(answer)
        )
        return _joined(rows)
    if field.kind is Kind.GRID12:
        return _joined(
            [
                (f"{name}.{cell}.ticked", "true"),
                *_row(field.fields, said, f"{name}.{cell}.", password),
            ]
            for cell, said in answer.items()
        )
    if field.kind in (Kind.CAUSE_CHAIN, Kind.INVENTORY):
        return _joined(_line(line, f"{name}.{key}.") for key, line in answer.items())
    return [(name, shown(field.kind, answer))]


def _line(line: Answers, start: str) -> Pairs:
    pairs: Pairs = []
    for name, value in line.items():
        values = value if isinstance(value, list) else [value]
        pairs += [(start + name, str(each)) for each in values]
    return pairs


def _joined(parts: Iterable[Pairs]) -> Pairs:
    return [pair for part in parts for pair in part]
