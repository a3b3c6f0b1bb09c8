"""A panel's meeting over HTTP: its pack, who signs in, who leaves before the vote, the vote, and
the signatures under what was concluded, with a view reserved that nobody can tell whose it is."""

import random
import re
from pathlib import Path

import pypdfium2
import pytest
from sqlalchemy import select

from models import Conclusion, Event, Guest, Level, Signature
from tests import said
from tests.forms import KNOWN, MEMBERS, NOW, spoilt
from tests.played import AUDITOR
from tests.said import COUNTY_PANEL, signed_by_all
from tests.test_blind import every_byte
from tests.walk import Move, Page, StartWalk, Walk, faults
from webapp import dossiers
from workflows import identity
from workflows.demo import answers
from workflows.demo.play import Play
from workflows.forms.check import check
from workflows.forms.load import load

SECRETARY, CHAIR, RESERVES, AWAY, GONE = "wugs", "chenyf", "lixh", "chuys", "fengjc"
DECIDED = "QUETIE：组长认为死亡前四小时仍有处理余地。"
VIEW = "QUERESERVED：出血进展过快，处置及时，难以避免。"
WHY = "一名专家出国未归，会议已经改期两次，不能再等。"


@pytest.fixture(scope="session")
def empty_sqlite(settled_sqlite: Path) -> Path:
    return settled_sqlite


def made(walk: Walk, who: str, path: str) -> bytes:
    """A PDF asked for on a page, made as the worker does, downloaded by who asked."""
    browser = walk.browser(who)
    asked = browser.post(path)
    assert asked.status_code == 303, faults(asked)
    walk.session.rollback()
    with walk.app.app_context():
        dossiers.render(int(asked.location.rsplit("/", 1)[-1]))
    assert walk.browser("shenqm").get(f"{asked.location}/file").status_code == 404
    return bytes(browser.get(f"{asked.location}/file").data)


def text_of(pdf: bytes) -> str:
    with pypdfium2.PdfDocument(pdf) as document:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    return "".join("".join(pages).split())


def test_a_meeting_from_its_pack_to_the_signed_sheet(start_walk: StartWalk) -> None:
    walk = start_walk()
    walk.play(
        Play.first_48h,
        lambda play: play.verify(60),
        lambda play: play.convene(100, Level.COUNTY, 240),
        lambda play: play.opine(150, Level.COUNTY, (CHAIR, "qianqs", RESERVES, GONE)),
    )
    walk.at(170)
    panel = walk.panel("county")
    room = f"/meetings/{panel.id}"
    for stranger in ("shenqm", "zhougy", "wangzy", "chenglc", "subl", "anquan"):
        assert walk.browser(stranger).get(room).status_code == 404, stranger
    sealed = walk.browser(CHAIR).get(room).text
    assert "意见启封以后才能签到开会" in sealed
    assert walk.seat(RESERVES).user.name not in sealed
    _pack(walk, room)
    _opened_early(walk, panel.id)
    _attended(walk, room)
    _voted(walk, room)
    _signed(walk, room)


def _pack(walk: Walk, room: str) -> None:
    """One PDF of the file without a word or a day of hers, for reviewers alone."""
    assert walk.browser("fangcf").post(f"{room}/pack").status_code == 404
    pdf = made(walk, CHAIR, f"{room}/pack")
    body, text = every_byte(pdf), text_of(pdf)
    words = identity.words(walk.session, walk.case)
    assert [word for word in words if word.encode() in body or word in text] == []
    assert not re.search(r"2026-11-2[1-5]", text)
    for wanted in (
        "评审会材料（去标识）",
        "经治人员说明情况后离场",
        "死亡前",
        "去标识病历：材料1.pdf",
    ):
        assert wanted in text
    assert "个人评审意见" not in text.replace("个人意见对照", "")


def _opened_early(walk: Walk, panel_id: int) -> None:
    """One writes his opinion anew with a reason; the chair opens without the last one's."""
    path = f"/opinions/{panel_id}"
    browser = walk.browser(RESERVES)
    page = Page.of(browser.get(path).text)
    anew = answers.opinion(sign=said.SIGNED, conclusion="unavoidable", chance="none")
    form = load("opinion.v2")
    without = browser.post(path, data=page.filled(form, anew), csrf=False)
    assert without.status_code == 422
    filled = page.filled(form, anew)
    filled.setlist("revision_reason", ["复看护理记录后，对出血量的判断有变化。"])
    assert browser.post(path, data=filled, csrf=False).status_code == 303
    opening = f"{path}/opening"
    assert walk.browser("qianqs").get(opening).status_code == 404
    assert walk.post(CHAIR, opening, {"reason": "不等了"}).status_code == 422
    assert walk.post(CHAIR, opening, {"reason": WHY}).status_code == 303
    assert WHY in walk.browser(SECRETARY).get(f"/cases/{walk.case_id}").text
    names = walk.session.scalars(select(Event.name).where(Event.case_id == walk.case_id)).all()
    assert {"opinion.revised", "opinions.opened_early"} <= set(names)


def _attended(walk: Walk, room: str) -> None:
    """On the day, each for themselves; who treated her must have left before there is a vote."""
    assert walk.post(CHAIR, room, {}, "/sign-in").status_code == 409  # not the day
    walk.at(240)
    for who in (CHAIR, "qianqs", GONE):
        assert walk.post(who, room, {}, "/sign-in").status_code == 303
    assert walk.post(CHAIR, room, {}, "/sign-in").status_code == 303  # twice is once
    for who in (SECRETARY, "fangcf"):
        assert walk.post(who, room, {}, "/sign-in").status_code == 404
    guest = {"name": "秦思远", "organisation": str(walk.units["qh_hospital"]), "title": "chief"}
    assert walk.post(CHAIR, room, guest, "/guests").status_code == 404
    assert walk.post(SECRETARY, room, guest | {"title": "x"}, "/guests").status_code == 422
    assert walk.post(SECRETARY, room, guest, "/guests").status_code == 303
    assert "秦思远" not in walk.browser(CHAIR).get(room).text
    late = {"held_at": "2026-12-09T09:00", "mode": "online", "place": "", "agenda": "讨论"}
    assert walk.post(SECRETARY, room, late, "/plan").status_code == 409
    assert "3 人" in walk.browser(SECRETARY).get(room).text


def _voted(walk: Walk, room: str) -> None:
    good = said.conclusion("county", absent=[AWAY])(walk)  # signs the fourth in as well
    walk.session.rollback()
    form = walk.hand_in(SECRETARY, "conclude", good)
    assert "还有 1 名经治人员没有离场" in faults(form)[0]
    [guest] = walk.session.scalars(select(Guest)).all()
    gone = f"/guests/{guest.id}/leave"
    assert walk.post(SECRETARY, room, {}, gone).status_code == 303
    assert "已全部离场" in walk.browser(CHAIR).get(room).text
    tie = answers.votes(4, "conditionally_avoidable", 2)
    refused = walk.hand_in(SECRETARY, "conclude", good | tie)
    assert any("票数相同" in fault for fault in faults(refused))
    rows = good["attendance"]
    there = [row | {"present": True, "voting": True} for row in rows]
    unsaid = walk.hand_in(SECRETARY, "conclude", good | {"attendance": there})
    assert any("没有用本人账号签到，请写明原因" in fault for fault in faults(unsaid))
    twice = [*rows, rows[0]]
    assert walk.hand_in(SECRETARY, "conclude", good | {"attendance": twice}).status_code == 422
    typed = walk.hand_in(SECRETARY, "conclude", good | tie | {"tie_reason": "组长口头裁定。"})
    assert any("请组长本人在评审会页面裁定" in fault for fault in faults(typed))
    _tie_decided(walk, room)
    against = walk.hand_in(SECRETARY, "conclude", good | tie | {"conclusion": "unavoidable"})
    assert any("组长裁定为「创造条件可避免」" in fault for fault in faults(against))
    decided = good | tie | {"tie_reason": DECIDED}
    left = f"chair_sign:{CHAIR}"
    walk.make(Move(245, SECRETARY, "conclude", lambda _: decided, left))
    refilled = walk.document("conclude").answers["grid"]
    assert set(refilled) == {"2", "5", "8"}
    assert walk.post(RESERVES, room, {}, "/sign-in").status_code == 409  # it is over
    late = {"code": "avoidable", "tie_reason": "表决以后再改裁定，不能接受。"}
    assert walk.post(CHAIR, room, late, "/tie").status_code == 409


def _tie_decided(walk: Walk, room: str) -> None:
    """By the chair's own account alone, with a reason; anew until the sheet is handed in."""
    tie = {"code": "unavoidable", "tie_reason": "出血进展过快，处置已属及时。"}
    for other in (SECRETARY, "fangcf", RESERVES, "qianqs"):
        assert "以组长身份裁定" not in walk.browser(other).get(room).text
        assert walk.post(other, room, tie, "/tie").status_code == 404, other
    short = walk.post(CHAIR, room, tie | {"tie_reason": "同意"}, "/tie")
    assert (short.status_code, "写明裁定的理由" in short.text) == (422, True)
    assert walk.post(CHAIR, room, tie | {"code": "abstain"}, "/tie").status_code == 422
    assert walk.post(CHAIR, room, tie, "/tie").status_code == 303
    anew = {"code": "conditionally_avoidable", "tie_reason": DECIDED}
    assert walk.post(CHAIR, room, anew, "/tie").status_code == 303
    assert DECIDED in walk.browser(SECRETARY).get(room).text
    assert "组长已裁定为" in walk.browser(SECRETARY).get(_step(walk, "conclude")).text
    happened = walk.browser("fangcf").get(f"/cases/{walk.case_id}").text
    assert "票数相同，由组长裁定" in happened
    assert "票数相同，由组长裁定" not in walk.browser("zhougy").get(f"/cases/{walk.case_id}").text


def _step(walk: Walk, step: str) -> str:
    return f"/tasks/{walk.task(SECRETARY, step).id}"


def _signed(walk: Walk, room: str) -> None:
    """In any order; whoever was away is noted, whoever loses the seat signs no more."""
    chair, *_ = signed_by_all(COUNTY_PANEL, 246, "")
    signers = ("qianqs", GONE, RESERVES)
    waiting = " ".join(f"member_sign:{who}" for who in signers)
    walk.make(Move(246, CHAIR, "chair_sign", chair.said, waiting))
    walk.make(
        Move(247, RESERVES, "member_sign", said.member_signs(VIEW),
             f"member_sign:qianqs member_sign:{GONE}")
    )  # fmt: skip
    signature = walk.document("member_sign")
    for who in (CHAIR, SECRETARY, "fangcf", AUDITOR, "zhougy"):
        assert VIEW not in walk.browser(who).get(f"{room}/sheet").text  # others are still to sign
        own = walk.browser(who).get(f"/cases/{walk.case_id}/documents/{signature.id}")
        assert own.status_code == 404, who
    assert VIEW in walk.browser(RESERVES).get(f"/tasks/{signature.task_id}").text
    seat = next(each for each in walk.panel("county").members if each.user.username == GONE)
    ended = {"reason": "会后发现参加过本例的院际会诊。"}
    path = f"/panels/{seat.panel_id}/seats"
    assert walk.post("fangcf", path, ended, f"/{seat.id}/end").status_code == 303
    walk.make(Move(248, "qianqs", "member_sign", said.member_signs(), "endorse:shaoxz"))
    page = walk.browser("shaoxz").get(f"{room}/sheet").text
    assert VIEW in page
    assert "未到会" in page
    walk.make(Move(270, "shaoxz", "endorse", said.endorsement(), "notice:fangcf"))
    hospital = walk.browser("zhougy").get(f"{room}/sheet").text
    assert VIEW in hospital
    assert "李杏花" not in hospital
    name = walk.seat(RESERVES).user.name
    for line in re.findall(r"<li>.*?</li>", page, re.S):
        assert not (name in line and "QUERESERVED" in line)
    rows = walk.session.scalars(select(Signature)).all()
    assert {row.member.user.username for row in rows} == {"qianqs", RESERVES}
    sheet = text_of(made(walk, SECRETARY, f"{room}/sheet"))
    leader = walk.seat("shaoxz").user.name
    for wanted in (
        "评审结论表",
        name,
        "未到会",
        "组织单位（盖章）",
        "QUERESERVED",
        "QUETIE",
        "组长裁定（票数相同）",
        leader,
    ):
        assert wanted in sheet
    told = repr(walk.session.scalars(select(Event.data)).all())
    assert "QUERESERVED" not in told
    assert "QUETIE" not in told
    assert walk.session.scalars(select(Conclusion)).one().votes["votes_unavoidable"] == 2


def test_no_attendance_lets_a_vote_count_twice() -> None:
    """Whatever rows and numbers are typed: what is accepted counts each member once at most."""
    form, dice, accepted = load("conclusion.v5"), random.Random(2026), 0  # noqa: S311
    people = [user for user, _, _ in MEMBERS]
    for _ in range(400):
        rows = [
            {"user": user, "is_guide": user == people[-1], "present": True,
             "voting": dice.random() < 0.9, "note": "设备故障"}
            for user in (dice.sample(people, 3) if dice.random() < 0.5 else
                         dice.choices([*people, 29], k=dice.randrange(2, 5)))
        ]  # fmt: skip
        votes = answers.votes(dice.randrange(1, 5))
        filled = spoilt("conclusion.v5", {"attendance": rows, **votes})
        if check(form, filled, now=NOW, known=KNOWN):
            continue
        accepted += 1
        users = [row["user"] for row in rows]
        assert sorted(users) == sorted(people)
        assert sum(votes.values()) == sum(row["voting"] for row in rows) <= len(people)
    assert accepted > 10
