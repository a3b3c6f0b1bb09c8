"""L18: decision tables. One decision a file, and cells that the evaluator can take.

The engine joins the column's expression and the cell as text, so the cells that mean something are
few: blank, "-", a quoted text, a number, True / False, a comparison (>= 1), a range (1 <= ? <= 5).
FEEL lists and functions never match and would never say so.
"""

import ast
import re
from typing import Any

from workflows.engine import script
from workflows.engine.lint_general import dmn_schema, wrong_structure
from workflows.engine.lint_model import wrong_expression
from workflows.engine.lint_terms import Told, Vocabulary, local, name_of

HIT_POLICIES = ("FIRST", "COLLECT")
CELLS = '写成空白、"-"、带引号的文字、数字、True / False、比较（>= 1）或范围（1 <= ? <= 5）'
_COMPARED = re.compile(r"(<=|>=|<|>|==|!=)\s*(.+)", re.S)


def table(root: Any, words: Vocabulary) -> Told:
    """Every finding in one DMN file that could be read."""
    namespace = root.tag.removeprefix("{").partition("}")[0]
    schema = dmn_schema(namespace)
    if schema is None:
        yield "文件", "XSD：不是 DMN 1.1、1.2 或 1.3 的判定表；用其中一种格式保存"
    else:
        yield from wrong_structure(root, schema, "DMN")
    decisions = list(root.iter("{*}decision"))
    for more in decisions[1:]:
        yield name_of(more), "L18：一个文件只放一个判定；另存为一个文件"
    for decision in decisions:
        yield from _decision(decision, words)


def decisions_in(root: Any) -> set[str]:
    """Ids of the decisions of a file."""
    return {key for node in root.iter("{*}decision") if (key := node.get("id"))}


def outputs_of(root: Any) -> set[str]:
    """Names of the values that a file's tables give."""
    return {name for node in root.iter("{*}output") if (name := node.get("name"))}


def _decision(decision: Any, words: Vocabulary) -> Told:
    tables = decision.findall("{*}decisionTable")
    if len(tables) != 1:
        yield name_of(decision), "L18：一个判定要有一张表，只有一张；表达式和函数用不了"
        return
    [rows] = tables
    if rows.get("hitPolicy", "UNIQUE") not in HIT_POLICIES:
        yield name_of(decision), "L18：命中方式用 FIRST（取第一条），或 COLLECT（结果是一串）"
    yield from _columns(rows, name_of(decision), words)
    for place, rule in enumerate(rows.findall("{*}rule"), 1):
        yield from _row(rule, place, name_of(decision), rows, words)


def _columns(rows: Any, owner: str, words: Vocabulary) -> Told:
    for column in rows.findall("{*}input"):
        text = _text(column.find("{*}inputExpression/{*}text"))
        problem = wrong_expression(text, words) if text else "写明这一列看哪个值"
        if problem:
            yield name_of(column), f"L18：{problem}"
    for column in rows.findall("{*}output"):
        if not (column.get("name") or "").isidentifier():
            yield name_of(column), "L18：给结果起一个英文名，用字母、数字和下划线"
    if not rows.findall("{*}rule"):
        yield owner, "L18：表里还没有一行"


def _row(rule: Any, place: int, owner: str, rows: Any, words: Vocabulary) -> Told:
    where = f"{owner} 第 {place} 行"
    given, said = rule.findall("{*}inputEntry"), rule.findall("{*}outputEntry")
    same = len(given) == len(rows.findall("{*}input")) and len(said) == len(
        rows.findall("{*}output")
    )
    if not same:
        yield where, "L18：格数与列数不同；每列一格"
    for cell in given:
        if wrong_cell(_text(cell.find("{*}text"))):
            yield where, f"L18：{CELLS}"
    for cell in said:
        text = _text(cell.find("{*}text"))
        if text and not _plain(text):
            yield where, "L18：结果写成带引号的文字、数字或 True / False"
    for child in rule:
        if local(child) == "annotationEntry":
            yield where, "L18：引擎读不了批注列；写进行的说明（description）"


def wrong_cell(text: str) -> bool:
    """Whether an input cell is none of the kinds that work."""
    if text in ("", "-") or _plain(text):
        return False
    if found := _COMPARED.fullmatch(text):
        return not _plain(found[2].strip())
    return not _range(text)


_VALUE = "dmninputexpr"  # what the engine itself puts for the question mark


def _range(text: str) -> bool:
    """1 <= ? <= 5"""
    if text.count("?") != 1 or _VALUE in text:
        return False
    try:
        tree = script.tree(text.replace("?", _VALUE))
    except (SyntaxError, script.Refused):
        return False
    if not isinstance(tree, ast.Compare):
        return False
    operands = [tree.left, *tree.comparators]
    names = [part.id for part in operands if isinstance(part, ast.Name)]
    return names == [_VALUE] and sum(map(_is_number, operands)) == len(operands) - 1


def _plain(text: str) -> bool:
    """A quoted text, a number, True or False."""
    try:
        tree = script.tree(text)
    except (SyntaxError, script.Refused):
        return False
    quoted = isinstance(tree, ast.Constant) and isinstance(tree.value, str | bool)
    return quoted or _is_number(tree)


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _text(node: Any) -> str:
    return (node.text or "").strip() if node is not None else ""
