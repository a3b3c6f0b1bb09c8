"""Trying a process out with nobody there: random walks over forms, flags and time, kept nowhere.

Shows what reading the file cannot: a condition on a value that nothing has given yet (L6), values
that are more than flags (L10, L19), a place where a case would stand for ever. Functions and
services are stand-ins: nothing is done, no row is read or written.
"""

import random
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.exceptions import SpiffWorkflowException
from SpiffWorkflow.util.task import TaskState as State

from workflows import engine
from workflows.engine import script, settled, store
from workflows.engine.definitions import Files, Specification, parse
from workflows.engine.lint_terms import Finding, Vocabulary

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
WALKS = 8
MOST_STEPS = 400
HURRY = 120  # from here on the walk answers so as to get to the end
AT_START = ("level", "city_review", "n_items")
_UNKNOWN = re.compile(r"not known: (\w+) in")


class Stuck(Exception):
    """The walk cannot go on. `element` is where; the text says why and what to do."""

    def __init__(self, element: str, text: str) -> None:
        super().__init__(text)
        self.element = element


def rehearse(name: str, files: Files, words: Vocabulary) -> list[Finding]:
    """What a few walks from the start stumble over; each once. The lint has passed the files."""
    try:
        specification = parse(name, files)
    except Exception as error:  # whatever the library makes of what the lint let pass
        return [Finding(f"{name}/process.bpmn", "文件", f"引擎读不了这张图：{_reason(error)}")]
    found: dict[tuple[str, str], Finding] = {}
    ended = 0
    for seed in range(WALKS):
        chance = random.Random(seed)  # noqa: S311 - the same walks every time
        try:
            ended += walk(_begun(specification, words, chance), words, chance, BEGIN)
        except Stuck as stuck:
            told = Finding(f"{name}/process.bpmn", stuck.element, str(stuck))
            found.setdefault((told.element, told.text), told)
    if not ended and not found:
        words_ = f"试走 {WALKS} 次都到不了结束；检查返回的循环有没有出口"
        return [Finding(f"{name}/process.bpmn", name, words_)]
    return list(found.values())


def stand_in(words: Vocabulary, due: datetime = BEGIN + timedelta(hours=1)) -> Any:
    """A script engine whose functions and services do nothing."""
    functions = dict.fromkeys(words.functions, lambda *_args: due.isoformat())
    services = {name: _saying(words.services_say.get(name, True)) for name in words.services}
    return script.Engine(functions, services)


def _saying(value: Any) -> Any:
    return lambda **_parameters: value


def _begun(specification: Specification, words: Vocabulary, chance: random.Random) -> Any:
    hours = chance.choice((1, 500, 100_000))
    workflow = BpmnWorkflow(
        *specification, script_engine=stand_in(words, BEGIN + timedelta(hours=hours))
    )
    given = {name: chance.choice(words.flags[name]) for name in AT_START if name in words.flags}
    workflow.task_tree.data.update(given)
    return workflow


def walk(workflow: Any, words: Vocabulary, chance: random.Random, now: datetime) -> bool:
    """Go on to the end; whether it was reached within so many steps. Stuck when there is no way."""
    for turn in range(MOST_STEPS):
        now = _settled(workflow, now)
        if workflow.completed:
            return True
        settled.prune(workflow)  # a long walk slows down otherwise
        steps = store.open_user_tasks(workflow)
        if not steps:
            raise Stuck(_where(workflow), "走到这里就停住了，没有人办，也没有定时；检查并行的汇合")
        _complete(chance.choice(steps), words, chance, now, hurry=turn > HURRY)
        now += timedelta(hours=chance.choice((0, 0, 1, 30)))
    return False


def _complete(
    step: Any, words: Vocabulary, chance: random.Random, now: datetime, *, hurry: bool
) -> None:
    told = step.task_spec.extensions.get("properties", {})
    routed = dict(words.answers.get(told.get("form", ""), {}))
    if told.get("effect"):
        routed |= {name: values for name, values in words.flags.items() if name != "level"}
    for key, values in routed.items():
        # the last code of a question is as often the way on as the way back: chance decides both
        step.data[key] = chance.choice(values[:1] if hurry and chance.random() < 0.5 else values)
    try:
        with script.at(now):
            step.run()
    except Exception as error:  # whatever a diagram makes the library do
        raise _stuck(error, step) from error


def _settled(workflow: Any, now: datetime) -> datetime:
    """Run to where somebody must act; where only a moment is waited for, go there."""
    try:
        with script.at(now):
            workflow.refresh_timers()
            engine._advance(workflow)
        timers = store.pending_timers(workflow)
        if not workflow.completed and timers and not store.open_user_tasks(workflow):
            return _settled(workflow, max(now, timers[0][0]) + timedelta(seconds=1))
    except Stuck:
        raise
    except Exception as error:
        raise _stuck(error, None) from error
    return now


def _stuck(error: Exception, step: Any) -> Stuck:
    spec = getattr(error, "task_spec", None) or (step.task_spec if step is not None else None)
    element = str(getattr(spec, "bpmn_id", None) or getattr(spec, "name", "") or "流程")
    if unknown := _UNKNOWN.search(_root(error)):
        words = f"L6：走到这里时可能还没有 {unknown[1]} 的值；先在前面的步骤里给出，或改条件"
        return Stuck(element, words)
    return Stuck(element, f"试走到这里走不下去：{_reason(error)}")


def _root(error: BaseException) -> str:
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return str(error)


def _reason(error: Exception) -> str:
    text = str(error) if isinstance(error, SpiffWorkflowException) else type(error).__name__
    return " ".join(text.split())[:120]


def _where(workflow: Any) -> str:
    """A join that waits, if there is one."""
    parts = settled.parts(workflow)
    waiting = [t for part in parts for t in part.tasks.values() if t._state == State.WAITING]
    named = [t.task_spec.bpmn_id for t in waiting if t.task_spec.bpmn_id]
    return str(named[-1] if named else workflow.spec.name)
