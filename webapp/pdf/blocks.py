"""From the blocks of a section to atoms of the layout, each kind in its own function.

Decides what stands beside what and what must stay together; where pages break is for `layout`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from webapp.pdf.finish import Entry
from webapp.pdf.layout import Atom, fixed, split, text_width
from webapp.pdf.markup import clean, macro
from webapp.words import full_date
from workflows.dossier import (
    Block,
    DiagramBlock,
    Group,
    Official,
    Row,
    Section,
    Sheet,
    Signatures,
    TableBlock,
    Text,
    heading_level,
)

DIGITS = "〇一二三四五六七八九"
NOTHING = "—"
# Characters that fit on a line, at the type sizes of style.css and 168 mm of text.
PER_PERCENT = 0.5  # table columns
PADDING = 1.2
SHEET_WIDE = 37.0
SHEET_HALF = 13.0
PARAGRAPH = 45.0
OFFICIAL = 28.0


@dataclass
class Built:
    """Atoms of a section, its lines for the contents, and which atoms stand for diagrams."""

    atoms: list[Atom] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    diagrams: list[tuple[Atom, int, str]] = field(default_factory=list)  # atom, index, heading


def numeral(number: int) -> str:
    """1 → 一, 12 → 十二, 25 → 二十五; below 100."""
    tens, ones = divmod(number, 10)
    return (
        ("" if tens < 2 else DIGITS[tens]) + ("十" if tens else "") + (DIGITS[ones] if ones else "")
    )


def build(section: Section, key: str, label: str) -> Built:
    """A section on new pages. `key` names it to the contents, `label` is its number in words."""
    built = Built()
    title = clean(section.title)
    built.entries.append(Entry(key, label + title))
    blocks = section.blocks or [Text("", ["（无）"])]
    if not isinstance(blocks[0], DiagramBlock):
        built.atoms.append(fixed(macro("section")(key, label, title), keep=True, page=True))
    listed = _listed(blocks)
    for number, block in enumerate(blocks):
        if isinstance(block, DiagramBlock):
            name = key if number == 0 else f"{key}.{number}"
            _diagram(built, block, name, label + title if number == 0 else "")
        else:
            _titled(built, block, f"{key}.{number}", title, listed=block in listed)
            built.atoms += _drawn(block, first=len(built.atoms) == 1)
    return built


def _drawn(block: Block, *, first: bool) -> list[Atom]:
    atoms = ATOMS[type(block)](block)
    for atom in atoms:
        atom.bound = True
    if isinstance(block, Official) and not first:
        atoms[0].page = True
    return atoms


def _listed(blocks: Sequence[Block]) -> list[Block]:
    """What has a line in the contents: the sheets, or where there are none, what has a title."""
    titled = [block for block in blocks if _title(block)]
    sheets: list[Block] = [block for block in titled if isinstance(block, Sheet)]
    return (sheets or titled) if len(titled) > 1 else []


def _titled(built: Built, block: Block, name: str, section_title: str, *, listed: bool) -> None:
    """A gap above and the block's title, unless it repeats the section's."""
    if isinstance(block, Official):
        return
    if len(built.atoms) > 1:
        signed = isinstance(block, Signatures)  # never without the last line above
        built.atoms[-1].keep |= signed
        built.atoms.append(Atom(lambda *_: macro("gap")(), keep=signed, bound=signed, space=True))
    title = clean(_title(block))
    if title and title != section_title:
        if listed:
            built.entries.append(Entry(name, title, 1))
        built.atoms.append(fixed(macro("block_title")(name, title), keep=True))


def _title(block: Block) -> str:
    return "" if isinstance(block, DiagramBlock | Signatures) else block.title


def _diagram(built: Built, block: DiagramBlock, name: str, heading: str) -> None:
    atom = fixed(macro("placeholder")(name), page=True, alone=True)
    built.atoms.append(atom)
    built.diagrams.append((atom, block.index, heading))


def _text(block: Text) -> list[Atom]:
    return [
        atom
        for paragraph in block.paragraphs
        for atom in _pieces([paragraph], [PARAGRAPH], 5, _draw_paragraph)
    ]


def _draw_paragraph(cells: Sequence[str], continued: bool) -> Markup:
    return macro("paragraph")(cells[0], continued)


def _table(block: TableBlock) -> list[Atom]:
    widths = block.widths
    head = fixed(macro("table_row")(widths, block.head, True), keep=True)
    room = [width * PER_PERCENT - PADDING for width in widths]
    atoms = [head]

    def draw(cells: Sequence[str], _continued: bool) -> Markup:
        return macro("table_row")(widths, cells, False)

    for row in block.rows:
        atoms += _pieces(row, room, 12, draw, head)
    if not block.rows:
        atoms.append(fixed(macro("empty_row")()))
    if block.note:
        atoms.append(fixed(macro("note")(block.note)))
    return atoms


def _signatures(block: Signatures) -> list[Atom]:
    rows = [[s.role, s.name, s.unit, s.time] for s in block.rows]
    return _table(TableBlock("", [22, 18, 34, 26], ["签名角色", "姓名", "单位", "签名时间"], rows))


def _sheet(block: Sheet) -> list[Atom]:
    return [atom for n, group in enumerate(block.groups) for atom in _group(group, first=n == 0)]


def _group(group: Group, *, first: bool) -> list[Atom]:
    def bar(_cells: Sequence[str], continued: bool) -> Markup:
        return macro("group_bar")(group.title, not first, continued)

    head = Atom(bar, keep=True) if group.title else fixed(macro("rule")(), keep=True)
    return [head, *(atom for line in _lines(group.rows) for atom in _line_of_sheet(line, head))]


def _lines(rows: Sequence[Row]) -> Iterator[tuple[Row, ...]]:
    """Short answers in pairs, long ones and what is left over alone; the order stays."""
    waiting: list[Row] = []
    for row in rows:
        shown = Row(row.label, _value(row), _is_wide(row))
        if shown.wide:
            yield from ((each,) for each in (*waiting, shown))
            waiting = []
        elif waiting:
            yield (waiting.pop(), shown)
        else:
            waiting = [shown]
    yield from ((each,) for each in waiting)


def _line_of_sheet(line: tuple[Row, ...], head: Atom) -> list[Atom]:
    def draw(cells: Sequence[str], continued: bool) -> Markup:
        return macro("wide")(line[0].label, cells[0], continued)

    if len(line) == 1:
        return _pieces([str(line[0].value)], [SHEET_WIDE], 8, draw, head)
    return [Atom(lambda _cells, _continued: macro("pair")(*line), head=head)]


def _value(row: Row) -> str:
    lines = row.value if isinstance(row.value, list) else [row.value]
    return clean("\n".join(line for line in lines if line)) or NOTHING


def _is_wide(row: Row) -> bool:
    value = _value(row)
    return row.wide or "\n" in value or text_width(value) > 2 * SHEET_HALF


def _official(block: Official) -> list[Atom]:
    day = full_date(block.signed_on)
    atoms = [fixed(macro("official_head")(block), keep=True)]
    atoms += _line("to", f"{block.addressed_to}：") if block.addressed_to else []
    for paragraph in block.paragraphs:
        level = heading_level(paragraph)
        atoms += _line(level, paragraph)
        atoms[-1].keep = level != "body"
    for number, text in enumerate(numbered_enclosures(block.enclosures)):
        atoms[-1].keep = True  # with the last lines: a signature never stands alone on a page
        atoms += _line("files first" if number == 0 else "files", text)
    atoms[-1].keep = True
    recorded = bool(block.copies_to or block.issued_by)
    atoms.append(fixed(macro("official_signature")(block.signed_by, day), keep=recorded))
    if recorded:
        atoms.append(fixed(macro("official_record")(block, day)))
    return atoms


def numbered_enclosures(names: Sequence[str]) -> list[str]:
    """附件：1．问题清单 · 　　　2．整改要求."""
    return [
        ("附件：" if number == 1 else "　　　") + (f"{number}．" if len(names) > 1 else "") + name
        for number, name in enumerate(names, 1)
    ]


def _line(level: str, text: str) -> list[Atom]:
    def draw(cells: Sequence[str], continued: bool) -> Markup:
        return macro("official_line")(level, cells[0], continued)

    return _pieces([text], [OFFICIAL], 3, draw)


def _pieces(
    cells: Sequence[str],
    widths: Sequence[float],
    lines: int,
    draw: Callable[..., Markup],
    head: Atom | None = None,
) -> list[Atom]:
    """Atoms of at most so many lines; those of one page are drawn as one again."""
    parts = split([clean(cell) for cell in cells], widths, lines)
    return [Atom(draw, part, head=head, joins=n > 0) for n, part in enumerate(parts)]


ATOMS: dict[type, Callable[..., list[Atom]]] = {
    Sheet: _sheet,
    TableBlock: _table,
    Text: _text,
    Official: _official,
    Signatures: _signatures,
}
