"""Trainings in full, of networks and of models that are none."""

import dataclasses

import numpy as np
import pytest
import torch

from archsmith.automl.final_training import Candidate, Workshop
from archsmith.automl.modalities.tables import RECIPE, Tables
from archsmith.data.tables.examples import TableSplits
from archsmith.graphs.network import Network


@pytest.fixture(scope="module")
def workshop(table_splits):
    return Workshop(Tables(), table_splits, torch.device("cpu"))


@pytest.fixture(scope="module")
def candidate(table_splits):
    linear = Tables().baselines(table_splits)[0]
    return dataclasses.replace(Candidate.of(linear), recipe=dataclasses.replace(linear.recipe, batch_size=64))


def train(workshop, candidate, folder, epochs=2.0, **more):
    told = []
    asked = {"seed": 1, "seconds": None, "hurry": lambda: False, "report": lambda *point: told.append(point), **more}
    return workshop.train_in_full(candidate, epochs=epochs, folder=folder, **asked), told


def test_a_candidate_says_its_size_and_where_it_was_found(candidate):
    n_params = sum(array.numel() for array in Network(candidate.graph, seed=0).parameters())
    assert candidate.params == n_params and candidate.macs > 0
    assert candidate.what.startswith(f"{n_params} parameters")
    assert dataclasses.replace(candidate, trial=7).what.startswith("trial 7, ")


def test_a_network_is_trained_for_its_epochs_and_measured_on_the_validation_split(workshop, candidate, tmp_path):
    final, told = train(workshop, candidate, tmp_path)
    assert (final.name, final.epochs, final.score.n) == ("linear", 2.0, len(workshop.splits.valid))
    assert [epoch for epoch, _ in told] == [1.0, 2.0] and all("accuracy" in metrics for _, metrics in told)
    assert (tmp_path / "linear.safetensors").is_file()


def test_its_outputs_are_those_that_were_scored(workshop, candidate, tmp_path):
    final, _ = train(workshop, candidate, tmp_path)
    valid = workshop.splits.valid
    assert workshop.goal.score(final.outputs(valid), valid.targets).metrics == pytest.approx(final.score.metrics)


def test_the_same_seed_trains_the_same_network(workshop, candidate, tmp_path):
    outputs = []
    for name in "ab":
        (tmp_path / name).mkdir()
        outputs.append(train(workshop, candidate, tmp_path / name)[0].outputs(workshop.splits.valid))
    torch.testing.assert_close(*outputs, rtol=0, atol=0)


def test_a_training_that_was_finished_is_not_repeated(workshop, candidate, tmp_path):
    first, _ = train(workshop, candidate, tmp_path)
    again, told = train(workshop, candidate, tmp_path)
    assert again.epochs == 2.0 and [epoch for epoch, _ in told] == [2.0]
    assert again.score.metrics == pytest.approx(first.score.metrics)


def test_a_person_in_a_hurry_gets_fewer_epochs(workshop, candidate, tmp_path):
    final, _ = train(workshop, candidate, tmp_path, epochs=500.0, hurry=lambda: True)
    assert 0 < final.epochs < 500 and final.score.n


def test_a_batch_shrinks_to_the_memory(workshop, candidate):
    wide = dataclasses.replace(candidate, recipe=dataclasses.replace(RECIPE, batch_size=100_000))
    assert workshop.fitted(wide).batch_size == 100_000
    assert dataclasses.replace(workshop, memory_mb=1.0).fitted(wide).batch_size < 100_000


class Means:
    """A model that says the mean regression target of its training rows, plus one."""

    name, what = "mean", "the mean"

    def fit(self, train, seed):
        return lambda examples: np.full(len(examples), train.targets.mean() + 1.0)


def test_a_model_that_is_no_network_is_scored_in_the_unit_of_the_target(table_splits):
    parts = {
        name: dataclasses.replace(rows, targets=1000.0 + 10 * np.nan_to_num(rows.numbers[:, 2]), classes=())
        for name, rows in table_splits.by_name.items()
    }
    parts = {
        name: dataclasses.replace(rows, targets=np.nan_to_num(rows.targets, nan=1000.0)) for name, rows in parts.items()
    }
    splits = TableSplits(**parts, name="t", columns=table_splits.columns, names=table_splits.names)
    final = Workshop(Tables(), splits, torch.device("cpu")).fit_model(Means(), 0)
    wrong = np.abs(splits.valid.targets - splits.train.targets.mean() - 1.0)
    assert final.score.metrics["mae"] == pytest.approx(wrong.mean(), rel=1e-4)
    assert final.candidate is None and final.network is None and final.epochs == 0.0
