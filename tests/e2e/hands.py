"""A person at a browser: signs in, finds a step in the inbox, fills in its form control by control,
hands it in. Every page on the way is looked at by axe-core; every console error is written down."""

from collections.abc import Mapping, Sequence
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Attachment, Case, Organisation, Region, User
from models.icd10 import Icd10
from tests.browsing import violations
from tests.people import PASSWORD
from webapp.forms.reading import shown
from workflows.demo import FILES
from workflows.forms import load
from workflows.forms.spec import Answers, Field, Form, Kind

PICKED = {Kind.ICD10, Kind.ORGANISATION, Kind.USER, Kind.REGION}
TYPED = {
    Kind.TEXT,
    Kind.LONG_TEXT,
    Kind.INTEGER,
    Kind.DECIMAL,
    Kind.DATE,
    Kind.DATETIME,
    Kind.PHONE,
    Kind.ID_NUMBER,
}

REFUSED = "the server responded with a status of 4"


class Hands:
    """One person, one window. `complaints`: console errors, and what axe-core finds serious.
    `seen`: kinds of pages that axe-core has looked at, whoever showed them."""

    def __init__(
        self, browser: Browser, address: str, session: Session, width: int, seen: set[str]
    ) -> None:
        is_phone = width < 600
        self.session, self.who, self.width = session, "", width
        self.complaints: list[str] = []
        self.seen = seen
        context = browser.new_context(
            base_url=address,
            viewport={"width": width, "height": 844 if is_phone else 900},
            is_mobile=is_phone,
            has_touch=is_phone,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
        )
        context.set_default_timeout(20_000)
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text} ({self.page.url})")

    # Getting about

    def sign_in(self, who: str) -> None:
        self.who = who
        self.page.goto("/sign-in")
        self.look("sign-in")
        self.page.get_by_label("用户名").fill(who)
        self.page.get_by_label("密码").fill(PASSWORD)
        self.page.get_by_role("button", name="登录").click()
        expect(self.page.get_by_role("heading", level=1)).not_to_have_text("登录")
        self.look("start")

    def go(self, path: str, name: str) -> None:
        self.page.goto(path)
        self.look(name)

    def look(self, name: str) -> None:
        """Each kind of page once by axe-core; never anything to push sideways."""
        if name not in self.seen:
            self.seen.add(name)
            self.complaints += [
                f"{name}: {rule}: {nodes}" for rule, nodes in violations(self.page).items()
            ]
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        if wide > self.width:
            self.complaints.append(f"{name}: {wide} px wide")

    def open_step(self, title: str, about: str = "") -> None:
        """By the inbox, as people do. `about`: what its line says besides, where there are more."""
        self.go("/tasks", "inbox")
        line = self.page.locator(".inbox-row").filter(has_text=about)
        line.get_by_role("link", name=title, exact=True).first.click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(title)
        self.look(title)

    def hand_in(self, button: str = "") -> None:
        """Press the form's own button; what comes is the page after it."""
        submit = self.page.locator(".form-submit")
        if button:
            expect(submit).to_have_text(button)
        with self.page.expect_navigation():
            submit.click()
        faults = self.page.locator("[data-faults]")
        assert faults.count() == 0, faults.inner_text()
        expect(submit).to_have_count(0)
        self.look("after " + self.page.title())

    def refused(self, button: str, *words: str) -> None:
        """Press it, and be told on the page that comes what is wrong. That the browser's own
        console names the status is no complaint."""
        before = len(self.complaints)
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=button, exact=True).click()
        for word in words:
            expect(self.page.get_by_role("alert").first).to_contain_text(word)
        self.look("refused: " + self.page.title())
        said = self.complaints[before:]
        self.complaints[before:] = [each for each in said if REFUSED not in each]

    # Filling in

    def fill(self, name: str, answers: Mapping[str, Any], only: Sequence[str] = ()) -> None:
        """Every answer into its control, in the order of the form; `only` some of them."""
        form: Form = load.load(name)
        for field in form.fields():
            if field.name in answers and not field.readonly and (not only or field.name in only):
                self._fill(field, answers[field.name], field.name)

    def _fill(self, field: Field, answer: Any, name: str) -> None:  # noqa: C901 - one arm a kind
        if field.kind in TYPED:
            self._named(name).fill(shown(field.kind, answer))
            if field.kind in (Kind.DATE, Kind.DATETIME):
                self._named(name).press("Tab")
        elif field.kind in PICKED:
            self._pick(field.kind, answer, name)
        elif field.kind is Kind.CHOICE:
            self._choose(name, answer)
        elif field.kind is Kind.BOOL:
            self._choose(name, "true" if answer else "false")
        elif field.kind is Kind.CHOICES:
            for code in answer:
                self._named(name, code).check()
        elif field.kind is Kind.GROUP:
            self._fill_rows(field, answer, name)
        elif field.kind is Kind.GRID12:
            for cell, said in answer.items():
                self._named(f"{name}.{cell}.ticked").check()
                self._fill_parts(field.fields, said, f"{name}.{cell}")
        elif field.kind is Kind.CAUSE_CHAIN:
            for line, said in answer.items():
                self._fill_cause(said, f"{name}.{line}")
        elif field.kind is Kind.FILES:
            self.attach(name, [str(file) for file in answer])
        elif field.kind is Kind.SIGNATURE:
            self._named(f"{name}.password").fill(PASSWORD)
        else:
            raise NotImplementedError(field.kind)

    def _named(self, name: str, value: str = "") -> Locator:
        return self.page.locator(f'[name="{name}"]' + (f'[value="{value}"]' if value else ""))

    def _choose(self, name: str, code: str) -> None:
        select_box = self.page.locator(f'select[name="{name}"]')
        if select_box.count():
            select_box.select_option(code)
        else:
            self._named(name, code).check()

    def _fill_parts(self, fields: Sequence[Field], said: Answers, start: str) -> None:
        for part in fields:
            if part.name in said:
                self._fill(part, said[part.name], f"{start}.{part.name}")

    def _fill_rows(self, group: Field, rows: Sequence[Answers], name: str) -> None:
        box = self.page.locator(f'[data-rows][data-name="{name}"]')
        items = box.locator("[data-rows-list] > [data-row]")
        for count in range(items.count(), len(rows), -1):
            items.last.get_by_role("button", name="删除").click()
            expect(items).to_have_count(count - 1)
        for count in range(items.count(), len(rows)):
            box.locator("[data-add-row]").click()
            expect(items).to_have_count(count + 1)
        for place, row in enumerate(rows):
            self._fill_parts(group.fields, row, f"{name}.{place}")

    def _fill_cause(self, line: Answers, name: str) -> None:
        self._pick(Kind.ICD10, line["icd10"], f"{name}.icd10")
        self._named(f"{name}.text").fill(line["text"])
        self._named(f"{name}.value").fill(str(line["value"]))
        self._choose(f"{name}.unit", line["unit"])

    def _pick(self, kind: Kind, answer: Any, name: str) -> None:
        """Type a word of it, wait for the list, choose with a click."""
        box = self.page.locator(f'[data-picker]:has(> input[name="{name}"])')
        if self._named(name).input_value() == str(answer):
            return  # came filled in
        words, shown_as = self._words_for(kind, answer)
        box.get_by_role("combobox").click()
        box.get_by_role("combobox").fill("")
        box.get_by_role("combobox").press_sequentially(words)
        box.get_by_role("option").filter(has_text=shown_as).first.click()
        expect(self._named(name)).to_have_value(str(answer))

    def _words_for(self, kind: Kind, answer: Any) -> tuple[str, str]:
        """What to type, and what the right line of the list says."""
        self.session.rollback()
        if kind is Kind.ICD10:
            title = self.session.scalars(select(Icd10.title).where(Icd10.code == answer)).one()
            return str(answer), title
        if kind is Kind.REGION:
            region = self.session.scalars(select(Region).where(Region.code == answer)).one()
            return region.code, region.name
        table = Organisation if kind is Kind.ORGANISATION else User
        name = self.session.get_one(table, answer).name
        return name, name

    def attach(self, name: str, files: Sequence[str]) -> None:
        """Files of the demonstration, one after the other, through the form's own button."""
        box = self.page.locator(f'[data-files][data-name="{name}"]')
        expect(box.locator("[data-files-add]")).to_be_visible()  # only then does anybody listen
        for file in files:
            box.locator("input[type=file]").first.set_input_files(FILES / file)
            expect(box.get_by_role("link", name=file)).to_be_visible()

    # What came of it

    def case(self) -> Case:
        """The only case there is."""
        self.session.rollback()
        return self.session.scalars(select(Case)).one()

    def uploads(self) -> list[Attachment]:
        self.session.rollback()
        return list(self.session.scalars(select(Attachment).order_by(Attachment.id)))
