"""FCNet in its .npz form: made-up files of the same shape always, and the real one where the environment names it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.budget import Budget
from archsmith.core.errors import DataError, EvaluationError
from archsmith.core.protocols import Context
from archsmith.evaluators.fcnet import OPTIONS, WIDTHS, FcNetEvaluator, FcNetSpace
from archsmith.runtime.search import Search
from archsmith.strategies.random import RandomSearch
from archsmith.testing.laws import check_evaluator

CONTEXT = Context(0, 0)
N = int(np.prod(WIDTHS))
FIRST = Architecture({path: options[0] for path, options in OPTIONS.items()})
SECOND = FIRST.replace({"n_units_2": 32})


def made_up() -> dict[str, Any]:
    """The error is the place in the order of the space, less 0.5, plus 0.5 or not known. The file lists the rows
    backwards, the first hyper-parameter last, and the options of one the other way round.
    """
    keys = np.array(list(np.ndindex(*WIDTHS)), dtype=np.uint8)
    keys[:, 2] = WIDTHS[2] - 1 - keys[:, 2]
    space = {path: list(options) for path, options in OPTIONS.items()}
    space["batch_size"].reverse()
    error = np.arange(N, dtype=np.float32)
    errors = np.stack([error - 0.5, error + 0.5, np.full(N, np.nan, np.float32)], axis=1)
    errors[N - 1] = np.nan
    names = [*list(space)[1:], next(iter(space))]
    return {
        "search_space": np.array(json.dumps({name: space[name] for name in names})),
        "keys": np.roll(keys, -1, axis=1)[::-1],
        "set": errors[::-1],
    }


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("fcnet") / "fcnet.npz"
    np.savez(file, **made_up())
    return str(file)


def test_settings_are_found_whatever_the_order_of_the_file(path: str) -> None:
    evaluator = FcNetEvaluator(path, "set")
    assert evaluator.evaluate(SECOND, 1, CONTEXT).metrics == {"valid_mse": 1.0}
    # batch_size 64, dropout_1 0.6, init_lr 0.01, const, n_units_2 512
    place = 5 * 1 + 36 * (1 + 2 * (3 + 6 * (0 + 3 * (2 + 3 * 3))))
    other = FIRST.replace(
        {"batch_size": 64, "dropout_1": 0.6, "init_lr": 0.01, "lr_schedule": "const", "n_units_2": 512}
    )
    assert evaluator.evaluate(other, 1, CONTEXT).metrics == {"valid_mse": float(place)}


def test_noise_is_one_training_drawn_by_the_seed(path: str) -> None:
    noisy = FcNetEvaluator(path, "set", noisy=True)
    # missed by chance: 2⁻³⁹
    assert {noisy.evaluate(SECOND, 1, Context(0, seed)).metrics["valid_mse"] for seed in range(40)} == {0.5, 1.5}
    assert not noisy.repeatable and FcNetEvaluator(path, "set").repeatable


def test_what_failed_or_is_not_there(path: str) -> None:
    evaluator = FcNetEvaluator(path, "set")
    last = Architecture({path: options[-1] for path, options in OPTIONS.items()})
    with pytest.raises(EvaluationError, match="failed when the benchmark was recorded"):
        evaluator.evaluate(last, 1, CONTEXT)
    assert evaluator.standing(last) is None
    for wrong in ({"x": 1}, {**FIRST, "batch_size": 8.0}, {**FIRST, "more": 1}):
        with pytest.raises(EvaluationError, match="FCNet does not have"):
            evaluator.evaluate(Architecture(wrong), 1, CONTEXT)
        assert evaluator.standing(wrong) is None


def test_the_standing_is_by_the_mean(path: str) -> None:
    place = FcNetEvaluator(path, "set", noisy=True).standing(SECOND, "valid_mse")
    assert place is not None
    assert (place.score, place.best, place.rank, place.n) == (1.0, 0.0, 2, N - 1)


def test_laws_and_a_search(path: str) -> None:
    evaluator = FcNetEvaluator(path, "set")
    problem = evaluator.problem()
    check_evaluator(evaluator, problem)
    result = Search(problem, RandomSearch(), evaluator, budget=Budget(trials=50)).run()
    assert result.best is not None and result.best.metrics["valid_mse"] == min(
        trial.metrics["valid_mse"] for trial in result.history.finished
    )
    assert isinstance(problem.space, FcNetSpace) and result.seconds == 0


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("keys", np.zeros((N, 9), np.uint8), "1 settings, not 62,208"),
        ("keys", np.zeros((N, 3), np.uint8), "is not FCNet"),
        ("search_space", np.array("{}"), "is not FCNet"),
        ("search_space", np.array("no JSON"), "is not FCNet"),
        ("set", np.zeros((10, 4), np.float32), "in the shape"),
        ("set", np.full((N, 4), np.inf, np.float32), "in the shape"),
    ],
)
def test_an_unsound_file_is_refused(tmp_path: Path, name: str, value: Any, message: str) -> None:
    np.savez(tmp_path / "bad.npz", **{**made_up(), name: value})
    with pytest.raises(DataError, match=message):
        FcNetEvaluator(str(tmp_path / "bad.npz"), "set")


def test_missing_files_and_sets_are_named(path: str) -> None:
    with pytest.raises(DataError, match="does not come with this package"):
        FcNetEvaluator("nowhere.npz")
    with pytest.raises(DataError, match="Data sets in it: set"):
        FcNetEvaluator(path, "protein_structure")


REAL = os.environ.get("ARCHSMITH_FCNET", "")


@pytest.mark.skipif(not REAL, reason="set ARCHSMITH_FCNET to the path of the benchmark's .npz")
def test_the_real_table_is_read() -> None:
    for dataset in ("protein_structure", "slice_localization", "naval_propulsion", "parkinsons_telemonitoring"):
        place = FcNetEvaluator(REAL, dataset).standing(FIRST)
        assert place is not None and place.n == N and place.best < place.score
