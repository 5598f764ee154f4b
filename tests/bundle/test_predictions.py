from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from archsmith.bundle import Predictor, images, table_rows
from archsmith.bundle.images import AskedPictures
from archsmith.bundle.intake import Window
from archsmith.bundle.predictions import AHEAD, batches, predictions
from archsmith.bundle.predictor import NO_NUMBER
from archsmith.core.errors import DataError


@pytest.fixture(scope="module")
def predictor(exported: Any) -> Predictor:
    return Predictor(exported.folder, threads=1)


def test_broken_pictures_keep_the_others_in_step(
    predictor: Predictor, exported: Any, some: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "CHUNK", 4)
    broken = (0, 5, 6, 23)
    table = predictor.predict_proba(exported.raw)
    found = list(predictions(predictor, AskedPictures(some(exported.raw, broken), 3, np.arange(24))))
    assert [prediction.place for prediction in found] == list(range(24))
    assert tuple(prediction.place for prediction in found if prediction.error) == broken
    assert all(np.abs(row.values - table[row.place]).max() < 1e-6 for row in found if row.values is not None)


def test_pictures_are_decoded_as_predictions_are_taken(
    predictor: Predictor, exported: Any, some: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "CHUNK", 4)
    pictures = some(exported.raw * 4)
    coming = predictions(predictor, AskedPictures(pictures, 3, np.arange(96)))
    next(coming)
    coming.close()  # type: ignore[attr-defined]
    assert pictures.decoded <= 4 * (3 + AHEAD) + 1


def test_broken_rows_keep_the_others_in_step(people: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_rows, "CHUNK", 5)
    ages = [str(age) if place not in (2, 11) else "old" for place, age in enumerate(range(20, 33))]
    lines = [f"{age},clerk,2019-05-06,1000000003,m" for age in ages]
    (tmp_path / "t.csv").write_text("\n".join(["age,job,hired,number,sex", *lines]) + "\n")
    predictor = Predictor(people.folder, threads=1)
    found = list(predictions(predictor, predictor.manifest.intake.asked([str(tmp_path / "t.csv")])))
    assert [prediction.place for prediction in found] == list(range(13))
    assert {row.place: row.error for row in found if row.error} == {
        place: f"The column 'age' holds numbers, but row {row} (the headings are row 1) says 'old'. "
        "Correct the value or leave the cell empty."
        for place, row in ((2, 4), (11, 13))
    }
    row = {"age": 32, "job": "clerk", "hired": "2019-05-06", "number": 1000000003, "sex": "m"}
    assert found[12].values is not None
    assert np.abs(found[12].values - predictor.predict_proba([row])[0]).max() < 1e-6


def test_batches_from_an_example_on(people: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_rows, "CHUNK", 5)
    lines = [f"{age},clerk,2019-05-06,1000000003,m" for age in ("20", "21", "22", "23", "24", "old", "26", "27")]
    (tmp_path / "t.csv").write_text("\n".join(["age,job,hired,number,sex", *lines]) + "\n")
    predictor = Predictor(people.folder, threads=1)
    asked = predictor.manifest.intake.asked([str(tmp_path / "t.csv")])
    whole, late = list(batches(predictor, asked)), list(batches(predictor, asked, 5))
    assert [(batch.first, len(batch)) for batch in whole] == [(0, 5), (5, 3)]
    assert [(batch.first, len(batch), list(batch.broken)) for batch in late] == [(5, 3, [0])]
    assert np.array_equal(late[0].values, whole[1].values)
    monkeypatch.setattr(table_rows, "CHUNK", 1)
    many = list(batches(predictor, asked, workers=3))
    assert [(batch.first, list(batch.broken)) for batch in many] == [(n, [0] if n == 5 else []) for n in range(8)]
    assert (
        np.abs(np.concatenate([batch.values for batch in many]) - np.concatenate([b.values for b in whole])).max()
        < 1e-6
    )


def test_what_is_no_finite_number_is_no_prediction(people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor(people.folder, threads=1)
    window = Window(3, ())
    values = np.array([[0.2, 0.8, 0.0], [np.nan, 0.5, 0.5], [np.inf, 0.0, 0.0]], np.float32)
    monkeypatch.setattr(predictor, "run", lambda window: values)
    (batch,) = batches(predictor, SimpleNamespace(windows=lambda start: iter([window])))  # type: ignore[arg-type]
    assert batch.broken == {1: NO_NUMBER, 2: NO_NUMBER}


def test_no_class_is_told_for_what_is_no_finite_number(people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor(people.folder, threads=1)
    values = np.array([[0.2, 0.8, 0.0], [np.nan, 0.5, 0.5]], np.float32)
    monkeypatch.setattr(predictor, "run", lambda window: values)
    row = {"age": 32, "job": "clerk", "hired": "2019-05-06", "number": 1000000003, "sex": "m"}
    with pytest.raises(DataError, match="Row 2 has no class") as refused:
        predictor.predict([row, row])
    assert refused.value.hint == NO_NUMBER


def test_an_error_of_the_reader_is_raised(people: Any) -> None:
    def windows(start: int) -> Iterator[Window]:
        raise DataError("The table cannot be read to its end.")
        yield

    with pytest.raises(DataError, match="to its end"):
        next(batches(Predictor(people.folder, threads=1), SimpleNamespace(windows=windows)))  # type: ignore[arg-type]
