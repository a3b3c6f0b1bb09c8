"""评审意见对照: a panel's opinions side by side, once opened, for those who sit on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from models import Case, CaseKind, Level, Panel, PanelMember, Role
from webapp import dates, db, labels, words
from webapp.access import current
from webapp.cases.page import leave_trace
from webapp.statistics import FEWEST_FOR_SHARE, kind_asked
from workflows import quarters
from workflows.agreement import Agreement, Cell, Drift, Missing, agreement, compare, drift
from workflows.permissions import opened_panels
from workflows.readers import Reader

bp = Blueprint("reviews", __name__, url_prefix="/reviews")

WHY_NO_KAPPA = {
    Missing.FEW_RATERS: "专家不足 3 人，只看一致率",
    Missing.ONE_SUBJECT: "一例不能算 κ",
    Missing.NO_VARIANCE: "意见完全相同，κ 无定义",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One cell of the grid: here, and over the year's cases."""

    cell: Cell
    here: Agreement
    year: Agreement | None


@bp.get("/quarters")
def by_quarter() -> ResponseReturnValue:
    """How the panels one sat on or served have come to agree, quarter by quarter. 404 for whoever
    reads no opinions at all."""
    if current.appointment.role not in (Role.EXPERT, Role.SECRETARY):
        abort(404)
    span = quarters.latest(current.now)
    kind = CaseKind(kind_asked() or CaseKind.MATERNAL_DEATH)
    found = {
        level: rows
        for level in Level
        if (rows := quarters.agreed(db.session, span, level, kind, by=current.appointment))
    }
    return render_template(
        "reviews/quarters.html",
        found=found,
        words=quarters.conclusion_words(kind),
        kinds=labels.choices(CaseKind),
        kind=kind.value,
        cells=quarters.cell_words(),
        used={
            level: {c for row in rows for c in row.drift.ticked} for level, rows in found.items()
        },
        few=FEWEST_FOR_SHARE,
        part=_part,
        percent=percent,
        kappa=kappa,
    )


def _part(count: int, of: int, cases: int) -> str:
    """A share only where there are enough cases for one."""
    return f"{count / of:.0%}" if of and cases >= FEWEST_FOR_SHARE else ""


@bp.get("/<int:panel_id>")
def show(panel_id: int) -> ResponseReturnValue:
    """Cell by cell, where they differ, and how far they agree. 404 for everybody else, and for
    everybody before the opening."""
    panel = db.one_or_404(
        opened_panels(current.appointment)
        .where(Panel.id == panel_id)
        .options(
            joinedload(Panel.case).joinedload(Case.person),
            selectinload(Panel.members).joinedload(PanelMember.user),
        )
    )
    reader = Reader(db.session, panel.case, current.appointment)
    if not reader.reads_opinions(panel.level.value):
        abort(404)
    dates.tell_by(panel.case)
    leave_trace(panel.case, "意见对照")
    compared = compare(db.session, panel, reader.names().icd10)
    year = _year(panel)
    rows = [
        Row(cell, agreement([cell.counts]), year.cells.get(cell.code) if year else None)
        for cell in compared.cells
    ]
    return render_template(
        "reviews/show.html",
        panel=panel,
        case=panel.case,
        reader=reader,
        compared=compared,
        missing=[m for m in panel.members if not m.ended_at and m not in compared.experts],
        conclusion=agreement([compared.conclusion.counts]),
        ticked=[row for row in rows if row.cell.counts[0]],
        unticked=[row.cell for row in rows if not row.cell.counts[0]],
        year=year,
        percent=percent,
        kappa=kappa,
    )


def _year(panel: Panel) -> Drift | None:
    """All cases of the same year and level, as far as the reader sat on them; None for one."""
    if panel.opened_at is None:
        return None
    local = words.local(panel.opened_at)
    begin = datetime(local.year, 1, 1, tzinfo=local.tzinfo).astimezone(UTC)
    end = datetime(local.year + 1, 1, 1, tzinfo=local.tzinfo).astimezone(UTC)
    panels: Sequence[Panel] = db.session.scalars(
        opened_panels(current.appointment)
        .where(
            Panel.level == panel.level,
            Panel.opened_at >= begin,
            Panel.opened_at < end,
            Panel.case_id.in_(select(Case.id).where(Case.kind == panel.case.kind)),
        )
        .order_by(Panel.id)
    ).all()
    return drift(db.session, panels) if len(panels) > 1 else None


def percent(share: Fraction | None) -> str:
    """Such as 60%; a dash where nobody can be compared."""
    return "—" if share is None else f"{float(share):.0%}"


def kappa(found: Agreement) -> str:
    """Such as 0.43, or why there is none."""
    if found.missing:
        return WHY_NO_KAPPA[found.missing]
    return f"{float(found.kappa or 0):.2f}".replace("-", "−")
