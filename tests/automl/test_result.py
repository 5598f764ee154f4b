"""From a finished job to its result, and to the facts that go into the bundle."""

import dataclasses
import shlex
import types

import numpy as np
import pytest
import torch

from archsmith.automl.final_training import Candidate, Final
from archsmith.automl.modalities.tables import Tables
from archsmith.automl.result import command_of, measured, per_class, row_of
from archsmith.automl.settings import FitSettings
from archsmith.bundle.manifest import read
from archsmith.training.goal import Score


def words_of(settings):
    return shlex.split(command_of(settings))


def test_a_network_gets_a_row_with_its_size_and_where_it_was_found(table_splits):
    candidate = dataclasses.replace(Candidate.of(Tables().baselines(table_splits, FitSettings("rows.csv"))[0]), trial=4)
    final = Final("searched", Score({"accuracy": 0.9, "log_loss": 0.2}, 10), None, 2.5, 3.0, candidate)
    row = row_of(final, {"accuracy": 0.8, "log_loss": 0.3}, "accuracy", exported=True)
    assert (row.name, row.valid, row.test, row.params, row.trial) == ("searched", 0.9, 0.8, candidate.params, 4)
    assert (row.valid_metrics["log_loss"], row.test_metrics["log_loss"]) == (0.2, 0.3)
    assert (row.seconds, row.epochs, row.exported) == (2.5, 3.0, True)


def test_a_model_that_is_no_network_has_no_size_and_may_have_no_test_score():
    row = row_of(Final("boosted", Score({"r2": 0.9}, 10), None, 2.5), {}, "r2", exported=False)
    assert (row.params, row.macs, row.trial, row.test) == (None, None, None, None)


def test_predictions_are_measured_on_both_splits():
    splits = types.SimpleNamespace(is_regression=False)
    sure, labels = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1])
    found = measured(splits, {"valid": sure, "valid_labels": labels, "test": sure, "test_labels": labels[::-1]})
    assert (found["valid"]["accuracy"], found["test"]["accuracy"]) == (1.0, 0.0)


def test_regression_targets_are_measured_in_their_unit():
    values = {"valid": np.array([1.0, 4.0]), "valid_labels": np.array([1.0, 2.0])}
    both = {**values, **{name.replace("valid", "test"): array for name, array in values.items()}}
    assert measured(types.SimpleNamespace(is_regression=True), both)["test"]["mae"] == pytest.approx(1.0)


def test_every_class_has_its_own_precision_and_recall():
    test = types.SimpleNamespace(targets=np.array([0, 0, 1]))
    splits = types.SimpleNamespace(classes=("cat", "dog"), test=test)
    cat, dog = per_class(splits, np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9]]))
    assert (cat["name"], cat["n"], cat["precision"], cat["recall"]) == ("cat", 2, 1.0, 0.5)
    assert (dog["name"], dog["precision"], dog["recall"]) == ("dog", 0.5, 1.0)


@pytest.mark.parametrize("kind", ["finished", "finished_table"])
def test_the_bundle_knows_how_it_came_about(kind, request):
    job = request.getfixturevalue(kind)
    facts, result = read(job.settings.out).facts, job.result
    assert (facts.study, facts.seed, facts.search["n_trials"]) == (result.study, 0, 2)
    assert facts.metrics == result.metrics
    assert [(row.name, row.test) for row in facts.rows] == [(row.name, row.test) for row in result.rows]
    assert sum(facts.data["class_counts"].values()) == facts.data["n_train"]
    assert len(facts.per_class) == len(facts.data["class_counts"])
    assert facts.search["space"] == {"finished": "pictures", "finished_table": "tabular"}[kind]


def test_a_result_says_where_the_bundle_and_the_report_lie(finished):
    assert finished.result.model_dir == finished.settings.out
    assert finished.result.report.endswith("final/report.html")


# The command that repeats a job


def test_what_is_at_its_default_is_left_out_of_the_command():
    assert command_of(FitSettings("digits")) == "archsmith fit digits --time 1200s --seed 0"


def test_the_command_says_every_choice_that_makes_a_difference():
    settings = FitSettings("rows.csv", None, 9, seed=3, modality="table", target="price", balance=True, space="tabular")
    words = words_of(settings)
    assert words[:3] == ["archsmith", "fit", "rows.csv"] and "--balance" in words and "--time" not in words
    for flag, value in (("--trials", "9"), ("--seed", "3"), ("--modality", "table"), ("--target", "price")):
        assert words[words.index(flag) + 1] == value


def test_what_is_true_unless_denied_is_said_where_it_was_denied():
    assert "--no-pretrained" in words_of(FitSettings("photos", pretrained=False))
    assert not [word for word in words_of(FitSettings("photos")) if "pretrained" in word]


@pytest.mark.parametrize("value", ["my folder/rows.csv", "it's.csv"])
def test_words_with_spaces_and_quotes_stay_one_word(value):
    assert words_of(FitSettings(value))[2] == value
    words = words_of(FitSettings("rows.csv", target=value))
    assert words[words.index("--target") + 1] == value


def test_the_command_names_nothing_of_this_machine():
    settings = FitSettings("d", out="/home/me/out", workspace="/home/me/w", name="mine", workers=8, memory_mb=5.0)
    assert "me" not in command_of(settings).replace("--time", "") and "--workers" not in command_of(settings)


def test_data_in_memory_have_a_stand_in():
    assert command_of(FitSettings((torch.zeros(2, 2), [0, 1]))).startswith("archsmith fit DATA ")
