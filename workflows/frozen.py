"""Rule sets as cases froze them: kept once for all cases alike, read once for each process.

The day is not kept with them: it is the case's own. Knows no page.
"""

import hashlib
import json
from typing import Any

import msgspec
from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import Case, Duty, FrozenRules
from workflows.rules import RuleSet, day_of, rule_set

_MOST = 512  # sets kept read; more than all places and versions of their rules
_read: dict[str, RuleSet] = {}
_bodies: dict[int, tuple[RuleSet, str, dict[str, Any]]] = {}  # by identity: kept alive with it


def freeze(session: Session, rules: RuleSet) -> FrozenRules:
    """The row of this set, new if no case has gone by it before."""
    digest, body = _told(rules)
    if (found := session.scalars(_OF_DIGEST, {"told": digest}).one_or_none()) is not None:
        return found
    made = FrozenRules(digest=digest, body=body)
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:  # another county's first report under these rules, at this moment
        return session.scalars(_OF_DIGEST, {"told": digest}).one()
    return made


_OF_DIGEST = (
    select(FrozenRules)
    .where(FrozenRules.digest == bindparam("told"))
    .execution_options(autoflush=False)
)


def _told(rules: RuleSet) -> tuple[str, dict[str, Any]]:
    """Digest and body. Worked out once for a set in hand: a place's is the same for the whole day
    (`rules.rule_set`), and it takes longer than the look into the table."""
    kept = _bodies.get(id(rules))
    if kept is None:
        body = rules.to_json()
        del body["at"]
        if len(_bodies) >= _MOST:
            _bodies.clear()
        kept = _bodies[id(rules)] = (rules, digest_of(body), body)
    return kept[1:]


def digest_of(body: dict[str, Any]) -> str:
    """SHA-256 of the body as JSON with its keys in order."""
    plain = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def rules_for(about: Case | Duty) -> RuleSet:
    """What a limit goes by: of a case its own, of a duty what was in force where and when it was
    opened. Raises rules.UnknownJurisdiction."""
    if isinstance(about, Case):
        return rules_of(about)
    return rule_set(about.region_code, about.opened_at)


def rules_of(case: Case) -> RuleSet:
    """The rule set the case froze at the time of the death."""
    found = _read.get(case.rules_digest)
    if found is None:
        day = day_of(case.event_at).isoformat()
        found = RuleSet.from_json({**case.rules.body, "at": day})
        if len(_read) >= _MOST:
            _read.clear()
        _read[case.rules_digest] = found
    return msgspec.structs.replace(found, at=day_of(case.event_at))
