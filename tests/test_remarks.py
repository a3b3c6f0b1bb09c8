"""What is unusual is said, beside what is wrong and after handing in; it refuses nothing."""

from pathlib import Path

import pytest

from tests import said
from tests.walk import Move, Page, StartWalk
from workflows.forms.load import load


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


def test_an_unusual_report_is_taken_and_remarked_on(start_walk: StartWalk) -> None:
    walk = start_walk()
    walk.at(1.5)
    browser = walk.browser("linxm")
    page = Page.of(browser.get("/reports/new").text)
    typed = page.filled(load("report.v1"), said.report(prelim_cause="呼吸衰竭")(walk))
    reply = browser.post("/reports/new", data=typed, csrf=False)
    assert reply.status_code == 303
    after = browser.get(reply.location).text
    assert "已登记，编号" in after
    assert "是死亡方式，不是死因" in after


def test_remarks_stand_beside_errors(start_walk: StartWalk) -> None:
    walk = start_walk()
    walk.make(
        Move(1.5, "linxm", "report", said.report(), "receive:shenqm discuss:zhougy submit:zhougy")
    )
    walk.at(2.7)
    answers = said.receipt()(walk)
    one_way = answers["routing"][:1]
    reply = walk.hand_in("shenqm", "receive", {**answers, "routing": one_way, "receiver": ""})
    assert reply.status_code == 422
    assert 'class="form-warning"' in reply.text
