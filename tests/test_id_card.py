"""The resident identity number: what it says, and what is refused in Chinese."""

from datetime import UTC, date, datetime

import pytest

from webapp import words
from workflows import id_card
from workflows.forms import load
from workflows.forms.check import check
from workflows.forms.moment import SHANGHAI, moment, written

TODAY = date(2026, 11, 20)


def number(first: str) -> str:
    return first + id_card.check_digit(first)


def test_the_example_of_the_standard() -> None:
    assert id_card.check_digit("11010519491231002") == "X"
    assert id_card.check_digit("44052418800101001") == "4"


@pytest.mark.parametrize(
    "text", ["11010519491231002X", "11010519491231002x", " 11010519491231002X "]
)
def test_what_a_number_says(text: str) -> None:
    card = id_card.parse(text, TODAY)
    assert card == id_card.IdCard(area="110105", born=date(1949, 12, 31), female=True)


def test_an_odd_seventeenth_digit_is_a_man() -> None:
    assert not id_card.parse(number("99012119900101003"), TODAY).female


def test_completed_years() -> None:
    card = id_card.parse(number("99012119960229002"), TODAY)
    assert card.age_on(date(2026, 2, 28)) == 29
    assert card.age_on(date(2026, 3, 1)) == 30


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "18 位"),
        ("11010519491231002", "18 位"),
        ("11010519491231002XX", "18 位"),
        ("１1010519491231002X", "18 位"),
        ("11010519491231O02X", "18 位"),
        ("1101051949123100²X", "18 位"),
        ("110105194912310021", "校验位"),
        ("11010519491231002?", "校验位"),
        ("11010591491231002X", "校验位"),
        (number("99012119900230002"), "真实的日期"),
        (number("99012119901301002"), "真实的日期"),
        (number("99012118991231002"), "不合理"),
        (number("99012120261121002"), "不合理"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(id_card.BadIdNumber, match=said):
        id_card.parse(text, TODAY)


def test_every_single_wrong_digit_is_noticed() -> None:
    right = number("99012119900101002")
    for place in range(18):
        for digit in "0123456789X" if place == 17 else "0123456789":
            wrong = right[:place] + digit + right[place + 1 :]
            if wrong != right:
                with pytest.raises(id_card.BadIdNumber):
                    id_card.parse(wrong, TODAY)


def test_an_unknown_area_is_a_warning_only() -> None:
    card = id_card.parse(number("33010319900101002"), TODAY)
    assert "330103" in id_card.warn_area(card, {"330114"})
    assert id_card.warn_area(card, {"330103"}) == ""


# China's clocks were an hour fast from spring to autumn, 1986 to 1991: birth, moment of death → age
SUMMERS = (
    ("19880410", "2026-04-10T00:30+08:00", 38),  # the day on which they were put forward
    ("19880410", "2026-04-09T23:30+08:00", 37),
    ("19880715", "2026-07-15T00:10+08:00", 38),
    ("19880715", "2026-07-14T23:50+08:00", 37),
    ("19880911", "2026-09-10T16:30+00:00", 38),  # and back
    ("19860504", "2026-05-04T00:00+08:00", 40),
    ("19910915", "2026-09-14T15:59+00:00", 34),
    ("19920715", "2026-07-15T00:10+08:00", 34),  # no longer
)


@pytest.mark.parametrize(("born", "death", "age"), SUMMERS)
def test_who_was_born_in_summer_time_is_as_old_as_her_card_says(
    born: str, death: str, age: int
) -> None:
    form = load.load("death_card.v1")
    now = datetime(2026, 11, 20, tzinfo=UTC)

    def objected(said: int) -> str:
        card = {"id_type": "id_card", "id_no": number(f"990121{born}002")}
        told = card | {"death_dt": death, "age": said}
        return " ".join(check(form, told, now=now).get("age", []))

    assert objected(age) == ""
    for wrong in (age - 1, age + 1):
        assert f"应为 {age} 岁" in objected(wrong)


def test_a_moment_of_those_summers_is_shown_as_it_was_typed() -> None:
    typed = datetime(1988, 7, 15, 0, 30, tzinfo=SHANGHAI)
    kept = written(typed)
    assert kept == "1988-07-15T00:30+09:00"
    assert f"{words.local(moment(kept).astimezone(UTC)):%Y-%m-%d %H:%M}" == "1988-07-15 00:30"
