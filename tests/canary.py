"""Canaries: they sing when anything from outside is executed.

A file that the planted code would write, and Python itself, which tells its audit hook of every
piece of code it executes, every program it starts and every file it opens.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

EVENTS = (
    "exec", "os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect", "open",
    "import", "os.remove", "os.mkdir", "ctypes.dlopen",
)  # fmt: skip


@dataclass
class Canary:
    """`with bird:` around what is tested; `heard` says what was executed meanwhile."""

    file: Path
    watching: bool = False
    heard: list[str] = field(default_factory=list)

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        if self.watching and event in EVENTS:
            self.heard.append(f"{event} {str(args)[:200]}")

    def __enter__(self) -> "Canary":
        self.watching = True
        return self

    def __exit__(self, *_error: object) -> None:
        self.watching = False
        if self.file.exists():
            self.heard.append("the file was written")
            self.file.unlink()


@cache
def _cage() -> list[Canary]:
    """Python keeps an audit hook for ever; whichever canary is in here hears."""
    cage: list[Canary] = []

    def hook(event: str, args: tuple[Any, ...]) -> None:
        for canary in cage:
            canary.hook(event, args)

    sys.addaudithook(hook)
    return cage


@contextmanager
def canary() -> Iterator[Canary]:
    """A canary for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        bird = Canary(Path(folder) / "canary")
        _cage().append(bird)
        try:
            yield bird
        finally:
            _cage().remove(bird)


def planted(bird: Canary) -> tuple[str, ...]:
    """Code that shows when it runs, wrapped in everything that Python calls an expression."""
    path = str(bird.file)
    core = (
        f"open({path!r}, 'w')",
        f"__import__('os').system('touch {path}')",
        f"exec(\"open({path!r}, 'w')\")",
        f"eval(\"open({path!r}, 'w')\")",
        f"__builtins__['open']({path!r}, 'w')",
        f"().__class__.__base__.__subclasses__()[0]({path!r})",
        f"due.__globals__['open']({path!r}, 'w')",
        "level.__class__.__mro__[1].__subclasses__()",
        f"compile('1', {path!r}, 'exec')",
    )
    around = (
        "{}", "(lambda: {})()", "[{} for _ in (1,)]", "{{x for x in ({},)}}", "f\"{{{}}}\"",
        "due({})", "due(*[{}])", "due(key={})", "({} or 1)", "not {}", "1 if {} else 2",
        "(x := {})", "level[{}]", "{{1: {}}}", "n_items > {}", "-{}", "{} + 1", "'%s' % {}",
        "due(due({}))", "[{}][0]", "({}).real", "await_({})", "yield_({})", "{}; 1", "\n{}",
    )  # fmt: skip
    return tuple(outside.format(inside) for inside in core for outside in around)
