"""Form pages in Chromium: by keyboard, on a phone, saved while typing, nothing lost."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, Attachment, Draft, Icd10, UserSession
from tests import browsing
from tests.browsing import NARROW, WIDE, violations
from tests.form_desk import set_up
from tests.forms import GOOD
from tests.pages import Client
from tests.people import PASSWORD, World
from workflows import regions
from workflows.forms import load

ClientFor = Callable[[Appointment], Client]
pytestmark = [pytest.mark.browser, pytest.mark.trial]

SAVED = "已自动保存"
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
LOOKED_AT = [
    ("report.v1", WIDE),
    ("case_submission.v1", NARROW),
    ("opinion.v2", WIDE),
    ("opinion.v2", NARROW),
    ("conclusion.v5", WIDE),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsing.chromium() as browser:
        yield browser


@dataclass
class Desk:
    """One form, served; `open` gives a page of the person at the quality office."""

    address: str
    browser: Browser
    client: Client
    session: Session
    complaints: list[str]

    def open(self, width: int = WIDE) -> Page:
        context = browsing.window(self.browser, self.address, self.client, width)
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self._hear(said.type, said.text))
        page.goto("/trial")
        return page

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and "Failed to load resource" not in text:
            self.complaints.append(text)


DeskFor = Callable[..., Desk]


@pytest.fixture
def desk_for(
    app: Flask, chromium: Browser, client_for: ClientFor, session: Session, world: World
) -> Iterator[DeskFor]:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    complaints: list[str] = []
    for code, title, letters in (("O72", "产后出血", "chcx"), ("O72.1", "即刻产后出血", "jkchcx")):
        divided = code == "O72"
        session.add(
            Icd10(
                code=code, title=title, title_en="", initials=letters, chapter=15, rank=0,
                aliases="", divided=divided,
            )
        )  # fmt: skip
    session.commit()
    client = client_for(world.by["quality_office"])

    def serve(name: str, **more: object) -> Desk:
        set_up(app, load.load(name), **more)  # type: ignore[arg-type]
        address = stack.enter_context(browsing.served(app))
        return Desk(address, chromium, client, session, complaints)

    with ExitStack() as stack:
        yield serve
        for context in chromium.contexts:
            context.close()
    assert complaints == []


def saved(page: Page) -> None:
    expect(page.locator("[data-state]")).to_contain_text(SAVED)


# ---- filling in ----


def test_a_disease_is_chosen_by_keyboard(desk_for: DeskFor) -> None:
    page = desk_for("death_card.v1").open()
    field = page.get_by_role("combobox", name="ICD-10 诊断 (a)")
    field.press_sequentially("chcx")
    options = page.locator("[role=listbox]:visible").get_by_role("option")
    expect(options).to_have_count(2)
    expect(field).to_have_attribute("aria-expanded", "true")
    field.press("ArrowDown")
    field.press("ArrowDown")
    chosen = page.locator("[role=option][aria-selected=true]")
    expect(chosen).to_contain_text("O72.1")
    assert field.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    field.press("Enter")
    expect(field).to_have_value("O72.1 即刻产后出血")
    expect(field).to_have_attribute("aria-expanded", "false")
    expect(page.locator("input[name='causes.a.icd10']")).to_have_value("O72.1")
    expect(page.locator("input[name='causes.a.text']")).to_have_value("即刻产后出血")
    second = page.get_by_role("combobox", name="ICD-10 诊断 (b)")
    second.press_sequentially("产后")
    expect(options).to_have_count(2)
    second.press("Escape")
    expect(options).to_have_count(0)
    expect(page.locator("input[name='causes.b.icd10']")).to_have_value("产后")  # kept as typed
    assert page.url.endswith("/trial")


def test_a_region_is_chosen_step_by_step(desk_for: DeskFor, session: Session) -> None:
    regions.load_demo(session)
    session.commit()
    page = desk_for("death_card.v1").open()
    box = page.locator("[data-question=addr_report]")
    box.get_by_text("逐级选择").click()
    for level, code in (("省", "990000"), ("市", "990100"), ("县（区）", "990121")):
        box.get_by_label(f"上报地址：{level}").select_option(code)
    expect(page.locator("input[name=addr_report]")).to_have_value("990121")
    expect(box.get_by_role("combobox", name="上报地址").first).to_have_value("云岭省云江市云江县")


def test_rows_are_added_moved_removed_and_brought_back(desk_for: DeskFor) -> None:
    page = desk_for("conclusion.v2").open()
    group = page.locator("[data-rows][data-name=treating_staff]")
    add = group.get_by_role("button", name="添加人员")
    group.get_by_label("姓名").fill("甲")
    group.get_by_label("否").check()
    for name in ("乙", "丙"):
        add.focus()
        page.keyboard.press("Enter")
        page.keyboard.type(name)
    group.get_by_role("group", name="人员 2").get_by_label("是").check()

    def names() -> list[str]:
        inputs = group.locator("input[name$='.name']")
        return [f"{one.get_attribute('name')}={one.input_value()}" for one in inputs.all()]

    def left(number: int) -> str | None:
        row = f"treating_staff.{number}.left_before_vote"
        checked = page.locator(f"input[name='{row}']:checked")
        return checked.get_attribute("value") if checked.count() else None

    row = "treating_staff.{}.name={}"
    assert names() == [row.format(n, who) for n, who in enumerate("甲乙丙")]
    up = group.get_by_role("group", name="人员 2").get_by_role("button", name="上移")
    up.focus()
    page.keyboard.press("Enter")
    assert names() == [row.format(n, who) for n, who in enumerate("乙甲丙")]
    assert (left(0), left(1), left(2)) == ("true", "false", None)
    group.get_by_role("group", name="人员 1").get_by_role("button", name="删除").click()
    assert names() == [row.format(n, who) for n, who in enumerate("甲丙")]
    group.get_by_role("button", name="撤销").click()
    assert names() == [row.format(n, who) for n, who in enumerate("乙甲丙")]
    assert (left(0), left(1), left(2)) == ("true", "false", None)
    saved(page)
    page.reload()
    assert names() == [row.format(n, who) for n, who in enumerate("乙甲丙")]
    assert (left(0), left(1), left(2)) == ("true", "false", None)


def test_questions_come_and_go_with_the_answers(desk_for: DeskFor) -> None:
    page = desk_for("death_card.v1").open()
    delivery = page.get_by_role("heading", name="分娩地点")
    expect(delivery).to_be_hidden()
    page.locator("[name=delivery_status][value=date]").check()
    expect(delivery).to_be_visible()
    expect(page.get_by_label("分娩医院名称")).to_be_hidden()
    page.get_by_label("分娩地点", exact=False).select_option("2")
    expect(page.get_by_label("分娩医院名称")).to_be_visible()
    page.locator("[name=delivery_status][value='0']").check()
    expect(page.get_by_label("分娩医院名称")).to_be_hidden()  # what hung on it goes with it


def test_a_moment_is_typed_as_people_type_it(desk_for: DeskFor) -> None:
    page = desk_for("report.v1").open()
    field = page.get_by_label("死亡时间")
    field.fill("20261121 0340")
    field.press("Tab")
    expect(field).to_have_value("2026-11-21 03:40")
    expect(page.get_by_text("2026年11月21日 周六 03:40")).to_be_visible()
    field.fill("昨天夜里")
    field.press("Tab")
    expect(field).to_have_value("昨天夜里")
    expect(page.get_by_text("时间写成 2026-11-21 03:40")).to_be_visible()
    page.locator("[data-question=discovered_dt]").get_by_role("button", name="现在").click()
    expect(page.get_by_label("发现时间")).to_have_value(MOMENT)


def test_ticking_a_cell_opens_it(desk_for: DeskFor) -> None:
    page = desk_for("opinion.v2").open()
    page.locator("[name=grid_none][value=false]").check()
    table = page.get_by_role("table", name="十二格表")
    expect(table.get_by_role("columnheader")).to_have_count(4)
    tick = table.get_by_role("checkbox", name="5 医疗保健·知识技能：存在问题")
    tick.focus()
    page.keyboard.press("Space")
    page.keyboard.type("出血量估计不足")  # the focus went into the first question
    expect(page.locator("[name='grid.5.factor']")).to_have_value("出血量估计不足")
    expect(page.locator("[data-cell='grid.5'] [data-cell-sum]")).to_have_text("出血量估计不足")
    tick.uncheck()
    expect(page.locator("[name='grid.5.factor']")).to_be_hidden()
    tick.check()
    expect(page.locator("[name='grid.5.factor']")).to_have_value("出血量估计不足")


def test_enter_in_a_field_hands_nothing_in(desk_for: DeskFor) -> None:
    page = desk_for("report.v1").open()
    page.get_by_label("姓名").fill("某")
    page.get_by_label("姓名").press("Enter")
    expect(page.get_by_label("姓名")).to_have_value("某")
    expect(page.locator("[data-faults]")).to_have_count(0)


def test_faults_lead_to_their_fields(desk_for: DeskFor) -> None:
    page = desk_for("report.v1").open()
    page.get_by_role("button", name="登记报告").click()
    summary = page.get_by_role("alert")
    expect(summary).to_contain_text("处要改")
    expect(summary.get_by_role("link").first).to_be_focused()
    summary.get_by_role("link", name="死亡时间").click()
    expect(page.get_by_label("死亡时间")).to_be_focused()
    expect(page.get_by_label("死亡时间")).to_have_attribute("aria-invalid", "true")


# ---- files ----


def photo(path: Path) -> Path:
    out = BytesIO()
    Image.new("RGB", (30, 30)).save(out, "JPEG")
    path.write_bytes(out.getvalue())
    return path


def test_files_go_up_by_themselves(desk_for: DeskFor, tmp_path: Path) -> None:
    desk = desk_for("record_inventory.v1")
    page = desk.open()
    line = page.locator("[data-record]").first
    chooser = line.locator("input[type=file]").first
    chooser.set_input_files(photo(tmp_path / "第一页.jpg"))
    expect(line.get_by_role("link", name="第一页.jpg")).to_be_visible()
    expect(line.locator("[value=have]")).to_be_checked()
    expect(line.locator("[name$='.pages']")).to_have_value("1")
    fake = tmp_path / "病历.pdf"
    fake.write_bytes(b"MZ\x90\x00 not a document")
    chooser.set_input_files(fake)
    expect(line.locator(".file-failed")).to_contain_text("不是 PDF、JPG 或 PNG")
    saved(page)
    page.reload()
    expect(line.get_by_role("link", name="第一页.jpg")).to_be_visible()
    line.get_by_role("button", name="移除 第一页.jpg").click()
    expect(line.get_by_role("link", name="第一页.jpg")).to_have_count(0)
    saved(page)
    desk.session.rollback()
    assert desk.session.scalars(select(Attachment)).all() == []


def test_a_broken_line_is_said_and_tried_again(desk_for: DeskFor, tmp_path: Path) -> None:
    page = desk_for("record_inventory.v1").open()
    page.route("**/attachments", lambda route: route.abort())
    line = page.locator("[data-record]").first
    line.locator("input[type=file]").first.set_input_files(photo(tmp_path / "a.jpg"))
    expect(line.locator(".file-failed")).to_contain_text("网络中断")
    page.unroute("**/attachments")
    line.get_by_role("button", name="重试").click()
    expect(line.get_by_role("link", name="a.jpg")).to_be_visible()


# ---- nothing lost ----


def stored(page: Page) -> list[str]:
    keys: list[str] = page.evaluate("Object.keys(sessionStorage)")
    return [key for key in keys if key.startswith("yili.")]


def test_what_is_typed_is_saved_and_comes_back(desk_for: DeskFor) -> None:
    desk = desk_for("notice_receipt.v1")
    page = desk.open()
    page.get_by_label("本单位的安排").fill("全院学习一次。")
    page.locator("input[type=password]").fill(PASSWORD)
    saved(page)
    page.reload()
    expect(page.get_by_label("本单位的安排")).to_have_value("全院学习一次。")
    expect(page.get_by_role("status").filter(has_text="自动保存的内容")).to_be_visible()
    expect(page.locator("input[type=password]")).to_have_value("")
    desk.session.rollback()
    draft = desk.session.scalars(select(Draft)).one()
    assert PASSWORD not in str(draft.answers)
    page.get_by_role("button", name="不要草稿").click()
    expect(page.get_by_label("本单位的安排")).to_have_value("")


def test_leaving_at_once_loses_nothing(desk_for: DeskFor) -> None:
    page = desk_for("report.v1").open()
    page.get_by_label("姓名").fill("刚写下")
    page.goto("/password")
    page.goto("/trial")
    expect(page.get_by_label("姓名")).to_have_value("刚写下")


def test_a_lost_sign_in_loses_nothing(desk_for: DeskFor, session: Session, world: World) -> None:
    desk = desk_for("report.v1")
    page = desk.open()
    session.query(UserSession).delete()
    session.commit()
    page.get_by_label("姓名").fill("登录失效后写的")
    expect(page.get_by_role("alert")).to_contain_text("登录已失效，内容仍在本页")
    assert len(stored(page)) == 1
    page.on("dialog", lambda dialog: dialog.accept())  # the page warns: something is not saved
    page.goto("/sign-in")
    page.fill("[name=username]", world.user("quality_office").username)
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url("**/tasks")
    page.goto("/trial")
    expect(page.get_by_label("姓名")).to_have_value("登录失效后写的")
    expect(page.get_by_role("status").filter(has_text="已经带回")).to_be_visible()
    saved(page)
    assert stored(page) == []


def test_without_the_server_the_page_keeps_the_text(desk_for: DeskFor) -> None:
    page = desk_for("report.v1").open()
    page.route("**/drafts/*", lambda route: route.abort())
    page.get_by_label("姓名").fill("断网时写的")
    expect(page.get_by_role("alert")).to_contain_text("未能保存，内容仍在本页")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.get_by_label("姓名")).to_have_value("断网时写的")


def test_handed_in_nothing_stays_in_the_browser(desk_for: DeskFor) -> None:
    desk = desk_for("report.v1", judged=False)
    page = desk.open()
    page.route("**/drafts/*", lambda route: route.abort())
    page.get_by_label("姓名").fill("提交前没来得及保存")
    page.get_by_role("button", name="登记报告").click()
    page.wait_for_function("document.contentType === 'application/json'")
    assert len(stored(page)) == 2  # what was typed, and that it went out
    page.goto("/password")  # any page of ours: the server has it
    page.wait_for_function("Object.keys(sessionStorage).length === 0")
    assert stored(page) == []


# ---- for everybody ----


@pytest.mark.parametrize(("name", "width"), LOOKED_AT)
def test_pages_are_accessible(desk_for: DeskFor, name: str, width: int) -> None:
    page = desk_for(name, prefill=GOOD[name]).open(width)
    assert violations(page) == {}
    narrow = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert narrow, "the page scrolls sideways"


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_pages_with_faults_are_accessible(desk_for: DeskFor, width: int) -> None:
    page = desk_for("receipt.v1").open(width)
    page.get_by_role("button", name="签收").click()
    expect(page.locator("[data-faults]")).to_be_visible()
    assert violations(page) == {}


def test_without_scripts_everything_can_be_filled_in(desk_for: DeskFor) -> None:
    desk = desk_for("receipt.v1", judged=False)
    context = desk.browser.new_context(base_url=desk.address, java_script_enabled=False)
    cookie = desk.client.get_cookie("sid")
    assert cookie is not None
    context.add_cookies([{"name": "sid", "value": cookie.value, "url": desk.address}])
    page = context.new_page()
    page.goto("/trial")
    page.fill("[name=received_dt]", "20261121 0340")
    page.check("[name=called_back][value=true]")
    page.fill("[name=call_note]", "已核对")
    page.fill("[name='routing.0.organisation']", "3")
    page.select_option("[name='routing.0.mode']", "phone")
    page.fill("input[type=password]", PASSWORD)
    with page.expect_navigation():
        page.click(".form-submit")
    answers = page.content()
    for said in ("2026-11-21T03:40+08:00", "已核对", '"organisation":3'):
        assert said in answers.replace(" ", "")
