"""What reviewers get: pages, files and their metadata without what would tell who she was."""

import io
import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import img2pdf
import pikepdf
import pypdfium2
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Attachment, BlindCopy, Case, DataClass, Document, DutyKind, Event, Notification
from tests.forms import GOOD
from tests.played import (
    AUDITOR,
    CHAIR,
    FILED,
    IN_REVIEW,
    MCH,
    OFFICE,
    RECTIFYING,
    SECRETARY,
    UNFILED,
    Browse,
    Cast,
    everything,
    pages_of,
    quick,
)
from webapp.pdf.copies import Uncleanable, bare_jpeg, clean
from workflows import identity
from workflows.demo import FILES
from workflows.engine import definitions
from workflows.events import EventName
from workflows.forms.load import load
from workflows.forms.moment import SHANGHAI
from workflows.forms.spec import Field, Form, Kind
from workflows.veil import HIDDEN, Secret, Veil, relative

DEATH = datetime(2026, 11, 20, 19, 40, tzinfo=UTC)  # 03:40 of the 21st in China
WORDS = {"禾小满": Secret.NAME, "青禾县人民医院": Secret.UNIT, "ZY26-0815": Secret.NUMBER}
VEIL = Veil(WORDS, DEATH)


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


# Words and days in running text


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("禾 小 满入院", f"{HIDDEN}入院"),
        ("住院号ｚｙ26-0815。", f"住院号{HIDDEN}。"),
        ("2026年11月20日22:40入院", "死亡前 1 天22:40入院"),
        ("2026-11-21 03:40", "死亡当日 03:40"),
        ("2026/11/24 尸检", "死亡后 3 天 尸检"),
        ("11月6日产检", "死亡前 15 天产检"),
        ("11-20 22:40 出血", "死亡前 1 天 22:40 出血"),
        ("20日22时出血", "死亡前 1 天22时出血"),
        ("20260214", "死亡前 280 天"),
        ("2019年3月5日剖宫产", "死亡前约 8 年剖宫产"),
        ("12月30日", "死亡后 39 天"),
        ("3月1日", "死亡前 265 天"),
    ],
)
def test_names_and_days_are_taken_out(said: str, read: str) -> None:
    assert VEIL.scrub(said) == read


@pytest.mark.parametrize(
    "said",
    [
        "产后3日",
        "术后第2日上午",
        "血压 90/55 mmHg",
        "11-20 毫米汞柱",
        "30月5日",
        "孕 38 周",
        "70 分钟",
    ],
)
def test_what_is_no_day_stays(said: str) -> None:
    assert VEIL.scrub(said) == said


def test_moments_are_told_by_the_death_and_keep_their_time_of_day() -> None:
    hours = {
        0: "死亡时（03:40）",
        -9.5: "死亡前 9 小时 30 分（18:10）",
        30: "死亡后 30 小时（09:40）",
    }
    for offset, words in hours.items():
        assert relative(DEATH + timedelta(hours=offset), DEATH) == words
    assert relative(DEATH - timedelta(days=15), DEATH) == "死亡前 15 天（03:40）"


# The list of what tells follows from the forms' classes


def personal(form: Form) -> list[tuple[str, Field]]:
    found = [("", field) for field in form.fields()]
    found += [(field.name, child) for field in form.fields() for child in field.fields]
    return [(group, field) for group, field in found if field.data_class is DataClass.PERSONAL]


def of_cases() -> list[Form]:
    """The forms of cases. What duties ask is written of units, and no reviewer reads it."""
    duties = set(DutyKind)
    shipped = definitions.FOLDER.glob("*/forms/*.json")
    return [load(path.stem) for path in shipped if path.parts[-3] not in duties]


NO_WORDS = (Kind.ORGANISATION, Kind.INTEGER, Kind.FILES)  # units by their rows; ages as bands


def test_every_personal_answer_of_every_form_is_looked_for(session: Session) -> None:
    """A question that is personal in a form of tomorrow is looked for without another line."""
    kinds = {field.kind for form in of_cases() for _, field in personal(form)}
    assert kinds <= {Kind.TEXT, Kind.PHONE, Kind.ID_NUMBER, Kind.REGION, Kind.SIGNATURE, *NO_WORDS}
    looked = 0
    for form in of_cases():
        for group, field in personal(form):
            rows = GOOD[form.name].get(group) or [{}] if group else [GOOD[form.name]]
            value = rows[0].get(field.name)
            if not isinstance(value, str) or field.name in identity.UNIT_QUESTIONS:
                continue
            if field.kind is Kind.REGION or field.name == "people":
                continue
            words = [word for word, _ in identity._of_answer(session, field, value)]
            assert words, (form.name, field.name, value)
            looked += 1
    assert looked > 20


def test_where_and_by_whom_she_was_treated_is_personal() -> None:
    told = {
        (form.name.partition(".")[0], field.name)
        for form in of_cases()
        for _, field in personal(form)
    }
    for name in ("delivery_hospital", "death_hospital", "from_hospital", "first_visit"):
        assert {("death_card", name), ("death_card", f"{name}_location")} <= told
    assert ("death_card", "last_anc_org") in told
    for name in ("admit_from", "first_contact_org", "from_org", "to_org", "place", "people"):
        assert ("case_record", name) in told


def test_units_are_known_by_what_people_call_them(session: Session, cast: Cast) -> None:
    words = identity.words(session, cast.case(IN_REVIEW))
    for name in ("青禾县人民医院", "青禾县医院", "青禾人民医院", "青禾医院"):
        assert words[name] is Secret.UNIT
    assert words["秦思远"] is Secret.STAFF
    assert words["春分村"] is Secret.PLACE
    assert not [word for word in words if "某" in word or word in ("助产士", "值班", "产科")]


# Pages


def days_of(case: Case, session: Session) -> set[str]:
    """Every day that the file's sheets hold, in the ways a page might write it."""
    text = json.dumps(
        [
            row.answers
            for row in session.scalars(select(Document).where(Document.case_id == case.id))
            if row.form.startswith(("report.", "case_submission.", "in_hospital_discussion."))
        ],
        ensure_ascii=False,
    )
    days = {date.fromisoformat(found) for found in re.findall(r"20\d\d-\d\d-\d\d", text)}
    days |= {case.event_at.astimezone(SHANGHAI).date(), case.event_at.date()}
    written = ("%Y-%m-%d", "%Y年{m}月{d}日", "%m-%d ", "{m}月{d}日")
    return {day.strftime(way).format(m=day.month, d=day.day) for day in days for way in written}


@pytest.mark.parametrize("case", [IN_REVIEW, RECTIFYING])
def test_reviewers_meet_neither_name_nor_day_of_the_file(
    browse: Browse, session: Session, cast: Cast, case: str
) -> None:
    row = cast.case(case)
    names, days = identity.words(session, row), days_of(row, session)
    sighted = everything(browse(OFFICE if case == IN_REVIEW else "subl"), row)
    assert sum(word in sighted for word in names) > 15
    assert sum(day in sighted for day in days) > 5
    reviewers = (CHAIR, FILED, UNFILED, SECRETARY) if case == IN_REVIEW else ("chuys", "yuedh")
    for username in reviewers:
        for address, text in pages_of(browse(username), row):
            main = re.sub(r'<header class="top">.*?</header>', "", text, flags=re.S)
            main = re.sub(r'data-now="[^"]*"', "", main)
            assert [word for word in names if word in main] == [], (username, address)
            assert [day for day in days if day in main] == [], (username, address)


def test_the_file_is_told_by_the_death_and_says_in_which_unit(
    browse: Browse, session: Session, cast: Cast
) -> None:
    case = cast.case(IN_REVIEW)
    [number] = session.scalars(
        select(Document.id).where(
            Document.case_id == case.id, Document.form == "case_submission.v1"
        )
    ).all()
    text = browse(CHAIR).get(f"/cases/{case.id}/documents/{number}").text
    assert "死亡前 9 小时 30 分" in text
    assert "死亡前 15 天" in text
    assert "报告单位" in text  # the hospital, where it is asked for
    assert "30–34 岁" in text
    assert "某县级医院" in text  # names nobody
    plain = browse(OFFICE).get(f"/cases/{case.id}/documents/{number}").text
    assert "31" in plain
    assert "青禾县人民医院" in plain


def test_lists_and_searches_tell_a_reviewer_no_day(
    browse: Browse, session: Session, cast: Cast
) -> None:
    case = cast.case(IN_REVIEW)
    names, days = identity.words(session, case), days_of(case, session)
    client = browse(CHAIR)
    pages = [client.get(path).text for path in ("/cases", "/tasks", "/notifications")]
    pages.append(client.post("/search", data={"q": "99"}).text)
    pages.append(client.post("/cases", data={"q": case.person.name}).text)
    for text in pages:
        shown = text.replace(f'value="{case.person.name}"', "").replace(
            f"姓名含“{case.person.name}”", ""
        )
        assert [word for word in names if word in shown] == []
        assert [day for day in days if day in shown and day.endswith("日")] == []
    for path in ("/ledger", "/notices", "/board", "/clocks", "/dossiers/"):
        assert quick(client, path).status_code == 404, path


def test_an_auditor_reads_ledger_and_notices_without_names(
    browse: Browse, session: Session, cast: Cast
) -> None:
    client = browse(AUDITOR)
    case = cast.case(RECTIFYING)
    names = identity.words(session, case)
    seen = ["/ledger?view=all", "/notices"]
    for list_page in list(seen):
        seen += re.findall(r'href="(/(?:ledger|notices)/\d+)"', client.get(list_page).text)
    assert len(seen) > 4
    for path in seen:
        text = client.get(path).text
        assert [word for word in names if word in text] == [], path


# Files


def jpeg(**kept: object) -> bytes:
    """A picture with what a camera writes into it."""
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = "QINGHE HOSPITAL", "QIN SIYUAN"
    exif.get_ifd(0x8825)[1] = "N"
    out = io.BytesIO()
    Image.new("RGB", (60, 40), "white").save(out, "JPEG", exif=exif, comment="禾小满".encode())
    return out.getvalue()


def full_pdf() -> bytes:
    """A PDF with something telling in every place that a PDF has for it."""
    with pikepdf.open(FILES / "redacted.pdf") as pdf:
        pdf.docinfo["/Author"] = "秦思远"
        pdf.docinfo["/Title"] = "禾小满病历"
        with pdf.open_metadata() as meta:
            meta["dc:creator"] = ["青禾县人民医院"]
        pdf.attachments["禾小满.txt"] = "禾小满".encode()
        with pdf.open_outline() as outline:
            outline.root.append(pikepdf.OutlineItem("禾小满", 0))
        note = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name.Text,
            Rect=[0, 0, 9, 9],
            Contents="禾小满",
            T="秦思远",
        )
        pdf.pages[0].Annots = pdf.make_indirect([pdf.make_indirect(note)])
        pdf.pages[0].obj["/PieceInfo"] = pikepdf.Dictionary(Yili="青禾县人民医院")
        picture = pikepdf.open(io.BytesIO(img2pdf.convert(jpeg())))
        pdf.pages.append(picture.pages[0])
        out = io.BytesIO()
        pdf.save(out)
        return out.getvalue()


def texts(content: bytes) -> str:
    with pypdfium2.PdfDocument(content) as document:
        return "\n".join(page.get_textpage().get_text_range() for page in document)


def every_byte(content: bytes) -> bytes:
    """All of a PDF with every stream unpacked, and text strings in one encoding."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        found = [repr(pdf.docinfo).encode()]
        for item in pdf.objects:
            found.append(repr(item).encode())
            if isinstance(item, pikepdf.Stream):
                found.append(item.read_raw_bytes())
        return b"".join(found)


def test_a_pdf_keeps_its_pages_and_nothing_else() -> None:
    before = every_byte(full_pdf())
    copy = clean(full_pdf(), "application/pdf", VEIL)
    after = every_byte(copy.content)
    for word in ("禾小满", "秦思远", "青禾县人民医院"):
        assert word.encode() in before
        assert word.encode() not in after
        assert word.encode("utf-16-be") not in copy.content
    assert b"QIN SIYUAN" in before
    assert b"QIN SIYUAN" not in after
    with pikepdf.open(io.BytesIO(copy.content)) as pdf:
        assert len(pdf.pages) == 3
        assert sorted(pdf.Root.keys()) == ["/Pages", "/Type"]
        assert not pdf.docinfo.keys()
    assert "产科" in texts(copy.content)  # of a page where nothing had to be masked


def test_what_tells_is_masked_on_its_page_covered_or_not() -> None:
    """The hospital's own copy left its number standing."""
    assert "ZY26-0815" in texts(full_pdf())
    copy = clean(full_pdf(), "application/pdf", VEIL)
    assert copy.masked == {(1, Secret.NUMBER): 1}
    assert copy.unread == [3]  # the photographed page
    assert "ZY26-0815" not in texts(copy.content)
    with pypdfium2.PdfDocument(copy.content) as document:
        page = document[0].render(scale=2).to_pil().convert("L")
    with pypdfium2.PdfDocument(full_pdf()) as document:
        original = document[0]
        layer = original.get_textpage()
        hit = layer.search("ZY26-0815").get_next()
        left, bottom, right, top = layer.get_charbox(hit[0] + 4)
        height = original.get_height()
    middle = ((left + right) / 2, height - (bottom + top) / 2)
    around = page.crop(
        (round(middle[0] * 2) - 3, round(middle[1] * 2) - 3, round(middle[0] * 2) + 3,
         round(middle[1] * 2) + 3)
    )  # fmt: skip
    assert min(around.get_flattened_data()) > 200  # white: no stroke of a letter is left


def test_a_turned_page_is_masked_where_the_word_stands() -> None:
    with pikepdf.open(FILES / "redacted.pdf") as pdf:
        pdf.pages[0].Rotate = 90
        out = io.BytesIO()
        pdf.save(out)
    copy = clean(out.getvalue(), "application/pdf", VEIL)
    assert copy.masked == {(1, Secret.NUMBER): 1}
    assert "ZY26" not in texts(copy.content)


def test_pictures_keep_their_dots_only() -> None:
    content = jpeg()
    assert b"QIN SIYUAN" in content
    copy = clean(content, "image/jpeg", VEIL)
    with Image.open(io.BytesIO(copy.content)) as picture:
        assert picture.size == (60, 40)
        assert not picture.getexif()
        assert "comment" not in picture.info
    assert b"QIN SIYUAN" not in copy.content
    notes = PngInfo()
    notes.add_text("Author", "秦思远")
    notes.add_itxt("Title", "禾小满")
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, "PNG", pnginfo=notes)
    with Image.open(io.BytesIO(clean(out.getvalue(), "image/png", VEIL).content)) as picture:
        assert picture.info == {}


def test_a_jpeg_within_a_pdf_keeps_its_dots_to_the_bit() -> None:
    content = jpeg()
    bare = bare_jpeg(content)
    assert b"Exif" in content
    assert b"Exif" not in bare
    with Image.open(io.BytesIO(content)) as one, Image.open(io.BytesIO(bare)) as other:
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("content", [b"%PDF-1.7 torn", b"\xff\xd8\xff torn", b"PK\x03\x04"])
def test_what_cannot_be_read_is_not_given_out(content: bytes) -> None:
    kinds = {b"%PDF": "application/pdf", b"\xff\xd8\xff ": "image/jpeg"}
    with pytest.raises(Uncleanable):
        clean(content, kinds.get(content[:4], "application/zip"), VEIL)


# Through the web


def redacted(session: Session, case: Case) -> Attachment:
    query = select(Attachment).where(
        Attachment.case_id == case.id, Attachment.field == "redacted_copy"
    )
    return session.scalars(query).one()


def test_a_reviewer_downloads_the_clean_copy_under_a_number(
    browse: Browse, session: Session, cast: Cast
) -> None:
    case = cast.case(IN_REVIEW)
    file = redacted(session, case)
    original = full_pdf()
    (cast.folder / file.token).write_bytes(original)
    reply = browse(CHAIR).get(f"/attachments/{file.token}")
    assert reply.headers["Content-Disposition"].endswith("''%E6%9D%90%E6%96%991.pdf")
    assert "Last-Modified" not in reply.headers
    body = every_byte(reply.data)
    words = identity.words(session, case)
    assert not [word for word in words if word.encode() in body or word in texts(reply.data)]
    assert browse(OFFICE).get(f"/attachments/{file.token}").data == original
    assert browse(MCH).get(f"/attachments/{file.token}").data == original


def test_the_secretary_is_told_what_was_masked_and_what_to_look_at(
    browse: Browse, session: Session, cast: Cast
) -> None:
    case = cast.case(IN_REVIEW)
    (cast.folder / redacted(session, case).token).write_bytes(full_pdf())
    session.rollback()
    page = browse(SECRETARY).get(f"/cases/{case.id}/files").text
    assert "第 1 页遮盖证件或住院号码 1 处" in page
    assert "第 3 页是图像，系统读不出文字，请逐页人工核对" in page
    told = session.scalars(
        select(Notification).where(Notification.name == EventName.COPY_MASKED)
    ).one()
    assert told.user_id == cast.seat(SECRETARY).user_id
    again = browse(SECRETARY).get(f"/cases/{case.id}/files").text  # made once
    assert "材料1.pdf" in again
    session.rollback()
    [copy] = session.scalars(select(BlindCopy))
    copy.looked_for = "less than is known now"
    session.commit()
    browse(SECRETARY).get(f"/cases/{case.id}/files")  # made anew
    assert session.scalars(select(Notification.name)).all().count(EventName.COPY_MASKED) == 1
    assert "评审材料已去标识" not in everything(browse(OFFICE), case)


def test_what_cannot_be_cleaned_is_withheld_and_said_to_be(
    browse: Browse, session: Session, cast: Cast
) -> None:
    case = cast.case(IN_REVIEW)
    file = redacted(session, case)
    (cast.folder / file.token).write_bytes(b"%PDF-1.7 torn")
    session.rollback()
    page = browse(CHAIR).get(f"/cases/{case.id}/files").text
    assert "暂不提供" in page
    assert browse(CHAIR).get(f"/attachments/{file.token}").status_code == 404
    assert "由报送单位重新导出或扫描后补正" in browse(SECRETARY).get(f"/cases/{case.id}/files").text
    session.rollback()
    assert session.scalars(
        select(Event).where(Event.name == EventName.COPY_WITHHELD, Event.case_id == case.id)
    ).one()


def test_more_known_of_the_case_makes_another_copy(
    browse: Browse, session: Session, cast: Cast
) -> None:
    case = cast.case(IN_REVIEW)
    file = redacted(session, case)
    browse(CHAIR).get(f"/attachments/{file.token}")
    session.rollback()
    first = session.scalars(select(BlindCopy.token)).one()
    case.person.name = "胎心"  # a word that stands on the second page too
    session.commit()
    browse(CHAIR).get(f"/attachments/{file.token}")
    session.rollback()
    second = session.scalars(select(BlindCopy.token)).one()
    assert first != second
    assert not (cast.folder / str(first)).exists()
    assert Path(cast.folder / str(second)).exists()
