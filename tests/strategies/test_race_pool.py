"""What a race knows of its trainings, looked at directly. What follows from it is held in ``test_race``."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.history import History
from archsmith.core.problem import Fidelity, Problem
from archsmith.core.records import Finished, Opened, Proposed, ProposedTrial
from archsmith.core.space import Choose, Space
from archsmith.core.trial import Outcome, Proposal
from archsmith.strategies.forecast import Prior
from archsmith.strategies.race import Race
from archsmith.strategies.race_pool import Pool


class Names(Space):
    def decide(self, choose: Choose) -> None:
        choose("family", ("a", "b", "c"))


SEEDS = tuple({"family": family} for family in "abc")
TOTAL = 100.0


def history(trials: Sequence[tuple[str, float, float, float]]) -> History:
    """``trials``: family, work, accuracy and seconds of each."""
    found = History(Problem(Names(), fidelity=Fidelity("work", 1.0, 80.0)))
    found.take(Opened(work=TOTAL))
    for i, (family, work, accuracy, seconds) in enumerate(trials):
        found.take(Proposed((ProposedTrial(i, Architecture({"family": family}), work, (), {}),)))
        found.take(Finished(i, Outcome.success({"accuracy": accuracy}, seconds, {"epochs": 4 * work})))
    return found


def pool(trials: Sequence[tuple[str, float, float, float]], **fields: object) -> Pool:
    return Pool.of(Race(SEEDS, **fields), history(trials), ())  # type: ignore[arg-type]


TRIALS = (("a", 1.0, 0.5, 30.0), ("a", 2.0, 0.6, 30.0), ("b", 1.0, 0.7, 20.0))


def test_a_training_that_goes_on_counts_once() -> None:
    found = pool(TRIALS)
    assert sorted(found.costs.values()) == [1.0, 2.0] and found.left == TOTAL - 3.0 and found.toll == 1.0


def test_what_trials_really_took_counts_where_it_is_known() -> None:
    found = pool(TRIALS, unit_seconds=10.0)
    assert sorted(found.costs.values()) == [2.0, 6.0] and found.left == TOTAL - 8.0
    assert found.toll == pytest.approx(8.0 / 3.0)


def test_who_is_behind_with_the_same_work_and_does_not_catch_up_is_not_forecast_ahead() -> None:
    flat = [("a", 1.0, 0.913, 9.0), ("a", 2.0, 0.926, 9.0), ("a", 4.0, 0.936, 9.0), ("a", 8.0, 0.937, 9.0)]
    flat.append(("a", 16.0, 0.94, 9.0))  # the reference has shown how curves flatten
    behind = [("b", 1.0, 0.899, 9.0), ("b", 2.0, 0.913, 9.0), ("b", 4.0, 0.924, 9.0)]
    prior = Prior(levels={"b": (0.0, 0.5), "c": (0.0, 0.5)})
    found = pool([*flat, *behind], rows=5000, prior=prior)
    assert found.ranking()[0].family == "a"
    ahead = next(entrant for entrant in found.entrants if entrant.family == "b")
    assert ahead.seen.error == pytest.approx(found.ranking()[0].seen.error * 0.076 / 0.064)
    # Without the reference's later scores, or where it catches up, its own line counts.
    catching = [("b", 1.0, 0.87, 9.0), ("b", 2.0, 0.91, 9.0), ("b", 4.0, 0.932, 9.0)]
    assert pool([*flat, *catching], rows=5000, prior=prior).ranking()[0].family == "b"


def test_who_learns_slowly_and_is_known_to_end_ahead_is_not_judged_before_it_has_seen_enough() -> None:
    reference = [("a", 1.0, 0.5, 9.0), ("a", 2.0, 0.55, 9.0)]
    slow = [("b", 0.25, 0.30, 9.0), ("b", 0.5, 0.33, 9.0)]  # 2 epochs, behind, and not catching up
    reference += [("a", 0.25, 0.4, 9.0)]
    known = Prior(levels={"b": (-0.4, 0.15), "c": (0.0, 0.5)})
    assert pool([*reference, *slow], rows=5000, prior=known).ranking()[0].family == "b"
    unknown = Prior(levels={"b": (0.0, 0.15), "c": (0.0, 0.5)})
    assert pool([*reference, *slow], rows=5000, prior=unknown).ranking()[0].family == "a"
    further = [*slow, ("b", 1.0, 0.36, 9.0)]  # 4 epochs
    assert pool([*reference, *further], rows=5000, prior=known).ranking()[0].family == "a"


def test_whoever_is_known_to_end_ahead_is_scored_twice() -> None:
    known = Prior(levels={"b": (-0.5, 0.01), "c": (1.0, 0.01)})
    trials = [("a", 1.0, 0.5, 9.0), ("b", 0.25, 0.3, 9.0), ("a", 2.0, 0.6, 9.0)]
    found = pool(trials, rows=5000, prior=known)
    best = found.best()
    assert best is not None and best.family == "b" and found.ranking()[0].family == "a"
    assert max(found.options(best), key=lambda option: option.net / option.work).entrant is best
    found = pool([*trials, ("b", 0.5, 0.4, 9.0)], rows=5000, prior=known)
    best = found.best()
    assert best is not None and best.family == found.ranking()[0].family == "b"
    assert best not in [option.entrant for option in found.promising(best)]


def test_what_is_proposed_counts_too() -> None:
    proposed = [Proposal(Architecture({"family": "c"}), 5.0)]
    assert Pool.of(Race(SEEDS), history(TRIALS), proposed).left == TOTAL - 8.0


def test_a_fast_network_cannot_use_all_work() -> None:
    assert pool(TRIALS).useful(4.0) == 80.0
    assert pool(TRIALS, most_epochs=100.0).useful(4.0) == 25.0
    assert pool(TRIALS, most_epochs=100.0).useful(0.5) == 80.0


def test_no_trial_goes_on_into_the_epochs_in_which_the_rate_of_the_last_training_falls() -> None:
    def next_work(work: float) -> float:
        found = pool((("a", work, 0.9, 9.0),), most_epochs=100.0)  # 4 epochs in a unit of work
        return found.further(found.entrants[0])

    ahead = pool((("a", 4.0, 0.9, 9.0),), most_epochs=100.0).entrants[0].seen.revealed
    assert 0 < pool((("a", 4.0, 0.9, 9.0),), most_epochs=30.0).entrants[0].seen.revealed < ahead  # a shorter trial
    assert next_work(4.0) == 8.0 and next_work(10.0) == pytest.approx(15.0)
    assert next_work(14.9) == 14.9 and next_work(20.0) == 20.0  # nothing would be learnt there


def test_families_are_ranked_by_the_best_forecast_among_them() -> None:
    assert pool((("a", 1.0, 0.5, 1.0), ("b", 1.0, 0.9, 1.0), ("c", 1.0, 0.7, 1.0))).family_ranks() == {
        "b": 0,
        "c": 1,
        "a": 2,
    }


def test_where_no_work_is_left_and_the_rival_is_ahead_nothing_is_lost() -> None:
    strategy = Race(SEEDS, rival=0.01)
    used = history((("a", 80.0, 0.6, 9.0), ("b", 20.0, 0.5, 9.0)))
    found = Pool.of(strategy, used, ())
    best = found.best()
    assert best is not None and found.left == 0.0 and found.rival_is_ahead_of(best)
    assert strategy.reason_to_end(used) == "outdone"


def test_what_failed_with_more_work_does_not_go_on() -> None:
    def going_on(tried: History) -> list[str]:
        now = Pool.of(Race(SEEDS), tried, ())
        best = now.best()
        assert best is not None
        return sorted(option.entrant.family for option in now.options(best) if option.entrant is not None)

    tried = history((("a", 1.0, 0.5, 9.0), ("b", 1.0, 0.6, 9.0), ("c", 1.0, 0.6, 9.0)))
    assert going_on(tried) == ["a", "b", "c"]
    tried.take(Proposed((ProposedTrial(3, Architecture({"family": "b"}), 2.0, (1,), {}),)))
    tried.take(Finished(3, Outcome.failure(ValueError("it diverges"))))
    assert going_on(tried) == ["a", "c"]
    stuck = next(each for each in Pool.of(Race(SEEDS), tried, ()).entrants if each.family == "b")
    assert stuck.seen.error == pytest.approx(0.4)  # nothing more is to be had of it
