from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.budget import Budget
from archsmith.core.errors import UsageError
from archsmith.core.history import History
from archsmith.core.problem import Fidelity, Objective, Problem
from archsmith.core.protocols import Context
from archsmith.core.space import Choose, Space
from archsmith.core.trial import Outcome, Proposal
from archsmith.runtime.memory import MemoryStore
from archsmith.runtime.search import Search, SearchResult
from archsmith.strategies.forecast import Prior, fresh
from archsmith.strategies.race import Race
from archsmith.strategies.random import RandomSearch

FAMILIES = ("slow_starter", "quick_starter", "hopeless", "middling")
CURVES = {  # error after one unit of work, and slope
    "slow_starter": (0.6, 0.5),
    "quick_starter": (0.45, 0.05),
    "hopeless": (0.9, 0.02),
    "middling": (0.6, 0.2),
}


@dataclass(frozen=True)
class Families(Space):
    """A family, and something that makes its members a little better or worse."""

    n_members: int = 20

    def decide(self, choose: Choose) -> None:
        choose("family", FAMILIES)
        choose("member", tuple(range(self.n_members)))


@dataclass(frozen=True)
class Curves:
    """Errors that fall by power laws."""

    metrics: tuple[str, ...] = ("accuracy",)
    simulated: bool = False

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Mapping[str, float]:
        error, slope = CURVES[str(architecture["family"])]
        return {"accuracy": 1 - error * (1 + 0.01 * int(architecture["member"] or 0)) * fidelity**-slope}


class Failing(Curves):
    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Mapping[str, float]:
        raise ValueError("no file")


SEEDS = tuple({"family": family, "member": 5} for family in FAMILIES)
PROBLEM = Problem(Families(), (Objective("accuracy"),), fidelity=Fidelity("work", 1.0, 200.0))


def race(total: float, **fields: object) -> tuple[Race, SearchResult]:
    strategy = Race(SEEDS, len(SEEDS), inner=RandomSearch(), **fields)  # type: ignore[arg-type]
    return strategy, Search(PROBLEM, strategy, Curves(), budget=Budget(trials=500, work=total)).run()


def spent(result: SearchResult) -> dict[str, float]:
    work: dict[str, float] = {}
    for trial in result.history.trials:
        work[trial.architecture.key] = max(work.get(trial.architecture.key, 0.0), trial.fidelity)
    return work


def test_every_anchor_gets_one_slice_first() -> None:
    _, result = race(200.0)
    first = result.history.trials[: len(SEEDS)]
    assert [trial.architecture["family"] for trial in first] == list(FAMILIES)
    assert {trial.fidelity for trial in first} == {1.0}


def test_what_starts_slowly_and_ends_well_wins() -> None:
    strategy, result = race(200.0)
    winner = strategy.incumbent(result.history)
    assert winner is not None and winner.architecture["family"] == "slow_starter"


def test_it_stops_by_itself_and_leaves_the_winner_most_of_the_work() -> None:
    strategy, result = race(200.0)
    assert result.reason == "settled"
    winner = strategy.incumbent(result.history)
    assert winner is not None
    losers = sum(work for key, work in spent(result).items() if key != winner.architecture.key)
    assert losers <= 0.25 * 200


@pytest.mark.parametrize("slope_sd", [0.3, 0.6])
def test_others_get_at_most_a_quarter_of_the_work(slope_sd: float) -> None:
    """One is a little better all the time, and scores are too noisy to be sure of that."""

    class Alike(Curves):
        def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Mapping[str, float]:
            return {"accuracy": 1 - (0.5 if architecture["family"] == "slow_starter" else 0.52) * fidelity**-0.3}

    strategy = Race(SEEDS, len(SEEDS), inner=RandomSearch(), rows=50, prior=Prior(slope_sd=slope_sd))
    result = Search(PROBLEM, strategy, Alike(), budget=Budget(trials=500, work=200.0)).run()
    winner = strategy.incumbent(result.history)
    assert winner is not None and winner.architecture["family"] == "slow_starter"
    assert sum(work for key, work in spent(result).items() if key != winner.architecture.key) <= 50.0


def test_a_newcomer_of_which_much_is_expected_is_tried_before_it_wins() -> None:
    """The prior expects that hopeless networks become good in the end."""
    known = Prior(slope_sd=0.3, common=0.7, families={"hopeless": 0.6})
    strategy, result = race(200.0, prior=known)
    tried = [trial.fidelity for trial in result.history.trials if trial.architecture["family"] == "hopeless"]
    winner = strategy.incumbent(result.history)
    assert len(tried) > 1 and winner is not None and winner.architecture["family"] != "hopeless"


def test_less_work_means_fewer_entrants() -> None:
    few, many = (len(spent(race(total)[1])) for total in (20.0, 200.0))
    assert few <= many


def test_a_training_goes_on_from_its_own_latest_trial() -> None:
    _, result = race(200.0)
    for trial in result.history.trials:
        for parent in trial.parents:
            before = result.history.trials[parent]
            if before.architecture == trial.architecture:
                assert before.fidelity < trial.fidelity


def test_work_that_nobody_can_use_goes_to_more_entrants() -> None:
    problem = Problem(Families(), (Objective("accuracy"),), fidelity=Fidelity("work", 1.0, 8.0))
    strategy = Race(SEEDS, len(SEEDS), inner=RandomSearch())
    few, many = (
        len({trial.architecture.key for trial in found.history.trials})
        for found in (
            Search(problem, strategy, Curves(), budget=Budget(trials=60, work=work)).run() for work in (16.0, 400.0)
        )
    )
    assert many > few  # the winner needs 8 of 400


def test_what_is_fast_leaves_work_to_others() -> None:
    """All networks see their examples ten times in a unit of work; forty times are of use."""

    class Fast(Curves):
        def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
            metrics = super().evaluate(architecture, min(fidelity, 4.0), context)
            return Outcome.success(metrics, notes={"epochs": min(40.0, 10 * fidelity)})

    found = {}
    for most in (None, 40.0):
        strategy = Race(SEEDS, len(SEEDS), inner=RandomSearch(), most_epochs=most)
        found[most] = Search(PROBLEM, strategy, Fast(), budget=Budget(trials=80, work=200.0)).run()
    work = {most: list(spent(result).values()) for most, result in found.items()}
    assert max(work[40.0]) <= 4.0 < max(work[None])
    assert len(work[40.0]) > len(work[None])


def test_trials_that_take_longer_than_their_work_count_as_more() -> None:
    """Scoring takes as long as a slice."""

    class Scored(Curves):
        def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
            metrics = super().evaluate(architecture, fidelity, context)
            return Outcome.success(metrics, 10.0 * fidelity + 10.0)

    lost = {}
    for unit_seconds in (None, 10.0):
        strategy = Race(SEEDS, len(SEEDS), inner=RandomSearch(), unit_seconds=unit_seconds)
        result = Search(PROBLEM, strategy, Scored(simulated=True), budget=Budget(trials=500, work=200.0)).run()
        winner = strategy.incumbent(result.history)
        assert winner is not None and winner.architecture["family"] == "slow_starter"
        lost[unit_seconds] = sum(
            trial.outcome.seconds
            for trial in result.history.trials
            if trial.architecture != winner.architecture and trial.outcome is not None
        )
    assert lost[10.0] <= 0.25 * 2000.0 < lost[None]


def test_without_a_total_it_never_stops_by_itself() -> None:
    strategy = Race(SEEDS, 2, inner=RandomSearch())
    result = Search(PROBLEM, strategy, Curves(), budget=Budget(trials=60)).run()
    assert result.reason == "trials"


@pytest.mark.parametrize("cut", [1, 3, 4, 7, 11])
def test_an_interrupted_race_goes_on_as_if_it_had_not_been(cut: int) -> None:
    strategy = Race(SEEDS, len(SEEDS), inner=RandomSearch())

    def run(store: MemoryStore, trials: int) -> list[tuple[Architecture, float, tuple[int, ...]]]:
        history = (
            Search(PROBLEM, strategy, Curves(), budget=Budget(trials=trials, work=300.0), store=store).run().history
        )
        return [(trial.architecture, trial.fidelity, trial.parents) for trial in history.trials]

    broken = MemoryStore()
    run(broken, cut)
    assert run(broken, 15) == run(MemoryStore(), 15)


def test_more_work_lets_it_go_on() -> None:
    strategy, store = Race(SEEDS, len(SEEDS), inner=RandomSearch()), MemoryStore()
    ended = [
        len(Search(PROBLEM, strategy, Curves(), budget=Budget(trials=500, work=work), store=store).run().history.trials)
        for work in (20.0, 400.0)
    ]
    assert ended[1] > ended[0]


def test_the_inner_strategy_is_asked_once_the_seeds_are_used() -> None:
    _, result = race(400.0)
    operators = [trial.notes["operator"] for trial in result.history.trials]
    assert "sample" in operators and operators.index("sample") > operators.index("seed")


@dataclass(frozen=True)
class Stuck(Curves):
    """The family that ends best cannot go on: each time it gets the same error."""

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Mapping[str, float]:
        if architecture["family"] == "slow_starter" and fidelity > 4.0:
            raise ValueError("it diverges")
        return super().evaluate(architecture, fidelity, context)


def test_what_failed_to_go_on_is_not_asked_for_again_and_the_race_goes_on() -> None:
    strategy = Race(SEEDS, len(SEEDS), inner=RandomSearch())
    result = Search(PROBLEM, strategy, Stuck(), budget=Budget(trials=500, work=200.0)).run()
    tried = [(trial.architecture.key, trial.fidelity) for trial in result.history.trials]
    assert result.reason == "settled" and len(set(tried)) == len(tried)
    assert any(trial.losses is None for trial in result.history.trials)
    chosen = strategy.incumbent(result.history)
    assert chosen is not None and all(trial.ok for trial in result.history.of(chosen.architecture))


class Mine:
    """An inner strategy of one's own, which answers with what it was given."""

    def __init__(self, answer: Callable[[History], Any]) -> None:
        self.answer = answer

    def ask(self, history: History, n: int, rng: np.random.Generator) -> Any:
        return self.answer(history)


ANY = Architecture({"family": FAMILIES[0], "member": 0})


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda history: None, r"^Mine\.ask gave None, not a list of proposals\."),
        (lambda history: [ANY], r"^Mine\.ask gave a list that holds an Architecture"),
        (lambda history: [Proposal(ANY)] * 2, r"^Mine was asked for 1.proposal and gave 2\."),
        (lambda history: [Proposal(ANY, parents=(99,))], r"^Mine named trial 99 as a parent of trial 0\."),
        (lambda history: [Proposal(Architecture({"family": "none"}))], r"^Mine proposed an architecture outside the"),
        (lambda history: [Proposal(ANY, notes={"belief": math.nan})], r"^Mine gave the note 'belief'"),
        (lambda history: {}["width"], r"^Mine\.ask raised KeyError: 'width'\."),
    ],
)
def test_a_wrong_answer_of_the_inner_strategy_is_told_by_its_name(answer: Callable[[History], Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Search(PROBLEM, Race(inner=Mine(answer)), Curves(), budget=Budget(trials=5, work=20.0)).run()


def families(result: SearchResult) -> set[str]:
    return {str(trial.architecture["family"]) for trial in result.history.trials}


def test_a_family_that_is_known_to_end_badly_does_not_enter() -> None:
    levels = {"quick_starter": (1.5, 0.1), "hopeless": (1.5, 0.1), "middling": (0.0, 0.5)}
    strategy = Race(SEEDS, 1, inner=RandomSearch(), prior=Prior(levels=levels))
    result = Search(PROBLEM, strategy, Curves(), budget=Budget(trials=500, work=200.0)).run()
    assert families(result) == {"slow_starter", "middling"}


def test_what_is_known_of_families_does_not_outweigh_long_trainings() -> None:
    levels = {"quick_starter": (-0.2, 0.3), "hopeless": (-0.2, 0.3), "middling": (-0.2, 0.3)}  # all wrong
    strategy = Race(SEEDS, 1, inner=RandomSearch(), prior=Prior(levels=levels))
    result = Search(PROBLEM, strategy, Curves(), budget=Budget(trials=500, work=400.0)).run()
    winner = strategy.incumbent(result.history)
    assert winner is not None and winner.architecture["family"] == "slow_starter"


@dataclass(frozen=True)
class WithEpochs(Curves):
    """The same, with many epochs in a unit of work: after ten units examples teach nothing new."""

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:  # type: ignore[override]
        seen = fresh(fidelity, 30 * fidelity, 30.0)
        return Outcome.success(dict(super().evaluate(architecture, seen, context)), notes={"epochs": 30 * fidelity})


def test_what_has_seen_all_examples_often_is_not_forecast_to_get_much_better() -> None:
    strategy = Race(SEEDS, len(SEEDS), inner=RandomSearch(), prior=Prior(repeats=30.0))
    result = Search(PROBLEM, strategy, WithEpochs(), budget=Budget(trials=500, work=200.0)).run()
    foreseen = strategy.foreseen(result.history)
    reached = min(1 - trial.metrics["accuracy"] for trial in result.history.finished)
    assert foreseen is not None and 0.5 * reached < foreseen <= 1.01 * reached


def test_a_rival_that_is_far_ahead_ends_the_race_at_once() -> None:
    alone, beaten = (
        Search(
            PROBLEM,
            Race(SEEDS, 1, inner=RandomSearch(), rival=rival),
            Curves(),
            budget=Budget(trials=500, work=200.0),
        ).run()
        for rival in (None, 0.005)
    )
    assert beaten.reason == "outdone"
    assert len(beaten.history.trials) < 3 < len(alone.history.trials)


def test_no_trial_begins_that_would_not_be_over_in_time() -> None:
    _, result = race(200.0, most_work=20.0)
    assert 12.0 < sum(spent(result).values()) <= 20.0
    assert result.reason == "late"
    assert race(200.0)[1].reason == "settled"


def test_a_race_that_has_nothing_left_to_propose_names_no_rival() -> None:
    few = Problem(Families(n_members=1), PROBLEM.objectives, fidelity=PROBLEM.fidelity)
    for evaluator in (Curves(), Failing()):
        strategy, budget = Race(inner=RandomSearch(), most_work=1e6), Budget(trials=500, work=1e6)
        result = Search(few, strategy, evaluator, budget=budget).run()
        assert result.reason == "exhausted" and len({trial.architecture.key for trial in result.history.trials}) == 4


def test_a_race_gets_less_time_only_as_long_as_its_rival_is_ahead() -> None:
    limits = {"most_work": 40.0, "most_work_with_rival": 12.0}
    ended = [race(200.0, rival=rival, **limits)[1] for rival in (0.05, 0.44)]
    ahead, behind = (sum(spent(result).values()) for result in ended)
    assert [result.reason for result in ended] == ["outdone", "late"]
    assert ahead <= 12.0 < behind <= 40.0


def test_nobody_wins_by_a_single_score() -> None:
    strategy, result = race(200.0, most_work=9.0)  # four anchors, and little more
    once = {key for key, work in spent(result).items() if work == 1.0}
    assert once
    winner = strategy.incumbent(result.history)
    assert winner is not None and winner.architecture.key not in once
    ranked = [trial.architecture.key in once for trial in strategy.ranking(result.history)]
    assert ranked == sorted(ranked)


def test_bad_settings_are_refused() -> None:
    with pytest.raises(UsageError, match="anchors"):
        Race((), 3)
    with pytest.raises(UsageError, match="slice"):
        Race(slice=0.0)


@pytest.mark.parametrize("name", ["rows", "most_epochs", "unit_seconds"])
def test_nothing_is_divided_by_0(name: str) -> None:
    with pytest.raises(UsageError, match=rf"^Race\.{name} cannot be 0\. Give a number above 0\."):
        Race(**{name: 0})  # type: ignore[arg-type]
