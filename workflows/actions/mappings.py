"""How a province's report card takes the conclusion in between: confirmed by a leader, anew at any
time, never silently and never for what has been signed before."""

from datetime import datetime

from sqlalchemy.orm import Session

from models import Appointment, Mapping, RegionLevel
from workflows.actions.tasks import InvalidAnswers
from workflows.events import EventName, record
from workflows.mappings import TWO, province_of
from workflows.permissions import Forbidden, may

LONGEST_SOURCE, SHORTEST_REASON, LONGEST_REASON = 100, 5, 500


def may_confirm(by: Appointment) -> bool:
    """A leader of a commission above the counties, for the own province."""
    return may(by, "mapping:confirm") and by.organisation.level is not RegionLevel.COUNTY


def confirm(
    session: Session,
    *,
    conditional: str,
    document: str,
    clause: str,
    reason: str,
    by: Appointment,
    now: datetime,
) -> Mapping:
    """By a document with its clause, or by a reason. Raises Forbidden, InvalidAnswers
    ("conditional", "document", "clause", "reason")."""
    if not may_confirm(by):
        raise Forbidden(by.id)
    document, clause, reason = document.strip(), clause.strip(), reason.strip()
    errors = _wrong(conditional, document, clause, reason)
    if errors:
        raise InvalidAnswers(errors)
    made = Mapping(
        province_code=province_of(by.organisation.region_code),
        conditional=conditional,
        document=document,
        clause=clause,
        reason=reason,
        confirmed_by=by,
        confirmed_at=now,
    )
    session.add(made)
    session.flush()
    record(
        session,
        EventName.MAPPING_CONFIRMED,
        by=by,
        now=now,
        province=made.province_code,
        mapping=made.id,
    )
    return made


def _wrong(conditional: str, document: str, clause: str, reason: str) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    if conditional not in TWO:
        errors["conditional"] = ["选择归入哪一类"]
    if max(len(document), len(clause)) > LONGEST_SOURCE:
        errors["document"] = [f"文件和条款各不超过 {LONGEST_SOURCE} 字"]
    if document and not clause:
        errors["clause"] = ["写明文件的条款"]
    if not document and len(reason) < SHORTEST_REASON:
        errors["reason"] = ["没有文件的，写明确认的理由"]
    if len(reason) > LONGEST_REASON:
        errors["reason"] = [f"理由不超过 {LONGEST_REASON} 字"]
    return errors
