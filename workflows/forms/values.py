"""Judging one answer by its kind: type, length, range, code list. Knows no other answer."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from workflows.forms.answers import is_control
from workflows.forms.checks.registry import Context, Found
from workflows.forms.moment import day, moment, shown
from workflows.forms.spec import CAUSE_LINES, INTERVAL_UNITS, INVENTORY_STATES, Field, Kind

LENGTHS = {Kind.TEXT: 200, Kind.LONG_TEXT: 5000}
PHONE = re.compile(r"1[3-9]\d{9}|(0\d{2,3}-?)?[2-9]\d{6,7}(-\d{1,6})?")
DECIMAL = re.compile(r"-?\d{1,12}(\.\d{1,6})?")
ICD10 = re.compile(r"[A-Z]\d\d[0-9A-Za-z.+*†]{0,8}")
REGION = re.compile(r"\d{6}(\d{3})?")
EARLIEST = 1900  # a year typed 0206 or 20116 is a slip
MOST_FILES = 60
RELOAD = "请刷新页面后重试"
MINUTES = {"minute": 1, "hour": 60, "day": 1440, "week": 10080, "month": 43200, "year": 525600}


def judge(field: Field, value: Any, path: str, context: Context) -> Found:
    """Every (path, message) against one answer that is not empty. Groups are not judged here."""
    yield from JUDGES[field.kind](field, value, path, context)


def _text(field: Field, value: Any, path: str, context: Context) -> Found:
    if not isinstance(value, str):
        yield path, f"{field.label}应为文字，{RELOAD}"
        return
    most = field.max_length or LENGTHS.get(field.kind, 200)
    if len(value) > most:
        yield (
            path,
            f"{field.label}最多 {most:,} 字，现有 {len(value):,} 字；请删减，全文可作附件上传",
        )
    elif field.min_length and len(value.strip()) < field.min_length:
        yield path, f"{field.label}至少写 {field.min_length} 个字，现有 {len(value.strip())} 个"
    if any(is_control(char, many_lines=field.kind is Kind.LONG_TEXT) for char in value):
        yield path, f"{field.label}里有看不见的控制字符，请删除后重新输入"
    if "\ufffd" in value:  # what a decoder puts in place of bytes that are no text
        yield path, f"{field.label}里有无法识别的字符，请删除后重新输入"


def _matching(pattern: re.Pattern[str], message: str) -> Callable[..., Found]:
    def judged(field: Field, value: Any, path: str, context: Context) -> Found:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            yield path, message.format(label=field.label)

    return judged


_phone = _matching(PHONE, "{label}应为 11 位手机号，或带区号的座机号，如 0371-65950000")
_decimal_text = _matching(DECIMAL, "{label}应为数字，小数最多 6 位")


def _range(field: Field, value: float, path: str) -> Found:
    unit = f" {field.unit}" if field.unit else ""
    if field.min is not None and value < field.min:
        yield path, f"{field.label}不能小于 {field.min:g}{unit}"
    if field.max is not None and value > field.max:
        yield path, f"{field.label}不能大于 {field.max:g}{unit}"


def _integer(field: Field, value: Any, path: str, context: Context) -> Found:
    if not isinstance(value, int) or isinstance(value, bool):
        yield path, f"{field.label}应为整数"
    elif abs(value) > 10**12:
        yield path, f"{field.label}的数字太大，请核对"
    else:
        yield from _range(field, value, path)


def _decimal(field: Field, value: Any, path: str, context: Context) -> Found:
    wrong = list(_decimal_text(field, value, path, context))
    yield from wrong or _range(field, float(value), path)


def _date(field: Field, value: Any, path: str, context: Context) -> Found:
    try:
        read = day(value)
    except (TypeError, ValueError):
        yield path, f"{field.label}应为日期，如 2026-11-21"
        return
    if read.year < EARLIEST:
        yield path, f"{field.label}的年份是 {read.year}，请核对"
    if field.past and read > context.today:
        yield path, f"{field.label}不能晚于今天（{context.today}）"
    if field.future and read <= context.today:
        yield path, f"{field.label}应晚于今天（{context.today}）"


def _datetime(field: Field, value: Any, path: str, context: Context) -> Found:
    try:
        read = moment(value)
    except (TypeError, ValueError, OverflowError):
        yield path, f"{field.label}应为日期和时间，精确到分钟，如 2026-11-21 03:40"
        return
    if read.year < EARLIEST:
        yield path, f"{field.label}的年份是 {read.year}，请核对"
    if field.past and read > context.now:
        yield path, f"{field.label}不能晚于现在（{shown(context.now)}）"
    if field.future and read <= context.now:
        yield path, f"{field.label}应晚于现在（{shown(context.now)}）"


def _choice(field: Field, value: Any, path: str, context: Context) -> Found:
    if not isinstance(value, str) or value not in {choice.code for choice in field.choices}:
        yield path, f"{field.label}不在可选范围内，请重新选择"


def _choices(field: Field, value: Any, path: str, context: Context) -> Found:
    if not isinstance(value, list):
        yield path, f"{field.label}不在可选范围内，请重新选择"
        return
    for code in value:
        yield from _choice(field, code, path, context)
    texts = [code for code in value if isinstance(code, str)]
    if len(set(texts)) < len(texts):
        yield path, f"{field.label}有重复，每项只能选一次"
    yield from _count(field, len(value), path, "项")


def _count(field: Field, count: int, path: str, word: str) -> Found:
    if field.max is not None and count > field.max:
        yield path, f"{field.label}最多 {field.max:g} {word}，现有 {count} {word}"
    if field.min is not None and count < field.min:
        yield path, f"{field.label}至少 {field.min:g} {word}，现有 {count} {word}"


def _bool(field: Field, value: Any, path: str, context: Context) -> Found:
    if not isinstance(value, bool):
        yield path, f"{field.label}请选「是」或「否」"


def _id_number(field: Field, value: Any, path: str, context: Context) -> Found:
    yield from _text(field, value, path, context)


def _icd10(field: Field, value: Any, path: str, context: Context) -> Found:
    if not isinstance(value, str) or not ICD10.fullmatch(value) or not context.known.icd10(value):
        yield path, f"{field.label}的编码「{str(value)[:20]}」不在 ICD-10 中，请从列表里选择"


def _region(field: Field, value: Any, path: str, context: Context) -> Found:
    if not isinstance(value, str) or not REGION.fullmatch(value) or not context.known.region(value):
        yield path, f"{field.label}不是已知的行政区划，请从列表里选择"


def _organisation(field: Field, value: Any, path: str, context: Context) -> Found:
    if not _is_id(value) or not context.known.organisation(value, field.among):
        yield path, f"{field.label}不是可选的单位，请从列表里选择"


def _user(field: Field, value: Any, path: str, context: Context) -> Found:
    if not _is_id(value) or not context.known.user(value, field.among):
        yield path, f"{field.label}不是可选的人员，请从列表里选择"


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _cause_chain(field: Field, value: Any, path: str, context: Context) -> Found:
    if not isinstance(value, dict) or not set(value) <= set(CAUSE_LINES):
        yield path, f"{field.label}的格式不对，{RELOAD}"
        return
    filled = [line for line in CAUSE_LINES if value.get(line)]
    for line in filled:
        yield from _cause_line(value[line], line, f"{path}.{line}", context)
    yield from _cause_gap(filled, path)
    yield from _interval_order(value, path)


def _interval_order(chain: dict[str, Any], path: str) -> Found:
    """What came first has lasted longest: a ≤ b ≤ c ≤ d, as far as they are known."""
    known: list[tuple[int, str]] = []
    for name in CAUSE_LINES:
        line = chain.get(name)
        line = line if isinstance(line, dict) else {}
        value, unit = line.get("value"), line.get("unit")
        if isinstance(value, int) and isinstance(unit, str) and unit in MINUTES:
            known.append((value * MINUTES[unit], name))
    for (shorter, before), (longer, name) in pairwise(known):
        if longer < shorter:
            yield (
                f"{path}.{name}.value",
                f"死因 ({name}) 发生在 ({before}) 之前，间隔应不短于 ({before}) 的间隔",
            )


def _cause_line(line: Any, name: str, path: str, context: Context) -> Found:
    if not isinstance(line, dict) or not set(line) <= {"icd10", "text", "value", "unit"}:
        yield path, f"死因 ({name}) 的格式不对，{RELOAD}"
        return
    code = line.get("icd10")
    if not code:
        yield f"{path}.icd10", f"死因 ({name}) 没有 ICD-10 编码，请从列表里选择诊断"
    else:
        yield from _icd10(Field(name="icd10", kind=Kind.ICD10, label=f"死因 ({name}) "), code,
                          f"{path}.icd10", context)  # fmt: skip
    text = Field(name="text", kind=Kind.TEXT, label=f"死因 ({name}) 的诊断名称")
    yield from _text(text, line.get("text", ""), f"{path}.text", context)
    yield from _interval(line, name, path)


def _interval(line: dict[str, Any], name: str, path: str) -> Found:
    value, unit = line.get("value"), line.get("unit")
    if unit is not None and unit not in INTERVAL_UNITS:
        yield f"{path}.unit", f"死因 ({name}) 的间隔单位不在可选范围内，请重新选择"
    if value is None:
        if unit not in (None, "unknown"):
            yield f"{path}.value", f"死因 ({name}) 填了单位，没有填间隔；不清楚请选「不详」"
    elif not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 999:
        yield f"{path}.value", f"死因 ({name}) 的间隔应为 0 到 999 的整数"
    elif unit in (None, "unknown"):
        yield f"{path}.unit", f"死因 ({name}) 填了间隔，请选择单位"


def _cause_gap(filled: list[str], path: str) -> Found:
    if filled and filled[0] != "a":
        yield f"{path}.a", "死因链从 (a) 直接死因填起，不能空着 (a)"
    for before, line in pairwise(CAUSE_LINES):
        if line in filled and before not in filled and before != "a":
            yield f"{path}.{before}", f"死因链不能间断：填了 ({line})，({before}) 不能空着"


def _inventory(field: Field, value: Any, path: str, context: Context) -> Found:
    codes = {choice.code for choice in field.choices}
    if not isinstance(value, dict) or not set(value) <= codes:
        yield path, f"{field.label}的格式不对，{RELOAD}"
        return
    for choice in field.choices:
        entry = value.get(choice.code)
        if not entry:
            yield f"{path}.{choice.code}.state", f"「{choice.label}」请选有、无或不适用"
        else:
            yield from _inventory_entry(entry, choice.label, f"{path}.{choice.code}", context)


def _inventory_entry(entry: Any, label: str, path: str, context: Context) -> Found:
    if not isinstance(entry, dict) or not set(entry) <= {"state", "pages", "files"}:
        yield path, f"「{label}」的格式不对，{RELOAD}"
        return
    state, pages, files = entry.get("state"), entry.get("pages"), entry.get("files")
    if state not in INVENTORY_STATES:
        yield f"{path}.state", f"「{label}」请选有、无或不适用"
        return
    if pages is not None and (not isinstance(pages, int) or isinstance(pages, bool) or
                              not 0 < pages < 10000):  # fmt: skip
        yield f"{path}.pages", f"「{label}」的页数应为 1 到 9999 的整数"
    if files:
        yield from _files(Field(name="files", kind=Kind.FILES, label=f"「{label}」"), files,
                          f"{path}.files", context)  # fmt: skip
    if state == "have" and not files and not pages:
        yield f"{path}.state", f"「{label}」选了「有」，请上传文件或填写页数"
    if state != "have" and (files or pages):
        yield f"{path}.state", f"「{label}」有文件或页数，状态应选「有」"


def _files(field: Field, value: Any, path: str, context: Context) -> Found:
    if not isinstance(value, list) or not all(isinstance(token, str) for token in value):
        yield path, f"{field.label}的附件列表格式不对，{RELOAD}"
        return
    if len(value) > MOST_FILES:
        yield path, f"{field.label}最多 {MOST_FILES} 个文件，现有 {len(value)} 个"
    elif not all(context.known.attachment(token) for token in value):
        yield path, f"{field.label}里有的文件没有上传完，请删除后重新上传"
    if len(set(value)) < len(value):
        yield path, f"{field.label}里同一个文件出现了两次，请删除重复的"
    yield from _count(field, len(value), path, "个")


def _signature(field: Field, value: Any, path: str, context: Context) -> Found:
    sound = (
        isinstance(value, dict)
        and set(value) == {"user", "name", "at"}
        and _is_id(value["user"])
        and isinstance(value["name"], str)
        and _is_moment(value["at"])
    )
    if not sound:
        yield path, f"{field.label}没有完成，请重新输入登录密码"


def _is_moment(value: Any) -> bool:
    try:
        moment(value)
    except (TypeError, ValueError):
        return False
    return True


def _note(field: Field, value: Any, path: str, context: Context) -> Found:
    yield path, f"{field.label}不需要填写，{RELOAD}"


JUDGES: dict[Kind, Callable[[Field, Any, str, Context], Iterator[tuple[str, str]]]] = {
    Kind.TEXT: _text,
    Kind.LONG_TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.DECIMAL: _decimal,
    Kind.DATE: _date,
    Kind.DATETIME: _datetime,
    Kind.CHOICE: _choice,
    Kind.CHOICES: _choices,
    Kind.BOOL: _bool,
    Kind.PHONE: _phone,
    Kind.ID_NUMBER: _id_number,
    Kind.ICD10: _icd10,
    Kind.REGION: _region,
    Kind.ORGANISATION: _organisation,
    Kind.USER: _user,
    Kind.CAUSE_CHAIN: _cause_chain,
    Kind.INVENTORY: _inventory,
    Kind.FILES: _files,
    Kind.SIGNATURE: _signature,
    Kind.NOTE: _note,
}
