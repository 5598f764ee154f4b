"""Cost as an evaluator: counts from the graph, alone or beside another evaluator's metrics, at another scale than the
one searched.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from archsmith import catalog
from archsmith.core.errors import UsageError
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context
from archsmith.core.trial import Outcome
from archsmith.evaluators.cost import CostEvaluator
from archsmith.graphs.cost import cost
from archsmith.spaces.nasbench201 import NasBench201, NasBench201Scale, architecture_of
from archsmith.testing.laws import check_evaluator
from archsmith.testing.toys import Flat, ToyEvaluator

SMALL = NasBench201(scale=NasBench201Scale(filters=4, cells=1))
ONE = architecture_of([3, 1, 2, 1, 4, 3])
CONTEXT = Context(0, 0)


def test_it_counts_what_the_graph_counts() -> None:
    found = CostEvaluator(SMALL).evaluate(ONE, 1, CONTEXT)
    expected = cost(SMALL.graph(ONE))
    assert found.metrics == {"params": expected.params, "macs": expected.macs}
    check_evaluator(CostEvaluator(SMALL), Problem(SMALL))


def test_the_scale_counted_may_differ_from_the_one_searched() -> None:
    large = replace(SMALL, scale=NasBench201Scale(filters=8, cells=2))
    small_params, large_params = (
        CostEvaluator(space).evaluate(ONE, 1, CONTEXT).metrics["params"] for space in (SMALL, large)
    )
    assert large_params > 4 * small_params


def test_it_adds_to_another_evaluator() -> None:
    both = CostEvaluator(SMALL, ToyEvaluator(simulated=True, seconds=3.0))
    outcome = both.evaluate(ONE, 2, CONTEXT)
    assert both.metrics == tuple(outcome.metrics) == ("accuracy", "params", "macs")
    assert (both.simulated, outcome.seconds) == (True, 6.0)
    assert CostEvaluator(SMALL).repeatable and both.repeatable
    assert not CostEvaluator(SMALL, ToyEvaluator(noise=0.1)).repeatable
    assert catalog.from_spec(catalog.to_spec(both), "evaluator") == both


def test_a_failure_inside_stays_a_failure() -> None:
    class Failing(ToyEvaluator):
        def evaluate(self, *args: object) -> Outcome:  # type: ignore[override]
            return Outcome.failure(MemoryError())

    assert CostEvaluator(SMALL, Failing()).evaluate(ONE, 1, CONTEXT).error_kind == "memory"


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(UsageError, match="Flat lays out no networks"):
        CostEvaluator(Flat())
    with pytest.raises(UsageError, match="would add params, macs"):
        CostEvaluator(SMALL, ToyEvaluator(metrics=("accuracy", "params")))


def test_samples_differ_in_cost() -> None:
    rng = np.random.default_rng(0)
    assert len({CostEvaluator(SMALL).evaluate(SMALL.sample(rng), 1, CONTEXT).metrics["macs"] for _ in range(10)}) > 5
