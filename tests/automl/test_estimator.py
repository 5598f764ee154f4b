"""What all estimators share: they store their arguments, run the job, and keep its results."""

import copy

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from archsmith.automl import estimator
from archsmith.automl.image_estimators import ImageClassifier, ImageRegressor
from archsmith.automl.table_estimators import TabularClassifier, TabularRegressor
from archsmith.bundle.manifest import MANIFEST
from archsmith.core.errors import ArchsmithError, DataError, StudyError, UsageError

ALL = (ImageClassifier, ImageRegressor, TabularClassifier, TabularRegressor)


@pytest.fixture
def asked(monkeypatch, finished):
    """The settings that jobs are asked for; a finished job on the digits stands for all of them."""
    seen = []

    def watched(settings, **callbacks):
        seen.append((settings, callbacks))
        return finished.result

    monkeypatch.setattr(estimator, "watched", watched)
    return seen


@pytest.fixture
def fitted(asked, finished):
    return ImageClassifier(workspace=finished.settings.workspace).fit("digits")


@pytest.mark.parametrize("cls", ALL)
def test_the_constructor_only_stores(cls):
    given = {name: object() for name in cls().get_params()}
    model = cls(**given)
    assert all(getattr(model, name) is value for name, value in given.items())
    assert set(vars(model)) == set(given)
    assert clone(cls(time="90s", seed=3, settings={"strategy": {"n_start": 3}})).get_params()["seed"] == 3
    assert ("balance" in given) == ("Classifier" in cls.__name__)


@pytest.mark.parametrize("cls", ALL)
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


@pytest.mark.parametrize(
    "arguments", [{"time": "soon"}, {"time": 5}, {"time": None}, {"memory_mb": -1}, {"settings": {"no": {}}}]
)
@pytest.mark.parametrize("cls", [ImageClassifier, TabularClassifier])
def test_wrong_arguments_are_found_before_anything_is_read(cls, arguments):
    with pytest.raises(ArchsmithError):
        cls(**arguments).fit("nowhere")


@pytest.mark.parametrize("cls", ALL)
def test_the_name_of_a_column_is_no_target_but_the_sentence_says_where_it_goes(cls):
    rows = [{"size": 1.0, "kind": "a"}, {"size": 2.0, "kind": "b"}]
    with pytest.raises(DataError, match=rf"the text 'kind'.*{cls.__name__}\(target='kind'\)\.fit\(X\)"):
        cls().fit(rows, "kind")


def test_arguments_become_the_settings_of_a_job(asked, finished):
    place, called = finished.settings.workspace, []
    model = ImageClassifier("90s", trials=4, seed=7, space="nasnet", side=16, balance=True, workspace=place)
    model.set_params(on_trial=called.append, weights="own", workers=2, device="cpu").fit("digits")
    settings, callbacks = asked[0]
    assert (settings.data, settings.seconds, settings.trials, settings.seed) == ("digits", 90.0, 4, 7)
    assert (settings.space, settings.side, settings.balance, settings.weights) == ("nasnet", 16, True, "own")
    assert (settings.workers, settings.device, settings.workspace) == (2, "cpu", place)
    assert (settings.modality, settings.task) == ("image", "classification")
    assert callbacks["on_trial"] == called.append and callbacks["on_epoch"] is None


def test_fit_returns_itself_with_the_results_of_the_job(fitted, finished):
    check_is_fitted(fitted)
    assert fitted.result_ is finished.result
    assert dict(fitted.architecture_) == dict(finished.result.architecture)
    assert len(fitted.graph_) > 3 and len(fitted.history_.finished) == finished.result.n_trials
    assert str(fitted.bundle_) == finished.result.model_dir and fitted.report_.is_file()


def test_a_report_is_copied_and_shown_only_when_that_is_asked_for(fitted, tmp_path, monkeypatch):
    import webbrowser

    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert fitted.report() == fitted.report_ and not opened
    mine = fitted.report(tmp_path / "mine.html", browser=True)
    assert mine.is_file() and opened == [mine.resolve().as_uri()]


def test_an_export_is_a_copy_that_spares_what_lies_there(fitted, tmp_path):
    folder = fitted.export(tmp_path / "bundle")
    assert {file.name for file in folder.iterdir()} == {file.name for file in fitted.bundle_.iterdir()}
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="thesis"):
        fitted.export(tmp_path / "other")


def test_an_export_replaces_the_bundle_of_another_study_only_when_told(fitted, tmp_path):
    folder = fitted.export(tmp_path / "bundle")
    assert fitted.export(folder) == folder  # its own
    manifest = folder / MANIFEST
    other = manifest.read_text().replace(fitted.result_.study, "another-study")
    manifest.write_text(other)
    with pytest.raises(UsageError, match=r"another-study, so it is not replaced.*replace=True"):
        fitted.export(folder)
    assert manifest.read_text() == other
    fitted.export(folder, replace=True)
    assert fitted.result_.study in manifest.read_text()


def test_a_copy_opens_the_bundle_again(fitted):
    picture = np.zeros((1, 8, 8), np.uint8)
    expected = fitted.predict_proba(picture)
    again = copy.deepcopy(fitted)
    assert again._predictor is None
    np.testing.assert_array_equal(again.predict_proba(picture), expected)


def test_a_study_that_is_gone_is_missed_only_by_what_needs_it(fitted, tmp_path):
    fitted.set_params(workspace=str(tmp_path))
    assert len(fitted.leaderboard()) > 2 and "test accuracy" in fitted._repr_html_()
    with pytest.raises(StudyError):
        fitted.report(tmp_path / "mine.html")


@pytest.mark.parametrize("cls", ALL)
def test_a_time_budget_makes_results_depend_on_the_machine(cls):
    assert get_tags(cls()).non_deterministic and not get_tags(cls(None, trials=3)).non_deterministic


@pytest.mark.parametrize("cls", ALL)
def test_targets_may_be_left_out_where_the_data_have_their_own(cls):
    assert not get_tags(cls()).target_tags.required
