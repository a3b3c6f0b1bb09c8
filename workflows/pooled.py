"""What the opened opinions of a panel say together: the cells its conclusion starts with.

A cell enters only with its evidence: document, page and time of the record. Whose it was is not
told. Reads rows, changes nothing, knows no page.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from models import Panel
from workflows.agreement import standing
from workflows.forms.spec import Answers

EVIDENCE = ("factor", "evidence", "page", "record_time", "level")
BESIDE = ("delay", "severity", "suggestion", "responsible")
LONGEST = 500  # characters of a factor
MOST_MAJOR = 3


def pooled(session: Session, panel: Panel) -> dict[str, Any]:
    """Values by dotted path: the grid, the cells that at least half call major, and of a newborn's
    care whatever anybody ticked. Raises Sealed before the opening."""
    opinions = [row.document.answers for row in standing(session, panel)]
    grid = merged(opinions)
    named = Counter(cell for each in opinions for cell in each.get("major") or () if cell in grid)
    often = [cell for cell, times in named.items() if times * 2 >= len(opinions)]
    often.sort(key=lambda cell: (-named[cell], int(cell)))
    ticked = (code for each in opinions for code in each.get("neonatal_factors") or ())
    return {
        "opinions.grid": grid,
        "opinions.major": sorted(often[:MOST_MAJOR], key=int),
        "opinions.neonatal_factors": list(dict.fromkeys(ticked)),
    }


def merged(opinions: Sequence[Answers]) -> dict[str, Answers]:
    """Cell → what is said of it: the factors of all, the evidence of the first who gave it."""
    cells = sorted({cell for each in opinions for cell in each.get("grid") or ()}, key=int)
    found = {}
    for cell in cells:
        ticks = [tick for each in opinions if (tick := (each.get("grid") or {}).get(cell))]
        backed = [tick for tick in ticks if all(tick.get(name) for name in EVIDENCE)]
        if backed:
            found[cell] = _merged(backed)
    return found


def _merged(ticks: Sequence[Answers]) -> Answers:
    first = {name: ticks[0][name] for name in EVIDENCE}
    beside = {
        name: value
        for name in BESIDE
        if (value := next((tick[name] for tick in ticks if tick.get(name)), None))
    }
    return first | beside | {"factor": _joined(tick["factor"] for tick in ticks)}


def _joined(factors: Iterable[str]) -> str:
    """Each once, as many as there is room for."""
    said = ""
    for factor in dict.fromkeys(each.strip().rstrip("。；") for each in factors):
        longer = f"{said}；{factor}" if said else factor
        if said and len(longer) >= LONGEST:
            break
        said = longer[: LONGEST - 1]
    return f"{said}。"
