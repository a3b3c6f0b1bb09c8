"""Queries made once for everybody of a role say of each person what is asked of them alone."""

from datetime import UTC, date, datetime
from itertools import product

import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite

from models import Appointment, Organisation, OrganisationKind, Role, User
from webapp import inbox, navigation, tasks
from workflows import register
from workflows.anybody import for_anybody

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
QUERIES = (inbox._waiting, inbox._opens, navigation._open, tasks._step, register._counted)
BESIDE = {"key": 7, "cases": [7, 8], "moment": NOW, "day": date(2026, 11, 22)}
HOSPITAL, COMMISSION = OrganisationKind.HOSPITAL, OrganisationKind.COMMISSION
SEATS = (  # role, kind of unit, who is absent where one stands in
    (Role.DEPARTMENT, HOSPITAL, None),
    (Role.DEPARTMENT, HOSPITAL, 61),
    (Role.QUALITY_OFFICE, HOSPITAL, None),
    (Role.COMMISSION, COMMISSION, 61),
    (Role.EXPERT, HOSPITAL, None),
    (Role.SECRETARY, COMMISSION, None),
    (Role.AUDITOR, COMMISSION, None),
)


def somebody(role: Role, kind: OrganisationKind, number: int, absent: int | None) -> Appointment:
    unit = Organisation(id=number + 1, kind=kind, region_code=f"9901{number}")
    held = Appointment(user_id=number, organisation_id=unit.id, organisation=unit, role=role)
    held.user = User(id=number)
    if absent is not None:
        held.stands_for_id, held.diagram = absent + 1, "rectification"
        held.stands_for = Appointment(id=absent + 1, user=User(id=absent), user_id=absent)
    return held


def told(query: Select[*tuple[object, ...]]) -> tuple[str, list[object]]:
    """What is asked, and the values it is asked for."""
    compiled = query.compile(dialect=sqlite.dialect())
    return str(compiled), [compiled.params[name] for name in compiled.positiontup or ()]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.__module__}.{query.__name__}")
def test_what_is_made_once_asks_for_each_person_what_it_would_ask_for_them_alone(query):
    told_of = []
    for number, (role, kind, absent) in product((41, 42), SEATS):
        by = somebody(role, kind, number, absent)  # the second finds the query made for the first
        made, values = query(by, **BESIDE)
        alone = query.__wrapped__(by).params(BESIDE)
        assert told(made.params(values)) == told(alone), (role, kind, absent)
        told_of.append(str(told(alone)))
    assert len(set(told_of)) > 2, "the people asked for are not told apart"


def test_a_query_that_looks_at_more_than_a_role_tells_is_refused():
    nosy = for_anybody(lambda by: by.department)
    with pytest.raises(AttributeError):
        nosy(somebody(Role.MCH, HOSPITAL, 41, None))
