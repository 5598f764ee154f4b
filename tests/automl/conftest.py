import csv
import dataclasses
import math
import types

import numpy as np
import pytest

from archsmith.automl import speed
from archsmith.automl.image_estimators import ImageClassifier, ImageRegressor
from archsmith.automl.job import fit
from archsmith.automl.modalities.tables import Tables
from archsmith.automl.settings import FitSettings

# Far more time than it takes: the trials and the epochs end it, on slow and busy machines too.
# Without the weights that may be installed or not.
SETTINGS = FitSettings(data="digits", seconds=300.0, trials=2, settings={"recipe": {"epochs": 8}}, pretrained=False)


@pytest.fixture(scope="session", autouse=True)
def unrehearsed():
    """Jobs do not export a network beforehand to see how long that takes, which takes as long; ``test_speed`` does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speed, "REHEARSED", math.inf)
        yield


@dataclasses.dataclass
class Finished:
    """One job that ran to its end: what it was asked, what it answered, and the events that an observer saw."""

    settings: FitSettings
    result: object
    events: list


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A whole job on the shipped digits; the tests of this folder share it."""
    place = tmp_path_factory.mktemp("job")
    settings = dataclasses.replace(SETTINGS, workspace=str(place / "workspace"), out=str(place / "bundle"))
    events = []
    return Finished(settings, fit(settings, observer=events.append), events)


N_ROWS = 600
HEADINGS = ("size", "age", "weight", "colour", "place", "kind")  # the last one is the target
CLASSES = ("left", "middle", "right")


def table_rows():
    """Three numbers with gaps, two categories, and the class of each row, which numbers and a category tell."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(N_ROWS, 3))
    colours, places = rng.choice(["red", "green"], N_ROWS), rng.choice(["town", "sea", "hill"], N_ROWS)
    position = numbers[:, 0] + numbers[:, 1] + np.where(colours == "red", 1.5, -1.5)
    kinds = np.array(CLASSES)[np.digitize(position, (-0.8, 0.8))]
    texts = np.where(rng.random(numbers.shape) < 0.05, "", np.round(numbers, 4).astype(str))
    return [[*map(str, row)] for row in zip(*texts.T, colours, places, kinds, strict=True)]


@pytest.fixture(scope="session")
def table_file(tmp_path_factory):
    """The rows of ``table_rows`` as a CSV file."""
    path = tmp_path_factory.mktemp("table") / "things.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADINGS, *table_rows()])
    return path


@pytest.fixture(scope="session")
def table_splits(tmp_path_factory, table_file):
    """The same rows, read and split."""
    settings = FitSettings(str(table_file))
    return Tables().load(settings, tmp_path_factory.mktemp("table_data"), None, lambda what, done, total: None).splits


@pytest.fixture(scope="session")
def finished_table(tmp_path_factory, table_file):
    """A whole job on a small table; the tests of tables share it."""
    place = tmp_path_factory.mktemp("table_job")
    settings = FitSettings(
        data=str(table_file),
        seconds=None,
        trials=2,
        settings={"recipe": {"epochs": 3}},
        workspace=str(place / "workspace"),
        out=str(place / "bundle"),
    )
    events = []
    return Finished(settings, fit(settings, observer=events.append), events)


# Estimators in which a nearest-mean rule stands for the job, so that only their manners are tested.


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
    """An estimator of pictures without the job."""

    def _run(self, X, y, **more):
        self._scale = 255.0 if np.asarray(X).dtype.kind == "f" else 1.0
        self.result_ = types.SimpleNamespace()
        self._predictor = NearestMean(np.asarray(self._given(X), np.float64), np.asarray(y), self.task == "regression")


class QuickClassifier(Quick, ImageClassifier):
    """Classes by the nearest mean."""


class QuickRegressor(Quick, ImageRegressor):
    """Regression targets by a line through the brightness."""


@pytest.fixture(scope="session")
def quick_classifier():
    return QuickClassifier


@pytest.fixture(scope="session")
def quick_regressor():
    return QuickRegressor


@pytest.fixture(scope="session")
def digits():
    """Pictures of fractions ``(n, 8, 8)`` and their labels."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return data.images / 16, data.target
