"""The engine alone: a host that answers by table, a case to hang a process on, no form and no web.

For what compares ways of keeping an instance: the random walks and the benchmarks. `stock` and
`resident` put another store under workflows.engine; everything around the store stays the same.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
from sqlalchemy.orm import Session

from models import (
    Case,
    CaseKind,
    FrozenRules,
    Organisation,
    OrganisationKind,
    Person,
    Region,
    RegionLevel,
    Task,
    User,
)
from workflows.engine import NEVER, Step, settled, store
from workflows.permissions import LANE_BY_TITLE

DEATH = datetime(2026, 11, 20, 3, 40, tzinfo=UTC)
FLAGS = {"level": "county", "city_review": True, "n_items": 0}


class RecordingHost:
    """Seats nobody, remembers what was asked of it; `dues` says when a clock or an item is due."""

    def __init__(self, dues: Mapping[str | int, datetime] | None = None) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.dues = dues or {}
        self.functions: Mapping[str, Callable[..., Any]] = {"due": self.due, "due_item": self.due}
        self.services: Mapping[str, Callable[..., Any]] = {
            "escalate": lambda clock: self.called("escalate", clock, True),
            "escalate_item": lambda item: self.called("escalate_item", item, True),
            "open_opinions": lambda level: self.called("open_opinions", level, True),
            "forward_to_city": lambda: self.called("forward_to_city", None, "city"),
        }

    def due(self, key: str | int) -> str:
        return self.dues.get(key, NEVER).isoformat()

    def called(self, name: str, value: Any, answer: Any) -> Any:
        self.calls.append((name, value))
        return answer

    def assign(self, step: Step, task: Task) -> None:
        lane = LANE_BY_TITLE.get(step.lane)
        task.lane = lane.code if lane else str(step.lane)
        task.level = step.data.get("level")


_numbers = count(1)


def settle(session: Session) -> tuple[Organisation, User]:
    """The one hospital and the one person that cases hang on."""
    for code, name, level in (
        ("990100", "云江市", RegionLevel.CITY),
        ("990121", "青禾县", RegionLevel.COUNTY),
    ):
        session.add(Region(code=code, name=name, level=level))
    session.flush()
    hospital = Organisation(
        name="青禾县人民医院",
        short_name="县医院",
        kind=OrganisationKind.HOSPITAL,
        level=RegionLevel.COUNTY,
        region_code="990121",
    )
    user = User(username="u", name="甲", password_hash="x", created_at=DEATH)
    session.add_all([hospital, user])
    session.flush()
    return hospital, user


def add_case(session: Session, hospital: Organisation, user: User) -> Case:
    """A case without answers and clocks."""
    case = Case(
        number=f"MD-{next(_numbers)}",
        kind=CaseKind.MATERNAL_DEATH,
        organisation_id=hospital.id,
        county_code="990121",
        city_code="990100",
        reported_by_id=user.id,
        event_at=DEATH,
        discovered_at=DEATH,
        reported_at=DEATH,
        jurisdiction="990100",
        rules=FrozenRules(digest=uuid4().hex, body={}),
        person=Person(name="某某"),
    )
    session.add(case)
    session.flush()
    return case


_serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(SPIFF_CONFIG))


def to_stock(workflow: Any) -> bytes:
    """SpiffWorkflow's own text of an instance: the specification inside, the whole history."""
    return str(_serializer.serialize_json(workflow)).encode()


def _from_stock(text: bytes, _definition: Any, engine: Any) -> Any:
    workflow = _serializer.deserialize_json(text.decode())
    workflow.script_engine = engine  # not in the text: the default engine would be back
    return workflow


@contextmanager
def stock() -> Iterator[None]:
    """Inside, workflows.engine keeps instances with SpiffWorkflow's own serializer."""
    with (
        patch.object(store, "encode", lambda workflow, _version: to_stock(workflow)),
        patch.object(store, "decode", _from_stock),
        patch.object(settled, "prune", lambda _workflow: None),
    ):
        yield


@contextmanager
def resident() -> Iterator[dict[bytes, Any]]:
    """Inside, instances are never saved; the "state" is the key they have in what is yielded."""
    kept: dict[bytes, Any] = {}

    def encode(workflow: Any, _version: str) -> bytes:
        key = str(id(workflow)).encode()
        kept[key] = workflow
        return key

    def decode(key: bytes, _definition: Any, engine: Any) -> Any:
        kept[key].script_engine = engine
        return kept[key]

    with (
        patch.object(store, "encode", encode),
        patch.object(store, "decode", decode),
        patch.object(settled, "prune", lambda _workflow: None),
    ):
        yield kept
