"""Draws of unseen architectures: by chance at first, by enumeration at the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from archsmith.core.history import History
from archsmith.core.problem import Problem
from archsmith.core.space import Choose, Range, Space
from archsmith.core.trial import Proposal
from archsmith.strategies import unseen as module
from archsmith.strategies.unseen import draw_unseen
from archsmith.testing.strategy_laws import Rehearsal
from archsmith.testing.toys import Flat, Mixed, Recursive


def test_every_point_of_a_finite_space_comes_once_and_then_nothing() -> None:
    rehearsal, rng, n_drawn = Rehearsal(Problem(Recursive(3, max_nodes=4))), np.random.default_rng(0), 0
    while (architecture := draw_unseen(rehearsal.history, rng)) is not None:
        assert not rehearsal.history.seen(architecture)
        rehearsal.propose([Proposal(architecture)])
        n_drawn += 1
    assert n_drawn == Recursive(3, max_nodes=4).count()


def test_what_was_taken_in_the_same_answer_is_not_drawn_again() -> None:
    history, rng = History(Problem(Flat(2, 2))), np.random.default_rng(0)
    taken: set[str] = set()
    for _ in range(4):
        architecture = draw_unseen(history, rng, taken)
        assert architecture is not None
        taken.add(architecture.key)
    assert draw_unseen(history, rng, taken) is None


def test_a_warm_cache_answers_as_a_cold_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRIES", 0)  # straight to the enumeration
    monkeypatch.setattr(module, "WINDOW", 5)
    rehearsal = Rehearsal(Problem(Flat(3, 3)))
    for step in range(27):
        warm = draw_unseen(rehearsal.history, np.random.default_rng(step))
        assert warm is not None
        assert warm == draw_unseen(rehearsal.replayed(), np.random.default_rng(step))
        rehearsal.propose([Proposal(warm)])
    assert draw_unseen(rehearsal.history, np.random.default_rng(0)) is None


@dataclass(frozen=True)
class TwoPoints(Space):
    """Has two points, yet a real number among its answers, so that it cannot be enumerated."""

    def decide(self, choose: Choose) -> None:
        choose("x", (1, 2))
        choose("real", Range(0.5, 0.5))


@dataclass(frozen=True)
class Endless(Space):
    """A grammar whose first rule never ends: random expressions do, the enumeration does not."""

    def decide(self, choose: Choose) -> None:
        path = "x"
        while choose(path, ("more", "stop"), weights=(1, 9)) == "more":
            path += "x"
            if len(path) > 2000:
                raise RecursionError


def test_a_space_that_cannot_be_enumerated_is_drawn_from_for_longer() -> None:
    rehearsal, rng = Rehearsal(Problem(Endless())), np.random.default_rng(0)
    for _ in range(3):  # 1,100 draws miss the third expression, "more more stop", with chance 0.991 ** 1100 = 5e-5
        architecture = draw_unseen(rehearsal.history, rng)
        assert architecture is not None
        rehearsal.propose([Proposal(architecture)])


def test_such_a_space_ends_when_many_draws_bring_nothing_new() -> None:
    rehearsal, rng = Rehearsal(Problem(TwoPoints())), np.random.default_rng(0)
    for _ in range(2):
        architecture = draw_unseen(rehearsal.history, rng)
        assert architecture is not None
        rehearsal.propose([Proposal(architecture)])
    assert draw_unseen(rehearsal.history, rng) is None


def test_real_numbers_never_run_out() -> None:
    history, rng = History(Problem(Mixed())), np.random.default_rng(0)
    assert len({draw_unseen(history, rng) for _ in range(200)}) == 200
