"""An official document as an editable file for a word processor: the only code that knows
python-docx.

Set as GB/T 9704-2012 asks: A4, 22 lines of 28 characters, red head, heading levels, page numbers
between dashes. Texts become text and nothing else: the library writes them as XML text nodes, what
XML cannot hold is left out, and there is no field, link or macro but the page number. Fonts are
named, not embedded; a machine without them takes its own. Must not know notices or who reads them.
"""

import io
from collections.abc import Iterator
from datetime import datetime

from docx import Document
from docx.document import Document as Docx
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING, WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.section import Section
from docx.shared import Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from webapp.pdf.blocks import numbered_enclosures
from webapp.pdf.markup import clean
from webapp.words import full_date
from workflows.dossier import Official, heading_level

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
RED, GREY = RGBColor(0xE0, 0, 0), RGBColor(0x99, 0x99, 0x99)
FANG, HEI, KAI, TITLE = "仿宋", "黑体", "楷体", "方正小标宋简体"
LINE = Pt(28.95)
THREE, FOUR, TWO = 16.0, 14.0, 22.0  # 三号, 四号, 二号 in points
WIDE = ((11, 44.0), (15, 34.0), (99, 26.0))  # of the red head: up to so many characters, points


def docx_of(official: Official, *, title: str, made_at: datetime) -> bytes:
    """The file. `title` is what the document's properties say; the same content and moment give the
    same text."""
    document = Document()
    _page(document.sections[0], official.standing)
    _properties(document, clean(title), made_at)
    _head(document, official)
    for level, text in _lines(official):
        _line(document, level, text)
    _signature(document, official)
    _record(document, official)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _page(section: Section, standing: str) -> None:
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = Mm(37), Mm(35)
    section.left_margin, section.right_margin = Mm(28), Mm(26)
    section.header_distance, section.footer_distance = Mm(15), Mm(25)
    section.different_first_page_header_footer = False
    foot = section.footer.paragraphs[0]
    foot.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _run(foot, "— ", FOUR, "宋体")
    _page_number(_run(foot, "", FOUR, "宋体"))
    _run(foot, " —", FOUR, "宋体")
    if standing:
        head = section.header.paragraphs[0]
        head.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        _run(head, clean(standing), FOUR, HEI, colour=RED)


def _properties(document: Docx, title: str, made_at: datetime) -> None:
    """Nothing of the library's own template stays, nor anybody's name."""
    core = document.core_properties
    core.title, core.author, core.last_modified_by, core.comments = title, "", "", ""
    core.created = core.modified = made_at.replace(tzinfo=None)
    core.language = "zh-CN"


def _head(document: Docx, official: Official) -> None:
    issuer = clean(official.issuer)
    size = next(points for most, points in WIDE if len(issuer) <= most)
    name = _paragraph(document, WD_ALIGN_PARAGRAPH.CENTER)
    name.paragraph_format.line_spacing_rule = WD_LINE_SPACING.SINGLE
    name.paragraph_format.space_before = Mm(6)
    _run(name, issuer, size, TITLE, colour=RED, bold=True)
    number = _paragraph(document, WD_ALIGN_PARAGRAPH.CENTER)
    number.paragraph_format.space_before = Mm(8)
    _run(number, clean(official.number), THREE, FANG)
    _border(number, "bottom", colour="E00000", eighths=16)
    title = _paragraph(document, WD_ALIGN_PARAGRAPH.CENTER)
    title.paragraph_format.space_before, title.paragraph_format.space_after = Mm(12), Mm(8)
    title.paragraph_format.line_spacing = Pt(34)
    _run(title, clean(official.title), TWO, TITLE, bold=True)


def _lines(official: Official) -> Iterator[tuple[str, str]]:
    """(level, text) of every line between title and signature."""
    if official.addressed_to:
        yield "to", f"{official.addressed_to}："
    for paragraph in official.paragraphs:
        yield heading_level(paragraph), paragraph
    for text in numbered_enclosures(official.enclosures):
        yield "file", text


def _line(document: Docx, level: str, text: str) -> None:
    for part in clean(text).split("\n"):
        line = _paragraph(document, WD_ALIGN_PARAGRAPH.JUSTIFY)
        if level != "to":
            line.paragraph_format.first_line_indent = Pt(2 * THREE)
        line.paragraph_format.keep_with_next = level in ("one", "two")
        _run(line, part, THREE, {"one": HEI, "two": KAI}.get(level, FANG))


def _signature(document: Docx, official: Official) -> None:
    """Name and day right, with the room above them that a seal takes."""
    for number in range(2):
        _paragraph(document).paragraph_format.keep_with_next = number == 1
    name = _paragraph(document, WD_ALIGN_PARAGRAPH.RIGHT)
    name.paragraph_format.right_indent, name.paragraph_format.keep_with_next = Pt(32), True
    _run(name, clean(official.signed_by), THREE, FANG)
    _run(name, "（印章）", FOUR, FANG, colour=GREY)
    day = _paragraph(document, WD_ALIGN_PARAGRAPH.RIGHT)
    day.paragraph_format.right_indent = Pt(64)
    _run(day, full_date(official.signed_on), THREE, FANG)


def _record(document: Docx, official: Official) -> None:
    """版记: to whom copies go, who prints it and when, between rules."""
    _paragraph(document)
    if official.copies_to:
        copies = _paragraph(document)
        _border(copies, "top", eighths=8)
        _run(copies, f"抄送：{clean(official.copies_to)}", FOUR, FANG)
    last = _paragraph(document)
    _border(last, "top", eighths=4 if official.copies_to else 8)
    _border(last, "bottom", eighths=8)
    last.paragraph_format.tab_stops.add_tab_stop(Mm(156), WD_TAB_ALIGNMENT.RIGHT)
    day = "（印发日期待签发）" if official.draft else f"{full_date(official.signed_on)}印发"
    _run(last, f"{clean(official.issued_by)}\t{day}", FOUR, FANG)


def _paragraph(document: Docx, align: WD_ALIGN_PARAGRAPH | None = None) -> Paragraph:
    made = document.add_paragraph()
    if align is not None:
        made.alignment = align
    form = made.paragraph_format
    form.space_before = form.space_after = Pt(0)
    form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, LINE
    return made


def _run(
    paragraph: Paragraph,
    text: str,
    size: float,
    font: str,
    *,
    colour: RGBColor | None = None,
    bold: bool = False,
) -> Run:
    run = paragraph.add_run(text)
    run.font.size, run.font.name, run.font.bold = Pt(size), font, bold
    run.font.color.rgb = colour
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)
    return run


def _page_number(run: Run) -> None:
    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        part = OxmlElement("w:instrText" if text else "w:fldChar")
        if text:
            part.text = text
        else:
            part.set(qn("w:fldCharType"), kind)
        run._element.append(part)


def _border(paragraph: Paragraph, edge: str, *, eighths: int, colour: str = "000000") -> None:
    """A rule along one edge; its width in eighths of a point."""
    properties = paragraph._element.get_or_add_pPr()
    borders = properties.find(qn("w:pBdr"))
    if borders is None:
        borders = OxmlElement("w:pBdr")
        properties.insert_element_before(borders, *_AFTER_BORDERS)
    rule = OxmlElement(f"w:{edge}")
    for name, value in (("val", "single"), ("sz", str(eighths)), ("space", "4"), ("color", colour)):
        rule.set(qn(f"w:{name}"), value)
    borders.append(rule)


# What of ours stands after the borders in a paragraph's properties: the format has an order.
_AFTER_BORDERS = ("w:tabs", "w:spacing", "w:ind", "w:jc", "w:rPr")
