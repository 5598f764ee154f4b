from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError, UsageError
from archsmith.data.readers import read

RNG = np.random.default_rng(0)


def idx_bytes(array: np.ndarray, kind: int = 0x08) -> bytes:
    return bytes((0, 0, kind, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(folder: Path, part: str, n: int, *, packed: bool = True, labels: int | None = None) -> None:
    images = RNG.integers(0, 256, (n, 6, 5), dtype=np.uint8)
    marks = (np.arange(n if labels is None else labels) % 3).astype(np.uint8)
    for kind, array in (("images-idx3", images), ("labels-idx1", marks)):
        content = idx_bytes(array)
        path = folder / f"{part}-{kind}-ubyte{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(content) if packed else content)


def write_pictures(folder: Path, classes: str = "ab", n: int = 3, size: tuple[int, int] = (9, 7), mode: str = "RGB") -> None:
    for name in classes:
        (folder / name).mkdir(parents=True)
        for index in range(n):
            Image.fromarray(RNG.integers(0, 256, (*size, 3), dtype=np.uint8)).convert(mode).save(folder / name / f"{index}.png")


def test_digits_are_bytes() -> None:
    loaded = read("digits")
    assert loaded.train.images.shape == (1797, 8, 8, 1)
    assert loaded.train.images.max() == 255
    assert loaded.train.classes == tuple("0123456789")
    assert loaded.test is None


@pytest.mark.parametrize("packed", [True, False])
def test_idx_pairs_are_found_in_a_folder(tmp_path: Path, packed: bool) -> None:
    write_idx(tmp_path, "train", 12, packed=packed)
    write_idx(tmp_path, "t10k", 6, packed=packed)
    loaded = read(tmp_path)
    assert loaded.train.images.shape == (12, 6, 5, 1)
    assert loaded.test is not None
    assert len(loaded.test) == 6


def test_one_idx_file_finds_its_partners(tmp_path: Path) -> None:
    write_idx(tmp_path, "train", 12)
    write_idx(tmp_path, "t10k", 6)
    assert len(read(tmp_path / "train-images-idx3-ubyte.gz").parts) == 2


def test_class_folders(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    loaded = read(tmp_path)
    assert loaded.train.images.shape == (6, 9, 7, 3)
    assert loaded.train.classes == ("a", "b")
    assert loaded.train.original(0).shape == (9, 7, 3)


def test_part_folders_above_class_folders(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train")
    write_pictures(tmp_path / "val", n=2)
    write_pictures(tmp_path / "test", n=1)
    assert {part: len(data) for part, data in read(tmp_path).parts.items()} == {"train": 6, "valid": 4, "test": 2}


def test_mixed_sizes_come_to_one_and_originals_stay(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a", size=(100, 120))
    write_pictures(tmp_path, "b", size=(30, 40))
    loaded = read(tmp_path)
    assert loaded.train.images.shape[1:] == (64, 64, 3)
    assert loaded.train.original(0).shape == (100, 120, 3)
    assert any("resized" in note for note in loaded.notes)


def test_one_size_above_the_cap_is_brought_to_it(tmp_path: Path) -> None:
    write_pictures(tmp_path, size=(90, 90))
    assert read(tmp_path).train.images.shape[1:3] == (64, 64)
    assert read(tmp_path, side=20).train.images.shape[1:3] == (20, 20)


def test_grey_files_stay_grey_and_mixed_ones_become_coloured(tmp_path: Path) -> None:
    write_pictures(tmp_path / "grey", mode="L")
    assert read(tmp_path / "grey").train.images.shape[3] == 1
    write_pictures(tmp_path / "mixed", "a", mode="L")
    write_pictures(tmp_path / "mixed", "b", mode="RGB")
    assert read(tmp_path / "mixed").train.images.shape[3] == 3


def test_a_few_broken_pictures_are_skipped_and_listed(tmp_path: Path) -> None:
    write_pictures(tmp_path, n=20)
    (tmp_path / "a" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    loaded = read(tmp_path)
    assert len(loaded.train) == 40
    assert [Path(file).name for file, _ in loaded.skipped] == ["bad.png"]


def test_a_picture_cut_off_in_its_pixels_is_skipped_too(tmp_path: Path) -> None:
    write_pictures(tmp_path, n=20)
    whole = (tmp_path / "a" / "0.png").read_bytes()
    (tmp_path / "a" / "0.png").write_bytes(whole[: len(whole) // 2])
    loaded = read(tmp_path)
    assert len(loaded.train) == 39
    assert len(loaded.skipped) == 1


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ],
)
def test_npz_with_both_parts(tmp_path: Path, names: tuple[str, ...]) -> None:
    arrays = (np.zeros((6, 5, 4, 3), np.uint8), np.arange(6) % 2, np.zeros((2, 5, 4, 3), np.uint8), np.arange(2))
    np.savez(tmp_path / "d.npz", **dict(zip(names, arrays, strict=True)))
    assert {part: len(data) for part, data in read(tmp_path / "d.npz").parts.items()} == {"train": 6, "test": 2}


@pytest.mark.parametrize("names", [("images", "labels"), ("X", "y")])
def test_npz_of_one_part(tmp_path: Path, names: tuple[str, str]) -> None:
    np.savez_compressed(tmp_path / "d.npz", **{names[0]: np.zeros((4, 5, 5), np.uint8), names[1]: np.array(["u", "v", "u", "v"])})
    assert read(tmp_path / "d.npz").train.classes == ("u", "v")


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
    loaded = read((images, np.arange(4) % 2))
    assert loaded.train.images.shape[1:] == shape
    assert loaded.train.images.max() == top


def test_arrays_of_mixed_sizes_keep_their_originals() -> None:
    pictures = [np.zeros((10 + i, 20, 3), np.uint8) for i in range(4)]
    loaded = read((pictures, [0, 1, 0, 1]))
    assert loaded.train.original(3).shape == (13, 20, 3)


def test_labels_may_be_any_whole_numbers_or_a_column() -> None:
    loaded = read((np.zeros((4, 5, 5), np.uint8), np.array([[7], [-2], [7], [900]])))
    assert loaded.train.classes == ("-2", "7", "900")
    assert loaded.train.labels.tolist() == [1, 0, 1, 2]


GOOD = np.zeros((4, 5, 5), np.uint8)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ((GOOD, [0, 1, 0]), "4 train images but 3"),
        ((GOOD, np.array([0.5, 1.0, 2.0, 3.0])), "fractions"),
        ((GOOD, np.eye(4)), "one label for each"),
        ((GOOD, [0, None, 1, 1]), "missing"),
        ((np.zeros((4, 25)), [0, 1, 0, 1]), "Reshape"),
        ((np.full((4, 5, 5), np.nan), [0, 1, 0, 1]), "NaN"),
        ((np.full((4, 5, 5), -1.0), [0, 1, 0, 1]), "negative"),
        ((np.full((4, 5, 5), 1e9), [0, 1, 0, 1]), "values up to"),
        ((np.zeros((4, 5, 5, 7), np.uint8), [0, 1, 0, 1]), "channels"),
        ((np.array([{}, {}], dtype=object), [0, 1]), "Python objects"),
        (([], []), "no images"),
        ((np.zeros((0, 5, 5)), []), "no images"),
        (42, "int"),
        ("/nowhere/at/all", "no file or folder"),
    ],
)
def test_bad_input_is_one_sentence_with_a_hint(source: Any, words: str) -> None:
    with pytest.raises(DataError) as caught:
        read(source)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def bad_folder(tmp_path: Path, kind: str) -> Path:
    if kind == "flat":
        Image.new("L", (5, 5)).save(tmp_path / "a.png")
    elif kind == "texts":
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "a.txt").write_text("hello")
    elif kind == "broken":
        write_pictures(tmp_path, n=4)
        (tmp_path / "a" / "bad.png").write_bytes(b"nothing")
    elif kind == "unknown class":
        write_pictures(tmp_path / "train")
        write_pictures(tmp_path / "test", "xyz")
    elif kind == "labels missing":
        write_idx(tmp_path, "train", 6)
        (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    elif kind == "counts":
        write_idx(tmp_path, "train", 6, labels=5)
    elif kind == "cut off":
        write_idx(tmp_path, "train", 60)
        path = tmp_path / "train-images-idx3-ubyte.gz"
        path.write_bytes(path.read_bytes()[:-200])
    elif kind == "only test":
        write_idx(tmp_path, "t10k", 6)
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("empty", "is empty"),
        ("flat", "class folders"),
        ("texts", "no pictures"),
        ("broken", "cannot be read"),
        ("unknown class", "no training pictures"),
        ("labels missing", "no labels beside"),
        ("counts", "6 train images but 5"),
        ("cut off", "cut off"),
        ("only test", "no training images"),
    ],
)
def test_bad_folders(tmp_path: Path, kind: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        read(bad_folder(tmp_path, kind))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("train-images-idx3-ubyte", b"hello world, this is text", "not an IDX"),
        ("train-images-idx3-ubyte", idx_bytes(np.zeros((2, 3, 3), np.uint8), kind=0x0D), "Only bytes"),
        ("train-images-idx3-ubyte", idx_bytes(np.zeros((2, 3, 3), np.uint8))[:-3], "fewer bytes"),
        ("train-images-idx3-ubyte", idx_bytes(np.zeros((2, 3, 3), np.uint8)) + b"x", "more bytes"),
        ("train-images-idx3-ubyte", b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 2**31, 9), "claims"),
        ("something", idx_bytes(np.zeros((2, 3, 3), np.uint8)), "images or labels"),
        ("data.npz", b"PK\x03\x04 not really", "not a whole"),
        ("data.npz", b"", "is empty"),
        ("data.csv", b"a,b", "cannot be read as"),
        ("model.pkl", b"\x80\x04.", "cannot be read as"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(tmp_path / name)
    assert words in str(caught.value)


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


def test_a_senseless_side_is_refused() -> None:
    with pytest.raises(UsageError, match="side"):
        read("digits", side=0)
