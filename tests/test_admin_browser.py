"""The administration in Chromium: every page at both widths, a picker, a day typed, one click."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, User
from tests import browsing
from tests.browsing import NARROW, WIDE, violations
from tests.pages import Client
from tests.people import World

ClientFor = Callable[[Appointment], Client]
Open = Callable[[str, int], Page]
pytestmark = pytest.mark.browser

PAGES = {
    "security_admin": (
        "/admin",
        "/admin/people",
        "/admin/people?q=nobody",
        "/admin/people/new",
        "/admin/people/1",
        "/admin/people/1/edit",
        "/admin/people/1/password",
        "/admin/people/1/appointments/new",
        "/admin/appointments/1/end",
    ),
    "system_admin": (
        "/admin",
        "/admin/organisations",
        "/admin/organisations/new",
        "/admin/organisations/1/edit",
        "/admin/zones",
        "/admin/zones/new",
        "/admin/zones/1/end",
        "/admin/rules",
        "/admin/rules/410200",
        "/admin/definitions",
        "/admin/operations",
        "/admin/calendar",
        "/admin/calendar/new",
        "/admin/incidents",
        "/admin/health",
    ),
    "audit_admin": ("/admin", "/admin/log", "/admin/log?who=head"),
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsing.chromium() as browser:
        yield browser


@pytest.fixture
def open_page(app: Flask, chromium: Browser, client_for: ClientFor, world: World) -> Iterator[Open]:
    """A window of an administrator. What the console says fails the test, refusals aside."""
    said: list[str] = []
    contexts = []
    with browsing.served(app) as address:

        def opened(who: str, width: int = WIDE) -> Page:
            client = client_for(world.by[who])
            contexts.append(browsing.window(chromium, address, client, width))
            page = contexts[-1].new_page()
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            return page

        yield opened
        for context in contexts:
            context.close()
    assert [line for line in said if "422" not in line] == []


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("who", PAGES)
def test_pages_are_sound(open_page: Open, who: str, width: int) -> None:
    page = open_page(who, width)
    for address in PAGES[who]:
        reply = page.goto(address)
        assert reply is not None
        assert reply.status == 200, address
        assert violations(page) == {}, address
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) <= 0, address


def test_from_a_new_account_to_the_first_own_password(
    open_page: Open, chromium: Browser, session: Session, world: World
) -> None:
    page = open_page("security_admin", WIDE)
    page.goto("/admin/people/new")
    page.get_by_label("用户名").fill("Not So")
    page.get_by_role("button", name="开通账号").click()
    expect(page.locator("[data-faults]")).to_contain_text("小写字母开头")
    expect(page.locator("[data-faults] a").first).to_be_focused()
    assert violations(page) == {}
    page.get_by_label("用户名").fill("xinhe")
    page.get_by_label("姓名").fill("新禾")
    page.get_by_role("button", name="开通账号").click()
    password = page.locator(".one-time-password").inner_text()

    page.get_by_role("link", name="接着登记任职").click()
    unit = page.get_by_role("combobox", name="机构")
    unit.press_sequentially("云江县妇幼")
    expect(page.locator("#organisation-list [data-index]")).to_have_count(1)
    unit.press("ArrowDown")
    unit.press("Enter")
    page.get_by_label("角色").select_option("mch")
    page.get_by_label("最后一天", exact=False).first.fill("20991231")
    page.get_by_role("button", name="登记任职").click()  # the day is read as the field is left
    expect(page.locator("main")).to_contain_text("云江县妇幼保健院 · 妇幼保健机构")
    user = session.scalars(select(User).where(User.username == "xinhe")).one()
    assert [str(held.valid_to) for held in user.appointments] == ["2099-12-31"]

    origin = page.url.split("/admin")[0]
    context = chromium.new_context(base_url=origin, locale="zh-CN")
    newcomer = context.new_page()
    newcomer.goto("/sign-in")
    newcomer.get_by_label("用户名").fill("xinhe")
    newcomer.get_by_label("密码").fill(password)
    newcomer.get_by_role("button", name="登录").click()
    expect(newcomer.locator("h1")).to_have_text("修改密码")
    expect(newcomer.locator("main")).to_contain_text("只用一次")
    newcomer.get_by_label("现在的密码").fill(password)
    newcomer.get_by_label("新密码", exact=True).fill("Qinglan-4411-he")
    newcomer.get_by_label("再输一遍新密码").fill("Qinglan-4411-he")
    newcomer.get_by_role("button", name="修改密码").click()
    expect(newcomer.locator("h1")).to_have_text("我的待办")

    page.get_by_text("停用账号").click()
    page.get_by_role("button", name="停用新禾的账号").click()
    expect(page.locator("main")).to_contain_text("账号已停用")
    newcomer.goto("/tasks")
    expect(newcomer.locator("h1")).to_have_text("登录")
    context.close()
