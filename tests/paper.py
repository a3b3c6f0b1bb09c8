"""A made-up case on paper for the tests of the PDF, and ways to read the paper back."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
from pikepdf import Array, Dictionary, Encryption, Name, String
from PIL import Image

from webapp.pdf.sheet import build_sheet
from workflows.dossier import (
    AttachmentFile,
    Block,
    Diagram,
    DiagramBlock,
    Dossier,
    Group,
    Official,
    Reader,
    Row,
    Section,
    Sheet,
    Signature,
    Signatures,
    TableBlock,
    Text,
)

NUMBER = "YJ-2026-0012"
READER = Reader("陈䶮", "云江县卫生健康委员会")
PRODUCED = datetime(2026, 12, 18, 6, 5, tzinfo=UTC)
MARK = "陈䶮　云江县卫生健康委员会　2026年12月18日 14:05"
SEARCHED = "车站行人长期见面，二月八日高大白色食用油，自生力强"
RARE = "䶮㛃龑𠮷"
RED = (200, 30, 30)
SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 400" width="1200" height="400">
<g class="djs-group"><g class="djs-element djs-shape" data-element-id="UT_report">
<g class="djs-visual"><rect width="100" height="80" fill="white" stroke="black"/>
<text style="font-family: Arial"><tspan x="10" y="40">登记报告</tspan></text></g></g></g>
<g class="djs-group"><g class="djs-element djs-connection" data-element-id="F_one">
<g class="djs-visual"><path d="M100,40L300,40" fill="none" stroke="black"/></g></g></g>
<g class="djs-group"><g class="djs-element djs-shape" data-element-id="UT_late">
<g class="djs-visual" transform="translate(300 0)"><rect width="100" height="80" fill="white"/>
</g></g></g></svg>"""


# A case on paper.


def sheet_with(*rows: Row) -> Sheet:
    return Sheet("报告卡", [Group("一般情况", list(rows))])


def timeline(rows: int) -> TableBlock:
    """Rows of very different height; each says where it begins and where it ends."""
    words = "入院待产，宫缩规律，行胎心监护；"
    body = [
        [f"起{n:03}", "产科", words * (n * 7919 % 11) + f"止{n:03}"] for n in range(1, rows + 1)
    ]
    return TableBlock("诊疗经过时间轴", [14, 16, 70], ["时间列", "地点列", "经过列"], body, "注文")


NOTICE = Official(
    issuer="云江县卫生健康委员会",
    number="云卫妇幼函〔2026〕17号",
    title="关于孕产妇死亡病例评审情况的反馈通报",
    addressed_to="云江县人民医院",
    paragraphs=["一、普遍性问题", "（一）保健方面", "县" * 28 * 6] + ["市" * 26] * 40,
    signed_by="云江县卫生健康委员会",
    signed_on=date(2026, 11, 27),
    enclosures=["问题清单", "整改要求"],
    copies_to="云州市卫生健康委员会",
    issued_by="云江县卫生健康委员会办公室",
)


def sections() -> list[Section]:
    card = sheet_with(
        Row("姓名", f"李{RARE}"),
        Row("民族", "汉族"),
        Row("经过", SEARCHED),
        Row("改进建议", ["术前备血", "出血称重"]),
        Row("未填", ""),
    )
    signed = Signatures([Signature("填报人", "赵行长", "云江县人民医院", "2026年11月22日 19:58")])
    return [
        Section("card", "孕产妇死亡报告卡", [card, signed]),
        Section("record", "个案记录", [Sheet("个案情况", card.groups), timeline(60)]),
        Section("discussion", "院内死亡病例讨论", [Text("发言要点", [SEARCHED * 40])]),
        Section("opinions", "专家意见", []),
        Section("notice", "反馈通报", [NOTICE]),
        Section("diagram", "流程进度", [DiagramBlock(0)]),
        Section("events", "办理记录", [TableBlock("", [30, 70], ["何时", "何事"], [])]),
    ]


def stored(path: Path, media_type: str, label: str) -> AttachmentFile:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return AttachmentFile(path.name, sha256, media_type, path, label)


def picture(path: Path, kind: str, size: tuple[int, int], mode: str = "RGB") -> Path:
    Image.new(mode, size, RED if mode == "RGB" else (*RED, 128)).save(path, kind)
    return path


def foreign(path: Path, *, turn: int = 0, locked: bool = False) -> Path:
    """Two pages, a red square at the lower left, and all that a dossier must not take over."""
    if path.exists():  # encryption is never the same twice
        return path
    with pikepdf.new() as pdf:
        for _ in range(2):
            page = pdf.add_blank_page(page_size=(595, 842))
            page.contents_add(b"0.8 0.1 0.1 rg 0 0 120 120 re f")
        launch = Dictionary(S=Name.Launch, F=String("/bin/sh"))
        link = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9]), A=launch)
        pdf.pages[0].obj.Annots = Array([pdf.make_indirect(link)])
        pdf.Root.OpenAction = Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))
        pdf.attachments["run.sh"] = b"#!/bin/sh"
        pdf.Root.Pages.Rotate = turn  # in the tree above the pages, where it is easily missed
        pdf.save(path, encryption=Encryption(owner="o", user="u") if locked else False)
    return path


def attached(folder: Path) -> list[AttachmentFile]:
    broken = folder / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\nnothing of it is true")
    torn = folder / "torn.jpg"
    torn.write_bytes(picture(folder / "whole.jpg", "JPEG", (600, 600)).read_bytes()[:900])
    other = folder / "letter.docx"
    other.write_bytes(b"PK\x03\x04")
    png, gone = picture(folder / "b.png", "PNG", (900, 300), "RGBA"), folder / "gone.pdf"
    gone.write_bytes(b"%PDF")
    lost = stored(gone, "application/pdf", "遗失的文件")
    gone.unlink()
    return [
        stored(picture(folder / "a.jpg", "JPEG", (1200, 1700)), "image/jpeg", "入院记录"),
        stored(png, "image/png", "监护图纸"),
        stored(foreign(folder / "turned.pdf", turn=90), "application/pdf", "转诊单"),
        stored(foreign(folder / "locked.pdf", locked=True), "application/pdf", "尸检报告"),
        stored(broken, "application/pdf", "损坏的文件"),
        stored(torn, "image/jpeg", "残缺的照片"),
        stored(other, "application/msword", "函"),
        replace(stored(png, "image/png", "被改动的文件"), sha256="0" * 64),
        lost,
    ]


def dossier(folder: Path) -> Dossier:
    return Dossier(
        number=NUMBER,
        title="孕产妇死亡病例案卷",
        subject_masked="李＊＊（女，31 岁）",
        organisation="云江县人民医院",
        event_at=datetime(2026, 11, 20, 19, 40, tzinfo=UTC),
        produced_at=PRODUCED,
        reader=READER,
        rule_set_title="示范规则（2022年版）",
        sections=sections(),
        attachments=attached(folder),
        diagrams=[Diagram(SVG.encode(), {"UT_report": "done", "UT_late": "late"}, "评审流程")],
    )


@dataclass
class Made:
    """A finished file, read back."""

    data: bytes
    told: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.texts = texts(self.data)

    def page(self, wanted: str) -> int:
        """Index of the only page, behind the contents, that says so."""
        [found] = [n for n, text in enumerate(self.texts) if n > 1 and wanted in text]
        return found


def texts(data: bytes) -> list[str]:
    with pypdfium2.PdfDocument(data) as document:
        return [page.get_textpage().get_text_bounded() for page in document]


def pixels(data: bytes, page: int, scale: float = 1) -> Image.Image:
    with pypdfium2.PdfDocument(data) as document:
        image: Image.Image = document[page].render(scale=scale).to_pil().convert("RGB")
    return image


def printed(*blocks: Block, title: str = "测试") -> Made:
    section = Section("test", title, list(blocks))
    return Made(build_sheet(section, number=NUMBER, reader=READER, produced_at=PRODUCED))


def whole(body: str) -> str:
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8"><style>body{margin:0}</style></head>'
        f"<body>{body}</body></html>"
    )


def glyphs(data: bytes, number: int, wanted: str) -> list[Image.Image]:
    """The places on the page where, says the text layer, these characters first stand."""
    codes = [int.from_bytes(character.encode("utf-16-be")[:2]) for character in wanted]
    with pypdfium2.PdfDocument(data) as document:
        page, scale = document[number], 6
        text, height = page.get_textpage(), page.get_height()
        units = [unicode_at(text, n) for n in range(text.count_chars())]
        boxes = [text.get_charbox(units.index(code), loose=True) for code in codes]
        image: Image.Image = page.render(scale=scale).to_pil().convert("L")
    return [
        image.crop(tuple(int(edge * scale) for edge in (x0, height - y1, x1, height - y0)))
        for x0, y0, x1, y1 in boxes
    ]


def unicode_at(text: Any, index: int) -> int:
    """The UTF-16 unit the text layer gives; the library has no name of its own for it."""
    return int(pypdfium2.raw.FPDFText_GetUnicode(text.raw, index))
