"""Arrays in memory and in files: what a person may give as images and as labels."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.examples import SPLITS
from archsmith.data.images.pictures import Packed
from archsmith.data.images.read import read
from archsmith.data.images.read_arrays import as_pictures, image_scale
from archsmith.data.images.source import Source
from archsmith.data.labels import target

pandas = pytest.importorskip("pandas")
torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
N = 6
ARRAYS = np.random.default_rng(0).integers(0, 256, (N, 7, 8, 3), dtype=np.uint8)
ARRAYS[0, 0, 0] = 255  # bytes, whatever the others are
LABELS = np.array([0, 1, 2, 0, 1, 2])


def sizes(source: Source) -> dict[str, int]:
    """Pictures by split."""
    counts = np.bincount(source.split, minlength=3)
    return {name: int(n) for name, n in zip(SPLITS, counts, strict=True) if n}


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
        (ARRAYS, np.array(["a", 1] * 3, object), "different types"),
        (np.full((N, 5, 5), np.nan), LABELS, "NaN"),
        (np.full((N, 5, 5), -1.0), LABELS, "negative"),
        (np.full((N, 5, 5), 1e9), LABELS, "values up to"),
        (np.zeros((N, 5, 5, 7), np.uint8), LABELS, "channels"),
        (np.array([{}, {}], dtype=object), [0, 1], "Python objects"),
        (np.zeros((0, 5, 5)), [], "no images"),
    ],
)
def test_what_cannot_be_used(images: Any, labels: Any, words: str) -> None:
    with pytest.raises(DataError) as caught:
        read((images, labels))
    assert words in str(caught.value)
    assert caught.value.hint or words == "no images"
    assert "\n" not in str(caught.value)


# Files


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_with_both_parts(tmp_path: Path, names: tuple[str, ...], save: Any) -> None:
    images = RNG.integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
    save(tmp_path / "d.npz", **dict(zip(names, (images, np.arange(6) % 2, images[:2], np.arange(2)), strict=True)))
    source = read(tmp_path / "d.npz")
    assert sizes(source) == {"train": 6, "test": 2}
    assert np.array_equal(source.pictures.decode(4, 3), images[4])
    assert np.array_equal(source.pictures.decode(7, 3), images[1])


@pytest.mark.parametrize("names", [("images", "labels"), ("X", "y")])
def test_npz_of_one_part(tmp_path: Path, names: tuple[str, str]) -> None:
    np.savez_compressed(
        tmp_path / "d.npz", **{names[0]: np.zeros((4, 5, 5), np.uint8), names[1]: np.array(["u", "v", "u", "v"])}
    )
    assert target(read(tmp_path / "d.npz")).classes == ("u", "v")


def test_npz_with_class_names(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "d.npz",
        images=np.zeros((4, 5, 5), np.uint8),
        labels=np.arange(4) % 2,
        class_names=np.array(["cat", "dog"]),
    )
    assert target(read(tmp_path / "d.npz")).classes == ("cat", "dog")


@pytest.mark.parametrize("how", ["folder", "file", "pair"])
def test_npy_files(tmp_path: Path, how: str) -> None:
    images = RNG.integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "labels.npy", np.arange(6) % 2)
    pair = (tmp_path / "images.npy", str(tmp_path / "labels.npy"))
    source = read({"folder": tmp_path, "file": pair[0], "pair": pair}[how])
    assert sizes(source) == {"train": 6}
    assert np.array_equal(source.pictures.decode(5, 3), images[5])


def test_npy_files_of_all_parts_in_any_order_of_memory(tmp_path: Path) -> None:
    images = np.asfortranarray(RNG.random((6, 5, 4)))
    for part in ("train", "val", "test"):
        np.save(tmp_path / f"x_{part}.npy", images)
        np.save(tmp_path / f"y_{part}.npy", np.arange(6) % 2)
    source = read(tmp_path)
    assert sizes(source) == {"train": 6, "valid": 6, "test": 6}
    assert np.array_equal(source.pictures.decode(17, 1)[:, :, 0], np.rint(images[5] * 255))


@pytest.mark.parametrize(
    ("images", "shape", "top"),
    [
        (np.ones((4, 6, 5)), (6, 5, 1), 255),
        (np.full((4, 6, 5, 3), 200.4), (6, 5, 3), 200),
        (np.ones((4, 3, 6, 5), bool), (6, 5, 3), 255),
        (np.full((4, 1, 6, 5), 65535, np.uint16), (6, 5, 1), 255),
        (np.full((4, 6, 5, 4), 255, np.uint8), (6, 5, 3), 255),
        (list(np.full((4, 6, 5), 9, np.uint8)), (6, 5, 1), 9),
        ([Image.new("RGB", (5, 6), (9, 9, 9))] * 4, (6, 5, 3), 9),
    ],
)
def test_arrays_of_many_kinds(images: Any, shape: tuple[int, int, int], top: int) -> None:
    pictures = read((images, np.arange(4) % 2)).pictures
    assert pictures.decode(3, pictures.header(3).channels).shape == shape
    assert pictures.decode(3, 1).max() == top


def test_arrays_of_mixed_sizes() -> None:
    pictures = read(([np.zeros((10 + i, 20, 3), np.uint8) for i in range(4)], [0, 1, 0, 1])).pictures
    assert pictures.decode(3, 3).shape == (13, 20, 3)


def test_labels_may_be_any_whole_numbers_or_a_column() -> None:
    found = target(read((np.zeros((4, 5, 5), np.uint8), np.array([[7], [-2], [7], [900]]))))
    assert found.classes == ("-2", "7", "900")
    assert found.labels.tolist() == [1, 0, 1, 2]


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", images=np.array([{"a": 1}, None], dtype=object), labels=np.arange(2))
    with pytest.raises(DataError, match="never unpickled"):
        read(tmp_path / "d.npz")


def test_an_npz_without_labels_says_what_it_holds(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, weights=np.zeros(3))
    (tmp_path / "d.npz").write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match="holds weights"):
        read(tmp_path / "d.npz")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.zeros((4, 5, 5))}, "no pair of images and labels"),
        ({"weights": np.zeros((4, 5, 5)), "labels": np.arange(4)}, "no pair of images and labels"),
        ({"images": np.zeros((4, 5, 5)), "labels": np.arange(3)}, "4 train images but 3"),
    ],
)
def test_npy_files_that_are_no_pair(tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    with pytest.raises(DataError, match=words):
        read(tmp_path)


def test_a_npy_file_that_is_cut_off(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.zeros((40, 5, 5), np.uint8))
    np.save(tmp_path / "labels.npy", np.arange(40) % 2)
    (tmp_path / "images.npy").write_bytes((tmp_path / "images.npy").read_bytes()[:-100])
    with pytest.raises(DataError, match="cut off"):
        read(tmp_path)


def test_parts_of_different_range_are_refused(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "d.npz",
        x_train=np.full((4, 5, 5), 0.5),
        y_train=np.arange(4) % 2,
        x_test=np.full((4, 5, 5), 200.0),
        y_test=np.arange(4) % 2,
    )
    with pytest.raises(DataError, match="larger values"):
        read(tmp_path / "d.npz")


def test_a_dark_part_is_not_taken_for_fractions(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "d.npz",
        x_train=np.full((4, 5, 5), 200.0),
        y_train=np.arange(4) % 2,
        x_test=np.ones((4, 5, 5)),
        y_test=np.arange(4) % 2,
    )
    assert read(tmp_path / "d.npz").pictures.decode(5, 1).max() == 1


def pack(path: Path, **more: Any) -> None:
    """Packed pictures: four PNG files in a row of bytes."""
    contents = []
    for value in range(4):
        buffer = io.BytesIO()
        Image.new("RGB", (6, 5), (value, 0, 0)).save(buffer, "PNG")
        contents.append(buffer.getvalue())
    blob = np.frombuffer(b"".join(contents), np.uint8)
    arrays = {
        "blob": blob,
        "offsets": np.cumsum([0, *map(len, contents)]).astype(np.uint32),
        "labels": np.array([0, 1, 0, 1], np.uint8),
    }
    np.savez(path, **{**arrays, **more})


def test_packed_pictures_are_mapped_where_they_lie(tmp_path: Path) -> None:
    pack(tmp_path / "d.npz", is_train=np.array([True, True, True, False]), class_names=np.array(["cat", "dog"]))
    source = read(tmp_path / "d.npz")
    assert sizes(source) == {"train": 3, "test": 1}
    assert target(source).classes == ("cat", "dog")
    assert [int(source.pictures.decode(i, 3)[0, 0, 0]) for i in range(4)] == [0, 1, 2, 3]
    assert isinstance(source.pictures, Packed)
    assert isinstance(source.pictures.blob, np.memmap)


def test_packed_pictures_without_parts(tmp_path: Path) -> None:
    pack(tmp_path / "d.npz")
    assert sizes(read(tmp_path / "d.npz")) == {"train": 4}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"offsets": np.array([0, 10, 5, 20, 30])}, "do not rise"),
        ({"offsets": np.array([0, 10, 20, 30, 10**9])}, "do not rise"),
        ({"blob": np.zeros(9)}, "not laid out"),
        ({"labels": np.arange(3)}, "4 packed images but 3 labels"),
        ({"is_train": np.array([True])}, "1 values of is_train"),
        ({"is_train": np.zeros(4, bool)}, "no training pictures"),
    ],
)
def test_badly_packed_pictures_are_refused(tmp_path: Path, more: dict[str, Any], words: str) -> None:
    pack(tmp_path / "d.npz", **more)
    with pytest.raises(DataError, match=words):
        read(tmp_path / "d.npz")


def test_what_is_no_npz_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.npz").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(DataError, match="not a whole"):
        read(tmp_path / "data.npz")


def test_fractions_become_bytes_and_a_note_says_so() -> None:
    source = read((ARRAYS / 255, LABELS))
    assert source.scale == 255
    assert source.notes == ("Grey values were multiplied by 255 to become bytes.",)
    assert read((ARRAYS, LABELS)).notes == ()


@pytest.mark.parametrize("images", [ARRAYS, ARRAYS / 255, list(ARRAYS), torch.from_numpy(ARRAYS)])
def test_pictures_to_predict_become_the_bytes_of_training(images: Any) -> None:
    assert np.array_equal(np.stack(list(as_pictures(images, image_scale(images)))), ARRAYS)


def test_pictures_to_predict_keep_their_own_sizes() -> None:
    found = as_pictures([ARRAYS[0], ARRAYS[1][:3]], 1.0)
    assert [picture.shape for picture in found] == [(7, 8, 3), (3, 8, 3)]
