"""The dossier on paper: complete, searchable, true to size, the same bytes again, and tight.

Made with the real wkhtmltopdf. Nothing a person typed may reach a file, the network or an option
of the renderer, not even where escaping is taken away.
"""

import base64
import hashlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pikepdf
import pypdfium2
import pytest
from markupsafe import Markup
from pikepdf import Array, Dictionary, Encryption, Name, String
from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageStat

from webapp import pdf as package
from webapp.pdf import attachments, diagram, installed, layout, render
from webapp.pdf.dossier import build, page_count
from webapp.pdf.layout import Atom
from webapp.pdf.markup import MarkupRefused, admit, clean
from webapp.pdf.render import A4, Mode, PageSetup, RenderError
from webapp.pdf.sheet import OFFICIAL, build_sheet
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


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def made(files: Path) -> Made:
    told: list[tuple[int, str]] = []
    return Made(build(dossier(files), lambda percent, what: told.append((percent, what))), told)


def printed(*blocks: Block, title: str = "测试") -> Made:
    section = Section("test", title, list(blocks))
    return Made(build_sheet(section, number=NUMBER, reader=READER, produced_at=PRODUCED))


# What a dossier must show.


def test_every_page_says_which_case_it_is_and_which_page(made: Made) -> None:
    total = len(made.texts)
    assert total == page_count(made.data) > 20
    for number, text in enumerate(made.texts, 1):
        assert NUMBER in text
        assert f"第 {number} 页　共 {total} 页" in text


def test_every_page_bears_the_readers_name_unit_and_time(made: Made) -> None:
    assert all(text.count(MARK) >= 2 for text in made.texts)


def test_cover_says_what_it_is(made: Made) -> None:
    cover = re.sub(r"\s", "", made.texts[0])
    for said in ("孕产妇死亡病例案卷", "李＊＊（女，31岁）", "2026年11月21日03:40", "示范规则"):
        assert said in cover


def test_contents_name_the_page_where_each_chapter_and_file_begins(made: Made) -> None:
    listed = re.findall(r"^(?:附件 \d|[一二三四五六七]、).*$", made.texts[1], re.M)
    assert len(listed) == 7 + 9
    with pikepdf.open(io.BytesIO(made.data)) as pdf:
        places = {page.obj.objgen: number for number, page in enumerate(pdf.pages)}
        goals = [places[link.Dest[0].objgen] for link in pdf.pages[1].obj.Annots]
        with pdf.open_outline() as outline:
            items = [item for top in outline.root for item in (top, *top.children)]
            titles = [item.title for item in items]
            assert goals == [places[item.destination[0].objgen] for item in items]
    assert [int(n) for n in re.findall(r"^(\d+)\s*$", made.texts[1], re.M)] == [
        g + 1 for g in goals
    ]
    for title, goal in zip(titles, goals, strict=True):
        name = re.sub(r"（未收入）|\s", "", title)
        if "流程进度" not in title:
            assert name.split("　")[-1] in re.sub(r"\s", "", made.texts[goal])
    assert titles[:3] == ["一、孕产妇死亡报告卡", "二、个案记录", "个案情况"]


def test_words_can_be_found(made: Made) -> None:
    """wkhtmltopdf alone writes radicals that look the same: ⾏ for 行."""
    text = re.sub(r"\s", "", "".join(made.texts))
    assert text.count(SEARCHED) >= 2
    assert "赵行长" in text
    assert not re.findall(r"[\u2e80-\u2fdf\uf900-\ufaff]", text)


def test_rare_names_are_found_and_drawn(made: Made) -> None:
    page = made.page("签名角色")
    assert f"李{RARE}" in made.texts[page]
    for character, image in zip(RARE, glyphs(made.data, page, RARE), strict=True):
        assert most_like(image, RARE + "国口国") == character


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


def most_like(image: Image.Image, candidates: str) -> str:
    path = installed.font_file("Serif", bold=False)
    assert path is not None
    font = ImageFont.truetype(str(path), 64, index=2)

    def tight(picture: Image.Image) -> Image.Image:
        ink = picture.point(lambda value: 0 if value > 140 else 255)
        return ink.crop(ink.getbbox()).resize((64, 64))

    def difference(candidate: str) -> float:
        canvas = Image.new("L", (96, 96), 255)
        ImageDraw.Draw(canvas).text((10, 0), candidate, font=font, fill=0)
        return float(ImageStat.Stat(ImageChops.difference(tight(canvas), tight(image))).mean[0])

    return min(candidates, key=difference)


def test_every_font_is_in_the_file(made: Made) -> None:
    with pikepdf.open(io.BytesIO(made.data)) as pdf:
        fonts = [o for o in pdf.objects if isinstance(o, Dictionary) and "/BaseFont" in o]
        simple = [o for o in fonts if o.Subtype == Name.TrueType]
        composed = [o.DescendantFonts[0] for o in fonts if o.Subtype == Name.Type0]
        assert simple
        assert composed
        assert all("/FontFile2" in o.FontDescriptor for o in simple + composed)


def test_empty_answers_and_empty_chapters_say_so(made: Made) -> None:
    assert re.search(r"未填\s*—", made.texts[made.page("签名角色")])
    assert "（无）" in made.texts[made.page("四、专家意见")]
    assert re.search(r"何事\s*无", made.texts[made.page("何事")])


def test_progress_only_rises(made: Made) -> None:
    percents = [percent for percent, _ in made.told]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (0, 100)


def test_the_same_data_give_the_same_bytes_in_another_process(made: Made, files: Path) -> None:
    """Python's and Qt's hash orders differ from process to process, clocks always."""
    code = (
        "import sys, hashlib, pathlib; from tests.test_pdf import dossier, build;"
        "d = dossier(pathlib.Path(sys.argv[1]));"
        "print(hashlib.sha256(build(d, lambda *_: None)).hexdigest())"
    )
    again = subprocess.run(
        [sys.executable, "-c", code, str(files)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        cwd=Path(__file__).parent.parent,
    )
    assert again.stdout.strip() == hashlib.sha256(made.data).hexdigest()


# Attached files.


def test_pictures_and_foreign_pages_follow_their_separator_sheets(made: Made) -> None:
    with pikepdf.open(io.BytesIO(made.data)) as pdf:
        sizes = [tuple(round(float(str(n))) for n in page.mediabox[2:]) for page in pdf.pages]
    first = made.page("入院记录")
    assert "a.jpg" in made.texts[first]
    assert "1 页" in made.texts[first]
    assert pixels(made.data, first + 1).getpixel((297, 420)) == pytest.approx(RED, abs=20)
    second = made.page("监护图纸")
    assert sizes[second + 1] == (842, 595)  # wide pictures lie across
    pale = tuple((value + 255) // 2 for value in RED)  # half transparent on white, not on black
    assert pixels(made.data, second + 1).getpixel((421, 297)) == pytest.approx(pale, abs=8)


def test_a_turned_page_stands_upright_and_below_the_header(made: Made) -> None:
    page = made.page("转诊单") + 1
    seen = pixels(made.data, page)
    assert seen.width > seen.height
    red = [
        (x, y)
        for x in range(0, 842, 4)
        for y in range(0, 595, 4)
        if seen.getpixel((x, y)) == pytest.approx((204, 26, 26), abs=25)
    ]
    assert red
    assert max(y for _, y in red) < 300  # lower left, turned by a quarter, is upper left
    assert max(x for x, _ in red) < 421
    assert min(y for _, y in red) > 55  # the header's line lies at 50 points
    assert len(made.texts[page]) > 50  # header, number and watermark are on it


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("尸检报告", attachments.LOCKED),
        ("损坏的文件", attachments.BROKEN),
        ("残缺的照片", attachments.BROKEN),
        ("函", attachments.OTHER_KIND),
        ("被改动的文件", attachments.CHANGED),
        ("遗失的文件", attachments.GONE),
    ],
)
def test_what_cannot_be_shown_says_why(made: Made, label: str, reason: str) -> None:
    [text] = [t for t in made.texts[2:] if label in t and "未能收入案卷" in t]
    assert reason in re.sub(r"\s*\n", "", text)


def test_nothing_active_is_left_of_a_foreign_file(made: Made) -> None:
    forbidden = {"/JS", "/JavaScript", "/OpenAction", "/AA", "/EmbeddedFiles", "/Launch", "/URI"}
    with pikepdf.open(io.BytesIO(made.data)) as pdf:
        for item in pdf.objects:
            if isinstance(item, Dictionary | pikepdf.Stream):
                assert not forbidden & set(item.keys())
                assert str(item.get("/S", "")) not in forbidden
        assert not pdf.attachments
    assert b"file:" not in made.data


def test_filled_forms_keep_what_was_filled_in(tmp_path: Path) -> None:
    """Form fields and stamps are annotations: dropping those would drop the text."""
    path = tmp_path / "form.pdf"
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page(page_size=(300, 300))
        drawing = pdf.make_stream(b"0.8 0.1 0.1 rg 0 0 100 100 re f")
        drawing.update(
            Dictionary(Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 100, 100]))
        )
        stamp = Dictionary(Type=Name.Annot, Subtype=Name.Stamp, Rect=Array([100, 100, 200, 200]))
        stamp.AP, stamp.F = Dictionary(N=drawing), 4
        page.obj.Annots = Array([pdf.make_indirect(stamp)])
        pdf.save(path)
    leaves = attachments.read(stored(path, "application/pdf", "盖章件"))
    buffer = io.BytesIO()
    leaves.pdf.save(buffer)
    seen = pixels(buffer.getvalue(), 0)
    colours = {seen.getpixel((x, y)) for x in range(0, 595, 9) for y in range(0, 842, 9)}
    assert any(colour == pytest.approx((204, 26, 26), abs=10) for colour in colours)


def test_a_picture_of_too_many_pixels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("1", (10_000, 9_000)).save(path)
    assert attachments.read(stored(path, "image/png", "图")).problem == attachments.TOO_LARGE


# Long and odd content.


def test_a_long_table_repeats_its_head_and_cuts_no_row() -> None:
    long = printed(timeline(200))
    assert len(long.texts) > 8
    assert all("经过列" in text for text in long.texts)
    places = [[n for n, t in enumerate(long.texts) if f"起{row:03}" in t] for row in range(1, 201)]
    ends = [[n for n, t in enumerate(long.texts) if f"止{row:03}" in t] for row in range(1, 201)]
    assert places == ends
    assert all(len(found) == 1 for found in places)
    assert places == sorted(places)
    assert {n for [n] in places} == set(range(len(long.texts)))


def test_a_field_of_100000_characters_comes_out_whole() -> None:
    tokens = [f"〔{n:05}〕。" for n in range(100_000 // 8)]
    long = printed(sheet_with(Row("经过", "".join(tokens)), Row("其后", "末尾一行")))
    text = re.sub(r"\s", "", "".join(long.texts))
    assert re.findall(r"〔\d{5}〕。", text) == tokens
    assert "末尾一行" in long.texts[-1]
    assert 30 < len(long.texts) < 90
    assert all("一般情况（续）" in text for text in long.texts[1:])
    assert all(text.count("经过（续）") == 1 for text in long.texts[1:])  # one row a page


def test_odd_values_are_printed_as_planned(caplog: pytest.LogCaptureFixture) -> None:
    values = ["x" * 1500, "行\n" * 200, "\n" * 50, "👩‍⚕️" * 60, "\x00\x1b\u202e反", " ", "<&>\"'"]
    odd = printed(
        sheet_with(*(Row("值", value) for value in values)),
        TableBlock("表", [5, 95], ["窄", "宽"], [[value, value] for value in values]),
        Text("文", values),
    )
    text = "".join(odd.texts)
    assert text.count("x") == 1500 * 4
    assert text.count("行") == 200 * 4
    assert text.count("反") == 4
    assert re.sub(r"\s", "", text).count("<&>\"'") == 4  # broken over lines in the narrow column
    assert "\u202e" not in text
    assert "pages planned" not in caplog.text  # every break fell where it was meant to


def test_pieces_of_a_text_are_the_text_again() -> None:
    cells = ["一句话。" * 300, "x" * 3000, "", "行\n\n" * 90]
    pieces = layout.split(cells, [10, 4, 8, 20], 12)
    assert len(pieces) > 20
    assert ["".join(column) for column in zip(*pieces, strict=True)] == cells


def test_what_belongs_together_is_not_parted() -> None:
    def atom(**how: bool) -> Atom:
        return Atom(lambda *_: Markup(""), **how)  # type: ignore[arg-type]

    def pages(atoms: list[Atom], *heights: float) -> list[list[int]]:
        return layout.paginate(atoms, heights, room=100)

    free = [atom() for _ in range(3)]
    heading, bound = atom(keep=True), [atom(), atom(bound=True), atom(bound=True)]
    assert pages([*free, heading, atom()], 30, 30, 25, 10, 10) == [[0, 1, 2], [3, 4]]
    assert pages([*free, *bound], 30, 30, 25, 8, 8, 8) == [[0, 1, 2], [3, 4, 5]]
    assert pages([*free, *bound], 30, 30, 25, 14, 14, 14) == [[0, 1, 2, 3], [4, 5]]  # not small
    assert pages([atom(page=True, alone=True), *bound], 5, 5, 5, 5) == [[0], [1, 2, 3]]
    assert pages([atom(keep=True), atom(keep=True), atom()], 60, 60, 60) == [[0], [1], [2]]


def test_more_pages_than_anybody_reads_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "MAX_PAGES", 3)
    with pytest.raises(RenderError, match="超过 3 页"):
        printed(timeline(120))


def test_control_characters_are_taken_out_of_texts() -> None:
    assert clean("甲\x00乙\u202e丙\r\n丁\t戊") == "甲乙丙\n丁    戊"


# Single sheets and notices.


@pytest.mark.parametrize("setup", [A4, OFFICIAL], ids=["A4", "official"])
def test_a_hundred_millimetres_are_a_hundred_millimetres(setup: PageSetup) -> None:
    bar = '<div style="width:100mm;height:3mm;background:#000"></div>'
    seen = pixels(render.render(whole(bar), setup), 0, scale=4)
    dark = seen.convert("L").point(lambda value: 255 if value < 60 else 0).getbbox()
    assert dark is not None
    assert (dark[2] - dark[0]) / 4 / 72 * 25.4 == pytest.approx(100, abs=2)


def test_a_notice_is_set_like_an_official_document() -> None:
    """GB/T 9704-2012: 22 lines of 28 characters, pages numbered — 1 —, the issuer in red."""
    notice = printed(NOTICE, title="反馈通报")
    assert all(f"— {number} —" in text for number, text in enumerate(notice.texts, 1))
    full = [line.strip() for line in notice.texts[0].splitlines() if "县县县" in line]
    assert {len(line) for line in full[1:-1]} == {28}
    assert notice.texts[1].count("市" * 26) == 22
    assert "编号　" not in notice.texts[0]
    red = [c for _, c in pixels(notice.data, 0).getcolors(1 << 20) or [] if c == (224, 0, 0)]
    assert red
    assert "抄送：云州市卫生健康委员会" in notice.texts[-1]
    assert "附件：1．问题清单" in notice.texts[-1]


def test_a_sheet_printed_alone_says_what_it_is_and_who_printed_it() -> None:
    alone = printed(sheet_with(Row("姓名", "李甲")), title="孕产妇死亡报告卡")
    assert f"编号　{NUMBER}" in alone.texts[0]
    assert f"打印人 {READER.name}" in alone.texts[0]
    assert "第 1 页　共 1 页" in alone.texts[0]


# The diagram.


def test_steps_are_coloured_and_signed_by_their_state() -> None:
    states: Any = {"UT_report": "done", "UT_late": "late", "F_one": "done", "UT_gone": "now"}
    drawn = diagram.coloured(SVG.encode(), states).decode()
    assert drawn.count("fill:#d9f2e3") == 1
    assert drawn.count("stroke:#1a7f4b") == 2  # the step and the line to it
    assert "fill:#fde2e1" in drawn
    assert "✓" in drawn
    assert "!" in drawn


def test_the_dossier_shows_the_coloured_diagram_with_its_legend(made: Made) -> None:
    page = made.page("已逾期")
    for said in ("流程进度", "评审流程", "登记报告", "已完成", "进行中"):
        assert said in made.texts[page]
    colours = {colour for _, colour in pixels(made.data, page, 2).getcolors(1 << 20) or []}
    assert {(0xD9, 0xF2, 0xE3), (0xFD, 0xE2, 0xE1)} <= colours


@pytest.mark.parametrize(
    "part", ["<script/>", '<image href="file:///etc/passwd"/>', "<foreignObject/>"]
)
def test_a_drawing_that_holds_more_than_a_drawing_is_refused(part: str) -> None:
    with pytest.raises(ValueError, match="more than a drawing"):
        diagram.coloured(SVG.replace("</svg>", part + "</svg>").encode(), {})


# What typed text may try.


@dataclass
class Bait:
    """A secret file, a place where a file may not appear, and a listener that counts visitors."""

    folder: Path
    url: str
    hits: list[str]

    @property
    def secret(self) -> str:
        return (self.folder / "secret.txt").as_uri()

    @property
    def jar(self) -> Path:
        return self.folder / "jar.txt"

    def probes(self) -> dict[str, str]:
        drawing = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{self.url}/svg"/></svg>'
        inline = base64.b64encode(drawing.encode()).decode()
        frame = f'<iframe src="{self.secret}"></iframe>'
        return {
            "file in a frame": frame,
            "file in an object": f'<object data="{self.secret}"></object>',
            "file embedded": f'<embed src="{self.secret}">',
            "option in meta": f'<meta name="pdfkit-allow" content="{self.folder}">{frame}',
            "local files on": f'<meta name="pdfkit-enable-local-file-access" content="">{frame}',
            "cookie jar in meta": f'<meta name="pdfkit-cookie-jar" content="{self.jar}">',
            "picture": f'<img src="{self.url}/img">',
            "frame": f'<iframe src="{self.url}/frame"></iframe>',
            "style sheet": f'<link rel="stylesheet" href="{self.url}/css">',
            "style": f"<style>@import url({self.url}/import); @font-face "
            f"{{font-family: f; src: url({self.url}/font)}} p {{font-family: f}}</style>",
            "base": f'<base href="{self.url}/"><img src="relative">',
            "refresh": f'<meta http-equiv="refresh" content="0;url={self.url}/refresh">',
            "attachment": f'<link rel="attachment" href="{self.secret}">',
            "drawing": f'<img src="data:image/svg+xml;base64,{inline}">',
            "script": "<script>document.write('CANARY' + '-SCRIPT')</script>",
        }

    def leaked(self, pdf: bytes) -> list[str]:
        found = [f"request {path}" for path in self.hits] + ["file written"] * self.jar.exists()
        text = "".join(texts(pdf)) if pdf else ""
        return found + re.findall(r"CANARY-\w+", text)


@pytest.fixture(scope="module")
def listener() -> Iterator[tuple[str, list[str]]]:
    hits: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"CANARY-HTTP")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", hits
        server.shutdown()


@pytest.fixture
def bait(listener: tuple[str, list[str]], tmp_path: Path) -> Bait:
    url, hits = listener
    hits.clear()
    (tmp_path / "secret.txt").write_text("CANARY-FILE", encoding="ascii")
    return Bait(tmp_path, url, hits)


def whole(body: str) -> str:
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8"><style>body{margin:0}</style></head>'
        f"<body>{body}</body></html>"
    )


def test_the_bait_works(bait: Bait) -> None:
    """Without any protection the probes do leak: the tests below can fail."""
    probes = bait.probes()
    html = whole(probes["script"] + probes["file in a frame"] + probes["picture"])
    naked = subprocess.run(
        ["wkhtmltopdf", "--quiet", "--enable-local-file-access", "-", "-"],
        input=html.encode(),
        capture_output=True,
        check=True,
        env={"PATH": "/usr/bin", "QT_QPA_PLATFORM": "offscreen"},
    )
    assert set(bait.leaked(naked.stdout)) == {"request /img", "CANARY-FILE", "CANARY-SCRIPT"}


@cache
def modes() -> list[Mode]:
    """Bubblewrap where the machine has it; what stands in for it always."""
    return ["box", "bare"] if render.box_failure() is None else ["bare"]


@pytest.mark.clause("I01")
@pytest.mark.parametrize("mode", modes())
def test_markup_that_reaches_the_renderer_gets_nowhere(bait: Bait, mode: Mode) -> None:
    def leaks(probe: str) -> list[str]:
        try:
            return bait.leaked(render.render(whole(f"<p>text</p>{probe}"), mode=mode))
        except RenderError:
            return bait.leaked(b"")  # refusing is an answer

    probes = bait.probes()
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(probes, pool.map(leaks, probes.values()), strict=True))
    assert not any(found.values()), found


@pytest.mark.clause("I01")
def test_pdfkit_is_given_a_file_and_a_prefix_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two layers against CVE-2025-26240, each enough alone: so neither shows in the test above."""
    given: list[Any] = []

    def from_file(source: Any, *_: object, configuration: Any, **__: object) -> bytes:
        given.extend((source, configuration.meta_tag_prefix))
        return b"%PDF"

    monkeypatch.setattr(render.pdfkit, "from_file", from_file)
    render.render(whole(""), mode="bare")
    assert isinstance(given[0], io.StringIO)
    assert re.fullmatch("[0-9a-f]{32}", given[1])


@pytest.mark.clause("I01")
@pytest.mark.parametrize("mode", modes())
def test_markup_typed_into_any_field_is_printed_as_typed(
    bait: Bait, mode: Mode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(render, "best_mode", lambda: mode)
    probes = bait.probes()
    every = "".join(probes.values())
    file = picture(tmp_path / "a.png", "PNG", (50, 50))
    hostile = Dossier(
        *(every[:300], every[:300], every[:300], every[:300], PRODUCED, PRODUCED),
        reader=Reader(probes["frame"], probes["picture"]),
        rule_set_title=probes["refresh"],
        sections=[
            Section("a", every[:200], [Sheet(every, [Group(every, [Row(every, every)])])]),
            Section(
                "b", "乙", [Sheet("表", [Group("组", [Row("短", probes["script"], wide=False)])])]
            ),
            Section("c", "丙", [TableBlock(every, [50, 50], [every, every], [[every] * 2], every)]),
            Section("d", "丁", [Text(every, [every]), Signatures([Signature(*[every] * 4)])]),
            Section("e", "戊", [Official(*[every] * 4, [every], every, date(2026, 1, 1), [every])]),
            Section("f", "己", [DiagramBlock(0)]),
        ],
        attachments=[replace(stored(file, every, every), name=every)],
        diagrams=[Diagram(SVG.encode(), {}, every)],
    )
    pdf = build(hostile, lambda *_: None)
    shown = re.sub(r"\s", "", "".join(texts(pdf)))
    for probe in probes.values():
        assert re.sub(r"\s", "", probe)[:30] in shown
    assert not bait.hits
    assert not bait.jar.exists()
    assert "CANARY" not in re.sub(
        r"'CANARY'", "", shown
    )  # the script is shown, what it makes is not


@pytest.mark.clause("I01")
@pytest.mark.parametrize(
    "part",
    [
        "<script>1</script>",
        '<p onclick="1">x</p>',
        '<img src="http://127.0.0.1/">',
        '<a href="javascript:1">x</a>',
        '<p style="background:url(http://127.0.0.1/)">x</p>',
        "<style>p{background:url(x)}</style>",
        '<meta name="pdfkit-allow" content="/">',
        "<!-- -->",
        "<iframe></iframe>",
    ],
)
def test_a_page_that_is_not_all_ours_is_not_rendered(part: str) -> None:
    with pytest.raises(MarkupRefused):
        admit(whole(part))


def test_a_page_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "WALL_SECONDS", 1)
    with pytest.raises(RenderError, match="超过 1 秒"):
        render.render(whole("<p style='word-wrap:break-word'>" + "x" * 400_000))


def test_what_fails_is_told_without_quoting_the_page() -> None:
    with pytest.raises(RenderError) as told:
        render.render(whole('<p>张三</p><iframe src="file:///etc/hostname"></iframe>'))
    assert str(told.value) == "排版程序出错"


# The machine.


def test_where_bubblewrap_fails_the_rest_holds_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(render, "box_failure", lambda: "No permissions to create new namespace")
    assert render.best_mode.__wrapped__() == "bare"
    assert "reduced protection" in caplog.text
    monkeypatch.setattr(package, "box_failure", lambda: "no")
    monkeypatch.setattr(installed, "BUBBLEWRAP", Path("/nowhere/bwrap"))
    assert "apt-get install -y --no-install-recommends bubblewrap" in (package.weakened() or "")


def test_without_a_network_barrier_nothing_is_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "box_failure", lambda: "no")
    monkeypatch.setattr(render, "offline", lambda _mode: False)
    with pytest.raises(RenderError, match="网络隔离"):
        render.best_mode.__wrapped__()


def test_what_is_missing_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed.missing() is None
    monkeypatch.setattr(installed, "PROGRAM", Path("/nowhere/wkhtmltopdf"))
    assert "缺少排版程序 wkhtmltopdf" in (installed.missing() or "")
    monkeypatch.setattr(installed, "FONT_FOLDERS", ())
    said = installed.missing() or ""
    assert "中文字体 Noto CJK" in said
    assert said.endswith("bubblewrap wkhtmltopdf fonts-noto-cjk")
    assert package.weakened() is None


@pytest.mark.parametrize(
    ("switch", "value", "command"),
    [
        (0, "0", "kernel.unprivileged_userns_clone=1"),
        (1, "1", "apparmor_restrict"),
        (2, "0", "15000"),
    ],
)
def test_a_kernel_that_allows_no_namespaces_is_told_how_to(
    switch: int, value: str, command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = installed.USER_NAMESPACES[switch][0]
    monkeypatch.setattr(installed, "BUBBLEWRAP", Path("/bin/sh"))
    monkeypatch.setattr(Path, "exists", lambda self: self == real)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"{value}\n")
    assert command in installed.unboxed()
    assert "sysctl -w" in installed.unboxed()


def test_old_times_are_written_in_the_zone_of_the_data() -> None:
    early = PRODUCED - timedelta(days=400)
    section = Section("x", "表", [sheet_with(Row("甲", "乙"))])
    data = build_sheet(section, number="1", reader=READER, produced_at=early)
    with pikepdf.open(io.BytesIO(data)) as pdf:
        assert str(pdf.docinfo["/CreationDate"]) == "D:20251113060500+00'00'"
        assert str(pdf.Root.Lang) == "zh-CN"
