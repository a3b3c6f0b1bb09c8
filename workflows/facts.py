"""Facts of the process that may call for 提醒、督导、约谈 or 通报: late, missing, not put right.

A firewall stands here: nothing of this module knows what a review thought. It reads cases, clocks,
flags, duties and the state of ledger items, never an opinion, a vote, a finding, a sheet or a draft
(tests/test_firewall.py). Each fact is told once: what has been proposed already is left out. Reads
rows, changes nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, String, and_, cast, select
from sqlalchemy.orm import Session, aliased, joinedload, load_only

from models import (
    Case,
    CaseState,
    Clock,
    Duty,
    DutyKind,
    Event,
    Measure,
    Motion,
    Organisation,
    Rectification,
    RectificationState,
)
from workflows.kinds import DEATHS

_ZONE = ZoneInfo("Asia/Shanghai")
_REPORTS = {"clock.first_report", "clock.case_submission"}
_FLAGS = {"R1": "漏报", "R2": "瞒报", "R3": "迟报", "R4": "死亡评审病历提供不完整"}
_OF_ITEMS = (  # what is to be put right, why and how is no fact of the process
    Rectification.number,
    Rectification.case_id,
    Rectification.owner_id,
    Rectification.acceptor_id,
    Rectification.state,
    Rectification.rejections,
    Rectification.deadline,
    Rectification.asked,
)
_MEASURES = {
    Measure.REMIND: "提醒",
    Measure.SUPERVISE: "督导",
    Measure.INTERVIEW: "约谈",
    Measure.NOTICE: "通报",
}
_OVER = (CaseState.VOIDED, CaseState.CLOSED)


@dataclass(frozen=True, slots=True)
class Fact:
    """`kind` as rules name it; `code` narrows it to the triggers of that code. `words` says what
    happened in plain words, with numbers of cases and items and no person's name. `asked`: the
    measure that somebody asked for."""

    kind: str
    key: str
    organisation: Organisation
    words: str
    code: str = ""
    case_id: int | None = None
    item_id: int | None = None
    late_duty_id: int | None = None
    times: int = 0
    asked: Measure | None = None


def flagged(session: Session, now: datetime) -> Iterator[Fact]:
    """What the county's MCH institution or a limit has marked a case with (A05, D01)."""
    code = Event.data["trigger"].as_string()
    rows = session.execute(
        select(Case, code, Event.data["what"].as_string())
        .join(Event, Event.case_id == Case.id)
        .where(
            Event.name == "case.flagged",
            code.in_(_FLAGS),
            Case.kind.in_(DEATHS),  # the clause speaks of deaths
            Case.state.not_in(_OVER),
            _new(code + ":" + cast(Case.id, String)),
        )
        .options(joinedload(Case.organisation))
        .order_by(Event.id)
    )
    for case, trigger, what in rows:
        said = f"（{what}）" if what else ""
        yield Fact(
            "flagged",
            f"{trigger}:{case.id}",
            case.organisation,
            f"病例 {case.number} 被标记「{_FLAGS[trigger]}」{said}。",
            code=trigger,
            case_id=case.id,
        )


def overdue_report(session: Session, now: datetime) -> Iterator[Fact]:
    """A report with a limit of its own that has passed it and is still not in (D01 迟报)."""
    rows = session.execute(
        select(Case, Clock)
        .join(Clock, Clock.case_id == Case.id)
        .where(
            Clock.rule_key.in_(_REPORTS),
            Clock.due_at < now,
            Clock.met_at.is_(None),
            Case.state.not_in(_OVER),
            _new("R3:" + cast(Case.id, String)),
        )
        .options(joinedload(Case.organisation))
        .order_by(Clock.id)
    )
    for case, clock in rows:
        yield Fact(
            "overdue_report",
            f"R3:{case.id}",
            case.organisation,
            f"病例 {case.number} 的{clock.title}应于 {_moment(clock.due_at)} 前完成，"
            f"至 {_moment(now)} 没有完成。",
            code="R3",
            case_id=case.id,
        )


def item_rejected(session: Session, now: datetime) -> Iterator[Fact]:
    """A ledger item that its acceptor has sent back; how often counts the rule (C03)."""
    for item in _items(session, "rejected", Rectification.rejections > 0):
        yield _of_item(
            item,
            "item_rejected",
            "rejected",
            f"台账条目 {item.number} 验收未通过 {item.rejections} 次，仍未销号。",
        )


def item_overdue(session: Session, now: datetime) -> Iterator[Fact]:
    """A ledger item not handed in for acceptance by the end of its deadline (C03, C04). What waits
    for its acceptor is not its owner's delay."""
    today = now.astimezone(_ZONE).date()
    late = and_(
        Rectification.deadline < today,
        Rectification.state != RectificationState.AWAITING_ACCEPTANCE,
    )
    for item in _items(session, "overdue", late):
        days = (today - (item.deadline or today)) // timedelta(days=1)
        yield _of_item(
            item,
            "item_overdue",
            "overdue",
            f"台账条目 {item.number} 的整改期限是 {item.deadline}，"
            f"至 {today} 逾期 {days} 天未销号。",
        )


def item_asked(session: Session, now: datetime) -> Iterator[Fact]:
    """A ledger item whose acceptor asked for a measure when sending it back (C03); once for each
    time it was sent back."""
    again = ":" + cast(Rectification.rejections, String)
    for item in _items(session, "asked", Rectification.asked.is_not(None), again):
        asked = Measure(item.asked or "")
        words = (
            f"台账条目 {item.number} 第 {item.rejections} 次验收未通过，"
            f"验收单位（{item.acceptor.short_name}）建议{_MEASURES[asked]}。"
        )
        fact = _of_item(item, "item_asked", "asked", words)
        yield replace(fact, key=f"{fact.key}:{item.rejections}", asked=asked)


def month_missing(session: Session, now: datetime) -> Iterator[Fact]:
    """A month's report that had not been handed in when the next month's fell due (A04)."""
    later = aliased(Duty)
    rows = session.scalars(
        select(Duty)
        .where(
            Duty.kind == DutyKind.MONTHLY_REPORT,
            Duty.content.is_(None),
            select(later.id)
            .where(
                later.kind == Duty.kind,
                later.organisation_id == Duty.organisation_id,
                later.starts_on > Duty.starts_on,
            )
            .exists(),
            _new("month:" + cast(Duty.id, String)),
        )
        .options(joinedload(Duty.organisation))
        .order_by(Duty.id)
    )
    for duty in rows:
        yield Fact(
            "month_missing",
            f"month:{duty.id}",
            duty.organisation,
            f"{duty.period}的孕产妇死亡个案月报（含零报告），到下一期开始报送时仍未报送。",
            late_duty_id=duty.id,
        )


FACTS: tuple[Callable[[Session, datetime], Iterator[Fact]], ...] = (
    flagged,
    overdue_report,
    item_asked,
    item_rejected,
    item_overdue,
    month_missing,
)


def _items(
    session: Session, prefix: str, what: ColumnElement[bool], suffix: ColumnElement[str] | str = ""
) -> list[Rectification]:
    return list(
        session.scalars(
            select(Rectification)
            .where(
                Rectification.state != RectificationState.CLOSED,
                what,
                _new(f"{prefix}:" + cast(Rectification.id, String) + suffix),
            )
            .options(
                load_only(*_OF_ITEMS, raiseload=True),
                joinedload(Rectification.owner),
                joinedload(Rectification.acceptor),
            )
            .order_by(Rectification.id)
        )
    )


def _of_item(item: Rectification, kind: str, prefix: str, words: str) -> Fact:
    return Fact(
        kind,
        f"{prefix}:{item.id}",
        item.owner,
        words,
        case_id=item.case_id,
        item_id=item.id,
        times=item.rejections if kind == "item_rejected" else 0,
    )


def _new(key: ColumnElement[str]) -> ColumnElement[bool]:
    """Nothing has been proposed for it yet."""
    return ~select(Motion.id).where(Motion.key == key).exists()


def _moment(at: datetime | None) -> str:
    return at.astimezone(_ZONE).strftime("%Y-%m-%d %H:%M") if at else ""
