"""How far experts agree: figures against published examples, and the page that shows them."""

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from lxml import html
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, Level, Panel, Role
from tests import said
from tests.reviewing import begin, opened, submit
from tests.walk import StartWalk, Walk
from workflows.agreement import Missing, Sealed, agreement, compare, count, drift, fleiss, share
from workflows.demo import answers
from workflows.demo.play import COUNTY_PANEL, Play

# 30 patients, 6 psychiatrists each, five diagnoses: J. L. Fleiss, Measuring nominal scale agreement
# among many raters, Psychological Bulletin 76 (1971), 378–382, table 1. Published: mean agreement
# .556, by chance .220, κ = .430.
FLEISS_1971 = [
    (0, 0, 0, 6, 0), (0, 3, 0, 0, 3), (0, 1, 4, 0, 1), (0, 0, 0, 0, 6), (0, 3, 0, 3, 0),
    (2, 0, 4, 0, 0), (0, 0, 4, 0, 2), (2, 0, 3, 1, 0), (2, 0, 0, 4, 0), (0, 0, 0, 0, 6),
    (1, 0, 0, 5, 0), (1, 1, 0, 4, 0), (0, 3, 3, 0, 0), (1, 0, 0, 5, 0), (0, 2, 0, 3, 1),
    (0, 0, 5, 0, 1), (3, 0, 0, 1, 2), (5, 1, 0, 0, 0), (0, 2, 0, 4, 0), (1, 0, 2, 0, 3),
    (0, 0, 0, 0, 6), (0, 1, 0, 5, 0), (0, 2, 0, 1, 3), (2, 0, 0, 4, 0), (1, 0, 0, 4, 1),
    (0, 5, 0, 1, 0), (4, 0, 0, 0, 2), (0, 2, 0, 4, 0), (1, 0, 5, 0, 0), (0, 0, 0, 0, 6),
]  # fmt: skip
# Ten subjects, fourteen raters, five categories: the worked example of the English Wikipedia's
# article on Fleiss' kappa. Published: mean agreement .378, by chance .213, κ = .210.
FOURTEEN_RATERS = [
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
]  # fmt: skip


def by_hand(pairs: int, of_pairs: int, totals: tuple[int, ...]) -> Fraction:
    """κ from sums written out on paper: Σ of squares less raters over all ordered pairs, and the
    column totals."""
    observed = Fraction(pairs, of_pairs)
    chance = sum(Fraction(total, sum(totals)) ** 2 for total in totals)
    return (observed - chance) / (1 - chance)


def test_fleiss_own_example() -> None:
    """By hand: the squares of a row add up to 6 + its agreeing ordered pairs; over the thirty rows
    500 of 30·6·5 = 900 pairs agree. Totals 26, 26, 30, 55, 43 of 180."""
    kappa = fleiss(FLEISS_1971)
    assert kappa == by_hand(500, 900, (26, 26, 30, 55, 43)) == Fraction(5437, 12637)
    assert share(FLEISS_1971) == Fraction(5, 9)
    assert round(float(kappa), 3) == 0.430


def test_the_worked_example_with_fourteen_raters() -> None:
    """By hand, agreeing ordered pairs by row: 182 46 56 80 60 84 44 32 52 52, together 688 of
    10·14·13 = 1820. Totals 20, 28, 39, 21, 32 of 140."""
    kappa = fleiss(FOURTEEN_RATERS)
    assert kappa == by_hand(688, 1820, (20, 28, 39, 21, 32)) == Fraction(4211, 20059)
    assert share(FOURTEEN_RATERS) == Fraction(688, 1820)
    assert round(float(kappa), 3) == 0.210


def test_unequal_numbers_of_raters_by_hand() -> None:
    """1 − Σ x(n−x)/n ÷ (N(n̄−1)·p·q) for 2 of 3, 5 of 5, 0 of 4 (Fleiss & Cuzick 1979): the sum is
    2/3, N(n̄−1) = 12 − 3 = 9, p = 7/12, q = 5/12."""
    by_paper = 1 - Fraction(2, 3) / (9 * Fraction(7, 12) * Fraction(5, 12))
    assert fleiss([(2, 1), (5, 0), (0, 4)]) == by_paper == Fraction(73, 105)


def test_full_agreement_and_agreement_as_by_chance() -> None:
    assert fleiss([(5, 0), (0, 5), (5, 0)]) == 1
    assert fleiss([(2, 2), (2, 2)]) == Fraction(-1, 3)  # less than chance: −1/(n−1) at the worst


def test_without_variance_there_is_no_kappa() -> None:
    assert fleiss([(5, 0), (5, 0)]) is None
    found = agreement([(5, 0), (5, 0)])
    assert (found.share, found.kappa, found.missing) == (1, None, Missing.NO_VARIANCE)


def test_two_raters_get_a_percentage_only() -> None:
    found = agreement([(1, 1), (2, 0), (0, 2)])
    assert (found.share, found.kappa) == (Fraction(2, 3), None)
    assert found.missing is Missing.FEW_RATERS


def test_one_subject_gets_a_percentage_only() -> None:
    """κ would be −1/(n−1) for every way of disagreeing."""
    assert {fleiss([counts]) for counts in ((4, 1), (3, 2), (2, 3))} == {Fraction(-1, 4)}
    found = agreement([(4, 1)])
    assert (found.share, found.kappa) == (Fraction(3, 5), None)
    assert found.missing is Missing.ONE_SUBJECT


def test_where_nobody_can_be_compared() -> None:
    for subjects in ([], [(1, 0)], [(0, 0)]):
        assert (agreement(subjects).share, agreement(subjects).kappa) == (None, None)
        assert fleiss(subjects) is None


def test_subjects_with_one_rater_say_nothing() -> None:
    assert fleiss([*FOURTEEN_RATERS, (1, 0, 0, 0, 0)]) == fleiss(FOURTEEN_RATERS)
    assert share([(3, 0), (1, 0)]) == 1


def test_counting_by_category() -> None:
    assert count(["a", "b", "a", ""], ["a", "b", "c"]) == [2, 1, 0]


# Opinions of a case


@pytest.fixture
def rows(settled_sqlite: Path, tmp_path: Path) -> Iterator[Session]:
    with opened(settled_sqlite, tmp_path) as session:
        yield session


@pytest.fixture
def play(rows: Session, tmp_path: Path) -> Play:
    play = begin(rows, tmp_path)
    submit(play)
    play.convene(100, Level.COUNTY, meeting=220)
    return play


def panel_of(session: Session, place: int = 0) -> Panel:
    return session.scalars(select(Panel).order_by(Panel.id)).all()[place]


def opine(play: Play, hours: float, **over: object) -> None:
    """Everybody files the same, but for the first, who files `over` on top."""
    for number, who in enumerate(COUNTY_PANEL):
        at = play.at(hours + number)
        filled = answers.opinion(sign=play.stage.sign(who, at), **(over if number == 0 else {}))
        play.stage.act(who, "UT_opinion", filled, at)


def test_nothing_is_compared_before_the_opening(rows: Session, play: Play) -> None:
    play.opine(120, Level.COUNTY, COUNTY_PANEL[:4])
    with pytest.raises(Sealed):
        compare(rows, panel_of(rows), str)
    with pytest.raises(Sealed):
        drift(rows, [panel_of(rows)])


def test_cells_and_answers_side_by_side(rows: Session, play: Play) -> None:
    grid = answers.grid()
    del grid["2"]
    opine(
        play,
        120,
        grid=grid,
        major=["8"],
        conclusion="unavoidable",
        agree_with_hospital_cause="disagree",
        disagree_reason="出血在凝血功能障碍之后。",
        causes={"a": {"icd10": "O72.3", "text": "凝血障碍", "value": 3, "unit": "hour"}},
        basis_a="凝血在先",
    )
    found = compare(rows, panel_of(rows), str)
    assert [member.user.username for member in found.experts] == list(COUNTY_PANEL)
    assert found.conclusion.words == ["不可避免", *["创造条件可避免"] * 4]
    assert (found.conclusion.differs, sorted(found.conclusion.counts)) == (True, [1, 4])
    [cause, agrees, *_] = found.lines
    assert cause.codes == ["O72.3", *["O72.1"] * 4]
    assert agrees.words == ["不同意", *["同意"] * 4]
    cells = {cell.code: cell for cell in found.cells}
    assert {code: cell.counts for code, cell in cells.items() if cell.counts[0]} == {
        "2": [4, 1],
        "5": [5, 0],
        "8": [5, 0],
    }
    assert [tick.is_major for tick in cells["5"].ticks if tick] == [False, True, True, True, True]
    tick = cells["8"].ticks[0]
    assert tick is not None
    assert (tick.page, tick.delay, tick.severity) == (28, "第三延误c：确定性治疗迟", "关键影响")
    # Eleven cells agree in full, one in 6 of 10 pairs; 14 of 60 ratings are ticks
    assert found.grid.share == Fraction(116, 120)
    assert found.grid.kappa == 1 - Fraction(4, 120) / (2 * Fraction(14 * 46, 60 * 60))


def test_agreement_over_two_cases(rows: Session, play: Play, tmp_path: Path) -> None:
    opine(play, 120, conclusion="unavoidable")
    other = begin(rows, tmp_path, "林夏", "702")
    submit(other)
    other.convene(130, Level.COUNTY, meeting=230)
    grid = answers.grid()
    del grid["2"]
    opine(other, 140, grid=grid)
    found = drift(rows, [panel_of(rows), panel_of(rows, 1)])
    assert found.panels == 2
    assert found.conclusion.share == (Fraction(3, 5) + 1) / 2
    assert found.conclusion.kappa == fleiss([(1, 4), (0, 5)]) == Fraction(-1, 9)
    assert found.cells["2"].kappa == fleiss([(5, 0), (4, 1)])
    assert found.cells["5"].missing is Missing.NO_VARIANCE
    assert drift(rows, []).conclusion.share is None


# The page

PANEL_SEATS = (*COUNTY_PANEL, "wugs")
OTHERS = ("fangcf", "shaoxz", "shenqm", "zhougy", "helx", "linxm", "jiasj", "wangzy", "zhengdh")


@pytest.fixture
def database_url(settled_sqlite: Path, tmp_path: Path) -> str:
    path = tmp_path / "yili.db"
    path.write_bytes(settled_sqlite.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def walk(start_walk: StartWalk) -> Walk:
    """All but one opinion are in."""
    walk = start_walk()
    walk.play(
        Play.first_48h,
        lambda play: play.verify(60),
        lambda play: play.convene(100, Level.COUNTY, 220),
        lambda play: play.opine(120, Level.COUNTY, COUNTY_PANEL[:4]),
    )
    walk.at(150)
    return walk


def statuses(walk: Walk, people: tuple[str, ...]) -> set[int]:
    path = f"/reviews/{panel_of(walk.session).id}"
    return {walk.browser(who).get(path).status_code for who in people}


def without_blanks(page: str) -> str:
    return "".join(html.document_fromstring(page).text_content().split())


def file_the_last(walk: Walk) -> None:
    reply = walk.hand_in(COUNTY_PANEL[-1], "opinion", said.opinion(conclusion="unavoidable")(walk))
    assert reply.status_code == 303


def test_only_the_panel_and_only_after_the_opening(walk: Walk) -> None:
    assert statuses(walk, (*PANEL_SEATS, *OTHERS)) == {404}
    file_the_last(walk)
    assert statuses(walk, PANEL_SEATS) == {200}
    assert statuses(walk, OTHERS) == {404}
    assert walk.browser("wugs").get("/reviews/999").status_code == 404


def test_the_page_says_where_they_differ(walk: Walk) -> None:
    file_the_last(walk)
    path = f"/reviews/{panel_of(walk.session).id}"
    text = walk.browser("wugs").get(path).text
    words = without_blanks(text)
    # 可避免 1, 创造条件可避免 3, 不可避免 1: 3 of 10 pairs agree
    assert "评审结论一致率30%" in words
    assert "十二格一致率100%" in words
    assert "十二格Fleissκ1.00" in words
    assert "没有人勾选：1个人家庭·知识技能；3" in words
    assert "O72.1其他的即刻产后出血" in words
    assert "本年" not in words
    assert "青禾" not in words.split("一致程度", 1)[1]
    row = next(
        r for r in html.document_fromstring(text).iter("tr") if "评审结论" in r.text_content()
    )
    assert "有分歧" in row.text_content()


def test_it_is_linked_where_it_is_needed(walk: Walk) -> None:
    file_the_last(walk)
    link = f'href="/reviews/{panel_of(walk.session).id}"'
    assert link in walk.browser("chenyf").get(f"/cases/{walk.case_id}/reviews").text
    task = walk.task("wugs", "conclude")
    assert link in walk.browser("wugs").get(f"/tasks/{task.id}").text
    assert link not in walk.browser("fangcf").get(f"/cases/{walk.case_id}/reviews").text


def test_it_is_not_read_under_an_appointment_that_does_not_open_the_case(walk: Walk) -> None:
    file_the_last(walk)
    hat = Appointment(
        user=walk.seat("wugs").user,
        organisation_id=walk.units["bl_hospital"],
        role=Role.QUALITY_OFFICE,
        valid_from=date(2020, 1, 1),
    )
    walk.session.add(hat)
    walk.session.commit()
    reply = walk.client_for(hat).get(f"/reviews/{panel_of(walk.session).id}")
    assert reply.status_code == 404


def test_two_cases_of_a_year_are_compared(walk: Walk) -> None:
    file_the_last(walk)
    first = walk.case_id
    walk.case_id = 0
    walk.death += timedelta(minutes=1)
    walk.play(
        lambda play: setattr(play, "serial", "702"),
        Play.first_48h,
        lambda play: play.verify(60),
        lambda play: play.convene(100, Level.COUNTY, 220),
        lambda play: play.opine(151, Level.COUNTY),
    )
    assert walk.case_id not in (0, first)
    walk.at(165)
    path = f"/reviews/{panel_of(walk.session, 1).id}"
    words = without_blanks(walk.browser("wugs").get(path).text)
    # 30% in the first case; 可避免 1 and 创造条件可避免 4 in the second: 60%
    assert "本年评审结论一致率45%" in words
    assert "2例（本人参加的县级评审）" in words
    assert "意见完全相同，κ无定义" in words
