"""One archive with everything that an installation remembers, made while it is being used.

A ZIP of the database as it was at one moment, of the files that lie beside it, and of a manifest:
which release's tables, how many rows, a digest of the record, the SHA-256 of each part. Files are
written before the rows that name them, so those of any moment are there a moment later; where a
row names one that has gone meanwhile, the copy is made anew. The secret that signs cookies stays
out: after a restore everybody signs in again. It holds personal data, for its owner only.
"""

import hashlib
import json
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from webapp import databases
from webapp.databases import BackupError

FORMAT = 1
MANIFEST = "manifest.json"
FOLDERS = ("files", "dossiers", "notices")
NAME = re.compile(rf"({'|'.join(FOLDERS)})/[A-Za-z0-9_-]+(\.[a-z]+)?", re.ASCII)
TRIES = 3
PIECE = 1 << 20
# What reading an archive that is none, is cut or was changed may raise
_BROKEN = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    EOFError,
    OSError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    RuntimeError,
)
NOT_WHOLE = "不是完整的备份文件（可能被截断或改动过），没有恢复；换一份备份再试"


@dataclass(frozen=True)
class Manifest:
    """What an archive says of itself. `faulty`: files that were gone or changed already when it was
    made; `parts`: name in the archive → SHA-256."""

    format: int
    made_at: str
    database: str  # sqlite or postgresql
    revision: str
    rows: dict[str, int]
    record: str
    faulty: list[str]
    parts: dict[str, str]


def make(url: str, var: Path, target: Path, *, now: datetime) -> Manifest:
    """Write the archive, whole or not at all, readable by its owner only. BackupError."""
    if target.exists():
        raise BackupError(f"{target} 已经存在，不覆盖；换一个文件名")
    if not target.parent.is_dir():
        raise BackupError(f"没有文件夹 {target.parent}；先建好再备份")
    with tempfile.TemporaryDirectory(prefix=".yili-backup-", dir=target.parent) as name:
        half = Path(name) / "archive"
        for _ in range(TRIES):
            manifest = _written(url, var, Path(name), half, now)
            if not manifest.faulty:
                break
        try:
            os.link(half, target)  # never over what somebody has put there since
        except FileExistsError:
            raise BackupError(f"{target} 已经存在，不覆盖；换一个文件名") from None
    databases.synced(target.parent)
    return manifest


def _written(url: str, var: Path, room: Path, half: Path, now: datetime) -> Manifest:
    half.unlink(missing_ok=True)
    (room / "database").unlink(missing_ok=True)
    database = databases.of(url)
    with database.copied(room / "database") as connection:
        facts = databases.facts(connection)
        named = databases.named_files(connection)
    with owners(half) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            part = databases.PARTS[database.kind]
            parts = {part: _add(archive, part, room / "database", zipfile.ZIP_DEFLATED)}
            parts |= dict(_add_files(archive, var))
            faulty = sorted(name for name, sha256 in named.items() if parts.get(name) != sha256)
            told = now.isoformat(timespec="seconds")
            manifest = Manifest(FORMAT, told, database.kind, **facts, faulty=faulty, parts=parts)
            archive.writestr(MANIFEST, json.dumps(asdict(manifest), ensure_ascii=False, indent=1))
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _add_files(archive: zipfile.ZipFile, var: Path) -> Iterator[tuple[str, str]]:
    for folder in FOLDERS:
        for path in sorted((var / folder).glob("*")):
            name = f"{folder}/{path.name}"
            if path.suffix == ".part" or not NAME.fullmatch(name):
                continue  # somebody is writing it, or it is none of ours
            try:
                yield name, _add(archive, name, path, zipfile.ZIP_STORED)
            except FileNotFoundError:
                continue  # removed just now, as what nobody names is


def _add(archive: zipfile.ZipFile, name: str, path: Path, packing: int) -> str:
    """One part; its SHA-256."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type, entry.external_attr = packing, 0o600 << 16
    with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as to:
        return copy(source, to)


def copy(source: IO[bytes], to: IO[bytes] | None) -> str:
    """The SHA-256 of what was read, and written where it is to go."""
    found = hashlib.sha256()
    while piece := source.read(PIECE):
        found.update(piece)
        if to is not None:
            to.write(piece)
    return found.hexdigest()


@contextmanager
def owners(path: Path) -> Iterator[IO[bytes]]:
    """A new file, readable by its owner only."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
        yield file


@contextmanager
def opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """An archive of which every part is as its manifest says. BackupError if it is not."""
    if not path.is_file():
        raise BackupError(f"没有文件 {path}")
    with ExitStack() as stack:
        try:
            packed = stack.enter_context(zipfile.ZipFile(path))
            manifest = _judged(packed)
        except _BROKEN as error:
            raise BackupError(f"{path.name} {NOT_WHOLE}") from error
        yield packed, manifest


def _judged(packed: zipfile.ZipFile) -> Manifest:
    manifest = Manifest(**json.loads(packed.read(MANIFEST)))
    if manifest.format != FORMAT:
        raise BackupError("备份文件的格式与本版程序不符，没有恢复；用做备份的那一版程序恢复")
    database = databases.PARTS[manifest.database]
    strange = [name for name in manifest.parts if name != database and not NAME.fullmatch(name)]
    if strange or sorted(packed.namelist()) != sorted([*manifest.parts, MANIFEST]):
        raise ValueError("parts")
    for name, sha256 in manifest.parts.items():
        with packed.open(name) as part:
            if copy(part, None) != sha256:
                raise ValueError(name)
    return manifest
