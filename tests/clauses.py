"""Which clauses of the policy documents the tests prove: the list, and the count behind it.

`clauses.json` quotes the clauses; a test says what it proves with `@pytest.mark.clause("A01")`;
tests/plugins.py writes down what became of such tests in every full run; this module counts.
A clause is proved when at least one test marked with it ran and passed in the last full run,
and none marked with it failed or was skipped. Knows nothing of the application.

    python -m tests.clauses      last line: {"core": n, "core_total": 89, "record": n, …}

Exit status 1 when no full run is recorded, when a mark names a clause that does not exist, or when
a marked clause is not proved.
"""

import json
import sys
from pathlib import Path
from typing import NamedTuple, TypedDict

LIST = Path(__file__).with_suffix(".json")
CACHE_KEY = "clauses/last_full_run"
RECORD = Path(__file__).resolve().parent.parent / ".pytest_cache/v" / CACHE_KEY
COUNTED = ("core", "record")  # the remaining clauses are context: nothing a program could do


class Clause(NamedTuple):
    """One sentence of a policy document that asks for something."""

    id: str
    group: str
    document: str
    section: str
    quote: str
    scope: str


class FullRun(TypedDict):
    """What the last full test run left behind."""

    ended: str
    commit: str
    tests: int
    outcomes: dict[str, dict[str, str]]  # clause → test → passed, skipped or failed


def all_clauses() -> dict[str, Clause]:
    """The clauses by id, in the order of the list."""
    rows = json.loads(LIST.read_text("utf-8"))["clauses"]
    return {row["id"]: Clause(**row) for row in rows}


def is_proved(outcomes: dict[str, str]) -> bool:
    """Whether these outcomes of a clause's tests prove it."""
    return bool(outcomes) and set(outcomes.values()) == {"passed"}


def described(clause: Clause, outcomes: dict[str, str]) -> list[str]:
    """The clause, and what became of its tests; cases of one test function share a line."""
    sign = "✓" if is_proved(outcomes) else "✗" if outcomes else "—"
    names: dict[str, set[str]] = {}
    for test, outcome in sorted(outcomes.items()):
        names.setdefault(test.partition("[")[0], set()).add(outcome)
    tests = [
        name if found == {"passed"} else f"{name} ({', '.join(sorted(found - {'passed'}))})"
        for name, found in names.items()
    ]
    head = f"{sign} {clause.id} {clause.scope:<7} {clause.quote[:32]}"
    return [head, *(f"      {test}" for test in tests)]


def main(record: Path = RECORD) -> int:
    """Print the list and the figures; see the module's text for the exit status."""
    clauses = all_clauses()
    totals = {scope: sum(c.scope == scope for c in clauses.values()) for scope in COUNTED}
    run: FullRun | None = json.loads(record.read_text("utf-8")) if record.exists() else None
    outcomes = run["outcomes"] if run else {}
    group = ""
    for clause in clauses.values():
        if clause.group != group:
            group = clause.group
            print(f"\n{group}")
        print("\n".join(described(clause, outcomes.get(clause.id, {}))))
    print()
    unknown = sorted(outcomes.keys() - clauses.keys())
    proved = {key for key in clauses if is_proved(outcomes.get(key, {}))}
    unproved = [key for key in clauses if outcomes.get(key) and key not in proved]
    if run is None:
        print("No full test run is recorded: make test")
    else:
        print(f"Last full run: {run['ended']}, {run['tests']} tests, commit {run['commit']}")
    if unknown:
        print("Marks that name no clause:", *unknown)
    if unproved:
        print("Marked, but a test failed or was skipped:", *unproved)
    figures = {}
    for scope, total in totals.items():
        figures[scope] = sum(clauses[key].scope == scope for key in proved)
        figures[f"{scope}_total"] = total
    print(json.dumps(figures))
    return int(run is None or bool(unknown or unproved))


if __name__ == "__main__":
    sys.exit(main())
