"""A linear layer on fixed features: what it learns, and how its penalty is chosen."""

import numpy as np
import pytest
import torch

from archsmith.training import linear_head
from archsmith.training.goal import ClassGoal, RegressionGoal
from archsmith.training.linear_head import PENALTIES, fit_head

D = 40


def features(n, seed=0):
    """On scales of their own, one of them constant."""
    rows = torch.randn(n, D, generator=torch.Generator().manual_seed(seed))
    rows[:, 3] = 7.0
    return rows * torch.logspace(-2, 2, D) + 5.0


def directions(k):
    return torch.randn(k, D, generator=torch.Generator().manual_seed(9)) / torch.logspace(-2, 2, D)


def outputs(head, rows):
    return rows @ head.weight.T + head.bias


def classes(rows):
    return ((rows - 5.0) @ directions(3).T).argmax(1).numpy()


def test_classes_that_a_line_divides_are_told_apart():
    rows, new = features(600), features(300, 1)
    head = fit_head(rows, classes(rows), ClassGoal(), 3, seed=0)
    assert (outputs(head, new).argmax(1).numpy() == classes(new)).mean() > 0.9


def test_it_says_whether_the_clock_ended_its_fit():
    rows = features(600)
    cut = [fit_head(rows, classes(rows), ClassGoal(), 3, 0, seconds).cut for seconds in (None, 600.0, 0.0)]
    assert cut == [False, False, True]


def test_a_regression_target_is_learnt_in_standard_units():
    rows, new = features(400), features(200, 1)
    truth = [100.0 + 10.0 * ((x - 5.0) @ directions(1)[0]).numpy() for x in (rows, new)]
    goal = RegressionGoal(mean=float(truth[0].mean()), std=float(truth[0].std()))
    head = fit_head(rows, truth[0], goal, 1, seed=0)
    assert goal.score(outputs(head, new), truth[1]).metrics["r2"] > 0.98


def test_noise_is_held_down_by_a_strong_penalty_and_a_clear_rule_is_not():
    rows = features(200)
    noise = np.random.default_rng(0).integers(0, 3, 200)
    assert (
        fit_head(rows, noise, ClassGoal(), 3, seed=0).penalty > fit_head(rows, classes(rows), ClassGoal(), 3, 0).penalty
    )


def test_noise_is_answered_about_as_well_as_by_shares():
    rows, new = features(200), features(200, 1)
    noise = np.random.default_rng(0).integers(0, 3, 400)
    head = fit_head(rows, noise[:200], ClassGoal(), 3, seed=0)
    assert ClassGoal().score(outputs(head, new), noise[200:]).metrics["log_loss"] < np.log(3) + 0.1


def test_balanced_classes_are_told_apart_although_one_is_rare():
    rows = features(600)
    scores = (rows - 5.0) @ directions(1)[0]
    rare = (scores >= scores.sort().values[-20]).long().numpy()
    recall = {
        balanced: (outputs(fit_head(rows, rare, goal, 2, 0), rows).argmax(1).numpy() == 1)[rare == 1].mean()
        for balanced, goal in ((False, ClassGoal()), (True, ClassGoal().balanced(rare)))
    }
    assert recall[True] >= recall[False] and recall[True] > 0.9


def test_the_same_seed_gives_the_same_layer():
    rows = features(100)
    first, second = (fit_head(rows, classes(rows), ClassGoal(), 3, seed=4) for _ in range(2))
    torch.testing.assert_close(first.weight, second.weight, rtol=0, atol=0)


def test_without_time_there_is_still_a_layer():
    rows = features(100)
    head = fit_head(rows, classes(rows), ClassGoal(), 3, seed=0, seconds=0.0)
    assert head.penalty == PENALTIES[0] and head.weight.isfinite().all()


def test_a_class_without_examples_is_said_never():
    rows = features(120)
    head = fit_head(rows, classes(rows), ClassGoal(), 4, seed=0)
    assert (outputs(head, rows).argmax(1) != 3).all()


def test_only_some_rows_choose_the_penalty(monkeypatch):
    monkeypatch.setattr(linear_head, "MOST_ROWS", 50)
    sizes = []
    fitted = linear_head._descended
    monkeypatch.setattr(linear_head, "_descended", lambda rows, *more: sizes.append(len(rows)) or fitted(rows, *more))
    rows = features(200)
    fit_head(rows, classes(rows), ClassGoal(), 3, seed=0)
    assert set(sizes[:-1]) == {40} and sizes[-1] == 200


@pytest.mark.parametrize("most", [0, linear_head.MOST_VALUES])
@pytest.mark.parametrize("goal", [ClassGoal(), RegressionGoal(mean=1.0, std=0.5)])
def test_codes_are_features_that_are_one_or_zero(monkeypatch, most, goal):
    monkeypatch.setattr(linear_head, "MOST_VALUES", most)
    codes = torch.randint(0, 4, (300, 1), generator=torch.Generator().manual_seed(2))
    rows = torch.randn(300, 1, generator=torch.Generator().manual_seed(3))
    labels = (codes[:, 0] % 2).numpy()
    head = fit_head(rows, labels, goal, 2 if isinstance(goal, ClassGoal) else 1, seed=0, codes=codes, n_codes=5)
    found = goal.predictions(outputs(head, rows) + head.code_weight.T[codes[:, 0]])
    assert head.code_weight[:, 4].abs().max() < 1e-6  # which no row has
    known = found.argmax(1) if isinstance(goal, ClassGoal) else found
    np.testing.assert_allclose(known.numpy(), labels, atol=0.05)


def test_a_regression_target_is_solved_for_as_it_is_descended_to(monkeypatch):
    monkeypatch.setattr(linear_head, "PENALTIES", (0.1,))
    rows, goal = features(400), RegressionGoal()
    truth = ((rows - 5.0) @ directions(1)[0]).numpy()
    exact = fit_head(rows, truth, goal, 1, seed=0)
    monkeypatch.setattr(linear_head, "MOST_EXACT", 0)
    np.testing.assert_allclose(outputs(fit_head(rows, truth, goal, 1, seed=0), rows), outputs(exact, rows), atol=0.02)


@pytest.mark.parametrize("n", [1, 2, 12])
def test_few_rows_are_enough(n):
    rows = features(n)
    assert fit_head(rows, np.arange(n) % 2, ClassGoal(), 2, seed=0).bias.isfinite().all()
