"""When the program was started: budgets of time begin there, and not after its imports, which may take seconds."""

from __future__ import annotations

import time

_at: list[float] = []


def note() -> None:
    """The program begins. To be called before anything else is imported."""
    _at[:] = [time.time()]


def begun() -> float:
    """Unix time at which the program was started, for the first who asks; now for all others, as for whoever calls from
    Python.
    """
    return _at.pop() if _at else time.time()
