"""A disk that remembers: every write, cut, sync and removal, and what a power loss may leave of it.

What was written and not synced since may be there, or not, or in part, in any order. A new file is
there once it was synced, a removed one is gone once its folder was. Knows SQLite's files by name,
nothing of what stands in them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import apsw

SECTOR = 512
Image = dict[str, bytes]  # file name → content


@dataclass(frozen=True)
class Change:
    """One thing done to one file. `data` None: cut to `at` bytes; `gone`: the file was removed."""

    name: str
    at: int
    data: bytes | None = None
    gone: bool = False

    def apply(self, files: dict[str, bytearray]) -> None:
        if self.gone:
            files.pop(self.name, None)
            return
        file = files.setdefault(self.name, bytearray())
        if self.data is None:
            del file[self.at :]
            return
        file.extend(bytes(max(0, self.at - len(file))))
        file[self.at : self.at + len(self.data)] = self.data

    def torn(self, dice: Random) -> "Change":
        """Only some of its sectors, from the start."""
        if self.data is None:
            return self
        sectors = -(-len(self.data) // SECTOR)
        return Change(self.name, self.at, self.data[: dice.randrange(sectors + 1) * SECTOR])


@dataclass(frozen=True)
class Sync:
    """From here on what was done to the file before is safe."""

    name: str


@dataclass
class Log:
    """What was done since the start, in order."""

    start: Image
    done: list[Change | Sync] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.done)


Pending = list[Change]
Fate = Callable[[Pending, Random], Pending]

# What becomes of whatever was not safe yet
FATES: dict[str, Fate] = {
    "all lost": lambda pending, dice: [],
    "all kept": lambda pending, dice: pending,
    "cut off": lambda pending, dice: pending[: dice.randrange(len(pending) + 1)],
    "some lost": lambda pending, dice: [each for each in pending if dice.random() > 0.4],
    "torn": lambda pending, dice: [
        each.torn(dice) if dice.random() < 0.5 else each for each in pending
    ],
    "out of order": lambda pending, dice: dice.sample(pending, dice.randrange(len(pending) + 1)),
}


def safe(log: Log, moment: int) -> tuple[dict[str, bytearray], Pending]:
    """After so many entries of the log: what is safe, and what is not."""
    files = {name: bytearray(content) for name, content in log.start.items()}
    pending: Pending = []
    for entry in log.done[:moment]:
        if isinstance(entry, Change):
            pending.append(entry)
            continue
        for change in pending:
            if change.name == entry.name and not change.gone:
                change.apply(files)
        pending = [each for each in pending if each.name != entry.name or each.gone]
    return files, pending


def images(log: Log, moment: int, dice: Random) -> Iterator[tuple[str, Image]]:
    """What may lie on the disk when the power goes after so many entries, one of each fate."""
    for name, fate in FATES.items():
        files, pending = safe(log, moment)
        for change in fate(pending, dice):
            change.apply(files)
        yield name, {name: bytes(content) for name, content in files.items()}


class Shim(apsw.VFS):
    """The usual file system, written down. One database at a time."""

    def __init__(self, name: str, log: Log) -> None:
        self.log = log
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> "_File":  # noqa: N802 - SQLite's names
        return _File(name, flags, self.log)

    def xDelete(self, path: str, sync_folder: bool) -> None:  # noqa: N802
        super().xDelete(path, sync_folder)
        self.log.done.append(Change(_short(path), 0, gone=True))


class _File(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], log: Log) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._name, self._log = _short(str(path)), log
        super().__init__("", name, flags)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        self._log.done.append(Change(self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._log.done.append(Change(self._name, size))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._log.done.append(Sync(self._name))


def _short(path: str) -> str:
    return path.rsplit("/", 1)[-1]
