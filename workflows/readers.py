"""What of one case one person may read: names, the panel, sheets, files, what happened.

Whether a person may open the case at all is `permissions.visible_cases`' matter; this module says
how much of it is shown then. Pages and dossiers ask it, so that both hide the same. Knows no page.
"""

from collections.abc import Container
from dataclasses import replace
from datetime import date
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer, joinedload, selectinload

from models import (
    Appointment,
    Attachment,
    Case,
    Clock,
    Conclusion,
    DataClass,
    Document,
    Event,
    Notice,
    Opinion,
    Organisation,
    OrganisationKind,
    Panel,
    PanelMember,
    Role,
    Task,
    User,
)
from workflows import happenings, identity, kinds, recusal
from workflows.forms.load import base_name, load
from workflows.forms.moment import moment
from workflows.forms.sheet import SheetRow, SheetSection, sheet
from workflows.forms.spec import Field, Kind
from workflows.names import Names, acting
from workflows.permissions import LEADING, may, reads_opinions, reviews_anew
from workflows.veil import HIDDEN, Veil, relative, relative_day, squeezed

_BLIND = frozenset({DataClass.PERSONAL, DataClass.SECRET})
_SIGHTED = frozenset({DataClass.SECRET})
_TREATING = (OrganisationKind.HOSPITAL, OrganisationKind.RESCUE_CENTRE)
_REVIEWING = (Role.EXPERT, Role.SECRETARY)
_OF_REVIEW = (*LEADING, *_REVIEWING)
_OFFICES = (Role.MCH, Role.COMMISSION, Role.COMMISSION_LEADER)

_BAND = 5  # years
OPINION, PANEL = "opinion", "panel"
REDACTED = "redacted_copy"  # the copy of the record made for reviewers
_DRAFTS = ("conclusion", "conclusion_chair", "conclusion_endorsement")
_SIGNATURE = "conclusion_signature"  # what a member wrote while signing: nobody else's to read
_LETTERS = ("notice", "notice_issue")
# What a level's conclusion has led to, besides its letters
_OUTCOMES = ("notice_receipt", "rectification_plan", "rectification_progress",
             "rectification_acceptance", "archive", "province_conclusion")  # fmt: skip
# What was written down before the review: reviewers read it without days
OF_THE_FILE = (
    "report",
    "receipt",
    "in_hospital_discussion",
    "head_explanation",
    "second_discussion",
    "case_submission",
    "verification",
)
_SIGNED_BY_PANEL = ("conclusion", "conclusion_chair", OPINION)


def dayless(by: Appointment) -> bool:
    """Whether one is told the moments of a case by the death: who reviews. Who audits needs days:
    they check limits."""
    return by.role in _REVIEWING


class Reader:
    """One person acting under one appointment, in front of one case that is visible to them."""

    def __init__(self, session: Session, case: Case, by: Appointment) -> None:
        self.session, self.case, self.by = session, case, by
        panels = session.scalars(
            select(Panel)
            .where(Panel.case_id == case.id)
            .options(
                joinedload(Panel.chair),
                joinedload(Panel.secretary),
                joinedload(Panel.organisation),
                joinedload(Panel.guide_organisation),
                selectinload(Panel.members).options(
                    joinedload(PanelMember.user), joinedload(PanelMember.organisation)
                ),
            )
        )
        self.panels: dict[str, Panel] = {panel.level.value: panel for panel in panels}
        signed = select(Conclusion.level).where(Conclusion.case_id == case.id)
        self.concluded = frozenset(level.value for level in session.scalars(signed))
        self.reviews_anew = any(reviews_anew(by, panel) for panel in self.panels.values())
        issued = select(Notice.id).where(Notice.case_id == case.id, Notice.issued_at.is_not(None))
        written = (
            select(Opinion)
            .where(Opinion.panel_id.in_(panel.id for panel in self.panels.values()))
            .options(joinedload(Opinion.member))
        )
        self._opinions = {
            opinion.document_id: opinion
            for opinion in (session.scalars(written) if self.panels else ())
        }
        self.void = frozenset(
            key for key, opinion in self._opinions.items() if opinion.voided_at is not None
        )
        self.letter_is_out = session.scalars(issued.limit(1)).first() is not None

    # Who she was, who treated her

    @property
    def blind(self) -> bool:
        """Sees no name, number, address, no hospital and none of its people."""
        return not may(self.by, "case:identify")

    @property
    def hidden(self) -> frozenset[DataClass]:
        """Classes of answers that this reader is not shown."""
        return _BLIND if self.blind else _SIGHTED

    @property
    def subject(self) -> str:
        """The woman's name, or what may stand for it."""
        person = self.case.person
        return person.masked_name if self.blind else person.name

    @property
    def dayless(self) -> bool:
        """See `dayless`, for the appointment one acts under."""
        return dayless(self.by)

    def hides_unit(self, unit: Organisation) -> bool:
        """Whether this unit's name would tell a blind reader where she was treated."""
        return self.blind and (unit.kind in _TREATING or unit.id in self._treating)

    @cached_property
    def _treating(self) -> frozenset[int]:
        if not self.blind:
            return frozenset()
        return frozenset(recusal.treating(self.session, self.case))

    def unit(self, unit: Organisation | None) -> str:
        """A unit's short name, or what may stand for it."""
        if unit is None:
            return ""
        if not self.hides_unit(unit):
            return unit.short_name
        return "报告单位" if unit.id == self.case.organisation_id else "医疗机构"

    def person(self, user: User | None, held: Appointment | None = None) -> str:
        """A person's name, or nothing where it is not for this reader."""
        if user is None:
            return ""
        name = acting(held) if held is not None and held.user_id == user.id else user.name
        if user.id == self.by.user_id:
            return name
        if held is not None and self.blind and held.role not in _OF_REVIEW:
            return ""
        if held is not None and held.role == Role.EXPERT and not self.knows_expert(user.id):
            return ""
        return name

    def knows_expert(self, user_id: int) -> bool:
        """Whether this person sits on a panel that the reader may know."""
        seats = {
            seat
            for level, panel in self.panels.items()
            if self.reads_panel(level)
            for seat in (panel.chair_id, *(member.user_id for member in panel.members))
        }
        return user_id in seats

    # The review

    def convenes(self, level: str) -> bool:
        """The secretary, and the administration that called the panel. Not its chair, who is one
        of the reviewers until the opinions are opened."""
        panel = self.panels.get(level)
        if panel is None:
            return False
        if self.by.user_id == panel.secretary_id:
            return True
        return self.by.organisation_id == panel.organisation_id and self.by.role in LEADING

    @property
    def is_secretary(self) -> bool:
        """Serves a panel of the case."""
        return self.by.user_id in {panel.secretary_id for panel in self.panels.values()}

    def reads_panel(self, level: str) -> bool:
        """Who sits on it. Members learn of each other when the opinions are opened; the offices
        of other units when the conclusion is signed; the treating hospital not from this system."""
        panel = self.panels.get(level)
        if panel is None:
            return False
        if self.convenes(level) or (panel.opened_at is not None and self._sits_on(panel)):
            return True
        return level in self.concluded and self.by.role in _OFFICES

    def _sits_on(self, panel: Panel) -> bool:
        return self.by.user_id in {member.user_id for member in panel.members if member.reads}

    def reads_opinions(self, level: str) -> bool:
        panel = self.panels.get(level)
        return not self.reviews_anew and panel is not None and reads_opinions(self.by, panel)

    @property
    def reads_outcomes(self) -> bool:
        """Findings, notices, ledger items: not while one reviews anew and has no opinion yet."""
        return not self.reviews_anew

    def reads_conclusion(self, level: str) -> bool:
        """A draft is the panel's and its administration's; signed, it is the case's. Those who
        review it anew do not read it before their own opinions are in."""
        if self.reviews_anew:
            return False
        panel = self.panels.get(level)
        if level in self.concluded or self.convenes(level):
            return True
        return panel is not None and panel.opened_at is not None and self._sits_on(panel)

    def is_sealed(self, level: str | None) -> bool:
        """Opinions of this level are being written: nobody learns how many are in."""
        panel = self.panels.get(level or "")
        return panel is not None and panel.opened_at is None

    @cached_property
    def item_clocks(self) -> frozenset[int]:
        """Limits of ledger items."""
        query = select(Clock.id).where(Clock.case_id == self.case.id, Clock.subject != "")
        return frozenset(self.session.scalars(query))

    def knows_step(self, task: Task) -> bool:
        """Whether one is told of a step at all: those of ledger items tell how many there are."""
        return self.reads_outcomes or task.rectification_id is None

    def knows_clock(self, clock: Clock) -> bool:
        """The same of a limit."""
        return self.reads_outcomes or not clock.subject

    def hides_step(self, task: Task) -> bool:
        """Whether the state of this very step is sealed. After opening it is the panel's matter."""
        return base_name(task.form) == OPINION and not self.reads_opinions(task.level or "")

    # Sheets

    def reads_form(self, form: str, level: str | None) -> bool:
        """Whether a sheet of this form is shown. `level` None: only if it is at every level."""
        base = base_name(form)
        if base in _LETTERS:
            return self.reads_letters()
        if base in _OUTCOMES:
            return self.reads_outcomes
        if base == _SIGNATURE:
            return False
        rule = {OPINION: self.reads_opinions, PANEL: self.reads_panel}.get(base)
        if base in _DRAFTS:
            rule = self.reads_conclusion
        if rule is None:
            return True
        levels = [level] if level else list(self.panels)
        return bool(levels) and all(rule(each) for each in levels)

    def reads_letters(self) -> bool:
        """The notice: when it is out, or by the administration that writes it."""
        ours = self.by.organisation_id in {
            panel.organisation_id for panel in self.panels.values()
        } and (self.by.role in LEADING)
        return self.reads_outcomes and (self.letter_is_out or ours)

    def documents(self) -> list[Document]:
        """The sheets this reader may read, in the order of handing in; answers load when asked."""
        rows = self.session.scalars(
            select(Document)
            .where(Document.case_id == self.case.id)
            .order_by(Document.id)
            .options(
                defer(Document.answers),
                joinedload(Document.task),
                joinedload(Document.author),
                joinedload(Document.appointment).joinedload(Appointment.organisation),
            )
        )
        return [row for row in rows if self.reads_document(row)]

    def reads_document(self, document: Document) -> bool:
        if document.id in self.void:  # on record, but nobody goes by it
            return False
        if base_name(document.form) == _SIGNATURE:
            return document.appointment_id == self.by.id
        return self.reads_form(document.form, self.level_of(document))

    def level_of(self, document: Document) -> str | None:
        """The level a sheet was written at; None for the hospital's own."""
        opinion = self._opinions.get(document.id)
        if opinion is not None:
            return next(key for key, panel in self.panels.items() if panel.id == opinion.panel_id)
        return document.task.level if document.task else None

    def seat_of(self, document: Document) -> int | None:
        """Of an opinion: the place of its expert on the panel, the same for each edition."""
        opinion = self._opinions.get(document.id)
        return opinion.member.place if opinion is not None else None

    def names(self, form: str = "") -> "ReaderNames":
        """What a sheet of this form asks for names, as this reader may know them."""
        return ReaderNames(self, dayless=self.dayless and base_name(form) in OF_THE_FILE)

    def sections(self, document: Document) -> list[SheetSection]:
        """The answers of a sheet as this reader may read them."""
        form = load(document.form)
        level = self.level_of(document)
        unnamed = base_name(document.form) in _SIGNED_BY_PANEL and not self.reads_panel(level or "")
        signs = {field.name for field in form.fields() if field.kind is Kind.SIGNATURE}
        veil = self.veil if base_name(document.form) in OF_THE_FILE else self._nameless
        unsigned: Container[str] = signs if unnamed else ()
        names = self.names(document.form)
        return [
            replace(part, rows=[self._as_read(row, unsigned, veil) for row in part.rows])
            for part in sheet(form, document.answers, names, hide=self.hidden)
        ]

    def _as_read(self, row: SheetRow, unnamed: Container[str], veil: Veil) -> SheetRow:
        """Free text without names that must not be met; a signature without its name."""
        value = row.value
        if row.name in unnamed and "　" in value:
            value = f"已签名　{value.split('　', 1)[1]}"
        table = [[self._as_read(cell, (), veil) for cell in line] for line in row.table]
        return replace(row, value=veil.scrub(value), table=table)

    def scrub(self, text: str) -> str:
        """Running text without the names that a blind reader must not meet in it."""
        return self._nameless.scrub(text)

    @cached_property
    def veil(self) -> Veil:
        """What this reader must not meet in the file: for a blind one the words that tell, for a
        reviewer days too."""
        moment, word = kinds.anchor(self.case)
        return Veil(self._nameless.words, moment if self.dayless else None, word)

    @cached_property
    def letters(self) -> dict[str, str]:
        """What stands for the names of units that treated her: see `identity.letters`."""
        return identity.letters(self.session, self.case)

    @cached_property
    def _nameless(self) -> Veil:
        return Veil(identity.words(self.session, self.case) if self.blind else {})

    # Files

    def attachments(self) -> list[Attachment]:
        """The files this reader may have, in the order of uploading."""
        rows = self.session.scalars(
            select(Attachment)
            .where(Attachment.case_id == self.case.id)
            .order_by(Attachment.id)
            .options(joinedload(Attachment.uploaded_by))
        )
        return [row for row in rows if self.reads_attachment(row)]

    def for_reviewers(self) -> list[Attachment]:
        """The files made for reviewers, whoever asks."""
        query = select(Attachment).where(
            Attachment.case_id == self.case.id, Attachment.field == REDACTED
        )
        return list(self.session.scalars(query.order_by(Attachment.id)))

    def reads_attachment(self, file: Attachment) -> bool:
        """A blind reader gets the redacted copy and what the panel itself attached."""
        form = file.form or ""
        if self.blind and file.field != REDACTED and base_name(form) not in _DRAFTS:
            return False
        return self.reads_form(form, None) if form else not self.blind

    # What happened

    def reads_event(self, event: Event, readable: Container[int]) -> bool:
        """`readable`: ids of the documents this reader may read."""
        return happenings.reads_event(self, event, readable)


class PlainReader:
    """One person in front of what belongs to no case and hides nobody: a duty's sheets."""

    blind = False

    def __init__(self, session: Session) -> None:
        self.session = session

    def unit(self, unit: Organisation | None) -> str:
        return unit.short_name if unit else ""

    def person(self, user: User | None, held: Appointment | None = None) -> str:
        if user is None:
            return ""
        return acting(held) if held is not None and held.user_id == user.id else user.name

    def scrub(self, text: str) -> str:
        return text

    def names(self) -> Names:
        return Names(self.session)

    def sections(self, document: Document) -> list[SheetSection]:
        """The answers of a sheet."""
        return sheet(load(document.form), document.answers, self.names())


class ReaderNames(Names):
    """Names behind ids as one reader may know them: units that treated her and people on a panel
    are left out for those who must not know."""

    def __init__(self, reader: Reader, *, dayless: bool = False) -> None:
        super().__init__(reader.session)
        self.reader, self.dayless = reader, dayless
        self._seats = {
            user_id
            for panel in reader.panels.values()
            for user_id in (panel.chair_id, *(member.user_id for member in panel.members))
        }

    def organisation(self, key: int) -> str:
        unit = self.session.get(Organisation, key)
        if unit is None:
            return super().organisation(key)
        return self.reader.unit(unit) if self.reader.hides_unit(unit) else unit.name

    def user(self, key: int) -> str:
        if key == self.reader.by.user_id:
            return super().user(key)
        if key in self._seats:
            known = self.reader.knows_expert(key)
            return super().user(key) if known else "评审专家"
        return HIDDEN if self.reader.blind else super().user(key)

    def attachment(self, token: str) -> str:
        return "附件" if self.reader.blind else super().attachment(token)

    def moment(self, value: str) -> str:
        if not self.dayless:
            return super().moment(value)
        death, word = kinds.anchor(self.reader.case)
        if "T" in value:
            return relative(moment(value), death, word)
        return relative_day(date.fromisoformat(value), death, word)

    def hidden(self, question: Field, value: Any) -> str:
        """Ages as five years, units as 医疗机构甲: what a review cannot do without, and no more."""
        if question.name in identity.AGE_QUESTIONS and isinstance(value, int):
            least = value - value % _BAND
            return f"{least}–{least + _BAND - 1} 岁"
        if question.name in identity.UNIT_QUESTIONS and isinstance(value, str):
            return self._unnamed(value)
        return super().hidden(question, value)

    def _unnamed(self, value: str) -> str:
        """A place of treatment: each unit under a letter of its own, the rest as it stands."""
        called = self.reader.letters
        for found in reversed(self.reader.veil.find(value)):
            word = value[found.start : found.end]
            value = value[: found.start] + called.get(squeezed(word), HIDDEN) + value[found.end :]
        return value
