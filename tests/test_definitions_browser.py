"""Two versions side by side in Chromium, at both widths: drawn, coloured, named, found by a tap."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect
from sqlalchemy.orm import Session

from models import Appointment
from tests import browsing
from tests.browsing import NARROW, WIDE, violations
from tests.pages import Client
from tests.people import World
from tests.versions import MAIN, NOW, changed
from workflows.actions import definitions as actions
from workflows.engine import definitions

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsing.chromium() as browser:
        yield browser


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_old_and_new_stand_side_by_side_with_what_differs_in_colour(
    app: Flask,
    chromium: Browser,
    client_for: Callable[[Appointment], Client],
    session: Session,
    world: World,
    width: int,
) -> None:
    definitions.current(session, MAIN, NOW)
    files = {
        "a.bpmn": changed(MAIN, ('name="核实质控"', 'name="核实与质控"')),
        "b.bpmn": changed("review", ('name="行政负责人签署"', 'name="负责人签署"')),
    }
    row = actions.propose(session, MAIN, files, "统一名称", by=world.by["system_admin"], now=NOW)
    session.commit()
    said: list[str] = []
    with browsing.served(app) as address:
        client = client_for(world.by["security_admin"])
        context = browsing.window(chromium, address, client, width)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"/admin/definitions/{row.id}")
        expect(page.locator("[data-drawn]")).to_have_count(1)
        for side in ("old", "new"):
            canvas = page.locator(f"[data-side={side}]")
            changed_here = canvas.locator('[data-element-id="UT_verify"].diff-changed')
            expect(changed_here).to_have_count(1)
            expect(canvas.locator(".diff-changed.djs-shape")).to_have_count(1)
            expect(canvas.locator(".bjs-powered-by")).to_be_visible()  # the mark stays
            expect(canvas.locator(".diff-badge")).to_have_text("改动")
        expect(page.locator("[data-side=new]")).to_contain_text("核实与质控")
        page.get_by_role("button", name="UT_verify", exact=True).click()
        expect(
            page.locator('[data-side=old] [data-element-id="UT_verify"].selected')
        ).to_be_visible()
        page.get_by_role("button", name="UT_endorse", exact=True).click()  # of the other diagram
        expect(page.locator(".compare-tabs [aria-current]")).to_contain_text("评审")
        expect(page.locator("[data-drawn]")).to_have_count(1)
        assert violations(page) == {}
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) <= 0
        context.close()
    assert said == []
