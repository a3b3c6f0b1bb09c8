"""表单与文书, 附件: the sheets of a case, and one sheet as it is read and printed."""

from dataclasses import dataclass

from flask import abort
from flask.typing import ResponseReturnValue

from models import Document
from webapp import copies, labels
from webapp.cases.blueprint import bp
from webapp.cases.page import CasePage, leave_trace, open_page, render
from workflows.forms import load
from workflows.forms.load import base_name
from workflows.forms.sheet import SheetRow, SheetSection
from workflows.readers import PlainReader, Reader

# Forms by the part of the course they belong to, in the order of the course
GROUPS = (
    ("发现与报告", ("report", "receipt")),
    ("院内讨论与说明", ("in_hospital_discussion", "head_explanation", "second_discussion")),
    ("个案报送与核实", ("case_submission", "verification")),
    (
        "评审",
        (
            "review_selection",
            "panel",
            "opinion",
            "conclusion",
            "conclusion_chair",
            "conclusion_signature",
            "conclusion_endorsement",
            "province_conclusion",
        ),
    ),
    ("反馈与通报", ("notice", "notice_issue", "notice_receipt")),
    (
        "整改",
        ("rectification_plan", "rectification_progress", "rectification_acceptance"),
    ),
    ("归档", ("archive",)),
)
OTHERS = "其他"


@dataclass(frozen=True, slots=True)
class Line:
    """One sheet in the list. `newest` False: a later edition has taken its place."""

    document: Document
    title: str
    author: str
    unit: str
    newest: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One section of a sheet. `blocks`: short rows that stand together, or one row with a table."""

    title: str
    blocks: list[list[SheetRow]]


@bp.get("/<int:case_id>/documents")
def documents(case_id: int) -> ResponseReturnValue:
    page = open_page(case_id, "表单与文书")
    return render("cases/documents.html", page, tab="cases.documents", groups=_groups(page))


@bp.get("/<int:case_id>/files")
def files(case_id: int) -> ResponseReturnValue:
    page = open_page(case_id, "附件")
    blind = page.reader.blind
    return render(
        "cases/files.html",
        page,
        tab="cases.files",
        places=_places(page),
        materials=copies.materials(page.reader, page.attachments) if blind else {},
    )


def _groups(page: CasePage) -> list[tuple[str, list[Line]]]:
    places = {base: title for title, bases in GROUPS for base in bases}
    found: dict[str, list[Line]] = {title: [] for title, _ in GROUPS}
    for document in page.documents:
        title = places.get(base_name(document.form), OTHERS)
        found.setdefault(title, []).append(_line(document, page))
    return [(title, lines) for title, lines in found.items() if lines]


def _line(document: Document, page: CasePage) -> Line:
    subject = _subject(document, page)
    later = any(
        _subject(other, page) == subject and other.id > document.id for other in page.documents
    )
    return Line(
        document=document,
        title=title_of(document, page),
        author=page.reader.person(document.author, document.appointment),
        unit=page.reader.unit(document.appointment.organisation),
        newest=not later,
    )


def _subject(document: Document, page: CasePage) -> tuple[object, ...]:
    """What a later edition replaces: the same sheet of the same level, seat and ledger item."""
    task, level = document.task, page.reader.level_of(document)
    if (seat := page.reader.seat_of(document)) is not None:
        return base_name(document.form), level, seat
    place = (level, task.index, task.rectification_id) if task else ()
    return base_name(document.form), *place


def title_of(document: Document, page: CasePage) -> str:
    """The form's title, with level and ledger item where there are several."""
    title, task = load.load(document.form).title, document.task
    if page.reader.seat_of(document) is not None:
        return f"{labels.word('level', page.reader.level_of(document))}{title}"
    if task is None:
        return title
    numbers = {item.id: item.number for item in page.items}
    if task.rectification_id in numbers:
        return f"{title} {numbers[task.rectification_id]}"
    if task.diagram == "review" and task.level:
        return f"{labels.word('level', task.level)}{title}"
    return title


def _places(page: CasePage) -> dict[int, str]:
    """Where each file was attached: form and question."""
    found = {}
    for file in page.attachments:
        if file.form:
            form = load.load(file.form)
            names = {field.name: field.label for field in form.fields()}
            question = names.get(file.field or "", "")
            found[file.id] = " · ".join(part for part in (form.title, question) if part)
    return found


@bp.get("/<int:case_id>/documents/<int:document_id>")
def document(case_id: int, document_id: int) -> ResponseReturnValue:
    """One sheet, read-only, as it prints."""
    page = open_page(case_id, "表单与文书")
    row = next((each for each in page.documents if each.id == document_id), None)
    if row is None:
        abort(404)
    title = title_of(row, page)
    leave_trace(page.case, f"{title}（第 {row.edition} 稿）")
    editions = [each for each in page.documents if _subject(each, page) == _subject(row, page)]
    return render(
        "cases/document.html",
        page,
        title=title,
        line=_line(row, page),
        parts=parts_of(row, page.reader),
        editions=editions,
        form=load.load(row.form),
    )


def parts_of(document: Document, reader: Reader | PlainReader) -> list[Part]:
    """A sheet ready to be laid out, as this reader may read it."""
    return laid_out(reader.sections(document))


def laid_out(sections: list[SheetSection]) -> list[Part]:
    """Sections as the template takes them."""
    return [Part(each.title, _blocks(each.rows)) for each in sections]


def _blocks(rows: list[SheetRow]) -> list[list[SheetRow]]:
    blocks: list[list[SheetRow]] = []
    for row in rows:
        if row.table or not blocks or blocks[-1][0].table:
            blocks.append([row])
        else:
            blocks[-1].append(row)
    return blocks
