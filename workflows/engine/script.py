"""The script engine: expressions of diagrams, evaluated without evaluating Python.

Conditions, timers, cardinalities and decision cells are read as Python syntax and walked:
constants, routed names, comparisons, and / or / not, calls of registered functions. Nothing
reaches eval or exec; script tasks are refused. The engine's clock is the caller's `now`.
"""

import ast
import functools
import json
import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, tzinfo
from itertools import pairwise
from typing import Any, Self

from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.script_engine.python_environment import BasePythonScriptEngineEnvironment
from SpiffWorkflow.bpmn.specs.event_definitions import timer

Functions = Mapping[str, Callable[..., Any]]

COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
LONGEST = 500


class Refused(Exception):
    """The expression says something a diagram may not say."""


@functools.lru_cache(maxsize=4096)
def tree(text: str) -> ast.expr:
    """The syntax tree of an expression. SyntaxError if it is none, Refused if it is too long or
    too deep, or not even text."""
    if len(text) > LONGEST:
        raise Refused("expression too long")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (ValueError, RecursionError, MemoryError) as error:
        raise Refused(f"cannot be read as an expression: {error}") from error


def evaluate(text: str, names: Mapping[str, Any], functions: Functions) -> Any:  # noqa: C901 - one arm a construct
    """The value of an expression over `names`. Refused or SyntaxError if it is not allowed."""

    def value(node: ast.expr) -> Any:  # noqa: C901 - one arm a construct
        match node:
            case ast.Constant():
                return node.value
            case ast.Name(id=name) if name in names:
                return names[name]
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [value(item) for item in items]
            case ast.BoolOp(op=ast.And(), values=parts):
                return all(value(part) for part in parts)
            case ast.BoolOp(op=ast.Or(), values=parts):
                return any(value(part) for part in parts)
            case ast.UnaryOp(op=ast.Not(), operand=part):
                return not value(part)
            case ast.UnaryOp(operand=ast.Constant(value=int() | float() as number)) if unary(node):
                return -number
            case ast.Compare(left=left, ops=ops, comparators=rights):
                values = [value(part) for part in (left, *rights)]
                pairs = zip(ops, pairwise(values), strict=True)
                return all(_compare(type(op), a, b) for op, (a, b) in pairs)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in functions:
                return functions[name](*(value(arg) for arg in args))
        what = node.id if isinstance(node, ast.Name) else type(node).__name__
        raise Refused(f"not allowed or not known: {what} in {text!r}")

    return value(tree(text))


def unary(node: ast.UnaryOp) -> bool:
    """Whether an expression may say it: `not` before anything, a minus before a number."""
    if isinstance(node.op, ast.Not):
        return True
    number = isinstance(node.operand, ast.Constant) and isinstance(node.operand.value, int | float)
    return isinstance(node.op, ast.USub) and number


def _compare(how: type[ast.cmpop], a: Any, b: Any) -> bool:
    try:
        return COMPARE[how](a, b)
    except TypeError as error:  # a number and a text, or nothing at all
        raise Refused(str(error)) from error


class Environment(BasePythonScriptEngineEnvironment):  # type: ignore[misc]
    """Not only an engine: correlations and conditional starts call the environment directly."""

    def __init__(self, functions: Functions, services: Functions) -> None:
        super().__init__()
        self.functions, self.services = functions, services

    def evaluate(
        self,
        expression: str,
        context: dict[str, Any],
        external_context: dict[str, Any] | None = None,
    ) -> Any:
        return evaluate(expression, {**context, **(external_context or {})}, self.functions)

    def execute(
        self, script: str, context: dict[str, Any], external_context: dict[str, Any] | None = None
    ) -> bool:
        raise Refused("script tasks are refused")

    def call_service(
        self, context: dict[str, Any], operation_name: str, operation_params: dict[str, Any]
    ) -> str:
        params = {name: param["value"] for name, param in operation_params.items()}
        return json.dumps(self.services[operation_name](**params))


class Engine(PythonScriptEngine):  # type: ignore[misc]
    """`functions` may be called in expressions, `services` are what service tasks name."""

    def __init__(self, functions: Functions, services: Functions) -> None:
        super().__init__(Environment(functions, services))

    def execute(self, task: Any, script: str, external_context: Any = None) -> bool:
        return bool(self.environment.execute(script, task.data, external_context))

    def call_service(self, task: Any, **kwargs: Any) -> str:
        # The stock method turns any error in a service into a NameError that hides it.
        return str(self.environment.call_service(task.data, **kwargs))


_now: ContextVar[datetime | None] = ContextVar("engine_now", default=None)


class _Clock(datetime):
    """What the timer module takes for `datetime`: its now() is the caller's."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        moment = _now.get()
        if moment is None:
            raise RuntimeError("an engine step outside `at(now)`")
        return moment.astimezone(tz)  # type: ignore[return-value]


timer.datetime = _Clock


@contextmanager
def at(now: datetime) -> Iterator[None]:
    """Everything the engine does inside happens at `now`."""
    token = _now.set(now)
    try:
        yield
    finally:
        _now.reset(token)
