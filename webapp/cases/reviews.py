"""评审, 整改: the conclusions of each level side by side, opinions for the entitled, the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models import Conclusion, Document, Finding, Level, Opinion, Panel, PanelMember
from webapp import db
from webapp.access import current
from webapp.cases.blueprint import bp
from webapp.cases.page import CasePage, open_page, render
from webapp.meetings import may_see
from workflows import differences, lessons, mappings
from workflows.actions import provinces
from workflows.actions.opinions import filed_by, may_open
from workflows.actions.seats import seat_of
from workflows.forms import load
from workflows.forms.comparison import PARTS, Part
from workflows.forms.load import base_name
from workflows.forms.spec import Form
from workflows.mappings import Carded
from workflows.permissions import may

VOTES = (
    ("votes_avoidable", "可避免"),
    ("votes_conditionally_avoidable", "创造条件可避免"),
    ("votes_unavoidable", "不可避免"),
    ("votes_abstain", "弃权"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """One level's review. Before it is signed there is no conclusion to show here."""

    level: Level
    panel: Panel | None
    sealed: bool
    withheld: bool  # concluded, but the reader reviews it anew and has not formed an opinion
    conclusion: Conclusion | None
    words: str
    carded: Carded | None  # as the report card knows it
    document_day: str  # of the province's paper
    factors: list[str]
    votes: list[tuple[str, int]]
    opinions: list[tuple[Opinion, str]]
    findings: Sequence[Finding]
    draft: Document | None
    seated: bool
    revises: bool  # has filed, and may write it anew
    opens: bool  # is the chair, who may open early
    meets: bool  # may see the panel's meeting
    changes: list[str]  # in what the conclusion differs from the level below


@bp.get("/<int:case_id>/reviews")
def reviews(case_id: int) -> ResponseReturnValue:
    page = open_page(case_id, "评审")
    enters = provinces.may_enter(db.session, page.case, current.appointment)
    return render(
        "cases/reviews.html",
        page,
        tab="cases.reviews",
        columns=_columns(page),
        compared=differences.compare(page.reader),
        lessons=lessons.drawn_from(db.session, case_id, page.reader.by)
        if may(page.reader.by, "lesson:view")
        else [],
        enters_province=enters,
        found_above=provinces.found(db.session, page.case) if enters else [],
    )


@bp.get("/<int:case_id>/items")
def items(case_id: int) -> ResponseReturnValue:
    page = open_page(case_id, "整改")
    return render("cases/items.html", page, tab="cases.items")


def _columns(page: CasePage) -> list[Column]:
    signed = {
        row.level: row
        for row in db.session.scalars(
            select(Conclusion)
            .where(Conclusion.case_id == page.case.id)
            .options(joinedload(Conclusion.document))
        )
        if page.reader.reads_conclusion(row.level.value)
    }
    findings = db.session.scalars(
        select(Finding)
        .where(Finding.case_id == page.case.id)
        .order_by(Finding.id)
        .options(joinedload(Finding.organisation))
    ).all()
    rule = page.rules.find("review.levels")
    wanted = rule.value if rule and isinstance(rule.value, tuple) else ()
    levels = [lv for lv in Level if lv.value in (*wanted, *page.reader.panels) or lv in signed]
    return [_column(page, level, signed.get(level), findings) for level in levels]


def _column(
    page: CasePage, level: Level, row: Conclusion | None, findings: Sequence[Finding]
) -> Column:
    reader = page.reader
    drafts = [document for document in page.documents if _is_draft(document, level)]
    return Column(
        level=level,
        panel=reader.panels.get(level.value),
        sealed=reader.is_sealed(level.value),
        withheld=reader.reviews_anew and level.value in reader.concluded,
        conclusion=row,
        words=_word(row, "conclusion", row.code) if row else "",
        carded=mappings.of_signed(row) if row else None,
        document_day=str(row.document.answers.get("doc_date") or "") if row else "",
        factors=[_word(row, "major_factors", str(code)) for code in row.factors] if row else [],
        votes=[(title, int(row.votes.get(key) or 0)) for key, title in VOTES] if row else [],
        opinions=_opinions(page, level),
        findings=[each for each in findings if row is not None and each.conclusion_id == row.id],
        draft=drafts[-1] if drafts else None,
        seated=_is_seated(page, level),
        revises=_revises(page, level),
        opens=_opens(page, level),
        meets=_meets(page, level),
        changes=[PARTS[Part(code)] for code in row.changes] if row else [],
    )


def _is_draft(document: Document, level: Level) -> bool:
    """Whether it is a sheet of that level's conclusion."""
    if level is Level.PROVINCE:
        return base_name(document.form) == "province_conclusion"
    at = document.task.level if document.task else None
    return base_name(document.form) == "conclusion" and at == level.value


def _revises(page: CasePage, level: Level) -> bool:
    panel = page.reader.panels.get(level.value)
    if panel is None or panel.opened_at is not None:
        return False
    return filed_by(db.session, panel, page.reader.by) is not None


def _opens(page: CasePage, level: Level) -> bool:
    panel = page.reader.panels.get(level.value)
    return panel is not None and may_open(db.session, panel, page.reader.by)


def _meets(page: CasePage, level: Level) -> bool:
    panel = page.reader.panels.get(level.value)
    return panel is not None and may_see(page.reader, panel)


def _is_seated(page: CasePage, level: Level) -> bool:
    """Whether the reader sits on this level's panel."""
    panel = page.reader.panels.get(level.value)
    seat = seat_of(panel, page.reader.by) if panel is not None else None
    return seat is not None and seat.reads


def _word(row: Conclusion, question: str, code: str) -> str:
    """What a code is called in the sheet it was written on."""
    return choice(load.load(row.document.form), question, code)


def choice(form: Form, question: str, code: str) -> str:
    """The label of a code among a question's choices; the code itself if it is not there."""
    for field in form.fields():
        if field.name == question:
            return {each.code: each.label for each in field.choices}.get(code, code)
    return code


def _opinions(page: CasePage, level: Level) -> list[tuple[Opinion, str]]:
    """Each member's own, with its conclusion in words; only for those whom the opening entitled."""
    if not page.reader.reads_opinions(level.value):
        return []
    query = (
        select(Opinion)
        .join(Panel, Panel.id == Opinion.panel_id)
        .where(
            Panel.case_id == page.case.id,
            Panel.level == level,
            Opinion.voided_at.is_(None),
            Opinion.superseded_at.is_(None),
        )
        .order_by(Opinion.member_id)
        .options(
            joinedload(Opinion.member).joinedload(PanelMember.user), joinedload(Opinion.document)
        )
    )
    return [
        (row, choice(load.load(row.document.form), "conclusion", row.conclusion))
        for row in db.session.scalars(query)
    ]
