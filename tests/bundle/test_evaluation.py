from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsmith.bundle import Predictor
from archsmith.bundle import predictor as module
from archsmith.bundle.answers import answers
from archsmith.bundle.evaluation import choose_part, evaluate
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


def source(pictures: Some, labels: Any, **more: Any) -> Source:
    return Source(pictures, np.asarray(labels), all_training(len(pictures)), "some", **more)


@pytest.fixture(scope="module")
def predictor(exported: Any) -> Predictor:
    return Predictor(exported.folder, threads=1)


def test_measures_are_those_of_all_answers_together(
    predictor: Predictor, exported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 5)
    table = predictor.predict_proba(exported.raw)
    report = evaluate(predictor, source(Some(exported.raw), exported.labels, class_names=predictor.classes))
    expected = metrics.classification(table, exported.labels)
    assert {name: report[name] for name in expected} == pytest.approx(expected)
    assert report["expected_calibration_error"] == pytest.approx(
        metrics.expected_calibration_error(table, exported.labels)
    )
    confused = metrics.confusion(table.argmax(axis=1), exported.labels, 4)
    assert list(report["classes"].values()) == [row.to_dict() for row in metrics.per_class(confused)]
    assert sum(pair["n"] for pair in report["confused"]) == report["n"] - np.trace(confused)


def test_broken_pictures_keep_the_others_in_step(
    predictor: Predictor, exported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)
    broken = (0, 5, 6, 23)
    table = predictor.predict_proba(exported.raw)
    found = list(answers(predictor, Some(exported.raw, broken), range(24)))
    assert [answer.index for answer in found] == list(range(24))
    assert tuple(answer.index for answer in found if answer.error) == broken
    assert all(
        np.abs(answer.values - table[answer.index]).max() < 1e-6 for answer in found if answer.values is not None
    )
    report = evaluate(
        predictor, source(Some(exported.raw, broken), [predictor.classes[i] for i in table.argmax(axis=1)])
    )
    assert (report["n"], report["accuracy"]) == (20, 1.0)
    assert report["skipped"][0] == ["number 0", "Picture 0 is broken."] and len(report["skipped"]) == 4


def test_pictures_are_decoded_as_answers_are_taken(
    predictor: Predictor, exported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)
    pictures = Some(exported.raw)
    next(answers(predictor, pictures, range(24)))
    assert pictures.decoded <= 2 * 4


def test_nothing_to_measure_is_said(predictor: Predictor, exported: Any) -> None:
    with pytest.raises(DataError, match=r"None of the 2 pictures can be decoded\. The first: Picture 0 is broken"):
        evaluate(predictor, source(Some(exported.raw[:2], (0, 1)), ["circle", "circle"]))
    with pytest.raises(DataError, match="no pictures to measure"):
        evaluate(predictor, source(Some(exported.raw), ["circle"] * 24), [])


@pytest.mark.parametrize(
    ("labels", "part"),
    [
        (["circle", "star"], "a class 'star' that the bundle does not know. It knows: circle, squäre"),
        ([0, 1], "a class '0'"),
        ([0.5, 1.0], "numbers with fractions"),
    ],
)
def test_labels_that_the_bundle_cannot_mean_are_refused(
    predictor: Predictor, exported: Any, labels: Any, part: str
) -> None:
    with pytest.raises(DataError, match=part):
        evaluate(predictor, source(Some(exported.raw[:2]), labels))


def test_only_labels_of_the_chosen_pictures_matter(predictor: Predictor, exported: Any) -> None:
    report = evaluate(predictor, source(Some(exported.raw[:3]), ["circle", "star", "blob"]), [0, 2])
    assert report["n"] == 2
    assert report["classes"]["squäre"]["recall"] is None


@pytest.mark.parametrize(
    ("labels", "names"),
    [([2001, 1999], None), ([1, 0], ("1999", "2001")), (["2001", "1999"], None), ([2001.0, 1999.0], None)],
)
def test_numbers_in_every_form(numbers: Any, labels: Any, names: Any) -> None:
    predictor = Predictor(numbers.folder, threads=1)
    report = evaluate(predictor, source(Some(numbers.raw[:2]), labels, class_names=names))
    expected = metrics.regression(predictor.predict(numbers.raw[:2]), [2001, 1999])
    assert {name: report[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    with pytest.raises(DataError, match="the label 'old'"):
        evaluate(predictor, source(Some(numbers.raw[:2]), ["old", "3"]))


def test_the_test_part_is_taken_where_there_is_one() -> None:
    pictures = Some([np.zeros((1, 1, 3), np.uint8)] * 4)
    whole = Source(pictures, np.zeros(4, np.int64), all_training(4), "x")
    split = Source(pictures, np.zeros(4, np.int64), np.array([0, 2, 0, 2], np.int8), "x")
    assert choose_part(whole)[0] == choose_part(whole, "train")[0] == "all"
    assert (choose_part(split)[0], choose_part(split)[1].tolist()) == ("test", [1, 3])
    assert (choose_part(split, "train")[0], choose_part(split, "train")[1].tolist()) == ("train", [0, 2])
    assert len(choose_part(split, "all")[1]) == 4
    with pytest.raises(UsageError, match="no split 'valid'. They have: train, test"):
        choose_part(split, "valid")
