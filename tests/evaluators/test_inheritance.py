from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from archsmith.core.architecture import Architecture
from archsmith.core.budget import Budget
from archsmith.core.errors import Stopped, UsageError
from archsmith.core.problem import Fidelity, Problem
from archsmith.core.protocols import Context
from archsmith.core.trial import Outcome
from archsmith.data.images.load import load
from archsmith.evaluators.inheritance import CHECKPOINT, START, TRIAL, weights_by_key
from archsmith.evaluators.training import TrainingEvaluator
from archsmith.graphs.network import Network, inherit
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import SqliteStore
from archsmith.spaces.conv_stages import ConvStages, ConvStagesScale
from archsmith.spaces.recipe import ImageRecipe
from archsmith.strategies.evolution import RegularizedEvolution
from archsmith.testing.laws import check_evaluator
from archsmith.training import checkpoint
from archsmith.training.recipe import Recipe

# 10 steps of 32 pictures an epoch, on one thread: about a twentieth of a second.
SPACE = ConvStages((1, 8, 8), n_outputs=10, recipe=ImageRecipe(), scale=ConvStagesScale(filters=4), max_work=2.0)
PARENT = SPACE.first()
CHILD = PARENT.replace({"stage1/kernel": 5})
assert CHILD in SPACE


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def evaluator(tmp_path_factory: pytest.TempPathFactory) -> TrainingEvaluator:
    folder = load("digits", tmp_path_factory.mktemp("data"), seed=0).folder
    recipe = Recipe(batch_size=32)
    return TrainingEvaluator(
        SPACE, str(folder), recipe, n_train=320, n_valid=100, precision="float32", device="cpu", inherit=True
    )


@pytest.fixture(scope="module")
def family(evaluator: TrainingEvaluator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study in which trial 0 is a parent that trained for four epochs."""
    trials = tmp_path_factory.mktemp("trials")
    evaluator.evaluate(PARENT, 4, Context(0, 7, workspace=trials / "0"))
    return trials


@pytest.fixture
def trials(family: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to be changed."""
    return Path(shutil.copytree(family, tmp_path / "trials"))


def child(
    trials: Path, number: int = 1, parents: tuple[int, ...] = (0,), stop: Callable[[], bool] = lambda: False
) -> Context:
    return Context(number, 100 + number, workspace=trials / str(number), parents=parents, stop=stop)


def said(outcome: Outcome) -> dict[str, object]:
    """What must be the same for equal trainings: all but the time that they took."""
    return {**outcome.metrics, **{name: note for name, note in outcome.notes.items() if name != "step_ms"}}


def shared(a: Architecture, b: Architecture) -> float:
    return inherit(Network(SPACE.graph(b), seed=0), Network(SPACE.graph(a), seed=0))


# What a child begins with


def test_a_child_begins_with_what_it_shares_and_trains_less(evaluator: TrainingEvaluator, trials: Path) -> None:
    share = shared(PARENT, CHILD)
    assert 0.2 < share < 0.9
    outcome = evaluator.evaluate(CHILD, 4, child(trials))
    assert outcome.notes["inherited"] == pytest.approx(share, abs=1e-4)
    assert outcome.notes["parent"] == 0 and "parent_lost" not in outcome.notes
    assert outcome.notes["epochs"] == pytest.approx(4 * (1 - share / 2), abs=0.06)  # a whole number of steps
    assert outcome.notes["lineage_epochs"] == 4 + outcome.notes["epochs"]  # type: ignore[operator]


def test_what_it_takes_over_are_parameters_and_neither_averages_nor_statistics(
    evaluator: TrainingEvaluator, trials: Path
) -> None:
    evaluator.evaluate(CHILD, 0.1, child(trials))
    begun, parents = checkpoint.load(trials / "1" / START), checkpoint.load(trials / "0" / CHECKPOINT)
    assert begun is not None and parents is not None
    head = next(node for node in SPACE.graph(PARENT).nodes if node.op == "linear")
    assert torch.equal(begun[0][f"{head.key}.weight"], parents[0][f"network/{head.name}.weight"])
    assert {name.rpartition(".")[2] for name in begun[0]} == {"weight", "bias"}


def test_it_knows_from_the_start_what_its_parent_learnt(evaluator: TrainingEvaluator, trials: Path) -> None:
    other = PARENT.replace({"recipe/cutout": 0.25})
    heir = evaluator.evaluate(other, 0.4, child(trials))
    alone = evaluator.evaluate(other, 0.4, Context(1, 101))
    assert heir.notes["inherited"] == 1.0 and heir.notes["epochs"] == 0.2
    assert heir.metrics["accuracy"] > alone.metrics["accuracy"] + 0.15


def test_a_lineage_adds_up(evaluator: TrainingEvaluator, trials: Path) -> None:
    for number, cutout in enumerate((0.25, 0.5), start=1):
        outcome = evaluator.evaluate(PARENT.replace({"recipe/cutout": cutout}), 2, child(trials, number, (number - 1,)))
        assert (outcome.notes["epochs"], outcome.notes["lineage_epochs"], outcome.notes["parent"]) == (
            1,
            4 + number,
            number - 1,
        )


def test_of_two_parents_the_first_gives_what_it_has_and_the_second_the_rest(
    evaluator: TrainingEvaluator, trials: Path
) -> None:
    other = PARENT.replace({"stage1/kernel": 5, "stage0/kernel": 5})
    assert other in SPACE
    from_scratch = evaluator.evaluate(other, 2, Context(1, 8, workspace=trials / "1"))
    assert from_scratch.notes["inherited"] == 0.0 and from_scratch.notes["lineage_epochs"] == 2
    outcome = evaluator.evaluate(CHILD, 0.2, child(trials, 2, (0, 1)))
    assert outcome.notes["inherited"] == 1.0 and outcome.notes["parent"] == 0
    assert outcome.notes["lineage_epochs"] == 4.1
    begun, first, second = (
        checkpoint.load(trials / file) for file in (f"2/{START}", f"0/{CHECKPOINT}", f"1/{CHECKPOINT}")
    )
    assert begun is not None and first is not None and second is not None
    by_key = [weights_by_key(SPACE.graph(a), found[0]) for a, found in ((PARENT, first), (other, second))]
    for name, tensor in begun[0].items():
        assert torch.equal(tensor, by_key[0].get(name, by_key[1].get(name)))


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_how_much_less_it_trains_is_a_setting(evaluator: TrainingEvaluator, trials: Path, share: float) -> None:
    outcome = replace(evaluator, inherited_epochs=share).evaluate(
        PARENT.replace({"recipe/cutout": 0.25}), 0.8, child(trials)
    )
    assert outcome.notes["epochs"] == 0.8 * share


@pytest.mark.parametrize("wrong", [0.0, 1.5, float("nan")])
def test_a_senseless_share_is_refused(wrong: float) -> None:
    with pytest.raises(UsageError, match="inherited_epochs"):
        TrainingEvaluator(SPACE, "x", inherited_epochs=wrong)


def test_nothing_is_inherited_unless_it_is_asked_for(evaluator: TrainingEvaluator, trials: Path) -> None:
    outcome = replace(evaluator, inherit=False).evaluate(CHILD, 0.4, child(trials))
    assert said(outcome) == said(replace(evaluator, inherit=False).evaluate(CHILD, 0.4, Context(1, 101)))
    assert outcome.notes["epochs"] == 0.4 and "inherited" not in outcome.notes


def test_nobody_is_the_parent_who_gave_nothing(evaluator: TrainingEvaluator, trials: Path) -> None:
    stranger = trials / "5"  # longer trained, and without a weight that anybody else has
    shutil.copytree(trials / "0", stranger)
    (stranger / TRIAL).write_text((stranger / TRIAL).read_text().replace('"epochs": 4.0', '"epochs": 40.0'))
    checkpoint.save(stranger / CHECKPOINT, {"network/nowhere.weight": torch.zeros(1)}, {})
    alone = evaluator.evaluate(CHILD, 0.2, child(trials, 1, (5,)))
    assert alone.notes["inherited"] == 0.0 and alone.notes["lineage_epochs"] == 0.2
    assert "parent" not in alone.notes and "parent_lost" not in alone.notes
    crossed = evaluator.evaluate(CHILD, 0.2, child(trials, 2, (5, 0)))
    assert crossed.notes["inherited"] == pytest.approx(shared(PARENT, CHILD), abs=1e-4) and crossed.notes["parent"] == 0
    assert crossed.notes["lineage_epochs"] == 4 + crossed.notes["epochs"]  # type: ignore[operator]


def test_it_obeys_the_laws_of_evaluators(evaluator: TrainingEvaluator) -> None:
    check_evaluator(evaluator, Problem(SPACE, fidelity=Fidelity("epochs", 0.5, 2)), n_architectures=1, fidelity=0.5)


# What is not there


def test_where_nothing_is_left_of_the_parent_it_begins_from_scratch_and_says_so(
    evaluator: TrainingEvaluator, trials: Path
) -> None:
    alone = evaluator.evaluate(CHILD, 0.4, Context(1, 101))
    gone = evaluator.evaluate(CHILD, 0.4, child(trials, parents=(9,)))
    no_files = evaluator.evaluate(CHILD, 0.4, Context(1, 101, parents=(0,)))
    (trials / "0" / CHECKPOINT).write_text("half of a")
    spoilt = evaluator.evaluate(CHILD, 0.4, replace(child(trials, 2), seed=101))
    assert alone.notes["epochs"] == 0.4 and "parent_lost" not in alone.notes
    assert said(gone) == said(no_files) == said(spoilt) == {**said(alone), "parent_lost": True}


def test_a_parent_that_is_still_training_gives_nothing(evaluator: TrainingEvaluator, trials: Path) -> None:
    record = trials / "0" / TRIAL
    record.write_text(record.read_text().replace('"epochs": 4.0', '"epochs": null'))
    assert evaluator.evaluate(CHILD, 0.2, child(trials)).notes["parent_lost"] is True


def test_a_promoted_trial_whose_shorter_training_is_gone_says_so(evaluator: TrainingEvaluator, trials: Path) -> None:
    evaluator = replace(evaluator, inherit=False)
    fresh = evaluator.evaluate(PARENT, 1, Context(1, 101))
    lost = evaluator.evaluate(PARENT, 1, replace(child(trials, 1, (9,)), continues=True))
    no_files = evaluator.evaluate(PARENT, 1, Context(1, 101, parents=(9,), continues=True))
    assert said(lost) == said(no_files) == {**said(fresh), "parent_lost": True}
    longer = evaluator.evaluate(PARENT, 2, replace(child(trials, 2, (1,)), continues=True))  # finds what began anew
    assert said(longer) == said(evaluator.evaluate(PARENT, 2, Context(1, 101)))
    for number, spoil in ((3, Path.unlink), (4, lambda file: file.write_bytes(b""))):  # after a power cut, say
        spoil(trials / "0" / CHECKPOINT)
        again = evaluator.evaluate(PARENT, 1, replace(child(trials, number, (0,)), seed=101, continues=True))
        assert said(again) == {**said(fresh), "parent_lost": True}


# Kills


def interrupted(
    evaluator: TrainingEvaluator, architecture: Architecture, fidelity: float, context: Context, after: float
) -> None:
    """An attempt that is stopped once ``after`` epochs have been reported (0: in its first step)."""
    epochs = [0.0]
    stopping = replace(context, stop=lambda: epochs[-1] >= after and (context.workspace / TRIAL).exists())  # type: ignore[operator]
    with pytest.raises(Stopped):
        evaluator.evaluate(
            architecture, fidelity, replace(stopping, report=lambda epoch, metrics: epochs.append(epoch))
        )


@pytest.mark.parametrize("after", [0, 1])
def test_a_killed_attempt_ends_as_an_unbroken_one_though_the_parent_is_gone(
    evaluator: TrainingEvaluator, trials: Path, after: float
) -> None:
    unbroken = evaluator.evaluate(CHILD, 2.5, child(trials))
    again = replace(child(trials, 2), seed=101)
    interrupted(evaluator, CHILD, 2.5, again, after)
    assert (trials / "2" / CHECKPOINT).exists() == (after > 0)
    shutil.rmtree(trials / "0")
    assert said(evaluator.evaluate(CHILD, 2.5, again)) == said(unbroken)


def test_what_a_kill_left_before_anything_was_decided_counts_for_nothing(
    evaluator: TrainingEvaluator, trials: Path
) -> None:
    (trials / "1").mkdir()
    checkpoint.save(trials / "1" / START, {"some/key.weight": torch.zeros(1)}, {})
    left_over = evaluator.evaluate(CHILD, 0.4, child(trials, parents=(9,)))
    assert said(left_over) == {**said(evaluator.evaluate(CHILD, 0.4, Context(1, 101))), "parent_lost": True}
    assert not (trials / "1" / START).exists()


# Together with the rest


@pytest.mark.parametrize("short", [4, 3])
def test_a_longer_trial_goes_on_from_a_child(evaluator: TrainingEvaluator, trials: Path, short: int) -> None:
    heir = PARENT.replace({"recipe/cutout": 0.25})
    evaluator.evaluate(heir, short, child(trials, 1))  # 2 epochs, or 1.5 of them
    in_one = evaluator.evaluate(heir, 6, replace(child(trials, 2), seed=101))
    shutil.rmtree(trials / "0")
    longer = evaluator.evaluate(heir, 6, child(trials, 3, (1,)))
    assert said(longer) == said(in_one)
    assert longer.notes["epochs"] == 3 and longer.notes["lineage_epochs"] == 7


def test_children_of_an_evolution_inherit(evaluator: TrainingEvaluator, tmp_path: Path) -> None:
    problem = Problem(SPACE, fidelity=Fidelity("epochs", 0.5, 0.5))
    search = Search(
        problem, RegularizedEvolution(population=3), evaluator, budget=Budget(trials=9), store=SqliteStore(tmp_path)
    )
    trials = search.run().history.trials
    children = [trial for trial in trials if trial.parents]
    assert len(children) == 6
    for trial in children:
        assert trial.outcome is not None
        assert trial.outcome.notes["parent"] == trial.parents[0]  # the default retention keeps a population of five
        mother = trials[trial.parents[0]].architecture
        assert trial.outcome.notes["inherited"] == pytest.approx(shared(mother, trial.architecture), abs=1e-4)
