"""NAS-Bench-201 in its .npz form: a made-up file of the same shape always, and the real one where the environment names
it.
"""

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
from archsmith.core.problem import Fidelity, Objective, Problem
from archsmith.core.protocols import Context
from archsmith.evaluators.nasbench201 import NasBench201Evaluator
from archsmith.runtime.search import Search
from archsmith.spaces.nasbench201 import OPERATIONS, NasBench201, architecture_of
from archsmith.strategies.random import RandomSearch
from archsmith.testing.laws import check_evaluator

CONTEXT = Context(0, 0)


def made_up() -> dict[str, Any]:
    """All cells; validation accuracy is the row number in thousandths of a percent; the operations are listed in
    another order than in the space.
    """
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
    return {
        "ops": ops,
        "op_names": np.array(OPERATIONS[::-1]),
        **{f"cifar10_{name}": values for name, values in columns.items()},
    }


@pytest.fixture
def path(tmp_path: Path) -> str:
    np.savez(tmp_path / "bench.npz", **made_up())
    return str(tmp_path / "bench.npz")


def test_rows_are_found_by_the_names_of_operations(path: str) -> None:
    architecture = architecture_of([4, 4, 4, 4, 4, 0])  # in the file's reversed order: 0 0 0 0 0 4, its row 4
    outcome = NasBench201Evaluator(path).evaluate(architecture, 1, CONTEXT)
    assert outcome.notes == {"row": 4}
    assert outcome.metrics == pytest.approx(
        {"accuracy": 4e-5, "test_accuracy": 8e-5, "final_test_accuracy": 2e-4, "params": 400.0}
    )
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


# Single trainings and hardware


@pytest.fixture
def single(tmp_path: Path) -> str:
    """Two trainings of every cell, one point below and one above the mean; the even rows have a third, as good as the
    second.
    """
    mean = made_up()["cifar10_valid_200"]
    third = np.where(np.arange(len(mean)) % 2 == 0, mean + 1, np.nan)
    np.savez(
        tmp_path / "single.npz",
        cifar10_valid_200_per_seed=np.stack([mean - 1, mean + 1, third], axis=1).astype(np.float32),
    )
    return str(tmp_path / "single.npz")


def test_single_trainings_are_drawn_by_the_seed_of_the_trial(path: str, single: str) -> None:
    evaluator, mean = NasBench201Evaluator(path, epochs=200, per_seed=single), NasBench201Evaluator(path, epochs=200)
    assert mean.repeatable and not evaluator.repeatable
    architecture = architecture_of([0] * 6)
    outcomes = [evaluator.evaluate(architecture, 1, Context(0, seed)) for seed in range(60)]
    expected = mean.evaluate(architecture, 1, CONTEXT)
    low, high = expected.metrics["accuracy"] - 0.01, expected.metrics["accuracy"] + 0.01
    seen = [outcome.metrics["accuracy"] for outcome in outcomes]
    assert {round(value, 6) for value in seen} == {round(low, 6), round(high, 6)}
    # Two of three trainings are the better one: 40 of 60, sd 3.7. Outside of 24 to 56 by chance: below 1e-4.
    assert 24 <= sum(value > expected.metrics["accuracy"] for value in seen) <= 56
    assert all(
        outcome.metrics["final_test_accuracy"] == expected.metrics["final_test_accuracy"] for outcome in outcomes
    )
    check_evaluator(evaluator, evaluator.problem())


def test_single_trainings_are_of_200_epochs(path: str, single: str) -> None:
    with pytest.raises(UsageError, match="give epochs=200"):
        NasBench201Evaluator(path, per_seed=single)
    by_fidelity = NasBench201Evaluator(path, epochs=None, per_seed=single)
    architecture = architecture_of([0] * 6)
    assert by_fidelity.evaluate(architecture, 12, CONTEXT).metrics["accuracy"] == pytest.approx(15624 / 1000 / 100)


@pytest.mark.parametrize(
    "values", [np.zeros((10, 3), np.float32), np.full((15625, 3), np.nan, np.float32), np.zeros((15625, 3), np.int32)]
)
def test_unsound_single_trainings_are_refused(path: str, tmp_path: Path, values: Any) -> None:
    np.savez(tmp_path / "single.npz", cifar10_valid_200_per_seed=values)
    with pytest.raises(DataError, match="per_seed"):
        NasBench201Evaluator(path, epochs=200, per_seed=str(tmp_path / "single.npz"))
    np.savez(tmp_path / "other.npz", cifar100_valid_200_per_seed=values)
    with pytest.raises(DataError, match="It has: cifar100_valid_200_per_seed"):
        NasBench201Evaluator(path, epochs=200, per_seed=str(tmp_path / "other.npz"))


@pytest.fixture
def hardware(tmp_path: Path) -> str:
    """Latencies that count the rows, listed in another order; one device could not measure the first cell."""
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    index = np.random.default_rng(0).permutation(15625)
    columns = {
        "arch_index": index,
        "cifar10_edgegpu_latency": index / 100,
        "cifar10_edgegpu_energy": index / 10,
        "cifar10_edgetpu_latency": np.where(index == 0, -1.0, index / 50),
        "cifar100_edgegpu_latency": index / 1.0,
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "hw.parquet")
    return str(tmp_path / "hw.parquet")


def test_hardware_columns_become_metrics(path: str, hardware: str) -> None:
    evaluator = NasBench201Evaluator(path, hardware=hardware)
    assert evaluator.metrics[-3:] == ("latency_ms_edgegpu", "energy_mj_edgegpu", "latency_ms_edgetpu")
    outcome = evaluator.evaluate(architecture_of([4, 4, 4, 4, 4, 0]), 1, CONTEXT)  # row 4
    assert {name: outcome.metrics[name] for name in evaluator.metrics[-3:]} == pytest.approx(
        {"latency_ms_edgegpu": 0.04, "energy_mj_edgegpu": 0.4, "latency_ms_edgetpu": 0.08}
    )
    check_evaluator(
        evaluator, evaluator.problem((Objective("accuracy"), Objective("latency_ms_edgegpu", maximize=False)))
    )


def test_what_a_device_could_not_measure_is_no_metric(path: str, hardware: str) -> None:
    evaluator, first = NasBench201Evaluator(path, hardware=hardware), architecture_of([4] * 6)
    assert "latency_ms_edgetpu" not in evaluator.evaluate(first, 1, CONTEXT).metrics
    assert evaluator.standing(first, "latency_ms_edgetpu", maximize=False) is None
    place = evaluator.standing(architecture_of([4, 4, 4, 4, 4, 3]), "latency_ms_edgetpu", maximize=False)
    assert place is not None and (place.rank, place.n) == (1, 15624)


def test_unsound_hardware_tables_are_refused(path: str, hardware: str, tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet as parquet

    with pytest.raises(DataError, match="no column 'arch_index'"):
        parquet.write_table(pyarrow.table({"cifar10_x_latency": [1.0]}), tmp_path / "a.parquet")
        NasBench201Evaluator(path, hardware=str(tmp_path / "a.parquet"))
    with pytest.raises(DataError, match="lacks some of the cells"):
        parquet.write_table(
            pyarrow.table({"arch_index": [0, 1], "cifar10_x_latency": [1.0, 2.0]}), tmp_path / "b.parquet"
        )
        NasBench201Evaluator(path, hardware=str(tmp_path / "b.parquet"))
    with pytest.raises(DataError, match="not a sound Parquet file"):
        (tmp_path / "c.parquet").write_text("not parquet")
        NasBench201Evaluator(path, hardware=str(tmp_path / "c.parquet"))


# What a comparison asks


def test_the_standing_is_that_after_200_epochs(path: str) -> None:
    evaluator = NasBench201Evaluator(path)
    place = evaluator.standing(architecture_of([0, 0, 0, 0, 0, 1]))  # the last row but one
    assert place is not None
    assert (place.score, place.best, place.rank, place.n) == pytest.approx((15623 / 25000, 15624 / 25000, 2, 15625))
    test = evaluator.standing(architecture_of([0] * 6), "final_test_accuracy")
    assert test is not None and (test.score, test.rank) == (pytest.approx(15624 / 20000), 1)
    small = evaluator.standing(architecture_of([4] * 6), "params", maximize=False)
    assert small is not None and (small.score, small.rank) == (0, 1)
    assert evaluator.standing({"x": 1}) is None


def test_its_problem_knows_that_answers_are_trained_for_longer(path: str) -> None:
    assert NasBench201Evaluator(path).problem().fidelity == Fidelity("epochs", 12, 12, 200)
    assert not NasBench201Evaluator(path, epochs=200).problem().fidelity.partial
    assert NasBench201Evaluator(path, epochs=None).problem().fidelity == Fidelity("epochs", 12, 200)
    assert NasBench201Evaluator(path).judged_by("accuracy") == "final_test_accuracy"
    assert NasBench201Evaluator(path).judged_by("params") == "params"


REAL = os.environ.get("ARCHSMITH_NASBENCH201", "")
BESIDE = Path(REAL).parent


@pytest.mark.skipif(not REAL, reason="set ARCHSMITH_NASBENCH201 to the path of the benchmark's .npz")
def test_the_real_table_has_its_known_optimum() -> None:
    evaluator = NasBench201Evaluator(REAL, epochs=200)
    outcomes = [evaluator.evaluate(architecture, 1, CONTEXT) for architecture in NasBench201().enumerate()]
    assert max(outcome.metrics["accuracy"] for outcome in outcomes) == pytest.approx(0.91607, abs=1e-4)
    assert max(outcome.metrics["test_accuracy"] for outcome in outcomes) == pytest.approx(0.94373, abs=1e-4)


@pytest.mark.skipif(
    not REAL
    or not (BESIDE / "nas_bench_201_valid_per_seed.npz").is_file()
    or not (BESIDE / "hw_nas_bench_201.parquet").is_file(),
    reason="set ARCHSMITH_NASBENCH201 to the benchmark's .npz, with nas_bench_201_valid_per_seed.npz and "
    "hw_nas_bench_201.parquet beside it",
)
def test_the_real_files_of_single_trainings_and_hardware_are_read() -> None:
    pytest.importorskip("pyarrow")
    evaluator = NasBench201Evaluator(
        REAL,
        epochs=200,
        per_seed=str(BESIDE / "nas_bench_201_valid_per_seed.npz"),
        hardware=str(BESIDE / "hw_nas_bench_201.parquet"),
    )
    architecture = architecture_of(["nor_conv_3x3"] * 6)
    seen = {evaluator.evaluate(architecture, 1, Context(0, seed)).metrics["accuracy"] for seed in range(30)}
    place = evaluator.standing(architecture)
    assert 2 <= len(seen) <= 3 and place is not None
    assert sum(seen) / len(seen) == pytest.approx(place.score, abs=1e-4)
    assert {"latency_ms_edgegpu", "energy_mj_fpga", "latency_ms_raspi4", "arithmetic_intensity_eyeriss"} <= set(
        evaluator.metrics
    )
