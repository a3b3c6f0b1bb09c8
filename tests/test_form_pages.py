"""Form pages over HTTP: what is shown comes back unchanged, what is wrong is said, nothing lost."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import Appointment, Draft
from tests.conftest import DATABASES
from tests.form_desk import Pairs, set_up, typed_on
from tests.forms import GOOD
from tests.pages import Client
from tests.people import PASSWORD, World
from tests.typed import typed
from webapp import forms, kept
from webapp.forms import reading
from workflows.actions import drafts
from workflows.forms import load
from workflows.forms.answers import tidy
from workflows.forms.spec import Field, Form, Kind, Section

ClientFor = Callable[[Appointment], Client]
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)  # 10:00 in China

pytestmark = pytest.mark.trial


@pytest.fixture(autouse=True)
def morning() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def browser(client_for: ClientFor, world: World) -> Client:
    return client_for(world.by["quality_office"])


@pytest.fixture
def no_csrf(app: Flask) -> Flask:
    """For forms made by hand, without a browser that fetched the page before."""
    app.config["WTF_CSRF_ENABLED"] = False
    return app


def form_of(*fields: Field, **more: Any) -> Form:
    """A small form made of questions."""
    section = Section(title="一节", fields=tuple(fields))
    return Form(name="small.v1", title="小表", sections=(section,), **more)


def field(name: str, kind: Kind, **more: Any) -> Field:
    return Field(name=name, kind=kind, label=more.pop("label", name), **more)


PEOPLE = field(
    "people",
    Kind.GROUP,
    row_title="人员",
    fields=(field("who", Kind.TEXT, label="姓名"), field("age", Kind.INTEGER, label="年龄")),
)

# ---- reading ----


@pytest.mark.parametrize(
    "text",
    [
        "20261121 0340", "2026-11-21 03:40", "2026-11-21T03:40", "202611210340", "2026/11/21 3:40",
        "2026.11.21 03:40:59", "2026年11月21日 3时40分", "2026年11月21日3点40",
        "２０２６１１２１　０３４０", "2026-11-21T03:40+08:00", "2026-11-20T19:40Z",
        "2026-11-20T19:40:00+00:00", " 20261121 03：40 ",
    ],
)  # fmt: skip
def test_moments_are_understood_as_people_type_them(text: str) -> None:
    assert reading.read_datetime(text) == "2026-11-21T03:40+08:00"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-21", "时间写成"), ("昨天夜里", "时间写成"),
        ("2026-02-30 03:40", "没有 2026年2月30日"), ("2026-11-21 24:00", "次日 00:00"),
        ("20261121 2560", "没有 25:60"), ("21-11-2026 03:40", "写成"),
        ("2026-11-21 03:40 03:41", "写成"), ("0000-11-21 03:40", "没有"),
        ("٢٠٢٦-١١-٢١ ٠٣:٤٠", "写成"),
    ],
)  # fmt: skip
def test_what_is_no_moment_says_how_to_write_one(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        reading.read_datetime(text)


@pytest.mark.parametrize(
    "text", ["20261121", "2026-11-21", "2026/11/21", "2026年11月21日", "２０２６．１１．２１"]
)
def test_days(text: str) -> None:
    assert reading.read_date(text) == "2026-11-21"


@pytest.mark.parametrize(
    ("kind", "text", "answer"),
    [
        (Kind.INTEGER, "２８", 28),
        (Kind.INTEGER, "-3", -3),
        (Kind.DECIMAL, "36.50", "36.50"),
        (Kind.DECIMAL, "３６。５", "36.5"),
        (Kind.PHONE, "138 0013-8000", "13800138000"),
        (Kind.PHONE, "0371-6595 0000", "0371-65950000"),
        (Kind.ID_NUMBER, "33011419990101002x", "33011419990101002X"),
        (Kind.ICD10, "o721", "O72.1"),
        (Kind.ICD10, "O72.1 其他的即刻产后出血", "O72.1"),
        (Kind.ICD10, "O72", "O72"),
        (Kind.REGION, "９９０１２１", "990121"),
        (Kind.ORGANISATION, "12", 12),
        (Kind.BOOL, "false", False),
    ],
)
def test_answers_are_read(kind: Kind, text: str, answer: object) -> None:
    assert reading.READERS[kind](text) == answer


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.INTEGER, "三"), (Kind.INTEGER, "2.5"), (Kind.INTEGER, "1" * 13),
        (Kind.DECIMAL, "1e9"), (Kind.DECIMAL, "nan"), (Kind.BOOL, "maybe"), (Kind.USER, "-1"),
        (Kind.ICD10, "产后出血"), (Kind.ICD10, "O7"), (Kind.REGION, "云江县"),
        (Kind.ORGANISATION, "县医院"), (Kind.DATE, "2026-13-01"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_chinese(kind: Kind, text: str) -> None:
    with pytest.raises(ValueError, match=r"写|填|选|没有"):
        reading.READERS[kind](text)


# ---- whole pages ----


@pytest.mark.parametrize("name", sorted(GOOD))
def test_what_a_page_shows_comes_back_unchanged(app: Flask, browser: Client, name: str) -> None:
    spec = load.load(name)
    set_up(app, spec, GOOD[name], judged=False)
    page = browser.get("/trial")
    assert page.status_code == 200
    back = browser.post("/trial", data=as_data(typed_on(page.text)))
    signed = {f.name for f in spec.fields() if f.kind is Kind.SIGNATURE}
    expected = {k: v for k, v in tidy(spec, GOOD[name]).items() if k not in signed}
    assert back.json == expected


@pytest.mark.parametrize("name", sorted(GOOD))
def test_what_is_typed_arrives(app: Flask, browser: Client, world: World, name: str) -> None:
    spec = load.load(name)
    fixed = {
        f.name: GOOD[name][f.name] for f in spec.fields() if f.readonly and f.name in GOOD[name]
    }
    set_up(app, spec, fixed, judged=False)
    back = browser.post("/trial", data=as_data(typed(spec, GOOD[name])))
    assert back.status_code == 200, back.text
    expected = tidy(spec, GOOD[name])
    user = world.user("quality_office")
    for question in spec.fields():
        if question.kind is Kind.SIGNATURE and question.name in expected:
            at = reading.read_datetime(NOW.isoformat())
            expected[question.name] = {"user": user.id, "name": user.name, "at": at}
    assert back.json == expected


def as_data(pairs: Pairs) -> dict[str, list[str]]:
    data: dict[str, list[str]] = {}
    for name, value in pairs:
        data.setdefault(name, []).append(value)
    return data


@pytest.mark.parametrize("name", sorted(GOOD))
def test_an_empty_form_says_all_that_is_missing(app: Flask, browser: Client, name: str) -> None:
    spec = load.load(name)
    set_up(app, spec)
    page = browser.post("/trial", data={})
    asked = [f for f in spec.fields() if f.required and not f.when]
    if not asked:
        pytest.skip("nothing is required")
    assert page.status_code == 422
    assert page.text.count("<li><a href=") >= len(asked)
    targets = re.findall(r'<li><a href="#([^"]+)">', page.text)
    assert set(targets) <= set(re.findall(r' id="([^"]+)"', page.text))


def test_what_was_typed_stands_there_again(app: Flask, browser: Client) -> None:
    spec = form_of(
        field("n", Kind.INTEGER), field("at", Kind.DATETIME), field("story", Kind.LONG_TEXT),
        field("dx", Kind.ICD10), PEOPLE,
    )  # fmt: skip
    set_up(app, spec)
    sent = {
        "n": "很多", "at": "前天", "story": "第一行\n <b>第二行</b> 😀 𬴂", "dx": "产后大出血",
        "people.0.who": "甲", "people.0.age": "三十",
    }  # fmt: skip
    page = browser.post("/trial", data=sent)
    assert page.status_code == 422
    shown = dict(typed_on(page.text))
    assert {name: shown[name] for name in sent} == sent
    assert "<b>第二行" not in page.text
    assert "填整数" in page.text
    assert "人员 1：填整数" in page.text
    assert "“产后大出血”不是 ICD-10 编码" in page.text


def test_blank_rows_do_not_count_and_messages_find_their_row(app: Flask, browser: Client) -> None:
    set_up(app, form_of(PEOPLE), judged=False)
    sent = {
        "people.0.who": " ", "people.0.age": "",
        "people.3.who": "甲", "people.3.age": "30",
        "people.7.who": "乙", "people.7.age": "",
    }  # fmt: skip
    assert browser.post("/trial", data=sent).json == {
        "people": [{"who": "甲", "age": 30}, {"who": "乙"}]
    }


def test_an_unreadable_row_keeps_the_count_of_the_rest(no_csrf: Flask) -> None:
    app = no_csrf
    old = field("age", Kind.INTEGER, label="年龄", max=60)
    spec = form_of(field("people", Kind.GROUP, row_title="人员", fields=(old,)))
    posted = {"people.0.age": "三十", "people.1.age": "99"}
    with app.test_request_context("/trial", method="POST", data=posted):
        form = forms.build(spec)()
        assert not form.parse()
        assert form.answers == {"people": [{"age": 99}]}
        assert [fault.target for fault in form.faults] == ["f-people.0.age", "f-people.1.age"]
        assert "不能大于 60" in form.faults[1].message


def test_only_what_is_asked_is_answered(no_csrf: Flask) -> None:
    app = no_csrf
    spec = form_of(
        field("sent", Kind.BOOL),
        field("where", Kind.INTEGER, when={"sent": ["true"]}, required=True),
        field("people", Kind.GROUP, row_title="人员", fields=(
            field("ill", Kind.BOOL, label="病"),
            field("since", Kind.DATE, label="起", when={"ill": ["true"], "sent": ["false"]}),
        )),
    )  # fmt: skip
    posted = {
        "sent": "false",
        "where": "不是数",
        "people.0.ill": "true",
        "people.0.since": "20261121",
    }
    with app.test_request_context("/trial", method="POST", data=posted):
        form = forms.build(spec)()
        assert form.parse()  # what is not asked need not be readable
        assert form.answers == {"sent": False, "people": [{"ill": True, "since": "2026-11-21"}]}
        assert ("where", "不是数") in form.typed
    with app.test_request_context("/trial", method="POST", data={**posted, "sent": "true"}):
        form = forms.build(spec)()
        assert not form.parse()
        assert form.answers == {"sent": True, "people": [{"ill": True}]}


def test_a_readonly_answer_is_ours(app: Flask, browser: Client) -> None:
    spec = form_of(
        field("unit", Kind.ORGANISATION, readonly=True),
        field("round", Kind.INTEGER, readonly=True),
        field("yes", Kind.BOOL, readonly=True),
        field("one", Kind.TEXT),
    )  # fmt: skip
    set_up(app, spec, {"unit": 1, "round": 2, "yes": False}, judged=False)
    sent = {"unit": "9", "round": "7", "yes": "true", "one": "x"}
    assert browser.post("/trial", data=sent).json == {
        "unit": 1,
        "round": 2,
        "yes": False,
        "one": "x",
    }


def test_unknown_names_are_not_answers(app: Flask, browser: Client) -> None:
    set_up(app, form_of(field("one", Kind.TEXT)), judged=False)
    assert browser.post("/trial", data={"one": "x", "two": "y", "__class__": "z"}).json == {
        "one": "x"
    }


def test_a_question_cannot_be_called_like_a_field_of_the_page() -> None:
    with pytest.raises(ValueError, match="csrf_token"):
        forms.build(form_of(field("csrf_token", Kind.TEXT)))


def test_paths_that_name_no_field_reach_the_nearest_one_or_the_head(app: Flask) -> None:
    with app.test_request_context("/trial", method="POST", data={"people.0.who": "甲"}):
        form = forms.build(form_of(PEOPLE))()
        form.show_errors(
            {"people.0.shoe": ["鞋"], "people.9": "没有第十条", "gone": ["没有"], "": ["全表"]}
        )
        assert [(f.target, f.message) for f in form.faults] == [
            ("", "没有"), ("", "全表"), ("f-people", "没有第十条"), ("f-people.0", "鞋"),
        ]  # fmt: skip
        assert form.status == 422


def test_a_hundred_thousand_characters_are_counted_and_kept(app: Flask, browser: Client) -> None:
    set_up(app, form_of(field("story", Kind.LONG_TEXT, label="经过", max_length=5000)))
    text = "血" * 100_000
    page = browser.post("/trial", data={"story": text})
    assert page.status_code == 422
    assert "最多 5,000 字" in page.text
    assert text in page.text


def test_the_page_keeps_its_key(app: Flask, browser: Client) -> None:
    set_up(app, form_of(field("n", Kind.INTEGER)))
    key = dict(typed_on(browser.get("/trial").text))["key"]
    assert key != dict(typed_on(browser.get("/trial").text))["key"]
    assert dict(typed_on(browser.post("/trial", data={"n": "x", "key": key}).text))["key"] == key
    forged = dict(typed_on(browser.post("/trial", data={"n": "x", "key": "'><b>"}).text))["key"]
    assert len(forged) == 36


# ---- signing ----

SIGNED = form_of(
    field("n", Kind.INTEGER), field("sign", Kind.SIGNATURE, label="签名", required=True)
)


def test_a_signature_says_who_and_when(app: Flask, browser: Client, world: World) -> None:
    set_up(app, SIGNED)
    page = browser.post("/trial", data={"sign.password": PASSWORD})
    user = world.user("quality_office")
    assert page.json == {
        "sign": {"user": user.id, "name": user.name, "at": "2026-11-22T10:00+08:00"}
    }


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"sign.password": "wrong-one"}, "密码不正确"),
        ({"sign.password": ""}, "请输入登录密码"),
        ({"sign": '{"user": 1}', "sign.user": "1"}, "请输入登录密码"),
        ({"sign.password": PASSWORD, "n": "x"}, "重新输入登录密码"),
    ],
)
def test_without_the_password_there_is_no_signature(
    app: Flask, browser: Client, data: dict[str, str], said: str
) -> None:
    set_up(app, SIGNED)
    page = browser.post("/trial", data=data)
    assert page.status_code == 422
    assert said in page.text
    assert PASSWORD not in page.text
    assert "wrong-one" not in page.text


# ---- drafts ----


def test_a_draft_comes_back_as_it_was_typed(
    app: Flask, browser: Client, session: Session, world: World
) -> None:
    set_up(app, form_of(field("n", Kind.INTEGER), PEOPLE, SIGNED.fields()[1]))
    typed_now = {
        "n": "二十",
        "people.4.who": "甲",
        "sign.password": PASSWORD,
        "key": "k",
        "_percent": "250",
    }
    saved = browser.post("/drafts/report", data=typed_now)
    assert saved.json == {"saved_at": NOW.isoformat(), "at": "10:00:00"}
    page = browser.get("/trial")
    assert page.status_code == 200
    assert "自动保存的内容" in page.text
    shown = dict(typed_on(page.text))
    assert (shown["n"], shown["people.0.who"]) == ("二十", "甲")
    assert "填整数" not in page.text  # nobody has handed it in
    draft = drafts.find_draft(session, "report", by=world.by["quality_office"])
    assert draft is not None
    assert draft.percent == 100
    assert PASSWORD not in str(draft.answers)
    assert drafts.typed_in(draft) == [("n", "二十"), ("people.4.who", "甲")]
    assert browser.delete("/drafts/report").status_code == 204
    assert "自动保存的内容" not in browser.get("/trial").text


def test_a_draft_is_ones_own(client_for: ClientFor, session: Session, world: World) -> None:
    mine, other = client_for(world.by["quality_office"]), client_for(world.by["department"])
    mine.post("/drafts/report", data={"name": "只有我写的"})
    other.post("/drafts/report", data={"name": "别人写的"})
    assert "只有我写的" in mine.get("/reports/new").text
    assert "只有我写的" not in other.get("/reports/new").text
    assert session.query(Draft).count() == 2


@pytest.mark.parametrize("database", DATABASES)
def test_two_windows_that_save_first_at_once_share_one_draft(
    engine: Engine, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = iter([True])  # the second window has looked before the first one wrote

    def find(session: Session, place: str, *, by: Appointment) -> Draft | None:
        return None if next(seen, False) else found(session, place, by=by)

    found = drafts.find_draft
    with Session(engine) as session, session.begin():
        by = session.get_one(Appointment, world.by["head"].id)
        drafts.save_draft(session, "report", [("name", "甲")], 10, by=by, now=NOW)
    monkeypatch.setattr(drafts, "find_draft", find)
    with Session(engine) as session, session.begin():
        by = session.get_one(Appointment, world.by["head"].id)
        drafts.save_draft(session, "report", [("name", "乙")], 20, by=by, now=NOW)
    with Session(engine) as session:
        [draft] = session.query(Draft)
        assert drafts.typed_in(draft) == [("name", "乙")]


@pytest.mark.parametrize("place", ["task:1", "task:999999", "report:2", "x" * 300, "task:1e3"])
def test_no_draft_where_one_may_not_hand_in(browser: Client, session: Session, place: str) -> None:
    assert browser.post(f"/drafts/{place}", data={"a": "b"}).status_code == 404
    assert session.query(Draft).count() == 0


def test_a_draft_has_an_end(browser: Client, session: Session) -> None:
    reply = browser.post("/drafts/report", data={"a": "x" * (drafts.LONGEST + 1)})
    assert reply.status_code == 413
    assert session.query(Draft).count() == 0


def test_what_is_brought_back_is_shown_without_reproach(app: Flask, browser: Client) -> None:
    set_up(app, form_of(field("n", Kind.INTEGER), field("m", Kind.INTEGER, required=True)))
    page = browser.post("/trial", data={"n": "二十", kept.RESUMED: "1"})
    assert page.status_code == 200
    assert dict(typed_on(page.text))["n"] == "二十"
    assert "已经带回" in page.text
    assert "填整数" not in page.text
