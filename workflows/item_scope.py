"""Who sees which ledger items and their files, and for which units somebody may enter one.

As in permissions: unseen is absent. Knows no page and no form's words.
"""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    false,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session

from models import (
    Appointment,
    Attachment,
    Duty,
    DutyKind,
    Organisation,
    OrganisationKind,
    Rectification,
    Reopening,
    Zone,
)
from workflows.permissions import (
    COUNTY_DESKS,
    OFFICES,
    areas_of,
    case_ids,
    may,
    unread_below,
)
from workflows.rules import day_of

# The sheets of a ledger item, whether it belongs to a case or to a duty
ITEM_FORMS = ("rectification_", "ledger_item.", "extension_", "effect_check.")


def visible_items(by: Appointment) -> Select[Rectification]:
    """Ledger items our unit owns, accepts or guides; those of cases we may open; problems
    entered in our area or the areas below it, for the desks that look after them.

    What a duty's item says is hidden from nobody who sees it, so whoever may not know names sees
    none of those.
    """
    here = by.organisation_id
    ours: ColumnElement[bool] = or_(
        Rectification.owner_id == here,
        Rectification.acceptor_id == here,
        Rectification.guide_id == here,
    )
    if not may(by, "case:identify"):
        ours = and_(ours, Rectification.case_id.is_not(None))
    below: ColumnElement[bool] = false()
    if by.role in COUNTY_DESKS and by.organisation.kind in OFFICES:
        in_area = select(Duty.id).where(
            Duty.kind == DutyKind.LEDGER_ITEM, Duty.region_code.in_(areas_of(by))
        )
        below = Rectification.duty_id.in_(in_area)
    # Of one item this is a look by index; asked as a list it would be all cases one may open
    ids = case_ids(by)
    of_cases = ids.where(ids.selected_columns[0] == Rectification.case_id).exists()
    return select(Rectification).where(
        or_(ours, below, of_cases),
        *(_not_of(own) for own in unread_below(by)),
    )


def _not_of(cases: CompoundSelect[int]) -> ColumnElement[bool]:
    """Neither entered by the review of one of these cases, nor opened again by it."""
    again = select(Reopening.item_id).where(Reopening.case_id.in_(cases))
    return and_(
        or_(Rectification.case_id.is_(None), Rectification.case_id.not_in(cases)),
        Rectification.id.not_in(again),
    )


def may_own_items(session: Session, by: Appointment, owner: Organisation, now: datetime) -> bool:
    """Whether somebody may enter ledger items for a unit: their own; as MCH institution or
    commission those of their area and below; as rescue centre those of its zone's counties."""
    if owner.id == by.organisation_id:
        return True
    unit = by.organisation
    if unit.kind is OrganisationKind.RESCUE_CENTRE:
        today = day_of(now)
        counties = select(Zone.county_code).where(
            Zone.centre_id == unit.id,
            Zone.valid_from <= today,
            or_(Zone.valid_to.is_(None), Zone.valid_to >= today),
        )
        return owner.region_code in set(session.scalars(counties))
    return unit.kind in OFFICES and owner.region_code in set(session.scalars(areas_of(by)))


def files_of_duties(by: Appointment) -> ColumnElement[bool]:
    """Which files of duties one may have: of a ledger item's sheets, if one sees the item."""
    if not may(by, "ledger:view"):
        return false()
    seen = visible_items(by)
    hosts = seen.with_only_columns(Rectification.duty_id).where(Rectification.duty_id.is_not(None))
    about = select(Duty.id).where(Duty.item_id.in_(seen.with_only_columns(Rectification.id)))
    return and_(
        or_(Attachment.duty_id.in_(hosts), Attachment.duty_id.in_(about)),
        or_(*(Attachment.form.like(f"{form}%") for form in ITEM_FORMS)),
        true() if may(by, "case:identify") else false(),
    )
