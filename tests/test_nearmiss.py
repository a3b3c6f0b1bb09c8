"""危重孕产妇: a woman who lived, from the registration to the closed file, over HTTP."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from models import CaseKind, CaseState, Finding, NearMiss, Rectification, Timing
from tests import nearmiss, said
from tests.walk import Move, StartWalk
from workflows import criteria
from workflows.actions.nearmiss import timing
from workflows.forms.checks import CHECKS, Context, Known
from workflows.forms.load import load
from workflows.kinds import KINDS

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


EXPERTS = "opinion:chenyf opinion:qianqs opinion:fengjc opinion:chuys opinion:lixh"
FOUND = (
    Move(3, "linxm", "report", nearmiss.report(), "receive:shenqm submit:zhougy"),
    Move(4, "shenqm", "receive", nearmiss.receipt(), "submit:zhougy"),
    Move(60, "zhougy", "submit", nearmiss.submission(), "verify:shenqm"),
    Move(70, "shenqm", "verify", nearmiss.returned(), "supplement:zhougy"),
    Move(80, "zhougy", "supplement", nearmiss.submission(), "verify:shenqm"),
    Move(90, "shenqm", "verify", nearmiss.verification(), "select:fangcf"),
)
REVIEWED = (
    Move(100, "fangcf", "select", nearmiss.selection("county"), "convene:fangcf"),
    Move(120, "fangcf", "convene", said.panel("county", 5), EXPERTS),
    Move(160, "chuys", "opinion", nearmiss.opinion(),
         "opinion:chenyf opinion:qianqs opinion:fengjc opinion:lixh"),
    Move(161, "chenyf", "opinion", nearmiss.opinion(),
         "opinion:qianqs opinion:fengjc opinion:lixh"),
    Move(162, "lixh", "opinion", nearmiss.opinion(), "opinion:qianqs opinion:fengjc"),
    Move(163, "fengjc", "opinion", nearmiss.opinion(conclusion="adequate"), "opinion:qianqs"),
    Move(170, "qianqs", "opinion", nearmiss.opinion(), "conclude:wugs"),
    Move(245, "wugs", "conclude", nearmiss.conclusion("county"), "chair_sign:chenyf"),
    *said.signed_by_all(said.COUNTY_PANEL, 247, "endorse:shaoxz"),
    Move(275, "shaoxz", "endorse", said.endorsement(), "notice:fangcf"),
    Move(290, "fangcf", "notice", nearmiss.notice(), "issue:shaoxz"),
    Move(292, "shaoxz", "issue", said.issue(),
         "sign_notice:zhougy sign_notice:shenqm plan:zhougy plan:shenqm"),
)  # fmt: skip
PUT_RIGHT = (
    Move(300, "zhougy", "sign_notice", said.notice_receipt("zhougy"),
         "sign_notice:shenqm plan:zhougy plan:shenqm"),
    Move(301, "shenqm", "sign_notice", said.notice_receipt("shenqm"), "plan:zhougy plan:shenqm"),
    Move(311, "zhougy", "plan", said.plan(40), "progress:zhougy plan:shenqm"),
    Move(312, "shenqm", "plan", said.plan(40), "progress:zhougy progress:shenqm"),
    Move(700, "zhougy", "progress", said.progress("zhougy"), "accept:fangcf progress:shenqm"),
    Move(710, "fangcf", "accept", said.acceptance(), "progress:shenqm"),
    Move(930, "shenqm", "progress", said.progress("shenqm"), "accept:fangcf"),
    Move(940, "fangcf", "accept", said.acceptance(), "archive:zhougy"),
    Move(970, "zhougy", "archive", said.archive(), ""),
)  # fmt: skip


def test_a_survivor_from_registration_to_the_closed_file(start_walk: StartWalk) -> None:
    walk = start_walk()
    walk.kind = KINDS[CaseKind.MATERNAL_NEARMISS]
    for table in (FOUND, REVIEWED, PUT_RIGHT):
        walk.walk(table)
    case = walk.case
    assert (case.kind, case.state) == (CaseKind.MATERNAL_NEARMISS, CaseState.CLOSED)
    assert case.number.startswith("NM-990121-2026-")
    assert {clock.title for clock in walk.clocks() if clock.due_at} == {"问题整改"}
    kept = walk.session.query(NearMiss).one()
    assert kept.criteria == ["hysterectomy", "red_cells", "shock"]
    assert (kept.criteria_set, kept.timing) == ("who_2011", Timing.WITHIN_12H)
    found = walk.session.query(Finding).order_by(Finding.id).all()
    assert [(row.kind, row.improves) for row in found] == [
        ("technique", "treatment_plan"),
        ("resource", "management_system"),
        ("management", "management_system"),
    ]
    assert walk.session.query(Rectification).count() == 2


# Criteria


def test_every_threshold_of_the_25() -> None:
    """Codes, units and limits against the published table; the wrong units of some prints are no
    units of ours."""
    who = criteria.sets()["who_2011"]
    assert Counter(item.group for item in who.items) == {
        "clinical": 11,
        "laboratory": 8,
        "management": 6,
    }
    told = {
        ("respiratory_rate", "per_min"): (["41", "5"], ["40", "6"]),
        ("spo2", "percent"): (["89.9"], ["90"]),
        ("pao2_fio2", "mmhg"): (["199"], ["200"]),
        ("creatinine", "umol_l"): (["300"], ["299"]),
        ("creatinine", "mg_dl"): (["3.5"], ["3.4"]),
        ("bilirubin", "umol_l"): (["101"], ["100"]),
        ("bilirubin", "mg_dl"): (["6.1"], ["6.0"]),
        ("ph", "none"): (["7.09"], ["7.1"]),
        ("lactate", "mmol_l"): (["5.1"], ["5"]),
        ("platelets", "e9_l"): (["49"], ["50"]),
        ("red_cells", "rbc_unit"): (["5"], ["4.9"]),
    }
    numeric = {(item.code, unit) for item in who.items for unit in item.units}
    assert numeric == told.keys()
    for (code, unit), (hits, misses) in told.items():
        item = who.find(code)
        assert item is not None
        assert all(item.met(Decimal(value), unit) for value in hits), code
        assert not any(item.met(Decimal(value), unit) for value in misses), code
    assert not who.find("creatinine").met(Decimal(300), "mmol_l")  # type: ignore[union-attr]
    lasting = {item.code: item.minutes for item in who.items if item.minutes}
    assert lasting == {"unconscious_12h": 720, "spo2": 60, "ventilation": 60}


def test_when_the_first_criterion_was_met() -> None:
    admitted = datetime(2026, 11, 20, 8, tzinfo=UTC)
    hours = {-1: "on_admission", 0: "on_admission", 12: "within_12h", 12.1: "after_12h"}
    for offset, expected in hours.items():
        assert timing(admitted + timedelta(hours=offset), admitted) == expected


def test_criteria_of_another_set_are_refused() -> None:
    """A code outside the set, should the form ever offer it, and guests who are still there."""
    form, card = load("nearmiss_card.v1"), {"criteria_set": "who_2011"}
    said = CHECKS["criteria_of_the_set"].judge(
        card | {"criteria_hits": [{"code": "henan_7"}]}, Context(form, NOW, NOW.date(), Known())
    )
    assert [path for path, _ in said] == ["criteria_hits.0.code"]
    still_in = Context(form, NOW, NOW.date(), Known(case={"guests_in": 1}))
    assert [path for path, _ in CHECKS["treated_have_left"].judge({}, still_in)] == ["conclusion"]
