"""What a person has in memory: arrays, lists, tensors, columns of a table, Pillow images, paths, bytes."""

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
ARRAYS[0, 0, 0] = 255  # bytes, whatever the others are
LABELS = np.array([0, 1, 2, 0, 1, 2])


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def paths(folder: Path) -> list[Path]:
    for index, array in enumerate(ARRAYS):
        (folder / f"{index}.png").write_bytes(png(array))
    return [folder / f"{index}.png" for index in range(N)]


IMAGES: dict[str, Callable[[Path], Any]] = {
    "array": lambda _: ARRAYS,
    "array, channels first": lambda _: ARRAYS.transpose(0, 3, 1, 2),
    "fractions": lambda _: ARRAYS / 255,
    "float32 fractions": lambda _: (ARRAYS / 255).astype(np.float32),
    "floats up to 255": lambda _: ARRAYS.astype(np.float64),
    "list of arrays": lambda _: list(ARRAYS),
    "tuple of arrays": lambda _: tuple(ARRAYS),
    "object array of arrays": lambda _: pandas.Series(list(ARRAYS)).to_numpy(),
    "series of arrays": lambda _: pandas.Series(list(ARRAYS)),
    "tensor": lambda _: torch.from_numpy(ARRAYS),
    "tensor, channels first": lambda _: torch.from_numpy(ARRAYS).permute(0, 3, 1, 2),
    "tensor that wants gradients": lambda _: torch.from_numpy(ARRAYS / 255).requires_grad_(),
    "list of tensors": lambda _: list(torch.from_numpy(ARRAYS)),
    "pillow images": lambda _: [Image.fromarray(array) for array in ARRAYS],
    "series of pillow images": lambda _: pandas.Series([Image.fromarray(array) for array in ARRAYS]),
    "open pillow files": lambda folder: [Image.open(path) for path in paths(folder)],
    "paths": paths,
    "text paths": lambda folder: [str(path) for path in paths(folder)],
    "array of paths": lambda folder: np.array([str(path) for path in paths(folder)]),
    "series of paths": lambda folder: pandas.Series(paths(folder), index=[9, 8, 7, 6, 5, 4]),
    "bytes": lambda _: [png(array) for array in ARRAYS],
    "series of bytes": lambda _: pandas.Series([png(array) for array in ARRAYS]),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_pictures_of_any_kind_have_the_same_pixels(tmp_path: Path, kind: str) -> None:
    source = read((IMAGES[kind](tmp_path), LABELS))
    assert len(source) == N
    for index in range(N):
        header = source.pictures.header(index)
        assert (header.height, header.width, header.channels) == (7, 8, 3)
        assert np.array_equal(source.pictures.decode(index, 3), ARRAYS[index])
    assert source.pictures.fingerprint() == read(
        (IMAGES[kind](tmp_path), LABELS)
    ).pictures.fingerprint() or kind.endswith("paths")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (LABELS, [0, 1, 2, 0, 1, 2]),
        (LABELS.tolist(), [0, 1, 2, 0, 1, 2]),
        (LABELS[:, None], [0, 1, 2, 0, 1, 2]),
        (LABELS.astype(np.uint8), [0, 1, 2, 0, 1, 2]),
        (torch.from_numpy(LABELS), [0, 1, 2, 0, 1, 2]),
        (pandas.Series(LABELS, index=[9, 8, 7, 6, 5, 4]), [0, 1, 2, 0, 1, 2]),
        (pandas.Series(LABELS, dtype="Int64"), [0, 1, 2, 0, 1, 2]),
        (["a", "b", "c"] * 2, ["a", "b", "c"] * 2),
        (pandas.Series(["a", "b", "c"] * 2), ["a", "b", "c"] * 2),
        (pandas.Categorical(["a", "b", "c"] * 2), ["a", "b", "c"] * 2),
        (pandas.Series(["a", "b", "c"] * 2, dtype="category"), ["a", "b", "c"] * 2),
        (np.array(["a", "b", "c"] * 2, dtype=object), ["a", "b", "c"] * 2),
        (LABELS + 0.5, [0.5, 1.5, 2.5, 0.5, 1.5, 2.5]),
        (pandas.Series(LABELS + 0.5, dtype="Float64"), [0.5, 1.5, 2.5, 0.5, 1.5, 2.5]),
        (torch.from_numpy(LABELS + 0.5), [0.5, 1.5, 2.5, 0.5, 1.5, 2.5]),
    ],
)
def test_labels_of_any_kind(labels: Any, expected: list[Any]) -> None:
    assert read((ARRAYS, labels)).labels.tolist() == expected


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (ARRAYS, LABELS[:4], "6 train images but 4 labels"),
        (ARRAYS, [0, 1, None, 0, 1, 2], "Row 2"),
        (ARRAYS, pandas.Series([0, 1, None, 0, 1, 2], dtype="Int64"), "Row 2"),
        (ARRAYS, pandas.Series(["a", None] * 3), "Row 1"),
        (ARRAYS, [0.5, float("nan")] * 3, "Row 1"),
        (ARRAYS, np.eye(6), "argmax"),
        ([object()] * N, LABELS, "not pictures"),
        ([], [], "no images"),
        (ARRAYS.reshape(N, -1), LABELS, "Reshape"),
    ],
)
def test_what_cannot_be_used(images: Any, labels: Any, words: str) -> None:
    with pytest.raises(DataError) as caught:
        read((images, labels))
    assert words in str(caught.value)
    assert caught.value.hint or words == "no images"


# DataFrames


def frame(images: Sequence[Any], **more: Any) -> Any:
    return pandas.DataFrame({"image": pandas.Series(list(images), dtype=object), **more})


@pytest.mark.parametrize(
    "kind", ["list of arrays", "list of tensors", "pillow images", "open pillow files", "paths", "text paths", "bytes"]
)
def test_frames_of_any_kind(tmp_path: Path, kind: str) -> None:
    source = read(frame(IMAGES[kind](tmp_path), label=LABELS))
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
