"""The statistics of a comparison, on runs that are made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from archsmith.analysis.comparison.compare import compare
from archsmith.analysis.comparison.compared import VOLUME, Compared
from archsmith.core.errors import UsageError
from archsmith.runtime.comparison import Plan, Run, Step

SPEC = {"type": "toy_flat", "args": {}}


def plan(*labels: str, runs: int = 8, objectives: Any = (("accuracy", True),), **budget: Any) -> Plan:
    problem = {"objectives": [list(each) for each in objectives], "constraints": [], "fidelity": ["epochs", 1, 1]}
    judged_by = tuple(metric for metric, _ in objectives)
    return Plan(
        "made up", SPEC, SPEC, problem, dict.fromkeys(labels, SPEC), judged_by, runs, **(budget or {"trials": 10})
    )


def run(label: str, seed: int, *values: float, reason: str = "trials") -> Run:
    """A run whose answer is worth ``values`` after its first, second, … trial, a minute each."""
    steps = tuple(Step(n, 60.0 * n, ((value,),)) for n, value in enumerate(values, 1))
    return Run(label, seed, 10, 1, 600.0, 0.5, reason, steps, steps)


def compared(finals: dict[str, list[float | None]], **options: Any) -> Compared:
    n = len(next(iter(finals.values())))
    runs = [
        run(label, seed, *([] if value is None else [value]))
        for label, values in finals.items()
        for seed, value in enumerate(values)
    ]
    return compare(plan(*finals, runs=n), runs, **options)


# Tables


def test_a_row_tells_the_last_answers() -> None:
    row = compared({"random": [0.9, 0.8, 0.7, 0.8]}).rows[0]
    assert (row.mean, row.median, row.worst, row.best) == pytest.approx((0.8, 0.8, 0.7, 0.9))
    assert row.sd == pytest.approx(np.std([0.9, 0.8, 0.7, 0.8], ddof=1))
    assert (row.n_runs, row.n_nothing, row.trials, row.failed, row.seconds, row.wall_seconds) == (4, 0, 10, 1, 600, 0.5)


def test_wins_ties_and_losses_against_the_reference() -> None:
    result = compared({"random": [0.5] * 8, "good": [0.6] * 6 + [0.5, 0.4]})
    test = result.tests[0]
    assert (test.label, test.n_pairs, test.better, test.worse, test.ties) == ("good", 8, 6, 1, 1)
    assert test.p is not None and test.p_holm == test.p  # one test needs no correction
    assert result.wins == {"good": {"random": 6 / 8}, "random": {"good": 1 / 8}}


def test_too_few_pairs_get_a_sentence_instead_of_a_p_value() -> None:
    few = compared({"random": [0.1] * 5, "good": [0.2] * 5}).tests[0]
    assert (few.p, few.p_holm) == (None, None)
    assert few.why is not None and "fewer than 6 pairs" in few.why
    same = compared({"random": [0.1] * 9, "twin": [0.1] * 9}).tests[0]
    assert same.why == "all 9 pairs are ties"
    assert "No test" in compared({"random": [0.1] * 5, "good": [0.2] * 5}).verdict


def test_p_values_are_corrected_for_their_number() -> None:
    better = [0.1 + 0.01 * i for i in range(8)]
    result = compared({"random": [0.0] * 8, "a": list(better), "b": list(better), "c": [0.0] * 8})
    a, b, c = result.tests
    assert a.p == b.p == pytest.approx(2 / 2**8)
    assert a.p_holm == pytest.approx(2 * 2 / 2**8)  # two tests were done: c had nothing to test
    assert (c.p, c.p_holm) == (None, None)
    assert "Better than random beyond chance: a (p 0.016) and b (p 0.016)." in result.verdict


def test_less_is_better_where_the_problem_says_so() -> None:
    runs = [run(label, seed, value) for label, value in (("random", 5.0), ("good", 3.0)) for seed in range(8)]
    result = compare(plan("random", "good", objectives=(("mse", False),)), runs)
    assert result.best.label == "good"
    assert result.tests[0].better == 8 and result.tests[0].difference == pytest.approx(2.0)
    assert result.rows[0].worst == 5.0
    assert [reach.n_reached for reach in result.reaches] == [8, 8]


def test_another_metric_is_judged_in_its_own_direction() -> None:
    runs = [run(label, seed, value) for label, value in (("random", 0.5), ("good", 0.3)) for seed in range(8)]
    for objective, metric, good in (
        ("accuracy", "log_loss", "good"),
        ("accuracy", "params", "good"),
        ("log_loss", "accuracy", "random"),
    ):
        searched = plan("random", "good", objectives=((objective, objective == "accuracy"),))
        result = compare(replace(searched, judged_by=(metric,)), runs)
        assert result.best.label == good, (objective, metric)
        assert ("Better" in result.verdict) == (good == "good") and ("Worse" in result.verdict) == (good == "random")
    odd = replace(plan("random", "good", objectives=(("score", False),)), judged_by=("test_score",))
    assert odd.maximize == (False,)  # a name that says nothing goes the way of the search


def test_the_verdict_goes_the_way_of_the_test_and_not_of_the_number_of_wins() -> None:
    gains = [0.05 + 0.001 * i for i in range(14)] + [-0.0001 * (i + 1) for i in range(16)]
    result = compared({"random": [0.5] * 30, "bold": [0.5 + gain for gain in gains]})
    test = result.tests[0]
    assert (
        test.clear and test.better < test.worse and test.gains == pytest.approx(sum(range(17, 31)) / sum(range(1, 31)))
    )
    assert "Better than random beyond chance: bold" in result.verdict


def test_a_strategy_whose_runs_mostly_find_nothing_does_not_end_best() -> None:
    result = compared({"random": [0.5] * 20, "lucky": [0.99] + [None] * 19})
    assert result.best.label == "random" and "Worse than random beyond chance: lucky" in result.verdict
    assert compared({"a": [0.5] + [None] * 3, "b": [0.6] + [None] * 3}).best.label == "b"


def test_many_failed_trials_are_told_with_what_the_first_one_said() -> None:
    bad = [replace(run("random", seed, 0.5), n_failed=seed, error="no fidelity 3") for seed in range(3)]
    assert not compare(plan("random", runs=3), bad).notes  # a tenth is nothing unusual
    worse = [replace(each, n_failed=4) for each in bad]
    assert compare(plan("random", runs=3), worse).notes == (
        "12 of 30 trials of random failed, the first one so: no fidelity 3",
    )


def test_runs_that_one_seed_made_alike_are_told() -> None:
    alike = [replace(run("random", seed, 0.5), answer={"trial": 0, "architecture": {"a": 1}}) for seed in range(3)]
    seeded = replace(plan("random", runs=3), strategies={"random": {"type": "toy", "args": {"seed": 0}}})
    assert "may hardly be independent" in compare(seeded, alike).notes[0]
    other = replace(alike[0], answer={"trial": 0, "architecture": {"a": 2}})
    assert not compare(seeded, [other, *alike[1:]]).notes
    studys = replace(seeded, strategies={"random": {"type": "toy", "args": {"seed": None}}})
    assert not compare(studys, alike).notes
    assert not compare(plan("random", runs=3), alike).notes  # without a seed of its own the runs are independent


def test_a_run_that_found_nothing_counts_as_worst() -> None:
    result = compared({"random": [0.5] * 8, "frail": [0.9] * 6 + [None, None]})
    frail = result.rows[1]
    assert (frail.n_nothing, frail.mean) == (2, pytest.approx(0.9))
    assert (result.tests[0].better, result.tests[0].worse) == (6, 2)
    assert any("2 of 8 runs of frail found nothing" in note for note in result.notes)
    both = compared({"random": [None] + [0.5] * 7, "frail": [None] + [0.6] * 7})
    assert both.tests[0].ties == 1


def test_when_nothing_at_all_was_found_there_is_nothing_to_compare() -> None:
    with pytest.raises(UsageError, match="No run of any strategy found anything"):
        compared({"random": [None, None], "other": [None, None]})
    with pytest.raises(UsageError, match="No seed has been run by every strategy"):
        compare(plan("a", "b"), [run("a", 0, 0.5)])


def test_only_seeds_that_all_strategies_have_run_are_compared() -> None:
    runs = [run("random", seed, 0.5) for seed in range(8)] + [run("slow", seed, 0.6) for seed in range(3)]
    result = compare(plan("random", "slow"), runs)
    assert result.n_runs == 3
    assert "3 of 8 seeds" in result.notes[0]


def test_the_reference_is_random_or_the_first_or_as_told() -> None:
    assert compared({"a": [0.1] * 2, "random": [0.2] * 2}).reference == "random"
    assert compared({"a": [0.1] * 2, "b": [0.2] * 2}).reference == "a"
    assert compared({"a": [0.1] * 2, "b": [0.2] * 2}, reference="b").tests[0].label == "a"
    with pytest.raises(UsageError, match="'c' is not among the strategies"):
        compared({"a": [0.1] * 2}, reference="c")


# Over time


def test_trials_until_the_target() -> None:
    runs = [run("random", 0, 0.1, 0.2, 0.3), run("random", 1, 0.3), run("random", 2, 0.1, 0.2)]
    reach = compare(plan("random", runs=3), runs, target=0.3).reaches[0]
    assert (reach.n_reached, reach.n_runs, reach.trials, reach.seconds) == (2, 3, 3.0, 180.0)
    half = compare(plan("random", runs=2), [runs[0], replace(runs[2], seed=1)], target=0.3).reaches[0]
    assert (half.n_reached, half.trials) == (1, 3.0)  # by then half of them had got there
    never = compare(plan("random", runs=3), runs, target=0.9).reaches[0]
    assert (never.n_reached, never.trials) == (0, None)
    default = compare(plan("random", runs=3), runs)
    assert (default.target, default.target_given) == (pytest.approx(0.3), False)


def test_a_curve_keeps_an_answer_until_the_next_and_begins_where_all_have_one() -> None:
    late = Run("random", 1, 10, 0, 600.0, 0.1, "trials", (Step(3, 180.0, ((0.6,),)),), ())
    curve = compare(plan("random", runs=2), [run("random", 0, 0.1, 0.2), late]).curves[0]
    assert curve.x == tuple(range(3, 11))
    assert curve.mean == pytest.approx([0.4] * 8)
    assert all(low <= mean <= high for low, mean, high in zip(curve.low, curve.mean, curve.high, strict=True))
    seconds = compare(plan("random", runs=2, seconds=600.0), [run("random", 0, 0.1), run("random", 1, 0.1)]).curves[0]
    assert (seconds.x[0], seconds.x[-1]) == (60.0, 600.0)


def test_intervals_hold_the_mean_as_often_as_they_promise() -> None:
    """100 comparisons of 40 runs with mean 0: a 95 % interval misses about 5 to 7 of them (bootstrap intervals of 40
    are a little narrow), sd 2.5. More than 18 would be wrong; that happens by chance with a probability below 1e-4.
    """
    rng = np.random.default_rng(2)
    missed = 0
    for _ in range(100):
        values = rng.normal(size=40).tolist()
        curve = compare(
            plan("random", runs=40), [run("random", seed, value) for seed, value in enumerate(values)]
        ).curves[0]
        missed += not curve.low[-1] <= 0.0 <= curve.high[-1]
    assert missed <= 18


# Two objectives


def test_fronts_are_compared_by_hypervolume_against_a_point_that_is_told() -> None:
    objectives = (("accuracy", True), ("latency", False))

    def front(label: str, seed: int, *points: tuple[float, float]) -> Run:
        return Run(label, seed, 10, 0, 600.0, 0.1, "trials", (Step(4, 60.0, points),), ())

    runs = [front("random", seed, (0.8, 10.0)) for seed in range(2)] + [
        front("good", seed, (0.9, 10.0), (0.8, 5.0)) for seed in range(2)
    ]
    result = compare(plan("random", "good", runs=2, objectives=objectives), runs)
    assert (result.metric, result.maximize) == (VOLUME, True)
    assert result.ideal_point == pytest.approx((0.9, 5.0))
    assert result.reference_point == pytest.approx((0.79, 10.5))
    # The rectangle is 0.11 wide and 5.5 high. random dominates 0.01 × 0.5 of it.
    assert result.rows[0].mean == pytest.approx(0.01 * 0.5 / (0.11 * 5.5))
    assert result.rows[1].mean == pytest.approx((0.11 * 0.5 + 0.01 * 5.0) / (0.11 * 5.5))
    assert result.wins["good"]["random"] == 1.0
