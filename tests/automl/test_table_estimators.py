"""``TabularClassifier`` and ``TabularRegressor`` on small tables, with short jobs."""

import joblib
import numpy as np
import pandas
import pytest
from sklearn.utils import get_tags

from archsmith.automl import estimator
from archsmith.automl.table_estimators import TabularClassifier, TabularRegressor
from archsmith.core.errors import DataError

N_TRAIN = 240


@pytest.fixture(scope="module")
def frame():
    """Numbers with gaps, a category, and a column that says nothing."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(320, 2))
    rows = pandas.DataFrame({"size": numbers[:, 0], "age": numbers[:, 1], "colour": rng.choice(["red", "blue"], 320)})
    rows.loc[::17, "age"] = np.nan
    return rows


@pytest.fixture(scope="module")
def value(frame):
    """A regression target of the rows."""
    return (100 + 10 * frame["size"] + np.where(frame["colour"] == "red", 8.0, -8.0)).to_numpy()


@pytest.fixture(scope="module")
def brief():
    """Jobs that are over soon."""
    return {"time": None, "trials": 1, "settings": {"recipe": {"epochs": 12, "batch_size": 32}}, "device": "cpu"}


@pytest.fixture(scope="module")
def classes(value):
    """Three classes as whole numbers that are not their own places: 10, 20, 30."""
    return (np.digitize(value, np.quantile(value, (1 / 3, 2 / 3))) + 1) * 10


@pytest.fixture(scope="module")
def classifier(frame, classes, brief, tmp_path_factory):
    model = TabularClassifier(**brief, workspace=str(tmp_path_factory.mktemp("workspace")))
    return model.fit(frame[:N_TRAIN], classes[:N_TRAIN])


@pytest.fixture(scope="module")
def regressor(frame, value, brief, tmp_path_factory):
    model = TabularRegressor(**brief, target="value", workspace=str(tmp_path_factory.mktemp("workspace")))
    return model.fit(frame.assign(value=value)[:N_TRAIN])


def test_classes_keep_the_persons_own_type(classifier, frame, classes):
    assert classifier.classes_.tolist() == [10, 20, 30] and classifier.classes_.dtype == classes.dtype
    predicted = classifier.predict(frame[N_TRAIN:])
    assert predicted.dtype == classes.dtype and predicted.shape == (len(frame) - N_TRAIN,)
    assert classifier.score(frame[N_TRAIN:], classes[N_TRAIN:]) > 0.6


def test_probabilities_are_in_the_order_of_the_classes(classifier, frame):
    probabilities = classifier.predict_proba(frame[:9])
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert (classifier.classes_[probabilities.argmax(1)] == classifier.predict(frame[:9])).all()


def test_columns_are_known_by_their_names(classifier):
    assert list(classifier.feature_names_in_) == ["size", "age", "colour"] and classifier.n_features_in_ == 3


def test_frames_records_and_rows_get_the_same_predictions(classifier, frame):
    expected = classifier.predict_proba(frame[:20])
    mixed = frame[:20][["colour", "age", "size"]].assign(more=1.0)
    records = frame[:20].astype(object).where(frame[:20].notna(), None).to_dict("records")
    for given in (mixed, records, frame[:20].to_numpy()):
        np.testing.assert_allclose(classifier.predict_proba(given), expected, atol=1e-6)


def test_a_column_that_is_missing_is_named(classifier, frame):
    with pytest.raises(DataError, match="colour"):
        classifier.predict(frame[["size", "age"]])


def test_it_can_be_saved_by_joblib(classifier, frame, tmp_path):
    joblib.dump(classifier, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(again.predict_proba(frame[:5]), classifier.predict_proba(frame[:5]))


def test_the_leaderboard_has_the_baselines_of_tables(classifier):
    assert {"linear", "boosted", "fixed"} <= {row["name"] for row in classifier.leaderboard()}
    assert "TabularClassifier: test accuracy" in classifier._repr_html_()


def test_a_regressor_learns_a_column_of_the_table_in_its_unit(regressor, frame, value):
    predicted = regressor.predict(frame[N_TRAIN:])
    assert predicted.shape == (len(frame) - N_TRAIN,) and predicted.dtype == np.float64
    assert regressor.score(frame[N_TRAIN:], value[N_TRAIN:]) > 0.6
    assert regressor.result_.metric == "r2" and not hasattr(regressor, "predict_proba")


def test_a_study_of_data_in_memory_is_named_after_its_target(regressor, classifier):
    assert regressor.result_.study.startswith("value-")
    assert classifier.result_.study.startswith("table-")  # classes without a heading


def test_targets_that_are_given_twice_are_refused(frame, classes):
    with pytest.raises(DataError, match="given twice") as told:
        TabularClassifier(target="kind").fit(frame, classes)
    assert "TabularClassifier(target='kind').fit(X)" in told.value.hint


def test_the_labels_of_a_column_keep_its_type(monkeypatch, finished_table):
    monkeypatch.setattr(estimator, "watched", lambda settings, **more: finished_table.result)
    model = TabularClassifier(target="kind", workspace=finished_table.settings.workspace)
    kinds = pandas.DataFrame({"size": [1.0, 2.0, 3.0], " kind ": pandas.Categorical(["left", "middle", "right"])})
    assert model.fit(kinds).classes_.tolist() == ["left", "middle", "right"]
    monkeypatch.setattr(type(model._opened()), "classes", property(lambda self: ("2007", "2008", "2009")))
    years = pandas.DataFrame({"size": [1.0, 2.0, 3.0], "kind": [2008, 2007, 2009]})
    assert model.fit(years).classes_.tolist() == [2007, 2008, 2009]
    assert model.classes_.dtype == np.int64


def test_the_target_is_no_feature(regressor):
    assert list(regressor.feature_names_in_) == ["size", "age", "colour"]


def test_a_table_is_never_taken_for_pictures(monkeypatch, finished_table):
    asked = []
    monkeypatch.setattr(estimator, "watched", lambda settings, **more: asked.append(settings) or finished_table.result)
    model = TabularClassifier(target="kind", balance=True, workspace=finished_table.settings.workspace).fit("x.png")
    (settings,) = asked
    assert (settings.modality, settings.target, settings.balance) == ("table", "kind", True)
    assert model.classes_.tolist() == ["left", "middle", "right"]


def test_tags_say_what_rows_may_hold():
    tags = get_tags(TabularClassifier()).input_tags
    assert tags.two_d_array and tags.string and tags.categorical and tags.allow_nan and not tags.three_d_array
