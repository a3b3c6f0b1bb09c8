"""The rule files: what holds where and when, what is refused while loading, what a case keeps."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from workflows.permissions import LANES
from workflows.rules import (
    JURISDICTIONS,
    UNCONFIRMED,
    BadRuleFile,
    RuleSet,
    Status,
    UnknownJurisdiction,
    UnknownRule,
    load,
    rule_set,
)

DAY = date(2026, 11, 20)
KAIFENG = "410200"
CLOCKS = [
    "first_report",
    "in_hospital_discussion",
    "head_explains",
    "case_submission",
    "discussion_after_autopsy",
    "verification",
    "county_review",
    "county_feedback",
    "city_review",
    "nearmiss_first_report",
    "nearmiss_case_submission",
    "nearmiss_verification",
    "nearmiss_review_selection",
    "nearmiss_county_review",
    "nearmiss_city_review",
    "nearmiss_county_feedback",
    "neonatal_first_report",
    "neonatal_in_hospital_discussion",
    "neonatal_case_submission",
    "neonatal_discussion_after_autopsy",
    "neonatal_verification",
    "neonatal_county_review",
    "neonatal_county_feedback",
    "neonatal_city_review",
    "rectification",
    "interview_filing",
    "reminder_reply",
    "notice_reply",
    "extension",
    "effect_check",
]
ROOT = """
code = "000000"
title = "根"
[[rules]]
key = "clock.review"
title = "评审"
status = "undefined"
unit = "hours"
start = "task"
responsible = "chair"
[[rules]]
key = "reminders.daily_after"
title = "提醒"
status = "product"
unit = "bool"
value = true
"""
HEAD = """
code = "110000"
title = "甲省"
parent = "000000"
[[documents]]
number = "甲〔2026〕1号"
title = "甲"
issuer = "甲委"
printed = 2026-01-10
"""
RULE = """
[[rules]]
key = "clock.review"
title = "评审"
status = "quoted"
unit = "days"
value = 3
document = "甲〔2026〕1号"
clause = "一"
quote = "三日内评审"
start = "task"
responsible = "chair"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "000000.toml").write_text(ROOT, "utf-8")
    return tmp_path


def province(folder: Path, text: str) -> Path:
    (folder / "110000.toml").write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize("path", sorted(JURISDICTIONS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_file_loads(path: Path) -> None:
    assert load(path.stem).code == path.stem


def test_kaifeng_quotes_two_numbers_and_guesses_none() -> None:
    rules = rule_set(KAIFENG, DAY)
    limits = {rule.key: rule.limit() for rule in rules.clocks() if rule.limit()}
    assert limits == {
        "clock.in_hospital_discussion": timedelta(hours=24),
        "clock.case_submission": timedelta(hours=48),
    }
    for rule in rules.clocks():
        if rule.status is Status.UNDEFINED:
            assert rule.describe() == UNCONFIRMED
    assert rules.get("clock.county_feedback").wording == "及时"
    assert rules.get("clock.rectification").describe() == "按台账条目的整改期限"


def test_clocks_come_in_the_order_of_the_process() -> None:
    clocks = rule_set(KAIFENG, DAY).clocks()
    assert [rule.key for rule in clocks] == [f"clock.{name}" for name in CLOCKS]
    started_by_death = {rule.key for rule in clocks if rule.start == "event"}
    assert started_by_death == {
        "clock.first_report",
        "clock.in_hospital_discussion",
        "clock.case_submission",
        "clock.nearmiss_first_report",
        "clock.nearmiss_case_submission",
        "clock.neonatal_first_report",
        "clock.neonatal_in_hospital_discussion",
        "clock.neonatal_case_submission",
    }
    assert {rule.responsible for rule in clocks} <= set(LANES)


def test_a_rule_says_its_value_and_its_clause_in_chinese() -> None:
    rules = rule_set(KAIFENG, DAY)
    said = {
        key: rules.get(key).describe()
        for key in ("clock.case_submission", "feedback.municipal", "qc.county", "review.levels")
    }
    assert said == {
        "clock.case_submission": "48 小时",
        "feedback.municipal": "每季度",
        "qc.county": "每月",
        "review.levels": "县级、市级",
    }
    assert rules.get("highrisk.monthly_county").describe() == "次月 10 日前"
    assert rules.get("clock.case_submission").basis() == "汴卫〔2022〕38号 母婴(四)1"
    fractions = rules.get("reminders.fractions")
    assert fractions.describe() == "50%、80%、100%（产品约定）"
    assert fractions.basis() == "产品约定，非政策规定"


def test_every_kaifeng_rule_names_document_clause_words_and_requirement() -> None:
    for rule in load(KAIFENG).rules:
        assert rule.document, rule.key
        assert rule.clause, rule.key
        assert rule.quote, rule.key
        assert rule.requirements, rule.key
        assert rule.effective_from == date(2022, 7, 15), rule.key


@pytest.mark.parametrize("code", ["410200", "410221", "410221100"])
def test_a_place_without_a_file_is_under_the_nearest_above(code: str) -> None:
    assert rule_set(code, DAY).code == KAIFENG


def test_the_demonstration_city_has_kaifengs_rules_and_says_so() -> None:
    demo, kaifeng = rule_set("990122", DAY), rule_set(KAIFENG, DAY)
    own = {key: None for key, rule in demo.rules.items() if rule.jurisdiction == "990100"}
    for key in own:  # without a value in Kaifeng, settings of the invented city's own
        there = kaifeng.find(key)
        assert there is None or there.value is None
        assert "虚构" in demo.get(key).note
    assert {**demo.rules, **own} == {**kaifeng.rules, **own}
    assert demo.title == "示例：云江市"
    assert "虚构" in demo.warnings[0]


def test_unknown_places_and_keys_are_said() -> None:
    with pytest.raises(UnknownJurisdiction, match=r"110101\.toml"):
        rule_set("110101", DAY)
    rules = rule_set(KAIFENG, DAY)
    with pytest.raises(UnknownRule, match=r"clock\.lunch"):
        rules.get("clock.lunch")
    assert rules.find("clock.lunch") is None


def test_an_expired_plan_warns_and_still_holds() -> None:
    within, after = rule_set(KAIFENG, date(2022, 12, 31)), rule_set(KAIFENG, date(2023, 1, 1))
    assert within.warnings == ()
    assert "2022-12-31 已满" in after.warnings[0]
    assert after.rules == within.rules


def test_before_the_document_no_number_holds() -> None:
    rules = rule_set(KAIFENG, date(2022, 7, 14))
    assert [rule.key for rule in rules.clocks()] == [f"clock.{name}" for name in CLOCKS]
    assert all(rule.limit() is None for rule in rules.clocks())
    assert "早于" in rules.warnings[0]


def test_the_day_is_the_day_in_china() -> None:
    last_evening = datetime(2022, 7, 14, 15, 59, tzinfo=UTC)
    assert rule_set(KAIFENG, last_evening).at == date(2022, 7, 14)
    assert rule_set(KAIFENG, last_evening + timedelta(minutes=1)).at == date(2022, 7, 15)
    with pytest.raises(ValueError, match="naive"):
        rule_set(KAIFENG, last_evening.replace(tzinfo=None))


def test_a_case_keeps_its_rules_through_json() -> None:
    rules = rule_set(KAIFENG, DAY)
    kept = json.loads(json.dumps(rules.to_json()))
    assert RuleSet.from_json(kept) == rules


def test_rules_kept_by_an_old_case_are_still_read() -> None:
    """The shape of the first release. Change the code, not this."""
    kept = {
        "code": "410200",
        "title": "河南省开封市",
        "at": "2026-11-20",
        "rules": {
            "clock.case_submission": {
                "key": "clock.case_submission",
                "title": "死亡个案信息报送",
                "status": "quoted",
                "unit": "hours",
                "value": 48,
                "document": "汴卫〔2022〕38号",
                "clause": "母婴(四)1",
                "quote": "在48小时内",
                "requirements": ["A03"],
                "start": "event",
                "responsible": "quality_office",
                "effective_from": "2022-07-15",
                "jurisdiction": "410200",
            }
        },
    }
    rule = RuleSet.from_json(kept).get("clock.case_submission")
    assert rule.limit() == timedelta(hours=48)
    assert rule.effective_from == date(2022, 7, 15)


def test_a_child_overrides_key_by_key(folder: Path) -> None:
    rules = rule_set("110000", DAY, province(folder, HEAD + RULE))
    assert rules.get("clock.review").limit() == timedelta(days=3)
    assert rules.get("clock.review").jurisdiction == "110000"
    assert rules.get("reminders.daily_after").jurisdiction == "000000"


def test_dated_versions_of_one_key_follow_each_other(folder: Path) -> None:
    older = RULE + "effective_to = 2026-06-30\n"
    newer = RULE.replace("value = 3", "value = 2") + "effective_from = 2026-07-01\n"
    province(folder, HEAD + newer + older)
    assert rule_set("110000", date(2026, 6, 30), folder).get("clock.review").value == 3
    assert rule_set("110000", date(2026, 7, 1), folder).get("clock.review").value == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + RULE.replace("clause", "claus"), r"110000\.toml, clock\.review: .*claus"),
        (HEAD + RULE.replace('quote = "三日内评审"', ""), "a quoted rule needs"),
        (HEAD + RULE.replace('"quoted"', '"product"'), "take out document"),
        (HEAD + RULE.replace('"quoted"', '"undefined"'), "change the status or the value"),
        (HEAD + RULE.replace("value = 3", ""), "change the status or the value"),
        (HEAD + RULE.replace("value = 3", 'value = "三日"'), "is not in days"),
        (HEAD + RULE.replace("value = 3", "value = true"), "is not in days"),
        (HEAD + RULE.replace("value = 3", "value = 0"), "is not in days"),
        (HEAD + RULE.replace('"days"', '"weeks"'), "weeks"),
        (HEAD + RULE.replace('"days"', '"month"'), "a clock is in hours or days"),
        (HEAD + RULE.replace('start = "task"', ""), "needs start and responsible"),
        (HEAD + RULE.replace('"clock.review"', '"Clock Review"'), "write the key"),
        (HEAD + RULE.replace("〔2026〕1号", "〔2026〕2号"), r"add it there"),
        (HEAD + RULE + RULE, "two versions hold on 2026-01-10"),
        (HEAD + RULE + "effective_to = 2026-01-01\n", "ends before it begins"),
        (HEAD.replace('"000000"', '"120000"'), r"120000\.toml: missing"),
        (HEAD.replace('"000000"', '"110000"'), "its own ancestor"),
        (HEAD.replace('code = "110000"', 'code = "120000"'), "equal to the file's name"),
        (HEAD.replace("parent", "parents"), "head: .*parents"),
        (HEAD + "[[rules]\n", "no valid TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_said(folder: Path, text: str, said: str) -> None:
    with pytest.raises(BadRuleFile, match=said):
        rule_set("110000", DAY, province(folder, text))


@pytest.mark.parametrize("values", ["[]", "[0.0, 1.0]", "[0.8, 0.5]", "[0.5, 0.5]", '["half"]'])
def test_fractions_rise_above_zero(folder: Path, values: str) -> None:
    row = f"""
    [[rules]]
    key = "reminders.fractions"
    title = "提醒"
    status = "product"
    unit = "fractions"
    value = {values}
    """
    with pytest.raises(BadRuleFile, match="not in fractions"):
        rule_set("110000", DAY, province(folder, HEAD + row))


def test_a_list_and_its_labels_belong_together(folder: Path) -> None:
    row = """
    [[rules]]
    key = "review.levels"
    title = "层级"
    status = "product"
    unit = "list"
    value = ["county", "city"]
    labels = { county = "县级" }
    """
    with pytest.raises(BadRuleFile, match="needs one label"):
        rule_set("110000", DAY, province(folder, HEAD + row))


def test_what_is_no_length_of_time_has_no_limit() -> None:
    with pytest.raises(ValueError, match=r"qc\.county is in month"):
        rule_set(KAIFENG, DAY).get("qc.county").limit()
