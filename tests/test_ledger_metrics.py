"""How well findings are put right: the figures, and who sees them."""

from datetime import date
from typing import Any

import pytest
from lxml import html

from tests.played import NOW, Browse, Cast
from workflows.item_scope import visible_items
from workflows.ledger_metrics import Item, metrics

TODAY = date(2026, 11, 22)
YEAR = (date(2026, 1, 1), TODAY)


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


def cells(text: str, caption: str) -> list[list[str]]:
    rows = html.document_fromstring(text).xpath(f"//table[caption='{caption}']/tbody/tr")
    return [[" ".join(cell.text_content().split()) for cell in row.xpath("td")] for row in rows]


def test_days_over_are_counted_against_the_first_deadline() -> None:
    first = date(2026, 10, 10)

    def item(closed: date | None, deadline: date | None = first) -> Item:
        return Item("甲", "care", "weak", date(2026, 9, 1), deadline, closed)

    found = [item(None), item(date(2026, 10, 13)), item(first), item(None, None)]
    assert [each.days_over(TODAY) for each in found] == [43, 3, 0, 0]


def test_a_longer_deadline_and_a_later_round_change_no_first_figure() -> None:
    first, later = date(2026, 10, 10), date(2026, 11, 15)

    def item(**over: Any) -> Item:
        return Item("甲", "care", "weak", date(2026, 9, 1), first, **({"closed_on": None} | over))

    longer = item(deadline=later)
    assert (longer.extended, longer.days_over(TODAY), longer.days_over_now(TODAY)) == (True, 43, 7)
    again = item(deadline=later, reopened=1, first_closed_on=first)
    assert (again.extended, again.days_over(TODAY), again.days_over_now(TODAY)) == (False, 0, 7)


def test_the_page_says_what_the_rows_say(cast: Cast, browse: Browse) -> None:
    seat = cast.seat("chenglc")
    seen: Any = metrics(cast.session, visible_items(seat), *YEAR, TODAY)
    items = cast.session.scalars(visible_items(seat)).all()
    assert seen.total.items == len(items) > 2
    assert seen.total.closed == sum(each.closed_at is not None for each in items) > 0
    late = [
        each
        for each in items
        if each.closed_at is None and each.first_deadline and each.first_deadline < NOW.date()
    ]
    assert seen.total.overdue == len(late) > 0
    assert sum(line.items for line in seen.by_owner) == seen.total.items
    assert sum(count for _, count in seen.ages) == seen.total.items - seen.total.closed

    page = browse("chenglc").get("/ledger/metrics").text
    rows = cells(page, "按责任单位")
    assert {row[0] for row in rows} == {each.owner.short_name for each in items}
    assert sum(int(row[1]) for row in rows) == len(items)
    assert (
        "没有列入台账的条目"
        in browse("chenglc").get("/ledger/metrics?from=2001-01-01&to=2001-02-01").text
    )
    # what is no day is passed over, a period turned round is understood
    assert browse("chenglc").get("/ledger/metrics?from=x&to=2026-13-40").status_code == 200
    turned = browse("chenglc").get("/ledger/metrics?from=2026-11-22&to=2026-01-01").text
    assert cells(turned, "按责任单位") == rows


def test_a_blind_reader_learns_no_unit_and_a_stranger_nothing(cast: Cast, browse: Browse) -> None:
    page = browse("jiasj").get("/ledger/metrics").text
    assert cells(page, "按问题类别")
    assert not cells(page, "按责任单位")
    assert "白鹭县医院" not in page
    assert browse("qianqs").get("/ledger/metrics").status_code == 404
