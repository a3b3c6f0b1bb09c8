"""The registry of cross-field checks: what one answer says about another.

A check is a function of the answers and their surroundings that yields (field path, message). A
form names the checks it wants. Checks see only answers that are sound by themselves: what failed
alone is left out, so a check need not doubt types.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from workflows.forms.spec import Answers, Form

Found = Iterator[tuple[str, str]]


def _yes(*_: object) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Known:
    """What the checks need from outside. Everything has a default that objects to nothing.

    `organisation` and `user` are asked with the field's `among` (kinds, roles). `case`: any of
    event_at, discovered_at, reported_at (aware datetimes), moment (what event_at is called),
    organisation (id of the reporting unit),
    person_name, lower_conclusion and lower (code and answers of the level below), members (id of
    each panel member → whether they have signed in), guests_in (how many who treated her are still
    in the meeting), owner (id of the ledger item's owner), acceptor_for (id of the acting unit);
    for a periodic duty what `workflows.duties.facts` says.
    `latest`: newest answers of another form of this case, by its name without version.
    """

    icd10: Callable[[str], bool] = _yes
    region: Callable[[str], bool] = _yes
    attachment: Callable[[str], bool] = _yes
    organisation: Callable[[int, tuple[str, ...]], bool] = _yes
    user: Callable[[int, tuple[str, ...]], bool] = _yes
    latest: Callable[[str], Answers | None] = lambda form: None
    case: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """Where the answers stand. `today` is the day in Asia/Shanghai."""

    form: Form
    now: datetime
    today: date
    known: Known


Judge = Callable[[Answers, Context], Found]


@dataclass(frozen=True, slots=True)
class Check:
    """`warns`: said, but no reason to refuse."""

    judge: Judge
    warns: bool


CHECKS: dict[str, Check] = {}


def moment_word(context: Context) -> str:
    """What the moment of the case is called: 死亡时间; of a near miss 发生时间."""
    asked = next((f.label for f in context.form.fields() if f.name == "event_dt"), "死亡时间")
    return str(context.known.case.get("moment", asked))


def cross_check(name: str, *, warns: bool = False) -> Callable[[Judge], Judge]:
    """Register a check under the name by which forms ask for it."""

    def register(judge: Judge) -> Judge:
        if name in CHECKS:
            raise ValueError(f"two checks called {name}")
        CHECKS[name] = Check(judge, warns)
        return judge

    return register
