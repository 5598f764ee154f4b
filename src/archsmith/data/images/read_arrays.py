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
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archsmith.core.errors import DataError
from archsmith.core.files import regular_size
from archsmith.data.examples import SPLITS
from archsmith.data.images.array_pictures import Arrays, Pillows, Stack, as_bytes, channels_last, scale_of
from archsmith.data.images.decode import Pixels
from archsmith.data.images.encoded import Contents
from archsmith.data.images.pictures import Files, Packed, joined
from archsmith.data.images.source import Pictures, Source, all_training
from archsmith.data.labels import as_labels

MAX_BYTES = 32 * 2**30  # the largest array that is unpacked into memory
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
        images, labels = _npy(Path(images)), _load(Path(labels))
    pictures, scale = _pictures(images)
    marks = as_labels(labels)
    _same_number(len(pictures), len(marks), "train")
    return Source(pictures, marks, all_training(len(marks)), name, scale=scale, notes=_notes(scale))


def read_npz(path: Path) -> Source:
    """The pictures in an ``.npz``. Raises DataError.

    Its arrays are called x_train, y_train, x_test, y_test (and x_valid, y_valid), or images and labels, or X and y, in
    small letters or capitals. Or it holds packed pictures.
    """
    members = _members(path)
    if {"blob", "offsets", "labels"} <= members.keys():
        return _read_packed(path, members)
    pairs = _pairs(members, str(path))
    splits = {
        split: (_member(path, members[x]), as_labels(load_member(path, members[y]))) for split, (x, y) in pairs.items()
    }
    names = next((load_member(path, members[key]) for key in CLASS_NAMES if key in members), None)
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
    splits = {split: (_npy(files[x]), as_labels(_load(files[y]))) for split, (x, y) in pairs.items()}
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
        _same_number(len(row), len(marks), split)
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
    members = _members(path)
    blob, offsets = _mapped(path, members["blob"]), load_member(path, members["offsets"])
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


def _read_packed(path: Path, members: Mapping[str, str]) -> Source:
    pictures = open_packed(path)
    labels = as_labels(load_member(path, members["labels"]))
    _same_number(len(pictures), len(labels), "packed")
    split = all_training(len(labels))
    if "is_train" in members:
        flags = load_member(path, members["is_train"])
        if flags.shape != labels.shape:
            raise DataError(
                f"There are {len(labels):,} labels but {flags.size:,} values of is_train in {str(path)!r}.",
                "Give one for each picture.",
            )
        split[~flags.astype(bool)] = SPLITS.index("test")
    if not (split == 0).any():
        raise DataError(f"There are no training pictures in {str(path)!r}.", "is_train is true for those.")
    names = next((load_member(path, members[key]) for key in CLASS_NAMES if key in members), None)
    return Source(pictures, labels, split, path.stem, None if names is None else tuple(map(str, names.ravel())))


def _members(path: Path) -> dict[str, str]:
    """The arrays of an ``.npz``: name in lower case -> member. Raises DataError."""
    with _whole(repr(str(path)), ".npz file"):
        regular_size(path)
    with _whole(repr(str(path)), ".npz file"), zipfile.ZipFile(path) as archive:
        return {entry.filename.removesuffix(".npy").lower(): entry.filename for entry in archive.infolist()}


@contextmanager
def _whole(where: str, what: str = "array") -> Iterator[None]:
    """Turns what zipfile, zlib and numpy raise about a broken file into one DataError."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise DataError(
            f"{where} is not a whole {what} ({_line(error)}).", "Write it again with numpy.save or numpy.savez."
        ) from error


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


def _same_number(n_images: int, n_labels: int, split: str) -> None:
    if n_images != n_labels:
        raise DataError(
            f"There are {n_images:,} {split} images but {n_labels:,} labels.", "Give one label for each image."
        )


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
        if isinstance(items[0], str | os.PathLike):
            return Files("", [os.path.abspath(os.fspath(item)) for item in items]), 1.0
        if isinstance(items[0], bytes):
            return Contents(items), 1.0
        if all(isinstance(item, Image.Image) for item in items):
            return Pillows(items), 1.0
    arrays = _arrays(items)
    scale = scale_of(arrays)
    if isinstance(arrays, np.ndarray):
        channels_last(arrays)
    else:
        for array in arrays:
            channels_last(array[None])
    return Arrays(arrays, scale), scale


def _items(images: Any) -> Any:
    """``images`` as an array of numbers, or as a list of whatever they are. Whatever numpy can read is taken, such as
    tensors and columns of a table.
    """
    if hasattr(images, "detach"):
        images = images.detach().cpu().numpy()
    if not isinstance(images, list | tuple):
        array = np.asarray(images)
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
            found.append(np.asarray(item.detach().cpu().numpy() if hasattr(item, "detach") else item))
    if any(array.dtype == object or array.dtype.kind in "US" for array in found):
        raise DataError(
            "The images are Python objects that are not pictures.",
            "Give arrays of numbers (height, width, channels), Pillow images or paths.",
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
    scale_of(arrays)  # refuses NaN and negative values
    if isinstance(arrays, np.ndarray):
        return as_bytes(channels_last(arrays), scale)
    if len({array.shape for array in arrays}) == 1:
        return as_bytes(channels_last(np.stack(arrays)), scale)
    return [as_bytes(channels_last(array[None]), scale)[0] for array in arrays]


# Arrays in files


def _is_npy(value: Any) -> bool:
    return isinstance(value, str | os.PathLike) and os.fspath(value).lower().endswith(".npy")


def _header(file: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, column order, type and length of the head of an array in the ``.npy`` format. Raises DataError."""
    with _whole(where):
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
        offset = file.tell()
    if dtype.hasobject:
        raise DataError(f"{where} holds Python objects, which are never unpickled.", "Save plain number arrays.")
    return shape, fortran, dtype, offset


def _npy(path: Path) -> Any:
    """The images in a ``.npy``, not loaded."""
    with _opened(path) as file:
        shape, fortran, dtype, offset = _header(file, f"The file {str(path)!r}")
        n_bytes = dtype.itemsize * int(np.prod(shape, dtype=object))
        if os.fstat(file.fileno()).st_size - offset < n_bytes:
            raise DataError(f"The file {str(path)!r} is cut off.", "Save it again.")
    if fortran or not n_bytes:
        with _whole(f"The file {str(path)!r}"):
            return np.load(path, mmap_mode="r" if n_bytes else None, allow_pickle=False)
    return Stack(path, shape, dtype.str, offset)


def _opened(path: Path) -> Any:
    try:
        regular_size(path)
        return open(path, "rb")
    except OSError as error:
        raise DataError(f"The file {str(path)!r} cannot be read ({error.strerror}).", "Check the path.") from error


def _load(path: Path) -> NDArray[Any]:
    with _opened(path) as file:
        _header(file, f"The file {str(path)!r}")
    with _whole(f"The file {str(path)!r}"):
        return np.asarray(np.load(path, allow_pickle=False))


def _member(path: Path, member: str) -> Any:
    """The images in one member of an ``.npz``, not loaded."""
    where = f"The array {member.removesuffix('.npy')!r} in {str(path)!r}"
    with _whole(where), zipfile.ZipFile(path) as archive, archive.open(member) as file:
        shape, fortran, dtype, offset = _header(file, where)
        packed = archive.getinfo(member).compress_type != zipfile.ZIP_STORED
    if fortran or not int(np.prod(shape, dtype=object)):
        return load_member(path, member)
    return Stack(path, shape, dtype.str, offset, member=member, packed=packed)


def load_member(path: Path, member: str) -> NDArray[Any]:
    """One array of an ``.npz``, in memory. Raises DataError."""
    where = f"The array {member.removesuffix('.npy')!r} in {str(path)!r}"
    with _whole(where), zipfile.ZipFile(path) as archive, archive.open(member) as file:
        shape, _, dtype, _ = _header(file, where)
        if dtype.itemsize * int(np.prod(shape, dtype=object)) > MAX_BYTES:
            raise DataError(f"{where} unpacks to more than {MAX_BYTES / 2**30:.0f} GiB.", "Give a smaller file.")
        file.seek(0)
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _mapped(path: Path, member: str) -> NDArray[Any]:
    """One array of an ``.npz``, memory-mapped; loaded when it is compressed."""
    where = f"The array {member.removesuffix('.npy')!r} in {str(path)!r}"
    with _whole(where), zipfile.ZipFile(path) as archive, archive.open(member) as file:
        shape, fortran, dtype, offset = _header(file, where)
        entry = archive.getinfo(member)
    if entry.compress_type != zipfile.ZIP_STORED or fortran or not int(np.prod(shape, dtype=object)):
        return load_member(path, member)
    # the local header is followed by name and extra field, whose lengths are at bytes 26 to 30 (APPNOTE.TXT 4.3.7)
    with _whole(where), open(path, "rb") as plain:
        plain.seek(entry.header_offset + 26)
        lengths = np.frombuffer(plain.read(4), "<u2")
        return np.memmap(path, dtype, "r", entry.header_offset + 30 + int(lengths.sum()) + offset, shape)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:100].rstrip(".") or type(error).__name__
