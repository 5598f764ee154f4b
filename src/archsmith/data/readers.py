"""One door for image data: ``read(source)`` takes what a person has and returns labelled pictures of one size.

It takes ``"digits"`` (the handwritten digits that scikit-learn ships), a folder of class folders (with or without train/valid/test above them), IDX
files (gzipped or not, the format of MNIST: LeCun et al. 1998), an ``.npz`` of arrays, or a pair ``(images, labels)``. Each kind has a function here
or in a file of its own; all raise ``DataError`` with one sentence and a hint, and none unpickles anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from archsmith.core.errors import DataError, MissingExtraError, UsageError
from archsmith.data.images import ImageSet

LARGEST_SIDE = 64  # pictures of mixed or larger sizes are brought to at most this side, which a CPU can train on


@dataclass(frozen=True)
class Loaded:
    """What was read. ``valid`` and ``test`` are None when the source has no such part.

    ``notes`` say in sentences what was converted; ``skipped`` lists (file, reason) of pictures that could not be read. ``scale`` is what raw array
    values were multiplied with to become bytes (1 for files), so that later arrays can be treated alike.
    """

    train: ImageSet
    valid: ImageSet | None
    test: ImageSet | None
    name: str
    notes: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    scale: float = 1.0

    @property
    def parts(self) -> dict[str, ImageSet]:
        """The parts that exist, by name."""
        named = {"train": self.train, "valid": self.valid, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}


def read(source: Any, *, side: int | None = None) -> Loaded:
    """Read ``source`` (see the module). ``side`` fixes the side in pixels that pictures are brought to. Raises DataError."""
    from archsmith.data import arrays, folders, idx

    if side is not None and not 4 <= side <= 1024:
        raise UsageError(f"The image side is {side}.", "Give a number of pixels from 4 to 1024.")
    if isinstance(source, tuple | list) and len(source) == 2:
        return arrays.read_arrays(source[0], source[1], side=side)
    if not isinstance(source, str | Path):
        raise DataError(f"Cannot read image data from a {type(source).__name__}.", "Give a path, the word 'digits', or a pair (images, labels).")
    if str(source) == "digits":
        return digits(side=side)
    path = Path(source).expanduser()
    if not path.exists():
        raise DataError(f"There is no file or folder {str(source)!r}.", "Check the path; the only data set with a name of its own is 'digits'.")
    if path.is_dir():
        return idx.read_idx(path, side=side) if idx.holds_idx(path) else folders.read_folder(path, side=side)
    if path.stat().st_size == 0:
        raise DataError(f"The file {str(path)!r} is empty.")
    if path.suffix.lower() == ".npz":
        return arrays.read_npz(path, side=side)
    if path.suffix.lower() in (".npy", ".pt", ".pth", ".pkl", ".pickle", ".zip", ".tar", ".csv", ".parquet"):
        raise DataError(
            f"Files such as {path.name!r} cannot be read as labelled images.",
            "Give a folder of class folders, IDX files or an .npz with images and labels.",
        )
    return idx.read_idx(path, side=side)


def digits(*, side: int | None = None) -> Loaded:
    """The 1,797 handwritten digits of 8 x 8 pixels that scikit-learn ships (UCI, Alpaydin and Kaynak 1998), grey values 0..16 spread over 0..255."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingExtraError.of("scikit-learn", "train", "The sample data set 'digits'") from error
    from archsmith.data import arrays

    found = load_digits()
    images = np.rint(found.images * (255 / 16)).astype(np.uint8)
    loaded = arrays.read_arrays(images, found.target.astype(np.int64), side=side)
    return Loaded(loaded.train, None, None, "digits")


def target_size(sizes: Sequence[tuple[int, int]], side: int | None) -> tuple[int, int]:
    """Height and width for pictures of these ``sizes``: their own when equal and no larger than 64, else a square of the median side up to 64."""
    if side is not None:
        return side, side
    first = sizes[0]
    if all(size == first for size in sizes) and max(first) <= LARGEST_SIDE:
        return first
    median = float(np.median([(height * width) ** 0.5 for height, width in sizes]))
    square = int(min(LARGEST_SIDE, max(4, round(median))))
    return square, square
