"""What pickers find: for signed-in people only, nothing personal beyond name, unit and title."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from models import Appointment, Icd10, Organisation
from tests.pages import Client
from tests.people import World
from workflows import regions

ClientFor = Callable[[Appointment], Client]


DISEASES = (
    ("O72", "产后出血", "chcx"),
    ("O72.1", "其他的即刻产后出血", "qtdjkchcx"),
    *((f"O9{number}", f"虚构的病{number}", "xgdb") for number in range(10, 35)),
)


@pytest.fixture
def browser(client_for: ClientFor, world: World) -> Client:
    return client_for(world.by["quality_office"])


def rows(browser: Client, path: str) -> list[dict[str, Any]]:
    reply = browser.get(path, headers={"Accept": "application/json"})
    assert reply.status_code == 200
    assert reply.json is not None
    found: list[dict[str, Any]] = reply.json["rows"]
    return found


@pytest.mark.parametrize("what", ["icd10", "regions", "organisations", "users"])
def test_not_for_strangers(client: Client, what: str) -> None:
    reply = client.get(f"/lookup/{what}?q=a", headers={"Accept": "application/json"})
    assert reply.status_code == 401
    assert "rows" not in (reply.json or {})


def test_diseases(browser: Client, session: Session) -> None:
    for code, title, letters in DISEASES:
        session.add(
            Icd10(
                code=code, title=title, title_en="", initials=letters, chapter=15, rank=0,
                aliases="宫缩乏力" if code == "O72.1" else "", divided=code == "O72",
            )
        )  # fmt: skip
    session.commit()
    assert rows(browser, "/lookup/icd10?q=") == []
    assert rows(browser, "/lookup/icd10?q=chcx") == [
        {"value": "O72", "label": "产后出血", "note": "类目，下面有更细的编码"},
        {"value": "O72.1", "label": "其他的即刻产后出血", "note": "宫缩乏力"},
    ]
    assert len(rows(browser, "/lookup/icd10?q=x")) == 20


def test_areas(browser: Client, session: Session) -> None:
    regions.load_demo(session)
    session.commit()
    [province] = rows(browser, "/lookup/regions")
    assert province["value"] == "990000"
    [city] = rows(browser, "/lookup/regions?parent=990000")
    counties = rows(browser, f"/lookup/regions?parent={city['value']}")
    assert "990121" in [row["value"] for row in counties]
    assert rows(browser, "/lookup/regions?parent=990121") != []  # townships
    found = {row["value"]: row for row in rows(browser, "/lookup/regions?q=云江")}
    assert found["990121"]["whole"] == f"{found['990121']['note']}{found['990121']['label']}"
    assert rows(browser, "/lookup/regions?q=990121")[0]["value"] == "990121"
    assert rows(browser, "/lookup/regions?parent=nowhere") == []


def test_organisations(browser: Client, session: Session, world: World) -> None:
    closed = world.units["neighbour"]
    session.get_one(Organisation, closed.id).active = False
    session.commit()
    names = [row["label"] for row in rows(browser, "/lookup/organisations")]
    assert closed.name not in names
    assert world.units["mch"].name in names
    kinds = rows(browser, "/lookup/organisations?among=commission&among=mch")
    assert {row["note"] for row in kinds} == {"卫生健康委", "妇幼保健机构"}
    [found] = rows(browser, "/lookup/organisations?q=yjxrmyy")  # 云江县人民医院
    assert found["value"] == str(world.units["hospital"].id)
    assert rows(browser, "/lookup/organisations?q=没有这家") == []
    assert len(rows(browser, "/lookup/organisations?q=%25")) == 0


def test_people(browser: Client, session: Session, world: World) -> None:
    user = world.user("expert1")
    user.title, user.phone = "主任医师", "13800138000"
    session.commit()
    experts = rows(browser, "/lookup/users?among=expert")
    assert {row["value"] for row in experts} == {
        str(world.user(f"expert{number}").id) for number in range(1, 6)
    }
    [found] = rows(browser, f"/lookup/users?q={user.name}&among=expert")
    assert set(found) == {"value", "label", "note"}
    assert found["note"] == "云江市中心医院 · 产科 · 主任医师"
    assert "13800138000" not in str(experts)


def test_a_past_appointment_is_none(browser: Client, session: Session, world: World) -> None:
    held = world.by["expert1"]
    held.valid_to = held.valid_from
    session.commit()
    values = [row["value"] for row in rows(browser, "/lookup/users?among=expert")]
    assert str(held.user_id) not in values


def test_odd_questions_are_harmless(browser: Client) -> None:
    for word in ("'", "%", "_", "\\", "\x00", "x" * 5000, "😀", "--"):
        for what in ("icd10", "regions", "organisations", "users"):
            reply = browser.get(f"/lookup/{what}", query_string={"q": word})
            assert reply.status_code == 200
