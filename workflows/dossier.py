"""What a dossier (案卷) contains, as plain data.

The shape between the database and the paper: whoever gathers a case fills these, whoever prints
them (`webapp.pdf`) needs nothing else. Everything in them is text, already in the words and the
time zone of the reader; whether somebody may see a thing is decided before it gets here. Must not
know HTML, PDF or the web.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Literal

ElementState = Literal["done", "now", "late"]


@dataclass(frozen=True)
class Reader:
    """For whom the copy is made: the watermark names them."""

    name: str
    unit: str


@dataclass(frozen=True)
class Row:
    """One question and its answer. Short answers stand two to a line unless `wide`."""

    label: str
    value: str | list[str]
    wide: bool = False


@dataclass(frozen=True)
class Group:
    """A section of a form. An empty title prints no bar."""

    title: str
    rows: list[Row]


@dataclass(frozen=True)
class Sheet:
    """A filed form, read-only."""

    title: str
    groups: list[Group]


@dataclass(frozen=True)
class TableBlock:
    """A table of any length; its head is repeated on each page. Widths in per cent, sum 100."""

    title: str
    widths: list[int]
    head: list[str]
    rows: list[list[str]]
    note: str = ""


@dataclass(frozen=True)
class Text:
    """Running text. An empty title prints none."""

    title: str
    paragraphs: list[str]


@dataclass(frozen=True)
class DiagramBlock:
    """The diagram with this index in `Dossier.diagrams`, on a page of its own."""

    index: int


@dataclass(frozen=True)
class Official:
    """A notice, set like an official document (GB/T 9704-2012). A `draft` says that it is one and
    has no force; `recalled`: by which notice it was taken back, "" if it was not.

    Paragraphs that begin with 一、 or （一） are set as headings of the first or second level.
    `issued_by`: the office that prints it, left in the last lines (版记).
    """

    issuer: str
    number: str
    title: str
    addressed_to: str
    paragraphs: list[str]
    signed_by: str
    signed_on: date
    enclosures: list[str] = field(default_factory=list)
    copies_to: str = ""
    issued_by: str = ""
    draft: bool = False
    recalled: str = ""

    @property
    def standing(self) -> str:
        """What is said above the letterhead of a notice without force."""
        if self.draft:
            return "草稿　未签发，不具效力"
        return f"本件已由{self.recalled}撤回，停止使用" if self.recalled else ""


_HEADING = re.compile(r"(?:([一二三四五六七八九十]+、)|(（[一二三四五六七八九十]+）))[^。]{1,40}$")


def heading_level(paragraph: str) -> str:
    """`one` or `two` for a heading of an official document, `body` for a sentence with or without
    a number."""
    found = _HEADING.match(paragraph)
    return "body" if not found else "one" if found[1] else "two"


@dataclass(frozen=True)
class Signature:
    """Who signed: time already in the reader's words."""

    role: str
    name: str
    unit: str
    time: str


@dataclass(frozen=True)
class Signatures:
    """Electronic signatures under the sheets above."""

    rows: list[Signature]


Block = Sheet | TableBlock | Text | DiagramBlock | Official | Signatures


@dataclass(frozen=True)
class Section:
    """A chapter with a line in the contents. `key` is stable ASCII and unique in the dossier."""

    key: str
    title: str
    blocks: list[Block]


@dataclass(frozen=True)
class AttachmentFile:
    """A stored file. `sha256` is what was recorded at upload, in lower-case hex."""

    name: str
    sha256: str
    media_type: str
    path: Path
    label: str


@dataclass(frozen=True)
class Diagram:
    """A process diagram as drawn from its definition, and the state of its elements by id."""

    svg: bytes
    states: Mapping[str, ElementState]
    title: str


@dataclass(frozen=True)
class Dossier:
    """Everything on paper about one case, for one reader, at one moment."""

    number: str
    title: str
    subject_masked: str
    organisation: str
    event_at: datetime | None  # None: not to be told
    produced_at: datetime
    reader: Reader
    rule_set_title: str
    sections: list[Section]
    attachments: list[AttachmentFile] = field(default_factory=list)
    diagrams: list[Diagram] = field(default_factory=list)
    notes: tuple[str, ...] = (
        "本案卷含个人健康信息，仅供评审与整改使用，不得复制、转借、对外公布。",
        "评审结论不对社会公布，不作为医疗事故鉴定依据。",
    )
    bound: bool = True  # with cover and contents
    whose: str = "报告机构"  # what `organisation` is to it
