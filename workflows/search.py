"""What a case is found by, and finding it: the beginning of an end is a range of an index.

Who may look is the caller's matter, and so is keeping those who may not read names from names.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, and_, delete, exists, func, insert, select
from sqlalchemy.orm import Session

from models import Case, KeyKind, Person, SearchKey
from models.base import begins

MANY = 2000  # keys of one query; what has more is so common that looking from the newest finds it


def remember(session: Session, case: Case, answers: Mapping[str, Any]) -> None:
    """Make a new case findable by its number and her name; a newborn's by the mother's, too, as its
    report or card has it."""
    names = (case.person.name, answers.get("mother_name") or "")
    keys = [(KeyKind.NUMBER, text) for text in ends_of_number(case.number)]
    keys += [(KeyKind.NAME, text) for text in dict.fromkeys(chain(*map(ends_of_name, names)))]
    rows = [{"case_id": case.id, "kind": kind, "text": text} for kind, text in keys]
    session.connection().execute(_REMEMBER, rows)


_REMEMBER = insert(cast(Table, SearchKey.__table__))


def forget(session: Session, case: Case) -> None:
    """Find the case by nothing, until it is remembered as it is now."""
    session.execute(delete(SearchKey).where(SearchKey.case_id == case.id))


def ends_of_number(number: str) -> Iterator[str]:
    """MD-990121-2026-0001, 990121-2026-0001, 2026-0001, 0001."""
    parts = number.split("-")
    for start in range(len(parts)):
        yield "-".join(parts[start:])


def ends_of_name(name: str) -> Iterator[str]:
    """沈云禾, 云禾, 禾."""
    for start in range(len(name)):
        yield name[start:]


def matching(session: Session, kind: KeyKind, words: str) -> ColumnElement[bool]:
    """Whether a case has an end that begins with the words.

    What few cases have is looked up; what MANY have is met soon by looking from the newest on, by
    the names of those whose cases they are.
    """
    if kind is KeyKind.NUMBER:
        words = words.upper()
    is_so = and_(SearchKey.kind == kind, begins(SearchKey.text, words))
    few = select(SearchKey.case_id).where(is_so).limit(MANY + 1)
    if (session.scalar(select(func.count()).select_from(few.subquery())) or 0) > MANY:
        if kind is KeyKind.NUMBER:
            return Case.number.contains(words, autoescape=True)
        named = Person.name.contains(words, autoescape=True)
        return exists().where(Person.case_id == Case.id, named)
    return Case.id.in_(few)
