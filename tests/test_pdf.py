"""The dossier on paper: complete, searchable, true to size, and the same bytes again.

Made with the real wkhtmltopdf.
"""

import hashlib
import io
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from markupsafe import Markup
from pikepdf import Array, Dictionary, Name
from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageStat

from tests.paper import (
    MARK,
    NOTICE,
    NUMBER,
    PRODUCED,
    RARE,
    READER,
    RED,
    SEARCHED,
    SVG,
    Made,
    dossier,
    glyphs,
    pixels,
    printed,
    sheet_with,
    stored,
    timeline,
    whole,
)
from webapp.pdf import attachments, diagram, installed, layout, render
from webapp.pdf.dossier import build, page_count
from webapp.pdf.layout import Atom
from webapp.pdf.markup import clean
from webapp.pdf.render import A4, PageSetup, RenderError
from webapp.pdf.sheet import OFFICIAL, build_sheet
from workflows.dossier import (
    Row,
    Section,
    TableBlock,
    Text,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def made(files: Path) -> Made:
    told: list[tuple[int, str]] = []
    return Made(build(dossier(files), lambda percent, what: told.append((percent, what))), told)


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
        "import sys, hashlib, pathlib; from tests.paper import dossier;"
        "from webapp.pdf.dossier import build;"
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


def test_old_times_are_written_in_the_zone_of_the_data() -> None:
    early = PRODUCED - timedelta(days=400)
    section = Section("x", "表", [sheet_with(Row("甲", "乙"))])
    data = build_sheet(section, number="1", reader=READER, produced_at=early)
    with pikepdf.open(io.BytesIO(data)) as pdf:
        assert str(pdf.docinfo["/CreationDate"]) == "D:20251113060500+00'00'"
        assert str(pdf.Root.Lang) == "zh-CN"
