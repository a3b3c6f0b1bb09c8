"""The province's conclusion: entered by the city's desk as received, after the city's own, with a
reason for each part it changes; then it stands beside the others everywhere."""

import dataclasses
import io

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from models import Conclusion, Document, Event, ItemSource, Level, Rectification
from tests.pages import Client
from tests.played import (
    CHAIR,
    CLOSED,
    COMMISSION,
    MCH,
    NOW,
    OFFICE,
    RECTIFYING,
    SECRETARY,
    Browse,
    Cast,
)
from tests.said import SIGNED
from tests.walk import Page, faults
from workflows import gather
from workflows.demo import FILES
from workflows.forms.load import load
from workflows.forms.spec import Answers

DESK, FORM = "chenglc", "province_conclusion.v1"
FOUND = "抢救车药品没有双人核对。"
WHY = "QUEPROVINCE：病情进展虽快，血源半小时可达。"


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


def upload(client: Client) -> str:
    content = (FILES / "autopsy.pdf").read_bytes()
    reply = client.post("/attachments", data={"file": (io.BytesIO(content), "省级文书.pdf")})
    return str(reply.get_json()["token"])


def answers(client: Client, below: Answers, **over: object) -> Answers:
    """The same as the city said, on the province's paper."""
    return {
        "doc_no": "省评〔2026〕7 号",
        "doc_date": "2026-11-10",
        "received_on": "2026-11-16",
        "files": [upload(client)],
        "conclusion": below["conclusion"],
        "underlying_icd": below["underlying_icd"],
        "grid": sorted(below.get("grid") or (), key=int),
        "major_factors": list(below.get("major_factors") or ()),
        "sign": SIGNED,
        **over,
    }


def entered(client: Client, path: str, said: Answers) -> TestResponse:
    page = Page.of(client.get(path).text)
    return client.post(path, data=page.filled(load(FORM), said), csrf=False)


def test_only_the_citys_desk_and_only_after_the_citys_conclusion(
    browse: Browse, cast: Cast
) -> None:
    path = f"/cases/{cast.case(CLOSED).id}/province"
    for who in (COMMISSION, MCH, OFFICE, SECRETARY, CHAIR, "renys", "zhengdh", "guqf"):
        assert browse(who).get(path).status_code == 404, who
        assert browse(who).post(path).status_code == 404, who
    assert browse(DESK).get(path).status_code == 200
    assert browse(DESK).get(f"/cases/{cast.case(RECTIFYING).id}/province").status_code == 404
    assert "登记省级评审结论" in browse(DESK).get(path.replace("province", "reviews")).text


def test_three_levels_side_by_side(browse: Browse, cast: Cast, session: Session) -> None:
    case = cast.case(CLOSED)
    case_id, path = case.id, f"/cases/{case.id}/province"
    unit = case.organisation_id
    city = select(Conclusion).where(Conclusion.case_id == case_id, Conclusion.level == Level.CITY)
    below = session.scalars(city).one().document.answers
    session.rollback()
    desk = browse(DESK)
    other = answers(desk, below, conclusion="unavoidable")
    refused = entered(desk, path, other)
    assert any("结论与下级不同，请说明理由" in fault for fault in faults(refused))
    assert entered(desk, path, other | {"doc_no": ""}).status_code == 422
    problem = {"text": FOUND, "area": "medical", "organisation": unit}
    why = {"difference_conclusion": WHY, "difference_findings": "市级没有写到药品核对。"}
    said = other | {"problems": [problem]} | why
    place = f"/drafts/province:{case_id}"
    assert browse(COMMISSION).post(place, data={"doc_no": "省评"}).status_code == 404
    assert desk.post(place, data={"doc_no": "省评〔2026〕草"}).status_code == 200
    assert "省评〔2026〕草" in desk.get(path).text  # kept while it is typed
    assert entered(desk, path, said).status_code == 303
    session.rollback()
    for who in (DESK, COMMISSION, OFFICE, SECRETARY, "zhengdh"):
        page = browse(who).get(f"/cases/{case_id}/reviews").text
        for words in ("省级评审", "文书日期 2026-11-10", WHY, 'data-label="省级"'):
            assert words in page, (who, words)
        assert "省评" not in page
    assert "登记省级评审结论" in desk.get(f"/cases/{case_id}").text
    assert "省级对市级" in browse("renys").get("/statistics/differences").text
    assert "省级评审结论，按季度" in browse("renys").get("/statistics/conclusions").text
    assert "省级评审已签署" not in desk.get("/board").text
    _on_paper(cast, session)
    _listed(browse, session, case_id)
    _put_right(desk, path, said, session, case_id)


def _listed(browse: Browse, session: Session, case_id: int) -> None:
    """What the province found enters the ledger like anything else, by the city's desk, once."""
    page = browse(DESK).get(f"/cases/{case_id}/reviews").text
    begin = f"/ledger/new?province={case_id}&problem=1"
    assert begin.replace("&", "&amp;") in page
    for who in (COMMISSION, MCH):
        assert browse(who).get(begin).status_code == 404
    desk = browse(DESK)
    form = Page.of(desk.get(begin).text)
    typed = {"scope": "specific", "kind": "management", "resp_level": "institution"}
    reply = desk.post(begin, data=form.filled(load("ledger_item.v2"), typed), csrf=False)
    assert reply.status_code == 303, faults(reply)
    session.rollback()
    item = session.scalars(select(Rectification).where(Rectification.problem == FOUND)).one()
    assert (item.source, item.acceptor.short_name) == (ItemSource.REVIEW, "云江卫健")
    page = browse(DESK).get(f"/cases/{case_id}/reviews").text
    assert item.number in page
    assert begin.replace("&", "&amp;") not in page


def _on_paper(cast: Cast, session: Session) -> None:
    by = cast.seat(OFFICE)
    made = gather.gather(
        session, cast.case(CLOSED), by=by, files=cast.folder, wording=lambda name: name, now=NOW
    )
    [part] = [each for each in made.sections if each.key == "review_province"]
    assert WHY in repr(dataclasses.asdict(part))
    assert "省评〔2026〕7 号" in repr(dataclasses.asdict(part))
    assert any(file.name == "省级文书.pdf" for file in made.attachments)
    session.rollback()


def _put_right(desk: Client, path: str, said: Answers, session: Session, case_id: int) -> None:
    """A further entry, with its reason; the first stays."""
    right = said | {"doc_no": "省评〔2026〕17 号"}
    again = entered(desk, path, right)
    assert any("更正须写明理由" in fault for fault in faults(again))
    right |= {"correction_reason": "第一次登记时文号录错。"}
    assert entered(desk, path, right).status_code == 303
    session.rollback()
    rows = session.scalars(
        select(Document).where(Document.case_id == case_id, Document.form == FORM)
    ).all()
    assert [row.edition for row in rows] == [1, 2]
    [row] = session.scalars(
        select(Conclusion).where(Conclusion.case_id == case_id, Conclusion.level == Level.PROVINCE)
    )
    assert (row.document_id, row.code, row.changes[0]) == (rows[1].id, "unavoidable", "conclusion")
    events = session.scalars(select(Event).where(Event.name == "conclusion.received")).all()
    assert [event.data["edition"] for event in events] == [1, 2]
    assert "QUEPROVINCE" not in repr([event.data for event in events])
