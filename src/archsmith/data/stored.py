"""Stored splits as evaluators ask for them: opened once a process, and cut to the same pictures in every trial."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from archsmith.data.images.cache import open_splits
from archsmith.data.images.decode import ImageSet
from archsmith.data.splits import Splits, stratified


@lru_cache(maxsize=4)
def opened(folder: str) -> Splits:
    """The splits in ``folder`` (``data.images.cache``). Raises DataError."""
    return open_splits(folder)


@lru_cache(maxsize=8)
def part_of(folder: str, name: str, limit: int | None) -> ImageSet:
    """A part of the stored splits, cut to ``limit`` pictures (None: all), of classes each by its share; the same ones
    whoever asks.
    """
    part = opened(folder).parts[name]
    if limit is None or limit >= len(part):
        return part
    chosen = stratified(part.labels, len(part.classes), limit, 0, f"limit_{name}")
    return ImageSet(np.ascontiguousarray(part.images[chosen]), part.labels[chosen], part.classes)
