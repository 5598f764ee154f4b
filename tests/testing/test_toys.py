"""The toys do what they say: counts of points, and outcomes that depend on nothing else than they should."""

from __future__ import annotations

import math

import numpy as np
import pytest

from archsmith.core.errors import DeadEnd, EvaluationError, Stopped, UsageError
from archsmith.core.protocols import Context
from archsmith.testing.toys import Conditional, Flat, Mixed, Recursive, ToyEvaluator


def test_counts_of_points() -> None:
    assert Flat(3, 4).count() == 4**3
    assert Flat(6, 10).count(1000) is None
    # One layer: conv with kernel 1, 3 (two dilations) or 5; pool of two sizes; none. Two layers: the square of that.
    # Times four gates.
    assert Conditional().count() == 4 * (7 + 7**2)
    # Leaves: 2. Depth d: a leaf, a negation, or one of two operations on two expressions of depth d - 1.
    assert Recursive(2).count() == 2 + 2 + 2 * 2**2 == 12
    assert Recursive(3).count() == 2 + 12 + 2 * 12**2
    assert Mixed().count() is None


def test_a_node_cap_is_a_dead_end_that_sampling_avoids() -> None:
    space = Recursive(3, max_nodes=3)
    with pytest.raises(DeadEnd):
        space.trace(lambda path, options, weights: list(options)[-1])  # type: ignore[arg-type]
    assert all(len(space.sample(np.random.default_rng(seed))) <= 6 for seed in range(50))


def test_scores_differ_by_architecture_metric_and_fidelity_only() -> None:
    evaluator = ToyEvaluator(metrics=("accuracy", "other"))
    a, b = (Conditional().sample(np.random.default_rng(seed)) for seed in (0, 1))
    first = evaluator.evaluate(a, 1, Context(0, seed=0))
    assert first == evaluator.evaluate(a, 1, Context(5, seed=7))
    assert first != evaluator.evaluate(b, 1, Context(0, seed=0))
    assert first["accuracy"] != first["other"]  # type: ignore[index]
    assert evaluator.score(a, fidelity=1) < evaluator.score(a, fidelity=9) < 1


def test_the_hashed_score_is_rough_and_the_additive_one_smooth() -> None:
    space, rng = Flat(8, 3), np.random.default_rng(0)
    gaps = {}
    for additive in (True, False):
        evaluator = ToyEvaluator(additive=additive)
        pairs = [(a := space.sample(rng), space.mutate(a, rng)) for _ in range(100)]
        gaps[additive] = np.mean([abs(evaluator.score(a) - evaluator.score(b)) for a, b in pairs])
    assert gaps[True] < 0.125 < gaps[False]  # one of eight answers in a mean moves it by an eighth at most


def test_noise_follows_the_seed() -> None:
    evaluator, architecture = ToyEvaluator(noise=0.1), Flat().first()
    scores = [evaluator.evaluate(architecture, 1, Context(0, seed=seed)) for seed in (1, 1, 2)]
    assert scores[0] == scores[1] != scores[2]


def test_failures_and_nan_strike_their_share() -> None:
    architectures = list(Flat(5, 4).enumerate())
    n_failed = n_nan = 0
    for architecture in architectures:
        try:
            value = ToyEvaluator(fail=0.25, nan=0.5).evaluate(architecture, 1, Context(0, 0))["accuracy"]  # type: ignore[index]
            n_nan += math.isnan(value)
        except EvaluationError:
            n_failed += 1
    # 1,024 architectures: standard deviations are 14 and 16; the shares are decided by hash, so that this cannot fail
    # by chance later.
    assert abs(n_failed - 256) < 56
    assert abs(n_nan - 384) < 64


def test_sleep_looks_for_a_request_to_stop() -> None:
    asked = iter([False, False, True])
    with pytest.raises(Stopped):  # an evaluation that slept through would take a minute
        ToyEvaluator(sleep=60).evaluate(Flat().first(), 1, Context(0, 0, stop=lambda: next(asked)))
    assert next(asked, None) is None


def test_reports_and_simulated_seconds() -> None:
    steps: list[float] = []
    outcome = ToyEvaluator(steps=3, simulated=True, seconds=2).evaluate(
        Flat().first(), 5, Context(0, 0, report=lambda step, metrics: steps.append(step))
    )
    assert steps == [1, 2, 3]
    assert outcome.seconds == 10  # type: ignore[union-attr]


def test_an_evaluator_without_metrics_is_refused() -> None:
    with pytest.raises(UsageError, match="no metrics"):
        ToyEvaluator(metrics=())
