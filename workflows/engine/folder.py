"""What an administrator hands in, put in its place among the files of a process.

A diagram's place is told by the process in it, a table's and a form's by its file name. What is not
handed in stays as it was. Bounded in number and size; whatever the bytes hold, the answer is files
and findings, never an exception.
"""

import re
from collections.abc import Mapping
from pathlib import PurePath

from lxml import etree

from workflows.engine import diff
from workflows.engine.definitions import Files, called_in, parse_xml
from workflows.engine.lint import FILE, LONGEST, Finding
from workflows.engine.lint_terms import B

MOST_FILES = 40
MOST_BYTES = 4_000_000
KINDS = (".bpmn", ".dmn", ".json")
DRAWINGS = (".svg",)  # beside a diagram in our folders; drawn anew from it
_PROCESS = re.compile(r"[a-z][a-z0-9_]{1,59}")
_FORM = re.compile(r"[a-z][a-z0-9_]{0,59}\.v[1-9]\d{0,3}(-[a-z]{1,20})?\.json")
_TABLE = re.compile(r"[A-Za-z0-9_-]{1,60}\.dmn")


def arranged(name: str, base: Files, handed: Mapping[str, bytes]) -> tuple[Files, list[Finding]]:
    """The files of process `name` with those handed in, and why some could not be taken."""
    if len(handed) > MOST_FILES or sum(map(len, handed.values())) > MOST_BYTES:
        words = f"最多 {MOST_FILES} 个文件，合计不超过 {MOST_BYTES // 1_000_000} MB；只选改动的"
        return base, [Finding(name, FILE, words)]
    files, found, taken = dict(base), list[Finding](), set[str]()
    for path, raw in handed.items():
        told = PurePath(path.replace("\\", "/")).name
        if told.lower().endswith(DRAWINGS):
            continue
        key, text, problem = _placed(name, base, told, raw)
        if not problem and key in taken:
            problem = "和另一个文件是同一个流程、判定表或表单；只选一个"
        if problem:
            found.append(Finding(told, FILE, problem))
        else:
            files[key] = text
            taken.add(key)
    needed = _needed(name, files)
    for key in sorted(taken - needed.keys()):
        told = f"{name} 没有调用这个流程；改正流程编号，或一并上传调用它的图"
        found.append(Finding(key, FILE, told))
    return needed, found


def _placed(name: str, base: Files, file: str, raw: bytes) -> tuple[str, str, str]:
    """(place among the files, text, why not)."""
    if not file.lower().endswith(KINDS):
        return "", "", f"只收 {'、'.join(KINDS)} 文件"
    if len(raw) > LONGEST:
        return "", "", "文件太大，单个不超过 1 MB"
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "", "", "文件不是 UTF-8 编码；另存为 UTF-8"
    if file.endswith(".bpmn"):
        key, problem = _place_of_diagram(text)
        return key, text, problem
    wanted = _FORM if file.endswith(".json") else _TABLE
    if not wanted.fullmatch(file):
        return "", "", "文件名不合规定；表单例如 receipt.v2.json，判定表用字母、数字和下划线"
    there = [key for key in base if key.rsplit("/", 1)[-1] == file]
    folder = f"{name}/forms" if file.endswith(".json") else name
    return (there[0] if there else f"{folder}/{file}"), text, ""


def _place_of_diagram(text: str) -> tuple[str, str]:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return "", "L23：不能有 DOCTYPE 和实体；删去"
    try:
        process = parse_xml(text).find(f"{B}process")
    except (etree.XMLSyntaxError, ValueError):
        return "", "读不成 XML；检查文件是否完整"
    key = process.get("id", "") if process is not None else ""
    if process is None:
        return "", "里面没有 BPMN 2.0 流程；用 BPMN 工具另存为 .bpmn"
    if not _PROCESS.fullmatch(key):
        return (
            "",
            f"流程的编号是 {key[:40] or '空的'}；改成小写字母、数字和下划线，例如 maternal_death",
        )
    return f"{key}/process.bpmn", ""


def _needed(name: str, files: Files) -> Files:
    """Without the folders of processes that are no longer called."""
    kept, waiting = set[str](), [name]
    while waiting:
        folder = waiting.pop()
        if folder not in kept and (text := files.get(f"{folder}/process.bpmn")):
            kept.add(folder)
            try:
                waiting += called_in(text)
            except (etree.XMLSyntaxError, ValueError):
                continue  # the lint says so
    return {key: text for key, text in sorted(files.items()) if key.split("/")[0] in kept | {name}}


def reused(old: Files, new: Files) -> list[Finding]:
    """L2: ids that were released and mean something else now."""
    found = []
    for change in diff.changes(old, new):
        kinds = [line for line in change.lines if line.what == "类型"]
        if kinds:
            told = f"L2：这个编号原来是{kinds[0].old}；用过的编号不能另作他用，换一个新编号"
            found.append(Finding(change.file, change.element, told))
    return found
