"""scikit-learn's own machinery around the estimators, with stand-ins for the job."""

import numpy as np
import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

from archsmith.automl.image_estimators import ImageClassifier, ImageRegressor


@pytest.mark.parametrize(
    "relabel",
    [lambda y: y, lambda y: y.astype(str), lambda y: np.array([f"class {v}" for v in y]), lambda y: y > 4, list],
)
def test_cross_validation_with_any_kind_of_labels(digits, relabel, quick_classifier):
    images, labels = digits
    scores = cross_val_score(quick_classifier(), images, relabel(labels), cv=2)
    assert len(scores) == 2 and min(scores) > 0.6


@pytest.mark.parametrize("scoring", ["accuracy", "balanced_accuracy", "neg_log_loss", "roc_auc_ovr", "f1_macro"])
def test_scorers_find_what_they_need(digits, scoring, quick_classifier):
    assert np.isfinite(cross_val_score(quick_classifier(), *digits, cv=2, scoring=scoring)).all()


def test_a_pipeline_in_front(digits, quick_classifier):
    images, labels = digits
    model = Pipeline(
        [("scale", FunctionTransformer(lambda X: (X * 255).astype(np.uint8))), ("net", quick_classifier())]
    )
    assert cross_val_score(model, images, labels, cv=2).min() > 0.6
    assert model.set_params(net__seed=3)["net"].seed == 3
    assert "net" in model._repr_html_()


def test_a_grid_of_settings(digits, quick_classifier):
    grid = GridSearchCV(
        quick_classifier(), {"seed": [0, 1], "settings": [None, {"strategy": {"n_start": 3}}]}, cv=2, refit=False
    )
    assert len(grid.fit(*digits).cv_results_["params"]) == 4


def test_regression(digits, quick_regressor):
    images, _ = digits
    brightness = images.reshape(len(images), -1).mean(1) * 40 - 3
    assert cross_val_score(quick_regressor(), images, brightness, cv=3).min() > 0.99
    assert cross_val_predict(quick_regressor(), images, list(brightness), cv=2).shape == brightness.shape
    assert cross_validate(
        quick_regressor(),
        images,
        brightness,
        cv=2,
        scoring=["r2", "neg_root_mean_squared_error"],
        return_estimator=True,
    )


@pytest.mark.parametrize(("model", "kind"), [(ImageClassifier(), "classifier"), (ImageRegressor(), "regressor")])
def test_tags(model, kind):
    tags = get_tags(model)
    assert tags.estimator_type == kind and (is_classifier(model), is_regressor(model)) == (
        kind == "classifier",
        kind == "regressor",
    )
    assert tags.input_tags.three_d_array and not tags.input_tags.two_d_array and not tags.input_tags.sparse
    assert tags.non_deterministic and not get_tags(type(model)(None, trials=3)).non_deterministic
