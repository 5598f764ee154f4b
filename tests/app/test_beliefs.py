"""What strategies believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archsmith.app import beliefs
from archsmith.app.beliefs import beliefs_of, has_history
from archsmith.app.lineage import lineage_of
from archsmith.core.budget import Budget
from archsmith.core.problem import Problem
from archsmith.core.records import Preparing
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import SqliteStore
from archsmith.runtime.study_view import StudyView, read_view
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.graph_gp import GraphGP
from archsmith.strategies.random import RandomSearch
from archsmith.strategies.tabular import TabularReinforce
from archsmith.testing.toys import Flat, ToyEvaluator


def searched(folder: Path, strategy: Any, trials: int = 20) -> StudyView:
    store = SqliteStore(folder / "study")
    (folder / "study").mkdir()
    Search(Problem(Flat()), strategy, ToyEvaluator(), budget=Budget(trials=trials), store=store).run()
    store.close()
    return read_view(folder / "study")


def test_a_policy_tells_how_sure_it_is_of_each_decision(tmp_path: Path) -> None:
    (found,) = beliefs_of(searched(tmp_path, TabularReinforce()))
    assert found.title == "What the policy learnt" and "decisions" in found.lead
    assert {key.name for key in found.keys} <= {*Flat().first()} or found.keys
    assert all(key.end.endswith("%") for key in found.keys)
    assert len(found.charts) == 2 and all("<svg" in svg for svg in found.charts)


def test_a_surrogate_tells_what_it_expected(tmp_path: Path) -> None:
    found = beliefs_of(searched(tmp_path, GraphGP(), 40))
    assert [belief.title for belief in found] == ["How well the surrogate predicted the scores"]
    assert "rank correlation" in found[0].lead


def test_a_controller_of_shared_weights_tells_what_it_learnt() -> None:
    view = StudyView("controlled")
    for epoch in range(1, 5):
        told = {"reward": 0.1 * epoch, "baseline": 0.08 * epoch, "entropy": 2.0 / epoch}
        view.preparation.take(Preparing(float(epoch), told), float(epoch))
    (found,) = beliefs_of(view)
    assert found.title == "What the controller learnt" and len(found.charts) == 2


def test_who_noted_nothing_believed_nothing(tmp_path: Path) -> None:
    assert beliefs_of(searched(tmp_path, RandomSearch())) == ()


def test_a_history_is_offered_where_there_is_one(tmp_path: Path) -> None:
    for name, strategy, told in (
        ("random", RandomSearch(), False),
        ("policy", TabularReinforce(), True),
        ("evolution", RegularizedEvolution(population=4, sample_size=2), True),
    ):
        folder = tmp_path / name
        folder.mkdir()
        view = searched(folder, strategy)
        assert has_history(view) is told
        assert (bool(beliefs_of(view)) or lineage_of(view) is not None) is told


def test_what_cannot_be_read_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    view = searched(tmp_path, TabularReinforce())

    def fails(study: Any) -> None:
        raise ValueError("damaged")

    monkeypatch.setattr(beliefs.policy, "policy_of", fails)
    assert beliefs_of(view) == ()
