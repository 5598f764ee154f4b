"""The choice, its calibration, and the one look at the test split."""

import dataclasses
import types

import numpy as np
import pytest
import torch

from archsmith.automl import scoring
from archsmith.automl.final_training import Final, Workshop
from archsmith.automl.modalities.tables import Tables
from archsmith.core.task import Input, classification, regression
from archsmith.training.goal import Score

NUMBERS = (Input("numbers", "numbers", (2,)),)


def scored(name, main, error, task):
    return Final(name, Score({task.metric: main, task.metrics[-1]: error}, 10), None, 1.0)


@pytest.mark.parametrize(
    "task",
    [classification(NUMBERS, ("a", "b")), classification(NUMBERS, ("a", "b"), balanced=True), regression(NUMBERS, "y")],
)
def test_the_best_on_the_validation_split_is_chosen_and_of_equals_the_one_that_errs_less(task):
    finals = [scored("fixed", 0.9, 0.5, task), scored("worse", 0.8, 0.1, task), scored("searched", 0.9, 0.4, task)]
    assert scoring.chosen_of(finals, task).name == "searched"
    assert scoring.chosen_of(finals[:2], task).name == "fixed"


def test_of_equals_one_that_was_trained_to_its_end_is_chosen():
    task = classification(NUMBERS, ("a", "b"))
    stopped = dataclasses.replace(scored("fixed", 0.9, 0.1, task), stopped=True)
    assert scoring.chosen_of([stopped, scored("searched", 0.9, 0.4, task)], task).name == "searched"
    assert scoring.chosen_of([stopped, scored("searched", 0.8, 0.4, task)], task).name == "fixed"


@pytest.fixture
def workshop(table_splits):
    return Workshop(Tables(), table_splits, torch.device("cpu"))


def answering(name, sharpness):
    """A network that knows two of three examples, and is as sure of all of them as ``sharpness``."""

    def outputs(examples):
        right = torch.nn.functional.one_hot(torch.as_tensor(examples.targets), 3).float()
        right[::3] = right[::3].roll(1, dims=1)
        return right * sharpness

    return Final(name, Score({}, 0), outputs, 1.0)


def test_the_temperature_makes_a_network_that_is_too_sure_less_sure(workshop):
    assert scoring.calibrated(answering("sure", 20.0), workshop) > 2.0
    assert scoring.calibrated(answering("unsure", 0.5), workshop) < 1.0


def test_every_network_is_scored_on_the_test_split(workshop):
    trained = [answering("fixed", 2.0), answering("searched", 3.0)]
    _, tests, gaps = scoring.look(trained, trained[1], 1.5, workshop)
    assert set(tests) == {"fixed", "searched"}
    assert tests["fixed"]["accuracy"] == pytest.approx(2 / 3, abs=0.01)
    assert gaps == {"fixed": (0.0, 0.0)}  # both know the same examples


def test_how_far_others_are_behind_is_told_of_the_same_examples(workshop):
    def none(examples):
        return torch.nn.functional.one_hot(torch.as_tensor(examples.targets), 3).float().roll(1, dims=1)

    chosen, n = answering("searched", 3.0), len(workshop.splits.test)
    _, tests, gaps = scoring.look([chosen, Final("poor", Score({}, 0), none, 1.0)], chosen, 1.0, workshop)
    known = tests["searched"]["accuracy"]
    assert gaps["poor"] == (pytest.approx(known), pytest.approx((known / n) ** 0.5))


def test_predictions_are_the_chosen_networks_with_the_temperature(workshop):
    chosen, splits = answering("searched", 3.0), workshop.splits
    predictions, _, _ = scoring.look([answering("fixed", 9.0), chosen], chosen, 1.5, workshop)
    for name in ("valid", "test"):
        raw = chosen.outputs(splits.by_name[name])
        np.testing.assert_allclose(predictions[name], torch.softmax(raw / 1.5, 1), rtol=1e-5)
        np.testing.assert_allclose(predictions[f"{name}_raw"], torch.softmax(raw, 1), rtol=1e-5)
        assert (predictions[f"{name}_labels"] == splits.by_name[name].targets).all()


def test_a_regression_target_is_predicted_in_its_own_unit():
    targets = np.array([10.0, 20.0, 30.0])
    split = types.SimpleNamespace(targets=targets)
    splits = types.SimpleNamespace(
        test=split,
        valid=split,
        by_name={"test": split, "valid": split},
        task=regression(NUMBERS, "y"),
        target_statistics=(20.0, 10.0),
    )
    chosen = Final("fixed", Score({}, 0), lambda examples: torch.tensor([[-1.0], [0.0], [1.0]]), 1.0)
    predictions, tests, _ = scoring.look([chosen], chosen, 1.0, Workshop(Tables(), splits, torch.device("cpu")))
    np.testing.assert_allclose(predictions["test"], targets)
    assert tests["fixed"]["r2"] == pytest.approx(1.0) and not [name for name in predictions if name.endswith("_raw")]


def test_predictions_are_read_as_they_were_saved(tmp_path):
    assert scoring.saved(tmp_path) is None
    kept = {"test": np.eye(2, dtype=np.float32), "test_labels": np.array([0, 1])}
    scoring.save(kept, tmp_path)
    again = scoring.saved(tmp_path)
    assert set(again) == set(kept) and all((again[name] == kept[name]).all() for name in kept)
    assert [file.name for file in tmp_path.iterdir()] == [scoring.PREDICTIONS]
