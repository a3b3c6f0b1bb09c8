"""Lists page by page: the rows of one page and how many there are. Three queries, however long.

A list that may be very long is counted and turned only so far: `most`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import request, url_for
from sqlalchemy import Select, func, literal_column, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ExecutableOption

from webapp.db import PLANNED


@dataclass(frozen=True, slots=True)
class Page:
    """`number` counts from 1. `more`: there are rows beyond `total`, which are not listed."""

    rows: Sequence[Any]
    number: int
    total: int
    size: int
    more: bool = False

    @property
    def last(self) -> int:
        return max(1, -(-self.total // self.size))

    def mapped(self, make: Callable[[Any], Any]) -> "Page":
        """The same page with each row made into something else."""
        return replace(self, rows=[make(row) for row in self.rows])

    def link(self, number: int) -> str:
        """Address of another page of the same list."""
        kept = {name: value for name, value in request.args.items() if name != "page" and value}
        values: dict[str, Any] = {**kept, **(request.view_args or {}), "page": number}
        return url_for(request.endpoint or "", **values)


def paged(
    session: Session,
    query: Select[Any],
    size: int,
    most: int | None = None,
    ids: Select[int] | None = None,
) -> Page:
    """The page that `?page=` asks for; the last one when it asks for more than there is. `ids`: as
    many as there are rows, where these are found with less."""
    counted: Select[Any] = query.order_by(None).with_only_columns(
        literal_column("1").label("one"), maintain_column_froms=True
    )
    if ids is not None:
        counted = ids.distinct()
    if most is not None:
        counted = counted.limit(most + 1)
    count = select(func.count()).select_from(counted.subquery())
    there = session.scalar(count, execution_options=PLANNED) or 0
    total = there if most is None else min(there, most)
    number = _asked(total, size)
    rows = _rows(session, query, (number - 1) * size, size) if total else []
    return Page(rows, number, total, size, there > total)


def bounded(
    session: Session, query: Select[Any], size: int, most: int, load: Sequence[ExecutableOption]
) -> Page:
    """The same where what is asked takes long to find: it is asked once, for the ids of all that is
    counted and turned to; then the rows of the page, with what is loaded beside them."""
    entity = query.column_descriptions[0]["entity"]
    ids = query.with_only_columns(entity.id, maintain_column_froms=True).limit(most + 1)
    found = session.scalars(ids, execution_options=PLANNED).all()
    page = sliced(found[:most], size)
    rows = session.scalars(select(entity).where(entity.id.in_(page.rows)).options(*load)).unique()
    by_id = {row.id: row for row in rows}
    there = [by_id[key] for key in page.rows]
    return replace(page, rows=there, more=len(found) > most)


def _rows(session: Session, query: Select[Any], start: int, size: int) -> Sequence[Any]:
    """First which rows, then the rows: what is joined to them is not sorted with all the others."""
    key = query.column_descriptions[0]["entity"].id
    keys = query.with_only_columns(key, maintain_column_froms=True).offset(start).limit(size)
    there = session.scalars(keys, execution_options=PLANNED).all()
    return session.scalars(query.where(key.in_(there))).unique().all()


def sliced(rows: Sequence[Any], size: int) -> Page:
    """The page that `?page=` asks for, of rows at hand."""
    number = _asked(len(rows), size)
    return Page(rows[(number - 1) * size : number * size], number, len(rows), size)


def _asked(total: int, size: int) -> int:
    last = max(1, -(-total // size))
    return min(max(1, request.args.get("page", 1, type=int)), last)
