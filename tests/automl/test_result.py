"""From a finished job to its result, and to the facts that go into the bundle."""

import dataclasses
import types
from pathlib import Path

import numpy as np
import pytest

from archsmith.automl.final_training import Candidate, Final
from archsmith.automl.modalities.tables import Tables
from archsmith.automl.result import facts_of, measured, per_class, row_of
from archsmith.automl.settings import FitSettings
from archsmith.bundle.manifest import read
from archsmith.training.goal import Score


def test_a_network_gets_a_row_with_its_size_and_where_it_was_found(table_splits):
    space, first = Tables().fixed(table_splits)
    candidate = Candidate("searched", space.graph(first), Tables().recipe(), trial=4)
    final = Final("searched", Score({"accuracy": 0.9, "log_loss": 0.2}, 10), None, 2.5, 3.0, candidate)
    row = row_of(final, {"accuracy": 0.8, "log_loss": 0.3}, "accuracy", exported=True)
    assert (row.name, row.valid, row.test, row.params, row.trial) == ("searched", 0.9, 0.8, candidate.params, 4)
    assert (row.valid_metrics["log_loss"], row.test_metrics["log_loss"]) == (0.2, 0.3)
    assert (row.seconds, row.epochs, row.exported) == (2.5, 3.0, True)


def test_a_model_that_is_no_network_has_no_size_and_may_have_no_test_score():
    row = row_of(Final("boosted", Score({"r2": 0.9}, 10), None, 2.5), {}, "r2", exported=False)
    assert (row.params, row.macs, row.trial, row.test, row.epochs) == (None, None, None, None, None)


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
    assert facts.search["strategy"].startswith("race(inner=")  # as the study has it
    assert facts.search["weights"] == "own"
    assert facts.search["space"] == {"finished": "pictures", "finished_table": "tabular"}[kind]


def test_the_classes_of_a_table_have_the_name_of_their_column_whatever_it_is(table_splits):
    splits = dataclasses.replace(table_splits, target="value")
    job = types.SimpleNamespace(
        splits=splits,
        settings=FitSettings("things"),
        findings=types.SimpleNamespace(counts={"train": (1,) * len(splits.classes)}, notes=(), warnings=()),
        modality=types.SimpleNamespace(space="tabular"),
        plan=types.SimpleNamespace(pooled=True, weights="own"),
        store=types.SimpleNamespace(folder=Path("study")),
    )
    said = {}
    for part in ("valid", "test"):
        said[f"{part}_labels"] = splits.by_name[part].targets
        said[part] = np.full((len(splits.by_name[part]), len(splits.classes)), 1 / len(splits.classes))
    space, first = Tables().fixed(splits)
    candidate, nothing = Candidate("fixed", space.graph(first), Tables().recipe()), types.SimpleNamespace(finished=())
    facts = facts_of(job, candidate, [], said, history=nothing, reason="trials", seconds=1.0)
    assert facts.data["target"] == "value"


def test_a_result_says_where_the_bundle_and_the_report_lie(finished):
    assert finished.result.model_dir == finished.settings.out
    assert finished.result.report.endswith("final/report.html")
