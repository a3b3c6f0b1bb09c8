"""What of a case is sealed from whom, and what those who review or audit it never meet."""

import re

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Appointment, Attachment, Case, Document, Level, Panel, Person, Task, User
from tests.played import (
    AUDITOR,
    CHAIR,
    CLOSED,
    COMMISSION,
    FILED,
    HEAD,
    IN_REVIEW,
    MCH,
    NOW,
    OFFICE,
    RECTIFYING,
    SECRETARY,
    UNFILED,
    Browse,
    Cast,
    everything,
    pages_of,
    quick,
)
from workflows.demo.people import PEOPLE
from workflows.dossier import Dossier
from workflows.gather import gather
from workflows.permissions import visible_cases
from workflows.readers import HIDDEN, Reader


@pytest.fixture
def database_url(played_url: str) -> str:
    return played_url


DESK = ("/tasks", "/cases", "/board", "/clocks", "/ledger", "/notices", "/notifications")


# Opinions are sealed


def looks(browse: Browse, case: Case, usernames: list[str]) -> dict[str, dict[str, str]]:
    """Everything each of them sees, without what differs from one request to the next."""

    def steady(text: str) -> str:
        text = re.sub(r'(name="csrf[_-]token" (?:content|value)=")[^"]+', r"\1", text)
        return re.sub(r"查阅病例：.*", "", text)

    return {
        username: {address: steady(text) for address, text in pages_of(browse(username), case)}
        for username in usernames
    }


@pytest.mark.long
def test_filing_an_opinion_changes_nothing_that_anybody_sees(
    browse: Browse, session: Session, cast: Cast
) -> None:
    case = cast.case(IN_REVIEW)
    viewers = [
        person.username
        for person in PEOPLE
        if session.scalars(
            visible_cases(cast.seat(person.username)).where(Case.id == case.id)
        ).first()
    ]
    assert {OFFICE, MCH, COMMISSION, SECRETARY, CHAIR, FILED, UNFILED, "qianqs"} <= set(viewers)
    browse(UNFILED).get(f"/cases/{case.id}/files")  # makes the copies, and tells the secretary
    before = looks(browse, case, viewers)
    desks = {username: desk(browse, username) for username in viewers}
    copies = {who: paper(session, case, cast, who) for who in (COMMISSION, MCH, OFFICE)}
    play = cast.play(IN_REVIEW)
    play.opine(300, Level.COUNTY, (UNFILED,))
    session.commit()
    after = looks(browse, case, viewers)
    for username in viewers:
        if username == UNFILED:
            continue  # may know of his own
        assert after[username].keys() == before[username].keys()
        for address, text in before[username].items():
            assert after[username][address] == text, (username, address)
        assert desk(browse, username) == desks[username]
    for who, copy in copies.items():
        assert paper(session, case, cast, who) == copy, f"the dossier tells {who}"


def desk(browse: Browse, username: str) -> dict[str, str]:
    """The lists of one's own desk, as far as one has them."""
    replies = {address: quick(browse(username), address) for address in DESK}
    return {
        address: re.sub(r'(content|value)="[^"]{40,}"', "", reply.text)
        for address, reply in replies.items()
        if reply.status_code == 200
    }


def paper(session: Session, case: Case, cast: Cast, who: str) -> Dossier:
    """What a dossier would hold for somebody."""
    seat = cast.seat(who)
    return gather(session, case, by=seat, files=cast.folder, wording=str, now=NOW)


def test_nobody_opens_a_sealed_sheet(browse: Browse, session: Session, cast: Cast) -> None:
    case = cast.case(IN_REVIEW)
    opinions = session.scalars(
        select(Document.id).where(Document.case_id == case.id, Document.form.like("opinion.v%"))
    ).all()
    assert len(opinions) == 3
    for person in PEOPLE:
        client = browse(person.username)
        for number in opinions:
            assert quick(client, f"/cases/{case.id}/documents/{number}").status_code == 404


def test_after_the_opening_the_panel_reads_and_nobody_else(
    browse: Browse, session: Session, cast: Cast
) -> None:
    case = cast.case(CLOSED)
    by_level = {
        level: session.scalars(
            select(Document.id)
            .join(Task, Task.id == Document.task_id)
            .where(Document.case_id == case.id, Document.form == "opinion.v2", Task.level == level)
        ).all()
        for level in ("county", "city")
    }
    panels = {
        panel.level.value: {panel.chair_id, panel.secretary_id, *(m.user_id for m in panel.members)}
        for panel in session.scalars(select(Panel).where(Panel.case_id == case.id))
    }
    readers = 0
    for person in PEOPLE:
        user = cast.seat(person.username).user_id
        client = browse(person.username)
        for level, numbers in by_level.items():
            assert len(numbers) == 5
            allowed = user in panels[level]
            readers += allowed
            for number in numbers if allowed else numbers[:2]:
                status = quick(client, f"/cases/{case.id}/documents/{number}").status_code
                assert status == (200 if allowed else 404), (person.username, level)
    assert readers == 12


def test_experts_learn_of_each_other_when_all_opinions_are_in(
    browse: Browse, session: Session, cast: Cast
) -> None:
    case = cast.case(IN_REVIEW)
    [panel] = session.scalars(select(Panel).where(Panel.case_id == case.id))
    names = {member.user.username: member.user.name for member in panel.members}
    for username in names:
        text = everything(browse(username), case)
        main = re.sub(r'<header class="top">.*?</header>', "", text, flags=re.S)
        own = names[username]
        assert [name for name in names.values() if name in main and name != own] == []
    for username in (COMMISSION, SECRETARY, "shaoxz"):  # who called them and who serves them
        text = browse(username).get(f"/cases/{case.id}/people").text
        assert all(name in text for name in names.values())
    for username in (OFFICE, HEAD, MCH):
        assert not any(name in everything(browse(username), case) for name in names.values())
    panel.opened_at = NOW
    session.commit()
    text = browse(UNFILED).get(f"/cases/{case.id}/people").text
    assert all(name in text for name in names.values())
    assert names[UNFILED] not in everything(browse(OFFICE), case)


def test_a_conclusion_is_the_panels_until_it_is_signed(
    browse: Browse, session: Session, cast: Cast
) -> None:
    play = cast.play(IN_REVIEW)
    case = play.stage.case
    assert case is not None
    play.opine(300, Level.COUNTY, (UNFILED, "qianqs"))
    real = play._act
    play._act = lambda *a: None if a[1] != "UT_conclude" else real(*a)  # type: ignore[method-assign]
    play.conclude(400, Level.COUNTY)
    session.commit()
    draft = session.scalars(
        select(Document.id).where(Document.case_id == case.id, Document.form == "conclusion.v5")
    ).one()
    address = f"/cases/{case.id}/documents/{draft}"
    for username in (SECRETARY, CHAIR, COMMISSION, "lixh"):
        assert browse(username).get(address).status_code == 200, username
    for username in (OFFICE, HEAD, MCH, "liangxh"):
        assert browse(username).get(address).status_code == 404, username
        assert "创造条件可避免" not in everything(browse(username), case)
    play._act = lambda *a: None if a[1] == "UT_conclude" else real(*a)  # type: ignore[method-assign]
    play.conclude(400, Level.COUNTY)
    session.commit()
    text = browse(OFFICE).get(address).text
    assert "创造条件可避免" in text
    assert "已签名" in text
    assert "吴谷穗　2026" not in text


# Blind readers


def unspeakable(session: Session, case: Case) -> set[str]:
    """What tells who she was and where she was treated."""
    person = session.scalars(select(Person).where(Person.case_id == case.id)).one()
    words = {person.name, person.id_no or person.name, case.organisation.name}
    words |= {case.organisation.short_name, "13900000001", "13900000099", "春分村"}
    words |= set(
        session.scalars(
            select(User.name)
            .join(Appointment, Appointment.user_id == User.id)
            .where(Appointment.organisation_id == case.organisation_id)
        )
    )
    return words


@pytest.mark.parametrize(
    ("case", "usernames"),
    [
        (IN_REVIEW, (CHAIR, UNFILED, SECRETARY)),
        (CLOSED, (AUDITOR, "wangzy", "zhengdh")),
        (RECTIFYING, ("chuys", "yuedh")),
    ],
)
def test_who_is_blind_meets_no_name(
    browse: Browse, session: Session, cast: Cast, case: str, usernames: tuple[str, ...]
) -> None:
    row = cast.case(case)
    words = unspeakable(session, row)
    sighted = everything(browse(OFFICE if case != RECTIFYING else "subl"), row)
    assert sum(word in sighted for word in words) >= 6  # the words do stand there for others
    for username in usernames:
        client = browse(username)
        for address, text in pages_of(client, row):
            assert [word for word in words if word in text] == [], (username, address)
        listed = client.get("/cases").text
        assert [word for word in words if word in listed] == []
        assert f"{row.person.name[0]}＊" in listed


def test_names_in_running_text_are_taken_out(session: Session, cast: Cast) -> None:
    case = cast.case(IN_REVIEW)
    said = f"{case.person.name}在{case.organisation.name}由周谷雨接诊"
    assert (
        Reader(session, case, cast.seat(CHAIR)).scrub(said) == f"{HIDDEN}在{HIDDEN}由{HIDDEN}接诊"
    )
    assert Reader(session, case, cast.seat(OFFICE)).scrub(said) == said


def test_a_reviewer_gets_the_redacted_copy_only(browse: Browse, cast: Cast) -> None:
    case = cast.case(IN_REVIEW)
    blind, sighted = (browse(name).get(f"/cases/{case.id}/files").text for name in (CHAIR, OFFICE))
    assert len(re.findall("/attachments/", blind)) == 1
    assert "去标识病历复印件" in blind
    assert "住院病历节选" not in blind
    assert len(re.findall("/attachments/", sighted)) == 2


def test_a_reviewer_who_learns_the_token_of_another_file_gets_nothing(
    browse: Browse, session: Session, cast: Cast
) -> None:
    case = cast.case(IN_REVIEW)
    rows = session.execute(
        select(Attachment.token, Attachment.field).where(Attachment.case_id == case.id)
    ).all()
    session.rollback()
    given = {field: browse(CHAIR).get(f"/attachments/{token}").status_code for token, field in rows}
    assert given.pop("redacted_copy") == 200
    assert given
    assert set(given.values()) == {404}
