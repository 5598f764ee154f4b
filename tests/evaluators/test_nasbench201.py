"""NAS-Bench-201 in its .npz form: a made-up file of the same shape always, and the real one where the environment names it."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.budget import Budget
from archsmith.core.errors import DataError, EvaluationError, UsageError
from archsmith.core.problem import Fidelity, Problem
from archsmith.core.protocols import Context
from archsmith.evaluators.nasbench201 import NasBench201Evaluator
from archsmith.runtime.search import Search
from archsmith.spaces.nasbench201 import OPERATIONS, NasBench201, architecture_of
from archsmith.strategies.random import RandomSearch
from archsmith.testing.laws import check_evaluator

CONTEXT = Context(0, 0)


def made_up() -> dict[str, Any]:
    """All cells; validation accuracy is the row number in thousandths of a percent; the operations are listed in another order than in the space."""
    ops = np.array(list(itertools.product(range(5), repeat=6)), dtype=np.uint8)
    row = np.arange(len(ops), dtype=np.float32)
    columns = {
        "valid_12": row / 1000,
        "test_12": row / 500,
        "valid_200": row / 250,
        "test_200": row / 200,
        "train_seconds_200": row,
        "params_m": row / 1e4,
    }
    return {"ops": ops, "op_names": np.array(OPERATIONS[::-1]), **{f"cifar10_{name}": values for name, values in columns.items()}}


@pytest.fixture
def path(tmp_path: Path) -> str:
    np.savez(tmp_path / "bench.npz", **made_up())
    return str(tmp_path / "bench.npz")


def test_rows_are_found_by_the_names_of_operations(path: str) -> None:
    architecture = architecture_of([4, 4, 4, 4, 4, 0])  # in the file's reversed order: 0 0 0 0 0 4, its row 4
    outcome = NasBench201Evaluator(path).evaluate(architecture, 1, CONTEXT)
    assert outcome.notes == {"row": 4}
    assert outcome.metrics == pytest.approx({"accuracy": 4e-5, "test_accuracy": 8e-5, "final_test_accuracy": 2e-4, "params": 400.0})
    assert outcome.seconds == pytest.approx(4 * 12 / 200)


def test_epochs_come_from_the_setting_or_from_the_fidelity(path: str) -> None:
    architecture = architecture_of([0] * 6)
    long = NasBench201Evaluator(path, epochs=200).evaluate(architecture, 1, CONTEXT)
    assert long.metrics["accuracy"] == pytest.approx(15624 / 250 / 100)
    assert long.seconds == 15624
    by_fidelity = NasBench201Evaluator(path, epochs=None)
    assert by_fidelity.evaluate(architecture, 200, CONTEXT) == long
    with pytest.raises(EvaluationError, match="after 50 epochs"):
        by_fidelity.evaluate(architecture, 50, CONTEXT)
    with pytest.raises(UsageError, match="no results at epochs = 50"):
        by_fidelity.prepare(Problem(NasBench201(), fidelity=Fidelity("epochs", 12, 50)), CONTEXT)


def test_laws_and_a_search_on_the_simulated_clock(path: str) -> None:
    evaluator, problem = NasBench201Evaluator(path), Problem(NasBench201())
    check_evaluator(evaluator, problem)
    result = Search(problem, RandomSearch(), evaluator, budget=Budget(seconds=12_000)).run()
    assert result.reason == "seconds"
    assert 11_000 < result.seconds <= 12_000


def test_other_architectures_and_settings_are_refused(path: str) -> None:
    with pytest.raises(EvaluationError, match="does not have"):
        NasBench201Evaluator(path).evaluate(Architecture({"x": 1}), 12, CONTEXT)
    with pytest.raises(UsageError, match="epochs=7"):
        NasBench201Evaluator(path, epochs=7)
    with pytest.raises(DataError, match="Data sets in it: cifar10"):
        NasBench201Evaluator(path, "mnist")
    with pytest.raises(DataError, match="does not come with this package"):
        NasBench201Evaluator("nowhere.npz")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ops", np.zeros((10, 5), np.uint8), "holds 'ops'"),
        ("ops", np.full((15625, 6), 5, np.uint8), "holds 'ops'"),
        ("op_names", np.array(["a", "b", "c", "d", "e"]), "holds 'ops'"),
        ("cifar10_valid_12", np.zeros(3), "'cifar10_valid_12' in the shape"),
        ("cifar10_test_200", np.full(15625, np.nan), "not finite"),
    ],
)
def test_an_unsound_file_is_refused(tmp_path: Path, name: str, value: Any, message: str) -> None:
    np.savez(tmp_path / "bad.npz", **{**made_up(), name: value})
    with pytest.raises(DataError, match=message):
        NasBench201Evaluator(str(tmp_path / "bad.npz"))


REAL = os.environ.get("ARCHSMITH_NASBENCH201", "")


@pytest.mark.skipif(not REAL, reason="set ARCHSMITH_NASBENCH201 to the path of the benchmark's .npz")
def test_the_real_table_has_its_known_optimum() -> None:
    evaluator = NasBench201Evaluator(REAL, epochs=200)
    outcomes = [evaluator.evaluate(architecture, 1, CONTEXT) for architecture in NasBench201().enumerate()]
    assert max(outcome.metrics["accuracy"] for outcome in outcomes) == pytest.approx(0.91607, abs=1e-4)
    assert max(outcome.metrics["test_accuracy"] for outcome in outcomes) == pytest.approx(0.94373, abs=1e-4)
