"""救治关键环节: in which links of care problems were found, and which care plans were made or
changed about them (B13).

A link is the area (保健、医疗、管理) and, where one is named, the cell of the twelve. Every item of
the ledger is one found danger, whatever found it. Reads rows, changes nothing, knows no page.
"""

from dataclasses import dataclass, field

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from models import Appointment, CarePlan, Case, CaseKind, Rectification, Reopening
from workflows.item_scope import visible_items
from workflows.recurrence import items_of

MOST = 500


@dataclass(slots=True)
class Link:
    """One link with what was found in it. `bare`: how many of its items have no care plan."""

    area: str
    cell: int | None
    items: list[Rectification] = field(default_factory=list)
    bare: int = 0


def plans(session: Session, item_ids: list[int]) -> dict[int, list[CarePlan]]:
    """Care plans by item, in order."""
    found: dict[int, list[CarePlan]] = {}
    rows = session.scalars(
        select(CarePlan)
        .where(CarePlan.item_id.in_(item_ids))
        .options(joinedload(CarePlan.by))
        .order_by(CarePlan.id)
    )
    for row in rows:
        found.setdefault(row.item_id, []).append(row)
    return found


def items(
    session: Session,
    by: Appointment,
    case_id: int | None = None,
    kind: CaseKind | None = None,
) -> list[Rectification]:
    """The newest items that somebody sees, of one case, of one kind of case, or of all."""
    query = visible_items(by).options(joinedload(Rectification.owner))
    if case_id is not None:
        ours = items_of(case_id).with_only_columns(Rectification.id)
        query = query.where(Rectification.id.in_(ours))
    if kind is not None:
        theirs = select(Case.id).where(Case.kind == kind)
        again = select(Reopening.item_id).where(Reopening.case_id.in_(theirs))
        query = query.where(or_(Rectification.case_id.in_(theirs), Rectification.id.in_(again)))
    return list(session.scalars(query.order_by(Rectification.id.desc()).limit(MOST)))


def links(
    found: list[Rectification], made: dict[int, list[CarePlan]], *, only_bare: bool = False
) -> list[Link]:
    """By link; those with most items without a care plan first."""
    by_link: dict[tuple[str, int | None], Link] = {}
    for item in found:
        bare = item.id not in made
        if only_bare and not bare:
            continue
        link = by_link.setdefault((item.area, item.cell), Link(item.area, item.cell))
        link.items.append(item)
        link.bare += bare
    return sorted(by_link.values(), key=lambda link: (-link.bare, -len(link.items), link.area))
