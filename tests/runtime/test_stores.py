"""The laws of both stores."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from archsmith.core.errors import LeaseError, UsageError
from archsmith.core.events import Event
from archsmith.runtime.memory import MemoryStore
from archsmith.runtime.sqlite import SqliteStore


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], MemoryStore | SqliteStore]:
    return (lambda: MemoryStore()) if request.param == "memory" else (lambda: SqliteStore(tmp_path / "study"))


@pytest.fixture
def store(make):
    store = make()
    store.acquire()
    yield store
    store.release()
    if isinstance(store, SqliteStore):
        store.close()


def test_new_store_is_empty(store) -> None:
    assert list(store.read()) == [] and store.commands() == []


def test_events_come_back_in_order(store) -> None:
    written = [event for i in range(5) for event in store.append([Event("a", {"i": i}), Event("b")])]
    assert list(store.read()) == written
    assert [event.index for event in written] == list(range(10))
    assert [event.kind for event in written] == ["a", "b"] * 5
    assert all(earlier.time <= later.time for earlier, later in itertools.pairwise(written))


def test_reading_starts_anywhere(store) -> None:
    store.append([Event("a", {"i": i}) for i in range(2500)])
    assert [event.data["i"] for event in store.read(1200)] == list(range(1200, 2500))
    assert list(store.read(2500)) == []


def test_data_come_back_as_json_has_them(store) -> None:
    data = {"text": "é\ud800 'quoted'", "tuple": (1, 2.5, None, True), "nested": {"b": 1, "a": [0.1]}}
    event = store.append([Event("a", data)])[0]
    assert event.data == {**data, "tuple": [1, 2.5, None, True]}
    assert list(store.read()) == [event] and list(event.data["nested"]) == ["b", "a"]


@pytest.mark.parametrize("bad", [math.nan, math.inf, {1, 2}, object()])
def test_append_is_all_or_nothing(store, bad) -> None:
    with pytest.raises(UsageError, match="'worse'"):
        store.append([Event("good"), Event("worse", {"value": bad})])
    assert list(store.read()) == []
    assert store.append([Event("good")])[0].index == 0


def test_only_the_holder_writes(make) -> None:
    store = make()
    with pytest.raises(LeaseError):
        store.append([Event("a")])
    store.acquire()
    store.append([Event("a")])
    store.release()
    with pytest.raises(LeaseError):
        store.append([Event("a")])


def test_lease_is_taken_once(store) -> None:
    with pytest.raises(LeaseError):
        store.acquire()
    store.release()
    store.acquire()


def test_release_is_idempotent(store) -> None:
    store.release()
    store.release()


def test_commands_are_taken_once_and_in_order(store) -> None:
    store.command("stop", reason="late")
    store.command("stop")
    assert store.commands() == [("stop", {"reason": "late"}), ("stop", {})]
    assert store.commands() == []
    store.command("stop")
    assert store.commands() == [("stop", {})]


def test_commands_for_an_earlier_holder_are_forgotten(store) -> None:
    store.command("stop")
    store.release()
    store.acquire()
    assert store.commands() == []


def test_threads_may_share_a_store(store) -> None:
    def work() -> None:
        for i in range(50):
            store.append([Event("a", {"i": i})])
            assert len(list(store.read())) > i

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.index for event in store.read()] == list(range(200))
