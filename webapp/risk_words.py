"""A risk as people read it: 黄☆, 橙＋紫; and how far a record has come through the five verbs.

确保做到“首诊发现一例、登记录入一例、警示报告一例、智慧管理一例、高效救治一例” (四(一)2): each is
said only where a row of the record says it. Knows no request.
"""

from dataclasses import dataclass
from datetime import datetime

from models import RiskColour, RiskEnd, RiskRecord
from webapp import labels
from workflows.register import Grade, grade_of

STAR = "☆"
COLOURS = {
    "red": "红",
    "orange": "橙",
    "star": f"黄{STAR}",
    "yellow": "黄",
    "green": "绿",
    "purple": "紫",
}


def told(grade: Grade) -> str:
    """绿, 黄☆, 橙＋紫, 紫."""
    if grade.purple and grade.colour is RiskColour.GREEN:
        return labels.label(RiskColour.PURPLE)
    word = labels.label(grade.colour) + (STAR if grade.star else "")
    return f"{word}＋{labels.label(RiskColour.PURPLE)}" if grade.purple else word


def marks(grade: Grade) -> list[tuple[str, str]]:
    """Code of the colour and its word, for the marks that stand for it."""
    found = [(grade.colour.value, labels.label(grade.colour) + (STAR if grade.star else ""))]
    if grade.purple:
        purple = (RiskColour.PURPLE.value, labels.label(RiskColour.PURPLE))
        found = [purple] if grade.colour is RiskColour.GREEN else [*found, purple]
    return found


@dataclass(frozen=True, slots=True)
class Verb:
    """One of the five. `at` None: no row says so yet; `why`: what it rests on, or what is
    missing."""

    title: str
    at: datetime | None
    why: str


def verbs(row: RiskRecord) -> list[Verb]:
    """发现、登记、警示报告、管理、救治, each from what is on record."""
    asked = any(grade_of(each).special for each in row.assessments)
    reports = [each.report for each in row.assessments if each.report is not None]
    reported = min((r.reported_at for r in reports if r.reported_at), default=None)
    received = min((r.received_at for r in reports if r.received_at), default=None)
    return [
        Verb("首诊发现", row.assessments[0].at, ""),
        Verb("登记录入", row.registered_at, ""),
        Verb("警示报告", reported, "" if reported else "待报送" if asked else "橙、红、紫才报送"),
        Verb("管理", received, "" if received else "待接收" if asked else "橙、红、紫才接收"),
        _cared_for(row),
    ]


def _cared_for(row: RiskRecord) -> Verb:
    if row.outcome is RiskEnd.POSTPARTUM:
        return Verb("救治", row.closed_at, "产后满 42 天")
    referred = [each.at for each in row.assessments if each.referred_to_id is not None]
    return (
        Verb("救治", min(referred), "已转诊") if referred else Verb("救治", None, "尚无转诊或结局")
    )
