"""What one reader is told of what happened in a case and of what was said about it.

An event or a comment tells no more than the sheet it is about: nothing of sealed opinions, nothing
of a draft, nothing of how another unit shares out its work. Knows no page.
"""

from collections.abc import Container
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models import Appointment, Audience, Comment, Event, Role
from workflows.events import EventName
from workflows.permissions import may

if TYPE_CHECKING:
    from workflows.readers import Reader

_REVIEWING = (Role.EXPERT, Role.SECRETARY)

# Events that say something about a sheet which not everybody may read
_OF_PANEL = {EventName.CONCLUSION_DRAFTED, EventName.CONCLUSION_RETURNED}
_OF_SEATS = {
    EventName.MEMBER_DECLARED,
    EventName.MEMBER_WITHDRAWN,
    EventName.MEMBER_SEATED,
    EventName.CHAIR_NAMED,
}
_OF_MEETING = {
    EventName.MEETING_PLANNED,
    EventName.MEETING_ATTENDED,
    EventName.GUEST_CAME,
    EventName.GUEST_LEFT,
    EventName.TIE_BROKEN,
}
_OF_COPIES = {EventName.COPY_MASKED, EventName.COPY_WITHHELD}
_OF_LETTER = {EventName.NOTICE_DRAFTED, EventName.NOTICE_RETURNED}
# How a desk shares out its work is its unit's own matter
OF_DESK = {
    EventName.TASK_CLAIMED,
    EventName.TASK_RELEASED,
    EventName.TASK_REASSIGNED,
    EventName.TASK_DELEGATED,
    EventName.TASK_HANDED_BACK,
    EventName.TASK_RECALLED,
    EventName.TASK_RANKED,
}
# What followed from a conclusion
_OUTCOMES = ("conclusion.", "item.", "notice.", "interview.")
_OF_UNIT = OF_DESK | {EventName.COMMENT_ADDED, EventName.COMMENT_WITHDRAWN}
# Traces of reading: for those who audit; to others they would tell who sits on a panel
TRACES = {
    EventName.CASE_READ,
    EventName.CASE_WATCHED,
    EventName.CASE_UNWATCHED,
    EventName.ATTACHMENT_READ,
    EventName.DOSSIER_REQUESTED,
    EventName.DOSSIER_RENDERED,
    EventName.DOSSIER_FAILED,
    EventName.DOSSIER_DOWNLOADED,
    EventName.NOTICE_PRINTED,
    EventName.NOTICE_UNPRINTED,
    EventName.NOTICE_DOWNLOADED,
    EventName.JOB_FAILED,
}


def reads_event(reader: "Reader", event: Event, readable: Container[int]) -> bool:
    """Whether one reader is told of an event. `readable`: ids of the documents they may read."""
    if not reader.reads_outcomes and _is_outcome(reader, event):
        return False
    if event.name == EventName.TASK_COMPLETED:
        return int(event.data.get("document") or 0) in readable
    if event.name == EventName.CASE_REWOUND:  # a sheet not to be read is not to be told of
        level = str(event.data.get("level", ""))
        return reader.reads_form(str(event.data.get("form", "")), level or None)
    if event.name in _OF_LETTER:
        return reader.reads_letters()
    if event.name in TRACES:
        return reader.by.role == Role.AUDITOR
    if event.name in _OF_UNIT:
        return _reads_of_unit(reader, event)
    return _reads_of_review(reader, event.name, str(event.data.get("level", "")))


def _is_outcome(reader: "Reader", event: Event) -> bool:
    """Whether it tells something of what a level concluded: of its items, by their limits too."""
    return event.name.startswith(_OUTCOMES) or event.data.get("clock") in reader.item_clocks


def audiences(reader: "Reader") -> list[tuple[Audience, str]]:
    """To whom this reader may say something: audience and level. A reviewer to nobody before
    the opinions are opened, and never to anybody but the panel."""
    if not may(reader.by, "comment:write"):
        return []
    if reader.by.role in _REVIEWING:
        open_to = [level for level in reader.panels if reader.reads_opinions(level)]
        return [(Audience.PANEL, level) for level in open_to]
    return [(Audience.UNIT, ""), (Audience.CASE, "")]


def reads_words(reader: "Reader", audience: Audience, level: str, organisation_id: int) -> bool:
    """Whether a comment made for that audience, by somebody of that unit, is shown."""
    if audience is Audience.PANEL:
        return reader.by.role in _REVIEWING and reader.reads_opinions(level)
    if reader.by.role in _REVIEWING:
        return False
    return audience is Audience.CASE or (
        organisation_id == reader.by.organisation_id and not reader.blind
    )


def comments(reader: "Reader") -> list[Comment]:
    """What was said that this reader may read, in order; nothing that was taken back."""
    rows = reader.session.scalars(
        select(Comment)
        .where(Comment.case_id == reader.case.id, Comment.withdrawn_at.is_(None))
        .order_by(Comment.id)
        .options(
            joinedload(Comment.author),
            joinedload(Comment.task),
            joinedload(Comment.appointment).joinedload(Appointment.organisation),
        )
    )
    return [row for row in rows if reads_comment(reader, row)]


def reads_comment(reader: "Reader", comment: Comment) -> bool:
    """Whether one comment is shown."""
    unit = comment.appointment.organisation_id
    return reads_words(reader, comment.audience, comment.level or "", unit)


def _reads_of_unit(reader: "Reader", event: Event) -> bool:
    """How a desk shares its work, and what was said."""
    if event.name in OF_DESK:
        return _reads_desk(reader, event)
    return _reads_of_comment(reader, event)


def _reads_of_comment(reader: "Reader", event: Event) -> bool:
    """That something was said: by those to whom it was said."""
    held, told = event.appointment, str(event.data.get("audience", Audience.UNIT))
    level = str(event.data.get("level", ""))
    return reads_words(reader, Audience(told), level, held.organisation_id if held else 0)


def _reads_desk(reader: "Reader", event: Event) -> bool:
    """Colleagues of the same unit, if they may know names; and auditors, who learn none."""
    if reader.by.role == Role.AUDITOR:
        return True
    held = event.appointment
    ours = held is not None and held.organisation_id == reader.by.organisation_id
    return ours and not reader.blind


def _reads_of_review(reader: "Reader", name: str, level: str) -> bool:
    """What happened on a panel. Auditors learn of seats and copies, not of whom."""
    audits = reader.by.role == Role.AUDITOR
    if name in (EventName.OPINION_FILED, EventName.OPINION_REVISED):
        return reader.reads_opinions(level)
    if name in _OF_MEETING:
        return reader.convenes(level) or reader.reads_opinions(level) or audits
    if name in _OF_COPIES:
        return reader.is_secretary or audits
    if name in _OF_SEATS:
        return reader.convenes(level) or audits
    if name == EventName.PANEL_OVERRIDDEN:
        return reader.reads_panel(level) or audits
    if name in _OF_PANEL:
        return reader.convenes(level) or reader.reads_conclusion(level)
    return True
