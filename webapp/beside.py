"""What to read while filling in a step: the sheet one is to sign, the reasons one got it back for.

Links open in tabs of their own, so that the form stays as it is. What a form needs to be filled in
at all stands above it: the template `tasks/beside/<form>.html`, with what MATERIAL makes for it.
Only what the reader may read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import request, url_for
from sqlalchemy import select

from models import (
    PERIODIC,
    Case,
    DiseaseGroup,
    Document,
    Duty,
    Level,
    Notice,
    NoticeRecipient,
    Panel,
    Task,
)
from webapp import db, labels
from webapp.access import current
from workflows import differences, duties, meetings, panels, register, small_cells
from workflows.forms import load
from workflows.forms.checks.review import VOTES
from workflows.forms.load import base_name
from workflows.forms.spec import Answers
from workflows.kinds import DEATHS
from workflows.measure_readers import visible_measures
from workflows.measures import MEASURES
from workflows.permissions import opened_panels, visible_notices
from workflows.readers import OPINION, PANEL, Reader
from workflows.replies import visible_replies
from workflows.surroundings import panel_of, recognisable

# Form of the step: forms to read before it, of each the newest.
SHEETS = {
    "receipt": ("report",),
    "head_explanation": ("in_hospital_discussion",),
    "second_discussion": ("in_hospital_discussion",),
    "case_submission": ("verification", "in_hospital_discussion"),
    "verification": ("case_submission", "in_hospital_discussion"),
    "panel": ("case_submission",),
    "opinion": ("case_submission", "in_hospital_discussion"),
    "conclusion": ("conclusion_chair", "conclusion", "case_submission"),
    "conclusion_chair": ("conclusion",),
    "conclusion_signature": ("conclusion",),
    "conclusion_endorsement": ("conclusion",),
    "notice": ("conclusion", "notice_issue"),
    "notice_issue": ("notice",),
}
REVIEWS = ("conclusion", "conclusion_chair", "conclusion_signature", "conclusion_endorsement")
LEVELLED = (*REVIEWS, "notice", "notice_issue")


@dataclass(frozen=True, slots=True)
class Link:
    """`first`: what the step is about, to be read before anything is signed."""

    words: str
    address: str
    first: bool = False


def links(task: Task, *, opens: bool) -> list[Link]:
    """What stands beside the form of a step; `opens`: whether one may open the case."""
    found = [*_item(task), *_notice(task)]
    if task.duty is not None:
        return [*found, *_duty(task.duty)]
    if not opens or task.case is None:
        return found
    case_id = task.case_id
    found += [
        Link(
            load.load(row.form).title,
            url_for("cases.document", case_id=case_id, document_id=row.id),
            first=True,
        )
        for row in _sheets(task, task.case)
    ]
    if base_name(task.form) in REVIEWS:
        found += _opinions(task)
    if base_name(task.form) == OPINION and (panel := panel_of(db.session, task)) is not None:
        found.append(Link("申报利害关系", url_for("seats.declaration", panel_id=panel.id)))
    if register.has_course(db.session, task.case):
        found.append(Link("孕期风险评估经过（高危专案）", url_for("cases.risk", case_id=case_id)))
    found.append(Link("全部文书", url_for("cases.documents", case_id=case_id)))
    found.append(Link("附件", url_for("cases.files", case_id=case_id)))
    return found


def _opinions(task: Task) -> list[Link]:
    """What the panel wrote, side by side, for those who may read it; for others, what they may."""
    panel = db.session.scalars(
        opened_panels(current.appointment).where(
            Panel.case_id == task.case_id, Panel.level == task.level
        )
    ).one_or_none()
    if panel is None:
        return [Link("评审意见", url_for("cases.reviews", case_id=task.case_id))]
    return [Link("意见对照", url_for("reviews.show", panel_id=panel.id), first=True)]


def material(task: Task) -> Any:
    """What the template above the form of this step is given; None where there is none."""
    made = MATERIAL.get(base_name(task.form))
    return made(task) if made is not None else None


def _proposal(task: Task) -> panels.Proposal | None:
    if task.case is None:
        return None
    return panels.propose(
        db.session, task.case, Level(task.level or ""), current.now, chosen_groups()
    )


def chosen_groups() -> list[DiseaseGroup] | None:
    """The disease groups that the page was asked to propose from; None: nothing was asked."""
    if "groups" not in request.args:
        return None
    asked = set(request.args.getlist("group"))
    return [each for each in DiseaseGroup if each.value in asked]


def proposed_members(task: Task) -> dict[str, Any]:
    """What the form that appoints a panel starts with when groups were chosen on its page."""
    if base_name(task.form) != PANEL or chosen_groups() is None:
        return {}
    proposal = _proposal(task)
    return {"proposal.members": proposal.rows()} if proposal is not None else {}


def unheeded(task: Task, answers: Answers) -> str:
    """What the county's own procedure asks of a panel, and this one does not have."""
    if base_name(task.form) != PANEL or task.case is None:
        return ""
    users = [row["user"] for row in answers.get("members") or () if row.get("user")]
    return panels.unheeded(db.session, task.case, Level(task.level or ""), users, current.now)


def _meeting(task: Task) -> dict[str, Any] | None:
    """What the conclusion is written from: who has signed in, who is still in the room; and what
    the level below said, each part with what its change is asked a reason for."""
    panel = panel_of(db.session, task)
    if panel is None or task.case is None:
        return None
    reader = Reader(db.session, task.case, current.appointment)
    tie = meetings.tie_break(db.session, panel)
    return {
        "tie": tie,
        "votes": task.case.kind in DEATHS,
        "tied": VOTES[tie.code] if tie is not None else "",
        "panel": panel,
        "signed_in": len(panel.meeting.attendance),
        "seated": sum(member.ended_at is None for member in panel.members),
        "guests_in": meetings.guests_in(panel.meeting),
        "below": differences.compare(reader),
    }


def _month(task: Task) -> dict[str, Any] | None:
    """What the month's report comprises: as it stands while it is written, as filed after that."""
    if task.duty is None:
        return None
    if base_name(task.form) == "monthly_report":
        return duties.content(db.session, task.duty)
    return task.duty.content


def _recognisable(task: Task) -> list[small_cells.Risk]:
    return recognisable(db.session, task)


MATERIAL: Mapping[str, Callable[[Task], Any]] = {
    "notice_issue": _recognisable,
    "panel": _proposal,
    "conclusion": _meeting,
    "monthly_report": _month,
    "monthly_check": _month,
}


def _sheets(task: Task, case: Case) -> list[Document]:
    wanted = SHEETS.get(base_name(task.form), ())
    newest: dict[str, Document] = {}
    for row in Reader(db.session, case, current.appointment).documents():
        if base_name(row.form) in wanted and _fits(row, task):
            newest[base_name(row.form)] = row
    return [newest[base] for base in wanted if base in newest]


def _fits(row: Document, task: Task) -> bool:
    """What belongs to a level is read at that level; a conclusion is compared with the other's."""
    base, level = base_name(row.form), row.task.level if row.task else None
    if base not in LEVELLED:
        return True
    return (level == task.level) is (base != base_name(task.form))


def _duty(duty: Duty) -> list[Link]:
    if duty.kind in MEASURES:
        seen = visible_measures(current.appointment).where(Duty.id == duty.id)
        if not current.may("measure:view") or db.session.scalar(seen) is None:
            return []
        address = url_for("measures.show", duty_id=duty.id)
        return [Link(f"{labels.label(duty.kind)}的全部文书", address, first=True)]
    if duty.kind not in PERIODIC or not current.may("duty:view"):
        return []
    return [Link(duty.period, url_for("duties.show", duty_id=duty.id), first=True)]


def _item(task: Task) -> list[Link]:
    if task.rectification_id is None:
        return []
    return [Link("整改条目", url_for("ledger.show", item_id=task.rectification_id), first=True)]


def _notice(task: Task) -> list[Link]:
    """The notice that a unit is to sign for or to answer, or that somebody checks or issues."""
    base = base_name(task.form)
    if base in ("notice_reply", "notice_reply_reading"):
        return _reply(task)
    if base in ("letter_check", "notice_issue") and task.case is None:
        return _draft(task)
    if base != "notice_receipt":
        return []
    ours = select(NoticeRecipient.notice_id).where(
        NoticeRecipient.organisation_id == current.appointment.organisation_id
    )
    notice = db.session.scalars(
        visible_notices(current.appointment)
        .where(
            Notice.case_id == task.case_id,
            Notice.duty_id == task.duty_id,
            Notice.id.in_(ours),
        )
        .order_by(Notice.id.desc())
        .limit(1)
    ).one_or_none()
    if notice is None:
        return []
    return [Link("通报全文", url_for("notices.show", notice_id=notice.id), first=True)]


def _draft(task: Task) -> list[Link]:
    found = db.session.scalars(
        visible_notices(current.appointment)
        .where(Notice.duty_id == task.duty_id)
        .order_by(Notice.id.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        return []
    return [Link("通报草稿", url_for("notices.show", notice_id=found.id), first=True)]


def _reply(task: Task) -> list[Link]:
    """The notice, and what was answered and said of it before."""
    row = db.session.scalars(
        visible_replies(current.appointment).where(NoticeRecipient.reply_duty_id == task.duty_id)
    ).one_or_none()
    if row is None:
        return []
    links = [Link("通报全文", url_for("notices.show", notice_id=row.notice_id), first=True)]
    if row.replied_at is not None:
        links.append(Link("回复", url_for("replies.show", recipient_id=row.id), first=True))
    return links
