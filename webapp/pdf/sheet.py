"""One document on paper: a filed form, a table, or an issued notice. No cover, no contents."""

from collections.abc import Sequence
from datetime import datetime

from webapp.pdf import blocks
from webapp.pdf.binding import Imprint, Insert, bind
from webapp.pdf.diagram import page_of
from webapp.pdf.markup import clean
from webapp.pdf.render import A4, PageSetup
from webapp.words import full
from workflows.dossier import Diagram, Official, Reader, Section

# GB/T 9704-2012: 22 lines of 28 characters; the zoom is what gives exactly 28.
OFFICIAL = PageSetup(top=37, bottom=35, left=28, right=26, zoom=1.285)


def build_sheet(
    section: Section,
    *,
    number: str,
    reader: Reader,
    produced_at: datetime,
    diagrams: Sequence[Diagram] = (),
    for_seal: bool = False,
) -> bytes:
    """A section printed alone, `number` (of case, item or notice) in its header.

    A section of one `Official` becomes an official document: its margins, no header, its way of
    numbering pages; a draft, and what was taken back, says on every page that it is so. `for_seal`:
    the issuing unit's own copy, without the reader's mark. RenderError when no PDF can be made.
    """
    [letter] = section.blocks if len(section.blocks) == 1 else [None]
    official = isinstance(letter, Official)
    standing = _standing(letter) if isinstance(letter, Official) else ""
    built = blocks.build(section, "s1", "")
    time = full(produced_at)
    mark = clean(f"{reader.name}　{reader.unit}　{time}")
    mark = f"{standing}　{mark}" if standing else "" if for_seal else mark
    imprint = Imprint(
        title=clean(f"{number} {section.title}"),
        left=clean(f"编号　{number}"),
        right=clean(section.title),
        foot=clean(f"打印人 {reader.name}　{reader.unit}　{time}"),
        watermark=mark,
        produced_at=produced_at,
        official=official,
    )
    atoms = built.atoms[1:] if official else built.atoms  # the red head stands for the heading
    inserts = [
        Insert(atom, page_of(diagrams[index], heading, diagrams[index].title), replaces=True)
        for atom, index, heading in built.diagrams
    ]
    setup, kind = (OFFICIAL, "official") if official else (A4, "dossier")
    return bind(atoms, imprint, inserts, (), setup, kind)


def _standing(letter: Official) -> str:
    """What every page says of a notice without force."""
    return "草稿 未签发" if letter.draft else "已撤回 停止使用" if letter.recalled else ""
