"""Where a case stands on its diagrams: states, the way taken, alarms, the list beside it."""

import json
import re

import pytest

from models import Case
from tests.pages import Client
from tests.played import (
    CHAIR,
    CLOSED,
    COMMISSION,
    FRESH,
    IN_REVIEW,
    LATE,
    OFFICE,
    RETURNED,
    SECRETARY,
    Browse,
    Cast,
)


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


# Diagrams


def data_of(client: Client, case: Case, key: str) -> dict[str, object]:
    reply = client.get(f"/cases/{case.id}/diagrams/{key}/data")
    assert reply.mimetype == "application/json"
    found: dict[str, object] = json.loads(reply.text)
    return found


def states(data: dict[str, object]) -> dict[str, str]:
    elements = data["elements"]
    assert isinstance(elements, dict)
    return {name: element["state"] for name, element in elements.items()}


def test_a_fresh_case_on_its_diagram(browse: Browse, cast: Cast) -> None:
    data = data_of(browse(OFFICE), cast.case(FRESH), "maternal_death")
    assert states(data) == {
        "UT_report": "done",
        "UT_discuss": "now",
        "UT_submit": "now",
        "UT_receive": "now",
        "SP_first_48h": "now",
    }
    assert set(data["path"]) == {  # type: ignore[call-overload]
        "SE_found",
        "F_SE_found__UT_report",
        "F_UT_report__SP_first_48h",
        "SP_first_48h",
        "SE_first_48h",
        "F_SE_first_48h__GW_fork_first",
        "GW_fork_first",
        "F_GW_fork_first__UT_discuss",
        "F_GW_fork_first__UT_submit",
        "F_GW_fork_first__UT_receive",
    }
    assert data["alarms"] == []
    assert "还剩 20 小时 30 分" in json.dumps(data["elements"], ensure_ascii=False)
    assert str(data["xml"]).startswith("<?xml")


def test_an_overdue_step_is_late_and_its_alarm_went_off(browse: Browse, cast: Cast) -> None:
    data = data_of(browse("subl"), cast.case(LATE), "maternal_death")
    assert states(data)["UT_discuss"] == "late"
    assert states(data)["SP_first_48h"] == "late"
    assert {"BT_discuss_overdue", "SV_discuss_overdue"} <= set(data["alarms"])  # type: ignore[call-overload]
    assert "BT_submit_overdue" not in set(data["alarms"])  # type: ignore[call-overload]
    assert "F_UT_receive__GW_join_first" in set(data["path"])  # type: ignore[call-overload]


def test_only_the_ways_taken_are_tinted(browse: Browse, cast: Cast) -> None:
    back = set(data_of(browse("subl"), cast.case(RETURNED), "maternal_death")["path"])  # type: ignore[call-overload]
    assert "F_GW_verified__UT_supplement" in back
    assert "F_GW_verified__CA_county_review" not in back
    data = data_of(browse(OFFICE), cast.case(CLOSED), "maternal_death")
    path = set(data["path"])  # type: ignore[call-overload]
    taken = {"F_GW_verified__CA_county_review", "F_GW_county_items__CA_county_rectify",
             "SV_to_city", "F_GW_city_items__GW_city_done", "EE_closed"}  # fmt: skip
    assert taken <= path
    untaken = {"F_GW_verified__UT_supplement", "F_GW_issued__UT_notice", "F_GW_city__GW_city_done",
               "F_GW_county_items__GW_county_done", "SV_discuss_overdue"}  # fmt: skip
    assert not untaken & path
    assert set(states(data).values()) == {"done"}
    item = set(data_of(browse(OFFICE), cast.case(CLOSED), "rectification")["path"])  # type: ignore[call-overload]
    assert {"F_GW_accepted__UT_progress", "F_GW_accepted__EE_item"} <= item


def test_each_diagram_a_case_uses_has_its_tab(browse: Browse, cast: Cast) -> None:
    client = browse(OFFICE)
    text = client.get(f"/cases/{cast.case(CLOSED).id}/diagrams").text
    assert re.findall(r"/diagrams/([\w-]+)\"", text[: text.index('id="diagram"')]) == [
        "maternal_death",
        "review-county",
        "review-city",
        "rectification",
    ]
    assert client.get(f"/cases/{cast.case(FRESH).id}/diagrams/review-county").status_code == 404
    assert client.get(f"/cases/{cast.case(FRESH).id}/diagrams/nothing/data").status_code == 404


def test_the_list_beside_the_diagram_says_the_same(browse: Browse, cast: Cast) -> None:
    case = cast.case(FRESH)
    text = browse(OFFICE).get(f"/cases/{case.id}/diagrams").text
    steps = dict(re.findall(r'<li class="step step-(\w+)" id="step-(\w+)"', text))
    assert {"done", "now", "ahead"} == set(steps)
    line = text[text.index('id="step-UT_discuss"') : text.index('id="step-UT_explain"')]
    assert "产安办（质控办）" in line
    assert "青禾县医院，今天 11:30 起" in line
    assert ">办理</a>" in line
    assert (
        "看文书（第 1 稿）"
        in text[text.index('id="step-UT_report"') : text.index('id="step-UT_discuss"')]
    )


def test_a_sealed_step_shows_no_progress(browse: Browse, cast: Cast) -> None:
    case = cast.case(IN_REVIEW)
    for username in (OFFICE, COMMISSION, CHAIR, SECRETARY):
        data = data_of(browse(username), case, "review-county")
        element = data["elements"]["UT_opinion"]  # type: ignore[index]
        assert element["state"] == "now"
        assert "不显示进度" in element["tip"]
        assert "办结" not in element["tip"]
