"""Whatever diagram a case began on, and whatever the engine has become since: it goes on."""

from collections.abc import Iterator

import orjson
import pytest
from sqlalchemy.orm import Session

from models import ProcessState
from tests import kept_instances
from tests.instances import RecordingHost
from tests.kept_instances import Kept
from tests.random_walk import Ground
from workflows.engine import store

KEPT = kept_instances.all_kept()


@pytest.fixture
def ground() -> Iterator[Ground]:
    ground = Ground()
    yield ground
    ground.close()


@pytest.mark.parametrize("kept", KEPT, ids=[kept.path.name.split(".")[0] for kept in KEPT])
def test_instances_of_earlier_diagrams_load_and_finish(ground: Ground, kept: Kept) -> None:
    for number, steps in enumerate(kept.states):
        with Session(ground.database) as session:
            stored = kept_instances.restore(
                session, ground.case(session), kept, steps, RecordingHost()
            )
            (opened, _as_kept), *later = kept_instances.finish(stored, number)
            assert opened == steps
            assert {_format(state) for _, state in later} <= {store.FORMAT}  # written anew
            assert stored._process().status == ProcessState.DONE


def _format(state: bytes) -> int:
    return int(orjson.loads(store._zstd.unpack(state))[0])


def test_the_diagrams_as_they_are_now_are_kept() -> None:
    missing = "python -m tests.kept_instances keeps instances of the changed diagrams"
    assert kept_instances.current() in {kept.digest for kept in KEPT}, missing
