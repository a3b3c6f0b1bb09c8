"""Decides where pages break, and reads where things came to lie.

wkhtmltopdf on plain Qt cuts table rows in two, repeats no table head and leaves headings alone at
the foot of a page. So a document is a list of atoms, blocks that must stay whole. They are drawn
once on pages of five metres to learn their heights from link annotations; the breaks are decided
here; they are drawn again with these breaks. Links named `mark:` tell where an atom, a chapter or
an entry of the contents stands. Must not know what the atoms mean.
"""

import io
import logging
import math
import re
import unicodedata
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pikepdf
from markupsafe import Markup

from webapp.pdf.markup import document, macro
from webapp.pdf.render import PageSetup, RenderError, render

log = logging.getLogger(__name__)

POINTS = 72 / 25.4
TALL = 4900.0  # mm; a PDF page ends at 14,400 points
SLACKS = (0.75, 6.0, 20.0, 60.0)  # points left free at the foot of a page; more after a wrong plan
MAX_PAGES = 800
SMALL = 0.3  # of a page: a block up to this high is not parted
SENTENCE = re.compile(r"[^。；！？\n]*(?:[。；！？]+\n?|\n|$)")

Box = tuple[float, float, float, float]


@dataclass(eq=False)
class Atom:
    """A block that is drawn whole.

    `draw(cells, continued)` gives its HTML; room around it is padding, never margin. A long text is
    cut into several atoms, of which all but the first are `joins`: those that come to lie on one
    page are drawn as one. `head` is drawn again where a page begins with the atom.
    """

    draw: Callable[[Sequence[str], bool], Markup]
    cells: Sequence[str] = ()
    head: "Atom | None" = None
    keep: bool = False  # stays with the atom after it
    bound: bool = False  # stays with the one before it, if all so bound are a small part of a page
    space: bool = False  # room above what follows; not drawn where a page begins with it
    page: bool = False  # begins a page
    alone: bool = False  # and the next one begins another
    joins: bool = False


@dataclass
class Marks:
    """Where the links of a drawn document lie: page index and place in points."""

    at: dict[str, tuple[int, float]] = field(default_factory=dict)  # name → page, upper edge
    goto: list[tuple[int, str, Box]] = field(default_factory=list)
    num: list[tuple[int, str, Box]] = field(default_factory=list)


def fixed(html: Markup, *, keep: bool = False, page: bool = False, alone: bool = False) -> Atom:
    """An atom that is always drawn the same."""
    return Atom(lambda _cells, _continued: html, keep=keep, page=page, alone=alone)


def read_marks(pdf: pikepdf.Pdf) -> Marks:
    """All `mark:` links of the document."""
    marks = Marks()
    for number, page in enumerate(pdf.pages):
        for link in page.get("/Annots", []):
            kind, _, name = str(link.get("/A", pikepdf.Dictionary()).get("/URI", "")).partition("/")
            box = _box(link.Rect)
            if kind == "mark:at":
                marks.at.setdefault(name, (number, box[3]))
            elif kind == "mark:goto":
                marks.goto.append((number, name, box))
            elif kind == "mark:num":
                marks.num.append((number, name, box))
    return marks


def laid_out(
    atoms: Sequence[Atom], setup: PageSetup, kind: str = "dossier"
) -> tuple[bytes, list[int]]:
    """The PDF with its breaks decided, and for each atom the index of its page.

    RenderError if nothing can be drawn or there are more than MAX_PAGES pages. A page whose single
    atom is taller than it breaks where it likes; then the rest moves on and is counted so.
    """
    heights = measure(atoms, setup, kind)
    for slack in SLACKS:
        pages = paginate(atoms, heights, setup.inner_height * POINTS - slack)
        if len(pages) > MAX_PAGES:
            raise RenderError(f"案卷超过 {MAX_PAGES} 页")
        pdf = render(document([_page(atoms, page, n) for n, page in enumerate(pages)], kind), setup)
        begins = _begins(pdf, len(pages))
        if begins == list(range(len(pages))):
            break
        log.warning("%d pages planned, others made; more room left", len(pages))
    return pdf, [begin for begin, page in zip(begins, pages, strict=True) for _ in page]


def measure(atoms: Sequence[Atom], setup: PageSetup, kind: str) -> list[float]:
    """The height of each atom in points, drawn one below the other."""
    tall = replace(setup, height=TALL)
    stops = [markup for n, atom in enumerate(atoms) for markup in (_mark(f"a{n}"), _first(atom))]
    pdf = render(document([[*stops, _mark(f"a{len(atoms)}"), macro("end")()]], kind), tall)
    with pikepdf.open(io.BytesIO(pdf)) as drawn:
        at = read_marks(drawn).at
    room = tall.inner_height * POINTS
    try:
        depths = [page * room - top for page, top in (at[f"a{n}"] for n in range(len(atoms) + 1))]
    except KeyError as error:
        raise RenderError("排版结果不完整") from error
    return [below - above for above, below in pairwise(depths)]


def paginate(atoms: Sequence[Atom], heights: Sequence[float], room: float) -> list[list[int]]:
    """The atoms of each page, by index."""
    height_of = {id(atom): height for atom, height in zip(atoms, heights, strict=True)}
    pages: list[list[int]] = []
    used, start = 0.0, True
    for chain in _chains(atoms, heights, room):
        need, first = sum(heights[n] for n in chain), atoms[chain[0]]
        if start or first.page or used + need > room:
            pages.append([])
            used = height_of.get(id(first.head), 0.0) if not first.page else 0.0
        pages[-1] += chain
        used += need
        start = atoms[chain[-1]].alone
    return pages


def split(texts: Sequence[str], widths: Sequence[float], lines: int) -> list[list[str]]:
    """The cells of a row, cut into rows of at most so many lines. `widths`: characters a line.

    Cuts fall after sentences where there are any; the pieces of a cell joined are the cell.
    """
    columns = [
        _pieces(text, max(2.0, width), lines) for text, width in zip(texts, widths, strict=True)
    ]
    count = max(map(len, columns), default=1)
    return [[column[n] if n < len(column) else "" for column in columns] for n in range(count)]


def _pieces(text: str, width: float, limit: int) -> list[str]:
    most = int(width * limit)
    parts = [p[i : i + most] for p in SENTENCE.findall(text) for i in range(0, len(p), most)]
    pieces: list[str] = []
    lines = math.inf
    for part in parts:
        more = _lines(part, width)
        if lines + more > limit:
            pieces.append("")
            lines = 0.0
        pieces[-1] += part
        lines += more
    return pieces or [""]


def _lines(part: str, width: float) -> float:
    lines = text_width(part) / width
    return max(1.0, math.ceil(lines)) if part.endswith("\n") else lines


def text_width(text: str) -> float:
    """How much room a text takes on a line, in Chinese characters."""
    return sum(1.0 if unicodedata.east_asian_width(c) in "WFA" else 0.6 for c in text)


def _chains(atoms: Sequence[Atom], heights: Sequence[float], room: float) -> Iterator[list[int]]:
    """The atoms in groups that must not be parted. What no page can hold is parted all the same."""

    def height(group: Sequence[int]) -> float:
        return sum(heights[n] for n in group)

    everything = range(len(atoms))
    joinable = {n for n in everything[1:] if not atoms[n].page and not atoms[n - 1].alone}
    bound = {n for n in joinable if atoms[n].bound}
    small = {n for run in _runs(everything, bound) if height(run) <= room * SMALL for n in run[1:]}
    kept = {n for n in joinable if atoms[n - 1].keep}
    for chain in _runs(everything, small | kept):
        yield from [chain] if height(chain) <= room else ([n] for n in chain)


def _runs(numbers: Iterable[int], following: Container[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for number in numbers:
        if number in following:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _page(atoms: Sequence[Atom], page: Sequence[int], number: int) -> list[Markup]:
    first = atoms[page[0]]
    blocks = [_mark(f"p{number}")]
    if first.head and not first.page:
        blocks.append(first.head.draw(first.head.cells, True))
    merged: list[tuple[Atom, bool, list[str]]] = []
    for n in page[1:] if first.space else page:
        atom = atoms[n]
        if atom.joins and merged:
            merged[-1][2][:] = [a + b for a, b in zip(merged[-1][2], atom.cells, strict=True)]
        else:
            merged.append((atom, atom.joins, list(atom.cells)))
    return blocks + [atom.draw(cells, continued) for atom, continued, cells in merged]


def _first(atom: Atom) -> Markup:
    return atom.draw(atom.cells, atom.joins)


def _mark(name: str) -> Markup:
    return macro("mark")(name)


def _begins(pdf: bytes, count: int) -> list[int]:
    with pikepdf.open(io.BytesIO(pdf)) as drawn:
        at = read_marks(drawn).at
    try:
        return [at[f"p{n}"][0] for n in range(count)]
    except KeyError as error:
        raise RenderError("排版结果不完整") from error


def _box(rect: pikepdf.Object) -> Box:
    x0, y0, x1, y1 = (float(str(edge)) for edge in list(rect))
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
