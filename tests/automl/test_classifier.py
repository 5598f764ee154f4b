import json

import numpy as np
import pytest

from archsmith.automl.classifier import ImageClassifier
from archsmith.core.errors import UsageError


@pytest.fixture(scope="module")
def data():
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images / 16.0, np.array([f"class {label}" for label in digits.target])


@pytest.fixture(scope="module")
def fitted(data, tmp_path_factory):
    images, labels = data
    model = ImageClassifier(time=20, trials=1, workspace=str(tmp_path_factory.mktemp("workspace")))
    return model.fit(images[:1500], labels[:1500])


def test_predictions_have_the_persons_own_labels(fitted, data):
    images, labels = data
    assert set(fitted.predict(images[1500:1550])) <= set(labels)
    assert fitted.score(images[1500:], labels[1500:]) > 0.85


def test_probabilities(fitted, data):
    probabilities = fitted.predict_proba(data[0][:7])
    assert probabilities.shape == (7, 10)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


def test_leaderboard_has_the_honest_rows(fitted):
    names = [row["name"] for row in fitted.leaderboard()]
    assert {"linear", "fixed", "trial 0"} <= set(names)


def test_the_network_is_data(fitted):
    assert len(fitted.graph_) > 10
    assert dict(fitted.architecture_) == dict(fitted.result_.architecture)
    assert len(fitted.history_.finished) == 1


def test_export(fitted, tmp_path):
    folder = fitted.export(tmp_path / "bundle")
    assert json.loads((folder / "manifest.json").read_text())["task"]["outputs"][0]["classes"][0] == "class 0"


def test_it_clones_as_scikit_learn_wants():
    from sklearn.base import clone

    model = ImageClassifier(time="90s", seed=3, settings={"strategy": {"population": 5}})
    twin = clone(model)
    assert twin is not model and twin.get_params() == model.get_params()
    assert twin.set_params(seed=4).seed == 4


def test_the_constructor_stores_arguments_only():
    model = ImageClassifier(time="nonsense", space="nowhere")
    assert model.time == "nonsense"
    with pytest.raises(UsageError, match="not fitted"):
        model.predict(np.zeros((1, 8, 8), np.uint8))
