"""The resident identity number: what it says, and what is refused in Chinese."""

from datetime import date

import pytest

from workflows import id_card

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
