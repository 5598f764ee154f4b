"""Benchmark tables: the space that a table spans, and look-ups at every fidelity and seed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from archsmith import catalog
from archsmith.core.architecture import Architecture
from archsmith.core.budget import Budget
from archsmith.core.errors import EvaluationError, UsageError
from archsmith.core.problem import Fidelity, Problem
from archsmith.core.protocols import Context
from archsmith.evaluators.table import TableEvaluator, TableSpace
from archsmith.evaluators.table_file import write_table
from archsmith.runtime.search import Search
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.testing.laws import check_evaluator, check_space
from archsmith.testing.toys import Conditional, Flat

POINTS = list(Conditional().enumerate())


@pytest.fixture
def path(tmp_path: Path) -> str:
    """All points of Conditional at 1 and 9 epochs with three seeds: i + seed / 10; after 9 epochs ten times that."""
    file = tmp_path / "table.npz"
    n = len(POINTS)
    score = np.arange(n)[:, None, None] + np.arange(3)[None, None, :] / 10
    accuracy = np.concatenate([score, 10 * score], axis=1)
    accuracy[5, 0, :] = np.nan  # failed at one epoch
    accuracy[6, 0, 1:] = np.nan  # one seed only
    write_table(
        file,
        POINTS,
        {"accuracy": accuracy, "params": np.arange(n) * 100},
        seconds=np.outer(np.ones(n), [1.0, 9.0]),
        fidelities=(1, 9),
    )
    return str(file)


def test_the_space_of_a_table_has_its_rows_and_no_others(path: str) -> None:
    space = TableSpace(path)
    check_space(space)
    assert set(space.enumerate()) == set(POINTS)
    assert all(list(space.trace(lambda p, options, weights, a=a: a[p]).architecture) == list(a) for a in POINTS)  # type: ignore[misc]


def test_a_table_with_gaps(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    points = [list(Flat(4, 4).enumerate())[i] for i in rng.permutation(256)[:40]]
    file = tmp_path / "gaps.npz"
    write_table(file, points, {"accuracy": rng.random(40)})
    space = TableSpace(str(file))
    check_space(space)
    assert set(space.enumerate()) == set(points)
    counts = dict.fromkeys(points, 0)
    for _ in range(4000):
        counts[space.sample(rng)] += 1
    # Uniform over rows: chi-squared with 39 degrees of freedom exceeds 95 with probability 1.5e-6; the seed is fixed.
    assert sum((count - 100) ** 2 / 100 for count in counts.values()) < 95


def test_mean_and_single_seeds(path: str) -> None:
    mean, noisy = TableEvaluator(path), TableEvaluator(path, noisy=True)
    outcome = mean.evaluate(POINTS[40], 9, Context(0, 0))
    assert outcome.metrics == {"accuracy": pytest.approx(401.0), "params": 4000.0}
    assert outcome.seconds == 9.0
    drawn = {round(noisy.evaluate(POINTS[40], 1, Context(0, seed)).metrics["accuracy"], 3) for seed in range(50)}
    assert drawn == {40.0, 40.1, 40.2}
    assert noisy.evaluate(POINTS[6], 1, Context(0, 1)).metrics["accuracy"] == 6.0
    assert mean.repeatable and not noisy.repeatable
    check_evaluator(mean, mean.problem())
    check_evaluator(noisy, noisy.problem(), fidelity=1)


def test_what_is_not_in_the_table_fails_as_a_trial(path: str) -> None:
    evaluator = TableEvaluator(path)
    for architecture, fidelity, message in (
        (POINTS[5], 1, "failed when the table was recorded"),
        (POINTS[0], 3, "no results at epochs = 3"),
        (POINTS[0].replace({"gate": "open"}), 1, "does not have"),
        (POINTS[0].replace({"more": 1}), 1, "does not have"),
        (Architecture({}), 1, "does not have"),
    ):
        with pytest.raises(EvaluationError, match=message):
            evaluator.evaluate(architecture, fidelity, Context(0, 0))
    assert evaluator.evaluate(POINTS[5], 9, Context(0, 0)).ok


def test_equal_looking_answers_stay_apart(path: str) -> None:
    gates = {
        (type(a["gate"]), a["gate"]): TableEvaluator(path).evaluate(a, 9, Context(0, 0)).metrics["accuracy"]
        for a in POINTS[:4]
    }
    assert len(gates) == len(set(gates.values())) == 4


def test_a_problem_about_something_else_is_refused_before_the_first_trial(path: str) -> None:
    evaluator = TableEvaluator(path)
    with pytest.raises(UsageError, match="no results at epochs = 5, only at 1, 9"):
        evaluator.prepare(Problem(TableSpace(path), fidelity=Fidelity("epochs", 1, 5)), Context(-1, 0))
    with pytest.raises(UsageError, match="Flat has architectures that the table"):
        evaluator.prepare(Problem(Flat(), fidelity=evaluator.fidelity), Context(-1, 0))
    evaluator.prepare(Problem(Conditional(), fidelity=evaluator.fidelity), Context(-1, 0))


def test_a_search_runs_on_the_simulated_clock(path: str) -> None:
    evaluator = TableEvaluator(path)
    result = Search(
        evaluator.problem(), RegularizedEvolution(population=5), evaluator, budget=Budget(seconds=30 * 9.0)
    ).run()
    assert (result.reason, len(result.history.finished), result.seconds) == ("seconds", 30, 270.0)


def test_specs(path: str) -> None:
    for thing, kind in ((TableSpace(path), "space"), (TableEvaluator(path, noisy=True), "evaluator")):
        assert catalog.from_spec(json.loads(json.dumps(catalog.to_spec(thing))), kind) == thing
