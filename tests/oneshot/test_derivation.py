"""Derivation: what it keeps, and how it goes on."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

from archsmith.core.architecture import Architecture
from archsmith.oneshot.derivation import Derivation
from archsmith.oneshot.sharing import Uniform
from archsmith.testing.toys import Flat

SPACE = Flat(2, 3)


def ones(architecture: Architecture) -> float:
    """The share of answers that are 1."""
    return sum(answer == 1 for answer in architecture.values()) / len(architecture)


def run(derivation: Derivation, score: Callable[[Architecture], float], n: int = 60) -> None:
    """Take what lies between the ``drawn`` ones and ``n``."""
    while derivation.drawn < n:
        derivation.take(Uniform(SPACE, 0).draw(derivation.drawn), score)


def test_it_keeps_the_best_and_scores_equal_ones_once() -> None:
    scored: list[Architecture] = []

    def score(architecture: Architecture) -> float:
        scored.append(architecture)
        return ones(architecture)

    derivation = Derivation(SPACE, 60, keep=4)
    run(derivation, score)
    # all of them; the chance to miss one in 60 draws is below 1 %, and the seed is fixed
    assert len(scored) == len(set(scored)) == 9 and derivation.done
    assert [row.score for row in derivation.best] == sorted((ones(a) for a in scored), reverse=True)[:4]
    assert derivation.best[0].architecture == Architecture({"x0": 1, "x1": 1})
    assert Derivation(SPACE, 0, keep=4).done


def test_a_score_that_is_no_number_never_ranks() -> None:
    bad = {Architecture({"x0": 1, "x1": 1}): math.nan, Architecture({"x0": 0, "x1": 1}): math.inf}
    derivation = Derivation(SPACE, 60, keep=9)
    run(derivation, lambda architecture: bad.get(architecture, ones(architecture)))
    assert len(derivation.best) == 7 and all(math.isfinite(row.score) for row in derivation.best)
    scores = [row.score for row in derivation.best]
    assert scores == sorted(scores, reverse=True)


def test_it_goes_on_from_what_was_written_down() -> None:
    whole = Derivation(SPACE, 60, keep=4)
    run(whole, ones)
    broken = Derivation(SPACE, 60, keep=4)
    scored: list[Architecture] = []
    for n in (1, 7, 30, 60):
        run(broken, lambda architecture: scored.append(architecture) or ones(architecture), n)  # type: ignore[func-returns-value]
        rows, state = json.loads(json.dumps([broken.rows(), broken.state()]))
        broken = Derivation(SPACE, 60, keep=4)
        broken.load(rows, state)
    assert broken.done and broken.best == whole.best and len(scored) == len(set(scored)) == 9
