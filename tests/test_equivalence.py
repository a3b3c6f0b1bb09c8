"""A case saved, pruned and loaded at every step is the case it would have been; `make soak` is the
long form of these walks."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.random_walk import Ground, Mismatch
from workflows.engine import settled, store

WALKS = {"maternal_death": (1, 3, 5), "torture": (1, 2, 8, 1283)}


@pytest.fixture
def ground() -> Iterator[Ground]:
    ground = Ground()
    yield ground
    ground.close()


@pytest.mark.parametrize("name", WALKS)
def test_the_stored_engine_is_the_one_that_was_never_saved(ground: Ground, name: str) -> None:
    walks = [ground.walk(name, seed) for seed in WALKS[name]]
    assert sum(walk.steps for walk in walks) > 100
    assert all(walk.completed for walk in walks)
    assert max(walk.largest for walk in walks) < 4096


@pytest.mark.parametrize("name", WALKS)
def test_also_when_every_step_is_made_by_a_new_process(ground: Ground, name: str) -> None:
    assert ground.walk(name, seed=0, restarts=True).completed


def without(*columns: int) -> Callable[[Any], list[list[Any]]]:
    """Rows of a state in which some columns hold nothing."""
    rows = store._rows

    def emptied(*part: Any) -> list[list[Any]]:
        return [
            [None if at in columns else value for at, value in enumerate(row)]
            for row in rows(*part)
        ]

    return emptied


def _without_events(restore: Callable[..., Any]) -> Callable[..., Any]:
    def restored(wf: Any, own: list[Any], top: Any, ids: Any) -> Any:
        tasks = restore(wf, own, top, ids)
        top.event_manager.tasks.clear()
        return tasks

    return restored


def _without_callbacks(decode: Callable[..., Any]) -> Callable[..., Any]:
    def decoded(*args: Any) -> Any:
        wf = decode(*args)
        for part in wf.subprocesses.values():
            part.completed_event = type(part.completed_event)()
        return wf

    return decoded


BROKEN: dict[str, tuple[str, Callable[..., Any]]] = {
    "new values are not kept": ("_rows", without(3)),
    "the place among parallel steps is not kept": ("_rows", without(5)),
    "due timers are not heard": ("_restore", _without_events(store._restore)),
    "timers have no rows": ("pending_timers", lambda _wf: []),
    "joins lose who has arrived": ("merges", lambda _task: False),
    "ended parts tell nobody": ("decode", _without_callbacks(store.decode)),
    "multi-instances do not hear of the end": ("wire", lambda *specification: specification),
}


@pytest.mark.parametrize(("part", "broken"), BROKEN.values(), ids=list(BROKEN))
def test_the_walks_find_what_is_wrong_with_the_store(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, part: str, broken: Callable[..., Any]
) -> None:
    monkeypatch.setattr(settled if part == "merges" else store, part, broken)
    with pytest.raises(Mismatch):
        walk_all(ground, restarts=part == "wire")


def walk_all(ground: Ground, restarts: bool) -> None:
    for name, seeds in WALKS.items():
        for seed in seeds:
            ground.walk(name, seed, restarts)
