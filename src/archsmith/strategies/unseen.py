"""Architectures that were never proposed before. They let every strategy end on a finite space.

First they are drawn at random. Where random draws find nothing new, nearly everything has been seen. Then a walk
through the enumeration of the space finds what is left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from weakref import WeakKeyDictionary

import numpy as np

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.history import History
from archsmith.core.space import Space
from archsmith.core.trial import Proposal

# Random draws before the enumeration. While 5 % of a uniform space are unseen, all of them fail in 0.6 % of the cases.
TRIES = 100
MORE_TRIES = 1000  # where nothing can be enumerated (real numbers, endless recursion)
WINDOW = 256  # unseen architectures that are kept ready and drawn from


def draw_unseen(history: History, rng: np.random.Generator, taken: Collection[str] = ()) -> Architecture | None:
    """An architecture that is neither in ``history`` nor among the keys ``taken``; None when the space has no more.

    Costs O(1) draws while most of the space is unseen, and O(new trials) towards its end. Where the space cannot be
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


def propose_unseen(history: History, rng: np.random.Generator, taken: Collection[str] = ()) -> Proposal | None:
    """What ``draw_unseen`` finds, as a proposal."""
    architecture = draw_unseen(history, rng, taken)
    return None if architecture is None else Proposal(architecture, notes={"operator": "sample"})


def propose_first(history: History, taken: Collection[str] = ()) -> Proposal | None:
    """The architecture that the space itself names first, if it names one; None once anything has been proposed."""
    first = history.space.first() if not history.trials and not taken else None
    return None if first is None else Proposal(first, notes={"operator": "first"})


class _Remaining:
    """The first unseen architectures of the enumeration, in its order.

    A cache: a walk from the beginning would find the same.
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
