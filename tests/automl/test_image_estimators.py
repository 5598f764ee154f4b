import json
import shutil

import joblib
import numpy as np
import pandas
import pytest
from PIL import Image

from archsmith.automl.image_estimators import ImageClassifier, ImageRegressor
from archsmith.automl.job import fit
from archsmith.automl.settings import FitSettings
from archsmith.bundle.predictor import Predictor
from archsmith.core.errors import DataError, UsageError
from archsmith.runtime.study_view import read_view

N_TRAIN = 700  # of the pictures of dots


class Recorder:
    """Callbacks that remember what they were told."""

    def __init__(self):
        self.trials, self.epochs = [], []

    def on_trial(self, trial, history):
        self.trials.append((trial.id, trial.ok, len(history.finished)))

    def on_epoch(self, network, epoch, metrics):
        self.epochs.append((network, epoch, set(metrics)))


@pytest.fixture(scope="module")
def data():
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images / 16.0, np.array([f"class {label}" for label in digits.target])


@pytest.fixture(scope="module")
def heard():
    return Recorder()


@pytest.fixture(scope="module")
def fitted(data, heard, tmp_path_factory):
    images, labels = data
    place = str(tmp_path_factory.mktemp("workspace"))
    brief = {"recipe": {"epochs": 8}}  # which ends it long before the time does
    model = ImageClassifier(
        time=300,
        pretrained=False,
        trials=1,
        settings=brief,
        workspace=place,
        on_trial=heard.on_trial,
        on_epoch=heard.on_epoch,
    )
    return model.fit(images[:1500], labels[:1500])


def test_predictions_have_the_persons_own_labels(fitted, data):
    images, labels = data
    assert fitted.classes_.tolist() == sorted(set(labels))
    assert set(fitted.predict(images[1500:1550])) <= set(labels)
    assert fitted.score(images[1500:], labels[1500:]) > 0.85


def test_probabilities(fitted, data):
    probabilities = fitted.predict_proba(data[0][:7])
    assert probabilities.shape == (7, 10)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


def test_arrays_files_and_pillow_images_get_the_same_answers(fitted, data, tmp_path):
    as_bytes = (data[0][:6] * 255).round().astype(np.uint8)
    pictures = [Image.fromarray(array) for array in as_bytes]
    for i, picture in enumerate(pictures):
        picture.save(tmp_path / f"{i}.png")
    paths = [tmp_path / f"{i}.png" for i in range(6)]
    expected = fitted.predict_proba(data[0][:6])
    for images in (
        as_bytes,
        list(data[0][:6]),
        pictures,
        paths,
        np.array([str(path) for path in paths]),
        pandas.Series(map(str, paths)),
    ):
        np.testing.assert_allclose(fitted.predict_proba(images), expected, atol=1e-6)


def test_callbacks_saw_the_job(fitted, heard):
    assert heard.trials == [(0, True, 1)]
    assert {network for network, _, _ in heard.epochs} >= {"trial 0", "fixed"}
    assert all("accuracy" in metrics for network, _, metrics in heard.epochs if network.startswith("trial"))


def test_leaderboard_has_the_honest_rows(fitted):
    board = fitted.leaderboard()
    assert {"linear", "fixed", "trial 0"} <= {row["name"] for row in board}
    assert board.metric == "accuracy" and len(board.to_frame()) == len(board)


def test_the_network_is_data(fitted):
    assert len(fitted.graph_) > 10
    assert dict(fitted.architecture_) == dict(fitted.result_.architecture)
    assert len(fitted.history_.finished) == 1


def test_the_report_is_one_file(fitted, tmp_path):
    assert fitted.report() == fitted.report_ and fitted.report_.stat().st_size < 3 * 2**20
    assert (
        fitted.report(tmp_path / "mine.html").read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html>")
    )


def test_a_notebook_shows_a_card(fitted):
    html = fitted._repr_mimebundle_()["text/html"]
    assert html == fitted._repr_html_()
    assert (
        "ImageClassifier: test accuracy" in html
        and "hand-made network" in html
        and "<svg" in html
        and "<script" not in html
    )


def test_export(fitted, tmp_path):
    folder = fitted.export(tmp_path / "bundle")
    assert json.loads((folder / "manifest.json").read_text())["task"]["outputs"][0]["classes"][0] == "class 0"
    assert Predictor(folder).classes == tuple(fitted.classes_)


def test_it_can_be_saved_by_joblib_and_opens_its_bundle_again(fitted, data, tmp_path):
    fitted.set_params(on_trial=None, on_epoch=None)
    joblib.dump(fitted, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(again.predict_proba(data[0][:5]), fitted.predict_proba(data[0][:5]))
    assert again.leaderboard() == fitted.leaderboard()


def test_what_is_left_when_the_study_is_gone(fitted, tmp_path):
    joblib.dump(fitted, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib")
    again.bundle_ = tmp_path / "nowhere"
    again.workspace = str(tmp_path)
    assert "ImageClassifier: test accuracy" in again._repr_html_() and len(again.leaderboard()) > 2
    with pytest.raises(UsageError, match="nowhere"):
        again.predict(np.zeros((1, 8, 8), np.uint8))
    assert "predict" in dir(again)


@pytest.mark.slow
def test_a_broken_callback_ends_the_job_and_the_study_goes_on(data, tmp_path):
    def broken(trial, history):
        if trial.id == 1:
            raise ZeroDivisionError("mine")

    brief = {"recipe": {"epochs": 8}}  # no clock, which would end it sooner on a busy machine
    model = ImageClassifier(
        pretrained=False, time=None, trials=3, settings=brief, workspace=str(tmp_path), on_trial=broken
    )
    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        model.fit(*data)
    assert caught.traceback[-1].name == "broken" and not hasattr(model, "result_")
    (study,) = (tmp_path / "studies").iterdir()
    assert read_view(study).began.command is None  # data in memory have no name on a command line
    result = fit(FitSettings(data=None, seconds=None, trials=3, workspace=str(tmp_path), resume=True, name=study.name))
    assert result.n_trials == 3 and result.test > 0.85


@pytest.mark.slow
def test_a_callback_can_ask_for_an_early_end(data, tmp_path):
    model = ImageClassifier(
        pretrained=False, time=120, workspace=str(tmp_path), on_trial=lambda trial, history: True
    ).fit(*data)
    assert model.result_.stop_reason == "requested" and model.result_.n_trials == 1
    assert model.result_.seconds < 90


@pytest.mark.slow
def test_cross_validation_in_two_processes(data, tmp_path):
    from sklearn.model_selection import cross_val_score

    images, labels = data
    scores = cross_val_score(
        ImageClassifier(pretrained=False, time=25, trials=1, workspace=str(tmp_path)), images, labels, cv=2, n_jobs=2
    )
    assert scores.min() > 0.8


@pytest.mark.slow
def test_a_list_of_paths(data, tmp_path):
    images, labels = data
    paths = [tmp_path / f"{i}.png" for i in range(600)]
    for path, image in zip(paths, images, strict=False):
        Image.fromarray((image * 255).astype(np.uint8)).save(path)
    model = ImageClassifier(pretrained=False, time=20, trials=1, workspace=str(tmp_path / "workspace")).fit(
        paths[:500], labels[:500]
    )
    assert model.score(paths[500:], labels[500:600]) > 0.7
    shutil.rmtree(tmp_path / "workspace" / "studies")


# The manners, with stand-ins for the job


def test_values_at_predict_are_on_the_scale_of_fit(digits, quick_classifier):
    images, labels = digits
    fractions = quick_classifier().fit(images, labels)
    as_bytes = (images * 255).round().astype(np.uint8)
    assert (fractions.predict(as_bytes) == fractions.predict(images)).all()  # bytes are bytes, whatever fit saw
    assert (fractions.predict([image / 2 for image in images[:20]]) == fractions.predict(images[:20] / 2)).all()
    with pytest.raises(DataError, match="fractions"):
        quick_classifier().fit(as_bytes, labels).predict(images)


# Regression


@pytest.fixture(scope="module")
def dots():
    """Two dots, and how far apart they are: no linear function of the pixels tells it."""
    rng = np.random.default_rng(0)
    places = rng.uniform(1, 11, (900, 2, 2))
    rows, columns = np.mgrid[0:12, 0:12]
    squares = (rows - places[:, :, 0, None, None]) ** 2 + (columns - places[:, :, 1, None, None]) ** 2
    light = np.exp(-squares / 2).max(axis=1) * 200 + rng.uniform(0, 40, (900, 12, 12))
    return light.astype(np.uint8), np.linalg.norm(places[:, 0] - places[:, 1], axis=1)


@pytest.fixture(scope="module")
def regressor(dots, tmp_path_factory):
    images, distances = dots
    brief = {"recipe": {"epochs": 20}}  # which ends it long before the time does
    model = ImageRegressor(
        pretrained=False, time=300, trials=1, settings=brief, workspace=str(tmp_path_factory.mktemp("workspace"))
    )
    return model.fit(images[:N_TRAIN], distances[:N_TRAIN])


def test_numbers_come_in_the_units_of_the_target(regressor, dots):
    images, distances = dots
    predicted = regressor.predict(images[N_TRAIN:])
    assert predicted.shape == (200,) and predicted.dtype == np.float64
    assert regressor.score(images[N_TRAIN:], distances[N_TRAIN:]) > 0.8
    assert np.abs(predicted - distances[N_TRAIN:]).mean() < 1


def test_a_regressor_is_measured_in_r2(regressor):
    result = regressor.result_
    assert result.metric == "r2" and result.test > 0.8
    assert set(result.metrics["test"]) == {"r2", "rmse", "mae"}
    assert regressor.leaderboard().metric == "r2"
    assert "ImageRegressor: test R²" in regressor._repr_html_()
    assert not hasattr(regressor, "classes_") and not hasattr(regressor, "predict_proba")


def test_the_bundle_of_a_regressor_predicts_the_same_without_the_estimator(regressor, dots, tmp_path):
    folder = regressor.export(tmp_path / "bundle")
    predictor = Predictor(folder)
    assert predictor.is_regression
    np.testing.assert_allclose(np.ravel(predictor.predict(dots[0][:9])), regressor.predict(dots[0][:9]), rtol=1e-6)
    assert json.loads((folder / "manifest.json").read_text())["task"]["metrics"][0] == "r2"


def test_a_regressor_can_be_saved_by_joblib(regressor, dots, tmp_path):
    joblib.dump(regressor, tmp_path / "model.joblib")
    np.testing.assert_array_equal(
        joblib.load(tmp_path / "model.joblib").predict(dots[0][:5]), regressor.predict(dots[0][:5])
    )


def test_the_report_of_a_regressor_names_its_metric(regressor):
    assert "R²" in regressor.report().read_text(encoding="utf-8")
