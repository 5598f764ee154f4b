"""The bank as an evaluator: laws, scores, and what it says where something does not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.core.budget import Budget
from archsmith.core.errors import EvaluationError, UsageError
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context
from archsmith.core.task import regression
from archsmith.graphs.cost import cost
from archsmith.oneshot.derived import Derived
from archsmith.oneshot.evaluator import SharedWeightsEvaluator
from archsmith.oneshot.preparation import FILE
from archsmith.oneshot.sharing import SharedRecipe
from archsmith.runtime.processes import ProcessExecutor
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import SqliteStore
from archsmith.spaces.conv_stages import ConvStages, ConvStagesScale
from archsmith.spaces.enas_macro import EnasMacro, EnasMacroScale
from archsmith.spaces.enas_micro import EnasMicro, EnasMicroScale
from archsmith.spaces.nasbench201 import NasBench201
from archsmith.spaces.recipe import ImageRecipe
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.strategies.random import RandomSearch
from archsmith.testing.laws import check_evaluator
from archsmith.training import checkpoint

SHAPE: dict[str, Any] = {"input_shape": (1, 8, 8), "n_outputs": 10}
SPACES = {
    "enas_micro": EnasMicro(**SHAPE, nodes=2, scale=EnasMicroScale(4, 3)),
    "enas_macro": EnasMacro(**SHAPE, layers=3, scale=EnasMacroScale(4)),
    "conv_stages": ConvStages(**SHAPE, recipe=ImageRecipe(), scale=ConvStagesScale(4)),
}


def prepared(evaluator: SharedWeightsEvaluator, folder: Path) -> Context:
    """The context of a trial after ``evaluator`` was prepared in ``folder``."""
    evaluator.prepare(Problem(evaluator.space), Context(-1, 0, workspace=folder))
    return Context(0, 0, prepared=folder)


@pytest.mark.parametrize("sampler", ["uniform", "fair", "controller"])
def test_it_keeps_the_laws_of_evaluators(evaluator: SharedWeightsEvaluator, sampler: str) -> None:
    evaluator = replace(evaluator, sampler=sampler)
    check_evaluator(evaluator, Problem(evaluator.space))


def test_without_a_preparation_there_is_no_score(
    evaluator: SharedWeightsEvaluator, space: NasBench201, tmp_path: Path
) -> None:
    architecture = space.sample(np.random.default_rng(0))
    for context in (Context(0, 0), Context(0, 0, prepared=tmp_path)):
        with pytest.raises(EvaluationError, match="not trained yet"):
            replace(evaluator, seed=9).evaluate(architecture, 1, context)


def test_a_bank_on_disk_scores_like_the_one_in_memory(
    evaluator: SharedWeightsEvaluator, space: NasBench201, tmp_path: Path
) -> None:
    architectures = [space.sample(np.random.default_rng(i)) for i in range(3)]
    evaluator.prepare(Problem(space), Context(-1, 0))
    in_memory = [evaluator.evaluate(architecture, 1, Context(0, 0)).metrics for architecture in architectures]
    context = prepared(evaluator, tmp_path)
    assert [evaluator.evaluate(architecture, 1, context).metrics for architecture in architectures] == in_memory


def test_a_bank_belongs_to_the_settings_that_it_was_trained_with(
    evaluator: SharedWeightsEvaluator, space: NasBench201, tmp_path: Path
) -> None:
    context = prepared(evaluator, tmp_path)
    architecture = space.sample(np.random.default_rng(0))
    with pytest.raises(EvaluationError, match="not trained yet"):
        replace(evaluator, recipe=replace(evaluator.recipe, learning_rate=0.1)).evaluate(architecture, 1, context)
    fewer = replace(evaluator, n_eval=1, share=0.3)  # neither changes a weight
    assert 0 <= fewer.evaluate(architecture, 1, context).metrics["accuracy"] <= 1


def test_a_named_folder_serves_several_studies(
    evaluator: SharedWeightsEvaluator, space: NasBench201, tmp_path: Path
) -> None:
    kept = replace(evaluator, folder=str(tmp_path / "bank"))
    notes = kept.prepare(Problem(space), Context(-1, 0, workspace=tmp_path / "one"))
    again = kept.prepare(Problem(space), Context(-1, 5, workspace=tmp_path / "other"))
    assert again == {**notes, "elsewhere": True}
    assert [path.name for path in tmp_path.rglob("*.*")] == [f"bank-{kept._fingerprint}.safetensors"]  # no draft
    assert 0 <= kept.evaluate(space.sample(np.random.default_rng(0)), 1, Context(0, 0)).metrics["accuracy"] <= 1


def test_a_shared_folder_keeps_a_bank_for_each_recipe(
    evaluator: SharedWeightsEvaluator, space: NasBench201, tmp_path: Path
) -> None:
    one = replace(evaluator, folder=str(tmp_path / "banks"))
    other = replace(one, recipe=replace(one.recipe, learning_rate=0.1))
    architecture, scores = space.sample(np.random.default_rng(0)), []
    for each in (one, other, one, other):
        notes = each.prepare(Problem(space), Context(-1, 0, workspace=tmp_path / str(len(scores))))
        assert ("elsewhere" in notes) == (len(scores) >= 2)  # neither was replaced
        scores.append(each.evaluate(architecture, 1, Context(0, 0)).metrics)
    assert scores[:2] == scores[2:] and scores[0] != scores[1]


@pytest.mark.parametrize("shared", [False, True])
def test_the_process_that_trained_a_bank_does_not_read_it_again(
    evaluator: SharedWeightsEvaluator, shared: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = replace(evaluator, folder=str(tmp_path / "banks") if shared else None)
    context, space = prepared(one, tmp_path / "study"), one.space
    read: list[Path] = []
    load = checkpoint.load
    monkeypatch.setattr(checkpoint, "load", lambda path: (read.append(path), load(path))[1])
    architectures = [space.sample(np.random.default_rng(i)) for i in range(3)]
    first = [one.evaluate(architecture, 1, context).metrics for architecture in architectures]
    assert not read
    other = prepared(replace(one, seed=1, folder=None), tmp_path / "other")  # which takes the place of the first one
    replace(one, seed=1, folder=None).evaluate(architectures[0], 1, other)
    assert [one.evaluate(architecture, 1, context).metrics for architecture in architectures] == first
    assert len(read) == 2  # the other study looked for what it may go on from


def test_a_bank_that_another_process_replaced_is_read_again(evaluator: SharedWeightsEvaluator, tmp_path: Path) -> None:
    context = prepared(evaluator, tmp_path / "study")
    architecture = evaluator.space.sample(np.random.default_rng(0))
    assert evaluator.evaluate(architecture, 1, context).ok
    (tmp_path / "study" / FILE).unlink()
    with pytest.raises(EvaluationError, match="not trained yet"):
        evaluator.evaluate(architecture, 1, context)


def test_trials_do_not_make_the_bank_grow(evaluator: SharedWeightsEvaluator, tmp_path: Path) -> None:
    # a bank of one step has few of the weights that trials ask for
    brief = replace(evaluator, recipe=SharedRecipe(batch_size=32, epochs=0.1, restarts=0), candidates=0)
    context = prepared(brief, tmp_path)
    bank, rng = brief._shared(context).bank, np.random.default_rng(0)
    keys, size = bank.manifest(), sum(tensor.numel() for tensor in bank.tensors().values())
    outcomes = [brief.evaluate(brief.space.sample(rng), 1, context) for _ in range(6)]
    assert any(outcome.notes.get("untrained", 0.0) for outcome in outcomes)
    assert bank.manifest() == keys and sum(tensor.numel() for tensor in bank.tensors().values()) == size


@pytest.mark.parametrize("name", SPACES)
def test_it_works_on_spaces_as_they_are(evaluator: SharedWeightsEvaluator, name: str, tmp_path: Path) -> None:
    space = SPACES[name]
    one = replace(evaluator, space=space, recipe=SharedRecipe(batch_size=32, epochs=1), sampler="controller")
    context = prepared(one, tmp_path)
    architecture = space.sample(np.random.default_rng(1))
    outcome = one.evaluate(architecture, 1, context)
    size = cost(space.graph(architecture))  # of the form that is trained in the end
    assert (outcome.metrics["params"], outcome.metrics["macs"]) == (size.params, size.macs)
    assert 0 <= outcome.notes.get("untrained", 0.0) <= 1


@pytest.mark.parametrize("strategy", [RandomSearch(), RegularizedEvolution(population=4, sample_size=2), Derived()])
def test_any_strategy_can_ask_it(evaluator: SharedWeightsEvaluator, strategy: Any, tmp_path: Path) -> None:
    found = Search(
        Problem(evaluator.space), strategy, evaluator, budget=Budget(trials=3), store=SqliteStore(tmp_path)
    ).run()
    assert len(found.history.finished) == 3 and found.best is not None
    assert found.history.prepared is not None and len(found.history.prepared["derived"]) == 3
    if isinstance(strategy, Derived):
        assert [dict(trial.architecture) for trial in found.history.trials] == [
            row["architecture"] for row in found.history.prepared["derived"]
        ]


def test_worker_processes_find_the_bank(evaluator: SharedWeightsEvaluator, tmp_path: Path) -> None:
    # a whole number where a float belongs: workers are told 1.0
    evaluator = replace(evaluator, recipe=SharedRecipe(epochs=1))
    problem, store = Problem(evaluator.space), SqliteStore(tmp_path / "study")
    found = Search(
        problem, RandomSearch(), evaluator, budget=Budget(trials=4), store=store, executor=ProcessExecutor(2)
    ).run()
    for trial in found.history.trials:
        here = evaluator.evaluate(trial.architecture, 1, Context(0, 0, prepared=tmp_path / "study" / "prepared"))
        assert trial.metrics == here.metrics


def test_the_batch_shrinks_until_networks_fit_into_memory(
    evaluator: SharedWeightsEvaluator, space: NasBench201, tmp_path: Path
) -> None:
    small = replace(evaluator, memory_mb=1.0)
    assert small._fitting(space).batch_size < evaluator.recipe.batch_size
    with pytest.raises(EvaluationError) as caught:
        replace(evaluator, memory_mb=0.001).prepare(Problem(space), Context(-1, 0, workspace=tmp_path))
    assert caught.value.kind == "memory"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"sampler": "greedy"}, "sampler"),
        ({"share": 1.0}, "share"),
        ({"n_eval": 0}, "n_eval"),
        ({"candidates": -1}, "candidates"),
    ],
)
def test_senseless_settings_are_refused(evaluator: SharedWeightsEvaluator, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        replace(evaluator, **wrong)


def test_what_does_not_belong_together_is_said(evaluator: SharedWeightsEvaluator) -> None:
    bigger = NasBench201((3, 8, 8), n_outputs=10)
    for wrong, words in (
        (replace(evaluator, space=bigger), r"\(3, 8, 8\)"),
        (replace(evaluator, task=regression(evaluator.learnt.inputs)), "classes"),
    ):
        with pytest.raises(EvaluationError, match=words):
            wrong.prepare(Problem(wrong.space), Context(-1, 0))
