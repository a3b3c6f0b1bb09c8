"""Binds atoms, drawings and foreign pages into one numbered file with a header and a watermark.

The order of work is fixed here: lay out, mend the text layer, insert, number, link, mark, save.
Must not know cases or blocks.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

import pikepdf
from reportlab.pdfgen.canvas import Canvas

from webapp.pdf import fonts
from webapp.pdf.finish import Entry, link_up, repair_text, save, stamp, strip, watermark
from webapp.pdf.layout import Atom, Marks, laid_out, read_marks
from webapp.pdf.render import A4, PageSetup

MM = 72 / 25.4
INK, GREY = 0.23, 0.42


@dataclass(frozen=True)
class Insert:
    """Pages that follow the page of `after`, or stand in its place."""

    after: Atom
    pdf: pikepdf.Pdf
    replaces: bool = False


@dataclass(frozen=True)
class Imprint:
    """What is written on every page, and into the document's information."""

    title: str
    left: str
    right: str
    foot: str
    watermark: str
    produced_at: datetime
    cover: bool = False  # the first page bears no header
    official: bool = False  # page numbers as on official documents, no header


def bind(
    atoms: Sequence[Atom],
    imprint: Imprint,
    inserts: Sequence[Insert] = (),
    entries: Sequence[Entry] = (),
    setup: PageSetup = A4,
    kind: str = "dossier",
) -> bytes:
    """The finished file. RenderError if the layout fails."""
    drawn, page_of = laid_out(atoms, setup, kind)
    pages = {id(atom): page for atom, page in zip(atoms, page_of, strict=True)}
    with pikepdf.open(io.BytesIO(drawn)) as pdf:
        marks = read_marks(pdf)
        strip(pdf)
        places = [(pages[id(insert.after)], insert) for insert in inserts]
        _insert(pdf, places)
        _move(marks, _shifts(len(pdf.pages), places))
        repair_text(pdf, "".join(atom.draw(atom.cells, False) for atom in atoms))
        _write(pdf, marks, entries, imprint)
        link_up(pdf, marks, entries)
        return save(pdf, imprint.title, imprint.produced_at)


def _insert(pdf: pikepdf.Pdf, places: Sequence[tuple[int, Insert]]) -> None:
    for page, insert in sorted(places, key=lambda place: -place[0]):
        for offset, leaf in enumerate(insert.pdf.pages):
            pdf.pages.insert(page + 1 + offset, leaf)
        if insert.replaces:
            del pdf.pages[page]


def _shifts(count: int, places: Sequence[tuple[int, Insert]]) -> list[int]:
    """Old page index → new one."""
    more = [0] * (count + 1)
    for page, insert in places:
        more[page + 1] += len(insert.pdf.pages) - int(insert.replaces)
    return [index + shift for index, shift in enumerate(accumulate(more))]


def _move(marks: Marks, shifts: Sequence[int]) -> None:
    marks.at = {name: (shifts[page], top) for name, (page, top) in marks.at.items()}
    marks.goto = [(shifts[page], name, box) for page, name, box in marks.goto]
    marks.num = [(shifts[page], name, box) for page, name, box in marks.num]


def _write(pdf: pikepdf.Pdf, marks: Marks, entries: Sequence[Entry], imprint: Imprint) -> None:
    """Header, page numbers, numbers of the contents, watermark."""
    total = len(pdf.pages)
    left, right = fonts.drawable(imprint.left), fonts.drawable(imprint.right)
    foot, mark = fonts.drawable(imprint.foot), fonts.drawable(imprint.watermark)
    with fonts.overlay(left + right + foot + mark + "第页共0123456789 —") as font:

        def draw(canvas: Canvas, number: int, width: float, height: float) -> None:
            canvas.setStrokeGray(GREY)
            canvas.setFillGray(INK)
            if imprint.official:
                _official_number(canvas, font, number, width)
                return
            canvas.setFont(font, 8.5)
            if number or not imprint.cover:
                _header(canvas, left, right, width, height)
            canvas.drawCentredString(width / 2, 11.5 * MM, f"第 {number + 1} 页　共 {total} 页")
            canvas.setFillGray(GREY)
            canvas.setFont(font, 7)
            canvas.drawRightString(width - 20 * MM, 7 * MM, foot)
            canvas.setFillGray(0)
            canvas.setFont(font, 9.5)
            for where, key, (_, bottom, edge, _top) in marks.num:
                if where == number:
                    canvas.drawRightString(edge, bottom + 3, str(marks.at[key][0] + 1))

        stamp(pdf, draw, font, "YlStamp")
        if mark:
            watermark(pdf, mark, font)


def _header(canvas: Canvas, left: str, right: str, width: float, height: float) -> None:
    canvas.drawString(22 * MM, height - 15 * MM, left)
    canvas.drawRightString(width - 20 * MM, height - 15 * MM, right)
    canvas.setLineWidth(0.5)
    canvas.line(22 * MM, height - 17.5 * MM, width - 20 * MM, height - 17.5 * MM)


def _official_number(canvas: Canvas, font: str, number: int, width: float) -> None:
    """GB/T 9704-2012: a dash either side, odd pages to the right, even ones to the left."""
    canvas.setFont(font, 13)
    text = f"— {number + 1} —"
    if number % 2:
        canvas.drawString(28 * MM + 14, 26 * MM, text)
    else:
        canvas.drawRightString(width - 26 * MM - 14, 26 * MM, text)
