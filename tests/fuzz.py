"""Mutated diagrams and expressions against the lint, the evaluator and the engine.

A hostile file gets findings; a hostile expression gets a refusal. Nothing in either is executed,
nothing ends in an exception that is not the refusal. What the lint lets pass, the evaluator takes.

    python -m tests.fuzz [MODELS [EXPRESSIONS [SEED]]]
"""

import ast
import random
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.spiff.parser.process import SpiffBpmnParser
from SpiffWorkflow.util.task import TaskState

from tests.benchmarks.figures import AT_LEAST, EXACTLY, Bar, finish, say
from tests.canary import Canary, canary, planted
from tests.instances import DEATH
from tests.mutants import Chance, expression, model, sources
from workflows import vocabulary
from workflows.engine import definitions, lint, script

MOST_SECONDS = 1500

NAMES: dict[str, Any] = {
    "level": "county", "n_items": 2, "n_experts": None, "verify_decision": "return", "item_id": 3,
    "city_review": True, "x": [1, "a"], "self": 1.5,
}  # fmt: skip
MOMENT = "2026-11-20T00:00:00+00:00"
FUNCTIONS = dict.fromkeys(("due", "due_item"), lambda *_args: MOMENT)


@dataclass
class Fuzz:
    """What was tried and what came of it."""

    chance: Chance
    bird: Canary
    words: lint.Vocabulary = field(default_factory=vocabulary.vocabulary)
    models: int = 0
    expressions: int = 0
    accepted: int = 0  # expressions that were evaluated
    moved: int = 0  # models that ran without being asked about
    failed: int = 0  # of these, ended in an exception: nobody was asked
    unhandled: list[str] = field(default_factory=list)
    disagreed: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def __post_init__(self) -> None:
        self.hostile, self.sources = planted(self.bird), sources()
        for source in self.sources:  # what is imported and read once is not the canary's business
            lint.lint_text("x/process.bpmn", source, self.words)
            self.run(source)
        self.bird.heard.clear()
        self.moved = self.failed = 0

    def try_expression(self) -> None:
        """The lint says what is wrong with it, or the evaluator takes it."""
        self.expressions += 1
        text = expression(self.chance, self.hostile)
        problem: str | None = "not asked"
        refusal: Exception | None = None
        with self._watched(text):
            problem = lint.wrong_expression(text, self.words)
            refusal = self._refusal(text)
            self.accepted += refusal is None
        if problem is None and refusal is not None and self._names(text) <= NAMES.keys():
            self.disagreed.append(f"{text!r}: the lint lets it pass, the evaluator says {refusal}")

    def _refusal(self, text: str) -> Exception | None:
        try:
            script.evaluate(text, NAMES, FUNCTIONS)
        except (script.Refused, SyntaxError) as refusal:
            return None if isinstance(refusal.__cause__, TypeError) else refusal  # "a" < 1
        return None

    def _names(self, text: str) -> set[str]:
        nodes = [node for node in ast.walk(script.tree(text)) if isinstance(node, ast.Name)]
        return {node.id for node in nodes} - FUNCTIONS.keys()

    def try_model(self) -> None:
        """The lint gives findings. Some are then run all the same, as if nobody had asked it."""
        self.models += 1
        source = model(self.chance, self.hostile, self.sources)
        findings: list[str] = []
        with self._watched(source):
            found = lint.lint_text("x/process.bpmn", source, self.words)
            findings += [str(finding) for finding in found]
        if not findings or self.chance.random() < 0.2:
            self.run(source)

    def run(self, source: str) -> None:
        """Parse it and go as far as it goes. It may fail; nothing in it may be executed."""
        self.moved += 1
        with self.bird:
            try:
                go(source, self.words)
            except Exception:
                self.failed += 1

    @contextmanager
    def _watched(self, tried: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            with self.bird:
                yield
        except Exception as error:
            self.unhandled.append(f"{error!r} from {tried[:300]!r}")
        self.slowest = max(self.slowest, time.perf_counter() - began)


def go(source: str, words: lint.Vocabulary) -> None:
    """The first process of a file, on our script engine, every open step done at once."""
    parser = SpiffBpmnParser()
    parser.add_bpmn_xml(definitions.parse_xml(source), filename="x")
    name = parser.get_process_ids()[0]
    services = dict.fromkeys(words.services, lambda **_parameters: True)
    with script.at(DEATH):
        specification = parser.get_spec(name), parser.get_subprocess_specs(name)
        workflow = BpmnWorkflow(*specification, script_engine=script.Engine(FUNCTIONS, services))
        workflow.task_tree.data.update({"level": "county", "n_items": 1, "city_review": True})
        for _ in range(6):
            workflow.do_engine_steps()
            for task in workflow.get_tasks(state=TaskState.READY, manual=True)[:3]:
                task.run()


def fuzz(models: int, expressions: int, seed: int) -> Fuzz:
    """Try so many of each, in turn."""
    with canary() as bird:
        tried = Fuzz(random.Random(seed), bird)  # noqa: S311 - the same faults every time
        began = time.monotonic()
        while tried.models < models or tried.expressions < expressions:
            if tried.models < models:
                tried.try_model()
            if tried.expressions < expressions:
                tried.try_expression()
            if time.monotonic() - began > MOST_SECONDS:
                break
    return tried


def main(models: int, expressions: int, seed: int) -> int:
    warnings.simplefilter("ignore", SyntaxWarning)  # of what is being parsed: "1if 2else 3"
    tried = fuzz(models, expressions, seed)
    for line in [*tried.bird.heard[:5], *tried.unhandled[:10], *tried.disagreed[:10]]:
        say(line)
    figures = {
        "models": tried.models,
        "expressions": tried.expressions,
        "accepted": tried.accepted,
        "run_anyway": tried.moved,
        "failed_then": tried.failed,
        "executed": len(tried.bird.heard),
        "unhandled": len(tried.unhandled),
        "disagreed": len(tried.disagreed),
        "slowest_s": round(tried.slowest, 2),
        "seed": seed,
    }
    return finish(
        figures,
        [
            Bar("tried", tried.models + tried.expressions, AT_LEAST, models + expressions),
            Bar("pieces of code executed", len(tried.bird.heard), EXACTLY, 0),
            Bar("exceptions nobody handled", len(tried.unhandled), EXACTLY, 0),
            Bar("passed by the lint, refused by the evaluator", len(tried.disagreed), EXACTLY, 0),
        ],
    )


if __name__ == "__main__":
    numbers = [int(given) for given in sys.argv[1:]]
    sys.exit(main(*(numbers + [10_000, 20_000, 1][len(numbers) :])))
