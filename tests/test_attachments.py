"""Uploads: only real PDF, JPEG, PNG get in; bytes and rows agree; who sees the case gets them."""

import hashlib
import os
import stat
import struct
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from models import Appointment, Attachment, Event
from tests.cases import report
from tests.pages import Client
from tests.people import World
from webapp import attachments as pages
from workflows.actions import attachments
from workflows.events import EventName

ClientFor = Callable[[Appointment], Client]
MB = 1024 * 1024


def pdf(pages: int = 1, **save: object) -> bytes:
    file, out = pikepdf.new(), BytesIO()
    for _ in range(pages):
        file.add_blank_page()
    file.save(out, **save)  # type: ignore[arg-type]
    return out.getvalue()


def picture(kind: str, size: tuple[int, int] = (40, 30)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind)
    return out.getvalue()


def huge_png() -> bytes:
    """A few bytes that claim to be 60,000 × 60,000 pixels."""
    body = bytearray(picture("PNG"))
    body[16:24] = struct.pack(">II", 60_000, 60_000)
    body[29:33] = struct.pack(">I", zlib.crc32(body[12:29]))
    return bytes(body)


EXE = b"MZ\x90\x00" + b"\x00" * 200
LOCKED = pdf(encryption=pikepdf.Encryption(owner="o", user="u"))


def send(browser: Client, content: bytes, name: str) -> TestResponse:
    disposition = f'Content-Disposition: form-data; name="file"; filename="{name}"'
    body = b"\r\n".join([b"--end", disposition.encode(), b"", content, b"--end--", b""])
    return browser.post(
        "/attachments",
        data=body,
        content_type="multipart/form-data; boundary=end",
        headers={"Accept": "application/json"},
    )


@pytest.fixture
def browser(client_for: ClientFor, world: World) -> Client:
    return client_for(world.by["quality_office"])


@pytest.fixture
def folder(app: Flask) -> Path:
    with app.app_context():
        return pages.folder()


@pytest.mark.parametrize(
    ("content", "name", "shown", "media_type", "count"),
    [
        (pdf(3), "病历.pdf", "病历.pdf", "application/pdf", 3),
        (picture("JPEG"), "IMG_0001.JPG", "IMG_0001.jpg", "image/jpeg", 1),
        (picture("JPEG"), "image.jpeg", "image.jpeg", "image/jpeg", 1),
        (picture("PNG"), "截图.png", "截图.png", "image/png", 1),
        (pdf(), "讨论记录", "讨论记录.pdf", "application/pdf", 1),
        (pdf(), "", "附件.pdf", "application/pdf", 1),
    ],
)
def test_what_is_taken(
    browser: Client, session: Session, folder: Path, content: bytes, name: str,
    shown: str, media_type: str, count: int,
) -> None:  # fmt: skip
    reply = send(browser, content, name)
    assert reply.status_code == 201, reply.text
    assert reply.json is not None
    row = session.scalars(select(Attachment)).one()
    assert (row.filename, row.media_type, row.pages) == (shown, media_type, count)
    assert reply.json["name"] == shown
    assert row.case_id is None
    assert row.sha256 == hashlib.sha256(content).hexdigest()
    stored = folder / row.token
    assert stored.read_bytes() == content
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [row.token]
    assert len(row.token) >= 40
    assert "static" not in str(folder)


@pytest.mark.parametrize(
    ("content", "name", "status", "said"),
    [
        (EXE, "病历.pdf", 415, "内容不是 PDF"),
        (b"%PDF-1.7\n" + EXE, "病历.pdf", 415, "已损坏"),
        (LOCKED, "病历.pdf", 415, "设了密码"),
        (pdf(), "病历.exe", 415, "以 .exe 结尾"),
        (pdf(), "病历.pdf.exe", 415, "以 .exe 结尾"),
        (pdf(), "病历.jpg", 415, "内容却是 PDF"),
        (picture("GIF"), "图.gif", 415, "内容不是 PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "图.png", 415, "内容不是 PDF"),
        (b"<!doctype html><script>1</script>", "页.pdf", 415, "内容不是 PDF"),
        (b"  " + pdf(), "病历.pdf", 415, "内容不是 PDF"),
        (picture("PNG")[:60], "图.png", 415, "已损坏"),
        (picture("JPEG")[:200], "图.jpg", 415, "已损坏"),
        (b"\xff\xd8\xff" + b"<script>" * 20, "图.jpg", 415, "已损坏"),
        (huge_png(), "图.png", 415, "像素太多"),
        (b"", "空.pdf", 415, "空的"),
    ],
)
def test_what_is_refused(
    browser: Client, session: Session, folder: Path,
    content: bytes, name: str, status: int, said: str,
) -> None:  # fmt: skip
    reply = send(browser, content, name)
    assert reply.status_code == status
    assert reply.json is not None
    assert said in reply.json["message"]
    assert session.scalars(select(Attachment)).all() == []
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize("size", [20 * MB + 1, 40 * MB])
def test_too_large_is_said_and_nothing_is_kept(
    browser: Client, session: Session, folder: Path, size: int
) -> None:
    reply = send(browser, b"%PDF-" + b"0" * (size - 5), "大.pdf")
    assert reply.status_code == 413
    assert reply.json == {"message": "文件超过 20 MB，压缩或拆分后再上传"}
    assert session.scalars(select(Attachment)).all() == []
    assert not folder.exists()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\病历\\第一页.pdf", "第一页.pdf"),
        ("一\r\n二\x00.pdf", "一二.pdf"),
        ("fdp\u202excod.pdf", "fdpxcod.pdf"),
        ("病" * 300 + ".pdf", "病" * 120 + ".pdf"),
        ("  病历 .pdf ", "病历 .pdf"),
        (".pdf", "pdf.pdf"),
        ("...", "附件.pdf"),
        ("𬴂😀.PDF", "𬴂😀.pdf"),
        ('a"; filename="b.pdf', 'a"; filename="b.pdf'),
    ],
)
def test_names_people_see(name: str, shown: str) -> None:
    assert attachments.display_name(name, attachments.PDF) == shown


def test_a_full_disk_leaves_nothing(
    session: Session, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        attachments.store(
            session, tmp_path / "files", BytesIO(pdf()), "a.pdf", most_bytes=MB,
            by=world.by["head"], now=datetime.now(UTC),
        )  # fmt: skip
    assert list((tmp_path / "files").iterdir()) == []
    assert session.scalars(select(Attachment)).all() == []


def uploaded(browser: Client, name: str = "病 历.pdf") -> str:
    reply = send(browser, pdf(), name)
    assert reply.json is not None
    return str(reply.json["token"])


def test_a_download_is_a_download(browser: Client) -> None:
    reply = browser.get(f"/attachments/{uploaded(browser)}")
    assert reply.status_code == 200
    assert reply.data == pdf() or reply.data.startswith(b"%PDF-")
    assert reply.headers["Content-Disposition"] == (
        "attachment; filename*=UTF-8''%E7%97%85%20%E5%8E%86.pdf"
    )
    assert reply.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.mimetype == "application/pdf"


@pytest.mark.parametrize("token", ["x", "..%2f..%2fetc%2fpasswd", "%00", "a" * 500])
def test_an_unknown_token_is_nothing(browser: Client, token: str) -> None:
    assert browser.get(f"/attachments/{token}").status_code == 404


def test_before_there_is_a_case_it_is_the_uploaders(
    browser: Client, client_for: ClientFor, world: World
) -> None:
    token = uploaded(browser)
    for who in ("head", "mch", "neighbour", "system_admin"):
        other = client_for(world.by[who])
        assert other.get(f"/attachments/{token}").status_code == 404
        assert other.delete(f"/attachments/{token}").status_code == 404


def test_with_a_case_it_is_everybodys_who_sees_the_case(
    browser: Client, client_for: ClientFor, session: Session, world: World, folder: Path
) -> None:
    token = uploaded(browser)
    case = report(session, world.by["quality_office"], datetime.now(UTC))
    session.scalars(select(Attachment)).one().case_id = case.id
    session.commit()
    for who, status in (("head", 200), ("mch", 200), ("neighbour", 404), ("expert1", 404)):
        assert client_for(world.by[who]).get(f"/attachments/{token}").status_code == status
    read = select(Event).where(Event.name == EventName.ATTACHMENT_READ)
    assert [event.user_id for event in session.scalars(read)] == [
        world.user("head").id,
        world.user("mch").id,
    ]
    refused = browser.delete(f"/attachments/{token}")
    assert refused.status_code == 409
    assert (folder / token).is_file()


def test_an_unused_file_can_be_taken_back(browser: Client, session: Session, folder: Path) -> None:
    token = uploaded(browser)
    assert browser.delete(f"/attachments/{token}").status_code == 204
    assert session.scalars(select(Attachment)).all() == []
    assert list(folder.iterdir()) == []
    assert browser.get(f"/attachments/{token}").status_code == 404


def test_bytes_that_are_gone_are_not_a_failure(browser: Client, folder: Path) -> None:
    token = uploaded(browser)
    (folder / token).unlink()
    assert browser.get(f"/attachments/{token}").status_code == 404


def test_strangers_and_forged_requests(client: Client, browser: Client, session: Session) -> None:
    assert send(client, pdf(), "a.pdf").status_code == 401
    reply = browser.post("/attachments", data={"file": (BytesIO(pdf()), "a.pdf")}, csrf=False)
    assert reply.status_code == 400
    assert session.scalars(select(Attachment)).all() == []
