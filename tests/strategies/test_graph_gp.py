"""The Gaussian process as a strategy: what it asks for, what it answers with, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest

from archsmith.core.budget import Budget
from archsmith.core.errors import EvaluationError, UsageError
from archsmith.core.history import History
from archsmith.core.problem import Constraint, Fidelity, Objective, Problem
from archsmith.core.trial import Outcome, Proposal, Trial
from archsmith.evaluators.table import TableEvaluator
from archsmith.runtime.search import Search
from archsmith.spaces.nasbench201 import NasBench201
from archsmith.strategies.graph_gp import GraphGP
from archsmith.strategies.random import RandomSearch
from archsmith.strategies.space_facts import connected
from archsmith.testing.strategy_laws import Rehearsal
from archsmith.testing.toys import Flat, Mixed, Recursive, ToyEvaluator

CELLS = NasBench201()


def run(rehearsal: Rehearsal, strategy: object, n_trials: int) -> list[Trial]:
    while len(rehearsal.history) < n_trials and (trials := rehearsal.ask(strategy)):  # type: ignore[arg-type]
        for trial in trials:
            rehearsal.finish(trial)
    return rehearsal.history.trials


def tell(rehearsal: Rehearsal, trial: Trial, accuracy: float) -> None:
    rehearsal.log("finished", {"trial": trial.id, "outcome": Outcome.success({"accuracy": accuracy}).to_dict()})


def n_convolutions(trial: Trial) -> int:
    return sum(answer == "nor_conv_3x3" for answer in CELLS.live(trial.architecture).values())


def test_random_at_first_then_by_the_model() -> None:
    trials = run(Rehearsal(Problem(Flat(4, 5))), GraphGP(n_start=4), 8)
    assert [trial.notes["operator"] for trial in trials] == ["first"] + ["sample"] * 3 + ["model"] * 4
    assert trials[7].notes["deviation"] > 0


def test_the_first_cells_are_connected() -> None:
    strategy = GraphGP(n_start=40)
    trials = run(Rehearsal(Problem(CELLS)), strategy, 40)  # 40 % of all cells are not
    assert all(connected(CELLS.sketch(trial.architecture)) for trial in trials)


def test_it_finds_what_a_score_depends_on() -> None:
    rehearsal = Rehearsal(Problem(CELLS))
    for _ in range(14):
        (trial,) = rehearsal.ask(GraphGP())
        tell(rehearsal, trial, n_convolutions(trial) / 6)
    assert max(n_convolutions(trial) for trial in rehearsal.history.trials) == 6  # 1 of 15,625 cells


def n_different(a: Trial, b: Trial) -> int:
    return sum(
        a.architecture.get(path) != b.architecture.get(path) for path in a.architecture.keys() | b.architecture.keys()
    )


def test_in_a_small_space_the_parent_is_the_nearest_trial_with_a_score_that_a_mutation_could_have_changed() -> None:
    rehearsal = Rehearsal(Problem(CELLS))
    for i in range(14):
        (trial,) = rehearsal.ask(GraphGP())
        if i == 6:
            rehearsal.finish(trial, failed=True)
        else:
            tell(rehearsal, trial, n_convolutions(trial) / 6)
    trials = rehearsal.history.trials
    assert all(trial.parents == () for trial in trials[:5])
    for trial in trials[5:]:
        distances = {other.id: n_different(trial, other) for other in trials[: trial.id] if other.id != 6}
        assert [distances[parent] for parent in trial.parents] == [n for n in [min(distances.values())] if n <= 2]
    assert {len(trial.parents) for trial in trials[5:]} == {0, 1}


def test_in_a_large_space_the_parent_is_what_was_mutated() -> None:
    rehearsal = Rehearsal(Problem(Flat(10, 5)))
    run(rehearsal, GraphGP(), 20)
    by_model = [trial for trial in rehearsal.history.trials if trial.notes["operator"] == "model"]
    children = [trial for trial in by_model if trial.parents]
    assert len(children) >= len(by_model) // 2  # two thirds of the candidates, and the better ones
    assert all(n_different(trial, rehearsal.history.trials[trial.parents[0]]) <= 2 for trial in children)


def test_workers_do_not_crowd_together() -> None:
    rehearsal = Rehearsal(Problem(CELLS))
    for _ in range(10):
        (trial,) = rehearsal.ask(GraphGP())
        tell(rehearsal, trial, n_convolutions(trial) / 6)
    together = rehearsal.ask(GraphGP(), 4)
    assert len({trial.architecture.key for trial in together}) == 4
    (alone,) = GraphGP().ask(rehearsal.history, 1, rehearsal.generator())
    assert rehearsal.history.of(alone.architecture) == []
    assert alone.notes["deviation"] < max(trial.notes["deviation"] for trial in together)  # type: ignore[type-var]


def test_a_failure_is_the_worst_and_a_lost_worker_is_nothing() -> None:
    rehearsal = Rehearsal(Problem(CELLS))
    for _ in range(12):
        (trial,) = rehearsal.ask(GraphGP())
        if n_convolutions(trial) >= 2:
            rehearsal.finish(trial, failed=True)
        else:
            tell(rehearsal, trial, 0.5 + n_convolutions(trial) / 10)
    failing = [trial for trial in rehearsal.history.trials[-4:] if n_convolutions(trial) >= 2]
    assert len(failing) <= 2  # among random cells three in ten
    trial = rehearsal.ask(GraphGP())[0]
    before = GraphGP().incumbent(rehearsal.history)
    rehearsal.log(
        "finished", {"trial": trial.id, "outcome": Outcome.failure(EvaluationError("gone", kind="lost")).to_dict()}
    )
    assert GraphGP().incumbent(rehearsal.history) is before


def test_the_answer_is_the_trial_with_the_best_prediction() -> None:
    rehearsal = Rehearsal(Problem(CELLS))
    rng = np.random.default_rng(0)
    for trial in rehearsal.propose([Proposal(CELLS.sample(rng)) for _ in range(60)]):
        lucky = trial.id == 7  # whatever it is
        tell(rehearsal, trial, 0.99 if lucky else n_convolutions(trial) / 10 + float(rng.normal(0, 0.01)))
    best, answer = rehearsal.history.best(), GraphGP().incumbent(rehearsal.history)
    assert best is not None and best.id == 7 and n_convolutions(best) <= 2
    assert answer is not None and n_convolutions(answer) >= 3


@pytest.mark.parametrize("table", ["digits", "fashion-14-cells"])
def test_without_noise_the_answer_is_the_best_that_was_seen(table: str) -> None:
    evaluator = TableEvaluator(table)
    history = Search(evaluator.problem(), GraphGP(), evaluator, budget=Budget(trials=40)).run().history
    for seen in (history, cut_off(history, 6), cut_off(history, 20)):
        assert GraphGP().incumbent(seen) is seen.best()


def test_with_noise_the_answer_is_what_the_model_believes_in() -> None:
    evaluator = TableEvaluator("fashion-14", noisy=True)
    lost = {True: 0.0, False: 0.0}
    for seed in range(6):
        search = Search(evaluator.problem(), GraphGP(), evaluator, budget=Budget(trials=40), seed=seed)
        history = search.run().history
        assert not history.repeatable
        for believed, answer in ((True, GraphGP().incumbent(history)), (False, history.best())):
            assert answer is not None
            found = evaluator.standing(answer.architecture)
            assert found is not None
            lost[believed] += found.best - found.score
    assert lost[True] < lost[False]


def cut_off(history: History, n_trials: int) -> History:
    """The first trials of a study."""
    rehearsal = Rehearsal(history.problem, repeatable=history.repeatable)
    for trial in history.trials[:n_trials]:
        rehearsal.propose([Proposal(trial.architecture)])
        assert trial.outcome is not None
        rehearsal.log("finished", {"trial": trial.id, "outcome": trial.outcome.to_dict()})
    return rehearsal.history


def test_scores_of_the_beginning_of_a_training_are_not_taken_for_those_of_the_whole() -> None:
    answers = []
    for full in (None, 200):
        rehearsal = Rehearsal(Problem(CELLS, fidelity=Fidelity("epochs", 12, 12, full)), repeatable=True)
        rng = np.random.default_rng(1)
        for trial in rehearsal.propose([Proposal(CELLS.sample(rng)) for _ in range(50)]):
            tell(rehearsal, trial, 0.99 if n_convolutions(trial) == 0 and trial.id > 10 else n_convolutions(trial) / 10)
        answers.append(GraphGP().incumbent(rehearsal.history))
    assert answers[0] is not None and answers[1] is not None
    assert n_convolutions(answers[0]) == 0 < n_convolutions(answers[1])


def test_where_trials_see_the_beginning_only_larger_networks_gain() -> None:
    sizes = []
    for full in (None, 200):
        rehearsal = Rehearsal(Problem(CELLS, fidelity=Fidelity("epochs", 12, 12, full)))
        rng = np.random.default_rng(1)
        for trial in rehearsal.propose([Proposal(CELLS.sample(rng)) for _ in range(50)]):
            size = CELLS.sketch(trial.architecture).numbers["cell params"]
            # small ones seem to be a little better
            tell(rehearsal, trial, 0.5 - 1e-6 * size + 0.02 * float(rng.random()))
        answer = GraphGP().incumbent(rehearsal.history)
        assert answer is not None
        sizes.append(CELLS.sketch(answer.architecture).numbers["cell params"])
    assert sizes[1] > sizes[0]


def test_an_answer_keeps_the_limits() -> None:
    problem = Problem(CELLS, (Objective("accuracy"),), (Constraint("cost", upper=0.28),))
    rehearsal = Rehearsal(problem)
    run(rehearsal, GraphGP(), 30)
    answer = GraphGP().incumbent(rehearsal.history)
    assert answer is not None and answer.feasible


def test_before_there_is_a_model_the_best_is_the_answer() -> None:
    rehearsal = Rehearsal(Problem(CELLS))
    assert GraphGP().incumbent(rehearsal.history) is None
    (trial,) = rehearsal.ask(GraphGP())
    tell(rehearsal, trial, 0.5)
    assert GraphGP().incumbent(rehearsal.history) is trial


@pytest.mark.parametrize("space", [Mixed(), Recursive(), Flat(10, 5)], ids=lambda space: type(space).__name__)
def test_it_beats_random_search_where_there_is_something_to_learn(space: Mixed | Recursive | Flat) -> None:
    evaluator, wins = ToyEvaluator(), 0
    for seed in range(5):
        best = []
        for strategy in (GraphGP(start=False), RandomSearch()):
            rehearsal = Rehearsal(Problem(space), evaluator, seed=seed)
            run(rehearsal, strategy, 40)
            best.append(rehearsal.history.best().loss)  # type: ignore[union-attr]
        wins += best[0] <= best[1]
    # Were both equally good, 5 wins of 5 would come with probability 0.031; seeds are fixed, so that it passes always
    # or never.
    assert wins == 5


@pytest.mark.parametrize("wrong", [{"n_start": 1}, {"beta": -1.0}, {"beta": float("nan")}, {"candidates": 0}])
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=r"GraphGP\b"):
        GraphGP(**wrong)  # type: ignore[arg-type]


def test_several_objectives_are_refused() -> None:
    with pytest.raises(UsageError, match="one objective"):
        Rehearsal(Problem(CELLS, (Objective("accuracy"), Objective("cost", maximize=False)))).ask(GraphGP())
