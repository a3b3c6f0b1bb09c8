"""Figures of another system, as it exports them: a table in CSV, judged line by line.

Pure: bytes or pasted text in, rows out, or every fault in words that say what to do. What may come:
UTF-8 with or without a byte order mark, GBK and its successor GB 18030; commas, semicolons or
tabulators (pasted from a spreadsheet). A cell that begins like a formula is refused, never
interpreted. Knows no unit by name: who a line is about, the caller looks up.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

MOST_BYTES = 512 * 1024
MOST_ROWS = 2000
MOST_FAULTS = 20
MOST = 9999
MONTH, UNIT = "月份", "单位"
MEASURES = {  # heading: code; the first three must be there
    "死亡例数": "deaths",
    "报送例数": "reported",
    "评审例数": "reviewed",
    "迟报例数": "late",
    "未销号条目": "items_open",
    "已销号条目": "items_closed",
}
NEEDED = (MONTH, UNIT, *list(MEASURES)[:3])
TEMPLATE = (*NEEDED, *list(MEASURES)[3:])
_MONTH = re.compile(r"(20\d{2})\s*(?:[-/.年]\s*(\d{1,2})|(\d{2}))\s*月?")
_SIGNS = ("=", "+", "-", "@")
_FOREIGN = {
    b"PK\x03\x04": "这是 Excel 工作簿或压缩包，请在 Excel 里另存为「CSV（逗号分隔）」再上传",
    b"\xd0\xcf\x11\xe0": "这是旧版 Excel 工作簿，请在 Excel 里另存为「CSV（逗号分隔）」再上传",
    b"%PDF": "这是 PDF 文件，请从信息系统导出 CSV 再上传",
    b"\xff\xfe": "文件是 UTF-16 编码，请另存为「CSV UTF-8」再上传",
    b"\xfe\xff": "文件是 UTF-16 编码，请另存为「CSV UTF-8」再上传",
}


class BadTable(ValueError):
    """No figure was taken. `faults`: each in words, at most MOST_FAULTS."""

    def __init__(self, *faults: str) -> None:
        super().__init__("；".join(faults))
        self.faults = list(faults)


@dataclass(frozen=True, slots=True)
class Row:
    """What one line says of a unit's month (its first day). Measures that it leaves open are
    absent. `line`: as a spreadsheet counts, the heading being 1."""

    line: int
    month: date
    unit: str
    figures: dict[str, int]


def read(content: bytes | str, today: date) -> list[Row]:
    """The rows of a table. Raises BadTable."""
    text = _text(content) if isinstance(content, bytes) else content
    if len(text) > MOST_BYTES:
        raise BadTable(f"内容超过 {MOST_BYTES >> 10} KB，请按月份分开上传")
    table = _table(text)
    head = _head(table[0])
    rows: list[Row] = []
    faults: list[str] = []
    for line, cells in enumerate(table[1:], 2):
        if not any(cells):
            continue
        said = dict(zip(head, cells, strict=False))
        wrong = list(_faults(said, today))
        if wrong:
            faults += [f"第 {line} 行：{each}" for each in wrong]
        else:
            rows.append(_row(line, said))
    faults += _twice(rows)
    if faults:
        more = len(faults) - MOST_FAULTS
        raise BadTable(*faults[:MOST_FAULTS], *([f"另有 {more} 处问题"] if more > 0 else []))
    if not rows:
        raise BadTable("表里只有表头，没有数据")
    return rows


def template() -> bytes:
    """An empty table to fill in, as spreadsheets open it: UTF-8 with a byte order mark."""
    return ("\ufeff" + ",".join(TEMPLATE) + "\r\n").encode()


def _text(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise BadTable(f"文件超过 {MOST_BYTES >> 10} KB，请按月份分开上传")
    for mark, words in _FOREIGN.items():
        if content.startswith(mark):
            raise BadTable(words)
    if b"\x00" in content:
        raise BadTable("这不是文本文件，请从信息系统导出 CSV 再上传")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadTable("认不出文件的编码，请另存为「CSV UTF-8」再上传")


def _table(text: str) -> list[list[str]]:
    text = text.lstrip("\ufeff").strip("\r\n")
    first = text.split("\n", 1)[0]
    mark = max(",\t;", key=first.count)
    try:
        found = list(csv.reader(io.StringIO(text), delimiter=mark, strict=True))
    except csv.Error:
        raise BadTable("表格的引号或换行不完整，请重新导出") from None
    if not found or not any(found[0]):
        raise BadTable("没有内容，第一行应是表头")
    if len(found) > MOST_ROWS + 1:
        raise BadTable(f"超过 {MOST_ROWS} 行，请按月份分开上传")
    return [[unicodedata.normalize("NFKC", cell).strip() for cell in row] for row in found]


def _head(cells: list[str]) -> list[str]:
    missing = [name for name in NEEDED if name not in cells]
    if missing:
        seen = "、".join(f"「{cell[:20]}」" for cell in cells[:10] if cell) or "空行"
        raise BadTable(f"表头缺少「{'」「'.join(missing)}」；第一行是{seen}。请按模板的表头整理")
    if twice := [name for name in TEMPLATE if cells.count(name) > 1]:
        raise BadTable(f"表头里「{twice[0]}」出现了两次，请删去一列")
    return cells


def _faults(said: Mapping[str, str], today: date) -> Iterator[str]:
    for name in TEMPLATE:
        if (cell := said.get(name, "")).startswith(_SIGNS):
            yield f"「{name}」以 {cell[0]} 开头，像是公式或负数，请粘贴为不小于 0 的数值或文字"
            return
    month = _month(said[MONTH])
    if month is None:
        yield f"月份「{said[MONTH][:20]}」写成 2026-01 的样子"
    elif month > today:
        yield f"月份「{said[MONTH][:20]}」还没有到"
    if not said.get(UNIT):
        yield "没有写单位"
    for name in MEASURES:
        yield from _wrong_count(name, said.get(name, ""))


def _wrong_count(name: str, cell: str) -> Iterator[str]:
    if not cell and name in NEEDED:
        yield f"没有填「{name}」，没有发生的填 0"
    elif cell and not (cell.isascii() and cell.isdigit() and int(cell) <= MOST):
        yield f"「{name}」应为 0 至 {MOST} 的整数，现在是「{cell[:20]}」"


def _month(cell: str) -> date | None:
    match = _MONTH.fullmatch(cell)
    number = int(match[2] or match[3]) if match else 0
    return date(int(match[1]), number, 1) if match and 1 <= number <= 12 else None


def _row(line: int, said: Mapping[str, str]) -> Row:
    month = _month(said[MONTH])
    if month is None:
        raise ValueError(f"line {line} has not been judged")
    figures = {code: int(said[name]) for name, code in MEASURES.items() if said.get(name)}
    return Row(line, month, said[UNIT], figures)


def _twice(rows: list[Row]) -> list[str]:
    seen: dict[tuple[date, str], int] = {}
    found = []
    for row in rows:
        key = (row.month, row.unit)
        if key in seen:
            found.append(f"第 {row.line} 行与第 {seen[key]} 行是同一单位、同一月份，请保留一行")
        seen.setdefault(key, row.line)
    return found
