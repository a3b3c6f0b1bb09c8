"""A committed process drawing (SVG of bpmn-js) with its steps coloured, on a page of its own.

Colours are written as inline style and every state has a sign beside its colour: wkhtmltopdf
knows little of SVG style sheets, and printers know no colours. Must not know what the steps mean.
"""

import base64
import io
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pikepdf
from lxml import etree

from webapp.pdf.finish import strip
from webapp.pdf.markup import document, macro
from webapp.pdf.render import A4, PageSetup, render
from workflows.dossier import Diagram, ElementState

log = logging.getLogger(__name__)

SVG = "{http://www.w3.org/2000/svg}"
SHAPES = {SVG + name for name in ("rect", "circle", "polygon", "path")}
REFUSED = {
    SVG + name for name in ("script", "foreignObject", "image", "use", "a", "animate", "set")
}
FONT = "'Noto Sans CJK SC', sans-serif"
SMALLEST = 0.15  # mm a unit of the drawing: 12 units high letters are 5 points then
HEADING_MM = 26.0
WIDEST_STEP = 200.0  # units of the drawing; frames around several steps are wider


class Look(NamedTuple):
    """How a state is drawn and what the legend calls it."""

    fill: str
    stroke: str
    sign: str
    text: str


LOOKS: dict[ElementState, Look] = {
    "done": Look("#d9f2e3", "#1a7f4b", "✓", "已完成"),
    "now": Look("#fff3cd", "#8a6100", "▶", "进行中"),
    "late": Look("#fde2e1", "#b3261e", "!", "已逾期"),
}


@dataclass(frozen=True)
class LegendEntry:
    state: str
    sign: str
    text: str


LEGEND = [LegendEntry(s, look.sign, look.text) for s, look in LOOKS.items()] + [
    LegendEntry("todo", "　", "未开始")
]


def coloured(svg: bytes, states: Mapping[str, ElementState]) -> bytes:
    """The drawing with each element of `states` (by element id) coloured, scalable.

    An id the drawing does not have is left out: an older definition may be drawn anew without it.
    """
    return painted(svg, {element_id: LOOKS[state] for element_id, state in states.items()})


def painted(svg: bytes, looks: Mapping[str, Look]) -> bytes:
    """The drawing with each element of `looks` (by element id) coloured and signed, scalable."""
    root = _parsed(svg)
    by_id = {e.get("data-element-id"): e for e in root.iter(SVG + "g") if e.get("data-element-id")}
    for element_id, look in looks.items():
        if element_id in by_id:
            _colour(by_id[element_id], look)
        else:
            log.warning("the drawing has no element %s", element_id)
    for text in root.iter(SVG + "text"):
        text.set("style", f"{text.get('style', '').rstrip('; ')};font-family:{FONT}")
    root.set("width", "100%")  # not px or mm: those come out a quarter too small
    root.attrib.pop("height", None)
    return bytes(etree.tostring(root, encoding="utf-8"))


def page_of(diagram: Diagram, label: str, title: str) -> pikepdf.Pdf:
    """A document of one page: heading, legend, drawing. A4 upright, A4 or A3 across, as it fits."""
    width, height = _size(_parsed(diagram.svg))
    setup = _setup(width, height)
    room = setup.inner_height - HEADING_MM
    shown = min(setup.inner_width, room * width / height, width * 0.3)
    picture = base64.b64encode(coloured(diagram.svg, diagram.states)).decode()
    uri = "data:image/svg+xml;base64," + picture
    body = macro("diagram")(label, title, LEGEND, uri, f"{shown:.1f}")
    pdf = pikepdf.open(io.BytesIO(render(document([[body]], "drawing"), setup)))
    strip(pdf)
    del pdf.pages[1:]
    return pdf


def _setup(width: float, height: float) -> PageSetup:
    across = replace(A4, width=A4.height, height=A4.width)
    fits_upright = A4.inner_width / width >= SMALLEST or height > width
    if fits_upright and (A4.inner_height - HEADING_MM) / height >= SMALLEST / 2:
        return A4
    if across.inner_width / width >= SMALLEST:
        return across
    return replace(across, width=420, height=297)


def _parsed(svg: bytes) -> Any:
    root = etree.fromstring(svg, etree.XMLParser(resolve_entities=False, no_network=True))
    refused = [e for e in root.iter() if e.tag in REFUSED]
    links = [name for e in root.iter() for name in e.attrib if name.endswith("href")]
    if refused or links:
        raise ValueError("the drawing holds more than a drawing")
    return root


def _size(root: Any) -> tuple[float, float]:
    _, _, width, height = (float(n) for n in root.get("viewBox").replace(",", " ").split())
    return width, height


def _colour(element: Any, look: Look) -> None:
    visual = next((g for g in element.iter(SVG + "g") if g.get("class") == "djs-visual"), None)
    shapes: Sequence[Any] = [] if visual is None else [e for e in visual if e.tag in SHAPES]
    if not shapes:
        return
    shape, old = shapes[0], shapes[0].get("style", "").rstrip("; ")
    box = float(shape.get("width", "0")) if shape.tag == SVG + "rect" else 0.0
    is_line = "djs-connection" in element.get("class", "")
    # Filling would paint the inside of a bent line, and hide the steps inside a large frame.
    fill = "" if is_line or box > WIDEST_STEP else f"fill:{look.fill};stroke-width:2.5px;"
    shape.set("style", f"{old};{fill}stroke:{look.stroke}".lstrip(";"))
    if box:
        sign = etree.SubElement(visual, SVG + "text")
        sign.set("x", f"{box - 5:g}")
        sign.set("text-anchor", "end")
        sign.set("y", "17")
        sign.set("style", f"font-size:14px;font-weight:bold;fill:{look.stroke}")
        sign.text = look.sign
