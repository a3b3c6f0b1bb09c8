"""新生儿死亡: from the report to the closed file, over HTTP; and what its forms refuse."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models import CaseKind, CaseState
from tests import newborn, said
from tests.forms import KNOWN, NOW, spoilt
from tests.newborn_forms import BAD, UNUSUAL
from tests.walk import Move, StartWalk, Walk
from workflows.forms.check import check, warnings
from workflows.forms.derived import lived_words, newborn_class
from workflows.forms.load import load
from workflows.kinds import KINDS, offered
from workflows.rules import rule_set


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


FOUND = (
    Move(2, "linxm", "report", newborn.report(), "receive:shenqm discuss:zhougy submit:zhougy"),
    Move(3, "shenqm", "receive", said.receipt(), "discuss:zhougy submit:zhougy"),
    Move(70, "zhougy", "discuss", newborn.discussion(), "submit:zhougy"),
    Move(80, "zhougy", "submit", newborn.submission(), "verify:shenqm"),
    Move(90, "shenqm", "verify", newborn.returned(), "supplement:zhougy"),
    Move(95, "zhougy", "supplement", newborn.submission(gest_days=4), "verify:shenqm"),
    Move(99, "shenqm", "verify", newborn.verification(), "convene:fangcf"),
)


def started(start_walk: StartWalk) -> Walk:
    walk = start_walk()
    walk.kind = KINDS[CaseKind.NEONATAL_DEATH]
    return walk


def test_a_newborn_from_the_report_to_the_checked_case(start_walk: StartWalk) -> None:
    walk = started(start_walk)
    walk.walk(FOUND)
    case = walk.case
    assert (case.kind, case.state) == (CaseKind.NEONATAL_DEATH, CaseState.IN_REVIEW)
    assert case.number.startswith("ND-990121-2026-")
    assert {clock.due_at for clock in walk.clocks()} == {None}, "no document has a number"


# Forms


@pytest.mark.parametrize(("form", "changes", "path", "message"), BAD)
def test_what_cannot_be_is_refused_with_what_to_do(
    form: str, changes: dict[str, Any], path: str, message: str
) -> None:
    errors = check(load(form), spoilt(form, changes), now=NOW, known=KNOWN)
    assert any(message in text for text in errors.get(path, [])), errors


@pytest.mark.parametrize(("form", "changes", "path", "message"), UNUSUAL)
def test_what_is_unlikely_is_said_and_taken(
    form: str, changes: dict[str, Any], path: str, message: str
) -> None:
    found = warnings(load(form), spoilt(form, changes), now=NOW, known=KNOWN)
    assert any(message in text for text in found.get(path, [])), found


@pytest.mark.parametrize(
    ("age", "words", "group"),
    [
        (timedelta(minutes=20), "0 小时 20 分", "早期"),
        (timedelta(hours=23, minutes=59), "23 小时 59 分", "早期"),
        (timedelta(hours=24), "1 天 0 小时", "早期"),
        (timedelta(days=7) - timedelta(minutes=1), "6 天 23 小时", "早期"),
        (timedelta(days=7), "7 天 0 小时", "晚期"),
        (timedelta(days=28) - timedelta(minutes=1), "27 天 23 小时", "晚期"),
        (timedelta(days=28), "28 天 0 小时", "超过"),
    ],
)
def test_age_is_counted_in_whole_days_and_hours(age: timedelta, words: str, group: str) -> None:
    assert lived_words(age) == words
    assert newborn_class(age).startswith(group)


@pytest.mark.parametrize(
    ("place", "is_offered"),
    [("320300", True), ("410200", True), ("420000", True), ("511922", False)],
)
def test_it_is_reported_where_the_documents_name_it(place: str, is_offered: bool) -> None:
    """And nowhere borrows it a number from the deaths of women."""
    rules = rule_set(place, datetime(2026, 11, 1, tzinfo=UTC).date())
    kind = KINDS[CaseKind.NEONATAL_DEATH]
    assert (kind in offered(rules)) is is_offered
    limits = [rule for rule in rules.clocks() if kind.has_clock(rule) and rule.start != "duty"]
    assert {rule.status for rule in limits if rule.key != "clock.rectification"} == {"undefined"}
