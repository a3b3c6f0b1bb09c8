"""What must not get in: each time a clear Chinese message, a 4xx, nothing changed, nothing lost.

Answers are spoiled on the page of a real step and posted as a browser would; afterwards every table
must hold what it held, and the page that comes back must hold what was typed.
"""

from collections import Counter
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from sqlalchemy import select

from models import Attachment, Case, CaseState, Document, Person, Task, TaskState
from tests import said
from tests.desk import GONE, Desk, contents, spoilt
from tests.walk import Page, StartWalk, Walk, faults
from workflows.forms.moment import written


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


@pytest.fixture
def reporting(start_walk: StartWalk) -> Desk:
    walk = start_walk()
    walk.at(2)
    return Desk(walk, "linxm", "report")


@pytest.fixture
def submitting(start_walk: StartWalk) -> Desk:
    """The heaviest form, when everything before it is done."""
    walk = start_walk()
    walk.play(lambda play: play.report(1.5), lambda play: play.receive(2.5))
    walk.play(lambda play: play.discuss(10), lambda play: play.explain(20))
    walk.at(30)
    return Desk(walk, "zhougy", "submit")


def later(walk: Walk, hours: float) -> str:
    """A moment as people type it."""
    return written(walk.moment(hours))[:16].replace("T", " ")


# What people get wrong.


def test_a_report_of_what_cannot_be(reporting: Desk) -> None:
    walk = reporting.walk
    good = reporting.filled(said.report())
    for changes, words in (
        ({"event_dt": later(walk, 3)}, "死亡时间不能晚于现在"),
        ({"event_dt": later(walk, 1), "discovered_dt": later(walk, 0.5)}, "发现时间不能早于"),
        ({"discovered_dt": later(walk, 24)}, "发现时间不能晚于现在"),
        ({"event_dt": "2026-02-30 10:00"}, "日历上没有 2026年2月30日"),
        ({"event_dt": "昨天夜里"}, "时间写成 2026-11-21 03:40"),
        ({"event_dt": "0206-11-21 03:40"}, "年份是 206"),
        ({"age": "三十一"}, "填整数"),
        ({"age": "-3"}, "不能小于"),
        ({"name": ""}, "请填写姓名"),
        ({"name": "禾" * 100_000}, "最多"),
        ({"phone": "12345"}, "11 位手机号"),
        ({"place_type": "moon"}, "不在可选范围内"),
        ({"prelim_cause": GONE}, "请填写初步死因"),
    ):
        reporting.refuses(spoilt(good, changes), words)
    assert walk.session.scalars(select(Case)).all() == []
    assert reporting.post(good).status_code == 303


def test_a_death_card_of_what_cannot_be(submitting: Desk) -> None:
    walk = submitting.walk
    good = submitting.filled(said.submission())
    number = good["id_no"]
    wrong_digit = number[:-1] + ("1" if number[-1] != "1" else "2")
    for changes, words in (
        ({"delivery_dt": later(walk, 1)}, "死亡时间不能早于分娩时间"),
        ({"delivery_dt": later(walk, 31)}, "分娩时间不能晚于现在"),
        ({"lmp": "2026-11-25"}, "末次月经"),
        ({"id_no": wrong_digit}, "校验"),
        ({"id_no": number[:-2]}, "18 位"),
        ({"age": "52"}, "岁，填的是 52 岁"),
        ({"gravida": "1", "para": "2"}, "产次"),
        ({"causes.b.icd10": "", "causes.b.text": "", "causes.b.value": "", "causes.b.unit": "",
          "causes.c.icd10": "O72.1", "causes.c.text": "产后出血", "causes.c.value": "5",
          "causes.c.unit": "hour"}, "死因链不能间断"),
        ({"causes.a.icd10": "", "causes.a.text": "", "causes.a.value": "", "causes.a.unit": ""},
         "不能空着 (a)"),
        ({"causes.a.icd10": "X99.99"}, "不在 ICD-10 中"),
        ({"addr_report": "999999"}, "不是已知的行政区划"),
        ({"household": "7"}, "不在可选范围内"),
        ({"risk_color_last": ["yellow", "pink"]}, "不在可选范围内"),
        ({"timeline.0.at": later(walk, -1)}, "时间轴应按先后排列"),
        ({"timeline.1.stage": "afterlife"}, "不在可选范围内"),
        ({"record_inventory.nursing.state": GONE}, "请选有、无或不适用"),
        ({"redacted_copy": good["record_inventory.inpatient.files"]}, "不能与病历原件用同一个文件"),
        ({"redacted_copy": "no-such-token"}, "没有上传完"),
        ({"narrative": "孕妇禾小满，" + good["narrative"]}, "摘要里出现了「禾小满」"),
        ({"narrative": "长" * 100_000}, "最多 8,000 字，现有 100,000 字"),
        ({"family_contact_doctor": ""}, "负责家属沟通的产科医师"),
        ({"sign.password": "not the password"}, "密码不正确"),
        ({"sign.password": ""}, "请输入登录密码完成"),
    ):  # fmt: skip
        reply = submitting.refuses(spoilt(good, changes), words)
        assert "not the password" not in reply.text
    assert submitting.post(good).status_code == 303


def test_characters_that_few_machines_know_are_kept_and_shown(submitting: Desk) -> None:
    walk = submitting.walk
    name = "𠮷䶮㛃👩🏽"
    good = submitting.filled(said.submission(name=name))
    assert submitting.post(good).status_code == 303
    walk.session.rollback()
    assert walk.session.scalars(select(Person.name)).all() == [name]
    sheet = walk.document("submit").id
    for path in (f"/cases/{walk.case_id}", f"/cases/{walk.case_id}/documents/{sheet}"):
        assert name in walk.browser("zhougy").get(path).text
    assert "𠮷＊" in walk.browser("shenqm").get("/tasks").text


def test_characters_that_nobody_sees_are_left_out(reporting: Desk) -> None:
    """Null bytes, control characters, marks that turn the print around."""
    walk = reporting.walk
    good = reporting.filled(said.report())
    data = spoilt(good, {"name": "禾\x00小\x08满\u202e", "hospital_no": "ZY\r\n26"})
    assert reporting.post(data).status_code == 303
    answers = walk.session.scalars(select(Document)).one().answers
    assert (answers["name"], answers["hospital_no"]) == ("禾小满", "ZY26")


# What no page of ours sends.


def test_unknown_names_say_nothing(submitting: Desk) -> None:
    walk = submitting.walk
    good = submitting.filled(said.submission())
    strange = {
        "organisation_id": "1", "state": "closed", "late_report": "", "fill_org": "9",
        "causes.e.icd10": "O72.1", "timeline.x.at": "2026-01-01", "timeline.-1.at": "2026-01-01",
        "timeline.1.unheard": "x", "record_inventory.unheard.state": "have", "sign.user": "1",
        "sign": "{}", "__proto__": "x", "grid.1.ticked": "1",
    }  # fmt: skip
    assert submitting.post(spoilt(good, strange)).status_code == 303
    walk.session.rollback()
    answers = walk.document("submit").answers
    known = {field.name for field in submitting.form.fields()}
    assert answers.keys() <= known
    assert set(answers["causes"]) == {"a", "b"}
    assert answers["fill_org"] == walk.units["qh_hospital"]
    assert answers["sign"]["user"] == walk.user("zhougy")
    assert all("unheard" not in row for row in answers["timeline"])


def test_ten_thousand_rows(submitting: Desk) -> None:
    """Many small ones are refused without showing them all, heavy ones before they are read."""
    walk = submitting.walk
    good = submitting.filled(said.submission())
    before = contents(walk.session)
    many, heavy = good.copy(), good.copy()
    for place in range(10_000):
        many[f"timeline.{place}.event"] = "x"
        heavy[f"timeline.{place}.event"] = "x" * 500
    [most] = [field.max_rows for field in submitting.form.fields() if field.name == "timeline"]
    reply = submitting.post(many)
    assert reply.status_code == 422
    assert any(f"时间轴最多 {most} 条" in fault for fault in faults(reply))
    assert reply.text.count('name="timeline.') < 20 * most
    assert submitting.post(heavy).status_code == 413
    assert contents(walk.session) == before
    assert submitting.post(good).status_code == 303


def test_ten_thousand_files_and_codes(submitting: Desk) -> None:
    walk = submitting.walk
    good = submitting.filled(said.submission())
    before = contents(walk.session)
    many = [f"token-{number}" for number in range(10_000)]
    for name, words in (
        ("redacted_copy", "去标识病历复印件最多"),
        ("record_inventory.inpatient.files", "最多 60 个文件"),
        ("risk_color_last", "不在可选范围内"),
    ):
        reply = submitting.post(spoilt(good, {name: many}))
        assert reply.status_code == 422
        assert any(words in fault for fault in faults(reply)), name
        assert reply.text.count("token-") < 1000
    assert contents(walk.session) == before


def test_bytes_that_are_no_text(reporting: Desk) -> None:
    """Broken UTF-8 is neither a server error nor somebody's name."""
    walk = reporting.walk
    good = reporting.filled(said.report())
    pairs = [pair for pair in good.items(multi=True) if pair[0] != "name"]
    before = contents(walk.session)
    body = urlencode(pairs).encode()
    reply = reporting.browser.post(
        reporting.path,
        data=body + b"&name=\xe7\xa6\xff\xfe",
        content_type="application/x-www-form-urlencoded",
        csrf=False,
    )
    assert reply.status_code in (400, 422)
    assert contents(walk.session) == before
    part = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    parts = "".join(part.format(*pair) for pair in pairs).encode()
    reply = reporting.browser.post(
        reporting.path,
        data=parts
        + part.format("name", "?").encode().replace(b"?", b"\xe7\xa6\xff")
        + b"--x--\r\n",
        content_type="multipart/form-data; boundary=x",
        csrf=False,
    )
    assert reply.status_code == 422
    assert any("姓名里有无法识别的字符" in fault for fault in faults(reply))
    assert contents(walk.session) == before


def test_a_million_parts(submitting: Desk) -> None:
    """As fields of a form, and as parts of a multipart one."""
    walk = submitting.walk
    before = contents(walk.session)
    token = submitting.filled(said.submission())["csrf_token"]
    start = before | contents(walk.session)
    body = f"csrf_token={token}&" + "&".join(["a=1"] * 1_000_000)
    kind = "application/x-www-form-urlencoded"
    reply = submitting.browser.post(submitting.path, data=body, content_type=kind, csrf=False)
    assert reply.status_code in (413, 422)
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    body_of_parts = part * 6000 + b"--x--\r\n"
    kind = "multipart/form-data; boundary=x"
    reply = submitting.browser.post(submitting.path, data=body_of_parts, content_type=kind)
    assert reply.status_code == 413
    assert "太大" in reply.text
    assert contents(walk.session) == start


# Who posts, and when.


def test_a_page_of_another_site_and_an_expired_one(submitting: Desk) -> None:
    """No token, somebody else's, a request from elsewhere: 400, and what was typed stays."""
    walk = submitting.walk
    good = submitting.filled(said.submission())
    other = Page.of(walk.browser("subl").get("/reports/new").text)
    before = contents(walk.session)
    for token in (GONE, "", "made up", dict(other.sent)["csrf_token"]):
        reply = submitting.post(spoilt(good, {"csrf_token": token}))
        assert reply.status_code == 400
        assert "页面已过期" in reply.text
        assert good["narrative"] in reply.text
        assert good["sign.password"] not in reply.text
    reply = submitting.browser.post(
        submitting.path, data=good, csrf=False, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert reply.status_code == 400
    assert good["narrative"] not in reply.text
    assert contents(walk.session) == before
    assert submitting.post(good).status_code == 303


def test_a_doubled_submit_is_answered_like_the_first(submitting: Desk) -> None:
    walk = submitting.walk
    good = submitting.filled(said.submission())
    first = submitting.post(good)
    before = contents(walk.session)
    second = submitting.post(good)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    assert contents(walk.session) == before
    sheets = select(Document).where(Document.form == "case_submission.v1")
    assert len(walk.session.scalars(sheets).all()) == 1


def test_a_doubled_report_opens_one_case(reporting: Desk) -> None:
    walk = reporting.walk
    good = reporting.filled(said.report())
    first, second = reporting.post(good), reporting.post(good)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    walk.session.rollback()
    assert len(walk.session.scalars(select(Case)).all()) == 1


def test_a_page_that_was_overtaken_keeps_what_was_typed(submitting: Desk) -> None:
    """The same step in two windows: the second hears 409 and can read what it wanted to say."""
    walk = submitting.walk
    good = submitting.filled(said.submission())
    late = spoilt(good, {"key": str(uuid4()), "family_attitude": "第二个窗口里写下的家属意见。"})
    assert submitting.post(good).status_code == 303
    before = contents(walk.session)
    reply = submitting.post(late)
    assert reply.status_code == 409
    assert "第二个窗口里写下的家属意见。" in reply.text
    assert good["sign.password"] not in reply.text
    assert contents(walk.session) == before


def test_somebody_elses_step_does_not_exist(submitting: Desk) -> None:
    walk = submitting.walk
    good = submitting.filled(said.submission())
    before = contents(walk.session)
    for who in ("subl", "gaomz", "shenqm", "linxm", "helx", "sundq", "anquan"):
        browser = walk.browser(who)
        reply = browser.post(submitting.path, data=spoilt(good, {"csrf_token": GONE}))
        assert (reply.status_code, browser.get(submitting.path).status_code) == (404, 404), who
        assert "没有找到" in reply.text
        assert contents(walk.session) == before, who


def test_a_step_of_a_voided_case(submitting: Desk) -> None:
    walk = submitting.walk
    good = submitting.filled(said.submission())
    void = f"/cases/{walk.case_id}/void"
    for reason in ("", "重复", "长" * 501):
        before = contents(walk.session)
        assert walk.post("zhougy", void, {"reason": reason}).status_code == 422
        assert contents(walk.session) == before
    asked = walk.post("zhougy", void, {"reason": "同一例已由转出医院报告，核对后撤销本条。"})
    assert asked.status_code == 303
    decided = walk.post("shenqm", f"{void}/decision", {"decision": "confirm"})
    assert decided.status_code == 303
    walk.session.rollback()
    assert walk.case.state is CaseState.VOIDED
    assert walk.open() == Counter()
    before = contents(walk.session)
    reply = submitting.post(good)
    assert reply.status_code == 409
    assert "病例已作废" in reply.text
    assert good["narrative"] in reply.text
    assert contents(walk.session) == before
    walk.at(100)  # nothing falls due any more, nobody is told anything
    assert walk.case.late_report is False
    of_case = select(Task).where(Task.case_id == walk.case_id)
    assert {task.state for task in walk.session.scalars(of_case)} == {
        TaskState.DONE,
        TaskState.CANCELLED,
    }


def test_a_sign_in_that_ended_while_typing_loses_nothing(submitting: Desk) -> None:
    """Half an hour without a request: the text waits behind the sign-in page, no password does."""
    walk = submitting.walk
    good = submitting.filled(said.submission())
    walk.at(30.6)
    before = contents(walk.session)
    reply = submitting.post(good)
    assert reply.status_code == 401
    assert good["narrative"] in reply.text
    assert good["sign.password"] not in reply.text
    assert contents(walk.session) == before


# Files.


def test_files_that_are_not_taken(submitting: Desk) -> None:
    walk, folder = submitting.walk, Path(submitting.walk.app.config["VAR"]) / "files"
    before = contents(walk.session)
    for name, content, status, words in (
        ("扫描.pdf", b"%PDF-1.7\n" + bytes(40 << 20), 413, "超过 20 MB"),
        ("病历.pdf", b"MZ\x90\x00" + bytes(4000), 415, "不是 PDF、JPG 或 PNG"),
        ("病历.exe", b"MZ\x90\x00" + bytes(4000), 415, "不是 PDF、JPG 或 PNG"),
        ("照片.jpg", b"\xff\xd8\xff" + bytes(4000), 415, "图片已损坏"),
        ("报告.pdf", b"%PDF-1.7\nnothing of it is true", 415, "PDF 已损坏"),
        ("空.pdf", b"", 415, "空的"),
    ):
        head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + b"\r\n--x--\r\n"
        kind = "multipart/form-data; boundary=x"
        reply = submitting.browser.post("/attachments", data=body, content_type=kind)
        assert reply.status_code == status, name
        assert words in reply.get_json()["message"]
    assert contents(walk.session) == before
    assert list(folder.glob("*")) == list(folder.glob(".*")) == []


def test_a_file_of_somebody_else_cannot_be_handed_in(submitting: Desk) -> None:
    """A token is no key: a colleague's upload is not taken over by naming it."""
    walk = submitting.walk
    strange = walk.upload("subl", "record.pdf")
    good = submitting.filled(said.submission())
    submitting.refuses(spoilt(good, {"redacted_copy": strange}), "没有上传完")
    [row] = walk.session.scalars(select(Attachment).where(Attachment.token == strange))
    assert row.case_id is None
