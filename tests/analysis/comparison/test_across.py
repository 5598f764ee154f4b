"""Several benchmarks at once, on runs that are made up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from archsmith.analysis.comparison.across import Across, across
from archsmith.analysis.comparison.compare import compare
from archsmith.analysis.comparison.compared import Compared
from archsmith.analysis.comparison.notes import SAME
from archsmith.core.errors import UsageError
from archsmith.runtime.comparison import Look, Plan, Run, Step

SPEC = {"type": "toy_flat", "args": {}}


def one(
    title: str, metric: str = "accuracy", same: str = "", looks: Any = (), **finals: Sequence[float | None]
) -> Compared:
    """A comparison on the benchmark ``title``. ``same``: the strategy whose runs all make the same proposals."""
    maximize = metric == "accuracy"
    problem = {"objectives": [[metric, maximize]], "constraints": [], "fidelity": ["epochs", 1, 1]}
    n = len(next(iter(finals.values())))
    plan = Plan(title, SPEC, SPEC, problem, dict.fromkeys(finals, SPEC), (metric,), n, trials=10)
    runs = []
    for label, values in finals.items():
        for seed, value in enumerate(values):
            steps = () if value is None else (Step(1, 60.0, ((value,),)),)
            digest = "same" if label == same else f"{label}{seed}"
            runs.append(Run(label, seed, 10, 0, 600.0, 0.5, "trials", steps, steps, proposals=digest))
    return compare(plan, runs, looks=looks)


def ranks(found: Across) -> dict[str, tuple[float, ...]]:
    return {row.label: row.ranks for row in found.ranked}


def test_ranks_are_given_run_by_run_and_averaged() -> None:
    found = across(
        [
            one("a", random=[0.1, 0.2, 0.3], good=[0.2, 0.3, 0.3], bad=[0.0, 0.0, None]),
            one("b", "mse", random=[10.0] * 2, good=[10.0] * 2, bad=[None] * 2),
        ]
    )
    assert ranks(found)["good"] == pytest.approx(((1 + 1 + 1.5) / 3, 1.5))
    assert ranks(found)["random"] == pytest.approx(((2 + 2 + 1.5) / 3, 1.5))
    assert ranks(found)["bad"] == (3.0, 3.0)
    assert [row.label for row in found.ranked] == ["good", "random", "bad"]
    assert found.ranked[0].mean == pytest.approx((3.5 / 3 + 1.5) / 2)
    assert found.labels == ("random", "good", "bad") and found.n_runs == (3, 2)


def test_on_these_benchmarks_the_runs_are_the_sample() -> None:
    """Four runs are too few for a test on one benchmark, and enough on two: whatever the units."""
    a = one("a", random=[0.1, 0.1, 0.1, 0.1], good=[0.2, 0.3, 0.4, 0.5])
    b = one("b", "mse", random=[900.0] * 4, good=[800.0, 700, 600, 500])
    assert a.tests[0].p is None
    (pair,) = across([a, b]).pairs
    assert (pair.first, pair.second, pair.wins, pair.effect, pair.counts) == (
        "good",
        "random",
        (1.0, 1.0),
        1.0,
        "2, 0, 0",
    )
    assert pair.here.p == pair.here.p_holm == pytest.approx(2 / 2**8)
    assert pair.here.ahead and pair.here.clear and pair.elsewhere.p is None
    found = across([a, b])
    assert not found.general and found.groups == ()
    assert found.headline == "good ranks best, and is better than random on these benchmarks"
    assert "On these benchmarks good is better beyond chance than random (p 0.0078)." in found.verdict
    assert "cannot be tested with fewer than 6 benchmarks" in found.verdict


def test_equal_shares_of_runs_tie_in_the_test_over_benchmarks() -> None:
    """Lost 2 to 3 of 5, won 1 to 0 of 5: 0.4 - 0.6 is another float than -0.2. So ranks are 1.5, 1.5 and 3 to 7."""
    lost = one("0", random=[0.5] * 5, good=[0.6] * 2 + [0.4] * 3)
    won = one("1", random=[0.5] * 5, good=[0.6] + [0.5] * 4)
    more = [one(str(i), random=[0.5] * 5, good=[0.6 + 0.01 * i] * 5) for i in range(2, 7)]
    (pair,) = across([lost, won, *more]).pairs
    assert pair.wins[:2] == (-0.2, 0.2)
    assert pair.elsewhere.p == pytest.approx(2 * 3 / 2**7)


def test_of_other_benchmarks_the_benchmarks_are_the_sample() -> None:
    """On six benchmarks, one strategy wins more of the runs each time."""
    parts = [one(str(i), random=[0.5, 0.5, 0.5, 0.5], good=[0.6, 0.6, 0.6, 0.4 + 0.02 * i]) for i in range(6)]
    found = across(parts)
    (pair,) = found.pairs
    assert pair.elsewhere.p == pytest.approx(2 / 2**6) and found.general
    assert "On benchmarks of this kind good is better beyond chance than random (p 0.031)." in found.verdict
    assert "cannot be tested" not in found.verdict


def test_all_that_are_better_than_the_reference_are_named_and_not_the_best_alone() -> None:
    up = [0.01 * i for i in range(1, 9)]
    part = one(
        "a",
        random=[0.5] * 8,
        best=[0.7 + value for value in up],
        good=[0.6 + value for value in up],
        bad=[0.4 - value for value in up],
    )
    found = across([part, replace(part, title="b")])
    assert found.headline == (
        "best ranks best, and is better than good, random and bad on these benchmarks; good is better than random"
    )
    assert "On these benchmarks better than random beyond chance: good (p < 0.001)." in found.verdict
    assert "On these benchmarks worse than random beyond chance: bad (p < 0.001)." in found.verdict


def test_a_strategy_may_be_better_than_the_reference_where_the_best_was_not_shown_to_be() -> None:
    """The first wins by a lot on six seeds and loses by more on the others; the second wins by a little on all."""
    rising = [0.001 * i for i in range(1, 10)]
    part = one(
        "a",
        random=[0.5] * 9,
        bold=[0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.0, 0.0, 0.0],
        steady=[0.51 + value for value in rising],
    )
    found = across([part, replace(part, title="b")])
    assert found.ranked[0].label == "bold"
    assert found.headline == (
        "bold and steady rank best, which may be chance; steady is better than random on these benchmarks"
    )


def test_ranks_share_their_middle_where_scores_are_equal_up_to_rounding() -> None:
    found = across([one("a", x=[0.9, 0.9], y=[0.9 + 4e-8, 0.9 - 4e-8]), one("b", x=[0.1, 0.1], y=[0.1, 0.1])])
    assert ranks(found) == {"x": (1.5, 1.5), "y": (1.5, 1.5)}


def test_a_difference_on_these_benchmarks_need_not_be_one_on_others() -> None:
    """A strategy wins every run on four of six benchmarks, and loses every run on the others."""
    parts = [one(str(i), random=[0.5] * 9, good=[0.6 if i < 4 else 0.4] * 9) for i in range(6)]
    found = across(parts)
    (pair,) = found.pairs
    assert pair.here.clear and not pair.elsewhere.clear and found.general
    assert found.headline == "No difference between the strategies was shown"
    assert "No difference from good was shown for random (p " in found.verdict
    assert found.groups == (("good", "random"),)


def test_p_values_are_corrected_for_all_pairs_and_groups_join_what_was_not_shown_to_differ() -> None:
    up = [0.1 * i for i in range(1, 8)]
    part = one("a", random=[0.0] * 7, good=[1 + value for value in up], twin=[1 + value for value in up])
    found = across([part, replace(part, title="b")])
    by_names = {(pair.first, pair.second): pair for pair in found.pairs}
    beaten = by_names["good", "random"].here
    assert beaten.p is not None and beaten.p_holm == pytest.approx(2 * beaten.p)  # two tests: the twins are all ties
    assert by_names["good", "twin"].here.why == "all 14 pairs of runs are ties"
    assert found.groups == (("good", "twin"),)
    assert "No difference from good was shown for twin: all 14 pairs of runs are ties." in found.verdict


def test_groups_are_as_large_as_can_be_and_may_overlap() -> None:
    """a and c differ, b differs from neither."""
    a, c = np.linspace(0.5, 0.6, 8), np.linspace(0.3, 0.4, 8)
    b = np.where(np.arange(8) % 2 == 0, 0.9, 0.1)
    part = one("x", a=a.tolist(), b=b.tolist(), c=c.tolist())
    assert across([part, replace(part, title="y")]).groups == (("a", "b"), ("b", "c"))


def test_runs_that_count_once_say_nothing_over_runs() -> None:
    rising = [0.1 * i for i in range(8)]
    lone = one("a", random=rising, fixed=[0.9] * 8, same="fixed")
    free = one("b", random=rising, fixed=[0.9 + value for value in rising])
    assert across([lone, replace(lone, title="c")]).pairs[0].here.why == SAME
    (pair,) = across([lone, free]).pairs
    assert pair.here.p == pytest.approx(2 / 2**8)  # from the runs on b alone
    assert pair.wins == (1.0, 1.0)


def test_notes_say_which_benchmark_they_are_about() -> None:
    values = [0.1, 0.2]
    found = across([one("a", random=values, good=values, looks=[Look(0.0, 1)]), one("b", random=values, good=values)])
    assert len(found.notes) == 1 and found.notes[0].startswith("a: The number of runs was changed after a look")


def test_strategies_must_be_the_same_and_more_than_one() -> None:
    with pytest.raises(UsageError, match="a and b are not of the same strategies"):
        across([one("a", x=[0.1], y=[0.2]), one("b", x=[0.1], z=[0.2])])
    with pytest.raises(UsageError, match="only one"):
        across([one("a", x=[0.1]), one("b", x=[0.1])])


def test_false_alarms_over_runs_are_as_rare_as_promised() -> None:
    """Every choice of signs of 3 + 4 pairs is equally likely under no difference: the share of p below 0.05 is counted
    whole, without chance.
    """
    alarms, n = 0, 0
    for signs in product((-1, 1), repeat=7):
        one_way, other = np.array(signs[:3]) * [1, 2, 3], np.array(signs[3:]) * [1, 2, 3, 4]
        a = one("a", random=[0.0] * 3, other=one_way.tolist())
        b = one("b", random=[0.0] * 4, other=other.tolist())
        alarms += (across([a, b]).pairs[0].here.p or 1.0) < 0.05
        n += 1
    assert 0 < alarms / n <= 0.05 and not math.isnan(alarms)


def test_equal_mean_ranks_are_told_as_equal() -> None:
    level = across([one("a", random=[0.1, 0.2], twin=[0.2, 0.1]), one("b", random=[0.3, 0.1], twin=[0.1, 0.3])])
    assert level.ahead == ("random", "twin")
    assert level.verdict.startswith("Over 2 benchmarks random and twin have the same mean rank: 1.50 of 1 to 2. ")
    first = across([one("a", random=[0.2] * 2, twin=[0.2] * 2, last=[0.1] * 2)])
    assert "random and twin have the best mean rank: 1.50 of 1 to 3; last has the worst: 3.00." in first.verdict
    behind = across([one("a", best=[0.2] * 2, random=[0.1] * 2, twin=[0.1] * 2)])
    assert "best has the best mean rank: 1.00 of 1 to 3; random and twin have the worst: 2.50." in behind.verdict


def test_the_headline_names_all_that_rank_best() -> None:
    few, many = [0.1 + i / 100 for i in range(20)], [0.5 + i / 100 for i in range(20)]
    found = across([one("a", random=few, good=many, twin=many)])
    assert found.headline.startswith("good and twin rank best, and good is better than random on these benchmarks")
