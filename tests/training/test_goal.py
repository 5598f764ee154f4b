from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from archsmith.core.errors import UsageError
from archsmith.core.task import image_classification, image_regression
from archsmith.training.goal import HEAVIEST, ClassGoal, Goal, RegressionGoal, class_weights

SHAPE = (1, 2, 2)


def test_a_task_says_which_goal_and_which_metric_comes_first() -> None:
    assert Goal.of(image_classification(SHAPE, ("a", "b"))) == ClassGoal()
    assert Goal.of(image_classification(SHAPE, ("a", "b"), balanced=True)).metrics[0] == "balanced_accuracy"
    assert Goal.of(image_regression(SHAPE), (2.0, 3.0)) == RegressionGoal(mean=2.0, std=3.0)


def test_targets_that_are_all_one_number_have_the_deviation_one() -> None:
    assert Goal.of(image_regression(SHAPE), (5.0, 0.0)) == RegressionGoal(mean=5.0, std=1.0)


# Classes


def test_the_loss_of_classes_is_smoothed_cross_entropy() -> None:
    outputs, labels = torch.randn(8, 3, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 3
    assert torch.equal(
        ClassGoal().loss(outputs, labels, 0.1), nn.functional.cross_entropy(outputs, labels, label_smoothing=0.1)
    )


def test_a_score_in_the_order_of_the_metrics() -> None:
    goal = ClassGoal(("balanced_accuracy", "accuracy", "log_loss"))
    score = goal.score(torch.tensor([[100.0, 0.0], [100.0, 0.0], [100.0, 0.0], [0.0, 100.0]]), np.array([0, 0, 0, 0]))
    assert list(score.metrics) == ["balanced_accuracy", "accuracy", "log_loss"]
    assert score.metrics["accuracy"] == 0.75
    assert score.n == 4


def test_balanced_accuracy_is_the_mean_recall_of_the_classes_that_occur() -> None:
    outputs = nn.functional.one_hot(torch.tensor([0, 0, 0, 0, 1, 0]), 3).float()
    score = ClassGoal().score(outputs, np.array([0, 0, 0, 0, 1, 1]))
    assert score.metrics["balanced_accuracy"] == 0.75
    assert score.metrics["accuracy"] == pytest.approx(5 / 6)


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy"])
def test_the_errors_of_the_examples_add_up_to_the_error_of_the_score(metric: str) -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 2])
    outputs = nn.functional.one_hot(torch.tensor([0, 1, 0, 0, 1, 0, 2]), 3).float()
    goal = ClassGoal((metric, "log_loss"))
    errors, score = goal.errors(outputs, labels), goal.score(outputs, labels).metrics[metric]
    assert errors.sum() / (3 if metric == "balanced_accuracy" else 7) == pytest.approx(1 - score)
    assert np.flatnonzero(errors).tolist() == [1, 5]


def test_the_error_of_a_number_is_squared() -> None:
    goal = RegressionGoal(mean=2.0, std=3.0)
    assert goal.errors(torch.tensor([[0.0], [1.0]]), [3.0, 5.0]) == pytest.approx([1.0, 0.0])


def test_sure_and_right_answers_lose_nothing() -> None:
    score = ClassGoal().score(torch.tensor([[100.0, 0.0], [0.0, 100.0]]), np.array([0, 1]))
    assert score.metrics["log_loss"] == pytest.approx(0.0)


def test_balanced_classes_weigh_alike() -> None:
    goal = ClassGoal().balanced([0, 0, 0, 1])
    assert isinstance(goal, ClassGoal)
    assert goal.weights == pytest.approx((2 / 3, 2.0))
    zeros = torch.zeros(4, 2)
    # a sample weighs 1 in the mean
    assert goal.loss(zeros, torch.tensor([0, 0, 0, 1])).item() == pytest.approx(math.log(2))
    # also when its batch has no other class
    assert goal.loss(zeros, torch.tensor([1, 1, 1, 1])).item() == pytest.approx(2 * math.log(2))


@pytest.mark.parametrize(
    "counts", [(50, 50), (90, 9, 1), (10_000, 2), (10_000, 1, 1, 1, 1), (5000, 300, 40, 3, 1), (7, 0, 3)]
)
def test_weights_have_the_mean_one_and_a_bound(counts: tuple[int, ...]) -> None:
    weights, n = np.array(class_weights(counts)), np.array(counts)
    assert (weights * n).sum() / n.sum() == pytest.approx(1.0)
    assert weights.max() <= HEAVIEST * (1 + 1e-12)
    free = (weights < HEAVIEST) & (n > 0)
    assert np.ptp((weights * n)[free]) < 1e-9 * n.sum()  # below the bound every class has the same share
    assert (weights[n == 0] == 1).all()


# Numbers


def test_numbers_are_learnt_in_standard_units_and_measured_in_their_own() -> None:
    goal = RegressionGoal(mean=10.0, std=2.0)
    labels = np.array([8.0, 10.0, 14.0])
    assert goal.targets(labels).tolist() == [-1.0, 0.0, 2.0]
    outputs = torch.tensor([[-1.0], [0.0], [1.0]])  # 8, 10, 12
    assert goal.loss(outputs, goal.targets(labels), 0.1).item() == pytest.approx(1 / 3)
    assert goal.predictions(outputs).tolist() == [8.0, 10.0, 12.0]
    score = goal.score(outputs, labels)
    assert score.metrics == pytest.approx({"r2": 1 - 4 / (56 / 3), "rmse": math.sqrt(4 / 3), "mae": 2 / 3})


def test_a_target_that_never_changes_gives_no_nan() -> None:
    score = RegressionGoal(mean=5.0).score(torch.tensor([[0.5], [-0.5]]), np.array([5.0, 5.0]))
    assert score.metrics == {"r2": 0.0, "rmse": 0.5, "mae": 0.5}


def test_large_targets_keep_their_digits() -> None:
    labels = np.array([1.0e9, 1.0e9 + 2])
    goal = RegressionGoal(mean=1.0e9 + 1, std=1.0)
    assert goal.score(torch.tensor([[-1.0], [1.0]]), labels).metrics["rmse"] == 0.0


def test_numbers_cannot_be_balanced() -> None:
    with pytest.raises(UsageError, match="Only classes"):
        RegressionGoal().balanced([1.0, 2.0])


@pytest.mark.parametrize(
    ("goal", "k"), [(ClassGoal(), 3), (ClassGoal(weights=(0.5, 1.0, 2.0)), 3), (RegressionGoal(), 1)]
)
def test_losses_and_answers_stay_on_the_device_of_the_outputs(goal: Goal, k: int) -> None:
    outputs = torch.zeros(4, k, device="meta", dtype=torch.bfloat16, requires_grad=True)
    loss = goal.loss(outputs, goal.targets([0, 1, 2, 0]).to("meta"), 0.1)
    assert (loss.device.type, loss.dtype, loss.shape) == ("meta", torch.float32, ())
    loss.backward()
