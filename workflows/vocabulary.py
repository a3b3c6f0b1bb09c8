"""The words a diagram may use, gathered from where they are defined."""

from typing import cast

from sqlalchemy.orm import Session

from models import Case
from workflows.actions.effects import EFFECTS
from workflows.engine.definitions import FOLDER
from workflows.engine.lint import Finding, Vocabulary, folders, lint_folder
from workflows.forms.load import load
from workflows.permissions import LANE_BY_TITLE
from workflows.services import CaseHost

# Flags that effects and services hand to the diagram, beside the routed answers of forms.
FLAGS = frozenset(
    {"level", "city_review", "n_items", "n_experts", "n_recipients", "item_id", "opened"}
)


def vocabulary() -> Vocabulary:
    """Lanes, functions, services, effects, forms, processes and routed names as they are now."""
    host = CaseHost(cast(Session, None), cast(Case, None), None)  # type: ignore[arg-type]
    forms = [path.stem for path in FOLDER.glob("*/forms/*.v*.json")]
    routed = {field.route for name in forms for field in load(name).fields() if field.route}
    return Vocabulary(
        lanes=frozenset(LANE_BY_TITLE),
        functions=frozenset(host.functions),
        services=frozenset(host.services),
        effects=frozenset(EFFECTS),
        forms=frozenset(forms),
        processes=frozenset(folders()),
        names=FLAGS | routed,
    )


def lint() -> list[Finding]:
    """Findings in every diagram of ours; empty when all keep the modelling rules."""
    words = vocabulary()
    return [finding for name in folders() for finding in lint_folder(name, words)]
