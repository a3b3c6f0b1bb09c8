"""What can be said of answers without judging them: which questions are shown, what tidy answers
look like, how much is filled in, what is routed."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workflows.forms.spec import Answers, Field, Form, Kind

BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # they reorder print
LINES = frozenset("\n\t")
WRITTEN = {Kind.TEXT, Kind.LONG_TEXT, Kind.PHONE, Kind.ID_NUMBER, Kind.ICD10, Kind.DECIMAL}


def is_empty(value: Any) -> bool:
    """No answer. False and 0 are answers."""
    return value is None or value in ("", [], {})


def is_shown(field: Field, row: Mapping[str, Any], answers: Mapping[str, Any]) -> bool:
    """Is the question asked, given the other answers of its row and of the form?"""
    return all(
        _codes(row.get(name, answers.get(name))) & set(codes) for name, codes in field.when.items()
    )


def _codes(value: Any) -> set[str]:
    if isinstance(value, bool):
        return {"true" if value else "false"}
    if isinstance(value, list):
        return {code for code in value if isinstance(code, str)}
    return {value} if isinstance(value, str) else set()


def is_control(char: str, *, many_lines: bool) -> bool:
    """Characters that no form wants: control codes, lone surrogates, direction overrides. Emoji,
    rare characters and private ones (old systems keep names there) are welcome."""
    if char in LINES:
        return not many_lines
    return char in BIDI or unicodedata.category(char) in ("Cc", "Cs")


def tidy(form: Form, answers: Mapping[str, Any]) -> Answers:
    """Answers as they are stored: texts trimmed and without control characters, empty answers,
    empty rows and answers to questions that are not shown left out. Unknown keys stay: `check`
    refuses them."""
    return _tidy_row(form.fields(), answers, None)


def _tidy_row(
    fields: Sequence[Field], row: Mapping[str, Any], answers: Mapping[str, Any] | None
) -> Answers:
    """`answers`: the form's own, tidied so far, when the row belongs to a group."""
    by_name = {field.name: field for field in fields}
    kept: Answers = {name: value for name, value in row.items() if name not in by_name}
    outer = kept if answers is None else answers
    for name, field in by_name.items():
        value = _tidy_value(field, row.get(name), outer)
        if not is_empty(value) and is_shown(field, kept, outer):
            kept[name] = value
    return kept


def _tidy_value(field: Field, value: Any, answers: Mapping[str, Any]) -> Any:
    if field.kind in WRITTEN and isinstance(value, str):
        return _tidy_text(field, value)
    if field.kind is Kind.GROUP and isinstance(value, list):
        rows = [_tidy_rows_of(field, row, answers) for row in value]
        return [row for row in rows if row != {}]
    if field.kind is Kind.GRID12 and isinstance(value, dict):
        return {cell: _tidy_rows_of(field, row, answers) for cell, row in value.items()}
    if field.kind in (Kind.CAUSE_CHAIN, Kind.INVENTORY) and isinstance(value, dict):
        lines = {key: _without_empty(line) for key, line in value.items()}
        return {key: line for key, line in lines.items() if line != {}}
    return value


def _tidy_rows_of(field: Field, row: Any, answers: Mapping[str, Any]) -> Any:
    return _tidy_row(field.fields, row, answers) if isinstance(row, dict) else row


def _without_empty(line: Any) -> Any:
    if not isinstance(line, dict):
        return line
    texts = {key: v.strip() if isinstance(v, str) else v for key, v in line.items()}
    return {key: value for key, value in texts.items() if not is_empty(value)}


def _tidy_text(field: Field, text: str) -> str:
    many = field.kind is Kind.LONG_TEXT
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(char for char in text if not is_control(char, many_lines=many)).strip()
    if field.kind in (Kind.PHONE, Kind.ID_NUMBER, Kind.ICD10):
        text = "".join(text.split())
    return text.upper() if field.kind is Kind.ID_NUMBER else text


def routed(form: Form, answers: Mapping[str, Any]) -> dict[str, str | int | bool]:
    """The answers that the diagram may see, by their route."""
    return {
        field.route: answers[field.name]
        for field in form.fields()
        if field.route and not is_empty(answers.get(field.name))
    }


def completeness(form: Form, answers: Mapping[str, Any]) -> int:
    """Per cent of the required questions shown that have an answer, 0 to 100."""
    asked = list(_required(form.fields(), answers, answers))
    return 100 * sum(asked) // len(asked) if asked else 100


def _required(
    fields: Sequence[Field], row: Mapping[str, Any], answers: Mapping[str, Any]
) -> Iterator[bool]:
    for field in fields:
        value = row.get(field.name)
        if not is_shown(field, row, answers):
            continue
        if field.required:
            yield not is_empty(value)
        if field.kind is Kind.GROUP and isinstance(value, list):
            for child in value:
                if isinstance(child, dict):
                    yield from _required(field.fields, child, answers)
