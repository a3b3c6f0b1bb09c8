"""From templates to one complete, harmless HTML page.

Every text goes through autoescape; what comes out is read again, and anything that is not on the
short list of what our own templates write is refused before it reaches the renderer. Must not know
what the texts mean.
"""

import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from html.parser import HTMLParser
from typing import Protocol, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

ELEMENTS = frozenset(
    {"html", "head", "meta", "title", "style", "body", "div", "p", "span", "br", "a", "img"}
    | {"table", "colgroup", "col", "tr", "th", "td", "h1", "h2"}
)
ATTRIBUTES = frozenset({"class", "lang", "charset", "style", "href", "src", "colspan"})
LINK = re.compile(r"mark:(at|goto|num)/[a-z0-9._-]+")
PICTURE = re.compile(r"data:image/svg\+xml;base64,[A-Za-z0-9+/=]+")
STYLE = re.compile(r"(width:[0-9.]+(%|mm);?)+")
KEPT = "\n\u200c\u200d"  # joiners belong to letters of some scripts


class MarkupRefused(Exception):
    """The page holds something no template of ours writes: a defect, never the user's fault."""


class Draw(Protocol):
    """A macro of atoms.html."""

    def __call__(self, *args: object) -> Markup: ...


@functools.cache
def environment() -> Environment:
    """Autoescape always on; a name that is not defined is an error."""
    return Environment(
        loader=PackageLoader("webapp", "templates/pdf"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_cleaned,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@functools.cache
def macro(name: str) -> Draw:
    """The macro `name` of atoms.html."""
    return cast(Draw, getattr(environment().get_template("atoms.html").module, name))


def document(bodies: Iterable[Sequence[Markup]], kind: str = "dossier") -> str:
    """A complete page; each element of `bodies` begins a new sheet. MarkupRefused if not ours."""
    html = environment().get_template("page.html").render(pages=bodies, kind=kind)
    admit(html)
    return html


def clean(text: str) -> str:
    """The text without control characters and without marks that turn its direction round."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    return "".join(
        c for c in text if c in KEPT or unicodedata.category(c) not in ("Cc", "Cf", "Cs")
    )


def _cleaned(value: object) -> object:
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def admit(html: str) -> None:
    """MarkupRefused unless the page consists of our elements, `mark:` links and inline pictures."""
    reader = _Reader()
    reader.feed(html)
    reader.close()


class _Reader(HTMLParser):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ELEMENTS:
            raise MarkupRefused(tag)
        for name, value in attrs:
            if name not in ATTRIBUTES or not _plain(name, value or ""):
                raise MarkupRefused(f"{tag} {name}")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "style" and ("url(" in data or "@import" in data):
            raise MarkupRefused("style sheet")

    def handle_comment(self, data: str) -> None:
        raise MarkupRefused("comment")

    def handle_pi(self, data: str) -> None:
        raise MarkupRefused("instruction")


def _plain(name: str, value: str) -> bool:
    rules = {"href": LINK, "src": PICTURE, "style": STYLE}
    return name not in rules or rules[name].fullmatch(value) is not None
