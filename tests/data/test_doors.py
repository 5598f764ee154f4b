"""Pipes and devices in the guise of files: none is waited for, and none is read without an end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.automl.modality import modality_of
from archsmith.automl.settings import FitSettings
from archsmith.bundle.predictor import Predictor
from archsmith.core.errors import ArchsmithError, DataError
from archsmith.data.images.decode import decode, header
from archsmith.data.images.read import read as read_pictures
from archsmith.data.tables.read import read as read_table

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes with names and devices are files of Unix")
BUNDLE = Path(__file__).parents[1] / "fixtures" / "v1" / "bundle_classes"
TABLES, PICTURES = ("a.csv", "a.csv.gz", "a.parquet"), ("a.npy", "a.npz", "a.zip", "train-images-idx3-ubyte", "a")


class Hangs(Exception):
    """Something is waited for."""


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """A test that waits for a pipe is ended after a minute, which no reader needs, on busy machines either."""

    def ring(*_: Any) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(params=["pipe", "device"])
def made(request: pytest.FixtureRequest) -> Any:
    """Makes something at a path that is no regular file."""

    def make(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        if request.param == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to("/dev/zero")
        return path

    return make


@pytest.mark.parametrize("name", PICTURES + TABLES)
def test_no_reader_of_pictures_waits(made: Any, tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="not a regular file"):
        read_pictures(str(made(tmp_path / name)))


@pytest.mark.parametrize("name", TABLES)
def test_no_reader_of_tables_waits(made: Any, tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="not a regular file"):
        read_table(str(made(tmp_path / name)))


@pytest.mark.parametrize("name", PICTURES + TABLES)
def test_the_kind_of_data_is_found_without_waiting(made: Any, tmp_path: Path, name: str) -> None:
    settings = FitSettings(data=str(made(tmp_path / name)))
    with pytest.raises(DataError, match="not a regular file"):
        modality_of(settings).load(settings, tmp_path / "store", None, lambda *told: None)


def test_no_picture_is_waited_for(made: Any, tmp_path: Path) -> None:
    path = made(tmp_path / "a.png")
    for reads in (header, lambda source: decode(source, 3)):
        with pytest.raises(DataError, match="not a regular file"):
            reads(path)


def test_a_folder_of_classes_leaves_it_out(made: Any, tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / "photos" / label).mkdir(parents=True)
        for i in range(24):
            pixels = np.random.default_rng(i).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels if label == "a" else pixels // 2).save(tmp_path / "photos" / label / f"{i}.png")
    made(tmp_path / "photos" / "a" / "99.png")
    settings = FitSettings(data=str(tmp_path / "photos"))
    loaded = modality_of(settings).load(settings, tmp_path / "store", None, lambda *told: None)
    assert sum(len(examples) for examples in loaded.splits.by_name.values()) == 48


def test_a_cell_that_names_a_file_is_not_followed_there(made: Any, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    made(tmp_path / "a.png")
    cells = [{"bytes": None, "path": "a.png"}] * 20
    pandas.DataFrame({"image": cells, "label": ["x", "y"] * 10}).to_parquet(tmp_path / "a.parquet")
    settings = FitSettings(data=str(tmp_path / "a.parquet"))
    with pytest.raises(DataError):
        modality_of(settings).load(settings, tmp_path / "store", None, lambda *told: None)


@pytest.mark.parametrize("name", ["a.png", "a.csv", "a.zip"])
def test_a_bundle_does_not_wait_for_what_it_is_given(made: Any, tmp_path: Path, name: str) -> None:
    with pytest.raises(ArchsmithError, match="not a regular file"):
        list(Predictor(BUNDLE).predict(str(made(tmp_path / name))))


def test_a_bundle_whose_model_is_no_file_is_refused(made: Any, tmp_path: Path) -> None:
    for file in BUNDLE.iterdir():
        if file.is_file() and file.name != "model.onnx":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    made(tmp_path / "model.onnx")
    with pytest.raises(ArchsmithError, match="not a regular file"):
        Predictor(tmp_path)
