"""重点联系单位 over HTTP: Xuzhou's list of who does badly, Kaifeng's units that support others."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from models import Event, KeyContact, Measure, Motion, MotionObject, Organisation
from tests.test_measures import by_hand, decided, motions
from tests.walk import StartWalk, Walk, faults
from workflows import measures
from workflows.rules import day_of, rule_set

LEADER, DESK = "shaoxz", "fangcf"
REASON = {
    "facts": "连续两个月没有按时报送月报，现场核对属实。",
    "reason": "措施不落实，屡次提醒未改。",
}


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    """Here the demonstration's people are in every database."""
    return settled_sqlite


def in_(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demonstration's places are under another city's rules."""
    monkeypatch.setattr(measures, "rules_at", lambda _code, now: rule_set(code, now))


def listed(walk: Walk, who: str, **said: object) -> tuple[int, KeyContact | None]:
    reply = walk.browser(who).post("/key-contacts/new", data=REASON | said)
    walk.session.rollback()
    newest = select(KeyContact).order_by(KeyContact.id.desc()).limit(1)
    return reply.status_code, walk.session.scalars(newest).one_or_none()


def told_of_it(walk: Walk, line: str, words: str) -> None:
    """Who answers for the unit is told and reads since when and by which clause; neither facts nor
    reason, and nobody else of the unit or elsewhere."""
    for who in ("helx", "zhougy"):
        assert line in " ".join(walk.browser(who).get("/notifications").text.split())
        page = walk.browser(who).get("/measures").text
        assert words in page
        assert "要建立重点联系单位制度" in page
        assert not [text for text in REASON.values() if text in page]
    for who in ("shenqm", "subl"):
        assert line not in walk.browser(who).get("/notifications").text
        assert "青禾县医院" not in walk.browser(who).get("/measures").text.split("<main")[1]


@pytest.mark.clause("D09")
def test_who_does_badly_is_listed_guided_inspected_assessed_and_called_to_account_first(
    start_walk: StartWalk, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = start_walk()
    walk.at(24)
    in_("320300", monkeypatch)
    hospital, mch = walk.units["qh_hospital"], walk.units["qh_mch"]
    slide = {"trigger": "trigger.serious_slide", "about": "unit", "measure": "supervise"}
    for unit in (hospital, mch):
        assert by_hand(walk, DESK, unit=unit, **slide)[0] == 303
    older, newer = motions(walk)

    # A proposal suggests it; the leader decides, with reason and facts of the process
    leader, desk = walk.browser(LEADER), walk.browser(DESK)
    suggestion = f"/key-contacts/new?motion={older.id}"
    assert suggestion in leader.get(f"/motions/{older.id}").text
    assert older.facts.splitlines()[0] in leader.get(suggestion).text
    assert desk.get("/key-contacts/new").status_code == 404
    assert listed(walk, DESK, unit=hospital, about="unit") == (404, None)
    assert listed(walk, LEADER, unit=hospital, about="unit", reason="")[0] == 422
    assert listed(walk, LEADER, unit=hospital, about="person")[0] == 422
    status, contact = listed(walk, LEADER, unit=hospital, about="unit", motion=older.id)
    assert status == 303
    assert contact is not None
    assert (contact.motion_id, contact.about) == (older.id, "青禾县医院")
    assert contact.rule["quote"].startswith("要建立重点联系单位制度")
    assert listed(walk, LEADER, unit=hospital, about="unit")[0] == 422  # it is there already
    told_of_it(walk, "列入重点联系单位：青禾卫健", "的重点联系单位")
    place = f"/key-contacts/{contact.id}"
    for who in ("zhougy", "helx", "shenqm", "wugs", "jiasj", "shenji"):
        assert walk.browser(who).get("/key-contacts").status_code == 404
    for who in ("dongdz", "renys", "zhougy"):
        assert walk.browser(who).get(place).status_code == 404

    # The three of the clause, each for a day, with who sees to it; then what came of it
    for days, kind in enumerate(("guide", "inspect", "assess"), 2):
        day = (day_of(walk.now) + timedelta(days=days)).isoformat()
        planned = {"kind": kind, "planned_on": day, "responsible": "方春分",
                   "content": "对照产后出血处置流程逐项查看。"}  # fmt: skip
        reply = desk.post(f"{place}/actions", data=planned)
        assert reply.status_code == 303, faults(reply)
    assert desk.post(f"{place}/actions", data={"kind": "punish"}).status_code == 422
    page = desk.get(place).text
    assert all(word in page for word in ("重点指导", "重点督查", "重点考核", "已安排"))
    walk.at(24 * 9)
    leader, desk = walk.browser(LEADER), walk.browser(DESK)
    assert "过期未填结果" in desk.get("/key-contacts").text
    walk.session.rollback()
    for action in contact.actions:
        done = {"done_on": day_of(walk.now).isoformat(), "outcome": "两项已改，夜间值守仍缺一人。"}
        path = f"{place}/actions/{action.id}"
        assert desk.post(path, data=done).status_code == 303
        assert desk.post(path, data=done).status_code == 409  # once
    assert desk.get(place).text.count("夜间值守仍缺一人") == 3

    # 加大约谈追责和通报力度: stands first, is marked, and may be interviewed or made known at once
    rows = leader.get("/motions").text
    assert rows.index(older.number) < rows.index(newer.number)
    assert rows.count("重点联系单位") == 2  # the way to the list, and the one that is on it
    page = leader.get(f"/motions/{older.id}").text
    assert 'value="take:interview"' in page
    assert 'value="take:notice"' in page
    assert "可以直接约谈或通报" in page
    decided(walk, LEADER, older, "take:interview")
    assert older.taken is Measure.INTERVIEW

    # Areas: on the city's list, by its commission; a commission itself is no institution
    area = walk.units["bl_commission"]
    assert listed(walk, "dongdz", unit=area, about="area")[0] == 422
    assert listed(walk, "renys", unit=area, about="unit")[0] == 422
    status, county = listed(walk, "renys", unit=area, about="area")
    assert status == 303
    assert county is not None
    assert county.about == "白鹭县"

    # Taken off by a decision, with a reason; the history stays
    assert desk.post(f"{place}/end", data={"reason": "两个季度都已达标。"}).status_code == 404
    assert leader.post(f"{place}/end", data={"reason": ""}).status_code == 422
    assert leader.post(f"{place}/end", data={"reason": "两个季度都已达标。"}).status_code == 303
    assert leader.post(f"{place}/end", data={"reason": "两个季度都已达标。"}).status_code == 409
    assert "两个季度都已达标。" in desk.get(place).text
    told_of_it(walk, "移出重点联系单位：青禾卫健", "移出。")
    assert "青禾县医院" not in desk.get("/key-contacts").text.split("<main")[1]
    assert "青禾县医院" in desk.get("/key-contacts?view=ended").text
    status, again = listed(walk, LEADER, unit=hospital, about="unit")
    assert status == 303
    assert again is not None
    assert place in leader.get(f"/key-contacts/{again.id}").text
    names = list(walk.session.scalars(select(Event.name).where(Event.name.like("contact.%"))))
    acts = ("listed", "planned", "done", "ended")
    assert [names.count(f"contact.{act}") for act in acts] == [
        3, 3, 3, 1,
    ]  # fmt: skip


def test_a_listed_object_may_be_interviewed_on_any_occasion(start_walk: StartWalk) -> None:
    walk = start_walk()
    rules, unit = MotionObject.UNIT, walk.session.get_one(Organisation, walk.units["qh_hospital"])
    kaifeng = rule_set("410200", walk.now)
    late = kaifeng.get("trigger.late_report")
    assert measures.allowed(kaifeng, late, rules, unit) == [Measure.REMIND]
    assert measures.allowed(kaifeng, late, rules, unit, listed=True) == list(Measure)


@pytest.mark.clause("D10")
def test_where_the_word_means_units_that_support_nobody_is_listed(
    start_walk: StartWalk, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = start_walk()
    in_("410200", monkeypatch)
    page = walk.browser("renys").get("/key-contacts").text
    assert "市卫生健康委将以市级妇幼保健机构和市级危重救治中心确定为重点联系单位" in page
    for name in ("云江市妇幼保健院", "云江市危重孕产妇救治中心", "云江市危重新生儿救治中心"):
        assert name in page
    assert "青禾县妇幼保健院" not in page
    assert walk.browser("renys").get("/key-contacts/new").status_code == 404
    assert listed(walk, "renys", unit=walk.units["city_mch"], about="unit") == (404, None)
    assert walk.session.scalars(select(Motion)).all() == []
