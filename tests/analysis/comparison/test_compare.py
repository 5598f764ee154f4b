"""The statistics of a comparison, on runs that are made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from archsmith.analysis.comparison.compare import compare, refuse_target
from archsmith.analysis.comparison.compared import VOLUME, Compared
from archsmith.analysis.wording import NB
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
    assert compared({"random": [0.1], "twin": [0.1]}).tests[0].why == "there is one pair, a tie"


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


def test_an_accuracy_that_is_given_in_percent_is_shown_as_it_is() -> None:
    runs = [run(label, seed, value + seed) for label, value in (("random", 50.0), ("good", 60.5)) for seed in range(8)]
    result = compare(plan("random", "good"), runs)
    assert [result.ends(row) for row in result.rows] == ["50 – 57", "60.5 – 67.5"]
    assert result.unit == "" and "%" not in result.verdict


def test_small_spreads_and_values_of_one_percent_are_told_in_the_unit_of_the_others() -> None:
    result = compared({"random": [1.0, 1.1], "good": [90.4, 90.5]}, target=0.9)
    assert result.average(result.rows[1]) == "90.45 ± 0.07071" and result.ends(result.rows[0]) == "1 – 1.1"
    assert result.shown(result.target) == "0.9"


def test_a_target_in_percent_is_refused_where_scores_are_shares() -> None:
    with pytest.raises(UsageError, match="A target of 9260 % is never reached.") as caught:
        compared({"random": [0.9] * 6}, target=92.6)
    assert "such as 0.926" in caught.value.hint
    assert not compared({"random": [90.0, 91.0]}, target=92.6).in_per_cent
    tested = plan("random", runs=1, objectives=(("final_test_accuracy", True),))
    with pytest.raises(UsageError, match="A target of 9400 % is never reached."):
        compare(tested, [run("random", 0, 0.9)], target=94.0)
    with pytest.raises(UsageError, match="A target of 200 % is never reached."):
        refuse_target(2.0, VOLUME, 1.0)
    refuse_target(2.0, "log_loss", 0.5)
    refuse_target(1.0, "accuracy", 0.9)


def test_runs_that_end_alike_have_no_spread() -> None:
    result = compared({"random": [0.1 + 0.2, 0.3, 0.3], "good": [0.5, 0.6, 0.7]})
    assert result.rows[0].sd == 0.0 and result.rows[1].sd == pytest.approx(0.1)


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
    assert result.verdict.startswith(
        "random found something in 20 of 20 runs, lucky in 1 of 20. Run by run, with nothing found as the worst, "
        "random has the best mean rank: 1.05 of 1 to 2."
    )
    assert "best accuracy" not in result.verdict and "average" not in result.headline + result.verdict
    assert compared({"a": [0.5] + [None] * 3, "b": [0.6] + [None] * 3}).best.label == "b"


def test_runs_with_the_same_proposals_count_once() -> None:
    values = [0.1 * i for i in range(8)]
    both = plan("random", "fixed")
    runs = [run("random", seed, value) for seed, value in enumerate(values)]
    same = [replace(run("fixed", seed, 0.9), proposals="same") for seed in range(8)]
    result = compare(both, [*runs, *same])
    row, test, curve = result.rows[1], result.tests[0], result.curves[1]
    assert (row.independent, row.n_runs, row.sd, row.mean) == (1, 8, None, pytest.approx(0.9))
    assert (test.p, test.interval, test.better) == (None, None, 8)
    assert curve.low == curve.mean == curve.high
    assert result.notes == (
        "All 8 runs of fixed made the same proposals. They count as one run: it has no spread, and is not tested.",
    )
    assert (
        "No difference from random was shown for fixed: runs that all make the same proposals count as one run."
        in result.verdict
    )
    assert compare(both, [*runs, *same], reference="fixed").tests[0].why == f"{test.why} (fixed)"
    apart = [replace(each, proposals=str(each.seed)) for each in same]
    unknown = [replace(each, proposals=None) for each in same]  # runs of earlier versions
    for others in (apart, unknown):
        assert compare(both, [*runs, *others]).tests[0].p is not None
    assert compare(plan("random", runs=1), [replace(runs[0], proposals="one")]).rows[0].independent == 1


def test_means_of_different_runs_make_nobody_the_best() -> None:
    one, half = [0.9] + [None] * 7, [0.5] * 4 + [None] * 4
    result = compared({"random": one, "evolution": half})
    assert (result.average(result.rows[0]), result.ends(result.rows[0])) == (
        "90.00 % (1 of 8 runs)",
        "nothing – 90.00 %",
    )
    assert "evolution has the best mean rank: 1.38 of 1 to 2." in result.verdict  # (1 × 2 + 3 × 1 + 4 × 1.5) / 8
    alone = compared({"random": one})
    assert alone.headline == "random found something in 1 of 8 runs" and alone.verdict == f"{alone.headline}."
    none = compared({"random": one, "never": [None] * 8})
    assert (none.average(none.rows[1]), none.ends(none.rows[1])) == ("–", "nothing found")


def test_the_median_counts_runs_that_found_nothing_as_worst() -> None:
    for values, median in (
        ([0.5, 0.6, 0.7, None, None], 0.5),
        ([0.5, 0.6, None, None], None),
        ([0.5, None, None], None),
    ):
        assert compared({"random": values}).rows[0].median == median
    loss = [run("random", seed, *([] if value is None else [value])) for seed, value in enumerate((1.0, 2.0, None))]
    assert compare(plan("random", runs=3, objectives=(("mse", False),)), loss).rows[0].median == 2.0


def test_the_target_is_a_median_that_is_one_and_says_of_what() -> None:
    found = compared({"random": [0.5, 0.6, 0.7, None, None], "other": [0.1] * 5})
    assert (found.target, found.about_target) == (0.5, "At least half of the runs of random end there or better.")
    few = compared({"random": [0.9, None, None, None], "other": [0.2, 0.4, 0.6, None]})
    assert few.target == pytest.approx(0.5)
    assert few.about_target.startswith("Too few runs of random found something for a median, so this is the median of")
    assert compared({"random": [0.9, None]}, target=0.3).about_target == ""


def test_a_run_that_found_nothing_counts_as_worst() -> None:
    result = compared({"random": [0.5] * 8, "frail": [0.9] * 6 + [None, None]})
    frail = result.rows[1]
    assert (frail.n_nothing, frail.mean) == (2, pytest.approx(0.9))
    assert (result.tests[0].better, result.tests[0].worse) == (6, 2)
    assert any("2 of 8 runs of frail found nothing" in note for note in result.notes)
    both = compared({"random": [None] + [0.5] * 7, "frail": [None] + [0.6] * 7})
    assert both.tests[0].ties == 1


def test_what_counts_is_told_where_runs_found_nothing() -> None:
    made = plan("random", "frail")
    limited = replace(made, problem={**made.problem, "constraints": [["params", 10.0, None]]})
    shorter = replace(limited, problem={**limited.problem, "fidelity": ["epochs", 1, 9]})
    runs = [run(label, seed, 0.5) for label in ("random", "frail") for seed in range(8)]
    runs[-1] = replace(runs[-1], curve=(), tried=())
    for given, said in (
        (made, "found nothing that counts. Its mean"),
        (limited, "that counts. Only trials within the limits count."),
        (shorter, "that counts. Only trials at 9 epochs and within the limits count."),
    ):
        assert any(said in note for note in compare(given, runs).notes)


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


def test_every_run_is_told_as_it_ended() -> None:
    last = compared({"random": [0.5, None], "good": [0.6, 0.7]}).finals
    assert [(each.label, each.seed, each.value) for each in last] == [
        ("random", 0, 0.5),
        ("random", 1, None),
        ("good", 0, 0.6),
        ("good", 1, 0.7),
    ]
    assert (last[0].trials, last[0].failed, last[0].seconds, last[0].reason) == (10, 1, 600.0, "trials")


# The verdict


def test_a_difference_that_was_not_shown_is_said_with_what_may_be_there_all_the_same() -> None:
    # Of eight, the interval leaves out three means of two at each end: -0.08, -0.07 and -0.06; 0.07, 0.06 and 0.05.
    gains = [0.01, -0.02, 0.03, -0.04, 0.05, -0.06, 0.07, -0.08]
    result = compared({"random": [0.5] * 8, "other": [0.5 + gain for gain in gains]})
    assert result.headline == "No strategy was shown to be better than random"
    assert (
        "No difference from random was shown for other (p 0.84): chance alone may well bring as much." in result.verdict
    )
    assert (
        "leave room for a typical difference from 6.00 points worse to 5.00 points better (other)"
        in result.verdict.replace("\u00a0", " ")
    )
    assert "beyond chance" not in result.verdict


def test_the_end_of_a_range_that_no_digit_tells_from_nothing_is_called_so() -> None:
    # More than half of the runs are ties, up to the last bit of a 32-bit float, so the interval ends at 0.
    gains = [0.0, 3e-8, -3e-8, 0.0, 0.0, 0.0, 0.01, -0.02, 0.03, 0.04, 0.05, 0.06]
    result = compared({"random": [0.5] * 12, "other": [0.5 + gain for gain in gains]})
    said = result.verdict.replace("\u00a0", " ")
    assert "leave room for a typical difference from none to" in said and " 0.00" not in said
    test = result.tests[0]
    assert (test.better, test.worse, test.ties) == (5, 1, 6)
    assert result.wins["other"]["random"] == 5 / 12 and result.wins["random"]["other"] == 1 / 12
    assert result.difference(-1e-9) == "+0.00"


def test_a_range_with_both_ends_on_one_side_says_the_side_once() -> None:
    # Ties count in the interval and not in the test, so that it may leave 0 out where p is 0.05 or more.
    better = [0.01, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09]
    result = compared({"random": [0.5] * 10, "other": [0.5 + gain for gain in better]})
    unsure = replace(result, tests=(replace(result.tests[0], p=0.06, p_holm=0.06),))
    assert "typical difference from 2.50 to 7.00 points better (other)" in unsure.verdict.replace("\u00a0", " ")
    low, high = result.tests[0].interval or (0.0, 0.0)
    worse = replace(unsure, tests=(replace(unsure.tests[0], interval=(-(high or 0.0), -(low or 0.0))),))
    assert "typical difference from 2.50 to 7.00 points worse (other)" in worse.verdict.replace("\u00a0", " ")


def test_strategies_without_a_test_are_said_with_the_reason_of_each() -> None:
    values = [0.1 * i for i in range(8)]
    result = compared({"random": values, "twin": values, "alike": [*values[:-1], 0.9], "good": [1 + v for v in values]})
    assert "No difference from random was shown for twin: all 8 pairs are ties." in result.verdict
    assert (
        "No difference from random was shown for alike: with fewer than 6 pairs that differ (1 here)" in result.verdict
    )
    assert result.headline == "good ends better than random"


def test_means_that_are_equal_up_to_rounding_are_both_the_best() -> None:
    result = compared({"random": [0.1, 0.2, 0.6], "twin": [0.6, 0.2, 0.1]})
    assert "random and twin end with the best accuracy" in result.verdict


def test_what_would_pass_alone_and_not_among_others_is_said() -> None:
    one = [0.5 + 0.01 * gain for gain in (-1, 2, 3, 4, 5, 6, 7, 8)]
    others = {name: [0.5 + 0.01 * gain for gain in (1, -2, 3, -4, 5, -6, 7, -8)] for name in "abcdefg"}
    result = compared({"random": [0.5] * 8, "one": one, **others})
    assert "Tested alone, one (better, p 0.016) would pass, but of 8 tests at once" in result.verdict
    assert "leave room" not in result.verdict  # for so many, the table tells it
    worse = compared({"random": [0.5] * 8, "one": [1.0 - value for value in one], "a": others["a"]})
    tests = tuple(replace(test, p_holm=0.09) for test in worse.tests)
    said = replace(worse, tests=tests).verdict.replace("\u00a0", " ")
    assert "Tested alone, one (worse, p 0.016) would pass, but of 2 tests" in said
    assert "points worse (one) and from" in said  # how much worse is said as well


def test_one_run_is_no_average_and_no_half_of_the_runs() -> None:
    found = compared({"random": [0.5], "other": [0.7]})
    assert found.verdict.startswith("In one run other ends with the best accuracy: 70.00 %")
    assert found.about_target == "That is where the run of random ends."
    assert compared({"random": [0.5]}).headline == "random ends at 50.00 %"


def test_strategies_that_end_alike_are_both_the_best_and_one_run_is_no_mean() -> None:
    result = compared({"random": [0.5, 0.7], "twin": [0.7, 0.5], "bad": [0.1, 0.2]})
    assert result.verdict.startswith(
        "On average over 2 runs random and twin end with the best accuracy: 60.00 %. No difference"
    )
    runs = [run("random", seed, 0.5) for seed in range(8)]
    same = [replace(run("fixed", seed, 0.9), proposals="same") for seed in range(8)]
    verdict = compare(plan("random", "fixed"), [*runs, *same]).verdict
    assert verdict.startswith(
        "On average over 8 runs fixed (one run) ends with the best accuracy: 90.00 %, random 50.00 %."
    )


def test_a_failing_strategy_may_be_any_amount_worse() -> None:
    result = compared({"random": [0.5] * 8, "frail": [0.6, 0.61, 0.62, 0.63, None, None, None, 0.64]})
    assert "from any amount worse to" in result.verdict


def test_differences_have_a_unit_where_values_are_shares() -> None:
    better = {"random": [0.50] * 6, "good": [0.51] * 6}
    share = compared(better)
    assert (share.unit, share.difference(0.01), share.between((None, 0.01))) == ("points", "+1.00", "-∞ to +1.00")
    error = replace(share, metric="mse")
    assert (share.difference(-2e-5), share.gap(2e-5)) == ("-0.002", f"0.002{NB}points")
    assert (error.unit, error.difference(-1234.0), error.gap(0.5)) == ("", "-1,234", "0.5")
    assert replace(share, metric=VOLUME).difference(0.01) == "+0.0100"


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


def test_on_the_clock_a_curve_ends_with_the_trials() -> None:
    """Half of the budget went to the strategy, so nothing is known of a trial beyond the other half."""
    thinking = [replace(run("random", seed, 0.1, 0.2), seconds=300.0 + seed, wall_seconds=600.0) for seed in (0, 1)]
    result = compare(plan("random", runs=2, seconds=600.0), thinking)
    assert not result.simulated and result.curves[0].x[-1] == 301.0


def test_runs_say_themselves_whether_their_seconds_are_simulated() -> None:
    for simulated, seconds, wall_seconds in ((True, 430.0, 320.0), (False, 430.0, 1.0)):
        told = {"seconds": seconds, "wall_seconds": wall_seconds, "simulated": simulated}
        runs = [replace(run("random", 0, 0.1, 0.2), **told), run("random", 1, 0.1, 0.2)]  # one of an earlier version
        result = compare(plan("random", runs=2, seconds=800.0), runs)
        assert result.simulated is simulated
        assert result.curves[0].x[-1] == (800.0 if simulated else 600.0)


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


def test_an_empty_front_has_a_hypervolume_of_0_which_counts_in_all_numbers() -> None:
    objectives = (("accuracy", True), ("latency", False))
    step = Step(4, 60.0, ((0.8, 10.0),))
    runs = [Run("random", seed, 10, 0, 600.0, 0.1, "trials", (step,), ()) for seed in range(4)]
    better = Step(4, 60.0, ((0.9, 5.0),))
    runs += [Run("frail", seed, 10, 0, 600.0, 0.1, "trials", (better,) if seed else (), ()) for seed in range(4)]
    result = compare(plan("random", "frail", runs=4, objectives=objectives), runs)
    row, curve = result.rows[1], result.curves[1]
    assert (row.mean, row.worst, row.best, row.n_nothing) == (pytest.approx(0.75), 0.0, pytest.approx(1.0), 1)
    assert result.complete and "frail ends with the best hyper-volume: 0.7500" in result.verdict
    assert next(each.value for each in result.finals if each.label == "frail") == 0.0
    assert (curve.x[0], curve.mean[0], curve.mean[-1]) == (0.0, 0.0, pytest.approx(0.75))
    assert result.tests[0].worse == 1
    assert result.notes == ("1 of 4 runs of frail found nothing that counts. The hyper-volume of an empty front is 0.",)
    target = compare(plan("frail", "random", runs=4, objectives=objectives), runs, reference="frail").target
    assert target == pytest.approx(1.0)
    empty = [replace(each, curve=()) if each.strategy == "frail" and each.seed < 3 else each for each in runs]
    few = compare(plan("frail", "random", runs=4, objectives=objectives), empty, reference="frail")
    assert few.target > 0 and few.about_target.startswith("Too few runs of frail")


def test_where_every_trial_failed_the_commonest_reason_is_told() -> None:
    errors = ("ValueError: no.", "ZeroDivisionError: division by zero.", "ZeroDivisionError: division by zero.")
    failed = [
        replace(run("random", seed), n_trials=8, n_failed=8, reason="failures", error=error)
        for seed, error in enumerate(errors)
    ]
    words = r"^All 24 trials of all runs failed on made up, .* for this: ZeroDivisionError: division by zero\. Mend the"
    with pytest.raises(UsageError, match=words):
        compare(plan("random", runs=3), failed)


def test_where_nothing_passed_a_cascade_it_is_the_cascade_that_is_told() -> None:
    screened = [replace(run("random", seed), n_trials=8, n_failed=0, n_screened=8) for seed in range(2)]
    words = "^All 16 trials of all runs were screened out by the cheap evaluator on made up. Let the cascade keep more"
    with pytest.raises(UsageError, match=words):
        compare(plan("random", runs=2), screened)
    failed = replace(screened[0], n_failed=2, n_screened=6, error="Out of memory.", n_error=2)
    words = "^All 2 trials of all runs that were not screened out failed on made up: Out of memory. Mend the"
    with pytest.raises(UsageError, match=words):
        compare(plan("random", runs=2), [failed, screened[1]])


def test_where_nothing_counts_no_limit_is_asked_for_that_was_not_given() -> None:
    without = plan("random", runs=1)
    limited = replace(without, problem={**without.problem, "constraints": [["params", 1e6, None]]})
    with pytest.raises(UsageError, match=r"1 of 10 trials failed\. Give a larger"):
        compare(without, [run("random", 0)])
    with pytest.raises(UsageError, match=r"Is a limit too strict"):
        compare(limited, [run("random", 0)])


def test_runs_without_a_proposal_made_no_same_ones() -> None:
    runs = [run("random", seed, 0.1 * seed) for seed in range(8)]
    none = [replace(run("fixed", seed), n_trials=0, reason="exhausted", proposals="none") for seed in range(8)]
    result = compare(plan("random", "fixed"), [*runs, *none])
    assert "fixed proposed nothing in all 8 runs." in result.notes
    assert "same proposals" not in " ".join([result.verdict, *result.notes])
