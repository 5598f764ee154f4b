"""What the policy-gradient strategies share: which roll-outs teach, and what they are worth."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from archsmith.core.problem import Constraint, Fidelity, Objective, Problem
from archsmith.core.trial import Proposal
from archsmith.strategies.policy import Array, Question, Rollout, rollout_of
from archsmith.strategies.policy_gradient import TRIES, Learner
from archsmith.strategies.tabular import Table, TabularReinforce
from archsmith.testing.strategy_laws import Rehearsal
from archsmith.testing.toys import Flat, Recursive


class Recorder(Table):
    """A policy that never changes and remembers what it was taught."""

    def __init__(self) -> None:
        super().__init__(0.1, 0.0)
        self.lessons: list[tuple[Rollout, float]] = []

    def improve(self, rollouts: Sequence[Rollout], advantages: Array) -> None:
        self.lessons += zip(rollouts, advantages.tolist(), strict=True)


class Stubborn(Recorder):
    """Always takes the first option."""

    def probabilities(self, question: Question) -> Array:
        return np.eye(len(question.labels))[0]


def answers(rollout: Rollout) -> dict[str, int]:
    return {step.question.path: step.taken for step in rollout}


def test_a_trial_teaches_only_once_its_batch_is_complete() -> None:
    rehearsal, policy = Rehearsal(Problem(Flat(6, 10))), Recorder()
    learner = Learner(TabularReinforce(batch=4), policy)
    for i in range(1, 10):
        for trial in rehearsal.propose(learner.propose(rehearsal.history, 1, rehearsal.generator())):
            rehearsal.finish(trial)
        learner.read(rehearsal.history)
        assert len(policy.lessons) == i // 4 * 4
    assert learner.n_updates == 2


def test_repeats_teach_with_their_known_outcome_and_are_not_proposed_again() -> None:
    space, policy = Flat(6, 10), Stubborn()
    rehearsal, learner = Rehearsal(Problem(space)), Learner(TabularReinforce(), policy)
    for _ in range(2):
        for trial in rehearsal.propose(learner.propose(rehearsal.history, 1, rehearsal.generator())):
            rehearsal.finish(trial)
    first, second = rehearsal.history.trials
    assert set(first.architecture.values()) == {0}
    assert json.loads(str(second.notes["repeats"])) == [0] * TRIES
    assert second.notes["operator"] == "mutate"
    assert second.parents == (0,)
    learner.read(rehearsal.history)
    assert len(policy.lessons) == 1 + TRIES  # the first trial and its repeats; the mutation was not the policy's choice
    assert all(set(answers(rollout).values()) == {0} for rollout, _ in policy.lessons)


def test_dead_ends_are_failures() -> None:
    policy, space = Recorder(), Recursive(3, max_nodes=4)
    rehearsal, learner = Rehearsal(Problem(space)), Learner(TabularReinforce(reward="rank"), policy)
    n_dead_ends = 0
    for _ in range(12):
        for trial in rehearsal.propose(learner.propose(rehearsal.history, 1, rehearsal.generator())):
            n_dead_ends += len(json.loads(str(trial.notes.get("dead_ends", "[]"))))
            rehearsal.finish(trial)
    learner.read(rehearsal.history)
    assert n_dead_ends > 2
    complete = {rollout_of(space, architecture, 8) for architecture in space.enumerate()}
    ended = [advantage for rollout, advantage in policy.lessons if rollout not in complete]
    assert len(ended) == n_dead_ends
    assert all(advantage <= 0 for advantage in ended)


def test_trials_of_others_and_at_lower_fidelity_teach_nothing() -> None:
    space, policy = Flat(6, 10), Recorder()
    rehearsal = Rehearsal(Problem(space, fidelity=Fidelity("epochs", 1, 9)))
    learner, rng = Learner(TabularReinforce(), policy), np.random.default_rng(0)
    mine = learner.propose(rehearsal.history, 1, rng)[0]
    proposals = [Proposal(space.sample(rng)), Proposal(mine.architecture, fidelity=1.0, notes=mine.notes), mine]
    for trial in rehearsal.propose(proposals):
        rehearsal.finish(trial)
        learner.read(rehearsal.history)
        assert len(policy.lessons) == (trial.id == 2)


def test_rewards_order_feasible_before_infeasible_before_failed() -> None:
    problem = Problem(Flat(6, 10), (Objective("accuracy"),), (Constraint("cost", upper=0.5),))
    rehearsal, rng = Rehearsal(problem), np.random.default_rng(0)
    for trial in rehearsal.propose([Proposal(problem.space.sample(rng)) for _ in range(40)]):
        rehearsal.finish(trial, failed=trial.id % 5 == 0)
    by_rank, by_score = (Learner(TabularReinforce(reward=reward), Recorder()) for reward in ("rank", "score"))
    by_rank.read(rehearsal.history)
    by_score.read(rehearsal.history)
    ranks, scores = ([learner.reward(m) for m in by_rank.ranked] for learner in (by_rank, by_score))
    assert ranks == sorted(ranks, reverse=True)
    assert abs(float(np.mean(ranks))) < 0.2
    assert np.isfinite(ranks).all()
    feasible = [-trial.loss for trial in rehearsal.history.ranking()]
    assert scores == feasible + [min(feasible)] * (40 - len(feasible))


def test_the_baseline_is_a_moving_average_corrected_for_its_start() -> None:
    rehearsal, policy = Rehearsal(Problem(Flat(6, 10))), Recorder()
    learner = Learner(TabularReinforce(baseline=0.9), policy)
    for _ in range(3):
        for trial in rehearsal.propose(learner.propose(rehearsal.history, 1, rehearsal.generator())):
            rehearsal.finish(trial)
    learner.read(rehearsal.history)
    a, b, c = (-trial.loss for trial in rehearsal.history.trials)
    averages = [a, (0.9 * a + b) / 1.9, (0.81 * a + 0.9 * b + c) / 2.71]
    assert [advantage for _, advantage in policy.lessons] == pytest.approx(
        [a - averages[0], b - averages[1], c - averages[2]]
    )


def test_notes_show_every_decision_or_every_kind_of_decision() -> None:
    few = (
        Learner(TabularReinforce(), Table(0.1, 0.0))
        .propose(Rehearsal(Problem(Flat(3, 4))).history, 1, np.random.default_rng(0))[0]
        .notes
    )
    assert {name: value for name, value in few.items() if name.startswith("top_prob")} == {
        f"top_prob/x{i}": 0.25 for i in range(3)
    }
    assert few["entropy"] == pytest.approx(np.log(4), abs=1e-3)
    assert few["log_prob"] == pytest.approx(-3 * np.log(4), abs=1e-3)
    many = (
        Learner(TabularReinforce(), Table(0.1, 0.0))
        .propose(Rehearsal(Problem(Flat(30, 4))).history, 1, np.random.default_rng(0))[0]
        .notes
    )
    assert many["top_prob/x#"] == 0.25
