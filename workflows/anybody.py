"""Queries made once for everybody of the same role; who asks is given to them as values.

SQLAlchemy takes longer to make a query than to ask it. What somebody may see has the same shape for
all who hold the same role at the same kind of unit: the scopes of `permissions` are given a figure
without a name here, whose ids are parameters, and the person's own ids when the query is asked.
"""

from collections.abc import Callable
from functools import cache, wraps
from types import SimpleNamespace
from typing import Any, TypeVarTuple, cast

from sqlalchemy import Integer, Select, String, bindparam

from models import Appointment, OrganisationKind, Role

Columns = TypeVarTuple("Columns")
Values = dict[str, Any]

_ME = bindparam("who_me", type_=Integer)
_PRINCIPAL = bindparam("who_principal", type_=Integer)
_UNIT = bindparam("who_unit", type_=Integer)
_AREA = bindparam("who_area", type_=String)


def for_anybody(
    make: Callable[[Appointment], Select[*Columns]],
) -> Callable[..., tuple[Select[*Columns], Values]]:
    """The query that `make` makes of somebody, with its values, for `session.execute(*query(by))`.

    `make` runs once for each figure. It may look at an appointment's role, unit (id, kind, area),
    person and principal (ids), and diagram; anything else raises AttributeError. What else the
    query asks for by name is given beside: `query(by, day=…)`.
    """

    @cache
    def made(
        role: Role, kind: OrganisationKind, substitute: bool, diagram: str | None
    ) -> Select[*Columns]:
        return make(_figure(role, kind, substitute, diagram))

    @wraps(make)
    def asked(by: Appointment, **values: Any) -> tuple[Select[*Columns], Values]:
        substitute = by.stands_for_id is not None
        query = made(by.role, by.organisation.kind, substitute, by.diagram)
        return query, _ids(by) | values

    return asked


def _figure(
    role: Role, kind: OrganisationKind, substitute: bool, diagram: str | None
) -> Appointment:
    figure = SimpleNamespace(
        role=role,
        user_id=_ME,
        principal=SimpleNamespace(id=_PRINCIPAL),
        organisation_id=_UNIT,
        organisation=SimpleNamespace(id=_UNIT, kind=kind, region_code=_AREA),
        stands_for_id=_PRINCIPAL if substitute else None,
        diagram=diagram,
    )
    return cast(Appointment, figure)


def _ids(by: Appointment) -> Values:
    return {
        _ME.key: by.user_id,
        _PRINCIPAL.key: by.user_id if by.stands_for_id is None else by.principal.id,
        _UNIT.key: by.organisation_id,
        _AREA.key: by.organisation.region_code,
    }
