"""The Chinese fonts of the machine: which characters they hold, and a small font cut out of one.

Noto Sans and Serif CJK are used for everything, the overlay included: reportlab cannot embed fonts
with PostScript outlines, so the few characters of an overlay are turned into a TrueType font of
their own. Must not know what is written with them.
"""

import functools
import hashlib
import io
import logging
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase import ttfonts as embedding

from webapp.pdf.installed import font_file

EPOCH = 3_786_912_000  # 2024-01-01 in seconds since 1904: the bytes must not depend on today
REPLACEMENT = "□"
LAST_OF_BMP = 0xFFFF
logging.getLogger("fontTools").setLevel(logging.ERROR)  # it minds the dates Qt leaves empty

Bounds = tuple[int, int, int, int]  # in thousandths of the type size


@dataclass(frozen=True)
class Face:
    """One of the four faces of Noto CJK SC: family Sans or Serif, regular or bold."""

    family: str
    bold: bool = False


@contextmanager
def opened(face: Face) -> Iterator[TTFont]:
    """The simplified Chinese member of the collection."""
    path = font_file(face.family, bold=face.bold)
    if path is None:
        raise FileNotFoundError(f"Noto {face.family} CJK")
    with TTCollection(str(path), lazy=True) as collection:
        yield next(
            font for font in collection.fonts if font["name"].getDebugName(1).endswith(" CJK SC")
        )


@functools.cache
def characters(face: Face) -> dict[int, str]:
    """Code point → glyph name for all the face can draw."""
    with opened(face) as font:
        return dict(font.getBestCmap())


@functools.cache
def radicals() -> dict[int, int]:
    """Radical or compatibility code point → the ideograph that is drawn with the same glyph.

    wkhtmltopdf writes the former into the text layer where the page said the latter, so that 行
    is found by nobody.
    """
    table: dict[int, int] = {}
    for family in ("Sans", "Serif"):
        by_glyph: dict[str, list[int]] = {}
        for code, glyph in characters(Face(family)).items():
            by_glyph.setdefault(glyph, []).append(code)
        for codes in by_glyph.values():
            table.update(_pairs(codes))
    for code in range(0x2E80, 0x2FE0):
        normal = unicodedata.normalize("NFKC", chr(code))
        if len(normal) == 1 and ord(normal) != code:
            table.setdefault(code, ord(normal))
    return table


def _pairs(codes: list[int]) -> dict[int, int]:
    plain = [c for c in codes if 0x4E00 <= c <= 0x9FFF or 0x3400 <= c <= 0x4DBF]
    odd = [c for c in codes if 0x2E80 <= c <= 0x2FDF or 0xF900 <= c <= 0xFAFF]
    return dict.fromkeys(odd, plain[0]) if plain else {}


def outlines(face: Face, wanted: set[str]) -> dict[str, Bounds]:
    """The box around each wanted character as the face draws it; those it lacks are left out."""
    known = characters(face)
    found: dict[str, Bounds] = {}
    with opened(face) as font:
        shapes = _shapes(font)
        for character in wanted:
            if ord(character) in known:
                pen = BoundsPen(None)
                shapes[known[ord(character)]].draw(pen)
                x0, y0, x1, y1 = (round(edge) for edge in pen.bounds or (0, 0, 0, 0))
                found[character] = (x0, y0, x1, y1)
    return found


def _shapes(font: TTFont) -> Any:
    """Glyph name → outline. The tables of all 65,535 advance widths stay unread: 0.2 s saved."""
    return font["CFF "].cff.topDictIndex[0].CharStrings


@contextmanager
def overlay(text: str, *, bold: bool = False) -> Iterator[str]:
    """The name of a reportlab font that can draw every character of `text`, while in use.

    A character that no face holds is drawn as □; see `drawable`.
    """
    wanted = "".join(sorted({*text, REPLACEMENT, " "}))
    name = "Yili" + hashlib.sha256(wanted.encode()).hexdigest()[:12] + ("B" if bold else "")
    pdfmetrics.registerFont(embedding.TTFont(name, io.BytesIO(_cut(wanted, name, bold))))
    try:
        yield name
    finally:
        pdfmetrics._fonts.pop(name, None)  # reportlab keeps fonts for ever; a worker lives long


def drawable(text: str) -> str:
    """The text with □ for what the overlay font cannot draw."""
    known = characters(Face("Sans"))
    return "".join(c if ord(c) in known else REPLACEMENT for c in text)


def _cut(wanted: str, name: str, bold: bool) -> bytes:
    face = Face("Sans", bold)
    known = characters(face)
    shapes, advances, cmap = {".notdef": TTGlyphPen(None).glyph()}, {".notdef": (1000, 0)}, {}
    with opened(face) as font:
        source = _shapes(font)
        for character in wanted:
            if glyph := known.get(ord(character)):
                pen, outline = TTGlyphPen(None), source[glyph]
                outline.draw(Cu2QuPen(pen, 1.0, reverse_direction=True))
                shapes[glyph], advances[glyph] = pen.glyph(), (round(outline.width), 0)
                cmap[ord(character)] = glyph
    builder = FontBuilder(1000, isTTF=True)
    builder.font.recalcTimestamp = False
    builder.updateHead(created=EPOCH, modified=EPOCH)
    builder.setupGlyphOrder(list(shapes))
    builder.setupCharacterMap(cmap)
    builder.setupGlyf(shapes)
    builder.setupHorizontalMetrics(advances)
    builder.setupHorizontalHeader(ascent=880, descent=-120)
    builder.setupNameTable({"familyName": name, "styleName": "Regular", "psName": name})
    builder.setupOS2(sTypoAscender=880, sTypoDescender=-120)
    builder.setupPost()
    buffer = io.BytesIO()
    builder.save(buffer)
    return buffer.getvalue()
