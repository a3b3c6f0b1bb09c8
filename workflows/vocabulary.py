"""The words a diagram may use, gathered from where they are defined."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Case, FormText
from workflows.actions.effects import EFFECTS
from workflows.engine.definitions import FOLDER, folders
from workflows.engine.lint import Finding, Vocabulary, called_processes, lint_folder
from workflows.engine.lint_terms import Value
from workflows.forms.load import load, parse
from workflows.forms.spec import Field, Form, Kind
from workflows.permissions import LANE_BY_TITLE
from workflows.services import CaseHost

# Flags that effects and services hand to the diagram, beside the routed answers of forms, each with
# values that occur: what a trial walk chooses from.
FLAGS: Mapping[str, tuple[Value, ...]] = {
    "level": ("county",),
    "city_review": (True, False),
    "n_items": (0, 1, 2),
    "n_experts": (1, 3),
    "n_signers": (0, 2),
    "n_recipients": (1, 2),
    "item_id": (1,),
    "opened": (True,),
    "has_receiver": (True, False),
    "needs_filing": (True, False),
}
SERVICES_SAY: Mapping[str, Value] = {"forward_to_city": "city"}


def vocabulary() -> Vocabulary:
    """Lanes, functions, services, effects, forms, processes and routed names as they are now."""
    host = CaseHost(cast(Session, None), cast(Case, None), None)  # type: ignore[arg-type]
    words = Vocabulary(
        lanes=frozenset(LANE_BY_TITLE),
        functions=frozenset(host.functions),
        services=frozenset(host.services),
        effects=frozenset(EFFECTS),
        forms=frozenset(),
        processes=frozenset(folders()),
        called=called_processes(),
        names=frozenset(FLAGS),
        flags=FLAGS,
        services_say=SERVICES_SAY,
    )
    return knowing_forms(words, [load(path.stem) for path in FOLDER.glob("*/forms/*.v*.json")])


def of(session: Session) -> Vocabulary:
    """The same, with the forms that were brought to this installation."""
    rows = session.execute(select(FormText.name, FormText.text))
    return knowing_forms(vocabulary(), [parse(name, text.encode()) for name, text in rows])


def knowing_forms(words: Vocabulary, forms: Iterable[Form]) -> Vocabulary:
    """The words, with some more forms and what they route."""
    routed = {
        form.name: {field.route: _values(field) for field in form.fields() if field.route}
        for form in forms
    }
    return replace(
        words,
        forms=words.forms | routed.keys(),
        names=words.names | {name for names in routed.values() for name in names},
        answers={**words.answers, **routed},
    )


def _values(field: Field) -> tuple[Value, ...]:
    if field.kind is Kind.BOOL:
        return (True, False)
    if field.kind is Kind.INTEGER:
        return (int(field.min or 1),)
    return tuple(choice.code for choice in field.choices)


def lint() -> list[Finding]:
    """Findings in every diagram of ours; empty when all keep the modelling rules."""
    words = vocabulary()
    return [finding for name in folders() for finding in lint_folder(name, words)]
