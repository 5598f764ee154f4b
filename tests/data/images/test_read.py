from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.data.examples import SPLITS
from archsmith.data.images.pictures import Packed
from archsmith.data.images.read import read
from archsmith.data.images.source import Source
from archsmith.data.labels import target

RNG = np.random.default_rng(0)


def idx_bytes(array: np.ndarray, kind: int = 0x08) -> bytes:
    return bytes((0, 0, kind, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(folder: Path, split: str, n: int, *, packed: bool = True, labels: int | None = None) -> None:
    images = RNG.integers(0, 256, (n, 6, 5), dtype=np.uint8)
    marks = (np.arange(n if labels is None else labels) % 3).astype(np.uint8)
    for kind, array in (("images-idx3", images), ("labels-idx1", marks)):
        content = idx_bytes(array)
        path = folder / f"{split}-{kind}-ubyte{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(content) if packed else content)


def write_pictures(
    folder: Path, classes: str = "ab", n: int = 3, size: tuple[int, int] = (9, 7), mode: str = "RGB"
) -> None:
    for name in classes:
        (folder / name).mkdir(parents=True)
        for index in range(n):
            Image.fromarray(RNG.integers(0, 256, (*size, 3), dtype=np.uint8)).convert(mode).save(
                folder / name / f"{index}.png"
            )


def sizes(source: Source) -> dict[str, int]:
    """Pictures by split."""
    counts = np.bincount(source.split, minlength=3)
    return {split: int(n) for split, n in zip(SPLITS, counts, strict=True) if n}


def shape(source: Source, index: int = 0) -> tuple[int, int, int]:
    found = source.pictures.header(index)
    return found.height, found.width, found.channels


def test_digits_are_bytes() -> None:
    source = read("digits")
    assert len(source) == 1797
    assert shape(source) == (8, 8, 1)
    assert max(int(source.pictures.decode(i, 1).max()) for i in range(20)) == 255
    assert target(source).classes == tuple("0123456789")
    assert sizes(source) == {"train": 1797}


def test_what_was_read_already_is_taken_as_it_is() -> None:
    source = read("digits")
    assert read(source) is source


@pytest.mark.parametrize("packed", [True, False])
def test_idx_pairs_are_found_in_a_folder(tmp_path: Path, packed: bool) -> None:
    write_idx(tmp_path, "train", 12, packed=packed)
    write_idx(tmp_path, "t10k", 6, packed=packed)
    source = read(tmp_path)
    assert sizes(source) == {"train": 12, "test": 6}
    assert shape(source, 15) == (6, 5, 1)
    assert source.labels.tolist() == [*(np.arange(12) % 3), *(np.arange(6) % 3)]


def test_idx_pictures_are_those_of_the_file(tmp_path: Path) -> None:
    write_idx(tmp_path, "train", 12)
    content = gzip.decompress((tmp_path / "train-images-idx3-ubyte.gz").read_bytes())
    pictures = np.frombuffer(content[16:], np.uint8).reshape(12, 6, 5)
    assert np.array_equal(read(tmp_path).pictures.decode(11, 1)[:, :, 0], pictures[11])


def test_one_idx_file_finds_its_partners(tmp_path: Path) -> None:
    write_idx(tmp_path, "train", 12)
    write_idx(tmp_path, "t10k", 6)
    assert len(sizes(read(tmp_path / "train-images-idx3-ubyte.gz"))) == 2


def test_class_folders(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    source = read(tmp_path)
    assert len(source) == 6
    assert target(source).classes == ("a", "b")
    assert source.pictures.decode(0, 3).shape == (9, 7, 3)


def test_pictures_in_deeper_folders_count_and_hidden_ones_do_not(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    (tmp_path / "a" / "more").mkdir()
    for path in ("a/more/x.png", "a/.hidden.png"):
        Image.new("RGB", (7, 9)).save(tmp_path / path)
    (tmp_path / ".cache").mkdir()
    Image.new("RGB", (7, 9)).save(tmp_path / ".cache" / "y.png")
    assert len(read(tmp_path)) == 7


def test_split_folders_above_class_folders(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train")
    write_pictures(tmp_path / "val", n=2)
    write_pictures(tmp_path / "test", n=1)
    assert sizes(read(tmp_path)) == {"train": 6, "valid": 4, "test": 2}


def test_nothing_is_decoded_while_listing(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    (tmp_path / "a" / "bad.png").write_bytes(b"nothing")
    assert len(read(tmp_path)) == 7


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_with_both_splits(tmp_path: Path, names: tuple[str, ...], save: Any) -> None:
    images = RNG.integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
    save(tmp_path / "d.npz", **dict(zip(names, (images, np.arange(6) % 2, images[:2], np.arange(2)), strict=True)))
    source = read(tmp_path / "d.npz")
    assert sizes(source) == {"train": 6, "test": 2}
    assert np.array_equal(source.pictures.decode(4, 3), images[4])
    assert np.array_equal(source.pictures.decode(7, 3), images[1])


@pytest.mark.parametrize("names", [("images", "labels"), ("X", "y")])
def test_npz_of_one_split(tmp_path: Path, names: tuple[str, str]) -> None:
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


def test_npy_files_of_all_splits_in_any_order_of_memory(tmp_path: Path) -> None:
    images = np.asfortranarray(RNG.random((6, 5, 4)))
    for split in ("train", "val", "test"):
        np.save(tmp_path / f"x_{split}.npy", images)
        np.save(tmp_path / f"y_{split}.npy", np.arange(6) % 2)
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


GOOD = np.zeros((4, 5, 5), np.uint8)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ((GOOD, [0, 1, 0]), "4 train images but 3"),
        ((GOOD, np.eye(4)), "one label for each"),
        ((GOOD, [0, None, 1, 1]), "missing"),
        ((GOOD, [0.5, np.nan, 1, 1]), "Row 1"),
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
        ("a\0b", "no file or folder"),
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
        ("unknown class", "no training pictures"),
        ("labels missing", "no labels beside"),
        ("counts", "6 train images but 5"),
        ("cut off", "cut off"),
        ("only test", "no training images"),
    ],
)
def test_bad_folders(tmp_path: Path, kind: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        target(read(bad_folder(tmp_path, kind)))
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


def test_packed_pictures_without_splits(tmp_path: Path) -> None:
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


def test_splits_of_different_range_are_refused(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "d.npz",
        x_train=np.full((4, 5, 5), 0.5),
        y_train=np.arange(4) % 2,
        x_test=np.full((4, 5, 5), 200.0),
        y_test=np.arange(4) % 2,
    )
    with pytest.raises(DataError, match="larger values"):
        read(tmp_path / "d.npz")


def test_a_dark_split_is_not_taken_for_fractions(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "d.npz",
        x_train=np.full((4, 5, 5), 200.0),
        y_train=np.arange(4) % 2,
        x_test=np.ones((4, 5, 5)),
        y_test=np.arange(4) % 2,
    )
    assert read(tmp_path / "d.npz").pictures.decode(5, 1).max() == 1
