"""What a panel's meeting has come to: who may sign in, who was there, who signs, what was reserved.

Reads rows, changes nothing, knows no page.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models import (
    Case,
    Document,
    Level,
    Meeting,
    Panel,
    PanelMember,
    Signature,
    Task,
    TaskState,
    TieBreak,
)
from workflows.forms.checks.review import leading
from workflows.forms.spec import Answers

_ZONE = ZoneInfo("Asia/Shanghai")
_UNNAMED = "评审专家"
AGENDA = (
    "签到",
    "病例介绍",
    "个人意见对照",
    "经治人员说明情况后离场",
    "讨论",
    "表决",
    "结论、问题和建议",
)  # what an agenda starts with: our own suggestion


def is_on(meeting: Meeting, now: datetime) -> bool:
    """Whether it is the day of the meeting, in China."""
    return meeting.held_at.astimezone(_ZONE).date() == now.astimezone(_ZONE).date()


def is_open(session: Session, panel: Panel) -> bool:
    """Whether the meeting is still to be written down: opinions opened, no sheet on its way."""
    step = select(Task.id).where(
        Task.case_id == panel.case_id,
        Task.level == panel.level.value,
        Task.form.like("conclusion.v%"),
        Task.state == TaskState.OPEN,
    )
    return panel.opened_at is not None and session.scalar(step.limit(1)) is not None


def may_vote(session: Session, meeting: Meeting, now: datetime) -> bool:
    """Whether a vote may be taken or decided: the day has come, nothing is written down yet, and
    nobody who treated her is in."""
    begun = meeting.held_at.astimezone(_ZONE).date() <= now.astimezone(_ZONE).date()
    return begun and not guests_in(meeting) and is_open(session, meeting.panel)


def present(meeting: Meeting) -> frozenset[int]:
    """Ids of the members that have signed in."""
    return frozenset(row.member_id for row in meeting.attendance)


def guests_in(meeting: Meeting) -> int:
    """How many who treated her have not left."""
    return sum(guest.left_at is None for guest in meeting.guests)


def tie_break(session: Session, panel: Panel, until: datetime | None = None) -> TieBreak | None:
    """What the chair decided for a tie, newest first; `until`: as it stood at that moment. Only of
    who is still the chair, unless a moment is asked for."""
    query = select(TieBreak).where(TieBreak.panel_id == panel.id)
    if until is None:
        query = query.where(TieBreak.chair_id == panel.chair_id)
    else:
        query = query.where(TieBreak.decided_at <= until)
    return session.scalars(
        query.order_by(TieBreak.id.desc()).limit(1).options(joinedload(TieBreak.chair))
    ).one_or_none()


def values(session: Session, panel: Panel) -> dict[str, Any]:
    """What the sheet of the conclusion starts with."""
    meeting, there = panel.meeting, present(panel.meeting)
    tie = tie_break(session, panel)
    return {
        "meeting.tie_reason": tie.reason if tie is not None else None,
        "meeting.held_at": meeting.held_at.astimezone(_ZONE).strftime("%Y-%m-%dT%H:%M+08:00"),
        "meeting.mode": meeting.mode.value,
        "meeting.place": meeting.place,
        "meeting.members": [
            {
                "user": member.user_id,
                "organisation": member.organisation_id,
                "is_guide": member.is_guide,
                "present": member.id in there,
                "voting": member.id in there,
            }
            for member in panel.members
            if member.ended_at is None
        ],
    }


def facts(panel: Panel) -> dict[str, Any]:
    """What the checks of the conclusion ask about the meeting."""
    there = present(panel.meeting)
    standing = [member for member in panel.members if member.ended_at is None]
    return {
        "members": {member.user_id: member.id in there for member in standing},
        "guests_in": guests_in(panel.meeting),
    }


def sheet_of(session: Session, case: Case, level: Level | str) -> Document | None:
    """The newest sheet of a level's conclusion, signed or not."""
    query = (
        select(Document)
        .join(Task, Task.id == Document.task_id)
        .where(
            Document.case_id == case.id,
            Document.form.like("conclusion.v%"),
            Task.level == str(level),
        )
    )
    return session.scalars(query.order_by(Document.id.desc()).limit(1)).one_or_none()


def attended(answers: Answers) -> frozenset[int]:
    """Ids of the people whom a sheet says to have been there."""
    return frozenset(row["user"] for row in answers.get("attendance", []) if row.get("present"))


def signers(panel: Panel, sheet: Document) -> list[PanelMember]:
    """Who signs besides the chair: who was there and still has a seat, in the order of seats."""
    there = attended(sheet.answers)
    return [
        member
        for member in panel.members
        if member.reads and member.user_id in there and member.user_id != panel.chair_id
    ]


def signatures(session: Session, sheet: Document) -> list[Signature]:
    """Under one sheet, in the order of seats: not of signing."""
    return list(
        session.scalars(
            select(Signature)
            .join(PanelMember, PanelMember.id == Signature.member_id)
            .where(Signature.sheet_id == sheet.id)
            .order_by(PanelMember.place)
            .options(joinedload(Signature.member).joinedload(PanelMember.user))
        )
    )


def reserved(session: Session, panel: Panel, sheet: Document) -> list[str]:
    """Views that members reserved: without names, in an order that tells nothing of whose they
    are, and only when nobody's signature is waited for any more."""
    waiting = select(Task.id).where(
        Task.case_id == panel.case_id,
        Task.level == panel.level.value,
        Task.lane == "signer",
        Task.state == TaskState.OPEN,
    )
    if session.scalar(waiting.limit(1)) is not None:
        return []
    said = select(Signature.reserved).where(
        Signature.sheet_id == sheet.id, Signature.reserved.is_not(None)
    )
    return sorted(text for text in session.scalars(said) if text)


@dataclass(frozen=True, slots=True)
class Line:
    """A signature under a sheet. `at` None: there is none, and `word` says why."""

    title: str
    name: str
    at: datetime | None
    word: str = ""


def lines(session: Session, panel: Panel, sheet: Document, *, named: bool) -> list[Line]:
    """The chair's and the members', in the order of their seats, absent ones noted, the secretary's
    and the leader's; `named`: for somebody who may know who sits on the panel."""
    there = attended(sheet.answers)
    ours = {row.member_id: row.signed_at for row in signatures(session, sheet)}
    chair = _chair_signed(session, panel, sheet)
    found = [Line("组长", panel.chair.name if named else _UNNAMED, chair, "" if chair else "未签")]
    found += _tie_line(session, panel, sheet, named=named)
    for member in panel.members:
        if member.ended_at is not None or member.user_id == panel.chair_id:
            continue
        at = ours.get(member.id)
        word = "" if at else ("未签" if member.user_id in there else "未到会")
        found.append(Line("专家", member.user.name if named else _UNNAMED, at, word))
    wrote = panel.secretary.name if named else "评审秘书"
    found.append(Line("秘书", wrote, sheet.submitted_at))
    return [*found, *_leader_line(session, panel, sheet)]


def _tie_line(session: Session, panel: Panel, sheet: Document, *, named: bool) -> list[Line]:
    """Who decided, where the votes of this sheet were equal."""
    if len(leading(sheet.answers)) < 2:
        return []
    tie = tie_break(session, panel, sheet.submitted_at)
    if tie is None or not sheet.answers.get("tie_reason"):
        return []
    return [Line("组长裁定（票数相同）", tie.chair.name if named else _UNNAMED, tie.decided_at)]


def _leader_line(session: Session, panel: Panel, sheet: Document) -> list[Line]:
    """The administration's leader, once they have signed this sheet."""
    signed = _answer_to(session, panel, sheet, "conclusion_endorsement")
    return [Line("行政负责人", signed.author.name, signed.submitted_at)] if signed else []


def _chair_signed(session: Session, panel: Panel, sheet: Document) -> datetime | None:
    """When the chair signed this sheet."""
    answer = _answer_to(session, panel, sheet, "conclusion_chair")
    signs = answer is not None and answer.answers.get("chair_decision") == "sign"
    return answer.submitted_at if answer is not None and signs else None


def _answer_to(session: Session, panel: Panel, sheet: Document, form: str) -> Document | None:
    """The first document of a form (name without version) that was handed in after a sheet."""
    query = (
        select(Document)
        .join(Task, Task.id == Document.task_id)
        .where(
            Document.case_id == panel.case_id,
            Document.form.like(f"{form}.v%"),
            Document.id > sheet.id,
            Task.level == panel.level.value,
        )
        .order_by(Document.id)
        .limit(1)
    )
    return session.scalars(query).one_or_none()
