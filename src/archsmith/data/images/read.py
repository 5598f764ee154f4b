"""The reader of pictures. ``read(source)`` returns a ``Source``: labelled pictures, not yet decoded.

It takes ``"digits"`` (the handwritten digits that scikit-learn ships), a folder of class folders (with or without
train, valid and test folders above them), a zip of such a folder, IDX files (gzipped or not, the format of MNIST: LeCun
et al. 1998), an ``.npz``, a pair of ``.npy`` files, a table with a column of pictures (CSV or Parquet), a pair
``(images, labels)``, or a pandas DataFrame. Each of these has a file of its own here. Every reader raises ``DataError``
with one sentence and a hint, and none unpickles anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from archsmith.core.errors import DataError, MissingExtraError
from archsmith.core.files import expanded, regular_size
from archsmith.data.images.decode import SUFFIXES
from archsmith.data.images.source import Source, all_training

TABLES = (".csv", ".tsv", ".parquet", ".pq")
NOT_READ = (
    ".pt",
    ".pth",
    ".pkl",
    ".pickle",
    ".tar",
    ".tgz",
    ".gz",
    ".bz2",
    ".xz",
    ".7z",
    ".rar",
    ".h5",
    ".hdf5",
    ".mat",
    ".xlsx",
    ".json",
    ".tfrecord",
)


def read(source: Any, *, image: str | None = None, target: str | None = None) -> Source:
    """The pictures of ``source`` (see the module). ``image`` and ``target`` are the names of columns of a table. Raises
    DataError.
    """
    from archsmith.data.images import read_arrays as arrays

    if isinstance(source, Source):
        return source
    if isinstance(source, tuple | list) and len(source) == 2:
        return arrays.read_arrays(source[0], source[1])
    if hasattr(source, "columns") and hasattr(source, "iloc"):
        from archsmith.data.images import read_table as columns

        return columns.read_frame(source, image=image, target=target)
    if not isinstance(source, str | Path):
        raise DataError(
            f"Image data cannot be read from something of the type {type(source).__name__}.",
            "Give a path, the word 'digits', or a pair (images, labels).",
        )
    if str(source) == "digits":
        return digits()
    path = expanded(source)
    try:
        if not path.exists():
            raise DataError(
                f"There is no file or folder {str(source)!r}.",
                "Check the path. The only data set with a name is 'digits'.",
            )
        return _folder(path) if path.is_dir() else _file(path, image, target)
    except (OSError, ValueError) as error:  # a path with a zero byte, no permission, a disk that fails
        raise DataError(
            f"{str(source)!r} cannot be read ({getattr(error, 'strerror', None) or error}).",
            "Check the path and its permissions.",
        ) from error


def has_columns(source: Any) -> bool:
    """Is ``source`` a table of pictures, as far as its kind and name tell? What is not there might be one."""
    if isinstance(source, str | Path):
        path = expanded(source)
        return str(source) != "digits" and (path.suffix.lower() in TABLES or not path.exists()) and not path.is_dir()
    return hasattr(source, "columns") or not isinstance(source, tuple | list)


def _folder(path: Path) -> Source:
    from archsmith.data.images import read_arrays as arrays
    from archsmith.data.images import read_folder as folders
    from archsmith.data.images import read_idx as idx

    if idx.holds_idx(path):
        return idx.read_idx(path)
    return arrays.read_npy(path) if arrays.holds_npy(path) else folders.read_folder(path)


def _file(path: Path, image: str | None, target: str | None) -> Source:
    from archsmith.data.images import read_arrays as arrays
    from archsmith.data.images import read_idx as idx

    kind = path.suffix.lower()
    if regular_size(path) == 0:
        raise DataError(f"The file {str(path)!r} is empty.", "It was probably not written or downloaded completely.")
    if kind == ".npz":
        return arrays.read_npz(path)
    if kind == ".npy":
        return arrays.read_npy(path)
    if kind == ".zip":
        from archsmith.data.images import read_zip as archive

        return archive.read_zip(path)
    if kind in TABLES:
        from archsmith.data.images import read_table as columns

        return columns.read_table(path, image=image, target=target)
    if kind in SUFFIXES:
        raise DataError(
            f"The file {path.name!r} is a single picture, by its name.",
            "Give the folder that holds one folder of pictures for each class.",
        )
    if not idx.is_idx(path) and (kind in NOT_READ or not idx.begins_like_idx(path)):
        raise DataError(
            f"Files such as {path.name!r} cannot be read as data.",
            "Give a CSV or Parquet table (a spreadsheet can be saved as CSV), a folder of class folders or a zip of "
            "it, IDX files, or an .npz with images and labels.",
        )
    return idx.read_idx(path)


def digits() -> Source:
    """The 1,797 handwritten digits of 8 x 8 pixels that scikit-learn ships (UCI, Alpaydin and Kaynak 1998). Grey values
    0..16 become 0..255.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingExtraError.of("scikit-learn", "train", "The sample data set 'digits'") from error
    from archsmith.data.images.array_pictures import Arrays

    found = load_digits()
    images = np.rint(found.images * (255 / 16)).astype(np.uint8)
    return Source(Arrays(images, 1.0), found.target.astype(np.int64), all_training(len(images)), "digits")
