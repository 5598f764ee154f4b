from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsmith.bundle import Predictor, images, table_rows
from archsmith.bundle.images import AskedPictures
from archsmith.bundle.predictions import AHEAD, predictions


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
    assert pictures.decoded <= 4 * (2 + AHEAD) + 1


def test_broken_rows_keep_the_others_in_step(people: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_rows, "ROWS", 5)
    ages = [str(age) if place not in (2, 11) else "old" for place, age in enumerate(range(20, 33))]
    lines = [f"{age},clerk,2019-05-06,1000000003,m" for age in ages]
    (tmp_path / "t.csv").write_text("\n".join(["age,job,hired,number,sex", *lines]) + "\n")
    predictor = Predictor(people.folder, threads=1)
    found = list(predictions(predictor, predictor.manifest.intake.asked([str(tmp_path / "t.csv")])))
    assert [prediction.place for prediction in found] == list(range(13))
    assert {row.place: row.error for row in found if row.error} == {
        2: "The column 'age' holds numbers, but row 3 says 'old'. Correct the value or leave the cell empty.",
        11: "The column 'age' holds numbers, but row 12 says 'old'. Correct the value or leave the cell empty.",
    }
    row = {"age": 32, "job": "clerk", "hired": "2019-05-06", "number": 1000000003, "sex": "m"}
    assert found[12].values is not None
    assert np.abs(found[12].values - predictor.predict_proba([row])[0]).max() < 1e-6
