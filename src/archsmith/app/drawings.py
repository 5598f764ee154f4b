"""Drawings and sources of networks: each is made once, by a process of its own (``drawer``), and kept while there is
room.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archsmith.app.drawer import DRAWING, LARGEST_ANSWER, LARGEST_ORDER, SOURCE
from archsmith.core.errors import ArchsmithError, UsageError
from archsmith.core.files import json_value

PATIENCE = 45.0  # seconds that a drawing may take on a busy machine
AT_ONCE = 2  # processes
KEPT, KEPT_CHARACTERS = 128, 64 * 2**20  # of answers


@dataclass(frozen=True)
class Picture:
    """One drawing. ``title``: what it shows. ``svg``: drawn by this project, on white."""

    title: str
    svg: str


@dataclass(frozen=True)
class Drawn:
    """A network as it was drawn.

    ``params``: trainable values. ``macs``: multiply-adds for one example. ``saved_bytes``: memory that training keeps
    for one example. ``n_operations``: boxes of its graph. ``pictures``: the whole first, then its commonest cells.
    """

    params: int
    macs: int
    saved_bytes: int
    n_operations: int
    pictures: tuple[Picture, ...]


class Drawings:
    """Makes and keeps them. An order is ``{"space": spec, "architecture": decisions}`` or ``{"file": path, "stamp":
    text}``, where ``stamp`` changes with the file. ``patience``: seconds for one. May be asked from many threads.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._kept: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._characters = 0
        self._lock = threading.Lock()
        self._making: dict[str, threading.Lock] = {}
        self._workers = threading.BoundedSemaphore(AT_ONCE)

    def drawn(self, order: Mapping[str, Any]) -> Drawn:
        """Waits for the process. Raises UsageError, in a sentence, for what cannot be drawn here."""
        made = self._made({**order, "what": DRAWING})
        pictures = tuple(Picture(title, made[f"drawing{i}"]) for i, title in enumerate(made["titles"]))
        return Drawn(made["params"], made["macs"], made["saved_bytes"], made["n_operations"], pictures)

    def source(self, order: Mapping[str, Any]) -> str:
        """The network as a Python file for PyTorch; its weights are not trained. Raises UsageError."""
        return str(self._made({**order, "what": SOURCE})["source"])

    def _made(self, order: Mapping[str, Any]) -> dict[str, Any]:
        text = json.dumps(order, sort_keys=True)
        key = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
        with self._lock:
            alone = self._making.setdefault(key, threading.Lock())
        try:
            with alone:  # whoever asks for the same meanwhile waits, and finds it kept
                made = self._found(key)
                if made is None:
                    with self._workers:
                        made = _asked(text, self._patience)
                    self._keep(key, made)
        finally:
            with self._lock:
                self._making.pop(key, None)
        if "error" in made:
            raise UsageError(str(made["error"]), made.get("hint"))
        return made

    def _found(self, key: str) -> dict[str, Any] | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: str, made: dict[str, Any]) -> None:
        with self._lock:
            self._kept[key] = made
            self._characters += _size(made)
            while len(self._kept) > KEPT or self._characters > KEPT_CHARACTERS:
                self._characters -= _size(self._kept.popitem(last=False)[1])


def _size(made: Mapping[str, Any]) -> int:
    return sum(len(text) for text in made.values() if isinstance(text, str))


def _asked(order: str, patience: float) -> dict[str, Any]:
    """The answer of a new process. Raises UsageError where there is none, which another time may be otherwise."""
    if len(order) > LARGEST_ORDER:
        raise UsageError("This network has too many decisions to be drawn.")
    words = [sys.executable, "-P", "-m", "archsmith.app.drawer"]
    try:
        done = subprocess.run(words, input=order, capture_output=True, text=True, timeout=patience, check=False)
        found = json_value(done.stdout) if len(done.stdout) <= 2 * LARGEST_ANSWER else None
    except subprocess.TimeoutExpired as error:
        raise UsageError(
            f"Drawing this network takes more than {patience:g} seconds.", "It may be very large, or the machine busy."
        ) from error
    except (OSError, ValueError, ArchsmithError):
        found = None
    if not isinstance(found, dict):
        raise UsageError("This network is too large to be drawn.", "Or the machine has no memory left; try again.")
    return found
