"""From ``Examples``, which may be memory maps, to what a network takes, on the device that computes.

The order of an epoch comes from (seed, epoch), the augmentation of a batch from (seed, epoch, batch). So a training can
go on at any step as if it had never stopped. Rows travel raw, pictures as bytes, and become floats on the device.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archsmith.core.seeds import derive
from archsmith.data.examples import Batch, Examples, Pipeline
from archsmith.graphs.modules import Batch as NetworkInput
from archsmith.training.device import MB, free_memory_mb, memory_format

Item = TypeVar("Item")

CPU = torch.device("cpu")
RESIDENT_SHARE = 0.25  # of a GPU's free memory that examples may take; the rest is for the network
CHUNK = 4096  # examples that are moved to a GPU at once


class Feed:
    """Gives batches of examples and targets on a device.

    ``data``: ``n`` examples.
    ``targets``: ``(n,)``, as the loss takes them.
    ``device``: where batches go.

    On the CPU only the rows of a batch are copied, so a memory map is never read whole. On a GPU all raw rows are
    copied there once, if they fit into a quarter of its free memory. If not, each batch is put into pinned memory and
    copied while the GPU computes.
    """

    def __init__(self, data: Examples, targets: Tensor, device: torch.device = CPU) -> None:
        self.data = data
        self.device = device
        self.resident = _resident(data, device) if device.type in ("cuda", "mps") and _fits(data, device) else None
        self.targets = targets if self.resident is None else targets.to(device)

    def __len__(self) -> int:
        return len(self.data)

    def batch(self, indexes: NDArray[np.int64]) -> tuple[Batch, Tensor]:
        """The raw rows at ``indexes`` ``(b,)`` by name, and their targets ``(b,)``."""
        chosen = torch.from_numpy(indexes)
        if self.resident is not None:
            chosen = chosen.to(self.device)
            return {name: rows[chosen] for name, rows in self.resident.items()}, self.targets[chosen]
        return moved(gather(self.data, indexes), self.device), moved({"": self.targets[chosen]}, self.device)[""]


def gather(data: Examples, indexes: NDArray[np.int64]) -> Batch:
    """The raw rows at ``indexes`` by name. Copies these rows only."""
    return {name: torch.from_numpy(rows) for name, rows in data.batch(indexes).items()}


def moved(batch: Batch, device: torch.device) -> Batch:
    """``batch`` on ``device``. A copy to CUDA goes through pinned memory, and nobody waits for it."""
    if device.type == "cuda":
        return {name: rows.pin_memory().to(device, non_blocking=True) for name, rows in batch.items()}
    return {name: rows.to(device) for name, rows in batch.items()}


def given(batch: Batch, device: torch.device) -> NetworkInput:
    """What a network is called with: pictures in the memory format of the device, and one input without a mapping."""
    shaped = {
        name: rows.contiguous(memory_format=memory_format(device)) if rows.dim() == 4 else rows
        for name, rows in batch.items()
    }
    return next(iter(shaped.values())) if len(shaped) == 1 else shaped


def _fits(data: Examples, device: torch.device) -> bool:
    free = free_memory_mb(device)
    return free is not None and data.n_bytes <= RESIDENT_SHARE * free * MB


def _resident(data: Examples, device: torch.device) -> dict[str, Tensor]:
    """All rows on ``device``, copied chunk by chunk."""
    rows: dict[str, Tensor] = {}
    for start in range(0, len(data), CHUNK):
        end = min(start + CHUNK, len(data))
        for name, some in gather(data, np.arange(start, end)).items():
            if name not in rows:
                rows[name] = torch.empty((len(data), *some.shape[1:]), dtype=some.dtype, device=device)
            rows[name][start:end].copy_(some)
    return rows


def n_batches(n: int, batch_size: int) -> int:
    """How many batches an epoch has. An incomplete last batch is left out, unless it is the only one."""
    return max(1, n // batch_size)


def training_batches(
    feed: Feed, batch_size: int, pipeline: Pipeline, seed: int, epoch: int, first: int = 0
) -> Iterator[tuple[NetworkInput, Tensor]]:
    """One epoch in random order, from its batch ``first`` on: inputs of the network, and targets ``(b,)``. Same
    arguments, same batches.
    """
    generator = torch.Generator().manual_seed(derive(seed, "epoch", epoch))
    order = torch.randperm(len(feed), generator=generator).numpy()
    size = min(batch_size, len(feed))
    numbers = range(first, n_batches(len(feed), size))
    rows = (feed.batch(order[i * size : (i + 1) * size]) for i in numbers)
    for i, (batch, targets) in zip(numbers, ahead(rows, feed.device), strict=True):
        generator.manual_seed(derive(seed, "batch", epoch, i))
        yield given(pipeline.inputs(pipeline.augmented(batch, generator)), feed.device), targets


def plain_batches(
    data: Examples, pipeline: Pipeline, batch_size: int = 256, limit: int | None = None, device: torch.device = CPU
) -> Iterator[NetworkInput]:
    """Inputs of the network, in order and not augmented, of the first ``limit`` examples (None: all)."""
    end = len(data) if limit is None else min(limit, len(data))
    indexes = (np.arange(start, min(start + batch_size, end)) for start in range(0, end, batch_size))
    for batch in ahead((moved(gather(data, chosen), device) for chosen in indexes), device):
        yield given(pipeline.inputs(batch), device)


def ahead(batches: Iterable[Item], device: torch.device) -> Iterator[Item]:
    """``batches``. On CUDA each is made before the one ahead of it is used, so that copies run beside computation."""
    batches = iter(batches)
    if device.type != "cuda":
        yield from batches
        return
    current = next(batches, None)
    while current is not None:
        following = next(batches, None)
        yield current
        current = following
