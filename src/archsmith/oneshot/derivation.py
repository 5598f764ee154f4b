"""Derivation: the last step of a preparation. Architectures are drawn, scored with the shared weights, and the best are
kept.

Source: ENAS, Pham et al. 2018 (arXiv 1802.03268), section 2.3, "Deriving Architectures".
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from archsmith.core.architecture import Architecture
from archsmith.core.space import Space


class Derived(NamedTuple):
    """An architecture and its score with shared weights (more is better)."""

    architecture: Architecture
    score: float

    def to_dict(self) -> dict[str, Any]:
        return {"architecture": dict(self.architecture), "score": self.score}


class Derivation:
    """The best of up to ``n`` architectures of ``space``; at most ``keep`` of them stay.

    ``drawn``: how many were drawn so far.
    ``seen``: identities of the networks among them. Equal networks are scored once.
    ``best``: the best ones, best first. An architecture whose score is not finite is never among them.
    """

    def __init__(self, space: Space, n: int, keep: int) -> None:
        self.space, self.n, self.keep = space, n, keep
        self.drawn = 0
        self.seen: set[str] = set()
        self.best: list[Derived] = []

    @property
    def done(self) -> bool:
        return self.drawn >= self.n

    def take(self, architecture: Architecture, score: Callable[[Architecture], float]) -> None:
        """The next one that was drawn."""
        name = self.space.identity(architecture)
        if name not in self.seen:
            row = Derived(architecture, score(architecture))
            self.seen.add(name)
            if math.isfinite(row.score):
                self.best = sorted([*self.best, row], key=_place)[: self.keep]
        self.drawn += 1

    def rows(self) -> list[dict[str, Any]]:
        """The best ones as JSON data."""
        return [row.to_dict() for row in self.best]

    def state(self) -> dict[str, Any]:
        """Everything that ``load`` needs, as JSON data."""
        return {"drawn": self.drawn, "seen": sorted(self.seen)}

    def load(self, rows: list[Mapping[str, Any]], state: Mapping[str, Any]) -> None:
        """Go on from what ``rows`` and ``state`` gave."""
        self.best = [Derived(Architecture(row["architecture"]), row["score"]) for row in rows]
        self.drawn, self.seen = state["drawn"], set(state["seen"])


def _place(row: Derived) -> tuple[float, str]:
    return -row.score, json.dumps(dict(row.architecture))
