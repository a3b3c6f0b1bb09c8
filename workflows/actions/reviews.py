"""What follows from the steps of a review: panel, opinions, conclusion, findings, ledger items."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from models import (
    Conclusion,
    Document,
    Finding,
    Level,
    Opinion,
    OrganisationKind,
    Panel,
    PanelMember,
    UnitPart,
)
from workflows import differences, mappings, meetings, places, recusal
from workflows.actions.ledger import open_finding
from workflows.actions.meetings import open_meeting
from workflows.actions.tasks import Handing, InvalidAnswers
from workflows.engine import Flags
from workflows.events import EventName, record
from workflows.forms.checks.review import VOTES, leading
from workflows.forms.comparison import Part, changed, reason
from workflows.permissions import Forbidden
from workflows.services import add_unit
from workflows.surroundings import panel_of

_ZONE = ZoneInfo("Asia/Shanghai")


def appoint_panel(step: Handing) -> Flags:
    """The experts of this level's review, each with a seat; the guide comes from the zone map.

    InvalidAnswers for whoever should stand back, unless the commission says why not (B03).
    """
    answers = step.answers
    overridden = _check_recusal(step)
    panel = Panel(
        case=step.case,
        level=Level(step.task.level or ""),
        organisation_id=step.by.organisation_id,
        chair_id=answers["chair"],
        secretary_id=answers["secretary"],
        guide_organisation_id=answers.get("guide_organisation"),
        planned_at=datetime.fromisoformat(answers["planned_at"]),
        convened_at=step.now,
    )
    panel.members = [_member(step, place, row) for place, row in enumerate(answers["members"])]
    panel.meeting = open_meeting(
        panel, panel.planned_at, answers["mode"], answers.get("place") or ""
    )
    step.session.add(panel)
    step.session.flush()
    if panel.guide_organisation_id is not None:
        add_unit(step.case, panel.guide_organisation_id, UnitPart.GUIDE, step.now)
    record(
        step.session,
        EventName.PANEL_APPOINTED,
        case=step.case,
        by=step.by,
        now=step.now,
        level=step.task.level,
        members=len(panel.members),
    )
    for row in overridden:
        record(
            step.session,
            EventName.PANEL_OVERRIDDEN,
            case=step.case,
            by=step.by,
            now=step.now,
            level=step.task.level,
            member=row["user"],
            reason=row["override_reason"],
        )
    return {"n_experts": len(panel.members)}


def _check_recusal(step: Handing) -> list[dict[str, Any]]:
    """The rows of those who should stand back and are wanted with a reason. InvalidAnswers for
    those who should and are not, each on its row."""
    why: dict[int, list[str]] = {}
    for conflict in recusal.conflicts(step.session, step.case):
        why.setdefault(conflict.user_id, []).append(conflict.reason)
    units = recusal.treating(step.session, step.case)
    errors, overridden = {}, []
    for place, row in enumerate(step.answers["members"]):
        found = why.get(row["user"], [])
        if not found and (unit := units.get(row.get("organisation", 0))):
            found = [f"所填单位{unit.unit.name}参加过救治"]
        if found and row.get("override_reason"):
            overridden.append(row)
        elif found:
            errors[f"members.{place}.user"] = [
                f"应当回避：{'；'.join(dict.fromkeys(found))}。"
                "请另选他人；确需聘请的，写明不回避的理由"
            ]
    if errors:
        raise InvalidAnswers(errors)
    return overridden


def _member(step: Handing, place: int, row: dict[str, Any]) -> PanelMember:
    return PanelMember(
        user_id=row["user"],
        organisation_id=row.get("organisation") or step.by.organisation_id,
        place=place,
        is_guide=bool(row.get("is_guide")),
    )


def file_opinion(step: Handing) -> Flags:
    """One expert's own opinion, sealed. The event does not say whose: filing itself is sealed."""
    panel = _panel(step)
    member = next(m for m in panel.members if m.place == step.task.index)
    if not member.reads:
        raise Forbidden("an opinion before its declaration")
    step.session.add(
        Opinion(
            panel=panel,
            member=member,
            document=step.document,
            conclusion=step.answers["conclusion"],
            filed_at=step.now,
        )
    )
    return {}


def draft_conclusion(step: Handing) -> Flags:
    """The secretary's minutes and conclusion go to the chair, who must still be one."""
    panel = _panel(step)
    if panel.chair_id not in [member.user_id for member in panel.members if member.reads]:
        raise InvalidAnswers(
            {"chair": ["组长已退出评审，请组织单位在「专家组变动」中重新指定组长"]}
        )
    _check_tie(step, panel)
    record(
        step.session,
        EventName.CONCLUSION_DRAFTED,
        case=step.case,
        by=step.by,
        now=step.now,
        level=step.task.level,
        edition=step.document.edition,
    )
    return {}


def _check_tie(step: Handing, panel: Panel) -> None:
    """Equal votes are decided by the chair, under the chair's own account: by nobody's typing."""
    if len(leading(step.answers)) < 2:
        return
    tie = meetings.tie_break(step.session, panel)
    if tie is None:
        raise InvalidAnswers(
            {"conclusion": ["票数相同，请组长用本人账号在评审会页面裁定并写明理由"]}
        )
    if tie.code != step.answers["conclusion"]:
        raise InvalidAnswers({"conclusion": [f"组长裁定为「{VOTES[tie.code]}」，结论应与裁定一致"]})


def chair_conclusion(step: Handing) -> Flags:
    """The chair signs, or sends the draft back. Not who has given up the seat meanwhile. Then the
    others who were there sign, each by themselves."""
    panel = _panel(step)
    if not any(each.user_id == step.by.user_id and each.reads for each in panel.members):
        raise Forbidden("the chair has left the panel")
    if step.answers["chair_decision"] == "return":
        record(
            step.session,
            EventName.CONCLUSION_RETURNED,
            case=step.case,
            by=step.by,
            now=step.now,
            level=step.task.level,
        )
    return {"n_signers": len(meetings.signers(panel, _drafted(step)))}


def endorse_conclusion(step: Handing) -> Flags:
    """The administration signs: the level's conclusion stands, its findings enter the ledger."""
    panel = _panel(step)
    document = _drafted(step)
    answers, below = (
        document.answers,
        differences.answers_below(step.session, step.case, panel.level),
    )
    conclusion = Conclusion(
        panel=panel,
        case=step.case,
        level=panel.level,
        document=document,
        code=answers["conclusion"],
        votes={key: value for key, value in answers.items() if key.startswith("votes_")},
        factors=list(answers.get("major_factors") or answers.get("major") or []),
        difference=reason(answers, Part.CONCLUSION) or None,
        changes=[part.value for part in changed(below, answers)] if below else [],
        mapping=mappings.in_force(step.session, step.case),
        signed_at=step.now,
    )
    step.session.add(conclusion)
    if panel.level is Level.COUNTY:
        step.case.county_concluded = True
    else:
        step.case.city_concluded = True
    step.session.flush()
    items = [
        item
        for row in answers.get("problems", [])
        if (item := _find(step, conclusion, row)) is not None
    ]
    for place, finding in enumerate(items):
        open_finding(
            step.session,
            step.case,
            finding,
            level=panel.level.value,
            place=place,
            acceptor_id=_acceptor(step, panel.level, finding.organisation_id),
            by=step.by,
            now=step.now,
        )
    record(
        step.session,
        EventName.CONCLUSION_SIGNED,
        case=step.case,
        by=step.by,
        now=step.now,
        level=panel.level.value,
        items=len(items),
    )
    return {"n_items": len(items)}


def _drafted(step: Handing) -> Document:
    """The newest conclusion sheet of this level."""
    sheet = meetings.sheet_of(step.session, step.case, step.task.level or "")
    if sheet is None:
        raise LookupError("a review without a conclusion")
    return sheet


def _find(step: Handing, conclusion: Conclusion, row: dict[str, Any]) -> Finding | None:
    """Keep a problem; returns it if it must be put right."""
    finding = Finding(
        case=step.case,
        conclusion=conclusion,
        text=row["text"],
        area=row["area"],
        scope=row["scope"],
        kind=row.get("kind"),
        cell=int(row["cell"]) if row.get("cell") else None,
        evidence=row.get("evidence", ""),
        organisation_id=row["organisation"],
        waived_reason=None if row.get("rectify") else row.get("waived_reason"),
        improves=row.get("improves"),
        improved=row.get("improved_text"),
    )
    step.session.add(finding)
    step.session.flush()
    return finding if row.get("rectify") else None


def _acceptor(step: Handing, level: Level, owner_id: int) -> int:
    """Never the owner: this level's commission, or the city's if that one owns the item (C05)."""
    for where in (level, Level.CITY, Level.COUNTY):
        unit = places.unit_of(step.session, step.case, OrganisationKind.COMMISSION, where)
        if unit.id != owner_id:
            return unit.id
    raise places.NoUnit("no unit can accept its own ledger item")


def _panel(step: Handing) -> Panel:
    panel = panel_of(step.session, step.task)
    if panel is None:
        raise LookupError("a review step without a panel")
    return panel
