"""What the browser sent, as a list of names and values: put in order, and kept as a draft.

Knows the form's groups, nothing of answers.
"""

from collections.abc import Iterable

from webapp.forms.fields import row_defaults
from webapp.forms.reading import shown, tidy
from workflows.forms.spec import Field, Form, Kind

Pairs = list[tuple[str, str]]

OURS = frozenset({"csrf_token", "key"})  # fields of the page that are no answers


def worth_keeping(pairs: Iterable[tuple[str, str]]) -> Pairs:
    """Without what belongs to the page rather than to the person, and without passwords."""
    return [
        (name, value)
        for name, value in pairs
        if name not in OURS and not name.startswith("_") and "password" not in name.lower()
    ]


def compact(form: Form, pairs: Iterable[tuple[str, str]]) -> Pairs:
    """Rows of groups numbered from 0 in the order they stand on the page, blank ones dropped."""
    compacted = list(pairs)
    for field in form.fields():
        if field.kind is Kind.GROUP:
            compacted = _compact_group(field, compacted)
    return compacted


def _compact_group(group: Field, pairs: Pairs) -> Pairs:
    start = f"{group.name}."
    others: Pairs = []
    rows: dict[str, Pairs] = {}
    for name, value in pairs:
        index, dot, rest = name.removeprefix(start).partition(".")
        if name.startswith(start) and dot and index.isdecimal():
            rows.setdefault(index, []).append((rest, value))
        else:
            others.append((name, value))
    kept = [row for row in rows.values() if _says_something(group, row)]
    return others + [
        (f"{start}{place}.{rest}", value) for place, row in enumerate(kept) for rest, value in row
    ]


def _says_something(group: Field, row: Pairs) -> bool:
    kinds = {field.name: field.kind for field in group.fields}
    given = {name: shown(kinds[name], value) for name, value in row_defaults(group).items()}
    return any(tidy(value) not in ("", given.get(rest, "")) for rest, value in row)
