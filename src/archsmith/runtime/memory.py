"""A study's log in memory: for tests, notebooks and searches that nobody needs tomorrow. Also how every store turns
events into JSON.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from archsmith.core.errors import LeaseError, UsageError
from archsmith.core.events import Event

_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def to_json(kind: str, data: Mapping[str, Any]) -> str:
    """``data`` as compact JSON. Raises UsageError for what JSON cannot hold: NaN, infinities, arrays, objects."""
    try:
        return _ENCODER.encode(data)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"The event {kind!r} cannot be logged: {error}.", "Events hold JSON data with finite numbers only."
        ) from error


class MemoryStore:
    """A Store that lives and dies with its process. ``folder`` is where trials may keep files; None when they keep
    none.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._events: list[Event] = []
        self._commands: list[tuple[str, Mapping[str, Any]]] = []
        self._lock = threading.Lock()
        self._held = False

    def acquire(self) -> None:
        with self._lock:
            if self._held:
                raise LeaseError("Another search is writing to this store.", "Give each search its own MemoryStore().")
            self._held = True
            self._commands.clear()

    def release(self) -> None:
        self._held = False

    def append(self, events: Sequence[Event]) -> list[Event]:
        if not self._held:
            raise LeaseError("Only the holder of the lease may append events.", "Call acquire() first.")
        # Through JSON and back, so that a live history and one read from disk are made of the same values.
        data = [json.loads(to_json(event.kind, event.data)) for event in events]
        with self._lock:
            now, start = time.time(), len(self._events)
            stamped = [
                Event(event.kind, values, start + i, now)
                for i, (event, values) in enumerate(zip(events, data, strict=True))
            ]
            self._events.extend(stamped)
        return stamped

    def read(self, start: int = 0) -> Iterator[Event]:
        index = start
        while index < len(self._events):
            yield self._events[index]
            index += 1

    def command(self, name: str, **args: Any) -> None:
        values = json.loads(to_json("command", args))
        with self._lock:
            self._commands.append((name, values))

    def commands(self) -> list[tuple[str, Mapping[str, Any]]]:
        if not self._commands:
            return []
        with self._lock:
            taken, self._commands = self._commands, []
        return taken
