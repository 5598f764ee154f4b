"""Successive halving, Hyperband and ASHA: who climbs, when, from where, and that short trials pay."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from archsmith.core.errors import UsageError
from archsmith.core.problem import Constraint, Fidelity, Objective, Problem
from archsmith.core.protocols import Strategy
from archsmith.core.trial import Proposal, Trial
from archsmith.strategies.halving import ASHA, Bracket, Hyperband, SuccessiveHalving, rungs_of
from archsmith.strategies.random import RandomSearch
from archsmith.testing.strategy_laws import Rehearsal
from archsmith.testing.toys import Flat, ToyEvaluator

LARGE = Flat(10, 5)
NINE = Fidelity("epochs", 1, 9)
ALL = [SuccessiveHalving(), Hyperband(), ASHA()]


def run(rehearsal: Rehearsal, strategy: Strategy, n_trials: int, n: int = 1) -> list[Trial]:
    """Until there are ``n_trials`` trials, every ``n`` of them finished before the next are asked for."""
    while len(rehearsal.history) < n_trials and (trials := rehearsal.ask(strategy, n)):
        for trial in trials:
            rehearsal.finish(trial)
    return rehearsal.history.trials


@pytest.mark.parametrize(
    ("minimum", "maximum", "eta", "rungs"),
    [
        (1, 81, 3, (1, 3, 9, 27, 81)),
        (1, 10, 3, (1, 3, 10)),
        (1, 8, 3, (1, 3, 8)),
        (1, 5, 4, (1, 5)),
        (1, 1, 3, (1,)),
        (4, 5, 3, (5,)),
        (0.125, 1, 2, (0.125, 0.25, 0.5, 1)),
    ],
)
def test_rungs_are_geometric_and_end_at_the_maximum(
    minimum: float, maximum: float, eta: int, rungs: tuple[float, ...]
) -> None:
    assert rungs_of(ASHA(eta), Fidelity("epochs", minimum, maximum)) == rungs


@pytest.mark.parametrize("cls", [SuccessiveHalving, Hyperband, ASHA])
def test_given_rungs_are_the_only_fidelities(cls: type) -> None:
    problem = Problem(LARGE, fidelity=Fidelity("epochs", 12, 200))
    trials = run(Rehearsal(problem), cls(rungs=(12.0, 200.0)), 40)
    assert {trial.fidelity for trial in trials} == {12, 200}
    with pytest.raises(UsageError, match=r"has rungs=\(12.0, 100.0\), and epochs run from 12 to 200"):
        Rehearsal(problem).ask(cls(rungs=(12.0, 100.0)))


def test_one_architecture_in_eta_goes_on() -> None:
    trials = run(Rehearsal(Problem(LARGE, fidelity=NINE)), SuccessiveHalving(), 26)
    assert [trial.fidelity for trial in trials] == ([1] * 9 + [3] * 3 + [9]) * 2
    for bracket in (trials[:13], trials[13:]):
        low, middle, (top,) = bracket[:9], bracket[9:12], bracket[12:]
        assert [trial.parents for trial in middle] == [(trial.id,) for trial in sorted(low, key=lambda t: t.loss)[:3]]
        assert top.parents == (min(middle, key=lambda t: t.loss).id,)
        assert all(trial.architecture == trials[trial.parents[0]].architecture for trial in [*middle, top])


def test_successive_halving_waits_for_its_rung() -> None:
    rehearsal = Rehearsal(Problem(LARGE, fidelity=NINE))
    trials = rehearsal.ask(SuccessiveHalving(), 20)
    assert len(trials) == 9
    for trial in trials[1:]:
        rehearsal.finish(trial)
        assert not rehearsal.ask(SuccessiveHalving(), 20)
    rehearsal.finish(trials[0])
    assert [trial.fidelity for trial in rehearsal.ask(SuccessiveHalving(), 2)] == [3, 3]
    assert [trial.fidelity for trial in rehearsal.ask(SuccessiveHalving(), 2)] == [3]
    assert not rehearsal.ask(SuccessiveHalving(), 2)


def test_the_top_rung_is_not_waited_for() -> None:
    rehearsal = Rehearsal(Problem(LARGE, fidelity=NINE))
    run(rehearsal, SuccessiveHalving(), 12)
    assert [trial.fidelity for trial in rehearsal.ask(SuccessiveHalving(), 4)] == [9, 1, 1, 1]
    # a problem with one fidelity: nothing to decide, nothing to wait for
    assert len(Rehearsal(Problem(LARGE)).ask(Hyperband(), 4)) == 4


def test_the_size_of_a_bracket_can_be_given_and_small_ones_reach_the_top() -> None:
    trials = run(Rehearsal(Problem(LARGE, fidelity=NINE)), SuccessiveHalving(size=2), 8)
    assert [trial.fidelity for trial in trials] == [1, 1, 3, 9] * 2


def test_the_brackets_of_hyperband_are_those_of_the_paper() -> None:
    # Li et al. 2018, algorithm 1, for R = 81 and eta = 3.
    assert Hyperband().brackets(5) == [Bracket(0, 81), Bracket(1, 34), Bracket(2, 15), Bracket(3, 8), Bracket(4, 5)]
    trials = run(Rehearsal(Problem(LARGE, fidelity=NINE)), Hyperband(), 44)
    assert [trial.fidelity for trial in trials] == ([1] * 9 + [3] * 3 + [9] + [3] * 5 + [9] + [9] * 3) * 2
    assert [trial.id for trial in trials[:22] if not trial.parents] == [*range(9), *range(13, 18), *range(19, 22)]


def test_asha_promotes_what_is_among_the_best_so_far_and_never_waits() -> None:
    rehearsal, strategy = Rehearsal(Problem(LARGE, fidelity=Fidelity("epochs", 1, 16))), ASHA()
    finished: dict[float, list[Trial]] = {1: [], 4: [], 16: []}
    n_promotions = 0
    while len(rehearsal.history) < 150:
        (trial,) = rehearsal.ask(strategy)
        if trial.parents:
            n_promotions += 1
            lower = rehearsal.history.trials[trial.parents[0]]
            rung = sorted(finished[lower.fidelity], key=lambda t: t.loss)
            assert trial.fidelity == 4 * lower.fidelity
            assert rung.index(lower) < len(rung) // 4
        rehearsal.finish(trial)
        finished[trial.fidelity].append(trial)
    counts = Counter(trial.fidelity for trial in rehearsal.history.trials)
    assert n_promotions == counts[4] + counts[16]
    assert counts[1] > 3 * counts[4] > 3 * 3 * counts[16] > 0
    assert all(rehearsal.ask(strategy, 5) for _ in range(4))  # with everything pending


def test_asha_looks_at_the_highest_rung_first() -> None:
    rehearsal = Rehearsal(Problem(LARGE, fidelity=Fidelity("epochs", 1, 16)))
    rng = np.random.default_rng(0)
    strangers = rehearsal.propose([Proposal(LARGE.sample(rng), fidelity=1.0 if i < 4 else 4.0) for i in range(8)])
    for trial in strangers:
        rehearsal.finish(trial)
    promoted = rehearsal.ask(ASHA(), 3)
    assert [trial.fidelity for trial in promoted] == [16, 4, 1]
    assert promoted[0].parents == (min(strangers[4:], key=lambda t: t.loss).id,)


@pytest.mark.parametrize("strategy", ALL, ids=lambda s: type(s).__name__)
def test_failures_count_and_never_climb(strategy: Strategy) -> None:
    rehearsal = Rehearsal(Problem(LARGE, fidelity=NINE))
    while len(rehearsal.history) < 80:
        for trial in rehearsal.ask(strategy):
            rehearsal.finish(trial, failed=trial.id % 3 == 1)
    climbed = [rehearsal.history.trials[trial.parents[0]] for trial in rehearsal.history.trials if trial.parents]
    assert climbed
    assert all(trial.losses is not None for trial in climbed)


def test_a_bracket_whose_rung_failed_altogether_is_over() -> None:
    rehearsal = Rehearsal(Problem(LARGE, fidelity=NINE))
    for trial in rehearsal.ask(SuccessiveHalving(), 9):
        rehearsal.finish(trial, failed=True)
    assert [trial.fidelity for trial in rehearsal.ask(SuccessiveHalving(), 2)] == [1, 1]


def test_what_breaks_a_constraint_climbs_last() -> None:
    problem = Problem(LARGE, (Objective("accuracy"),), (Constraint("cost", upper=0.45),), NINE)
    trials = run(Rehearsal(problem), SuccessiveHalving(size=27), 36)
    feasible = {trial.id for trial in trials[:27] if trial.feasible}
    climbed = {trial.parents[0] for trial in trials[27:]}
    assert 0 < len(feasible) < 27
    assert climbed <= feasible or feasible <= climbed


def test_trials_of_others_take_part_where_they_stand_on_a_rung() -> None:
    rehearsal = Rehearsal(Problem(LARGE, fidelity=NINE))
    rng = np.random.default_rng(0)
    rehearsal.propose([Proposal(LARGE.sample(rng), fidelity=fidelity) for fidelity in (1.0, 1.0, 2.0, 1.0, 2.5, 9.0)])
    assert [trial.fidelity for trial in rehearsal.ask(SuccessiveHalving(), 20)] == [1] * 6
    for trial in list(rehearsal.history.pending.values()):
        rehearsal.finish(trial)
    assert [trial.fidelity for trial in rehearsal.ask(SuccessiveHalving(), 20)] == [3] * 3


@pytest.mark.parametrize("strategy", ALL, ids=lambda s: type(s).__name__)
def test_it_ends_on_a_finite_space_with_a_result_at_the_top_and_nothing_twice(strategy: Strategy) -> None:
    rehearsal = Rehearsal(Problem(Flat(2, 3), fidelity=NINE))
    trials = run(rehearsal, strategy, 1000, n=2)
    assert len(trials) < 40
    assert len({(trial.architecture, trial.fidelity) for trial in trials}) == len(trials)
    assert {trial.architecture for trial in trials} == set(Flat(2, 3).enumerate())
    best = rehearsal.history.best()
    assert best is not None
    assert best.fidelity == 9


@pytest.mark.parametrize("strategy", ALL, ids=lambda s: type(s).__name__)
def test_several_objectives_are_refused(strategy: Strategy) -> None:
    rehearsal = Rehearsal(Problem(LARGE, (Objective("accuracy"), Objective("seconds", maximize=False))))
    with pytest.raises(UsageError, match=r"optimises one objective"):
        rehearsal.ask(strategy)


@pytest.mark.parametrize("cls", [SuccessiveHalving, Hyperband, ASHA])
@pytest.mark.parametrize(
    "wrong", [{"eta": 1}, {"rungs": ()}, {"rungs": (3.0, 1.0)}, {"rungs": (1.0, 1.0)}, {"rungs": (0.0, 1.0)}]
)
def test_impossible_settings_are_refused(cls: type, wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=f"{cls.__name__} has"):
        cls(**wrong)


def test_an_impossible_size_is_refused() -> None:
    with pytest.raises(UsageError, match="size=0"):
        SuccessiveHalving(size=0)


@pytest.mark.parametrize("strategy", ALL, ids=lambda s: type(s).__name__)
def test_it_beats_random_search_with_the_same_number_of_epochs(strategy: Strategy) -> None:
    wins = 0
    for seed in range(6):
        best = []
        for contender in (strategy, RandomSearch()):
            problem = Problem(LARGE, fidelity=Fidelity("epochs", 1, 81))
            rehearsal, epochs = Rehearsal(problem, ToyEvaluator(), seed=seed), 0.0
            while epochs < 2000:
                (trial,) = rehearsal.ask(contender)
                rehearsal.finish(trial)
                epochs += trial.fidelity
            best.append(rehearsal.history.best().loss)  # type: ignore[union-attr]
        wins += best[0] < best[1]
    # Ranks here are the same at every fidelity, so that Hyperband, which looks at some six times as many architectures,
    # should win 6 times in 7. Were both equally good, 6 wins of 6 would come with probability 0.016; seeds are fixed,
    # so that it passes always or never.
    assert wins == 6
