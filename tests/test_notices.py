"""Notices over HTTP: what a text may tell, copies as files, answers, taking one back."""

import io
import re
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import docx
import pypdfium2
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DatabaseError
from werkzeug.test import TestResponse

from models import Document, Duty, DutyKind, Event, Level, Notice
from tests import said
from tests.conftest import DATABASES
from tests.walk import StartWalk, Walk, faults
from webapp import notice_files
from workflows.demo import answers
from workflows.demo.answers import NAME
from workflows.demo.play import Play

CHINA = ZoneInfo("Asia/Shanghai")
DESK, LEADER = "chenglc", "renys"
HOSTILE = "<script>alert(1)</script>&amp;<w:t>]]>{{ 7*7 }}"


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


@pytest.fixture(scope="session")
def empty_postgres(settled_postgres: str) -> str:
    return settled_postgres


def arrive(walk: Walk, day: str) -> None:
    """It is nine in the morning of a day in China, and the worker has looked."""
    there = datetime.fromisoformat(f"{day}T09:00").replace(tzinfo=CHINA)
    walk.at((there - walk.death) / timedelta(hours=1))
    walk.sweep()


def quarter_of(walk: Walk) -> Duty:
    """One case reviewed in the quarter, which is over; from now on the walk is about its notice."""
    walk.play(Play.first_48h, lambda play: play.verify(60), lambda play: play.county_review(100))
    arrive(walk, "2027-01-04")
    walk.session.rollback()
    found = walk.session.scalars(select(Duty).where(Duty.kind == DutyKind.QUARTERLY_NOTICE)).one()
    walk.duty_id = found.id
    return found


def draft(walk: Walk, **over: object) -> TestResponse:
    filled = answers.quarterly_notice(
        period="2026 年第 4 季度",
        deaths=1,
        reviewed=1,
        recipients=[walk.units["qh_mch"], walk.units["bl_commission"]],
        sign=said.SIGNED,
        **over,
    )
    return walk.hand_in(DESK, "quarter_draft", filled)


def issue(walk: Walk, **over: object) -> TestResponse:
    return walk.hand_in(LEADER, "quarter_issue", answers.notice_issue(sign=said.SIGNED, **over))


def newest(walk: Walk) -> Notice:
    walk.session.rollback()
    return walk.session.scalars(select(Notice).order_by(Notice.id.desc()).limit(1)).one()


def copy_of(walk: Walk, who: str, notice: Notice, code: str) -> TestResponse:
    """Asked for, made as the worker does, downloaded."""
    browser = walk.browser(who)
    asked = browser.post(f"/notices/{notice.id}/files/{code}")
    assert asked.status_code == 303
    assert browser.post(f"/notices/{notice.id}/files/{code}").location == asked.location
    assert "正在制作" in browser.get(asked.location).text
    assert browser.get(f"{asked.location}/file").status_code == 404
    walk.session.rollback()
    with walk.app.app_context():
        notice_files.render(int(asked.location.rsplit("/", 1)[-1]))
    assert browser.get(f"{asked.location}/state").get_json()["state"] == "ready"
    assert "已制成" in browser.get(asked.location).text
    for other in {"gaomz", "zhougy", "shenqm", DESK} - {who}:
        assert walk.browser(other).get(f"{asked.location}/file").status_code == 404
    reply = browser.get(f"{asked.location}/file")
    assert reply.status_code == 200
    return reply


def file_name(reply: TestResponse) -> str:
    return unquote(reply.headers["Content-Disposition"].rpartition("UTF-8''")[2])


def text_of_pdf(data: bytes) -> str:
    with pypdfium2.PdfDocument(data) as document:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    return "".join("".join(pages).split())


def text_of_docx(data: bytes) -> str:
    """What a word processor would show: head, body, foot."""
    document = docx.Document(io.BytesIO(data))
    section = document.sections[0]
    parts = [*section.header.paragraphs, *document.paragraphs, *section.footer.paragraphs]
    return "".join("".join(part.text for part in parts).split())


@pytest.mark.parametrize("database", DATABASES)
def test_a_text_by_which_somebody_could_be_recognised_is_stopped_until_the_issuer_says_why(
    start_walk: StartWalk,
) -> None:
    walk = start_walk()
    quarter_of(walk)
    reply = draft(walk, guidance=f"家属是{NAME}的丈夫")
    assert any("不能出现当事人" in fault for fault in faults(reply))
    telling = {
        "measures": "青 禾 县 人 民 医 院备足血；贺立夏负责。",
        "guidance": "2026年11月21日的病例由各县（区）对照，2026年12月1日起自查。",
    }
    assert draft(walk, **telling).status_code == 303

    step = walk.task(LEADER, "quarter_issue")
    page = walk.browser(LEADER).get(f"/tasks/{step.id}").text
    for words, kind in (
        ("青 禾 县 人 民 医 院", "医疗机构名称"),
        ("贺立夏", "医务人员姓名"),
        ("2026年11月21日", "日期"),
        ("1 例", "例数过小"),
    ):
        found = re.search(rf"<strong>{words}</strong>.*?</tr>", page, re.S)
        assert found, words
        assert kind in found[0]
    assert "2026年12月1日</strong>" not in page
    assert "本地口径待确认" in page

    reply = issue(walk)
    assert reply.status_code == 422
    assert any("贺立夏" in fault and "写明理由" in fault for fault in faults(reply))
    assert newest(walk).issued_at is None
    back = {"issue_decision": "return", "return_reason": "请不点名。"}
    assert walk.hand_in(LEADER, "quarter_issue", back).status_code == 303  # that needs no reason
    assert draft(walk).status_code == 303
    reply = issue(walk)  # nobody is named any more, but one case is one woman
    assert any("「1 例」" in fault for fault in faults(reply))
    reason = "全市本季度只有一例，例数须上报。"
    assert issue(walk, confirm_reason=reason).status_code == 303
    notice = newest(walk)
    assert notice.issued_at is not None
    [event] = walk.session.scalars(select(Event).where(Event.name == "notice.confirmed"))
    assert event.data == {"found": 2, "kinds": ["count"]}
    assert reason in walk.browser(LEADER).get(f"/notices/{notice.id}").text
    assert reason not in walk.browser("shenqm").get(f"/notices/{notice.id}").text


def test_the_feedback_goes_to_units_concerned_and_may_name_them_but_to_no_other_unit(
    start_walk: StartWalk,
) -> None:
    walk = start_walk()
    walk.play(
        Play.first_48h,
        lambda play: play.verify(60),
        lambda play: play.convene(100, Level.COUNTY, meeting=220),
        lambda play: play.opine(148, Level.COUNTY),
        lambda play: play.conclude(220, Level.COUNTY),
    )
    walk.at(300)
    named = {"measures": "青禾县人民医院备足血。", "sign": said.SIGNED}
    concerned = [walk.units["qh_hospital"], walk.units["qh_mch"]]
    for units, stopped in ((concerned, False), ([*concerned, walk.units["bl_hospital"]], True)):
        filled = answers.notice(recipients=units, **named)
        assert walk.hand_in("fangcf", "notice", filled).status_code == 303
        step = walk.task("shaoxz", "issue")
        page = walk.browser("shaoxz").get(f"/tasks/{step.id}").text
        assert ("可识别性检查" in page) is stopped
        filled = answers.notice_issue(sign=said.SIGNED)
        if not stopped:
            filled = {"issue_decision": "return", "return_reason": "再发给白鹭县。"}
        reply = walk.hand_in("shaoxz", "issue", filled)
        assert reply.status_code == (422 if stopped else 303)
    assert any("青禾县人民医院" in fault for fault in faults(reply))


def test_a_notice_can_be_had_as_pdf_and_as_an_editable_file_before_and_after_it_is_issued(
    start_walk: StartWalk,
) -> None:
    walk = start_walk()
    quarter_of(walk)
    assert draft(walk, guidance=HOSTILE, copies_to="市人民政府办公室").status_code == 303
    notice = newest(walk)
    plain = "".join(HOSTILE.split())
    for code, read in (("pdf", text_of_pdf), ("docx", text_of_docx)):
        reply = copy_of(walk, DESK, notice, code)
        assert file_name(reply).startswith("草稿 关于2026年第4季度")
        assert file_name(reply).endswith(f".{code}")
        found = read(reply.data)
        assert plain in found
        assert "草稿未签发，不具效力" in found
    assert walk.browser("shenqm").post(f"/notices/{notice.id}/files/pdf").status_code == 404

    assert issue(walk, confirm_reason="只有一例，写明例数。").status_code == 303
    notice = newest(walk)
    head = (
        "云江市卫生健康委员会", notice.number, "青禾县妇幼保健院、白鹭县卫生健康委员会：",
        "一、普遍问题", "（一）保健方面", "（二）医疗方面", "（三）管理方面", "二、个性化问题",
        "三、指导性意见", "四、改进措施", "抄送：市人民政府办公室",
        "2027年1月4日印发", plain,
    )  # fmt: skip
    for code, read in (("pdf", text_of_pdf), ("docx", text_of_docx)):
        for who in ("shenqm", DESK):
            reply = copy_of(walk, who, notice, code)
            assert file_name(reply).startswith(notice.number)
            found = read(reply.data)
            places = [found.index("".join(words.split())) for words in head[:-1]]
            assert places == sorted(places)
            assert plain in found
            assert "草稿" not in found
            marked = "沈清明" in found
            assert marked is (code == "pdf" and who == "shenqm")  # the issuer's is for the seal
    walk.session.rollback()
    downloads = walk.session.scalars(select(Event).where(Event.name == "notice.downloaded")).all()
    assert Counter((each.data["format"], each.data["draft"]) for each in downloads) == {
        ("pdf", True): 1, ("docx", True): 1, ("pdf", False): 2, ("docx", False): 2,
    }  # fmt: skip
    assert all(re.fullmatch("[0-9a-f]{64}", each.data["sha256"]) for each in downloads)


def test_the_editable_file_is_plain_text_in_an_official_frame(start_walk: StartWalk) -> None:
    """No field but the page number, no link, no macro, no other part than a document needs."""
    walk = start_walk()
    quarter_of(walk)
    assert draft(walk, measures="HYPERLINK http://example.test\n第二行").status_code == 303
    reply = copy_of(walk, DESK, newest(walk), "docx")
    document = docx.Document(io.BytesIO(reply.data))
    xml = document.element.xml
    assert "w:hyperlink" not in xml
    assert "w:instrText" not in xml
    section = document.sections[0]
    assert [round(edge.mm) for edge in (section.page_width, section.page_height)] == [210, 297]
    margins = (section.top_margin, section.bottom_margin, section.left_margin, section.right_margin)
    assert [round(edge.mm) for edge in margins] == [37, 35, 28, 26]
    assert section.footer._element.xml.count("w:instrText") == 2  # opened and closed
    assert ">PAGE<" in section.footer._element.xml
    kinds = {relation.reltype.rsplit("/", 1)[-1] for relation in document.part.rels.values()}
    assert not kinds & {"hyperlink", "vbaProject", "attachedTemplate", "oleObject", "image"}
    assert document.core_properties.author == ""


@pytest.mark.parametrize("database", DATABASES)
def test_an_issued_notice_is_neither_changed_nor_removed_whoever_holds_the_connection(
    start_walk: StartWalk,
) -> None:
    walk = start_walk()
    quarter_of(walk)
    assert draft(walk).status_code == 303
    assert issue(walk, confirm_reason="只有一例，写明例数。").status_code == 303
    notice = newest(walk)
    engine: Any = walk.app.extensions["engine"]
    for change in (
        update(Notice).values(number="第 1 号"),
        update(Notice).values(issued_at=None),
        update(Document).where(Document.id == notice.document_id).values(answers={}),
        text("DELETE FROM notice"),
    ):
        walk.session.rollback()
        with (
            pytest.raises(DatabaseError, match=r"stays as it is|only added"),
            engine.begin() as held,
        ):
            held.execute(change)
