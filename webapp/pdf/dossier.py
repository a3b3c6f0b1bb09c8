"""One case as one PDF: cover, contents, chapters, attached files.

Takes `workflows.dossier.Dossier` and gives bytes; opens no database, asks nobody who may see what.
The same data give the same bytes.
"""

import io
from collections.abc import Callable, Sequence

import pikepdf

from webapp.pdf import attachments, blocks
from webapp.pdf.binding import Imprint, Insert, bind
from webapp.pdf.diagram import page_of
from webapp.pdf.finish import Entry
from webapp.pdf.layout import Atom, fixed
from webapp.pdf.markup import clean, macro
from webapp.words import full
from workflows.dossier import Dossier

Progress = Callable[[int, str], None]


def build(dossier: Dossier, progress: Progress) -> bytes:
    """The finished file. `progress` is told per cent done and, in Chinese, what is being done.

    RenderError when no PDF can be made; a bad attachment becomes a page that says so.
    """
    leaves = []
    for number, file in enumerate(dossier.attachments):
        progress(
            number * 40 // len(dossier.attachments),
            f"核对附件 {number + 1}/{len(dossier.attachments)}",
        )
        leaves.append(attachments.read(file))
    progress(40, "编排目录与正文")
    chapters = [
        blocks.build(section, f"s{number}", f"{blocks.numeral(number)}、" if dossier.bound else "")
        for number, section in enumerate(dossier.sections, 1)
    ]
    files = [_separator(number, leaf) for number, leaf in enumerate(leaves, 1)]
    entries = [entry for chapter in chapters for entry in chapter.entries]
    file_entries = [_file_entry(number, leaf) for number, leaf in enumerate(leaves, 1)]
    atoms = [_cover(dossier, leaves), *_contents(entries, file_entries)] if dossier.bound else []
    atoms += [atom for chapter in chapters for atom in chapter.atoms] + files
    progress(50, "绘制流程图")
    inserts = [
        Insert(atom, page_of(dossier.diagrams[index], heading, dossier.diagrams[index].title), True)
        for chapter in chapters
        for atom, index, heading in chapter.diagrams
    ] + [Insert(atom, leaf.pdf) for atom, leaf in zip(files, leaves, strict=True)]
    progress(60, "排版与装订")
    pdf = bind(atoms, _imprint(dossier), inserts, entries + file_entries)
    progress(100, "案卷已制成")
    return pdf


def page_count(pdf: bytes) -> int:
    """How many pages a finished file has."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return len(opened.pages)


def _cover(dossier: Dossier, leaves: Sequence[attachments.Leaves]) -> Atom:
    held = f"{len(dossier.sections)} 部分" + (f"，附件 {len(leaves)} 件" if leaves else "")
    event_at = full(dossier.event_at) if dossier.event_at else ""
    produced_at = full(dossier.produced_at)
    return fixed(macro("cover")(dossier, event_at, produced_at, held), page=True, alone=True)


def _contents(entries: Sequence[Entry], files: Sequence[Entry]) -> list[Atom]:
    title = fixed(macro("contents_title")(), keep=True, page=True)
    lines = [fixed(macro("contents_line")(e.key, e.title, e.level)) for e in entries]
    if files:
        lines.append(fixed(macro("contents_part")("附件"), keep=True))
    lines += [fixed(macro("contents_line")(e.key, e.title, e.level)) for e in files]
    return [title, *lines]


def _separator(number: int, leaf: attachments.Leaves) -> Atom:
    html = macro("separator")(f"f{number}", number, leaf.file, leaf.kind, leaf.extent, leaf.problem)
    return fixed(html, page=True, alone=True)


def _file_entry(number: int, leaf: attachments.Leaves) -> Entry:
    name = clean(leaf.file.label or leaf.file.name)
    return Entry(f"f{number}", f"附件 {number}　{name}" + ("（未收入）" if leaf.problem else ""))


def _imprint(dossier: Dossier) -> Imprint:
    reader, time = dossier.reader, full(dossier.produced_at)
    return Imprint(
        title=clean(f"{dossier.number} {dossier.title}"),
        left=clean(f"案号　{dossier.number}"),
        right=clean(f"{dossier.title}　内部资料　注意保密"),
        foot=clean(f"查阅人 {reader.name}　{reader.unit}　{time}"),
        watermark=clean(f"{reader.name}　{reader.unit}　{time}"),
        produced_at=dossier.produced_at,
        cover=dossier.bound,
    )
