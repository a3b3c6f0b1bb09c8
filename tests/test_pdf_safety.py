"""Nothing a person typed reaches a file, the network or an option of the renderer.

Not even where escaping is taken away, nor where the machine has no bubblewrap.
"""

import base64
import io
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.paper import (
    PRODUCED,
    SVG,
    picture,
    stored,
    texts,
    whole,
)
from webapp import pdf as package
from webapp.pdf import installed, render
from webapp.pdf.dossier import build
from webapp.pdf.markup import MarkupRefused, admit
from webapp.pdf.render import Mode, RenderError
from workflows.dossier import (
    Diagram,
    DiagramBlock,
    Dossier,
    Group,
    Official,
    Reader,
    Row,
    Section,
    Sheet,
    Signature,
    Signatures,
    TableBlock,
    Text,
)

# What typed text may try.


@dataclass
class Bait:
    """A secret file, a place where a file may not appear, and a listener that counts visitors."""

    folder: Path
    url: str
    hits: list[str]

    @property
    def secret(self) -> str:
        return (self.folder / "secret.txt").as_uri()

    @property
    def jar(self) -> Path:
        return self.folder / "jar.txt"

    def probes(self) -> dict[str, str]:
        drawing = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{self.url}/svg"/></svg>'
        inline = base64.b64encode(drawing.encode()).decode()
        frame = f'<iframe src="{self.secret}"></iframe>'
        return {
            "file in a frame": frame,
            "file in an object": f'<object data="{self.secret}"></object>',
            "file embedded": f'<embed src="{self.secret}">',
            "option in meta": f'<meta name="pdfkit-allow" content="{self.folder}">{frame}',
            "local files on": f'<meta name="pdfkit-enable-local-file-access" content="">{frame}',
            "cookie jar in meta": f'<meta name="pdfkit-cookie-jar" content="{self.jar}">',
            "picture": f'<img src="{self.url}/img">',
            "frame": f'<iframe src="{self.url}/frame"></iframe>',
            "style sheet": f'<link rel="stylesheet" href="{self.url}/css">',
            "style": f"<style>@import url({self.url}/import); @font-face "
            f"{{font-family: f; src: url({self.url}/font)}} p {{font-family: f}}</style>",
            "base": f'<base href="{self.url}/"><img src="relative">',
            "refresh": f'<meta http-equiv="refresh" content="0;url={self.url}/refresh">',
            "attachment": f'<link rel="attachment" href="{self.secret}">',
            "drawing": f'<img src="data:image/svg+xml;base64,{inline}">',
            "script": "<script>document.write('CANARY' + '-SCRIPT')</script>",
        }

    def leaked(self, pdf: bytes) -> list[str]:
        found = [f"request {path}" for path in self.hits] + ["file written"] * self.jar.exists()
        text = "".join(texts(pdf)) if pdf else ""
        return found + re.findall(r"CANARY-\w+", text)


@pytest.fixture(scope="module")
def listener() -> Iterator[tuple[str, list[str]]]:
    hits: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"CANARY-HTTP")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", hits
        server.shutdown()


@pytest.fixture
def bait(listener: tuple[str, list[str]], tmp_path: Path) -> Bait:
    url, hits = listener
    hits.clear()
    (tmp_path / "secret.txt").write_text("CANARY-FILE", encoding="ascii")
    return Bait(tmp_path, url, hits)


def test_the_bait_works(bait: Bait) -> None:
    """Without any protection the probes do leak: the tests below can fail."""
    probes = bait.probes()
    html = whole(probes["script"] + probes["file in a frame"] + probes["picture"])
    naked = subprocess.run(
        ["wkhtmltopdf", "--quiet", "--enable-local-file-access", "-", "-"],
        input=html.encode(),
        capture_output=True,
        check=True,
        env={"PATH": "/usr/bin", "QT_QPA_PLATFORM": "offscreen"},
    )
    assert set(bait.leaked(naked.stdout)) == {"request /img", "CANARY-FILE", "CANARY-SCRIPT"}


@cache
def modes() -> list[Mode]:
    """Bubblewrap where the machine has it; what stands in for it always."""
    return ["box", "bare"] if render.box_failure() is None else ["bare"]


@pytest.mark.clause("I01")
@pytest.mark.parametrize("mode", modes())
def test_markup_that_reaches_the_renderer_gets_nowhere(bait: Bait, mode: Mode) -> None:
    def leaks(probe: str) -> list[str]:
        try:
            return bait.leaked(render.render(whole(f"<p>text</p>{probe}"), mode=mode))
        except RenderError:
            return bait.leaked(b"")  # refusing is an answer

    probes = bait.probes()
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(probes, pool.map(leaks, probes.values()), strict=True))
    assert not any(found.values()), found


@pytest.mark.clause("I01")
def test_pdfkit_is_given_a_file_and_a_prefix_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two layers against CVE-2025-26240, each enough alone: so neither shows in the test above."""
    given: list[Any] = []

    def from_file(source: Any, *_: object, configuration: Any, **__: object) -> bytes:
        given.extend((source, configuration.meta_tag_prefix))
        return b"%PDF"

    monkeypatch.setattr(render.pdfkit, "from_file", from_file)
    render.render(whole(""), mode="bare")
    assert isinstance(given[0], io.StringIO)
    assert re.fullmatch("[0-9a-f]{32}", given[1])


@pytest.mark.clause("I01")
@pytest.mark.parametrize("mode", modes())
def test_markup_typed_into_any_field_is_printed_as_typed(
    bait: Bait, mode: Mode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(render, "best_mode", lambda: mode)
    probes = bait.probes()
    every = "".join(probes.values())
    file = picture(tmp_path / "a.png", "PNG", (50, 50))
    hostile = Dossier(
        *(every[:300], every[:300], every[:300], every[:300], PRODUCED, PRODUCED),
        reader=Reader(probes["frame"], probes["picture"]),
        rule_set_title=probes["refresh"],
        sections=[
            Section("a", every[:200], [Sheet(every, [Group(every, [Row(every, every)])])]),
            Section(
                "b", "乙", [Sheet("表", [Group("组", [Row("短", probes["script"], wide=False)])])]
            ),
            Section("c", "丙", [TableBlock(every, [50, 50], [every, every], [[every] * 2], every)]),
            Section("d", "丁", [Text(every, [every]), Signatures([Signature(*[every] * 4)])]),
            Section("e", "戊", [Official(*[every] * 4, [every], every, date(2026, 1, 1), [every])]),
            Section("f", "己", [DiagramBlock(0)]),
        ],
        attachments=[replace(stored(file, every, every), name=every)],
        diagrams=[Diagram(SVG.encode(), {}, every)],
    )
    pdf = build(hostile, lambda *_: None)
    shown = re.sub(r"\s", "", "".join(texts(pdf)))
    for probe in probes.values():
        assert re.sub(r"\s", "", probe)[:30] in shown
    assert not bait.hits
    assert not bait.jar.exists()
    assert "CANARY" not in re.sub(
        r"'CANARY'", "", shown
    )  # the script is shown, what it makes is not


@pytest.mark.clause("I01")
@pytest.mark.parametrize(
    "part",
    [
        "<script>1</script>",
        '<p onclick="1">x</p>',
        '<img src="http://127.0.0.1/">',
        '<a href="javascript:1">x</a>',
        '<p style="background:url(http://127.0.0.1/)">x</p>',
        "<style>p{background:url(x)}</style>",
        '<meta name="pdfkit-allow" content="/">',
        "<!-- -->",
        "<iframe></iframe>",
    ],
)
def test_a_page_that_is_not_all_ours_is_not_rendered(part: str) -> None:
    with pytest.raises(MarkupRefused):
        admit(whole(part))


def test_a_page_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "WALL_SECONDS", 1)
    with pytest.raises(RenderError, match="超过 1 秒"):
        render.render(whole("<p style='word-wrap:break-word'>" + "x" * 400_000))


def test_what_fails_is_told_without_quoting_the_page() -> None:
    with pytest.raises(RenderError) as told:
        render.render(whole('<p>张三</p><iframe src="file:///etc/hostname"></iframe>'))
    assert str(told.value) == "排版程序出错"


# The machine.


def test_where_bubblewrap_fails_the_rest_holds_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(render, "box_failure", lambda: "No permissions to create new namespace")
    assert render.best_mode.__wrapped__() == "bare"
    assert "reduced protection" in caplog.text
    monkeypatch.setattr(package, "box_failure", lambda: "no")
    monkeypatch.setattr(installed, "BUBBLEWRAP", Path("/nowhere/bwrap"))
    assert "apt-get install -y --no-install-recommends bubblewrap" in (package.weakened() or "")


def test_without_a_network_barrier_nothing_is_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "box_failure", lambda: "no")
    monkeypatch.setattr(render, "offline", lambda _mode: False)
    with pytest.raises(RenderError, match="网络隔离"):
        render.best_mode.__wrapped__()


def test_what_is_missing_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed.missing() is None
    monkeypatch.setattr(installed, "PROGRAM", Path("/nowhere/wkhtmltopdf"))
    assert "缺少排版程序 wkhtmltopdf" in (installed.missing() or "")
    monkeypatch.setattr(installed, "FONT_FOLDERS", ())
    said = installed.missing() or ""
    assert "中文字体 Noto CJK" in said
    assert said.endswith("bubblewrap wkhtmltopdf fonts-noto-cjk")
    assert package.weakened() is None


@pytest.mark.parametrize(
    ("switch", "value", "command"),
    [
        (0, "0", "kernel.unprivileged_userns_clone=1"),
        (1, "1", "apparmor_restrict"),
        (2, "0", "15000"),
    ],
)
def test_a_kernel_that_allows_no_namespaces_is_told_how_to(
    switch: int, value: str, command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = installed.USER_NAMESPACES[switch][0]
    monkeypatch.setattr(installed, "BUBBLEWRAP", Path("/bin/sh"))
    monkeypatch.setattr(Path, "exists", lambda self: self == real)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"{value}\n")
    assert command in installed.unboxed()
    assert "sysctl -w" in installed.unboxed()
