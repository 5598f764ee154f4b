"""From an ``ImageSet`` (possibly a memory map) to normalised float batches on the device that computes.

An epoch's order and augmentation come from one generator seeded by (seed, epoch), so that training can go on at any
epoch boundary exactly as if it had never stopped. Pictures travel as bytes and become floats where they are used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archsmith.core.seeds import derive
from archsmith.data.images.decode import ImageSet
from archsmith.training.augment import augment
from archsmith.training.device import MB, free_memory_mb, memory_format
from archsmith.training.recipe import Recipe

Batch = TypeVar("Batch")

CPU = torch.device("cpu")
RESIDENT_SHARE = 0.25  # of a GPU's free memory that pictures may take; the rest is for the network
CHUNK = 4096  # pictures that are moved to a GPU at once


@dataclass(frozen=True)
class Normalisation:
    """``(value / 255 - mean) / std`` for each channel; ``mean`` and ``std`` ``(C,)`` in units of full brightness,
    fitted on the training split.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 ``(n, H, W, C)`` as float32 ``(n, C, H, W)``, on the same device and in its memory format."""
        scale = torch.tensor([1 / (255 * s) for s in self.std], dtype=torch.float32)
        offset = torch.tensor([-m / s for m, s in zip(self.mean, self.std, strict=True)], dtype=torch.float32)
        values = images.to(torch.float32) * scale.to(images.device) + offset.to(images.device)
        # no copy where that is channels_last
        return values.permute(0, 3, 1, 2).contiguous(memory_format=memory_format(images.device))

    @property
    def fill(self) -> Tensor:
        """The mean colour, uint8 ``(C,)``."""
        return torch.tensor([round(255 * m) for m in self.mean], dtype=torch.uint8)


class Feed:
    """Pictures and targets of a set, gathered for ``device`` a batch at a time. ``targets`` ``(n,)`` are what the loss
    wants.

    On the CPU only the pictures of a batch are copied, so a memory map stays one. On a GPU the whole set moves there as
    bytes once, if it fits into a quarter of the free memory; if not, each batch is gathered into pinned memory and
    copied while the GPU computes.
    """

    def __init__(self, data: ImageSet, targets: Tensor, device: torch.device = CPU) -> None:
        self.data = data
        self.device = device
        self.resident = _moved(data, device) if device.type in ("cuda", "mps") and _fits(data, device) else None
        self.targets = targets if self.resident is None else targets.to(device)

    def __len__(self) -> int:
        return len(self.data)

    def batch(self, indexes: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """uint8 ``(b, H, W, C)`` and targets ``(b,)`` of the pictures at ``indexes``."""
        chosen = torch.from_numpy(indexes)
        if self.resident is not None:
            chosen = chosen.to(self.device)
            return self.resident[chosen], self.targets[chosen]
        return moved(gather(self.data, indexes), self.device), moved(self.targets[chosen], self.device)


def gather(data: ImageSet, indexes: NDArray[np.int64]) -> Tensor:
    """uint8 ``(n, H, W, C)`` of the pictures at ``indexes``; copies only those."""
    return torch.from_numpy(np.take(data.images, indexes, axis=0))


def moved(batch: Tensor, device: torch.device) -> Tensor:
    """``batch`` on ``device``; to CUDA by way of pinned memory, without waiting for it."""
    if device.type == "cuda":
        return batch.pin_memory().to(device, non_blocking=True)
    return batch.to(device)


def _fits(data: ImageSet, device: torch.device) -> bool:
    free = free_memory_mb(device)
    return free is not None and data.images.nbytes <= RESIDENT_SHARE * free * MB


def _moved(data: ImageSet, device: torch.device) -> Tensor:
    """All pictures on ``device``, copied chunk by chunk."""
    result = torch.empty(data.images.shape, dtype=torch.uint8, device=device)
    for start in range(0, len(data), CHUNK):
        result[start : start + CHUNK].copy_(torch.from_numpy(np.array(data.images[start : start + CHUNK])))
    return result


def n_batches(n: int, batch_size: int) -> int:
    """Batches in an epoch; a last incomplete one is left out unless it is the only one."""
    return max(1, n // batch_size)


def training_batches(
    feed: Feed, recipe: Recipe, normalisation: Normalisation, seed: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch in random order: ``(images float32 (b, C, H, W), targets (b,))``. Same arguments, same batches."""
    generator = torch.Generator().manual_seed(derive(seed, "epoch", epoch))
    order = torch.randperm(len(feed), generator=generator).numpy()
    size = min(recipe.batch_size, len(feed))
    starts = range(0, n_batches(len(feed), size) * size, size)
    fill = normalisation.fill.to(feed.device)
    for images, targets in ahead((feed.batch(order[start : start + size]) for start in starts), feed.device):
        yield normalisation(augment(images, recipe, fill, generator)), targets


def plain_batches(
    data: ImageSet,
    normalisation: Normalisation,
    batch_size: int = 256,
    limit: int | None = None,
    device: torch.device = CPU,
) -> Iterator[Tensor]:
    """The pictures in order and unchanged, float32 ``(b, C, H, W)``, the first ``limit`` of them when given."""
    end = len(data) if limit is None else min(limit, len(data))
    indexes = (np.arange(start, min(start + batch_size, end)) for start in range(0, end, batch_size))
    for images in ahead((moved(gather(data, chosen), device) for chosen in indexes), device):
        yield normalisation(images)


def ahead(batches: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    """``batches``, on CUDA each made before the one before it is used, so that its copy runs beside the computation."""
    batches = iter(batches)
    if device.type != "cuda":
        yield from batches
        return
    current = next(batches, None)
    while current is not None:
        following = next(batches, None)
        yield current
        current = following
