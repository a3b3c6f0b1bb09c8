"""人员与单位: which units have a part in a case and why, and who sits on its panels."""

from dataclasses import dataclass
from datetime import datetime

from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models import CaseUnit, OrganisationKind, Panel
from webapp import db, labels
from webapp.cases.blueprint import bp
from webapp.cases.page import open_page, render
from webapp.seats import may_seat
from workflows.readers import Reader


@dataclass(frozen=True, slots=True)
class Unit:
    name: str
    kind: OrganisationKind
    parts: list[str]
    since: datetime


@dataclass(frozen=True, slots=True)
class Board:
    """One level's panel. `known`: the reader may know who sits on it; `seats`: may change that."""

    panel: Panel
    known: bool
    sealed: bool
    seats: bool


@bp.get("/<int:case_id>/people")
def people(case_id: int) -> ResponseReturnValue:
    page = open_page(case_id, "人员与单位")
    return render(
        "cases/people.html",
        page,
        tab="cases.people",
        units=_units(page.reader),
        boards=boards(page.reader),
    )


def _units(reader: Reader) -> list[Unit]:
    rows = db.session.scalars(
        select(CaseUnit)
        .where(CaseUnit.case_id == reader.case.id)
        .order_by(CaseUnit.id)
        .options(joinedload(CaseUnit.organisation))
    )
    found: dict[int, Unit] = {}
    for row in rows:
        unit = row.organisation
        shown = found.setdefault(
            unit.id,
            Unit(
                reader.unit(unit) if reader.hides_unit(unit) else unit.name,
                unit.kind,
                [],
                row.since,
            ),
        )
        shown.parts.append(labels.label(row.part))
    return list(found.values())


def boards(reader: Reader) -> list[Board]:
    """The panels of the case, county first."""
    return [
        Board(panel, reader.reads_panel(level), reader.is_sealed(level), may_seat(panel))
        for level, panel in sorted(reader.panels.items(), key=lambda pair: pair[0] != "county")
    ]
