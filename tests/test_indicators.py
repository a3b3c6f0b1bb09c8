"""院内产科质控指标: a hospital finds what it does not watch yet, watches it, and puts it right."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from models import Indicator, IndicatorValue, ItemSource, RectificationState
from tests import said
from tests.test_ledger import new_item
from tests.walk import StartWalk, Walk, faults
from workflows import indicators

HERE = "/indicators"
NEW = {
    "name": "产后 2 小时称重计量率",
    "numerator": "当月产后 2 小时称重计量的产妇数",
    "denominator": "当月分娩产妇数",
    "target": "95",
    "side": "at_least",
    "basis": "本院自定",
}


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


def measured(walk: Walk, at: str, month: str, top: str, bottom: str) -> int:
    data = {"month": month, "numerator": top, "denominator": bottom, "note": ""}
    return walk.browser("zhougy").post(f"{at}/measure", data=data).status_code


@pytest.mark.clause("C11")
def test_a_problem_found_completes_the_indicators_and_leads_to_improvement(
    start_walk: StartWalk,
) -> None:
    """查找存在的问题，完善院内产科质控指标体系，提出改进建议: the hospital's page proposes which of
    its problems nothing watches; it adds an indicator with a target of its own, or none; what falls
    short leads to a suggestion, and that through the ledger to a closing by another unit."""
    walk = start_walk()
    item = new_item(walk, "shenqm", problem="产后出血靠目测，没有称重计量。")
    page = walk.browser("zhougy").get(HERE).text
    assert "还没有指标跟踪" in page
    assert item.problem in page
    assert f"{HERE}/new?item={item.id}" in page
    for who in ("linxm", "shenqm", "fangcf", "jiasj", "wugs"):
        assert walk.browser(who).get(HERE).status_code == 404, who
    assert item.problem not in walk.browser("subl").get(HERE).text
    assert walk.browser("subl").get(f"{HERE}/new?item={item.id}").status_code == 404
    assert walk.browser("helx").get(f"{HERE}/new").status_code == 404  # the head reads

    new = f"{HERE}/new?item={item.id}"
    bad = walk.browser("zhougy").post(new, data=NEW | {"target": "120", "basis": ""})
    assert bad.status_code == 422
    assert "0 至 100" in bad.text
    reply = walk.browser("zhougy").post(new, data=NEW)
    assert reply.status_code == 303
    at = reply.location
    assert "已有同名" in walk.browser("zhougy").post(new, data=NEW).text
    assert item.number in walk.browser("zhougy").get(at).text  # from which problem it came
    assert "还没有指标跟踪" not in walk.browser("helx").get(HERE).text
    assert walk.browser("subl").get(at).status_code == 404
    undecided = NEW | {"name": "夜间用血 30 分钟到位率", "target": ""}
    other = walk.browser("zhougy").post(f"{HERE}/new", data=undecided)
    assert "未定" in walk.browser("zhougy").get(other.location).text  # no norm is made up

    for month, top, bottom in (("2026-09", "40", "50"), ("2026-10", "48", "50")):
        assert measured(walk, at, month, top, bottom) == 303
    for month, top, bottom in (
        ("2027-09", "1", "1"), ("x", "1", "1"), ("2026-11", "3", "2"), ("2026-11", "-1", "2"),
    ):  # fmt: skip
        assert measured(walk, at, month, top, bottom) == 422, (month, top, bottom)
    shown = walk.browser("helx").get(HERE).text
    for words in ("80.0%", "96.0%", "+16.0 个百分点", "不低于 95%"):
        assert words in shown, words
    assert measured(walk, at, "2026-10", "43", "50") == 303  # corrected: both stay on record
    shown = walk.browser("helx").get(at).text
    for words in ("86.0%", "96.0%", "已更正", "未达到"):
        assert words in shown, words

    text = "夜班称重垫不足，按床位配齐并列入交接班清单。"
    assert walk.browser("zhougy").post(f"{at}/suggest", data={"text": "短"}).status_code == 422
    assert walk.browser("helx").post(f"{at}/suggest", data={"text": text}).status_code == 404
    data = {"text": text, "to_ledger": "1"}
    assert walk.browser("zhougy").post(f"{at}/suggest", data=data).status_code == 303
    walk.session.rollback()
    row = walk.session.get_one(Indicator, int(at.rsplit("/", 1)[-1]))
    [suggestion] = row.suggestions
    made = suggestion.item
    assert made is not None
    assert made.source is ItemSource.QUALITY_CONTROL
    assert (made.owner_id, made.acceptor_id) == (
        walk.units["qh_hospital"],
        walk.units["qh_mch"],
    )
    assert text in walk.browser("shenqm").get(f"/ledger/{made.id}").text
    walk.duty_id = made.duty_id
    for who, step, filled in (
        ("zhougy", "plan", said.plan(20)(walk)),
        ("zhougy", "progress", said.progress("zhougy")(walk)),
        ("shenqm", "accept", said.acceptance()(walk)),
    ):
        reply = walk.hand_in(who, step, filled)
        assert reply.status_code == 303, (step, faults(reply))
    walk.session.rollback()
    assert made.state is RectificationState.CLOSED
    assert "已销号" in walk.browser("zhougy").get(f"/ledger/{made.id}").text
    gone = {"reason": "已改为全院统一指标。"}
    assert walk.browser("zhougy").post(f"{at}/retire", data=gone).status_code == 303
    assert gone["reason"] in walk.browser("helx").get(HERE).text
    assert measured(walk, at, "2026-11", "1", "1") == 404


def value(month: int, top: int, bottom: int) -> IndicatorValue:
    day, now = date(2026, month, 1), datetime(2026, 11, 22, tzinfo=UTC)
    return IndicatorValue(month=day, numerator=top, denominator=bottom, note="", at=now, by_id=1)


@pytest.mark.parametrize(
    ("target", "at_least", "top", "met"),
    [(95, True, 95, True), (95, True, 94, False), (5, False, 5, True), (5, False, 6, False),
     (None, True, 1, None)],
)  # fmt: skip
def test_only_the_hospitals_own_target_is_judged(
    target: int | None, at_least: bool, top: int, met: bool | None
) -> None:
    row = Indicator(target=target, at_least=at_least)
    assert indicators.reaches(row, value(10, top, 100)) is met
    assert indicators.reaches(row, value(10, 0, 0)) is None


def test_the_newest_entry_of_a_month_holds_and_months_without_a_share_tell_no_trend() -> None:
    row = Indicator(values=[value(8, 1, 2), value(9, 0, 0), value(10, 1, 4), value(10, 3, 4)])
    assert indicators.by_month(row)[date(2026, 10, 1)].numerator == 3
    assert indicators.trend(row) == 25.0
    assert indicators.trend(Indicator(values=[value(8, 1, 2)])) is None
    assert indicators.months(date(2026, 1, 31), 2) == [date(2025, 12, 1), date(2026, 1, 1)]
