"""Roll-outs: drawn from a policy, found again from what is logged, and through ranges of numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.space import Range
from archsmith.strategies.policy import choices_of, draw_from, kind, rollout_of, rollout_of_dead_end
from archsmith.strategies.tabular import Table
from archsmith.testing.toys import Conditional, Flat, Mixed, Recursive


@pytest.mark.parametrize("space", [Flat(), Conditional(), Recursive(), Mixed()])
def test_an_architecture_gives_back_the_roll_out_that_it_came_from(
    space: Flat | Conditional | Recursive | Mixed,
) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        architecture, rollout, probabilities = draw_from(Table(0.1, 0.0), space, 8, rng)
        assert architecture is not None
        assert rollout_of(space, architecture, 8) == rollout
        assert [len(p) for p in probabilities] == [len(step.question.labels) for step in rollout]
        assert all(len(p) > 1 for p in probabilities)  # a single option is no question


def test_a_dead_end_is_found_again_from_its_indexes() -> None:
    space, rng, n_found = Recursive(3, max_nodes=4), np.random.default_rng(0), 0
    for _ in range(100):
        architecture, rollout, _ = draw_from(Table(0.1, 0.0), space, 8, rng)
        if architecture is None:
            n_found += 1
            assert rollout_of_dead_end(space, [step.taken for step in rollout], 8) == rollout
    assert n_found > 5
    assert len(rollout_of_dead_end(space, [99], 8)) == 0  # of another's making


@pytest.mark.parametrize(
    "whole",
    [
        Range(1, 8),
        Range(1, 9, log=True),
        Range(1, 1000, log=True),
        Range(0, 100),
        Range(0.0, 0.5),
        Range(1e-4, 0.1, log=True),
        Range(3, 3),
    ],
)
def test_the_parts_of_a_range_hold_all_its_numbers_once(whole: Range) -> None:
    parts = [part for part in choices_of(whole, 8) if isinstance(part, Range)]
    assert 1 <= len(parts) <= 8
    assert (parts[0].low, parts[-1].high) == (whole.low, whole.high)
    step = 1 if whole.integer else 0
    assert all(after.low == before.high + step for before, after in itertools.pairwise(parts))
    assert all(part.at(unit) in whole for part in parts for unit in (0.0, 0.5, 0.999))
    if whole == Range(1, 8):
        assert [part.low for part in parts] == list(range(1, 9))


def test_the_kind_of_a_question_leaves_place_and_numbers_out() -> None:
    assert kind("node3/from2") == kind("node1/from0") == "from#"
    assert kind("root/left/right/rule") == kind("root/rule") == "rule"


def test_the_space_s_own_weights_are_where_a_policy_begins() -> None:
    rng, table = np.random.default_rng(0), Table(0.1, 0.0)
    kinds = [dict(draw_from(table, Conditional(), 8, rng)[0] or Architecture())["layer0/kind"] for _ in range(2000)]
    # Weights 2, 1, 1: 1000 ± 22 of 2000; a deviation of 110 or more comes with a probability below 1e-6.
    assert abs(kinds.count("conv") - 1000) < 110
