"""Chromium on a served application: for tests that click. Where there is no Chromium they are
skipped, or fail when CI is set, so that nothing goes untested unnoticed."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from tests.pages import Client

AXE = Path(__file__).parent / "vendor/axe-core/axe.min.js"
# The first of them is Chromium without the windows nobody sees: a third less work
CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-sync",
)
WIDE, NARROW = 1440, 390
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium of this machine, or Playwright's own build."""
    path = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    unsandboxed = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses it to root
    with sync_playwright() as playwright:
        if path is None and not Path(playwright.chromium.executable_path).exists():
            missing = "no Chromium: make test installs it"
            if os.environ.get("CI"):
                pytest.fail(missing)
            pytest.skip(missing)
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *unsandboxed])
        yield browser
        browser.close()


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The application on a free port of this machine; its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def window(browser: Browser, address: str, client: Client, width: int = WIDE) -> BrowserContext:
    """A browser window of the person who is signed in as `client`."""
    is_phone = width < 600
    context = browser.new_context(
        base_url=address,
        viewport={"width": width, "height": 844 if is_phone else 900},
        is_mobile=is_phone,
        has_touch=is_phone,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
    )
    context.set_default_timeout(20_000)
    cookie = client.get_cookie("sid")
    assert cookie is not None
    context.add_cookies([{"name": "sid", "value": cookie.value, "url": address}])
    return context


def violations(page: Page) -> dict[str, list[str]]:
    """What axe-core finds serious or critical: rule → the HTML that breaks it."""
    page.evaluate(AXE.read_text("utf-8"))  # as a script element the content policy would block it
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES
    )
    return {
        rule["id"]: [node["html"][:200] for node in rule["nodes"]]
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
    }
