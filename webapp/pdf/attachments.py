"""Uploaded files on pages of the dossier: pictures and PDF, each page set into one of ours.

A page of a foreign PDF is copied as a picture of itself, so that nothing of what made it active
(scripts, actions, links, embedded files) comes along, and so that header and page number never
stand on its text. What cannot be shown says why, in Chinese; nothing here raises for a bad file.
"""

import hashlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import img2pdf
import pikepdf
from pikepdf import Name
from PIL import Image, ImageSequence

from workflows.dossier import AttachmentFile

log = logging.getLogger(__name__)

MAX_PAGES = 300
MAX_PIXELS = 80_000_000
A4 = (595.28, 841.89)
FRAME = (34.0, 51.0, 34.0, 62.0)  # points left, bottom, right, top for header and page number
FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF")
KINDS = {
    "application/pdf": "PDF 文件",
    "image/jpeg": "JPEG 图像",
    "image/png": "PNG 图像",
    "image/tiff": "TIFF 图像",
}
GONE = "文件不在存储中，请联系系统管理员。"
CHANGED = "文件内容与上传时登记的 SHA-256 不符，未予收录，请联系系统管理员核查。"
LOCKED = "文件设有打开密码，无法读取。请在系统中下载原件查看，或补传未加密的文件。"
BROKEN = "文件已损坏或不完整，无法读取。请补传完好的文件。"
TOO_LARGE = "图像超过 8000 万像素，未予收录。请在系统中下载原件查看。"
OTHER_KIND = "此类文件不能装入案卷。请在系统中下载原件查看。"


class Unreadable(Exception):
    """Why a file cannot be shown, in Chinese."""


@dataclass
class Leaves:
    """The pages of one attachment, ready to be bound; `problem` says why there are none."""

    file: AttachmentFile
    pdf: pikepdf.Pdf
    total: int = 0
    problem: str = ""

    @property
    def kind(self) -> str:
        return KINDS.get(self.file.media_type, self.file.media_type)

    @property
    def extent(self) -> str:
        if self.problem:
            return "未收入"
        bound = len(self.pdf.pages)
        cut = "" if bound == self.total else f"，收入前 {bound} 页，其余请下载原件查看"
        return f"{self.total} 页{cut}"


def read(file: AttachmentFile) -> Leaves:
    """The file's pages, or the reason why it has none."""
    leaves = Leaves(file, pikepdf.new())
    try:
        raw = _verified(file)
        with _opened(raw) as source:
            leaves.total = len(source.pages)
            for number in range(min(leaves.total, MAX_PAGES)):
                _place(leaves.pdf, source.pages[number])
        if not leaves.total:
            raise Unreadable(BROKEN)
    except Unreadable as reason:
        leaves.problem = str(reason)
    except Exception:  # a foreign file may break any of three libraries, never the dossier
        log.warning("attachment %s cannot be read", file.sha256, exc_info=True)
        leaves.problem = BROKEN
    if leaves.problem:
        leaves.pdf = pikepdf.new()
    return leaves


def _verified(file: AttachmentFile) -> bytes:
    try:
        raw = file.path.read_bytes()
    except OSError as error:
        raise Unreadable(GONE) from error
    if hashlib.sha256(raw).hexdigest() != file.sha256:
        raise Unreadable(CHANGED)
    return raw


def _opened(raw: bytes) -> pikepdf.Pdf:
    if b"%PDF-" not in raw[:1024]:
        raw = img2pdf.convert(
            list(_pictures(raw)), nodate=True, rotation=img2pdf.Rotation.ifvalid, layout_fun=_SIZE
        )
    try:
        pdf = pikepdf.open(io.BytesIO(raw))
    except pikepdf.PasswordError as error:
        raise Unreadable(LOCKED) from error
    except pikepdf.PdfError as error:
        raise Unreadable(BROKEN) from error
    # Forms and stamps are drawn by annotations: they become part of the page, actions do not.
    pdf.generate_appearance_streams()
    pdf.flatten_annotations("print")
    return pdf


_SIZE = img2pdf.get_layout_fun(
    imgsize=(
        (img2pdf.ImgSize.abs, A4[0] - FRAME[0] - FRAME[2]),
        (img2pdf.ImgSize.abs, A4[1] - FRAME[1] - FRAME[3]),
    ),
    fit=img2pdf.FitMode.shrink,
)


def _pictures(raw: bytes) -> Iterator[bytes]:
    """The frames as img2pdf takes them: JPEG as it is, everything else opaque PNG."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(raw), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise Unreadable(TOO_LARGE) from error
    except (OSError, SyntaxError) as error:
        raise Unreadable(OTHER_KIND) from error
    with picture:
        if picture.width * picture.height > MAX_PIXELS:
            raise Unreadable(TOO_LARGE)
        if picture.format == "JPEG":
            picture.draft("L", (picture.width // 8, picture.height // 8))
            picture.load()  # an eighth of the size is enough to notice a torn file
            yield raw
            return
        for number, frame in enumerate(ImageSequence.Iterator(picture)):
            if number < MAX_PAGES:
                yield _opaque(frame)


def _opaque(frame: Image.Image) -> bytes:
    layer = frame.convert("RGBA")
    sheet = Image.new("RGB", layer.size, "white")
    sheet.paste(layer, mask=layer.getchannel("A"))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", dpi=frame.info.get("dpi", (96, 96)))
    return buffer.getvalue()


def _place(pdf: pikepdf.Pdf, source: pikepdf.Page) -> None:
    """A new A4 page with the source upright in its frame, never enlarged."""
    form = pdf.copy_foreign(source.as_form_xobject())
    width, height = A4[::-1] if _is_wide(source) else A4
    page = pdf.add_blank_page(page_size=(width, height))
    left, bottom, right, top = FRAME
    frame = pikepdf.Rectangle(left, bottom, width - right, height - top)
    page.add_resource(form, Name.XObject, Name("/YlLeaf"))
    page.contents_add(
        page.calc_form_xobject_placement(
            form,
            Name("/YlLeaf"),
            frame,
            invert_transformations=True,
            allow_shrink=True,
            allow_expand=False,
        )
    )


def _is_wide(page: pikepdf.Page) -> bool:
    x0, y0, x1, y1 = (float(str(edge)) for edge in page.trimbox)
    node: pikepdf.Object = page.obj
    while "/Rotate" not in node and "/Parent" in node:  # it may stand in the tree above
        node = node.Parent
    turned = int(str(node.get("/Rotate", 0))) % 180 != 0
    return (y1 - y0 > x1 - x0) if turned else (x1 - x0 > y1 - y0)
