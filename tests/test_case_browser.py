"""Case pages in Chromium: the diagram under the content policy, the clock strip by keyboard, both
widths, paper."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, Document
from tests import browsing
from tests.browsing import NARROW, WIDE, violations
from tests.pages import Client
from tests.played import CLOSED, FRESH, IN_REVIEW, LATE, RECTIFYING, Cast

ClientFor = Callable[[Appointment], Client]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsing.chromium() as browser:
        yield browser


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


@pytest.fixture
def open_page(
    app: Flask, chromium: Browser, client_for: ClientFor, cast: Cast
) -> Iterator[Callable[[str, int], Page]]:
    """A window of somebody of the demonstration. What the console says fails the test."""
    said: list[str] = []
    with browsing.served(app) as address:
        contexts = []

        def opened(username: str, width: int = WIDE) -> Page:
            client = client_for(cast.seat(username))
            contexts.append(browsing.window(chromium, address, client, width))
            page = contexts[-1].new_page()
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            return page

        yield opened
        for context in contexts:
            context.close()
    assert said == []


def addresses(session: Session, cast: Cast) -> list[tuple[str, str]]:
    """Who looks at what."""
    closed, review = cast.case(CLOSED).id, cast.case(IN_REVIEW).id
    sheet = select(Document.id).where(Document.form == "conclusion.v5", Document.case_id == closed)
    document = session.scalars(sheet.limit(1)).one()
    office = [
        *(f"/cases/{closed}{tab}" for tab in ("", "/diagrams/rectification", "/documents", "/files",
                                              "/reviews", "/items")),
        f"/cases/{closed}/documents/{document}",
        f"/cases/{review}/people",
        f"/cases/{review}/void",
        f"/cases/{review}/rediscuss",
        f"/cases/{cast.case(FRESH).id}/diagrams",
        "/cases",
        "/board",
        "/clocks?state=all",
    ]  # fmt: skip
    late = [f"/cases/{cast.case(LATE).id}", f"/cases/{cast.case(RECTIFYING).id}/diagrams"]
    return [*(("zhougy", each) for each in office), *(("subl", each) for each in late)]


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_pages_are_sound(
    open_page: Callable[[str, int], Page], session: Session, cast: Cast, width: int
) -> None:
    windows: dict[str, Page] = {}
    for username, address in addresses(session, cast):
        page = windows.get(username) or windows.setdefault(username, open_page(username, width))
        page.goto(address)
        if "/diagrams" in address:
            expect(page.locator("#diagram[data-drawn]")).to_be_visible()
        assert violations(page) == {}, address
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) <= 0, address


def test_the_diagram_shows_where_the_case_stands(
    open_page: Callable[[str, int], Page], cast: Cast
) -> None:
    page = open_page("subl", WIDE)
    page.goto(f"/cases/{cast.case(LATE).id}/diagrams")
    expect(page.locator("#diagram[data-drawn]")).to_be_visible()
    expect(page.locator("[data-element-id=UT_report].y-done")).to_have_count(1)
    late = page.locator("[data-element-id=UT_discuss].y-late")
    edge = "element => getComputedStyle(element).stroke"
    assert late.locator(".djs-visual > rect").evaluate(edge) == "rgb(172, 31, 26)"
    expect(page.locator(".token-late")).to_contain_text("超时 6 小时")
    late.click()
    line = page.locator("#step-UT_discuss")
    expect(line).to_be_focused()
    expect(line.get_by_role("link", name="办理")).to_be_visible()
    page.get_by_role("button", name="全图").click()
    expect(page.locator("[data-element-id=UT_archive]")).to_be_visible()


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_mark_of_the_viewer_is_visible_and_nothing_covers_it(
    open_page: Callable[[str, int], Page], cast: Cast, width: int
) -> None:
    page = open_page("zhougy", width)
    page.goto(f"/cases/{cast.case(CLOSED).id}/diagrams")
    expect(page.locator("#diagram[data-drawn]")).to_be_visible()
    mark = page.locator(".bjs-powered-by")
    mark.scroll_into_view_if_needed()
    expect(mark).to_be_visible()
    covered = """mark => [...Array(5).keys()].filter(step => {
        const box = mark.getBoundingClientRect();
        const top = document.elementFromPoint(
            box.left + box.width * (step + 0.5) / 5, box.top + box.height / 2);
        return !mark.contains(top);
    }).length"""
    assert mark.evaluate(covered) == 0
    mark.click()
    expect(page.locator(".bjs-powered-by-lightbox")).to_be_visible()


def test_a_clock_explains_itself_by_keyboard(
    open_page: Callable[[str, int], Page], cast: Cast
) -> None:
    page = open_page("zhougy", WIDE)
    page.goto(f"/cases/{cast.case(FRESH).id}")
    clock = page.locator(".limit", has_text="院内死亡病例讨论").first
    clock.locator("summary").focus()
    page.keyboard.press("Enter")
    body = clock.locator(".limit-body")
    expect(body).to_be_visible()
    expect(body).to_contain_text("应在第一时间（24小时内）组织开展院内死亡病例讨论")
    page.keyboard.press("Escape")
    expect(body).to_be_hidden()
    expect(clock.locator("summary")).to_be_focused()
    other = page.locator(".limit summary").first
    clock.locator("summary").click()
    other.click()
    expect(body).to_be_hidden()  # one at a time
    page.locator("h1").click()
    expect(page.locator(".limit[open]")).to_have_count(0)


def test_a_clock_explains_itself_without_script(
    app: Flask, chromium: Browser, client_for: ClientFor, cast: Cast
) -> None:
    client = client_for(cast.seat("zhougy"))
    with browsing.served(app) as address:
        cookie = client.get_cookie("sid")
        assert cookie is not None
        context = chromium.new_context(base_url=address, java_script_enabled=False)
        context.add_cookies([{"name": "sid", "value": cookie.value, "url": address}])
        page = context.new_page()
        page.goto(f"/cases/{cast.case(FRESH).id}")
        page.locator(".limit summary").first.click()
        expect(page.locator(".limit-body").first).to_be_visible()
        page.goto(f"/cases/{cast.case(FRESH).id}/diagrams")
        expect(page.locator("#step-UT_discuss")).to_contain_text("办理中")
        context.close()


def test_a_sheet_prints_as_a_sheet(
    open_page: Callable[[str, int], Page], session: Session, cast: Cast
) -> None:
    case = cast.case(CLOSED)
    sheet = select(Document.id).where(
        Document.case_id == case.id, Document.form == "case_submission.v1"
    )
    page = open_page("zhougy", WIDE)
    page.goto(f"/cases/{case.id}/documents/{session.scalars(sheet).one()}")
    page.emulate_media(media="print")
    for left_out in (".top", ".side", ".back", "[data-print]"):
        expect(page.locator(left_out).first).to_be_hidden()
    expect(page.locator(".print-foot")).to_contain_text("周谷雨 于 2026年11月22日 13:00 打印")
    expect(page.locator("h1")).to_contain_text(case.number)
    paper = "document.documentElement.scrollWidth"
    page.set_viewport_size({"width": 690, "height": 1000})  # A4 between its margins
    assert page.evaluate(paper) <= 690
