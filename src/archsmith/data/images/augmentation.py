"""The settings by which training pictures are changed at random. ``data.images.augment`` makes the changes."""

from __future__ import annotations

from dataclasses import dataclass

from archsmith.core.errors import UsageError
from archsmith.data.examples import Augmentation


@dataclass(frozen=True)
class ImageAugmentation(Augmentation):
    """Random changes of pictures. The defaults were tuned on the validation split of Fashion-MNIST.

    ``shift``: pictures move by up to this share of their side, 0 to 1.
    ``flip``: half of the pictures are mirrored left to right.
    ``cutout``: a square of this share of the shorter side is covered, 0 to 1; 0 is none (DeVries and Taylor 2017, arXiv
        1708.04552).
    """

    shift: float = 0.04
    flip: bool = False
    cutout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("shift", "cutout"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(
                    f"The recipe's {name} is {getattr(self, name)}.", "Give a number from 0 up to but not including 1."
                )
