"""The size that pictures are brought to. It is decided from their headers, before any picture is decoded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archsmith.core.errors import DataError, UsageError
from archsmith.data.images.source import Pictures
from archsmith.data.values import BROKEN_SHARE

LARGEST_SIDE = 64  # pixels, unless there are few pictures or the person asks for more; a CPU can train on this
# Few pictures lose less time by being large, and a network that has learnt from other pictures sees more in them: on
# 515 stamps of Tux Paint it was right on 80 % of the validation split at 64 pixels, and on 86 % at 128.
LARGE_SIDES = (128, 96)
FEW_PIXELS = 2**24  # of all pictures together, up to which they may be as large: 1,024 of 128 x 128 pixels
SMALLEST_SIDE, MAX_SIDE = 4, 1024  # pixels that a person may ask for
LOOKED_AT = 5_000  # the most headers that are read, evenly spaced


@dataclass(frozen=True)
class Sizes:
    """The size that pictures are brought to, and the sizes that they have.

    ``shape``: ``(H, W, C)`` that pictures are brought to.
    ``smallest``: height and width of the smallest picture.
    ``largest``: height and width of the largest picture.
    ``equal``: do all pictures have one size?
    ``mixed``: are grey and coloured pictures mixed?
    ``pixels``: the median number of pixels.
    ``sample``: how many pictures were looked at; 0 for all.
    """

    shape: tuple[int, int, int]
    smallest: tuple[int, int]
    largest: tuple[int, int]
    equal: bool
    mixed: bool
    pixels: int
    sample: int = 0

    @property
    def resized(self) -> bool:
        return not self.equal or self.smallest != self.shape[:2]

    def notes(self) -> tuple[str, ...]:
        """What is done to the pictures, in sentences."""
        found = []
        if self.resized:
            height, width, _ = self.shape
            sizes = (
                "of {} x {}".format(*self.smallest)
                if self.equal
                else "from {} x {} to {} x {}".format(*self.smallest, *self.largest)
            )
            which = f"In a sample of {self.sample:,}, pictures are {sizes}" if self.sample else f"Pictures {sizes}"
            found.append(
                f"{which} (height x width){'; all' if self.sample else ''} were resized to {height} x {width}."
            )
        if self.mixed:
            found.append("Grey and coloured pictures are mixed; all are taken as coloured.")
        return tuple(found)


def sizes_of(pictures: Pictures, side: int | None = None) -> Sizes:
    """The sizes of ``pictures``, from all headers or from 5,000 evenly spaced ones. ``side`` is what the person asks
    for. Raises UsageError for a ``side`` out of range, and DataError when too many pictures are broken.
    """
    if side is not None and not (type(side) is int and SMALLEST_SIDE <= side <= MAX_SIDE):
        raise UsageError(
            f"The side of pictures is {str(side)[:20]}.",
            f"Give a whole number of pixels from {SMALLEST_SIDE} to {MAX_SIDE} (--side, side= in Python).",
        )
    looked = np.unique(np.linspace(0, len(pictures) - 1, min(len(pictures), LOOKED_AT)).round().astype(int)).tolist()
    found, broken = [], []
    for index in looked:
        try:
            found.append(pictures.header(index))
        except DataError as error:  # listed when it is decoded
            broken.append(error)
    if not found or len(broken) > BROKEN_SHARE * len(looked):
        raise too_many_broken(len(broken), len(looked), broken[0].message, sampled=len(looked) < len(pictures))
    sides = [(header.height, header.width) for header in found]
    areas = [height * width for height, width in sides]
    channels = {header.channels for header in found}
    most = largest_side(len(pictures)) if side is None else side
    height, width = target_size(sides, most, exactly=side is not None)
    smallest, largest = sides[int(np.argmin(areas))], sides[int(np.argmax(areas))]
    return Sizes(
        (height, width, max(channels)),
        smallest,
        largest,
        len(set(sides)) == 1,
        len(channels) > 1,
        int(np.median(areas)),
        len(looked) if len(looked) < len(pictures) else 0,
    )


def too_many_broken(n: int, total: int, reason: str, seen_all: bool = True, *, sampled: bool = False) -> DataError:
    """The error that ``n`` of ``total`` pictures cannot be read, one of them for this ``reason``. ``seen_all``: were
    all of them tried? ``sampled``: are there more than these?
    """
    which = "pictures that were looked at" if sampled else "pictures"
    return DataError(
        f"{'' if seen_all else 'At least '}{n:,} of {total:,} {which} cannot be read, among them: {reason}",
        "Remove or replace them; up to 5 % are skipped.",
    )


def largest_side(n: int) -> int:
    """The most pixels that the side of one of ``n`` pictures keeps."""
    return next((side for side in LARGE_SIDES if n * side * side <= FEW_PIXELS), LARGEST_SIDE)


def target_size(sizes: list[tuple[int, int]], side: int, *, exactly: bool = False) -> tuple[int, int]:
    """Height and width for pictures of these ``sizes``: their own size, when it is the same for all and at most
    ``side``; else a square of their median side, at most ``side``. ``exactly``: a square of ``side`` in any case.
    """
    if exactly:
        return side, side
    first = sizes[0]
    if all(size == first for size in sizes) and max(first) <= side:
        return first
    median = float(np.median([(height * width) ** 0.5 for height, width in sizes]))
    square = int(min(side, max(SMALLEST_SIDE, round(median))))
    return square, square
