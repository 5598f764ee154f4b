"""Tables: what a job is given of them, and a whole job on one."""

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from archsmith.automl.job import fit
from archsmith.automl.modalities.tables import Tables
from archsmith.automl.scoring import saved
from archsmith.automl.settings import FitSettings
from archsmith.bundle.predictor import Predictor
from archsmith.data.stored import opened
from archsmith.data.tables.examples import TableSplits
from archsmith.graphs.cost import cost
from archsmith.graphs.network import Network
from archsmith.runtime.study_view import read_view
from archsmith.runtime.workspace import Workspace
from archsmith.training.measure import outputs


@pytest.fixture
def modality():
    return Tables()


def as_regression(splits):
    """The same rows with the third number as what is to be predicted."""
    parts = {
        name: dataclasses.replace(rows, targets=np.nan_to_num(rows.numbers[:, 2]).astype(np.float64), classes=())
        for name, rows in splits.by_name.items()
    }
    return TableSplits(**parts, name="t", columns=splits.columns, names=splits.names)


# What a job is given


def test_the_linear_baseline_has_a_weight_for_every_number_gap_and_category(modality, table_splits):
    linear = modality.baselines(table_splits, FitSettings("rows.csv"))[0]
    # 3 numbers and their 3 gaps with a bias, and 2 + 3 categories with one code each for what is unknown
    assert cost(linear.graph).params == (6 + 1) * 3 + 7 * 3
    assert linear.what == "logistic regression on the columns"
    assert (
        modality.baselines(as_regression(table_splits), FitSettings("rows.csv"))[0].what
        == "linear regression on the columns"
    )


@pytest.mark.parametrize("balanced", [True, False])
def test_the_linear_baseline_lets_classes_count_as_the_job_does(modality, table_splits, balanced):
    splits = dataclasses.replace(table_splits, balanced=balanced)
    assert (modality.baselines(splits, FitSettings("rows.csv"))[0].goal.weights is not None) is balanced


@pytest.mark.parametrize("kind", ["number", "category"])
def test_networks_fit_tables_of_one_kind_of_column(modality, table_splits, kind):
    keep = tuple(column for column in table_splits.columns if column.kind == kind)
    parts = {
        name: dataclasses.replace(
            rows,
            columns=keep,
            numbers=rows.numbers if kind == "number" else rows.numbers[:, :0],
            categories=rows.categories if kind == "category" else rows.categories[:, :0],
        )
        for name, rows in table_splits.by_name.items()
    }
    splits = dataclasses.replace(table_splits, **parts, columns=keep)
    space, architecture = modality.fixed(splits)
    for graph in (modality.baselines(splits, FitSettings("rows.csv"))[0].graph, space.graph(architecture)):
        found = outputs(Network(graph, seed=0), splits.valid, splits.pipeline(), device=torch.device("cpu"))
        assert found.shape == (len(splits.valid), 3)
    assert modality.intake(splits).fits(splits.task)


def test_raw_rows_are_what_the_exported_model_takes(modality, table_splits):
    rows = modality.raw(table_splits.test, np.array([2, 0]))
    assert [set(row) for row in rows] == [{"size", "age", "weight", "colour", "place"}] * 2
    given = modality.intake(table_splits).inputs({name: [row[name] for row in rows] for name in rows[0]})
    np.testing.assert_array_equal(given["numbers"].astype(np.float32), table_splits.test.numbers[[2, 0]])


# A whole job


@pytest.fixture(scope="module")
def study(finished_table):
    return Workspace(finished_table.settings.workspace).resolve(finished_table.result.study)


def test_every_row_has_a_score_on_both_splits(finished_table):
    rows = {row.name: row for row in finished_table.result.rows}
    assert list(rows)[:3] == ["linear", "boosted", "fixed"]
    assert all(row.error is None and 0 < row.valid <= 1 and 0 < row.test <= 1 for row in rows.values())
    assert rows["boosted"].params > 1000 and rows["linear"].params == 42


def test_what_can_be_learnt_is_learnt(finished_table):
    assert next(row for row in finished_table.result.rows if row.name == "boosted").valid > 0.75
    assert finished_table.result.valid > 0.6


def test_the_best_of_all_is_exported(finished_table):
    (exported,) = [row for row in finished_table.result.rows if row.exported]
    assert exported.valid == max(row.valid for row in finished_table.result.rows)


def test_the_log_speaks_of_rows(finished_table):
    details = {
        event.data["name"]: event.data["detail"] + event.data.get("exact", "")
        for event in finished_table.events
        if event.kind == "phase" and event.data["state"] == "started"
    }
    assert "rows that nothing was chosen by" in details["test"] and "tabular" in details["search"]


def test_the_bundle_is_the_trained_network(finished_table):
    assert finished_table.result.max_difference <= 1e-4


def test_the_bundle_predicts_from_the_file_what_the_job_predicted(finished_table, study, table_file):
    splits = opened(str(read_view(study).job.fit["data_folder"]))
    predictor = Predictor(finished_table.result.model_dir)
    assert predictor.classes == splits.classes
    given = predictor.predict_proba(splits.test.rows(range(len(splits.test))))
    np.testing.assert_allclose(given, saved(study / "final")["test"], atol=1e-4)
    with table_file.open(newline="", encoding="utf-8") as file:
        truth = [row["kind"] for row in csv.DictReader(file)]
    answers = predictor.predict(str(table_file))
    assert len(answers) == len(truth)
    assert np.mean(np.array(answers) == truth) == pytest.approx(finished_table.result.test, abs=0.15)


def test_the_manifest_says_what_the_columns_are(finished_table, study):
    manifest = json.loads((study / "final" / "bundle" / "manifest.json").read_text(encoding="utf-8"))
    assert [entry["kind"] for entry in manifest["task"]["inputs"]] == ["numbers", "categories"]


def test_the_report_is_whole(finished_table):
    page = Path(finished_table.result.report).read_text(encoding="utf-8")
    assert "could not be made" not in page
    assert "gradient boosting" in page.lower() and "colour" in page


def test_a_study_of_a_table_goes_on_with_more_trials(finished_table, tmp_path):
    workspace = tmp_path / "workspace"
    shutil.copytree(finished_table.settings.workspace, workspace)
    settings = dataclasses.replace(
        finished_table.settings,
        workspace=str(workspace),
        out=str(tmp_path / "bundle"),
        name=finished_table.result.study,
        resume=True,
        trials=3,
    )
    events = []
    result = fit(settings, observer=events.append)
    assert (result.n_trials, result.test_reads) == (3, 2)
    assert sum(event.kind == "finished" for event in events) == 1
    before, after = ({row.name: row for row in found.rows} for found in (finished_table.result, result))
    assert all(after[name].valid == pytest.approx(before[name].valid) for name in ("linear", "boosted"))
    assert result.valid >= finished_table.result.valid  # more time never gives a worse network
