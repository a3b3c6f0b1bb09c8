"""The whole classification in Chinese, found by code, words and pinyin initials."""

import pytest

from workflows import icd10


def test_every_code_has_a_chinese_title() -> None:
    diseases = icd10.diseases()
    assert len(diseases) > 14_000
    assert not [d.code for d in diseases.values() if not d.title.strip() or '"' == d.title[:1]]
    assert {code[0] for code in diseases} == set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@pytest.mark.parametrize(
    ("code", "title"),
    [("O72", "产后出血"), ("O72.0", "第三产程出血"), ("O88.1", "羊水栓塞"), ("O15", "子痫")],
)
def test_codes_and_titles(code: str, title: str) -> None:
    assert icd10.is_code(code)
    assert icd10.title(code) == title


@pytest.mark.parametrize("code", ["O72.15", "o72", "O721", "ZZZ", "", "O99.x", "产后出血"])
def test_what_is_no_code(code: str) -> None:
    assert not icd10.is_code(code)
    assert icd10.title(code) == ""


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("o72", "O72"),
        ("O72.1", "O72.1"),
        ("o881", "O88.1"),
        ("产后出血", "O72"),
        ("chcx", "O72"),
        ("ysss", "O88.1"),
        ("PGEXZL", "C67"),  # 膀胱恶性肿瘤: 膀 is read pang here
        ("肺 栓塞", "I26"),
        ("fdmgy", "I27.0"),  # none of the obstetric chapter: the others are found as well
    ],
)
def test_finding(query: str, first: str) -> None:
    found = icd10.find(query)
    assert found, query
    assert first in [disease.code for disease in found]


def test_obstetric_diseases_come_first() -> None:
    codes = [disease.code for disease in icd10.find("高血压", limit=40)]
    obstetric = [code.startswith("O") for code in codes]
    assert True in obstetric and False in obstetric
    assert obstetric == sorted(obstetric, reverse=True)


def test_blank_finds_nothing_and_the_limit_holds() -> None:
    assert icd10.find("  ") == []
    assert len(icd10.find("c", limit=7)) == 7


def test_a_category_says_that_it_is_divided() -> None:
    assert icd10.diseases()["O72"].is_divided
    assert not icd10.diseases()["O72.1"].is_divided
