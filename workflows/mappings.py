"""The two classes of the report card: what a province has confirmed, and what follows for one
conclusion. Until somebody has confirmed it there is no second class, and nothing is made up.

A conclusion keeps the confirmation that was in force when it was signed. Reads rows, changes
nothing, knows no page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from models import Appointment, Case, Conclusion, Document, Mapping, Panel
from workflows import kinds
from workflows.rules import UNCONFIRMED

_ZONE = ZoneInfo("Asia/Shanghai")
UNMAPPED = f"未映射：{UNCONFIRMED}"
CONDITIONAL = "conditionally_avoidable"
TWO = {"avoidable": "可避免", "unavoidable": "不可避免"}


@dataclass(frozen=True, slots=True)
class Carded:
    """A conclusion as the report card knows it. `code` None: the province has not confirmed how;
    without `words` there is no card of it."""

    code: str | None
    words: str
    basis: str = ""


def province_of(code: str) -> str:
    """The province of an area (GB/T 2260: the first two digits)."""
    return f"{code[:2]}0000"


def history(session: Session, province: str) -> Sequence[Mapping]:
    """All confirmations of a province, the one in force first."""
    return session.scalars(_of(province)).all()


def in_force(session: Session, case: Case) -> Mapping | None:
    """What holds for a case that is concluded now."""
    return session.scalars(_of(province_of(case.county_code)).limit(1)).one_or_none()


def _of(province: str) -> Select[Mapping]:
    return (
        select(Mapping)
        .where(Mapping.province_code == province)
        .order_by(Mapping.id.desc())
        .options(
            joinedload(Mapping.confirmed_by).options(
                joinedload(Appointment.user), joinedload(Appointment.organisation)
            )
        )
    )


def carded(code: str, mapping: Mapping | None) -> Carded:
    """A class of three as a class of two, by that confirmation."""
    two = class_of_two(code, mapping.conditional if mapping is not None else None)
    if mapping is None or two is None:
        return Carded(None, UNMAPPED)
    return Carded(two, TWO[two], basis(mapping))


def class_of_two(code: str, conditional: str | None) -> str | None:
    """The card's class; `conditional`: where the one in between goes, None if unconfirmed."""
    if conditional is None:
        return None
    return conditional if code == CONDITIONAL else code


def of_signed(conclusion: Conclusion) -> Carded:
    """What stands on the card of a conclusion that was signed: by what held at that moment."""
    return _of_case(conclusion.case, conclusion.code, conclusion.mapping)


def of_sheet(session: Session, panel: Panel, sheet: Document) -> Carded:
    """What a panel's sheet comes to: signed, by what held then; a draft, by what holds now."""
    signed = session.scalars(
        select(Conclusion).where(Conclusion.panel_id == panel.id)
    ).one_or_none()
    if signed is not None:
        return of_signed(signed)
    code, case = str(sheet.answers.get("conclusion") or ""), panel.case
    return _of_case(case, code, in_force(session, case))


def _of_case(case: Case, code: str, mapping: Mapping | None) -> Carded:
    """Only cards of some kinds have the two classes."""
    return carded(code, mapping) if kinds.of(case).carded else Carded(None, "")


def basis(mapping: Mapping) -> str:
    """Who confirmed it, when, and by what."""
    held = mapping.confirmed_by
    day = mapping.confirmed_at.astimezone(_ZONE).date().isoformat()
    source = f"依据{mapping.document} {mapping.clause}".strip() if mapping.document else ""
    why = "；".join(part for part in (source, mapping.reason) if part)
    return f"{held.organisation.name} {held.user.name} {day} 确认；{why}"
