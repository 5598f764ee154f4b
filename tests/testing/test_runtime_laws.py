"""The stores and executors of this package keep their laws, and wrong ones are caught."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from archsmith.core.events import Event
from archsmith.core.protocols import Message
from archsmith.runtime.memory import MemoryStore
from archsmith.runtime.processes import ProcessExecutor
from archsmith.runtime.serial import SerialExecutor
from archsmith.runtime.sqlite import SqliteStore
from archsmith.testing.laws import check_executor, check_store


def test_memory_store() -> None:
    store = MemoryStore()
    check_store(lambda: store)


def test_sqlite_store(tmp_path: Path) -> None:
    opened: list[SqliteStore] = []

    def open_store() -> SqliteStore:
        opened.append(SqliteStore(tmp_path / "study"))
        return opened[-1]

    check_store(open_store)
    for store in opened:
        store.close()


def test_serial_executor() -> None:
    check_executor(SerialExecutor)


def test_process_executor() -> None:
    check_executor(lambda: ProcessExecutor(2), isolated=True)


class Unnumbered(MemoryStore):
    """Gives events back as they came."""

    def append(self, events: Sequence[Event]) -> list[Event]:
        super().append(events)
        return list(events)


class Unguarded(MemoryStore):
    """Lets everybody write."""

    def append(self, events: Sequence[Event]) -> list[Event]:
        self._held = True
        return super().append(events)


class Repeating(MemoryStore):
    """Hands commands out again and again."""

    def commands(self) -> list[tuple[str, Mapping[str, Any]]]:
        return list(self._commands)


class Unreadable(MemoryStore):
    """Fails where it is read from an event on."""

    def read(self, start: int = 0) -> Any:
        return iter(list(super().read())[start:]) if not start else {}[start]


@pytest.mark.parametrize(
    ("wrong", "law"),
    [
        (Unnumbered, "order"),
        (Unguarded, "lease"),
        (Repeating, "commands"),
        (Unreadable, r"store: Unreadable\.read \(line \d+ of .*\) raised KeyError"),
    ],
)
def test_a_wrong_store_is_caught(wrong: type[MemoryStore], law: str) -> None:
    store = wrong()
    with pytest.raises(AssertionError, match=rf"^{law}\b"):
        check_store(lambda: store)


class Doubling(SerialExecutor):
    """Reports every end twice."""

    def poll(self, seconds: float) -> list[Message]:
        return [message for message in super().poll(seconds) for _ in range(2)]


class Unstoppable(SerialExecutor):
    """Does not pass a stop request on, and says that it was obeyed only after the job has ended."""

    def stop(self) -> None:
        self._queue.clear()


class Bottomless(SerialExecutor):
    """Never gets to work."""

    def poll(self, seconds: float) -> list[Message]:
        return self.poll(seconds)


@pytest.mark.parametrize(
    ("wrong", "law"),
    [
        (Doubling, "one outcome"),
        (Unstoppable, "one outcome"),
        (Bottomless, r"executor: Bottomless\.poll \(line \d+ of .*\) calls itself"),
    ],
)
def test_a_wrong_executor_is_caught(wrong: type[SerialExecutor], law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsmith.testing.runtime_laws.PATIENCE", 0.5)
    with pytest.raises(AssertionError, match=rf"^{law}\b"):
        check_executor(wrong)
