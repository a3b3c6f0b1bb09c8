"""What becomes of newborns' deaths beside those of women and near misses: counted and learned from
by kind, linked with the mother's case for those who may open both."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from lxml import html as lxml_html
from sqlalchemy.orm import Session

from models import Case, Level
from tests.played import CLOSED, NOW, Browse, Cast
from workflows.demo.answers import newborn as answers
from workflows.demo.nearmiss import Survival
from workflows.demo.newborn import Newborn
from workflows.demo.play import QH, Play
from workflows.panels import propose


@pytest.fixture
def database_url(played_url: str) -> str:
    """Every test here plays on the demonstration's cases."""
    return played_url


def brought_on(
    cast: Cast, player: type[Play], name: str, days: float, *acts: Callable[[Any], object]
) -> Case:
    """A case of the county that has come this far, by the same actions as people's."""
    stage = cast.stage(CLOSED)
    stage.case = None
    play = player(stage, QH, NOW - timedelta(days=days), name, "904")
    for act in acts:
        act(play)
    cast.session.commit()
    assert stage.case is not None
    return stage.case


def to_the_notice(level: str) -> Callable[[Newborn], None]:
    """Reported, checked, reviewed by the county; the notice says where it ends."""

    def act(play: Newborn) -> None:
        play.convene(110, Level.COUNTY, meeting=230)
        play.opine(158, Level.COUNTY)
        play.conclude(230, Level.COUNTY)
        play.feed_back(280, level)

    return act


def words_of(page: str) -> str:
    """The running text of a page."""
    return " ".join(lxml_html.document_fromstring(page).text_content().split())


def twin(order: int, mother: Case) -> Callable[[Newborn], None]:
    """Filed with the number of the mother's case."""

    def act(play: Newborn) -> None:
        play.report(3)
        play.receive(5)
        play.discuss(30)
        play.submit(60, mother_case_no=mother.number, plurality=2, birth_order=order)
        play.verify(90)

    return act


@pytest.mark.clause("B02")
def test_mother_and_twins_find_each_other_and_count_apart(
    browse: Browse, session: Session, cast: Cast
) -> None:
    mother = cast.case(CLOSED)
    first = brought_on(cast, Newborn, answers.NAME, 24, twin(1, mother))
    second = brought_on(cast, Newborn, answers.NAME, 23, twin(2, mother))
    assert {first.mother_id, second.mother_id} == {mother.id}
    proposal = propose(session, first, Level.COUNTY, NOW)
    assert proposal.guide is not None
    assert proposal.guide.name == "云江市危重新生儿救治中心"
    assert [seat.expert.user.username for seat in proposal.members if seat.is_guide] == ["sundq"]

    def head(who: str, case: Case) -> str:
        return words_of(browse(who).get(f"/cases/{case.id}").text)

    assert f"母亲 {mother.number}同胎 {second.number}" in head("zhougy", first)
    assert f"新生儿 {first.number}新生儿 {second.number}" in head("fangcf", mother)
    assert browse("guqf").get(f"/cases/{first.id}").status_code == 404
    listed = browse("fangcf").get("/cases?kind=neonatal_death&state=live").text
    assert [each.number in listed for each in (first, second, mother)] == [True, True, False]
    found = {
        kind: "".join(words_of(browse("fangcf").get(f"/board?kind={kind}").text).split())
        for kind in ("neonatal_death", "maternal_death")
    }
    assert "2发现登记2个案已报送" in found["neonatal_death"]
    assert "由县级卫生健康委在通报中确定" in found["neonatal_death"]
    assert "3发现登记" in found["maternal_death"], "none of the newborns among the women"


@pytest.mark.clause("A08", "B08", "B13")
def test_reviews_of_women_and_newborns_are_analysed_taught_and_put_right(
    browse: Browse, session: Session, cast: Cast
) -> None:
    """Review of both kinds; problems analysed; lessons and practices published, found by kind in
    the other county; key links of near misses and newborns with the care plans made about them."""
    newborn = brought_on(cast, Newborn, answers.NAME, 24, Newborn.checked, to_the_notice("county"))
    brought_on(
        cast,
        Survival,
        "柳知春",
        30,
        Survival.registered,
        lambda play: play.select(100, "county"),
        lambda play: play.convene(120, Level.COUNTY, meeting=300),
        lambda play: play.opine(180, Level.COUNTY),
        lambda play: play.conclude(300, Level.COUNTY),
    )
    desk = browse("fangcf")
    # A08, B08: both are reviewed, and counted apart
    for kind, said in (("neonatal_death", "1 例"), ("maternal_death", "1 例")):
        page = words_of(desk.get(f"/statistics/conclusions?kind={kind}").text)
        assert said in page, kind
        assert ("卡：可避免" in page) is (kind == "maternal_death"), "another card"
    problems = words_of(desk.get("/analysis?kind=neonatal_death").text)
    assert "问题 2 个" in problems
    assert "新生儿：其他新生儿病" in problems
    assert "产后宫缩乏力" not in problems
    # Lessons
    told = {
        "kind": "practice",
        "title": "早产儿出生到入科全程保暖",
        "situation": "早产儿从产房到新生儿科途中没有保暖，入科时体温低。",
        "text": "由专人负责保暖，出生后一小时内测体温并记录，低体温明显减少。",
        "advice": "产房配转运保温箱，交接时双方核对体温。",
        "area": "medical",
        "scope": "general",
        "problem_kind": "technique",
        "cause_group": "c23",
        "cells": ["5"],
    }
    drafted = browse("shenqm").post(f"/lessons/new/{newborn.id}", data=told)
    assert drafted.status_code == 303, words_of(drafted.text)
    assert desk.post(f"{drafted.location}/publish").status_code == 303
    for query, is_there in (
        ("case_kind=neonatal_death", True),
        ("case_kind=maternal_death", False),
    ):
        assert (told["title"] in browse("subl").get(f"/lessons?{query}").text) is is_there, query
    # B13: what was dangerous in rescuing, and the plans about it
    links = desk.get("/key-links?kind=neonatal_death").text
    assert "2 处隐患，2 处还没有预案" in words_of(links)
    assert "2 处隐患" in words_of(desk.get("/key-links?kind=maternal_nearmiss").text)
    [plan, *_] = [
        address
        for address in lxml_html.document_fromstring(links).xpath("//a/@href")
        if address.startswith("/key-links/")
    ]
    made = {
        "title": "极早产儿产房复苏与转运预案",
        "change": "made",
        "in_force_on": "2026-11-20",
        "text": "产房到新生儿科保暖由专人负责，夜间请救治中心会诊。",
    }
    assert browse("zhougy").post(plan, data=made).status_code == 303
    page = words_of(browse("zhougy").get("/key-links?kind=neonatal_death").text)
    assert "2 处隐患，1 处还没有预案" in page
    assert "《极早产儿产房复苏与转运预案》" in page
