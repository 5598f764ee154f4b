import json

import joblib
import numpy as np
import pytest

from archsmith.automl.image_estimators import ImageRegressor
from archsmith.bundle.predictor import Predictor

N_TRAIN = 700


@pytest.fixture(scope="module")
def data():
    """Two dots, and how far apart they are: no linear function of the pixels tells it."""
    rng = np.random.default_rng(0)
    places = rng.uniform(1, 11, (900, 2, 2))
    rows, columns = np.mgrid[0:12, 0:12]
    squares = (rows - places[:, :, 0, None, None]) ** 2 + (columns - places[:, :, 1, None, None]) ** 2
    light = np.exp(-squares / 2).max(axis=1) * 200 + rng.uniform(0, 40, (900, 12, 12))
    return light.astype(np.uint8), np.linalg.norm(places[:, 0] - places[:, 1], axis=1)


@pytest.fixture(scope="module")
def fitted(data, tmp_path_factory):
    images, distances = data
    brief = {"recipe": {"epochs": 20}}  # which ends it long before the time does
    model = ImageRegressor(time=300, trials=1, settings=brief, workspace=str(tmp_path_factory.mktemp("workspace")))
    return model.fit(images[:N_TRAIN], distances[:N_TRAIN])


def test_numbers_come_in_the_units_of_the_target(fitted, data):
    images, distances = data
    predicted = fitted.predict(images[N_TRAIN:])
    assert predicted.shape == (200,) and predicted.dtype == np.float64
    assert fitted.score(images[N_TRAIN:], distances[N_TRAIN:]) > 0.8
    assert np.abs(predicted - distances[N_TRAIN:]).mean() < 1


def test_the_result_is_measured_in_r2(fitted):
    result = fitted.result_
    assert result.metric == "r2" and result.test > 0.8
    assert set(result.metrics["test"]) == {"r2", "rmse", "mae"}
    assert fitted.leaderboard().metric == "r2"
    assert "ImageRegressor: test R²" in fitted._repr_html_()
    assert not hasattr(fitted, "classes_") and not hasattr(fitted, "predict_proba")


def test_the_bundle_predicts_the_same_without_the_estimator(fitted, data, tmp_path):
    folder = fitted.export(tmp_path / "bundle")
    predictor = Predictor(folder)
    assert predictor.is_regression
    np.testing.assert_allclose(np.ravel(predictor.predict(data[0][:9])), fitted.predict(data[0][:9]), rtol=1e-6)
    assert json.loads((folder / "manifest.json").read_text())["task"]["metrics"][0] == "r2"


def test_it_can_be_saved_by_joblib(fitted, data, tmp_path):
    joblib.dump(fitted, tmp_path / "model.joblib")
    np.testing.assert_array_equal(
        joblib.load(tmp_path / "model.joblib").predict(data[0][:5]), fitted.predict(data[0][:5])
    )


def test_the_report_is_one_file(fitted):
    assert "R²" in fitted.report().read_text(encoding="utf-8")
