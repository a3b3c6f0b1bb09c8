"""Uploaded files: what they really are, where their bytes lie, who may take one away again.

The content decides the type, never the name: PDF, JPEG and PNG, each opened to see that it is one.
Bytes lie under a random name in a folder outside the web root; the row is written last, so that a
row never names bytes that are not there. Knows no request.
"""

import hashlib
import os
import re
import secrets
import unicodedata
import warnings
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO

import pikepdf
from PIL import Image, UnidentifiedImageError
from sqlalchemy.orm import Session

from models import Appointment, Attachment
from workflows.forms.answers import is_control

CHUNK = 1024 * 1024
LONGEST_NAME = 120  # characters of the name people see
MOST_PIXELS = 120_000_000  # a phone's largest photograph has 108 million
MOST_PAGES = 3000

PDF, JPEG, PNG = "application/pdf", "image/jpeg", "image/png"
SIGNATURES = {b"%PDF-": PDF, b"\xff\xd8\xff": JPEG, b"\x89PNG\r\n\x1a\n": PNG}
SUFFIXES = {PDF: (".pdf",), JPEG: (".jpg", ".jpeg"), PNG: (".png",)}
KINDS = "PDF、JPG 或 PNG"


class Unacceptable(ValueError):
    """The file is not taken. The message says why and what to do, in Chinese."""


class TooLarge(Unacceptable):
    """Larger than the limit."""


class InUse(Exception):
    """The file belongs to a case or duty by now, or to somebody else."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a file really is."""

    media_type: str
    pages: int


def store(
    session: Session,
    folder: Path,
    stream: IO[bytes],
    filename: str,
    *,
    most_bytes: int,
    by: Appointment,
    now: datetime,
) -> Attachment:
    """Take a file in: bytes into `folder` (made if missing), then its row. Unacceptable, TooLarge.

    The row has no case yet; handing in the form that names its token gives it one.
    """
    content = _read(stream, most_bytes)
    inspected = inspect(content)
    name = display_name(filename, inspected.media_type)
    token = secrets.token_urlsafe(32)
    write(folder, token, content)
    attachment = Attachment(
        token=token,
        filename=name,
        media_type=inspected.media_type,
        size=len(content),
        pages=inspected.pages,
        sha256=hashlib.sha256(content).hexdigest(),
        uploaded_by_id=by.user_id,
        uploaded_at=now,
    )
    session.add(attachment)
    session.flush()
    return attachment


def _read(stream: IO[bytes], most: int) -> bytes:
    chunks, size = [], 0
    while chunk := stream.read(CHUNK):
        size += len(chunk)
        if size > most:
            raise TooLarge(f"文件超过 {most // CHUNK} MB，压缩或拆分后再上传")
        chunks.append(chunk)
    if not size:
        raise Unacceptable("文件是空的，重新选择")
    return b"".join(chunks)


def inspect(content: bytes) -> Inspected:
    """What the bytes are, found by opening them. Unacceptable when they are none of the kinds."""
    for signature, media_type in SIGNATURES.items():
        if content.startswith(signature):
            pages = _pdf_pages(content) if media_type == PDF else _picture(content, media_type)
            return Inspected(media_type, pages)
    raise Unacceptable(f"这个文件的内容不是 {KINDS}，不能上传")


def _pdf_pages(content: bytes) -> int:
    try:
        with pikepdf.open(BytesIO(content)) as pdf:
            pages = len(pdf.pages)
    except pikepdf.PasswordError:
        raise Unacceptable("PDF 设了密码，去掉密码后再上传") from None
    except (pikepdf.PdfError, ValueError, RuntimeError, MemoryError):
        raise Unacceptable("PDF 已损坏，打不开，重新导出或扫描后再上传") from None
    if not 0 < pages <= MOST_PAGES:
        raise Unacceptable(f"PDF 有 {pages} 页，应为 1 到 {MOST_PAGES} 页")
    return pages


def _picture(content: bytes, media_type: str) -> int:
    """1 page. A JPEG is decoded at an eighth of its size, a PNG's checksums are verified."""
    plugin = "JPEG" if media_type == JPEG else "PNG"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(BytesIO(content), formats=[plugin])
        if picture.width * picture.height > MOST_PIXELS:
            raise Image.DecompressionBombError
        if media_type == JPEG:
            picture.draft("L", (max(1, picture.width // 8), max(1, picture.height // 8)))
            picture.load()
        else:
            picture.verify()
    except Image.DecompressionBombError:
        raise Unacceptable("图片的像素太多，缩小后再上传") from None
    except (UnidentifiedImageError, OSError, SyntaxError):
        raise Unacceptable("图片已损坏，打不开，重新拍照或导出后再上传") from None
    return 1


def display_name(filename: str, media_type: str) -> str:
    """The name people see: no folders, no invisible or reordering characters, a fitting end.

    Unacceptable when the name's end says another type than the content.
    """
    last = re.split(r"[/\\]", filename)[-1]
    shown = "".join(sign for sign in last if not is_control(sign, many_lines=False))
    shown = unicodedata.normalize("NFC", re.sub(r"\s+", " ", shown)).strip(" .")
    stem, dot, suffix = shown.rpartition(".")
    fitting = SUFFIXES[media_type]
    if not (dot and stem):
        return f"{(shown or '附件')[:LONGEST_NAME]}{fitting[0]}"
    if f".{suffix.lower()}" not in fitting:
        raise Unacceptable(
            f"文件名以 .{suffix[:10]} 结尾，内容却是 {fitting[0][1:].upper()}，核对后再上传"
        )
    return f"{stem[:LONGEST_NAME]}.{suffix.lower()}"


def write(folder: Path, token: str, content: bytes) -> None:
    """All or nothing: into a temporary file, onto the disk, then under its name."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = folder / f".{token}.part"
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / token)
        _sync(folder)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    """Its names, too, are on the disk when this returns: a row that is committed next may name one,
    and on another disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(session: Session, attachment: Attachment, *, by: Appointment) -> None:
    """Take back one's own upload that nothing has yet. InUse otherwise.

    The caller removes the bytes (`erase`) after committing.
    """
    owners = {attachment.case_id, attachment.duty_id, attachment.motion_id, attachment.training_id}
    if owners != {None} or attachment.uploaded_by_id != by.user_id:
        raise InUse(attachment.token)
    session.delete(attachment)
    session.flush()


def erase(folder: Path, token: str) -> None:
    """Remove the bytes of a file whose row is gone."""
    (folder / token).unlink(missing_ok=True)
