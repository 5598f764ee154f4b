"""Data frames with a column of pictures."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.images.read import read

pandas = pytest.importorskip("pandas")
torch = pytest.importorskip("torch")

N = 6
ARRAYS = np.random.default_rng(0).integers(0, 256, (N, 7, 8, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def paths(folder: Path) -> list[Path]:
    for index, array in enumerate(ARRAYS):
        (folder / f"{index}.png").write_bytes(png(array))
    return [folder / f"{index}.png" for index in range(N)]


CELLS: dict[str, Callable[[Path], Any]] = {
    "arrays": lambda _: list(ARRAYS),
    "tensors": lambda _: list(torch.from_numpy(ARRAYS)),
    "pillow images": lambda _: [Image.fromarray(array) for array in ARRAYS],
    "open pillow files": lambda folder: [Image.open(path) for path in paths(folder)],
    "paths": paths,
    "text paths": lambda folder: [str(path) for path in paths(folder)],
    "bytes": lambda _: [png(array) for array in ARRAYS],
}


def frame(images: Sequence[Any], **more: Any) -> Any:
    return pandas.DataFrame({"image": pandas.Series(list(images), dtype=object), **more})


@pytest.mark.parametrize("kind", CELLS)
def test_frames_of_any_kind(tmp_path: Path, kind: str) -> None:
    source = read(frame(CELLS[kind](tmp_path), label=LABELS))
    assert source.labels.tolist() == LABELS.tolist()
    assert np.array_equal(source.pictures.decode(4, 3), ARRAYS[4])
    assert (source.name, source.target) == ("table", "label")


def test_frames_with_relative_paths_start_at_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths(tmp_path)
    monkeypatch.chdir(tmp_path)
    source = read(frame([f"{index}.png" for index in range(N)], label=LABELS))
    monkeypatch.chdir("/")
    assert np.array_equal(source.pictures.decode(4, 3), ARRAYS[4])


def test_frames_with_a_split_and_a_number(tmp_path: Path) -> None:
    source = read(frame(ARRAYS, price=LABELS + 0.5, split=["train", "train", "train", "val", "test", "test"]))
    assert source.split.tolist() == [0, 0, 0, 1, 2, 2]
    assert (source.is_regression, source.target) == (True, "price")


def test_frames_take_names_of_columns(tmp_path: Path) -> None:
    source = read(frame(ARRAYS, label=LABELS, price=LABELS + 0.5), target="price")
    assert source.target == "price"


def test_cells_of_hugging_face_in_a_frame() -> None:
    source = read(frame([{"bytes": png(array), "path": None} for array in ARRAYS], label=LABELS))
    assert np.array_equal(source.pictures.decode(4, 3), ARRAYS[4])


def test_gaps_in_a_frame() -> None:
    many = frame([*ARRAYS] * 6, label=[None, *[1, 0] * 17, 1])
    source = read(many)
    assert len(source) == 35
    assert source.skipped[0][0] == "row 0"
    with pytest.raises(DataError, match="3 of 6 rows"):
        read(frame(ARRAYS, label=[None, 1] * 3))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (pandas.DataFrame({"a": [1, 2], "b": [3, 4]}), "no column for pictures"),
        (pandas.DataFrame({"image": [], "label": []}), "no rows"),
        (pandas.DataFrame([["a.png", 1, 2]], columns=["image", "label", "label"]), "two columns"),
        (frame(["no/such.png"] * N, label=LABELS), "not there"),
    ],
)
def test_frames_that_cannot_be_used(table: Any, words: str) -> None:
    with pytest.raises(DataError) as caught:
        read(table)
    assert words in str(caught.value)
    assert caught.value.hint
