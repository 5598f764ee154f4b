"""Labelled pictures of one size, and their splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.core.task import Input
from archsmith.data.examples import Augmentation, Examples, Indexes, Splits
from archsmith.data.images.augmentation import ImageAugmentation
from archsmith.data.images.decode import IMAGE, Pixels

if TYPE_CHECKING:
    from archsmith.data.images.pictures import Called
    from archsmith.data.images.pipeline import ImagePipeline


@dataclass(frozen=True, eq=False)
class ImageExamples(Examples):
    """Labelled pictures of one size.

    ``images``: uint8 ``(n, H, W, C)``; may be a memory map.
    ``targets``, ``classes``: see ``Examples``.
    ``came``: the pictures ``(h, w, C)`` as they came, before resizing. Each is decoded when it is asked for. None when
        ``images`` were not resized.
    ``called``: what people would call each picture; None where nobody knows.
    """

    images: Pixels
    targets: NDArray[Any]
    classes: tuple[str, ...] = ()
    came: Sequence[Pixels] | None = None
    called: Called | None = None

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype != np.uint8 or self.images.shape[3] not in (1, 3):
            raise DataError(
                f"Images are uint8 (n, height, width, 1 or 3), not {self.images.dtype} {self.images.shape}."
            )
        if self.targets.shape != (len(self.images),):
            raise DataError(
                f"There are {len(self.images):,} images but {len(self.targets):,} labels.",
                "Give one label for each image.",
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(C, H, W)``, as networks want it."""
        _, height, width, channels = self.images.shape
        return channels, height, width

    @property
    def inputs(self) -> tuple[Input, ...]:
        return (Input(IMAGE, "image", self.shape),)

    def batch(self, indexes: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """``image``: uint8 ``(b, H, W, C)``."""
        return {IMAGE: np.take(self.images, indexes, axis=0)}

    @property
    def n_bytes(self) -> int:
        return self.images.nbytes

    @property
    def originals(self) -> Sequence[Pixels]:
        """All pictures as they came. Each is decoded when it is asked for, also those of a slice."""
        return self.images if self.came is None else self.came  # type: ignore[return-value]  # an array is a row of arrays

    def original(self, index: int) -> Pixels:
        """Picture ``index`` as it came, at its own size: uint8 ``(h, w, c)``. Raises DataError when it has gone."""
        return np.asarray(self.originals[index])

    def take(self, indexes: Indexes) -> ImageExamples:
        chosen = np.asarray(indexes, dtype=np.int64)
        came: Any = self.came
        if came is not None:
            came = came.take(chosen) if hasattr(came, "take") else [came[i] for i in chosen]
        called = None if self.called is None else self.called.take(chosen)
        return ImageExamples(self.images[chosen], self.targets[chosen], self.classes, came, called)


@dataclass(frozen=True, eq=False)
class ImageSplits(Splits):
    """The splits of pictures. Other fields: see ``Splits``.

    ``scale``: what values of raw arrays are multiplied with to become bytes; 1 for files.
    """

    train: ImageExamples
    valid: ImageExamples
    test: ImageExamples
    scale: float = 1.0

    kind: ClassVar[str] = "image"
    augmentation: ClassVar[type[Augmentation]] = ImageAugmentation

    def pipeline(self, augmentation: Augmentation | None = None) -> ImagePipeline:
        from archsmith.data.images.pipeline import ImagePipeline, Normalisation

        assert augmentation is None or isinstance(augmentation, ImageAugmentation)
        return ImagePipeline(Normalisation(*self.statistics), augmentation)

    @property
    def by_name(self) -> Mapping[str, ImageExamples]:
        return {"train": self.train, "valid": self.valid, "test": self.test}

    @cached_property
    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of each channel of the training pictures, in units of full brightness."""
        return statistics(self.train.images)


def statistics(images: Pixels, limit: int = 20_000) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, in units of full brightness (0..1). They come from up to ``limit``
    evenly spaced pictures.
    """
    chosen = images[:: max(1, -(-len(images) // limit))]
    n_channels = images.shape[3]
    counts = np.zeros((n_channels, 256), np.int64)
    step = max(1, 2**17 // max(1, images[:1].size))  # counting needs 8 bytes for each byte, so a few pictures at a time
    for start in range(0, len(chosen), step):
        some = np.ascontiguousarray(chosen[start : start + step])
        for channel in range(n_channels):
            counts[channel] += np.bincount(some[..., channel].ravel(), minlength=256)
    values = np.arange(256) / 255.0
    means, deviations = [], []
    for channel in range(n_channels):
        share = counts[channel] / max(1, counts[channel].sum())
        mean = float(share @ values)
        means.append(mean)
        deviations.append(max(1 / 255, float(np.sqrt(share @ (values - mean) ** 2))))
    return tuple(means), tuple(deviations)
