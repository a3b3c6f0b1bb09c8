"""States as earlier releases wrote them, brought into the form that `store` describes.

They are read for as long as a case may run on one; the next step writes the state anew.

Format 1: a part is [id of its task, specification, data, ..., id of the last task, rows]; a row is
[id, parent's place, state, specification, changed at, triggered, internal data, values set, values
removed].
"""

from typing import Any

FORMAT = 1
HEARD = "merged"


def renewed(own: list[Any], parts: list[list[Any]]) -> tuple[list[Any], list[list[Any]]]:
    """The instance and its parts, of format 1."""
    rows_of = [own[-1], *(part[-1] for part in parts)]
    where = {
        row[0]: (number, place)
        for number, rows in enumerate(rows_of)
        for place, row in enumerate(rows)
        if row[0]
    }
    inner = [[*where[part[0]], part[1], *_own(part[2:], where)] for part in parts]
    return _own(own, where), inner


def _own(own: list[Any], where: dict[str, tuple[int, int]]) -> list[Any]:
    *rest, last, rows = own
    place = where[last][1] if last in where else None
    return [*rest, place, [_row(row, place, rows) for place, row in enumerate(rows)]]


def _row(row: list[Any], place: int, rows: list[list[Any]]) -> list[Any]:
    known, parent, state, name, changed_at, triggered, internal, new, removed = row
    if internal and internal.get(HEARD):
        children = [each[0] for each in rows if each[1] == place]
        heard = [child.replace("-", "") for child in internal[HEARD]]
        places = [children.index(child) for child in heard if child in children]
        internal = {**internal, HEARD: places}
    return [parent, state, name, new, removed or None, internal, known, changed_at, triggered]
