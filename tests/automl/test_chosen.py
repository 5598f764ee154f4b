"""What a job chose stays in its choice, however the study goes on."""

import dataclasses
import shutil

import pytest
import torch

from archsmith.automl.chosen import chosen_before, keep
from archsmith.automl.final_training import Candidate, Final, Workshop
from archsmith.automl.job import fit
from archsmith.automl.modalities.tables import Tables
from archsmith.automl.settings import FitSettings
from archsmith.bundle.manifest import Origin
from archsmith.bundle.predictor import Predictor
from archsmith.graphs.network import Network
from archsmith.runtime.study_view import read_view
from archsmith.runtime.workspace import Workspace
from archsmith.training.recipe import Recipe

ORIGIN = Origin("weights", "MIT", "pictures", "0" * 64)


@pytest.fixture(scope="module")
def final(table_splits):
    graph = Tables().baselines(table_splits, FitSettings("rows.csv"))[0].graph
    candidate = Candidate("tuned", graph, Recipe(batch_size=7), origin=ORIGIN)
    found = Workshop(Tables(), table_splits, torch.device("cpu")).scored(candidate, Network(graph, seed=5).eval())
    return dataclasses.replace(found, seconds=4.0, epochs=2.5, fell=True)


def test_the_network_comes_back_as_it_was(final, table_splits, tmp_path):
    keep(final, tmp_path / "final", 0)
    before = chosen_before(tmp_path / "final", 1)
    workshop = Workshop(Tables(), table_splits, torch.device("cpu"))
    assert torch.equal(workshop.outputs(before.network, table_splits.test), final.outputs(table_splits.test))
    candidate = before.candidate("earlier")
    assert (candidate.name, candidate.graph, candidate.origin) == ("earlier", final.candidate.graph, ORIGIN)
    assert candidate.recipe == final.candidate.recipe and candidate.trained
    assert (before.trial, before.fixed, before.facts["seconds"], before.facts["epochs"]) == (None, False, 4.0, 2.5)
    assert before.facts["fell"] is True


def test_only_what_an_earlier_round_chose_counts_and_the_last_one_does(final, tmp_path):
    def marked(seconds: float) -> Final:
        return dataclasses.replace(final, seconds=seconds)

    assert chosen_before(tmp_path, 0) is None
    for round in range(4):
        keep(marked(float(round)), tmp_path, round)
        before = chosen_before(tmp_path, round)
        assert before is None if round == 0 else before.facts["seconds"] == round - 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["chosen.2.safetensors", "chosen.3.safetensors"]


def test_a_damaged_file_is_no_network(final, tmp_path):
    keep(final, tmp_path, 0)
    (tmp_path / "chosen.0.safetensors").write_bytes(b"half")
    assert chosen_before(tmp_path, 1) is None


def test_more_of_a_study_never_gives_a_worse_network(finished_table, tmp_path, monkeypatch):
    """A law: also where all that is trained or fitted later is no good, and nothing else was kept."""
    shutil.copytree(finished_table.settings.workspace, tmp_path / "workspace")
    study = finished_table.result.study
    settings = dataclasses.replace(
        finished_table.settings,
        workspace=str(tmp_path / "workspace"),
        out=str(tmp_path / "bundle"),  # not that of the job that others look at
        name=study,
        resume=True,
    )

    def spoilt(self, *given, **more):
        final = usual[more.pop("how")](self, *given, **more)
        worst = {name: 0.0 if name == "accuracy" else 9.0 for name in final.score.metrics}
        return dataclasses.replace(final, score=dataclasses.replace(final.score, metrics=worst))

    usual = {name: getattr(Workshop, name) for name in ("train_in_full", "fit_model")}
    for name in usual:
        monkeypatch.setattr(
            Workshop, name, lambda self, *given, how=name, **more: spoilt(self, *given, how=how, **more)
        )
    monkeypatch.setattr("archsmith.automl.pool.Pool.others", lambda self, trained: [])
    before, seen = finished_table.result, []
    for round in (1, 2):
        result = fit(dataclasses.replace(settings, trials=before.n_trials + round))
        (exported,) = [row for row in result.rows if row.exported]
        seen.append(exported.name)
        assert result.valid == exported.valid == before.valid and result.test == before.test
        assert "was no better, so the network from before was exported" in result.why
    assert set(seen) <= {"earlier", "earlier_fixed"}
    folder = Workspace(settings.workspace).resolve(study)
    assert read_view(folder).state == "finished" and Predictor(folder / "final" / "bundle").classes
