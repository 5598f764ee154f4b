from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsmith.bundle import Predictor
from archsmith.bundle import images as module
from archsmith.bundle.evaluation import choose_split, evaluate
from archsmith.bundle.images import AskedPictures, ImageIntake
from archsmith.bundle.intake import Labelled
from archsmith.bundle.predictions import predictions
from archsmith.core import metrics
from archsmith.core.errors import DataError, UsageError
from archsmith.data.images.decode import Header, Pixels
from archsmith.data.images.source import Source, all_training


class Some:
    """Pictures in memory, of which some are broken."""

    def __init__(self, arrays: list[Any], broken: tuple[int, ...] = ()) -> None:
        self.arrays, self.broken = arrays, broken
        self.decoded = 0

    def __len__(self) -> int:
        return len(self.arrays)

    def header(self, index: int) -> Header:
        return Header(*self.arrays[index].shape)

    def decode(self, index: int, channels: int) -> Pixels:
        if index in self.broken:
            raise DataError(f"Picture {index} is broken.")
        self.decoded += 1
        pixels: Pixels = self.arrays[index]
        return pixels

    def name(self, index: int) -> str:
        return f"number {index}"

    def fingerprint(self) -> str:
        return ""

    def spec(self) -> None:
        return None


def labelled(pictures: Some, targets: Any, **more: Any) -> Labelled:
    intake = ImageIntake(1, 1, 3, (0.0,) * 3, (1.0,) * 3)
    return intake.labelled(Source(pictures, np.asarray(targets), all_training(len(pictures)), "some", **more))


@pytest.fixture(scope="module")
def predictor(exported: Any) -> Predictor:
    return Predictor(exported.folder, threads=1)


def test_measures_are_those_of_all_predictions_together(
    predictor: Predictor, exported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 5)
    table = predictor.predict_proba(exported.raw)
    report = evaluate(predictor, labelled(Some(exported.raw), exported.targets, class_names=predictor.classes))
    expected = metrics.classification(table, exported.targets)
    assert {name: report[name] for name in expected} == pytest.approx(expected)
    assert report["expected_calibration_error"] == pytest.approx(
        metrics.expected_calibration_error(table, exported.targets)
    )
    confused = metrics.confusion(table.argmax(axis=1), exported.targets, 4)
    assert list(report["classes"].values()) == [row.to_dict() for row in metrics.per_class(confused)]
    assert sum(pair["n"] for pair in report["confused"]) == report["n"] - np.trace(confused)


def test_broken_pictures_keep_the_others_in_step(
    predictor: Predictor, exported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)
    broken = (0, 5, 6, 23)
    table = predictor.predict_proba(exported.raw)
    found = list(predictions(predictor, AskedPictures(Some(exported.raw, broken), 3, np.arange(24))))
    assert [prediction.place for prediction in found] == list(range(24))
    assert tuple(prediction.place for prediction in found if prediction.error) == broken
    assert all(np.abs(row.values - table[row.place]).max() < 1e-6 for row in found if row.values is not None)
    report = evaluate(
        predictor, labelled(Some(exported.raw, broken), [predictor.classes[i] for i in table.argmax(axis=1)])
    )
    assert (report["n"], report["accuracy"]) == (20, 1.0)
    assert report["skipped"][0] == ["number 0", "Picture 0 is broken."] and len(report["skipped"]) == 4


def test_pictures_are_decoded_as_predictions_are_taken(
    predictor: Predictor, exported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)
    pictures = Some(exported.raw)
    next(predictions(predictor, AskedPictures(pictures, 3, np.arange(24))))
    assert pictures.decoded <= 2 * 4


def test_nothing_to_measure_is_said(predictor: Predictor, exported: Any) -> None:
    with pytest.raises(DataError, match=r"None of the 2 pictures can be read\. The first: Picture 0 is broken"):
        evaluate(predictor, labelled(Some(exported.raw[:2], (0, 1)), ["circle", "circle"]))
    with pytest.raises(DataError, match="no pictures to measure"):
        evaluate(predictor, labelled(Some([]), []))


@pytest.mark.parametrize(
    ("targets", "part"),
    [
        (["circle", "star"], "a class 'star' that the bundle does not know. It knows: circle, squäre"),
        ([0, 1], "a class '0'"),
        ([0.5, 1.0], "numbers with fractions"),
    ],
)
def test_targets_that_the_bundle_cannot_mean_are_refused(
    predictor: Predictor, exported: Any, targets: Any, part: str
) -> None:
    with pytest.raises(DataError, match=part):
        evaluate(predictor, labelled(Some(exported.raw[:2]), targets))


def test_only_targets_of_the_chosen_pictures_matter(predictor: Predictor, exported: Any) -> None:
    given = Source(Some(exported.raw[:3]), np.array(["circle", "star", "blob"]), np.array([2, 0, 2], np.int8), "some")
    _, chosen = choose_split(predictor.manifest.intake.labelled(given))
    report = evaluate(predictor, chosen)
    assert report["n"] == 2
    assert report["classes"]["squäre"]["recall"] is None


@pytest.mark.parametrize(
    ("labels", "names"),
    [([2001, 1999], None), ([1, 0], ("1999", "2001")), (["2001", "1999"], None), ([2001.0, 1999.0], None)],
)
def test_regression_targets_in_every_form(years: Any, labels: Any, names: Any) -> None:
    predictor = Predictor(years.folder, threads=1)
    report = evaluate(predictor, labelled(Some(years.raw[:2]), labels, class_names=names))
    expected = metrics.regression(predictor.predict(years.raw[:2]), [2001, 1999])
    assert {name: report[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    with pytest.raises(DataError, match="the target 'old'"):
        evaluate(predictor, labelled(Some(years.raw[:2]), ["old", "3"]))


def test_the_test_split_is_taken_where_there_is_one() -> None:
    pictures = Some([np.zeros((1, 1, 3), np.uint8)] * 4)
    intake = ImageIntake(1, 1, 3, (0.0,) * 3, (1.0,) * 3)
    whole = intake.labelled(Source(pictures, np.zeros(4, np.int64), all_training(4), "x"))
    parted = intake.labelled(Source(pictures, np.zeros(4, np.int64), np.array([0, 2, 0, 2], np.int8), "x"))

    def chosen(data: Labelled, wanted: str | None = None) -> tuple[str, list[str]]:
        name, found = choose_split(data, wanted)
        return name, [found.examples.name(place) for place in range(len(found))]

    assert chosen(whole)[0] == chosen(whole, "train")[0] == "all"
    assert chosen(parted) == ("test", ["number 1", "number 3"])
    assert chosen(parted, "train") == ("train", ["number 0", "number 2"])
    assert len(chosen(parted, "all")[1]) == 4
    with pytest.raises(UsageError, match="no split 'valid'. They have: train, test"):
        choose_split(parted, "valid")
