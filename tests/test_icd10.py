"""The whole classification in Chinese: filled once, found by code, words and pinyin initials."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError

import pytest
from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.orm import Session

from models import Base, Icd10
from workflows import icd10

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(scope="module", params=BOTH)
def filled(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A database whose table is filled; the tests only read it."""
    url = "sqlite://"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres").create_database("icd10")
    engine = create_engine(url)
    Base.metadata.create_all(engine, tables=[Icd10.__table__])
    with Session(engine) as session:
        icd10.load(session)
        session.commit()
    yield engine
    engine.dispose()


@pytest.fixture
def session(filled: Engine) -> Iterator[Session]:
    with Session(filled) as session:
        yield session


def codes(session: Session, text: str, limit: int = 20) -> list[str]:
    return [entry.code for entry in icd10.search(session, text, limit)]


def test_every_code_has_titles_chapter_and_initials(session: Session) -> None:
    entries = session.scalars(select(Icd10)).all()
    assert len(entries) == 14_416
    assert {entry.chapter for entry in entries} == set(range(1, 23))
    for entry in entries:
        assert entry.title.strip() == entry.title != "", entry.code
        assert entry.title_en, entry.code
        assert entry.initials, entry.code
        assert icd10.dotted(entry.code) == entry.code


def test_filling_again_changes_nothing_unless_asked(session: Session) -> None:
    first = icd10.get(session, "A00")
    assert first is not None
    first.title = "changed"
    assert icd10.load(session) == 14_416
    session.expire_all()
    assert icd10.get(session, "A00").title == "changed"  # type: ignore[union-attr]
    assert icd10.load(session, refresh=True) == 14_416
    session.expire_all()
    assert icd10.get(session, "A00").title == "霍乱"  # type: ignore[union-attr]
    session.rollback()


@pytest.mark.parametrize("code", ["O72.1", "O721", "o72.1", " o721 "])
def test_a_code_is_known_with_and_without_dot(session: Session, code: str) -> None:
    entry = icd10.get(session, code)
    assert entry is not None
    assert (entry.code, entry.title, entry.chapter) == ("O72.1", "其他的即刻产后出血", 15)
    assert not entry.divided


def test_a_category_says_that_it_is_divided(session: Session) -> None:
    category = icd10.get(session, "O72")
    assert category is not None
    assert category.divided


@pytest.mark.parametrize("code", ["", "O72.15", "Z", "产后出血", "O72.1x"])
def test_what_is_no_code_is_not_found(session: Session, code: str) -> None:
    assert icd10.get(session, code) is None


def test_titles_of_many_codes(session: Session) -> None:
    found = icd10.titles(session, {"O72", "F53.0", "X99.99"})
    assert found == {
        "O72": "产后出血",
        "F53.0": "与产褥期有关的轻度精神和行为障碍，不可归类在他处者",
    }


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("o72", "O72"),
        ("O721", "O72.1"),
        ("o72.1", "O72.1"),
        ("Ｏ７２", "O72"),  # full width, as an input method writes it
        ("产后出血", "O72"),
        ("chcx", "O72"),
        ("CHCX", "O72"),
        ("ysss", "O88.1"),
        ("羊水 栓塞", "O88.1"),
        ("子痫前期", "O14"),
        ("重度子痫前期", "O14.1"),
        ("zxqq", "O11"),
        ("胎盘早剥", "O45"),
        ("宫外孕", "O00"),
        ("DIC", "D65"),
        ("dic", "D65"),
        ("hellp", "O14.2"),
        ("hellp综合征", "O14.2"),
        ("covid-19", "U07.1"),
        ("肺栓塞", "I26"),  # the very title goes before an obstetric title with these words
        ("糖尿病酮症", "E10.1"),  # only in this order, not in a row
        ("pgexzl", "C67"),
    ],
)
def test_what_is_meant_comes_first(session: Session, text: str, first: str) -> None:
    assert codes(session, text)[:1] == [first]


def test_every_alias_is_found_by_its_name(session: Session) -> None:
    aliased = session.scalars(select(Icd10).where(Icd10.aliases != "")).all()
    assert len(aliased) == len(icd10.aliases())
    for entry in aliased:
        for alias in entry.aliases.split(" "):
            assert entry.code in codes(session, alias), alias


def test_obstetric_then_perinatal_then_congenital_then_the_rest(session: Session) -> None:
    found = icd10.search(session, "高血压", limit=60)
    ranks = [entry.rank for entry in found]
    assert ranks[0] == 0
    assert len(set(ranks)) >= 3
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("text", ["", "   ", "_", "不存在的病名啊", "%%%%%"])
def test_nothing_is_found(session: Session, text: str) -> None:
    assert codes(session, text) == []


def test_what_looks_like_a_pattern_is_plain_text(session: Session) -> None:
    for entry in icd10.search(session, "%"):
        assert "%" in entry.title


def test_the_limit_holds_and_a_long_text_does_no_harm(session: Session) -> None:
    assert len(codes(session, "c", limit=7)) == 7
    assert codes(session, "产" * 100_000) == []
    assert codes(session, "a " * 50_000) != []


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(icd10, "distribution", missing)
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine, tables=[Icd10.__table__])
    with (
        Session(engine) as session,
        pytest.raises(icd10.TitlesMissing, match=r"pip install .* requirements-icd10\.lock"),
    ):
        icd10.load(session)
    engine.dispose()


def test_the_national_card_has_44_groups_in_order() -> None:
    groups = icd10.cause_groups()
    assert [group.code for group in groups] == [f"{number:02}" for number in range(1, 45)]
    assert groups[12].title == "羊水栓塞"
    assert len({group.title for group in groups}) == 44


def test_the_count_of_obstetric_codes(session: Session) -> None:
    chapter = select(func.count()).select_from(Icd10).where(Icd10.chapter == 15)
    assert session.scalar(chapter) == 501
    assert session.scalar(select(Icd10.rank).where(Icd10.code == "A34")) == 0
