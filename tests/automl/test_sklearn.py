"""scikit-learn's own machinery around the estimators. The job is replaced by a nearest-mean rule, so that only the
manners are tested here.
"""

import types

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from archsmith.automl.image_estimators import ImageClassifier, ImageRegressor
from archsmith.core.errors import ArchsmithError, DataError, UsageError


class NearestMean:
    """Stands where the bundle's Predictor would: answers by the means of the images of each class, or of the darkest to
    the brightest.
    """

    def __init__(self, images, labels, numeric):
        values = np.unique(labels)
        names = values.astype(str) if values.dtype.kind == "U" else values.astype(int).astype(str)
        self.classes = tuple(names)[::-1]  # in an order of its own
        self.means = np.stack([images[labels == v].mean(0).ravel() for v in values[::-1]])
        self.line = np.polyfit(images.reshape(len(images), -1).mean(1), labels, 1) if numeric else None

    def predict_proba(self, images):
        distance = ((images.reshape(len(images), 1, -1) - self.means) ** 2).sum(-1)
        closest = np.zeros(distance.shape, np.float32)
        closest[np.arange(len(images)), distance.argmin(1)] = 1
        return closest

    def predict(self, images):
        return np.polyval(self.line, images.reshape(len(images), -1).mean(1))


class Quick:
    def _run(self, X, y, **more):
        self._scale = 255.0 if np.asarray(X).dtype.kind == "f" else 1.0
        self.result_ = types.SimpleNamespace()
        self._predictor = NearestMean(np.asarray(self._given(X), np.float64), np.asarray(y), self.task == "regression")


class QuickClassifier(Quick, ImageClassifier):
    pass


class QuickRegressor(Quick, ImageRegressor):
    pass


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data.images / 16, data.target


@pytest.mark.parametrize(
    "relabel",
    [lambda y: y, lambda y: y.astype(str), lambda y: np.array([f"class {v}" for v in y]), lambda y: y > 4, list],
)
def test_cross_validation_with_any_kind_of_labels(digits, relabel):
    images, labels = digits
    scores = cross_val_score(QuickClassifier(), images, relabel(labels), cv=2)
    assert len(scores) == 2 and min(scores) > 0.6


def test_predictions_are_of_the_persons_own_type_and_classes_are_sorted(digits):
    images, labels = digits
    for own in (labels, labels.astype(float), np.array([f"class {v}" for v in labels]), labels > 4):
        model = QuickClassifier().fit(images, own)
        assert model.classes_.tolist() == np.unique(own).tolist()
        assert model.predict(images[:5]).dtype == model.classes_.dtype
        assert model.classes_[model.predict_proba(images).argmax(1)].tolist() == model.predict(images).tolist()


@pytest.mark.parametrize("scoring", ["accuracy", "balanced_accuracy", "neg_log_loss", "roc_auc_ovr", "f1_macro"])
def test_scorers_find_what_they_need(digits, scoring):
    assert np.isfinite(cross_val_score(QuickClassifier(), *digits, cv=2, scoring=scoring)).all()


def test_a_pipeline_in_front(digits):
    images, labels = digits
    model = Pipeline([("scale", FunctionTransformer(lambda X: (X * 255).astype(np.uint8))), ("net", QuickClassifier())])
    assert cross_val_score(model, images, labels, cv=2).min() > 0.6
    assert model.set_params(net__seed=3)["net"].seed == 3
    assert "net" in model._repr_html_()


def test_a_grid_of_settings(digits):
    grid = GridSearchCV(
        QuickClassifier(), {"seed": [0, 1], "settings": [None, {"strategy": {"n_start": 3}}]}, cv=2, refit=False
    )
    assert len(grid.fit(*digits).cv_results_["params"]) == 4


def test_regression(digits):
    images, _ = digits
    brightness = images.reshape(len(images), -1).mean(1) * 40 - 3
    assert cross_val_score(QuickRegressor(), images, brightness, cv=3).min() > 0.99
    assert cross_val_predict(QuickRegressor(), images, list(brightness), cv=2).shape == brightness.shape
    assert cross_validate(
        QuickRegressor(), images, brightness, cv=2, scoring=["r2", "neg_root_mean_squared_error"], return_estimator=True
    )


def test_score_takes_weights(digits):
    images, labels = digits
    model = QuickClassifier().fit(images, labels)
    right = model.predict(images) == labels
    assert model.score(images, labels, sample_weight=right) == 1.0


@pytest.mark.parametrize(("model", "kind"), [(ImageClassifier(), "classifier"), (ImageRegressor(), "regressor")])
def test_tags(model, kind):
    tags = get_tags(model)
    assert tags.estimator_type == kind and (is_classifier(model), is_regressor(model)) == (
        kind == "classifier",
        kind == "regressor",
    )
    assert tags.input_tags.three_d_array and not tags.input_tags.two_d_array and not tags.input_tags.sparse
    assert tags.non_deterministic and not get_tags(type(model)(None, trials=3)).non_deterministic


@pytest.mark.parametrize("cls", [ImageClassifier, ImageRegressor])
def test_the_constructor_only_stores(cls):
    given = {name: object() for name in cls().get_params()}
    model = cls(**given)
    assert all(getattr(model, name) is value for name, value in given.items())
    assert set(vars(model)) == set(given)
    assert clone(cls(time="90s", seed=3, settings={"strategy": {"n_start": 3}})).get_params()["seed"] == 3
    assert "balance" not in ImageRegressor().get_params()


@pytest.mark.parametrize("cls", [ImageClassifier, ImageRegressor])
def test_before_fit_there_is_nothing(cls):
    model = cls()
    for use in (
        lambda: model.predict(np.zeros((1, 8, 8), np.uint8)),
        model.leaderboard,
        model.report,
        lambda: model.export("x"),
        lambda: check_is_fitted(model),
    ):
        with pytest.raises(NotFittedError):
            use()
    with pytest.raises(UsageError, match=f"This {cls.__name__} is not fitted yet"):
        model.leaderboard()
    assert not [name for name in dir(model) if name.endswith("_") and not name.startswith("_")]


def test_values_at_predict_are_on_the_scale_of_fit(digits):
    images, labels = digits
    fractions = QuickClassifier().fit(images, labels)
    as_bytes = (images * 255).round().astype(np.uint8)
    assert (fractions.predict(as_bytes) == fractions.predict(images)).all()  # bytes are bytes, whatever fit saw
    assert (fractions.predict([image / 2 for image in images[:20]]) == fractions.predict(images[:20] / 2)).all()
    with pytest.raises(DataError, match="fractions"):
        QuickClassifier().fit(as_bytes, labels).predict(images)


def test_wrong_numbers_of_labels(digits):
    images, labels = digits
    with pytest.raises(DataError, match="10 examples but 9 labels"):
        QuickClassifier().fit(images, labels).score(images[:10], labels[:9])
    with pytest.raises(DataError, match="10 examples but 9 targets"):
        QuickRegressor().fit(images, labels).score(images[:10], labels[:9])


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (["cat"] * 4, "not numbers"),
        ([1, 2, np.nan, np.inf], "2 targets are NaN"),
        (np.zeros((4, 2)), r"shape \(4, 2\)"),
    ],
)
def test_targets_that_are_no_numbers(targets, said):
    with pytest.raises(DataError, match=said):
        ImageRegressor().fit(np.zeros((4, 8, 8), np.uint8), targets)


def test_labels_that_are_fractions_lead_to_the_regressor():
    with pytest.raises(DataError, match="fractions"):
        ImageClassifier().fit(np.zeros((3, 8, 8), np.uint8), [0.5, 1.0, 2.0])


@pytest.mark.parametrize(
    "arguments", [{"time": "soon"}, {"time": 5}, {"time": None}, {"memory_mb": -1}, {"settings": {"no": {}}}]
)
def test_wrong_arguments_are_found_before_anything_is_read(arguments):
    with pytest.raises(ArchsmithError):
        ImageClassifier(**arguments).fit("nowhere")
