from __future__ import annotations

import numpy as np
import pytest

from archsmith.core import metrics
from archsmith.core.errors import UsageError
from archsmith.core.metrics import ClassScore
from archsmith.core.seeds import generator

# Four classes; the third is never right and the fourth never occurs.
LABELS = np.array([0, 0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 0, 1, 1, 0, 0])


def test_wilson_is_the_textbook_interval() -> None:
    # (p + z²/2n ± z sqrt(p(1 - p)/n + z²/4n²)) / (1 + z²/n) for p = 0.9, n = 10, z = 1.96, by hand.
    low, high = metrics.wilson(0.9, 10)
    assert (round(low, 4), round(high, 4)) == (0.5958, 0.9821)
    assert metrics.wilson(1.0, 50)[1] == 1.0 and metrics.wilson(0.0, 50)[0] == 0.0


def test_wilson_covers_the_truth_as_often_as_it_says() -> None:
    # 2000 draws of 40 pictures at p = 0.9: the interval's own coverage there is 0.958; outside 0.93 … 0.98 once in
    # millions of runs.
    hits = generator(0, "wilson").binomial(40, 0.9, 2000)
    covered = [low <= 0.9 <= high for low, high in (metrics.wilson(h / 40, 40) for h in hits)]
    assert 0.93 < sum(covered) / len(covered) < 0.98


def test_accuracy_counts_answers_and_balanced_accuracy_classes() -> None:
    assert metrics.accuracy(PREDICTED, LABELS) == pytest.approx(4 / 7)
    assert metrics.balanced_accuracy(PREDICTED, LABELS) == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)


def test_log_loss_is_the_mean_of_what_the_truth_was_given() -> None:
    table = np.array([[0.7, 0.3], [0.2, 0.8], [1.0, 0.0]])
    assert metrics.log_loss(table, [0, 1, 0]) == pytest.approx(-(np.log(0.7) + np.log(0.8)) / 3)
    # finite even then
    assert metrics.log_loss(table, [0, 1, 1]) == pytest.approx(-(np.log(0.7) + np.log(0.8) + np.log(1e-12)) / 3)


def test_a_table_of_probabilities_gives_all_three() -> None:
    table = np.eye(4)[PREDICTED] * 0.6 + 0.1
    scores = metrics.classification(table, LABELS)
    assert list(scores) == ["accuracy", "balanced_accuracy", "log_loss"]
    assert scores["accuracy"] == metrics.accuracy(PREDICTED, LABELS)
    assert scores["log_loss"] == metrics.log_loss(table, LABELS)


def test_confusion_has_the_truth_in_rows() -> None:
    confused = metrics.confusion(PREDICTED, LABELS, 4)
    assert confused.tolist() == [[3, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert metrics.most_confused(confused) == [(0, 1, 1), (1, 0, 1), (2, 0, 1)]
    assert metrics.most_confused(confused, 1) == [(0, 1, 1)]
    assert metrics.most_confused(np.diag([3, 4])) == []


def test_what_an_absent_class_cannot_have_is_none() -> None:
    scores = metrics.per_class(metrics.confusion(PREDICTED, LABELS, 4))
    assert scores[0] == ClassScore(4, 3 / 5, 3 / 4, 2 * 3 / (4 + 5))
    assert scores[2] == ClassScore(1, None, 0.0, None)  # never named
    assert scores[3] == ClassScore(0, None, None, None)
    # named, but never the truth
    assert metrics.per_class(metrics.confusion([1], [0], 2))[1] == ClassScore(0, 0.0, None, None)


def test_classes_agree_with_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    table, labels = rng.dirichlet(np.ones(5), 300), rng.integers(0, 5, 300)
    predicted = table.argmax(axis=1)
    assert metrics.balanced_accuracy(predicted, labels) == pytest.approx(
        sklearn.balanced_accuracy_score(labels, predicted)
    )
    assert metrics.log_loss(table, labels) == pytest.approx(sklearn.log_loss(labels, table))
    confused = metrics.confusion(predicted, labels, 5)
    assert np.array_equal(confused, sklearn.confusion_matrix(labels, predicted))
    precision, recall, f1, n = sklearn.precision_recall_fscore_support(labels, predicted)
    for i, row in enumerate(metrics.per_class(confused)):
        assert (row.n, row.precision, row.recall, row.f1) == pytest.approx((n[i], precision[i], recall[i], f1[i]))


def test_numbers_agree_with_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    truth = rng.normal(1e6, 3.0, 200)
    guesses = truth + rng.normal(size=200)
    scores = metrics.regression(guesses, truth)
    assert scores["r2"] == pytest.approx(sklearn.r2_score(truth, guesses))
    assert scores["rmse"] == pytest.approx(sklearn.root_mean_squared_error(truth, guesses))
    assert scores["mae"] == pytest.approx(sklearn.mean_absolute_error(truth, guesses))


def test_r2_of_a_constant_and_of_huge_numbers() -> None:
    assert metrics.r2([2.0, 2.0], [2.0, 2.0]) == 1.0
    assert metrics.r2([2.0, 3.0], [2.0, 2.0]) == 0.0
    assert metrics.r2([0.0, 1e300], [0.0, 1e300]) == 1.0
    assert metrics.r2([3.0, 1.0], [1.0, 3.0]) == pytest.approx(-3.0)  # worse than the mean


def test_reliability_puts_an_edge_into_the_bin_below() -> None:
    # Confidence 0.6 is the upper edge of the third of five bins; answers there are right half of the time.
    table = np.array([[0.6, 0.4], [0.6, 0.4], [1.0, 0.0]])
    bins = metrics.reliability(table, [0, 1, 0], bins=5)
    assert [row.n for row in bins] == [0, 0, 2, 0, 1]
    assert (bins[2].confidence, bins[2].accuracy) == (pytest.approx(0.6), 0.5)
    assert (bins[0].confidence, bins[0].accuracy) == (None, None)
    assert metrics.expected_calibration_error(table, [0, 1, 0], bins=5) == pytest.approx(2 / 3 * 0.1)
    assert len(metrics.reliability(table, [0, 1, 0])) == 15


@pytest.mark.parametrize("likelihood", [1.0, 1.0 + 1e-7])
def test_a_perfect_log_loss_has_no_sign(likelihood: float) -> None:
    assert str(metrics.log_loss_of([likelihood])) == "0.0"


def test_a_nan_stays_one() -> None:
    assert np.isnan(metrics.log_loss([[float("nan"), 0.5]], [0]))
    assert np.isnan(metrics.rmse([float("nan")], [1.0]))
    assert np.isnan(metrics.r2([float("nan"), 1.0], [1.0, 2.0]))


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda: metrics.accuracy([], []), "no predictions"),
        (lambda: metrics.accuracy([1, 2], [1]), r"predicted has the shape \(2,\), labels \(1,\)"),
        (lambda: metrics.log_loss([[0.5, 0.5]], [2]), r"the class 2, outside 0\.\.1"),
        (lambda: metrics.log_loss([0.5], [0]), r"\(n, k\)"),
        (lambda: metrics.confusion([3], [0], 3), r"predicted holds the class 3"),
        (lambda: metrics.confusion([0], [-1], 3), r"labels holds the class -1"),
    ],
)
def test_what_does_not_fit_together_is_refused(call: object, part: str) -> None:
    with pytest.raises(UsageError, match=part):
        call()  # type: ignore[operator]
