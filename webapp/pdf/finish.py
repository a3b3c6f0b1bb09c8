"""What wkhtmltopdf leaves undone: text layer, foreign links, header and page numbers, stable bytes.

Works on finished pages only and must not know what they say.
"""

import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pikepdf
from fontTools.ttLib import TTFont
from pikepdf import Array, Dictionary, Name, String
from reportlab.pdfgen.canvas import Canvas

from webapp.pdf import fonts
from webapp.pdf.layout import Marks

Matrix = tuple[float, float, float, float, float, float]
Drawing = Callable[[Canvas, int, float, float], None]  # canvas, page index, width, height

ACTIVE = ("OpenAction", "AA", "AcroForm", "Names", "Dests", "Outlines", "Metadata")
STRUCTURE = ("StructTreeRoot", "MarkInfo", "Lang", "PageMode", "PageLayout")
OF_PAGES = ("Annots", "AA", "Metadata", "StructParents")
FACE = re.compile(r"/Noto(Sans|Serif)CJKsc-(Regular|Bold)")
RANGE = re.compile(rb"<([0-9A-F]{4})>\s*<([0-9A-F]{4})>\s*(?:<([0-9A-F]{4})>|\[([^\]]*)\])", re.I)
WIDE_CODE = re.compile(rb"<([0-9A-F]{5,6})>")
CLOSE = 6  # thousandths of the type size two drawings of one glyph may differ


@dataclass(frozen=True)
class Entry:
    """A line of contents and outline. `key` is the name of its mark."""

    key: str
    title: str
    level: int = 0


def strip(pdf: pikepdf.Pdf) -> None:
    """Takes out links (wkhtmltopdf writes server paths into them), forms, scripts and files."""
    for key in ACTIVE + STRUCTURE:
        if "/" + key in pdf.Root:
            del pdf.Root["/" + key]
    for page in pdf.pages:
        for key in OF_PAGES:
            if "/" + key in page.obj:
                del page.obj["/" + key]


def repair_text(pdf: pikepdf.Pdf, text: str) -> None:
    """Rewrites the text layer so that searching and copying find what is printed.

    `text` is what was to be printed: characters beyond the basic plane (𠮷 in names) have no entry
    at all in the layer and are recognised by their outlines.
    """
    rare = {c for c in text if ord(c) > fonts.LAST_OF_BMP}
    for item in pdf.objects:
        if isinstance(item, Dictionary) and "/ToUnicode" in item and "/DescendantFonts" in item:
            codes = _codes(item.ToUnicode.read_bytes())
            if rare:
                codes |= _recognised(item, codes.keys(), rare)
            item.ToUnicode.write(_unicode_map(codes))


def _codes(cmap: bytes) -> dict[int, str]:
    """Glyph number → character, radicals replaced by the ideographs they stand for."""
    table, codes = fonts.radicals(), {}
    for match in RANGE.finditer(cmap.partition(b"endcodespacerange")[2]):
        first, last = int(match[1], 16), int(match[2], 16)
        listed = [int(code, 16) for code in re.findall(rb"[0-9A-Fa-f]{4}", match[4] or b"")]
        start = int(match[3] or b"0", 16)
        for offset, code in enumerate(listed or range(start, start + last - first + 1)):
            if code:
                codes[first + offset] = chr(0x20 if code == 0x09 else table.get(code, code))
    return codes


def _recognised(font: pikepdf.Object, known: Iterable[int], rare: set[str]) -> dict[int, str]:
    """The rare characters among the glyphs that have no entry yet."""
    named = FACE.match(str(font.BaseFont))
    boxes = _unnamed(font, {0, *known}) if named else {}
    if not named or not boxes:
        return {}
    drawn = fonts.outlines(fonts.Face(named[1], named[2] == "Bold"), rare)
    return {
        number: character
        for number, box in boxes.items()
        for character, outline in drawn.items()
        if all(abs(a - b) <= CLOSE for a, b in zip(box, outline, strict=True))
    }


def _unnamed(font: pikepdf.Object, known: set[int]) -> dict[int, list[int]]:
    """Glyph number → its edges in thousandths, for glyphs that draw something."""
    program = font.DescendantFonts[0].FontDescriptor.FontFile2.read_bytes()
    edges = ("xMin", "yMin", "xMax", "yMax")
    with TTFont(io.BytesIO(program), lazy=True) as embedded:
        em, names, table = embedded["head"].unitsPerEm, embedded.getGlyphOrder(), embedded["glyf"]
        glyphs = {n: table[name] for n, name in enumerate(names) if n not in known}
        return {
            number: [round(getattr(glyph, edge) * 1000 / em) for edge in edges]
            for number, glyph in glyphs.items()
            if glyph.numberOfContours
        }


def _unicode_map(codes: dict[int, str]) -> bytes:
    lines = [f"<{n:04X}> <{c.encode('utf-16-be').hex().upper()}>" for n, c in sorted(codes.items())]
    blocks = [lines[i : i + 100] for i in range(0, len(lines), 100)]
    body = "\n".join(f"{len(b)} beginbfchar\n" + "\n".join(b) + "\nendbfchar" for b in blocks)
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        "1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n"
        f"{body}\nendcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    ).encode()


def geometry(page: pikepdf.Page) -> tuple[float, float]:
    """Width and height in points. No page is ever turned: foreign ones are set into ours."""
    x0, y0, x1, y1 = (float(str(edge)) for edge in page.mediabox)
    return x1 - x0, y1 - y0


def stamp(pdf: pikepdf.Pdf, draw: Drawing, font: str, name: str) -> None:
    """`draw` for every page, over what is there. `font` is the reportlab font it uses."""
    sizes, buffer = [geometry(page) for page in pdf.pages], io.BytesIO()
    canvas = _canvas(buffer, font)
    for number, (width, height) in enumerate(sizes):
        canvas.setPageSize((width, height))
        draw(canvas, number, width, height)
        canvas.showPage()
    canvas.save()
    with pikepdf.open(buffer) as layer:
        _mend_wide_codes(layer)
        for number, page in enumerate(pdf.pages):
            form = pdf.copy_foreign(layer.pages[number].as_form_xobject())
            _put(page, form, f"/{name}{number}")


def watermark(pdf: pikepdf.Pdf, text: str, font: str) -> None:
    """The reader's name across every page, one shared form for each page size."""
    shared: dict[tuple[float, float], pikepdf.Object] = {}
    for page in pdf.pages:
        size = geometry(page)
        if size not in shared:
            buffer = io.BytesIO()
            canvas = _canvas(buffer, font)
            canvas.setPageSize(size)
            _slanted(canvas, text, font, *size)
            canvas.save()
            with pikepdf.open(buffer) as layer:
                _mend_wide_codes(layer)
                shared[size] = pdf.copy_foreign(layer.pages[0].as_form_xobject())
        _put(page, shared[size], "/YlMark")


def link_up(pdf: pikepdf.Pdf, marks: Marks, entries: Sequence[Entry]) -> None:
    """Real links for the contents, and the outline. Pages in `marks` are those of `pdf`."""
    for where, key, box in marks.goto:
        goal, top = marks.at[key]
        link = Dictionary(
            Type=Name.Annot,
            Subtype=Name.Link,
            Rect=Array([round(edge, 2) for edge in box]),
            Border=Array([0, 0, 0]),
            F=4,
            Dest=Array([pdf.pages[goal].obj, Name.XYZ, 0, round(top, 2), None]),
        )
        if "/Annots" not in pdf.pages[where].obj:
            pdf.pages[where].obj.Annots = Array()
        pdf.pages[where].obj.Annots.append(pdf.make_indirect(link))
    with pdf.open_outline() as outline:
        for entry in entries:
            page, top = marks.at[entry.key]
            item = pikepdf.OutlineItem(entry.title, page, "XYZ", left=0, top=round(top, 2))
            (outline.root[-1].children if entry.level and outline.root else outline.root).append(
                item
            )
    if entries:
        pdf.Root.PageMode = Name.UseOutlines


def save(pdf: pikepdf.Pdf, title: str, when: datetime) -> bytes:
    """The same bytes for the same content: no clock, no random id. `when` is the data's time."""
    for key in list(pdf.docinfo.keys()):
        del pdf.docinfo[key]
    offset = when.strftime("%z") or "+0000"
    stamped = f"{when:D:%Y%m%d%H%M%S}{offset[:3]}'{offset[3:5]}'"
    facts = {"Title": title, "CreationDate": stamped, "ModDate": stamped, "Producer": "yili"}
    for key, value in facts.items():
        pdf.docinfo["/" + key] = value
    pdf.Root.Lang = String("zh-CN")
    pdf.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
    pdf.remove_unreferenced_resources()
    buffer = io.BytesIO()
    pdf.save(buffer, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return buffer.getvalue()


def _canvas(buffer: io.BytesIO, font: str) -> Canvas:
    # Without a first font of ours every page would name Helvetica, which is not embedded.
    return Canvas(buffer, invariant=1, pageCompression=1, initialFontName=font)


def _slanted(canvas: Canvas, text: str, font: str, width: float, height: float) -> None:
    canvas.setFillGray(0.35)
    canvas.setFillAlpha(0.1)
    canvas.setFont(font, 13)
    step = canvas.stringWidth(text, font, 13) * 0.88 + 70
    for row, y in enumerate(range(40, int(height) + 160, 150)):
        x = -60.0 - (row % 2) * step / 2
        while x < width:
            canvas.saveState()
            canvas.translate(x, y)
            canvas.rotate(28)
            canvas.drawString(0, 0, text)
            canvas.restoreState()
            x += step


def _put(page: pikepdf.Page, form: pikepdf.Object, name: str) -> None:
    page.add_resource(form, Name.XObject, Name(name))  # a name of ours: pikepdf's are random
    page.contents_add(b"q\n", prepend=True)
    page.contents_add(f"\nQ q {name} Do Q\n".encode())


def _mend_wide_codes(pdf: pikepdf.Pdf) -> None:
    """reportlab writes <20BB7> where a text layer needs the surrogates <D842DFB7>."""

    def surrogates(match: re.Match[bytes]) -> bytes:
        return b"<" + chr(int(match[1], 16)).encode("utf-16-be").hex().upper().encode() + b">"

    for item in pdf.objects:
        if isinstance(item, Dictionary) and "/ToUnicode" in item:
            item.ToUnicode.write(WIDE_CODE.sub(surrogates, item.ToUnicode.read_bytes()))
