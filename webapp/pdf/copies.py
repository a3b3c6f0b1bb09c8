"""The copy of a file that reviewers get: what it shows, without what would tell who she was.

Nothing of a file but its pages is carried over: no author, dates, notes, bookmarks, forms, enclosed
files; pictures are kept without what the camera wrote into them. Where a page's text, visible or
covered, names something that tells, the page is drawn anew as a picture with it masked; a day
becomes a number of days from the death (D-1). Pages that are pictures already cannot be read here
and are said to be unread. Knows bytes and the veil; no case, no person.
"""

import ctypes
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import img2pdf
import pikepdf
import pypdfium2
from pikepdf import Name
from PIL import Image, ImageDraw, ImageFont, ImageOps

from workflows.actions.attachments import JPEG, PDF, PNG
from workflows.veil import Found, Secret, Veil

DOTS = 170  # per inch, of a page drawn anew
LONGEST_SIDE = 5000  # dots of a picture: a photographed page stays legible
QUALITY = 88
_KEPT_OF_PAGE = frozenset(
    ("/Type", "/Parent", "/MediaBox", "/CropBox", "/Rotate", "/Resources", "/Contents", "/Group")
)
_TELLING = ("/Metadata", "/PieceInfo", "/LastModified", "/Thumb", "/Alternates")
_JPEG_KEPT = {0xE0, 0xE2, 0xEE}  # size, colours; not cameras, editors, comments
_UNTOLD = 0xFFFD


class Uncleanable(Exception):
    """Nobody can say what the file holds: it is not given out."""


@dataclass(slots=True)
class Copy:
    """`masked`: (page, kind) → how often. `unread`: pages, from 1, that nobody could read here."""

    content: bytes
    masked: Counter[tuple[int, Secret]] = field(default_factory=Counter)
    unread: list[int] = field(default_factory=list)


def clean(content: bytes, media_type: str, veil: Veil) -> Copy:
    """What a reviewer may have of the file. Uncleanable."""
    try:
        if media_type == PDF:
            return _clean_pdf(content, veil)
        if media_type in (JPEG, PNG):
            return Copy(_clean_picture(content, media_type), unread=[1])
    except (
        pikepdf.PdfError,
        pypdfium2.PdfiumError,
        img2pdf.ImageOpenError,
        OSError,
        ValueError,
        RuntimeError,
        MemoryError,
        SyntaxError,
    ) as error:
        raise Uncleanable(str(error)) from error
    raise Uncleanable(media_type)


# Pictures


def _clean_picture(content: bytes, media_type: str) -> bytes:
    """The dots alone, the right way up, in a file of the same kind."""
    with Image.open(io.BytesIO(content)) as opened:
        if media_type == JPEG:
            opened.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    bare = Image.new("RGB", upright.size)
    bare.paste(upright)
    return _written(bare, "JPEG" if media_type == JPEG else "PNG")


def _written(picture: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, quality=QUALITY) if kind == "JPEG" else picture.save(out, kind)
    return out.getvalue()


def bare_jpeg(content: bytes) -> bytes:
    """A JPEG without what cameras and editors write into it; its dots untouched. ValueError."""
    if content[:2] != b"\xff\xd8":
        raise ValueError("no JPEG")
    out, at = [content[:2]], 2
    while content[at] == 0xFF and content[at + 1] != 0xDA:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4])
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE) or marker in _JPEG_KEPT:
            out.append(content[at : at + 2 + length])
        at += 2 + length
        if length < 2 or at + 1 >= len(content):
            raise ValueError("torn JPEG")
    return b"".join([*out, content[at:]])


# PDF


def _clean_pdf(content: bytes, veil: Veil) -> Copy:
    copy = Copy(b"")
    drawn: dict[int, bytes] = {}
    with _only_pages(content) as pdf:
        all_anew = not _bare_pictures(pdf)
        plain = _saved(pdf)
        with pypdfium2.PdfDocument(plain) as document:
            for number in range(len(document)):
                page = _Page(document[number])
                found = veil.find(page.text)
                copy.masked.update((number + 1, each.secret) for each in found)
                if not page.readable:
                    copy.unread.append(number + 1)
                if found or all_anew:
                    drawn[number] = page.drawn(found)
        _replace(pdf, drawn)
        copy.content = _saved(pdf)
    _look_again(copy.content, veil)
    return copy


def _only_pages(content: bytes) -> pikepdf.Pdf:
    new = pikepdf.new()
    with pikepdf.open(io.BytesIO(content)) as old:
        for page in old.pages:
            for key in set(page.obj.keys()) - _KEPT_OF_PAGE:
                del page.obj[key]
            new.pages.append(page)
        kept = io.BytesIO()
        new.save(kept)  # while the old one is open: its pages are read only now
    new.close()
    return pikepdf.open(io.BytesIO(kept.getvalue()))


def _bare_pictures(pdf: pikepdf.Pdf) -> bool:
    """Take what tells off every object. Whether every picture in it could be looked into."""
    sound = True
    for item in pdf.objects:
        if not isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
            continue
        for key in _TELLING:
            if key in item:
                del item[key]
        if isinstance(item, pikepdf.Stream) and item.get("/Subtype") == Name.Image:
            sound = _bare_picture(item) and sound
    return sound


def _bare_picture(item: pikepdf.Stream) -> bool:
    filters = item.get("/Filter")
    names = [str(filters)]
    if isinstance(filters, pikepdf.Array):
        names = [str(name) for name in filters]
    if names == ["/DCTDecode"] and "/DecodeParms" not in item:
        item.write(bare_jpeg(item.read_raw_bytes()), filter=Name.DCTDecode)
        return True
    return not {"/DCTDecode", "/JPXDecode"} & set(names)


def _replace(pdf: pikepdf.Pdf, drawn: dict[int, bytes]) -> None:
    for number, picture in drawn.items():
        with pikepdf.open(io.BytesIO(picture)) as one:
            pdf.pages[number] = one.pages[0]
            out = io.BytesIO()
            pdf.save(out)
    if drawn:
        pdf.remove_unreferenced_resources()


def _saved(pdf: pikepdf.Pdf) -> bytes:
    out = io.BytesIO()
    pdf.save(out, deterministic_id=True, fix_metadata_version=False)
    return out.getvalue()


def _look_again(content: bytes, veil: Veil) -> None:
    """Nothing is given out that was not looked at in the end. Uncleanable."""
    with pypdfium2.PdfDocument(content) as document:
        if any(veil.find(_Page(document[number]).text) for number in range(len(document))):
            raise Uncleanable("what was masked can still be read")


class _Page:
    """One page as pdfium reads it. Characters one by one: where each stands is known."""

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        self.page = page
        self.layer = page.get_textpage()
        raw = pypdfium2.raw
        codes = [
            raw.FPDFText_GetUnicode(self.layer.raw, index)
            for index in range(self.layer.count_chars())
        ]
        self.text = "".join(chr(code) if 0 < code < 0x110000 else chr(_UNTOLD) for code in codes)

    @property
    def readable(self) -> bool:
        """Whether there is text at all, and it says something. An empty page is read."""
        letters = [char for char in self.text if not char.isspace()]
        if not letters:
            return not any(True for _ in self.page.get_objects(max_depth=4))
        return letters.count(chr(_UNTOLD)) * 2 < len(letters)

    def drawn(self, found: Iterable[Found]) -> bytes:
        """The page as a picture with what was found masked, as a PDF of its size."""
        picture = self.page.render(scale=DOTS / 72).to_pil().convert("RGB")
        pen = ImageDraw.Draw(picture)
        for each in found:
            for place, box in enumerate(self._boxes(each, picture.size)):
                pen.rectangle(box, fill="white", outline="black")
                if place == 0 and each.secret is Secret.DAY:
                    _write(pen, box, _short(each.instead))
        layout = img2pdf.get_layout_fun(self.page.get_size())
        return bytes(img2pdf.convert(_written(picture, "JPEG"), layout_fun=layout))

    def _boxes(self, found: Found, size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
        """One for each line that what was found stands on, in dots, a little larger than it."""
        lines: list[list[int]] = []
        for index in range(found.start, found.end):
            left, top, right, bottom = self._box(index, size)
            if right <= left or bottom <= top:
                continue
            if lines and abs(lines[-1][1] - top) < (bottom - top) and left >= lines[-1][0]:
                line = lines[-1]
                line[:] = [line[0], min(line[1], top), max(line[2], right), max(line[3], bottom)]
            else:
                lines.append([left, top, right, bottom])
        for left, top, right, bottom in lines:
            yield left - 3, top - 4, right + 3, bottom + 4

    def _box(self, index: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
        left, bottom, right, top = self.layer.get_charbox(index, loose=True)
        corners = [self._dot(x, y, size) for x in (left, right) for y in (bottom, top)]
        across, down = [x for x, _ in corners], [y for _, y in corners]
        return min(across), min(down), max(across), max(down)

    def _dot(self, x: float, y: float, size: tuple[int, int]) -> tuple[int, int]:
        """Where a point of the page lies on its picture, however the page is turned or cut."""
        across, down = ctypes.c_int(), ctypes.c_int()
        pypdfium2.raw.FPDF_PageToDevice(
            self.page.raw, 0, 0, *size, 0, x, y, ctypes.byref(across), ctypes.byref(down)
        )
        return across.value, down.value


def _short(day: str) -> str:
    """死亡前 1 天 → D-1, in letters that every machine can draw."""
    digits = "".join(char for char in day if char.isdigit())
    unit = "y" if "年" in day else ""
    return f"D{'-' if '前' in day else '+'}{digits}{unit}" if digits else "D0"


def _write(pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], words: str) -> None:
    height = max(10, box[3] - box[1] - 6)
    font = ImageFont.load_default(height)
    while height > 8 and pen.textlength(words, font) > box[2] - box[0] - 4:
        height -= 1
        font = ImageFont.load_default(height)
    pen.text((box[0] + 3, box[1] + 2), words, fill="black", font=font)
