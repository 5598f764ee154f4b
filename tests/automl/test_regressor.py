"""What all regressors share, on a stand-in for the job."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from archsmith.automl.image_estimators import ImageRegressor
from archsmith.automl.table_estimators import TabularRegressor
from archsmith.core.errors import DataError


@pytest.fixture(scope="module")
def bright(digits):
    """Pictures and something near their brightness."""
    images = digits[0]
    return images, images.reshape(len(images), -1).mean(1) * 40 + np.random.default_rng(0).normal(size=len(images))


def test_predictions_are_one_float_an_example(bright, quick_regressor):
    predicted = quick_regressor().fit(*bright).predict(bright[0][:7])
    assert predicted.shape == (7,) and predicted.dtype == np.float64


def test_the_score_is_r2(bright, quick_regressor):
    images, targets = bright
    model, weights = quick_regressor().fit(images, targets), np.arange(len(targets))
    predicted = model.predict(images)
    assert model.score(images, targets) == pytest.approx(r2_score(targets, predicted))
    weighted = r2_score(targets, predicted, sample_weight=weights)
    assert model.score(images, targets, sample_weight=weights) == pytest.approx(weighted)


def test_a_column_of_targets_is_as_good_as_a_row(bright, quick_regressor):
    images, targets = bright
    model = quick_regressor().fit(images, targets[:, None])
    assert model.score(images, targets[:, None]) == model.score(images, list(targets))


def test_a_series_of_targets_keeps_its_name(bright, quick_regressor):
    pandas = pytest.importorskip("pandas")
    given = []

    class Noting(quick_regressor):
        def _run(self, X, y, **more):
            given.append(y)
            super()._run(X, y, **more)

    Noting().fit(bright[0], pandas.Series(bright[1], name="price"))
    assert given[0].name == "price"


def test_examples_and_targets_must_be_as_many(bright, quick_regressor):
    images, targets = bright
    with pytest.raises(DataError, match="10 examples but 9 targets"):
        quick_regressor().fit(images, targets).score(images[:10], targets[:9])


@pytest.mark.parametrize(
    ("cls", "X"), [(ImageRegressor, np.zeros((4, 8, 8), np.uint8)), (TabularRegressor, np.zeros((4, 2)))]
)
@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (["cat"] * 4, "not numbers"),
        ([1, 2, np.nan, np.inf], "2 targets are NaN"),
        (np.zeros((4, 2)), r"shape \(4, 2\)"),
    ],
)
def test_targets_that_are_no_numbers(cls, X, targets, said):
    with pytest.raises(DataError, match=said):
        cls().fit(X, targets)
