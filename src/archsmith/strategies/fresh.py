"""Draws of architectures that were never proposed before, which is what lets every strategy end on a finite space.

First by chance; where chance finds nothing new, nearly everything has been seen, and a walk through the enumeration
finds what is left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from weakref import WeakKeyDictionary

import numpy as np

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.history import History
from archsmith.core.space import Space

# random draws before the enumeration; all of them fail by chance in 0.6 % of the cases while 5 % of a uniform space are
# unseen
TRIES = 100
MORE_TRIES = 1000  # where nothing can be enumerated (real numbers, endless recursion)
WINDOW = 256  # unseen architectures that are kept ready and drawn from


def fresh(history: History, rng: np.random.Generator, taken: Collection[str] = ()) -> Architecture | None:
    """An architecture that is neither in ``history`` nor among the keys ``taken``; None when the space has no more.

    Costs O(1) draws while most of the space is unseen and O(new trials) towards its end. Where the space cannot be
    enumerated, None means that 1,100 draws brought nothing new.
    """
    space: Space = history.space
    for _ in range(TRIES):
        architecture = space.sample(rng)
        if not history.seen(architecture) and architecture.key not in taken:
            return architecture
    window = _window(history)
    if window is not None:
        left = [architecture for architecture in window if architecture.key not in taken]
        return left[int(rng.integers(len(left)))] if left else None
    for _ in range(MORE_TRIES):
        architecture = space.sample(rng)
        if not history.seen(architecture) and architecture.key not in taken:
            return architecture
    return None


class _Remaining:
    """The first unseen architectures of the enumeration, in its order: a cache that equals what a walk from the
    beginning would find.
    """

    def __init__(self, space: Space) -> None:
        self.upcoming: Iterator[Architecture] | None = space.enumerate()
        self.unseen: list[Architecture] = []
        self.enumerable = True

    def refill(self, history: History) -> None:
        self.unseen = [architecture for architecture in self.unseen if not history.seen(architecture)]
        try:
            while self.upcoming is not None and len(self.unseen) < WINDOW:
                architecture = next(self.upcoming, None)
                if architecture is None:
                    self.upcoming = None
                elif not history.seen(architecture):
                    self.unseen.append(architecture)
        except (UsageError, RecursionError):  # a real number among the answers; a grammar whose first rules never end
            self.enumerable = False


_remaining: WeakKeyDictionary[History, _Remaining] = WeakKeyDictionary()


def _window(history: History) -> list[Architecture] | None:
    """Up to ``WINDOW`` unseen architectures, none when there are no more; None when the space cannot be enumerated."""
    remaining = _remaining.get(history)
    if remaining is None:
        remaining = _remaining[history] = _Remaining(history.space)
    if remaining.enumerable:
        remaining.refill(history)
    return remaining.unseen if remaining.enumerable else None
