"""Labelled pictures from arrays: in memory, or in an ``.npz``.

Images may be ``(n, h, w)``, ``(n, h, w, c)`` or ``(n, c, h, w)`` with 1 or 3 channels (a fourth, transparency, is laid over white), or a list of
pictures of different sizes; values may be bytes, booleans, fractions in 0..1, numbers in 0..255 or 16-bit numbers. Labels are whole numbers, strings
or booleans.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.data.images import MAX_PIXELS, ImageSet, Pixels
from archsmith.data.readers import Loaded, target_size
from archsmith.data.resize import resize

MAX_BYTES = 32 * 2**30  # an .npz that unpacks to more is refused
NAMES = (
    ("x_train", "y_train"),
    ("train_images", "train_labels"),
    ("images", "labels"),
    ("image", "label"),
    ("x", "y"),
    ("data", "labels"),
    ("data", "target"),
)
TEST_NAMES = (("x_test", "y_test"), ("test_images", "test_labels"))
VALID_NAMES = (("x_valid", "y_valid"), ("x_val", "y_val"), ("valid_images", "valid_labels"), ("val_images", "val_labels"))
WANTED = {"classes", *(name for pair in (*NAMES, *TEST_NAMES, *VALID_NAMES) for name in pair)}


def read_arrays(images: Any, labels: Any, *, side: int | None = None, name: str = "arrays") -> Loaded:
    """``images`` and their ``labels`` as the training part. Raises DataError."""
    return _loaded({"train": (images, labels)}, side, name, None)


def read_npz(path: Path, *, side: int | None = None) -> Loaded:
    """The arrays of an ``.npz``: x_train/y_train/x_test/y_test (and x_valid/y_valid), images/labels, or X/y, in any case. Raises DataError."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                raise DataError(f"{str(path)!r} unpacks to more than {MAX_BYTES / 2**30:.0f} GiB.", "Give a smaller file.")
        with np.load(path, allow_pickle=False) as file:
            stored = {key.lower(): key for key in file.files}
            arrays = {low: file[key] for low, key in stored.items() if low in WANTED}
            found = sorted(file.files)
    except DataError:
        raise
    except ValueError as error:
        if "pickle" in str(error).lower() or "object" in str(error).lower():
            raise DataError(f"{str(path)!r} holds Python objects, which are never unpickled.", "Save plain number arrays.") from error
        raise DataError(f"{str(path)!r} cannot be read ({error}).", "Write it with numpy.savez.") from error
    except (OSError, zipfile.BadZipFile, EOFError, KeyError, MemoryError) as error:
        raise DataError(f"{str(path)!r} is not a whole .npz file ({error}).", "Write it again with numpy.savez.") from error

    def pick(names: Sequence[tuple[str, str]]) -> tuple[Any, Any] | None:
        return next(((arrays[x], arrays[y]) for x, y in names if x in arrays and y in arrays), None)

    train = pick(NAMES)
    if train is None:
        listed = ", ".join(found[:8]) or "nothing"
        raise DataError(
            f"{str(path)!r} holds {listed}, but no images with labels.", "Name the arrays x_train, y_train, x_test, y_test, or images and labels."
        )
    parts = {"train": train, "valid": pick(VALID_NAMES), "test": pick(TEST_NAMES)}
    names = arrays.get("classes")
    return _loaded(
        {part: pair for part, pair in parts.items() if pair is not None}, side, path.stem, None if names is None else tuple(map(str, names.ravel()))
    )


def _loaded(parts: dict[str, tuple[Any, Any]], side: int | None, name: str, class_names: tuple[str, ...] | None) -> Loaded:
    pictures: dict[str, Any] = {}
    labels: dict[str, NDArray[Any]] = {}
    scale = image_scale(parts["train"][0])
    for part, (x, y) in parts.items():
        pictures[part] = as_pictures(x, scale)
        labels[part] = as_labels(y)
        if len(pictures[part]) != len(labels[part]):
            raise DataError(f"There are {len(pictures[part]):,} {part} images but {len(labels[part]):,} labels.", "Give one label for each image.")
    channels = {picture.shape[-1] for group in pictures.values() for picture in (group[:1] if isinstance(group, np.ndarray) else group)}
    n_channels = max(channels)
    size = target_size([s for group in pictures.values() for s in _sizes(group)], side)
    values, indexes = _classes(labels)
    classes = tuple(map(str, values))
    if class_names is not None and len(values) and np.issubdtype(values.dtype, np.integer) and 0 <= values.min() and values.max() < len(class_names):
        classes = tuple(class_names[v] for v in values)
    sets = {}
    for part, group in pictures.items():
        images, raw = _fit(group, size, n_channels)
        sets[part] = ImageSet(images, indexes[part], classes, None, raw)
    notes = [] if scale == 1 else [f"Grey values were multiplied by {scale:g} to become bytes."]
    if any(part.raw is not None for part in sets.values()):
        notes.append(f"Pictures were resized to {size[0]} x {size[1]}.")
    return Loaded(sets["train"], sets.get("valid"), sets.get("test"), name, tuple(notes), (), scale)


def image_scale(images: Any) -> float:
    """What values of ``images`` are multiplied with to become 0..255: 255 for fractions and booleans, 255/65535 for 16-bit numbers, else 1."""
    tops = [float(array.max()) for array in _arrays(images) if array.size]
    if any(array.dtype == np.bool_ for array in _arrays(images)[:1]):
        return 255.0
    top = max(tops, default=0.0)
    if not np.isfinite(top):
        raise DataError("The images hold NaN or infinite values.", "Replace them first.")
    if np.issubdtype(_arrays(images)[0].dtype, np.floating) and top <= 1.0:
        return 255.0
    if top > 65535:
        raise DataError(f"The images hold values up to {top:g}.", "Give bytes (0 to 255), fractions (0 to 1) or 16-bit numbers.")
    return 1.0 if top <= 255 else 255.0 / 65535.0


def as_pictures(images: Any, scale: float) -> Pixels | list[Pixels]:
    """``images`` as uint8 ``(n, h, w, c)``, or a list of ``(h, w, c)`` when their sizes differ. Raises DataError."""
    arrays = _arrays(images)
    if len(arrays) == 1 and arrays[0] is not images and not isinstance(images, list | tuple):
        images = arrays[0]
    if isinstance(images, list | tuple):
        if len({array.shape for array in arrays}) == 1:
            return as_pictures(np.stack(arrays), scale)
        return [_bytes(_channels_last(array[None]), scale)[0] for array in arrays]
    return _bytes(_channels_last(arrays[0]), scale)


def _arrays(images: Any) -> list[NDArray[Any]]:
    """``images`` as one array, or as many when they come as a list; whatever numpy can look at is taken (torch tensors, Pillow images)."""
    if isinstance(images, list | tuple):
        if not images:
            raise DataError("There are no images.")
        found = [np.asarray(image) for image in images]
        if any(array.dtype == object for array in found):
            raise DataError("The images are a list of Python objects that are not pictures.", "Give arrays of numbers (height, width, channels).")
        return found
    array = np.asarray(images)
    if array.dtype == object:
        raise DataError("The images are an array of Python objects.", "Give one array of numbers (n, height, width, channels) or a list of pictures.")
    return [array]


def _channels_last(array: NDArray[Any]) -> NDArray[Any]:
    """``(n, h, w)``, ``(n, h, w, c)`` or ``(n, c, h, w)`` as ``(n, h, w, c)``."""
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4:
        raise DataError(f"The images have the shape {array.shape}.", "Reshape them to (n, height, width) or (n, height, width, channels).")
    if len(array) == 0:
        raise DataError("There are no images.")
    if array.shape[3] not in (1, 2, 3, 4) and array.shape[1] in (1, 2, 3, 4):
        array = array.transpose(0, 2, 3, 1)
    if array.shape[3] not in (1, 3, 4) or min(array.shape[1:3]) < 1:
        raise DataError(f"The images have the shape {array.shape}.", "Images have 1 (grey), 3 (RGB) or 4 (RGB and transparency) channels.")
    if array.shape[1] * array.shape[2] > MAX_PIXELS:
        raise DataError(f"The images are {array.shape[1]} x {array.shape[2]} pixels.", f"At most {MAX_PIXELS:,} pixels are taken.")
    return array


def _bytes(array: NDArray[Any], scale: float) -> Pixels:
    if array.dtype != np.uint8 or scale != 1:
        if not (np.issubdtype(array.dtype, np.number) or array.dtype == np.bool_) or np.issubdtype(array.dtype, np.complexfloating):
            raise DataError(f"The images are of type {array.dtype}.", "Give numbers.")
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            raise DataError("The images hold NaN or infinite values.", "Replace them first.")
        if array.dtype.kind in "fi" and array.min() < 0:
            raise DataError("The images hold negative values.", "Give bytes (0 to 255) or fractions (0 to 1); normalisation is done here.")
        out = np.empty(array.shape, np.uint8)
        for start in range(0, len(array), 1024):  # in slices, so that floats of the whole set never exist at once
            out[start : start + 1024] = np.clip(np.rint(array[start : start + 1024].astype(np.float64) * scale), 0, 255)
        array = out
    if array.shape[3] == 4:
        alpha = array[..., 3:].astype(np.uint16)
        array = ((array[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return np.ascontiguousarray(array)


def as_labels(labels: Any) -> NDArray[Any]:
    """``labels`` as ``(n,)`` of integers or strings. Raises DataError for fractions, one-hot rows and missing values."""
    array = np.asarray(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(f"The labels have the shape {array.shape}.", "Give one label for each image; rows of 0 and 1 become labels with .argmax(1).")
    if array.dtype == object:
        if not all(isinstance(value, str) for value in array.tolist()):
            raise DataError("The labels are Python objects, or some are missing.", "Give whole numbers or strings, without gaps.")
        array = array.astype(str)
    if array.dtype == np.bool_:
        array = array.astype(np.int64)
    if np.issubdtype(array.dtype, np.floating):
        raise DataError(
            "The labels are fractions, but classes are wanted.", "Use whole numbers or strings; labels.astype(int) if they only look like fractions."
        )
    if array.dtype.kind not in "iuUS":
        raise DataError(f"The labels are of type {array.dtype}.", "Give whole numbers or strings.")
    return array.astype(str) if array.dtype.kind == "S" else array


def _classes(labels: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], dict[str, NDArray[np.int64]]]:
    """Sorted label values of the training part, and each part's labels as indexes into them."""
    values = np.unique(labels["train"])
    indexes = {}
    for part, own in labels.items():
        if own.dtype.kind != values.dtype.kind and "U" in own.dtype.kind + values.dtype.kind:
            raise DataError(f"The {part} labels are of type {own.dtype}, those for training of type {values.dtype}.", "Use the same kind of labels.")
        unknown = np.setdiff1d(own, values)
        if unknown.size:
            raise DataError(
                f"The {part} part has the label {str(unknown[0])!r}, which training pictures never have.", "Every class needs training pictures."
            )
        indexes[part] = np.searchsorted(values, own).astype(np.int64)
    return values, indexes


def _sizes(group: Pixels | list[Pixels]) -> list[tuple[int, int]]:
    if isinstance(group, np.ndarray):
        return [(group.shape[1], group.shape[2])]
    return [(picture.shape[0], picture.shape[1]) for picture in group]


def _fit(group: Pixels | list[Pixels], size: tuple[int, int], channels: int) -> tuple[Pixels, Pixels | list[Pixels] | None]:
    """The group at ``size`` with ``channels``, and its originals when they differ from that."""
    if isinstance(group, np.ndarray):
        group = np.repeat(group, channels, axis=3) if group.shape[3] != channels else group
        if group.shape[1:3] == size:
            return group, None
    else:
        group = [np.repeat(picture, channels, axis=2) if picture.shape[2] != channels else picture for picture in group]
    return np.stack([resize(picture, *size) for picture in group]), group
