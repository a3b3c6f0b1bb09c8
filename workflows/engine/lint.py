"""The lint of diagrams, tables and forms of a process: everything wrong, and what to do about it.

A file made by another tool gets findings, never a traceback, and nothing in it is ever executed.
The rules stand in lint_model (how our engine needs it), lint_general (how BPMN should be) and
lint_tables (decisions); what only a walk can show, rehearsal.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lxml import etree

from workflows.engine import lint_general, lint_model, lint_tables
from workflows.engine.definitions import Files, called_in, files_of, folders, parse_xml, roots
from workflows.engine.lint_model import FORBIDDEN, wrong_expression
from workflows.engine.lint_terms import NODES, PREFIX, SPIFF, B, Finding, Told, Vocabulary

__all__ = [
    "FORBIDDEN",
    "NODES",
    "PREFIX",
    "SPIFF",
    "Finding",
    "Vocabulary",
    "folders",
    "lint_files",
    "lint_folder",
    "lint_text",
    "wrong_expression",
]

LONGEST = 1_000_000  # characters of one file; ours have 60,000
MOST_ELEMENTS = 8_000
FILE = "文件"


def lint_folder(name: str, words: Vocabulary) -> list[Finding]:
    """Every finding in the files of one process folder of ours."""
    files = files_of(name)
    words = knowing(files, words)
    return [
        finding
        for file, text in files.items()
        if file.startswith(f"{name}/")
        for finding in lint_text(file, text, words)
    ]


def lint_files(name: str, files: Files, words: Vocabulary) -> list[Finding]:
    """Every finding in the diagrams and tables of a process and of those it calls."""
    main = f"{name}/process.bpmn"
    if main not in files:
        return [Finding(main, FILE, f"没有流程 {name} 的图；上传编号为 {name} 的 .bpmn 文件")]
    files = {file: text for file, text in files.items() if not file.endswith(".json")}
    words = knowing(files, words)
    found = [f for file, text in files.items() for f in lint_text(file, text, words)]
    return found + [f for file, text in files.items() for f in _misplaced(file, text)]


def knowing(files: Files, words: Vocabulary) -> Vocabulary:
    """The words, with the processes and decisions that the files bring themselves."""
    called, decisions, given, steps = set[str](), set[str](), set[str](), set[str]()
    for file, text in files.items():
        root = _readable(text)
        if root is None:
            continue
        if file.endswith(".bpmn"):
            called |= called_in(text)
            steps |= {str(step.get("id")) for step in root.iter(f"{B}userTask")}
        elif file.endswith(".dmn"):
            decisions |= lint_tables.decisions_in(root)
            given |= lint_tables.outputs_of(root)
    brought = {file.split("/")[0] for file in files if file.endswith("/process.bpmn")}
    return replace(
        words,
        processes=words.processes | brought,
        called=words.called | called,
        decisions=words.decisions | decisions,
        names=words.names | given,
        steps=words.steps | steps,
    )


def _misplaced(file: str, text: str) -> Iterator[Finding]:
    folder = file.split("/")[0]
    root = _readable(text) if file.endswith(".bpmn") else None
    process = root.find(f"{B}process") if root is not None else None
    if process is not None and process.get("id") != folder:
        words = f"流程的编号要和文件夹同名，改成 {folder}"
        yield Finding(file, str(process.get("id")), words)


def lint_text(file: str, text: str, words: Vocabulary) -> list[Finding]:
    """Every finding in one file; never an exception, whatever the file holds."""
    if problem := _unreadable(text):
        return [Finding(file, FILE, problem)]
    root = parse_xml(text)
    if file.endswith(".dmn"):
        return [Finding(file, *told) for told in lint_tables.table(root, words)]
    if root.tag != f"{B}definitions" or root.find(f"{B}process") is None:
        return [Finding(file, FILE, "里面没有 BPMN 2.0 流程；用 BPMN 工具另存为 .bpmn")]
    return [Finding(file, *told) for told in _told(root, words)]


def _told(root: Any, words: Vocabulary) -> Told:
    for rule in (*lint_model.RULES, *lint_general.RULES):
        yield from rule(root, words)


def _unreadable(text: str) -> str | None:
    """Why a file is not even looked into."""
    if len(text) > LONGEST:
        return f"文件太大，超过 {LONGEST // 10_000} 万字；拆成几个流程"
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return "L23：不能有 DOCTYPE 和实体；删去"
    try:
        root = parse_xml(text)
    except (etree.XMLSyntaxError, ValueError) as error:
        return f"读不成 XML（{_place(error)}）；检查文件是否完整"
    if root.getroottree().docinfo.doctype:  # written in another encoding, say
        return "L23：不能有 DOCTYPE 和实体；删去"
    if sum(1 for _ in root.iter()) > MOST_ELEMENTS:
        return f"内容太多，超过 {MOST_ELEMENTS} 个元素；拆成几个流程"
    return None


def _place(error: Exception) -> str:
    line, column = getattr(error, "position", (0, 0))
    return f"第 {line} 行第 {column} 列" if line else "开头就不对"


def _readable(text: str) -> Any | None:
    return None if _unreadable(text) else parse_xml(text)


def called_processes() -> frozenset[str]:
    """Processes that some diagram of ours calls."""
    return frozenset(folders()) - frozenset(roots())
