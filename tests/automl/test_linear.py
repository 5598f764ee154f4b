"""Linear models that are solved: what they learn, and that short time leaves none half learnt."""

import dataclasses

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from archsmith.automl import linear
from archsmith.automl.linear import n_values
from archsmith.automl.modalities.images import Images
from archsmith.automl.modalities.tables import Tables
from archsmith.automl.modality import NetworkBaseline
from archsmith.automl.settings import FitSettings
from archsmith.training.goal import Goal
from archsmith.training.measure import evaluate, outputs

N = 600


def table(tmp_path, target, columns=None):
    """A table of a number, one with gaps and a colour, read and split."""
    rng = np.random.default_rng(5)
    size, age, colour = rng.normal(50, 9, N), rng.normal(0.2, 0.01, N), rng.integers(0, 3, N)
    gaps = rng.random(N) < 0.1
    known = {"size": size.astype(str), "age": np.where(gaps, "", age.astype(str)), "colour": np.array([*"rgb"])[colour]}
    effect = {"size": 3 * size, "age": np.where(gaps, 7.0, 1000 * age), "colour": np.array([20.0, 0, -40.0])[colour]}
    columns = columns or list(known)
    value = target(sum(effect[name] for name in columns))
    rows = zip(*(known[name] for name in columns), value, strict=True)
    (tmp_path / "t.csv").write_text("\n".join([",".join([*columns, "y"]), *(",".join(map(str, row)) for row in rows)]))
    settings = FitSettings(str(tmp_path / "t.csv"), target="y")
    return Tables().load(settings, tmp_path / "data", None, lambda *told: None).splits


def model_of(splits):
    return Tables().baselines(splits, FitSettings("t.csv"))[0]


def score(network, splits):
    goal = Goal.of(splits.task, splits.target_statistics)
    return evaluate(network, splits.valid, splits.pipeline(), goal).metrics


@pytest.mark.parametrize("columns", [["size", "age", "colour"], ["size", "age"], ["colour"]])
def test_data_that_are_linear_are_learnt_exactly(tmp_path, columns):
    splits = table(tmp_path, lambda value: 1e4 + value / 9, columns)
    assert score(model_of(splits).fit(splits.train, 0).network, splits)["r2"] >= 0.999


def test_without_time_most_is_learnt(tmp_path):
    splits = table(tmp_path, lambda value: value)
    assert score(model_of(splits).fit(splits.train, 0, 0.0).network, splits)["r2"] > 0.8


def test_classes_that_a_line_divides_are_told_apart(tmp_path):
    splits = table(tmp_path, lambda value: np.where(value > np.median(value), "yes", "no"))
    assert score(model_of(splits).fit(splits.train, 0).network, splits)["accuracy"] > 0.95


def test_many_rows_are_solved_for_by_some_of_them(tmp_path, monkeypatch):
    splits = table(tmp_path, lambda value: value)
    model = model_of(splits)
    monkeypatch.setattr(linear, "MOST_VALUES", 100 * n_values(model.graph))
    seen = []
    fit_head = linear.fit_head

    def watched(rows, *more, **named):
        seen.append(rows)
        return fit_head(rows, *more, **named)

    monkeypatch.setattr(linear, "fit_head", watched)
    assert score(model.fit(splits.train, 0).network, splits)["r2"] > 0.99
    assert len(seen[0]) == 100


def test_rare_classes_count_alike_where_the_job_says_so(tmp_path):
    splits = table(tmp_path, lambda value: np.where(value + 30 * np.sin(value) > np.quantile(value, 0.93), "yes", "no"))
    balanced = dataclasses.replace(splits, balanced=True)
    networks = [(model_of(each).fit(each.train, 0).network, each) for each in (splits, balanced)]
    recalls = [score(*each)["balanced_accuracy"] for each in networks]
    assert recalls[1] > recalls[0]


def test_the_same_seed_gives_the_same_network(tmp_path):
    splits = table(tmp_path, lambda value: value)
    found = [outputs(model_of(splits).fit(splits.train, 3).network, splits.valid, splits.pipeline()) for _ in range(2)]
    assert torch.equal(*found)


def test_codes_that_no_training_row_has_change_nothing(tmp_path):
    splits = table(tmp_path, lambda value: value, ["size", "colour"])
    network = model_of(splits).fit(splits.train, 0).network
    unknown = splits.valid.take(np.zeros(1))
    object.__setattr__(unknown, "categories", np.zeros((1, 1), np.int64))
    by_size = np.polyfit(splits.train.numbers[:, 0], splits.train.targets, 1)
    mean, std = splits.target_statistics
    found = mean + std * float(outputs(network, unknown, splits.pipeline()))
    assert_allclose(found, np.polyval(by_size, unknown.numbers[0, 0]), atol=15)


def test_small_pictures_are_solved_and_many_large_ones_are_trained_on(monkeypatch, tmp_path):
    settings = FitSettings("digits", pretrained=False)
    splits = Images().load(settings, tmp_path, None, lambda *told: None).splits
    (model,) = Images().baselines(splits, settings)
    assert score(model.fit(splits.train, 0, 60.0).network, splits)["accuracy"] > 0.95
    monkeypatch.setattr("archsmith.automl.modalities.images.MOST_SOLVED", 1_000)
    assert isinstance(Images().baselines(splits, settings)[0], NetworkBaseline)
