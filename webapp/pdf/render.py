"""The one function from HTML to PDF: pdfkit and wkhtmltopdf, shut in. Knows nothing of the content.

pdfkit turns `<meta name="pdfkit-…">` of any text it is handed into options of wkhtmltopdf
(CVE-2025-26240), so it is only ever called with a file object, which it does not read for options,
and with a prefix nobody can guess. Around the program stands `wk-sandbox`; where the kernel lets
nobody make namespaces (many containers) a probe finds out, says so in the log, and the remaining
layers hold: no script, no local file, a dead proxy, an empty environment, limits.
"""

import functools
import io
import logging
import os
import secrets
import socket
import subprocess
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import pdfkit

from webapp.pdf.installed import SANDBOX

Mode = Literal["box", "bare"]

log = logging.getLogger(__name__)

PREFIX = secrets.token_hex(16)
WALL_SECONDS = 60
OUT_OF_TIME = ("code 124", "code 137", "code -9")
AT_ONCE = threading.BoundedSemaphore(2)  # more only slow each other down


class RenderError(Exception):
    """No PDF came out. The text is Chinese, short, and quotes nothing of the document."""


@dataclass(frozen=True)
class PageSetup:
    """Millimetres. All four margins always: with one missing wkhtmltopdf forgets the others.

    `zoom` makes millimetres true: the program draws at 77 % of the size.
    """

    width: float = 210
    height: float = 297
    top: float = 26
    right: float = 20
    bottom: float = 22
    left: float = 22
    zoom: float = 1.3

    @property
    def inner_width(self) -> float:
        return self.width - self.left - self.right

    @property
    def inner_height(self) -> float:
        return self.height - self.top - self.bottom


A4 = PageSetup()


def render(html: str, setup: PageSetup = A4, mode: Mode | None = None) -> bytes:
    """A PDF of a complete HTML page that carries everything inside. `mode` None: the best there is.

    RenderError when wkhtmltopdf fails, takes too long, or a resource was asked for.
    """
    if "</head>" not in html:
        raise RenderError("排版内容不完整")
    html = html.replace("</head>", f"<style>html{{zoom:{setup.zoom}}}</style></head>", 1)
    with AT_ONCE, tempfile.TemporaryDirectory(prefix="yili-pdf-") as home:
        try:
            pdf = pdfkit.from_file(
                io.StringIO(html),
                False,
                options=_options(setup),
                configuration=_configuration(mode or best_mode(), home),
            )
        except OSError as error:  # pdfkit's only one; its text may quote the page, so not shown
            raise RenderError(_reason(str(error))) from error
    if not isinstance(pdf, bytes) or not pdf.startswith(b"%PDF"):
        raise RenderError("排版程序没有生成文件")
    return pdf


@functools.cache
def best_mode() -> Mode:
    """`box` where bubblewrap works, otherwise `bare`, which is logged once."""
    if box_failure() is None:
        return "box"
    log.warning("PDF rendering without bubblewrap (%s): reduced protection", box_failure())
    if not offline("bare"):
        raise RenderError("排版程序的网络隔离不起作用，已停用")
    return "bare"


@functools.cache
def box_failure() -> str | None:
    """Why bubblewrap cannot be used, as it says itself; None if it can."""
    try:
        with tempfile.TemporaryDirectory(prefix="yili-pdf-") as home:
            subprocess.run(  # noqa: S603 our own script, fixed argument
                [str(SANDBOX), "--version"],
                env=_environ("box", home),
                capture_output=True,
                check=True,
                timeout=20,
            )
    except subprocess.CalledProcessError as error:
        return error.stderr.decode(errors="replace").strip()[-200:] or f"code {error.returncode}"
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    return None


def offline(mode: Mode) -> bool:
    """Whether a page that asks for a picture on this machine's loopback address reaches nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        page = f'<html><head></head><body><img src="http://127.0.0.1:{port}/"></body></html>'
        with suppress(RenderError):
            render(page, mode=mode)
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return True
    return False


def _options(setup: PageSetup) -> dict[str, str]:
    sides = ("top", "right", "bottom", "left")
    return {
        "quiet": "",
        "encoding": "UTF-8",
        "page-width": f"{setup.width}mm",
        "page-height": f"{setup.height}mm",
        **{f"margin-{side}": f"{getattr(setup, side)}mm" for side in sides},
    }


def _environ(mode: Mode, home: str) -> dict[str, str]:
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": path, "WK_MODE": mode, "WK_HOME": home, "WK_WALL": str(WALL_SECONDS)}


def _configuration(mode: Mode, home: str) -> pdfkit.configuration:
    return pdfkit.configuration(
        wkhtmltopdf=str(SANDBOX), meta_tag_prefix=PREFIX, environ=_environ(mode, home)
    )


def _reason(message: str) -> str:
    if any(code in message for code in OUT_OF_TIME):
        return f"排版超过 {WALL_SECONDS} 秒，已停止"
    return "排版程序出错"
