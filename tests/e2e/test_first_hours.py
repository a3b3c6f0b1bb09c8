"""The first hours of a case in Chromium: reported by phone, signed for, discussed, explained."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Document
from tests.browsing import NARROW
from tests.e2e.conftest import HandsOf
from workflows.demo import answers

pytestmark = pytest.mark.browser

SIGN = {"user": 0, "name": "贺立夏", "at": ""}  # typed as the password


@pytest.fixture
def death() -> datetime:
    """Five hours ago, to the minute."""
    return datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=5)


def test_the_first_hours(
    hands_of: HandsOf, session: Session, units: dict[str, int], death: datetime
) -> None:
    # From the ward, on a phone
    department = hands_of("linxm", width=NARROW)
    page = department.page
    page.get_by_role("link", name="登记报告").click()
    department.look("report")
    said = answers.report(death, organisation=units["qh_hospital"])
    department.fill("report.v1", said, only=("name", "age", "hospital_no", "event_dt"))
    assert page.locator("[name=event_dt]").input_value() == said["event_dt"][:16].replace("T", " ")
    page.locator("[data-question=discovered_dt]").get_by_role("button", name="现在").click()
    expect(page.locator("[name=discovered_dt]")).not_to_have_value("")
    page.locator("[name=discovered_dt]").fill(said["event_dt"][:16].replace("T", " "))
    department.fill("report.v1", said, only=("place_type", "residence_class", "prelim_cause"))
    assert page.locator("[name=reporter]").input_value() == "林小满"  # came filled in
    department.hand_in()
    expect(page.get_by_text("县级妇幼保健机构已收到")).to_be_visible()
    case = department.case()
    expect(page.get_by_role("heading", level=1)).to_contain_text(case.number)

    # County MCH has it on the screen and signs
    county = hands_of("shenqm")
    county.go("/cases", "cases")
    expect(county.page.get_by_text(case.number).first).to_be_visible()
    county.open_step("接报签收与逐级转报")
    received = answers.receipt(
        datetime.now(UTC),
        organisation=units["qh_mch"],
        commission=units["qh_commission"],
        upper_mch=units["city_mch"],
        sign={**SIGN, "name": "沈清明"},
    )
    for row in received["routing"]:
        row["at"] = received["received_dt"]
    county.fill("receipt.v1", received)
    county.hand_in()
    expect(county.page.get_by_text("已提交").first).to_be_visible()

    # The quality office writes the discussion; the browser dies half-way
    office = hands_of("zhougy")
    office.open_step("院内死亡病例讨论")
    said = answers.discussion(death, sign=SIGN, held_at=death + timedelta(hours=3))
    half = ("held_dt", "place", "chair", "chair_title", "attendees", "summary", "causes")
    office.fill("in_hospital_discussion.v1", said, only=half)
    expect(office.page.locator("[data-state]")).to_contain_text("已自动保存")
    office.page.reload()
    for name, value in (
        ("place", said["place"]),
        ("summary", said["summary"]),
        ("attendees.5.name", said["attendees"][5]["name"]),
        ("causes.b.icd10", "O72.1"),
    ):
        expect(office.page.locator(f'[name="{name}"]')).to_have_value(value)
    expect(office.page.get_by_text("自动保存的内容")).to_be_visible()
    office.look("院内死亡病例讨论, from the draft")
    rest = tuple(name for name in said if name not in half)
    office.fill("in_hospital_discussion.v1", said, only=rest)
    office.hand_in()

    # The head explains, on the phone as well
    head = hands_of("helx", width=NARROW)
    head.open_step("机构负责人向卫生健康委说明")
    told = answers.explanation(
        death,
        commission=units["qh_commission"],
        sign=SIGN,
        explained_at=datetime.now(UTC) - timedelta(minutes=1),
    )
    head.fill("head_explanation.v1", told)
    head.hand_in()

    for side in ("", "/diagrams", "/documents", "/files", "/people", "/reviews", "/items"):
        office.go(f"/cases/{case.id}{side}", f"case{side}")
        head.go(f"/cases/{case.id}{side}", f"case{side}")
    for path in ("/board", "/clocks", "/notifications", "/ledger", "/notices", "/dossiers/"):
        office.go(path, path)

    session.rollback()
    kept = {
        row.form: row.answers
        for row in session.scalars(select(Document).where(Document.case_id == case.id))
    }
    assert kept.keys() == {
        "report.v1",
        "receipt.v1",
        "in_hospital_discussion.v1",
        "head_explanation.v1",
    }
    for name, value in said.items():
        if name != "chair_sign":
            assert kept["in_hospital_discussion.v1"][name] == value, name
    assert kept["receipt.v1"]["routing"] == received["routing"]
