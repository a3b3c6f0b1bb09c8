"""Level by level: who reviews a case anew reads nothing of what the level below concluded before
the opinions of their own panel are in, by no path; the administrations' desks do."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Case, Level, Panel, Rectification, Task
from tests.looking import addresses, met
from tests.played import NOW, Browse, Cast, _units, _upload
from tests.reviewing import submit
from workflows import gather
from workflows.demo import answers
from workflows.demo.play import QH, Play
from workflows.demo.stage import Stage

DEATH = NOW - timedelta(days=25)
DESK, CHAIR, ON_BOTH, SECRETARY = "chenglc", "wangzy", "fengjc", "zhengdh"
BELOW = {
    "conclusion": "QUEBELOWREASON",
    "dissent": "QUEBELOWDISSENT",
    "finding": "QUEBELOWFINDING",
    "waived": "QUEBELOWWAIVED",
    "notice": "QUEBELOWNOTICE",
    "measure": "QUEBELOWMEASURE",
}


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


@pytest.fixture
def play(session: Session, cast: Cast) -> Play:
    """A county review with a canary in each part of it; the city's panel has been called."""
    stage = Stage(session, _units(session), _upload(session, cast.folder))
    play = Play(stage, QH, DEATH, "雀安", "782")
    problems = answers.problems(owner=play.unit("qh_mch"))  # no old item of theirs comes back
    problems[0]["text"] = f"{BELOW['finding']}：未称重计量。"
    problems[2]["waived_reason"] = f"{BELOW['waived']}：已列入专案管理。"
    planted: dict[str, Any] = {
        "UT_conclude": {
            "reason": f"{BELOW['conclusion']}：经表决，创造条件可以避免，理由如上。",
            "dissent": f"{BELOW['dissent']}：一名专家认为可避免。",
            "problems": problems,
        },
        "UT_notice": {"guidance": f"{BELOW['notice']}：落实称重计量。"},
        "UT_plan": {"measure": f"{BELOW['measure']}：配备称重工具。"},
    }
    act = stage.act

    def acted(who: str, step: str, filled: dict[str, Any], at: datetime) -> Task:
        return act(who, step, filled | planted.get(step, {}), at)

    stage.act = acted  # type: ignore[method-assign]
    submit(play)
    play.county_review(100)
    deadline = (play.at(280) + timedelta(days=30)).date()
    acted("shenqm", "UT_plan", answers.plan(deadline), play.at(280))
    play.convene(290, Level.CITY, meeting=500)
    session.commit()
    stage.act = act  # type: ignore[method-assign]
    return play


def case_of(play: Play) -> Case:
    assert play.stage.case is not None
    return play.stage.case


@pytest.mark.long
@pytest.mark.clause("B04")
def test_the_level_above_forms_its_own_opinion_first(
    app: Flask, browse: Browse, session: Session, cast: Cast, play: Play
) -> None:
    case = case_of(play)
    places = addresses(app, session, case)
    numbers = session.scalars(select(Rectification.number).where(Rectification.case_id == case.id))
    below = BELOW | {f"number of item {place}": each for place, each in enumerate(numbers)}
    assert len(below) == len(BELOW) + 2

    def seen(who: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for field, place in met(browse(who), places, below):
            found[field] = place
            if found.keys() == below.keys():
                break  # who meets everything need not look any further
        session.rollback()
        pack = repr(
            gather.gather(session, case, by=cast.seat(who), files=cast.folder, wording=str, now=NOW)
        )
        return found | {name: "on paper" for name, canary in below.items() if canary in pack}

    assert set(seen(DESK)) == set(below)
    for who in (CHAIR, ON_BOTH, SECRETARY):
        assert seen(who) == {}, who
    assert "本级专家意见全部启封之后" in browse(SECRETARY).get(f"/cases/{case.id}/reviews").text

    play.opine(400, Level.CITY)
    session.commit()
    assert session.scalars(select(Panel.opened_at).where(Panel.level == Level.CITY)).all()
    assert set(seen(CHAIR)) == set(below)
