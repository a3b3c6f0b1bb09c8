"""Statistics across cases: what stands where, how long steps take, and what they do not betray."""

from datetime import timedelta

import pytest
from lxml import etree, html
from sqlalchemy import select

from models import Case, Level, Panel, Task, TaskState
from tests.played import IN_REVIEW, MCH, NOW, OFFICE, TO_VERIFY, UNFILED, Browse, Cast, quick
from workflows.engine.definitions import FOLDER
from workflows.permissions import Forbidden
from workflows.statistics import SEALED_STEP, Part, Period, flows

LATELY = Period(NOW - timedelta(days=90), NOW + timedelta(days=1))
MAIN, REVIEW = Part("maternal_death"), Part("review", "county")


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


def test_what_stands_at_a_step_is_counted_within_what_one_sees(cast: Cast) -> None:
    found = flows(cast.session, MAIN, LATELY, by=cast.seat(MCH), now=NOW)
    case = cast.case(TO_VERIFY)
    assert found["UT_verify"].now == 1
    [waits] = cast.session.scalars(
        select(Task).where(Task.case_id == case.id, Task.state == TaskState.OPEN)
    )
    assert waits.bpmn_id == "UT_verify"
    other = flows(cast.session, MAIN, LATELY, by=cast.seat("gaomz"), now=NOW)
    assert "UT_verify" not in other or other["UT_verify"].now == 0
    with pytest.raises(Forbidden):
        flows(cast.session, MAIN, LATELY, by=cast.seat(OFFICE), now=NOW)


def test_what_came_and_went_adds_up(cast: Cast) -> None:
    """Open at the beginning and what came, less what was done, is open now."""
    until_now = Period(LATELY.since, NOW + timedelta(seconds=1))
    for step, flow in flows(cast.session, MAIN, until_now, by=cast.seat(MCH), now=NOW).items():
        cancelled = cast.session.scalars(
            select(Task).where(Task.bpmn_id == step, Task.state == TaskState.CANCELLED)
        ).all()
        assert flow.before + flow.came - flow.done - flow.now in range(len(cancelled) + 1), step


def test_late_is_late_by_the_clock_of_the_step(cast: Cast) -> None:
    found = flows(cast.session, MAIN, LATELY, by=cast.seat("gaomz"), now=NOW)
    assert found["UT_discuss"].late == 1
    assert found["UT_discuss"].now >= 1
    before = flows(cast.session, MAIN, LATELY, by=cast.seat("gaomz"), now=NOW - timedelta(days=1))
    assert before["UT_discuss"].late == 0


def test_sealed_opinions_betray_nothing(cast: Cast, browse: Browse) -> None:
    """One more is in: not a character of what anybody reads here changes."""

    def all_said() -> list[str]:
        pages = (
            "/statistics/review-county",
            "/statistics/review-county/data",
            "/statistics/maternal_death",
            "/statistics/review-county/picture.svg",
        )
        return [
            quick(browse(who), page).text.split("csrf", 1)[0]
            for who in (MCH, "fangcf", "chenglc", "liangxh")
            for page in pages
        ]  # fmt: skip

    before = all_said()
    play = cast.play(IN_REVIEW)
    play.opine(24 * 15.5, Level.COUNTY, (UNFILED,))
    cast.session.commit()
    assert all_said() == before
    found = flows(cast.session, REVIEW, LATELY, by=cast.seat(MCH), now=NOW)
    assert found[SEALED_STEP].now == 1
    assert found[SEALED_STEP].late == 0


def test_the_time_of_opinions_is_that_of_their_panels(cast: Cast) -> None:
    year = Period(NOW - timedelta(days=365), NOW)
    by = cast.seat(MCH)
    found = flows(cast.session, REVIEW, year, by=by, now=NOW)[SEALED_STEP]
    panels = cast.session.scalars(
        select(Panel)
        .join(Case)
        .where(Panel.opened_at.is_not(None), Panel.level == Level.COUNTY,
               Case.county_code == by.organisation.region_code)
    ).all()  # fmt: skip
    assert found.done == len(panels) == 1
    [panel] = panels
    assert panel.opened_at is not None
    assert found.median == pytest.approx((panel.opened_at - panel.convened_at).total_seconds())


def test_the_step_that_is_sealed_is_the_only_one_with_the_form() -> None:
    text = (FOLDER / "review" / "process.bpmn").read_text("utf-8")
    tasks = [
        task
        for task in etree.fromstring(text.encode()).iter()
        if isinstance(task.tag, str)
        and task.tag.endswith("}userTask")
        and "opinion.v" in str(etree.tostring(task))
    ]
    assert [task.get("id") for task in tasks] == [SEALED_STEP]


def test_page_drawing_and_picture_say_the_same(browse: Browse) -> None:
    client = browse(MCH)
    page = html.document_fromstring(client.get("/statistics?period=year").text)
    shown = {
        row.get("data-element"): row.xpath('string(.//td[@data-label="现在停留"])').strip()
        for row in page.xpath("//tr[@data-element]")
    }
    drawn = client.get("/statistics/maternal_death/data?period=year").json["elements"]
    assert shown["UT_verify"] == "1"
    for step, element in drawn.items():
        assert (element["badge"] or "0").split("，")[0] == shown[step], step
    reply = client.get("/statistics/maternal_death/picture.svg?download=1")
    assert reply.mimetype == "image/svg+xml"
    assert "attachment" in reply.headers["Content-Disposition"]
    picture = etree.fromstring(reply.data)
    [group] = picture.xpath('//*[@data-element-id="UT_verify"]')
    assert "1" in [
        "".join(text.itertext()) for text in group.iter("{http://www.w3.org/2000/svg}text")
    ]


def test_who_has_no_statistics_has_no_page(browse: Browse) -> None:
    assert quick(browse(OFFICE), "/statistics").status_code == 404
    assert quick(browse(UNFILED), "/statistics").status_code == 404
    assert quick(browse(MCH), "/statistics/elsewhere").status_code == 404
    assert "统计" in browse(MCH).get("/tasks").text
