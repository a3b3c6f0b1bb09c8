"""Takes the pictures that README.md and README.zh.md show.

    python -m tests.screens      writes tests/screens/*.png (make screens)

Starts the application with a fresh demonstration in a folder of its own, on a loopback port, signs
in as its people in headless Chromium, and stops everything again. Look at each picture afterwards:
this only promises that the pages answered and that no picture is too heavy for a README.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from shutil import which
from typing import NamedTuple

import click
import pypdfium2
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from models import Case, Person
from tests.browsing import CHROMIUMS
from tests.postgres import free_port
from webapp.cli import ACCOUNTS_FILE

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).with_suffix("")
HEAVIEST = 300 * 1024  # bytes of one picture
WINDOW = (1280, 860)
SHARPNESS = 1.5  # pixels of the picture for one of the window
COLOURS = 255
STARTED = "一例已启动"
PAPER = 1.4  # dots per point of a page of the dossier
GAP = 24


class Installation(NamedTuple):
    """A running application: where it answers, what its demonstration's people sign in with."""

    address: str
    password: str
    database: Path

    def case(self, name: str) -> int:
        """The number under which the demonstration's case of this woman lies."""
        engine = create_engine(f"sqlite:///{self.database}")
        with Session(engine) as session:
            query = select(Case.id).join(Person, Person.case_id == Case.id)
            found = session.scalars(query.where(Person.name == name)).one()
        engine.dispose()
        return found


@contextmanager
def installation() -> Iterator[Installation]:
    """The application as `make run` starts it, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="yili-screens-") as name:
        folder, port = Path(name), free_port()
        kept = {key: value for key, value in os.environ.items() if not key.startswith("YILI_")}
        kept |= {"HOST": "127.0.0.1", "PORT": str(port), "YILI_VAR": name}
        kept.pop("DATABASE_URL", None)
        process = subprocess.Popen(
            [sys.executable, "-m", "webapp.cli", "run"],
            cwd=ROOT,
            env=kept,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        try:
            wait_for_welcome(process)
            first = (folder / ACCOUNTS_FILE).read_text(encoding="utf-8").splitlines()[0]
            yield Installation(
                f"http://127.0.0.1:{port}", first.partition("：")[2], folder / "yili.db"
            )
        finally:
            process.terminate()
            process.wait(60)


def wait_for_welcome(process: subprocess.Popen[str]) -> None:
    """Read what it prints until it says that it has started. SystemExit if it ends before."""
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        if STARTED in line:
            return
        printed.append(line)
    raise SystemExit("".join(printed) or "nothing was printed")


@contextmanager
def signed_in(browser: Browser, app: Installation, username: str) -> Iterator[Page]:
    """A page of somebody's browser, just signed in."""
    width, height = WINDOW
    context = browser.new_context(
        base_url=app.address,
        viewport={"width": width, "height": height},
        device_scale_factor=SHARPNESS,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("用户名").fill(username)
    page.get_by_label("密码").fill(app.password)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("登录")
    yield page
    context.close()


def case(page: Page, app: Installation) -> Image.Image:
    """A late case: its limits, one of them opened to show the clause it rests on."""
    page.goto(f"/cases/{app.case('白小荷')}")
    page.locator("details.limit", has_text="院内死亡病例讨论").first.locator("summary").click()
    return taken(page)


def form(page: Page, _app: Installation) -> Image.Image:
    """The chain of causes of death, a disease being looked up by the initials of its pinyin."""
    page.goto("/tasks")
    page.get_by_role("link", name="死亡个案报送", exact=True).click()
    chain = page.get_by_role("table", name="致死的主要疾病诊断")
    look_up(page, chain.get_by_role("combobox", name="ICD-10 诊断 (a)"), "R57.1").click()
    chain.get_by_role("textbox", name="诊断名称 (a)").fill("失血性休克")
    chain.get_by_role("textbox", name="间隔 (a)").fill("3")
    chain.get_by_role("combobox", name="间隔单位 (a)").select_option("小时")
    chain.scroll_into_view_if_needed()
    look_up(page, chain.get_by_role("combobox", name="ICD-10 诊断 (b)"), "chcx")
    return taken(page)


def look_up(page: Page, field: Locator, words: str) -> Locator:
    """Type into a picker; the first answer of its list, once it has come."""
    field.press_sequentially(words)
    first = page.locator(".picker-list:visible [data-index]").first
    expect(first).to_be_visible()
    return first


def diagram(page: Page, app: Installation) -> Image.Image:
    """Where a case stands: done, waiting, overdue."""
    page.goto(f"/cases/{app.case('柳依依')}/diagrams")
    expect(page.locator("#diagram svg[data-element-id]").first).to_be_visible()
    page.get_by_role("button", name="全图").click()
    tab = page.get_by_role("link", name="流程图", exact=True)
    tab.evaluate("each => scrollTo(0, each.getBoundingClientRect().top + scrollY - 66)")
    return taken(page)


def dossier(page: Page, app: Installation) -> Image.Image:
    """Pages of the closed case's dossier, asked for and downloaded like anybody's."""
    page.goto(f"/dossiers/of/{app.case('麦青青')}")
    page.get_by_label("用途").select_option(index=1)
    page.get_by_role("button", name="制作案卷").click()
    download = page.get_by_role("link", name="下载案卷")
    expect(download).to_be_visible(timeout=180_000)
    with page.expect_download() as coming:
        download.click()
    return side_by_side(coming.value.path(), "反馈与通报")


def taken(page: Page) -> Image.Image:
    """What the window shows, once everything has come."""
    page.wait_for_load_state("networkidle")
    return Image.open(BytesIO(page.screenshot(animations="disabled")))


def side_by_side(path: Path, title: str) -> Image.Image:
    """Cover, contents, and the first page of the chapter of this title, on one grey table."""
    document = pypdfium2.PdfDocument(path)
    texts = [page.get_textpage().get_text_bounded() for page in document]
    chapter = next(number for number, text in enumerate(texts) if number > 1 and title in text)
    shown = (document[number] for number in (0, 1, chapter))
    pages = [page.render(scale=PAPER).to_pil() for page in shown]
    document.close()
    width = sum(page.width for page in pages) + GAP * (len(pages) + 1)
    table = Image.new("RGB", (width, pages[0].height + 2 * GAP), "#d5dde0")
    left = GAP
    for page in pages:
        table.paste(page, (left, GAP))
        left += page.width + GAP
    return table


class Picture(NamedTuple):
    """Whose browser, and what is done in it."""

    username: str
    take: Callable[[Page, Installation], Image.Image]


PICTURES = {
    "case": Picture("subl", case),
    "form": Picture("subl", form),
    "diagram": Picture("subl", diagram),
    "dossier": Picture("zhougy", dossier),
}


def save(image: Image.Image, path: Path) -> int:
    """Write it with few colours, which pages of text bear well; how many bytes that made."""
    few = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    return path.stat().st_size


def main(only: list[str]) -> None:
    """Take all pictures, or those named."""
    FOLDER.mkdir(exist_ok=True)
    program = next(filter(None, map(which, CHROMIUMS)), None)
    with installation() as app, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        for name, picture in PICTURES.items():
            if only and name not in only:
                continue
            with signed_in(browser, app, picture.username) as page:
                size = save(picture.take(page, app), FOLDER / f"{name}.png")
            click.echo(f"tests/screens/{name}.png: {size // 1024} KB")
            if size > HEAVIEST:
                raise SystemExit(f"{name}.png is heavier than {HEAVIEST // 1024} KB")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
