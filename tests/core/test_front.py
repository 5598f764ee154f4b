"""Fronts by definition: who is on them, where the knee is, and what they dominate, counted where it can be counted."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.front import Front, Step, bounds, growth, hypervolume, pareto_ranks
from archsmith.core.problem import Objective
from archsmith.core.trial import Outcome, Status, Trial

COSTS = tuple(Objective(name) for name in ("params", "macs", "memory"))


def trial(number: int, losses: Sequence[float], feasible: bool = True, fidelity: float = 1.0) -> Trial:
    made = Trial(number, Architecture({"x": number}), fidelity, feasible=feasible)
    metrics = {each.metric: value for each, value in zip(COSTS, losses, strict=False)}
    made.outcome, made.losses = Outcome(Status.OK, metrics), tuple(losses)
    return made


def front(*points: Sequence[float]) -> Front:
    found = Front(COSTS[: len(points[0])])
    for number, losses in enumerate(points):
        found = found.joined(trial(number, losses))
    return found


def ids(found: Front) -> list[int]:
    return [each.id for each in found]


# Who is on it


@pytest.mark.parametrize("n_objectives", [2, 3])
def test_the_front_is_the_first_rank_whatever_the_order(n_objectives: int) -> None:
    rng = np.random.default_rng(0)
    points = rng.integers(0, 6, (120, n_objectives)).astype(float)  # with many ties
    points = points[points.sum(1) >= 5]
    n = len(points)
    expected = np.flatnonzero(pareto_ranks(points, np.zeros(n)) == 0)
    assert 5 < len(expected) < n / 2
    for order in (range(n), rng.permutation(n)):
        found = Front(COSTS[:n_objectives])
        for number in order:
            found = found.joined(trial(int(number), points[number].tolist()))
        assert sorted(ids(found)) == expected.tolist()


def test_ranks_are_those_of_peeling_off_fronts() -> None:
    rng = np.random.default_rng(0)
    losses, violations = rng.integers(0, 5, (60, 2)).astype(float), np.maximum(0, rng.integers(-4, 3, 60)).astype(float)

    def dominates(i: int, j: int) -> bool:
        if violations[i] != violations[j]:
            return bool(violations[i] < violations[j])
        return bool((losses[i] <= losses[j]).all() and (losses[i] < losses[j]).any())

    expected, left, rank = np.zeros(60, dtype=int), set(range(60)), 0
    while left:
        peeled = {i for i in left if not any(dominates(j, i) for j in left)}
        expected[list(peeled)] = rank
        left, rank = left - peeled, rank + 1
    assert rank > 5
    assert pareto_ranks(losses, violations).tolist() == expected.tolist()


def test_equals_stay_together_and_are_told_apart() -> None:
    found = front((1, 2), (2, 1), (1, 2))
    assert ids(found) == [0, 2, 1]
    assert ids(Front(COSTS, found.distinct)) == [0, 1]
    assert [other.id for other in found.equals(found[0])] == [2] and found.equals(found[2]) == ()
    assert [found.extended_by(each) for each in found] == [False, False, True]


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_finite_number_is_on_no_front(loss: float) -> None:
    assert ids(front((1, 2), (0, loss), (loss, 0))) == [0]


# The knee


@pytest.mark.parametrize(
    ("points", "knee"),
    [
        ([(0, 100), (1, 20), (4, 15), (10, 0)], 1),  # 0.3 of the two ranges, the next one 0.55
        ([(0, 100), (9, 80), (10, 0)], None),  # bent the other way
        ([(0, 4), (1, 3), (2, 2), (3, 1), (4, 0)], None),  # straight
        ([(0, 1), (1, 0)], None),
        ([(3, 3)], None),
        ([(0, 10), (1, 1), (1, 1), (10, 0)], 1),  # the earliest of equals
        ([(0, 10, 10), (10, 0, 10), (10, 10, 0), (4, 4, 4), (3, 6, 6)], 3),
        ([(0, 10, 5), (1, 1, 5), (10, 0, 5)], 1),  # one objective says nothing
    ],
)
def test_the_knee_is_the_point_that_stands_out_between_the_ends(
    points: list[tuple[float, ...]], knee: int | None
) -> None:
    found = front(*points).knee
    assert (found and found.id) == knee


def test_the_unit_of_an_objective_does_not_move_the_knee() -> None:
    points = np.random.default_rng(1).random((40, 2)) ** 3
    knee, other = front(*points.tolist()).knee, front(*(points * [1e6, 1e-3]).tolist()).knee
    assert knee is not None and other is not None and knee.id == other.id


# The hyper-volume


@pytest.mark.parametrize(
    ("points", "volume"),
    [
        ([(0.0, 0.0)], 1.0),
        ([(0.5, 0.5)], 0.25),
        ([(0.0, 0.5), (0.5, 0.0)], 0.75),
        ([(0.0, 0.5), (0.5, 0.0), (0.6, 0.6)], 0.75),
        ([(1.0, 0.0), (2.0, -1.0)], 0.0),
        ([(0.2, 0.8), (0.2, 0.4), (0.6, 0.3)], 0.8 * 0.6 + 0.4 * 0.1),
        ([(0.0, 0.0, 0.0)], 1.0),
        ([(0.0, 0.0, 0.5), (0.5, 0.5, 0.0)], 0.5 + 0.25 * 0.5),
        ([(0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0)], 0.5),
        ([(0.5, 0.5, 1.0)], 0.0),
        ([(0.5, 0.5, 0.5, 0.5), (0.5, 0.5, 0.0, 0.5)], 0.125),
    ],
)
def test_hypervolume(points: list[tuple[float, ...]], volume: float) -> None:
    m = len(points[0])
    assert hypervolume(np.array(points), np.zeros(m), np.ones(m)) == pytest.approx(volume)
    stretched = np.array(points) * 7 - 3
    assert hypervolume(stretched, np.full(m, -3.0), np.full(m, 4.0)) == pytest.approx(volume)


@pytest.mark.parametrize("n_objectives", [2, 3, 4])
def test_hypervolume_agrees_with_counting(n_objectives: int) -> None:
    rng = np.random.default_rng(3)
    points, grid = rng.random((12, n_objectives)), rng.random((20_000, n_objectives))
    counted = np.mean((points[None, :, :] <= grid[:, None, :]).all(2).any(1))
    volume = hypervolume(points, np.zeros(n_objectives), np.ones(n_objectives))
    assert volume == pytest.approx(float(counted), abs=0.02)  # sd of the count: 0.0035


def test_a_front_measures_itself_against_a_point_that_it_tells() -> None:
    found = front((0, 100), (5, 50), (10, 0))
    assert found.ideal == {"params": 0, "macs": 0} and found.reference == {"params": 11, "macs": 110}
    assert found.hypervolume == pytest.approx((11 * 10 + 6 * 50 + 1 * 50) / (11 * 110))
    assert found.to_dict()["hypervolume"] == found.hypervolume


def test_values_are_those_of_the_metrics_not_losses() -> None:
    found = Front((Objective("accuracy"), Objective("params")))
    for number, (accuracy, params) in enumerate([(0.9, 10), (0.5, 2)]):
        found = found.joined(trial(number, (-accuracy, params)))
    assert found.ideal == {"accuracy": 0.9, "params": 2}
    assert found.reference == pytest.approx({"accuracy": 0.46, "params": 10.8})


@pytest.mark.parametrize("points", [[(1, 2)], [(1, 2), (1, 2)], [(2,), (1,)]])
def test_without_a_trade_off_there_is_no_hypervolume(points: list[tuple[float, ...]]) -> None:
    found = front(*points)
    assert found.hypervolume is None and found.ideal == found.reference == {}
    assert growth(found, found) == []


def test_more_objectives_than_can_be_measured_still_have_a_front() -> None:
    four = tuple(Objective(name, maximize=False) for name in "abcd")
    found = Front(four)
    for number, losses in enumerate(np.eye(4).tolist()):
        found = found.joined(trial(number, losses))
    assert len(found) == 4 and found.hypervolume is None and found.knee is None


# Over time


def steps(*trials: Trial, objectives: int = 2) -> list[Step]:
    found = Front(COSTS[:objectives])
    for each in trials:
        if each.ok and each.fidelity == 1.0:
            found = found.joined(each)
    return growth(found, trials)


def test_it_grows_to_the_hypervolume_of_the_whole_front() -> None:
    rng = np.random.default_rng(2)
    trials = [trial(i, rng.random(3).tolist()) for i in range(60)]
    grown = steps(*trials, objectives=3)
    assert [n for n, _ in grown] == sorted({n for n, _ in grown}) and grown[0][0] == 1
    assert all(b >= a for (_, a), (_, b) in itertools.pairwise(grown))
    assert grown[-1][1] == front(*[each.losses or () for each in trials]).hypervolume


def test_only_what_counts_makes_it_grow() -> None:
    failed = Trial(5, Architecture({"x": 5}), 1.0, outcome=Outcome.failure(ValueError("no")))
    grown = steps(
        trial(0, (0, 0), feasible=False),
        trial(1, (2, 2), fidelity=0.5),
        trial(2, (4, 4)),
        failed,
        trial(3, (5, 5)),
        trial(4, (2, 4)),
        trial(6, (3, 3)),
    )
    assert [n for n, _ in grown] == [3, 6, 7]


def test_of_very_many_changes_some_are_measured_and_the_last_one() -> None:
    points = [(float(i), float(1000 - i)) for i in range(1000)]
    grown = steps(*[trial(i, point) for i, point in enumerate(points)])
    assert len(grown) == 200 and grown[0][0] == 1 and grown[-1] == (1000, front(*points).hypervolume)


def test_the_box_is_that_of_the_points() -> None:
    ideal, reference = bounds(np.array([[1.0, 5.0], [3.0, 5.0]]))
    assert ideal.tolist() == [1, 5] and reference.tolist() == pytest.approx([3.2, 5.1])


def test_a_notebook_gets_a_table() -> None:
    html = front((0, 100), (1, 20), (10, 0))._repr_html_()
    assert "Front of 3 trials" in html and "multiply-adds" in html and html.count("knee") == 1


def test_a_trial_that_only_equals_a_point_is_no_step() -> None:
    grown = steps(trial(0, (1, 3)), trial(1, (3, 1)), trial(2, (1, 3)), trial(3, (5, 5)))
    assert [n for n, _ in grown] == [1, 2]
