"""Labelled pictures from arrays: in memory, in ``.npy`` files, or in an ``.npz``.

Images are ``(n, h, w)``, ``(n, h, w, c)`` or ``(n, c, h, w)`` with 1 or 3 channels, or a list of pictures of different
sizes. One more channel is transparency, which is laid over white. Values are bytes, booleans, fractions in 0..1,
numbers in 0..255 or 16-bit numbers. A list of paths, of Pillow images or of encoded pictures is taken, too. Labels are
whole numbers, strings or booleans for classes, or regression targets.

What lies in a file is not loaded. An ``.npz`` may also hold *packed pictures*: ``blob`` (the bytes of all picture
files, one after the other), ``offsets`` ``(n + 1,)``, ``labels`` ``(n,)``, and optionally ``is_train`` ``(n,)``
booleans and ``class_names``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.core.files import reading
from archsmith.data.examples import SPLITS
from archsmith.data.images.array_files import load_member, mapped, member_pair, members, npy_pair, same_number
from archsmith.data.images.array_pictures import Arrays, Pillows, Stack, as_bytes, channels_last, scale_of
from archsmith.data.images.decode import Pixels
from archsmith.data.images.encoded import Contents
from archsmith.data.images.pictures import Files, Packed, joined
from archsmith.data.images.source import Pictures, Source, all_training
from archsmith.data.labels import as_labels

NAMES = (
    ("x_train", "y_train"),
    ("train_images", "train_labels"),
    ("images", "labels"),
    ("image", "label"),
    ("x", "y"),
    ("data", "labels"),
    ("data", "target"),
    ("images", "targets"),
)
TEST_NAMES = (("x_test", "y_test"), ("test_images", "test_labels"))
VALID_NAMES = (
    ("x_valid", "y_valid"),
    ("x_val", "y_val"),
    ("valid_images", "valid_labels"),
    ("val_images", "val_labels"),
)
PAIRS = {"train": NAMES, "valid": VALID_NAMES, "test": TEST_NAMES}
CLASS_NAMES = ("class_names", "classes")
LABELS = {name for pairs in PAIRS.values() for _, name in pairs}


def read_arrays(images: Any, labels: Any, *, name: str = "arrays") -> Source:
    """``images`` and their ``labels`` as the training split. Raises DataError."""
    if _is_npy(images) and _is_npy(labels):
        images, labels = npy_pair(Path(images), Path(labels), "train")
    pictures, scale = _pictures(images)
    marks = as_labels(labels)
    same_number(len(pictures), len(marks), "train")
    return Source(pictures, marks, all_training(len(marks)), name, scale=scale, notes=_notes(scale))


def read_npz(path: Path) -> Source:
    """The pictures in an ``.npz``. Raises DataError.

    Its arrays are called x_train, y_train, x_test, y_test (and x_valid, y_valid), or images and labels, or X and y, in
    small letters or capitals. Or it holds packed pictures.
    """
    held = members(path)
    if {"blob", "offsets", "labels"} <= held.keys():
        return _read_packed(path, held)
    pairs = _pairs(held, str(path))
    splits = {split: member_pair(path, held[x], held[y], split) for split, (x, y) in pairs.items()}
    names = next((load_member(path, held[key]) for key in CLASS_NAMES if key in held), None)
    return from_splits(splits, path.stem, None if names is None else tuple(map(str, names.ravel())))


def holds_npy(folder: Path) -> bool:
    """Are there ``.npy`` files right in ``folder``?"""
    return any(path.suffix.lower() == ".npy" for path in folder.iterdir())


def read_npy(path: Path) -> Source:
    """The pairs of ``.npy`` files in a folder, or beside one of the files: images.npy and labels.npy, or x_train.npy,
    y_train.npy and so on. Raises DataError.
    """
    folder = path if path.is_dir() else path.parent
    files = {file.stem.lower(): file for file in sorted(folder.iterdir()) if file.suffix.lower() == ".npy"}
    pairs = _pairs(files, str(folder))
    if path.is_file() and path.stem.lower() not in {name for pair in pairs.values() for name in pair}:
        raise DataError(
            f"The file {path.name!r} has no partner with labels beside it.", "Name the pair images.npy and labels.npy."
        )
    splits = {split: npy_pair(files[x], files[y], split) for split, (x, y) in pairs.items()}
    return from_splits(splits, path.stem if path.is_file() else folder.resolve().name, None)


def from_splits(
    splits: Mapping[str, tuple[Any, NDArray[Any]]], name: str, class_names: tuple[str, ...] | None
) -> Source:
    """A source of several splits, each with images (in memory or in a file) and labels. Raises DataError."""
    rows: list[Pictures] = []
    labels, codes, scale = [], [], 1.0
    for split in (split for split in SPLITS if split in splits):
        images, marks = splits[split]
        row, own = _pictures(images)
        same_number(len(row), len(marks), split)
        if split == "train":
            scale = own
        elif scale != own and not _fits(images, scale):
            raise DataError(
                f"The {split} images hold larger values than the training images.", "Bring both to the same range."
            )
        row.scale = scale  # as of the training images: dark bytes may look like fractions
        rows.append(row)
        labels.append(marks)
        codes.append(np.full(len(marks), SPLITS.index(split), np.int8))
    kinds = {("text" if marks.dtype.kind == "U" else "numbers") for marks in labels}
    if len(kinds) > 1:
        raise DataError(
            "The labels of some splits are text, and those of others are numbers.", "Use the same kind of labels."
        )
    return Source(joined(rows), np.concatenate(labels), np.concatenate(codes), name, class_names, scale, _notes(scale))


def open_packed(path: Path) -> Packed:
    """The packed pictures in an ``.npz``. Raises DataError."""
    held = members(path)
    blob, offsets = mapped(path, held["blob"]), load_member(path, held["offsets"])
    if (
        blob.ndim != 1
        or blob.dtype != np.uint8
        or offsets.ndim != 1
        or offsets.dtype.kind not in "iu"
        or len(offsets) < 2
    ):
        raise DataError(
            f"The packed pictures in {str(path)!r} are not laid out as they should be.",
            "blob is uint8 (bytes,), offsets whole numbers (n + 1,).",
        )
    places = offsets.astype(np.int64)
    if places[0] < 0 or places[-1] > len(blob) or (np.diff(places) < 0).any():
        raise DataError(
            f"The offsets in {str(path)!r} do not rise from 0 to the {len(blob):,} bytes of the blob.",
            "Pack the pictures again.",
        )
    return Packed(path, blob, places)


def _read_packed(path: Path, held: Mapping[str, str]) -> Source:
    pictures = open_packed(path)
    labels = as_labels(load_member(path, held["labels"]))
    same_number(len(pictures), len(labels), "packed")
    split = all_training(len(labels))
    if "is_train" in held:
        flags = load_member(path, held["is_train"])
        if flags.shape != labels.shape:
            raise DataError(
                f"There are {len(labels):,} labels but {flags.size:,} values of is_train in {str(path)!r}.",
                "Give one for each picture.",
            )
        if flags.dtype.kind not in "biuf":
            raise DataError(f"The values of is_train in {str(path)!r} are of type {flags.dtype}.", "Give booleans.")
        split[~flags.astype(bool)] = SPLITS.index("test")
    if not (split == 0).any():
        raise DataError(f"There are no training pictures in {str(path)!r}.", "is_train is true for those.")
    names = next((load_member(path, held[key]) for key in CLASS_NAMES if key in held), None)
    return Source(pictures, labels, split, path.stem, None if names is None else tuple(map(str, names.ravel())))


def _pairs(names: Mapping[str, Any], where: str) -> dict[str, tuple[str, str]]:
    """For each split that exists, the names of its images and labels."""
    found = {
        split: next((pair for pair in pairs if pair[0] in names and pair[1] in names), None)
        for split, pairs in PAIRS.items()
    }
    if found["train"] is None:
        listed = ", ".join(sorted(names)[:8]) or "nothing"
        raise DataError(
            f"{where!r} holds {listed}, but no pair of images and labels.",
            "Name the arrays x_train, y_train, x_test, y_test, or images and labels.",
        )
    return {split: pair for split, pair in found.items() if pair is not None}


def _notes(scale: float) -> tuple[str, ...]:
    return () if scale == 1 else (f"Grey values were multiplied by {scale:g} to become bytes.",)


def _fits(images: Any, scale: float) -> bool:
    own = {255.0: 1.0, 1.0: 255.0}.get(scale_of(images), 65535.0)
    return own * scale <= 255.0


# Arrays in memory


def _pictures(images: Any) -> tuple[Any, float]:
    """``images`` as ``Pictures``, and their scale."""
    if isinstance(images, Stack):
        if images.dtype != np.uint8 or (images.packed and images.member):
            images.scale = scale_of(images)  # reads all of it once, and so finds out if it is whole
        return images, images.scale
    items = _items(images)
    if isinstance(items, list):
        if all(isinstance(item, str | os.PathLike) for item in items):
            return Files("", [os.path.abspath(os.fspath(item)) for item in items]), 1.0
        if all(isinstance(item, bytes | bytearray) for item in items):
            return Contents(items), 1.0
        if all(isinstance(item, Image.Image) for item in items):
            return Pillows(items), 1.0
    arrays = _arrays(items)
    _refuse_shapes(arrays)
    scale = scale_of(arrays)
    return Arrays(arrays, scale), scale


def _refuse_shapes(arrays: NDArray[Any] | list[NDArray[Any]]) -> None:
    """Raises DataError unless ``arrays`` have shapes of pictures."""
    if isinstance(arrays, np.ndarray):
        channels_last(arrays)
    else:
        for array in arrays:
            channels_last(array[None])


def _array(value: Any) -> NDArray[Any]:
    """Whatever numpy can read, as an array."""
    with reading("The images cannot be read as arrays of numbers", "Give arrays (height, width, channels)."):
        return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)


def _items(images: Any) -> Any:
    """``images`` as an array of numbers, or as a list of whatever they are. Whatever numpy can read is taken, such as
    tensors and columns of a table.
    """
    if not isinstance(images, list | tuple):
        array = _array(images)
        if array.dtype.kind not in "OUS":
            return array
        images = array.tolist() if array.ndim == 1 else [array]
    if not len(images):
        raise DataError("There are no images.")
    return list(images)


def _arrays(items: Any) -> NDArray[Any] | list[NDArray[Any]]:
    if isinstance(items, np.ndarray):
        return items
    found = []
    for item in items:
        if isinstance(item, Image.Image):
            found.append(Pillows([item]).decode(0, Pillows([item]).header(0).channels))
        else:
            found.append(_array(item))
    if any(array.dtype == object or array.dtype.kind in "US" for array in found):
        raise DataError(
            "The images are Python objects that are not pictures.",
            "Give arrays of numbers (height, width, channels), Pillow images, or paths; all of one kind.",
        )
    return found


def image_scale(images: Any) -> float:
    """What values of ``images`` are multiplied with to become 0..255 (see ``array_pictures.scale_of``). Raises
    DataError.
    """
    return scale_of(_arrays(_items(images)))


def as_pictures(images: Any, scale: float) -> Pixels | list[Pixels]:
    """``images`` as uint8 ``(n, h, w, c)``, or a list of ``(h, w, c)`` when their sizes differ. Raises DataError."""
    arrays = _arrays(_items(images))
    _refuse_shapes(arrays)
    scale_of(arrays)  # refuses NaN and negative values
    if isinstance(arrays, np.ndarray):
        return as_bytes(channels_last(arrays), scale)
    if len({array.shape for array in arrays}) == 1:
        return as_bytes(channels_last(np.stack(arrays)), scale)
    return [as_bytes(channels_last(array[None]), scale)[0] for array in arrays]


def _is_npy(value: Any) -> bool:
    return isinstance(value, str | os.PathLike) and os.fspath(value).lower().endswith(".npy")
