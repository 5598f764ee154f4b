"""What all classifiers share, on a stand-in for the job."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from archsmith.automl.image_estimators import ImageClassifier
from archsmith.automl.table_estimators import TabularClassifier
from archsmith.core.errors import DataError


@pytest.mark.parametrize(
    "relabel", [lambda y: y, lambda y: y.astype(float), lambda y: np.array([f"class {v}" for v in y]), lambda y: y > 4]
)
def test_predictions_are_of_the_persons_own_type_and_classes_are_sorted(digits, quick_classifier, relabel):
    images, labels = digits[0], relabel(digits[1])
    model = quick_classifier().fit(images, labels)
    assert model.classes_.tolist() == np.unique(labels).tolist()
    assert model.predict(images[:5]).dtype == model.classes_.dtype
    assert model.classes_[model.predict_proba(images).argmax(1)].tolist() == model.predict(images).tolist()


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_labels_that_are_missing_are_no_class(digits, quick_classifier, missing):
    class Skipping(quick_classifier):
        def _run(self, X, y, **more):
            super()._run(X[1:], y[1:].astype(str), **more)  # as the job leaves the first one out

    images, labels = digits[0], np.array([f"class {label}" for label in digits[1]], object)
    model = Skipping().fit(images, np.array([missing, *labels[1:]], object))
    assert model.classes_.tolist() == sorted(set(labels))


def test_the_score_is_the_accuracy(digits, quick_classifier):
    images, labels = digits
    model = quick_classifier().fit(images, labels)
    assert model.score(images, labels) == accuracy_score(labels, model.predict(images))
    right = model.predict(images) == labels
    assert model.score(images, labels, sample_weight=right) == 1.0


def test_a_class_is_the_same_as_a_number_or_as_text(digits, quick_classifier):
    images, labels = digits
    model = quick_classifier().fit(images, labels)
    expected = model.score(images, labels)
    assert model.score(images, labels.astype(str)) == model.score(images, labels.astype(float)) == expected


@pytest.mark.parametrize(
    ("own", "read"),
    [
        (" {} ", "{}"),  # a table takes blanks away
        ("+{}", "{}"),  # and reads whole numbers
        ("{}.0", "{}"),
        ("a\x1b{}", "a\\x1b{}"),  # characters that cannot be shown are written out
    ],
)
def test_labels_that_the_bundle_writes_in_another_way_are_known_again(digits, quick_classifier, own, read):
    class Reading(quick_classifier):
        def _run(self, X, y, **more):
            super()._run(X, np.array([read.format(label) for label in digits[1]]), **more)
            if read == "{}":
                assert set(self._predictor.classes) == set("0123456789")

    images, labels = digits[0], np.array([own.format(label) for label in digits[1]])
    model = Reading().fit(images, labels)
    assert model.classes_.tolist() == sorted(set(labels.tolist()))
    assert model.score(images, labels) == accuracy_score(labels, model.predict(images)) > 0.5


def test_examples_and_labels_must_be_as_many(digits, quick_classifier):
    images, labels = digits
    with pytest.raises(DataError, match="10 examples but 9 labels"):
        quick_classifier().fit(images, labels).score(images[:10], labels[:9])


@pytest.mark.parametrize(
    ("cls", "X"), [(ImageClassifier, np.zeros((3, 8, 8), np.uint8)), (TabularClassifier, np.zeros((3, 2)))]
)
def test_labels_that_are_fractions_lead_to_a_regressor(cls, X):
    with pytest.raises(DataError, match="labels are fractions") as caught:
        cls().fit(X, [0.5, 1.0, 2.0])
    assert "regressor" in caught.value.hint
