"""Modules of operations that torch.nn has no class for.

Written-out source takes over the text of these classes, so each of them stands alone: it uses torch, ``nn``, ``F`` and
``Tensor`` and nothing else. A row of the operation table names them in its ``Call``; ``found`` finds the class.

``DropPath`` is ScheduledDropPath of NASNet (arXiv 1707.07012 and its public implementation): one Bernoulli draw per
example, the output divided by the chance to keep, and a chance to drop that grows linearly over training.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archsmith.core.errors import UsageError
from archsmith.graphs.operations import Call

Batch: TypeAlias = Tensor | Mapping[str, Tensor]  # what a network takes: by input, or bare where there is one


class DropPath(nn.Module):
    """Drops its whole input for some examples of a batch while training. ``keep``: the chance to keep at the end."""

    def __init__(self, keep: float) -> None:
        super().__init__()
        self.keep = keep
        self.progress = 0.0  # from 0 to 1 over the training; the network's set_progress() sets it

    def forward(self, x: Tensor) -> Tensor:
        keep = 1.0 - self.progress * (1.0 - self.keep)
        if not self.training or keep >= 1.0:
            return x
        mask = x.new_empty((x.shape[0],) + (1,) * (x.dim() - 1)).bernoulli_(keep).div_(keep)
        return x * mask


class Scale(nn.Module):
    """(x - mean) / std for every channel, with constants that were fitted on the training data."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        shape = (-1,) + (1,) * (x.dim() - 2)
        return (x - self.mean.view(shape)) / self.std.view(shape)


class Affine(nn.Module):
    """factor * x + offset for every channel of an image, with constants that are given."""

    def __init__(self, channels: int, factors: tuple[float, ...], offsets: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("factors", torch.tensor(factors).expand(channels).clone())
        self.register_buffer("offsets", torch.tensor(offsets).expand(channels).clone())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factors.view(-1, 1, 1) + self.offsets.view(-1, 1, 1)


class Standardise(nn.Module):
    """(x - mean) / std for every column, with constants of the training data; 0 where a value is missing (NaN)."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(columns))
        self.register_buffer("std", torch.ones(columns))

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(torch.isnan(x), torch.zeros_like(x), (x - self.mean) / self.std)


class PiecewiseLinear(nn.Module):
    """For every column and bin how much of the bin lies below x: 0 in front of it, 1 behind it.

    The first and the last bin are open to the outside. Missing values (NaN) give zeros. The edges are quantiles of the
    training data, ``(columns, bins + 1)``. (Gorishniy, Rubachev, Babenko 2022, arXiv 2203.05556.)
    """

    def __init__(self, columns: int, bins: int) -> None:
        super().__init__()
        self.register_buffer("edges", torch.linspace(-2.0, 2.0, bins + 1).repeat(columns, 1))

    def forward(self, x: Tensor) -> Tensor:
        low, high = self.edges[:, :-1], self.edges[:, 1:]
        x = x.unsqueeze(-1)
        width = high - low
        step = (x >= low).to(x.dtype)  # a bin whose edges are equal
        share = torch.where(width > 0, (x - low) / torch.where(width > 0, width, torch.ones_like(width)), step)
        bins = low.shape[1]
        if bins > 1:
            inner = share[..., 1:-1].clamp(0.0, 1.0)
            share = torch.cat([share[..., :1].clamp(max=1.0), inner, share[..., -1:].clamp(min=0.0)], dim=-1)
        return torch.where(torch.isnan(x), torch.zeros_like(share), share).flatten(1)


class Trees(nn.Module):
    """Sums of decision trees, one for each of ``features`` outputs: x ``(n, columns)`` -> ``(n, features)``.

    A fork of a tree is true where its value is above its threshold: then a row goes right. A leaf counts the
    forks above it, +1 for a true one that leads to it and -1 for a true one that leads away. It is reached where that
    count is the number of forks that must be true. These are products of matrices, which are far faster here than a
    walk from node to node (Nakandala et al. 2020, arXiv 2010.04804, the GEMM strategy).

    A fork reads the place ``feature`` of the columns, with missing values (NaN) below everything; then of the columns
    again, with missing values above everything; then of ``sets``. A set is 1 for the codes that lie on its true side:
    the code in the column ``column``, counted from ``start``, is looked up in ``side``.

    The trees come in ``groups`` that are computed one after the other, so that memory stays small. In each group the
    tree of output j is followed by that of output j + 1.
    """

    def __init__(
        self,
        columns: int,
        features: int,
        groups: int,
        trees: int,
        forks: int,
        leaves: int,
        sets: int = 0,
        sides: int = 0,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.features, self.trees, self.forks, self.sets = features, trees, forks, sets
        self.value = nn.Parameter(torch.zeros(groups, trees, leaves, device=device))
        self.register_buffer("feature", torch.zeros(groups, trees * forks, dtype=torch.int64))
        self.register_buffer("threshold", torch.full((groups, trees * forks), torch.inf))
        self.register_buffer("path", torch.zeros(groups, trees, leaves, forks, dtype=torch.int8))
        self.register_buffer("count", torch.zeros(groups, trees, leaves, dtype=torch.int16))
        if sets:
            self.register_buffer("column", torch.zeros(groups, sets, dtype=torch.int64))
            self.register_buffer("start", torch.zeros(groups, sets, dtype=torch.int64))
            self.register_buffer("side", torch.zeros(sides, dtype=torch.int8))

    def forward(self, x: Tensor) -> Tensor:
        n, x = x.shape[0], x.transpose(0, 1)
        gaps = torch.isnan(x)
        known = torch.cat([x.masked_fill(gaps, -torch.inf), x.masked_fill(gaps, torch.inf)])
        total = torch.zeros_like(x[:1])
        for group in range(self.value.shape[0]):
            given = torch.cat([known, self.codes_in(x, group)]) if self.sets else known
            true = given.index_select(0, self.feature[group]) > self.threshold[group].unsqueeze(1)
            counts = torch.matmul(self.path[group].float(), true.float().view(self.trees, self.forks, n))
            reached = (counts == self.count[group].unsqueeze(2)).float()
            values = torch.matmul(self.value[group].unsqueeze(1), reached)
            total = total + values.view(-1, self.features, n).sum(0)
        return total.transpose(0, 1)

    def codes_in(self, x: Tensor, group: int) -> Tensor:
        """Which codes lie in the sets of a group, ``(sets, n)``."""
        places = x.index_select(0, self.column[group]).long() + self.start[group].unsqueeze(1)
        return self.side.index_select(0, places.reshape(-1)).view(places.shape).float()


class SharedConv(nn.Conv2d):
    """One convolution for every part of an image: for ``parts`` groups of channels, or for the ``tiles`` of a grid."""

    def __init__(
        self,
        channels: int,
        filters: int,
        kernel: int | tuple[int, int],
        parts: int = 1,
        tiles: int | tuple[int, int] = 1,
        **options: int | tuple[int, int] | bool,
    ) -> None:
        super().__init__(channels, filters, kernel, **options)
        self.parts = parts
        self.tiles = (tiles, tiles) if isinstance(tiles, int) else tiles

    def forward(self, x: Tensor) -> Tensor:
        channels, height, width = x.shape[1:]
        if self.parts > 1:
            y = self.apply_to(x.reshape(-1, channels // self.parts, height, width))
            return y.reshape(-1, self.parts * y.shape[1], y.shape[2], y.shape[3])
        rows, columns = self.tiles
        x = x.reshape(-1, channels, rows, height // rows, columns, width // columns).permute(0, 2, 4, 1, 3, 5)
        y = self.apply_to(x.reshape(-1, channels, height // rows, width // columns))
        filters, height, width = y.shape[1:]
        y = y.reshape(-1, rows, columns, filters, height, width).permute(0, 3, 1, 4, 2, 5)
        return y.reshape(-1, filters, rows * height, columns * width)

    def apply_to(self, x: Tensor) -> Tensor:
        if self.kernel_size != (1, 1) or self.padding != (0, 0):
            return super().forward(x)
        down, right = self.stride  # pixels that are skipped are not read at all: oneDNN's gradients can be wrong
        return F.conv2d(x[:, :, ::down, ::right], self.weight, self.bias)


class NarrowConv(nn.Conv2d):
    """A 1×1 convolution that skips pixels and reads few channels: while gradients are wanted it takes the pixels that
    it reads and skips none of them.

    The same function. oneDNN's gradient of the weights writes past its buffer for fewer channels than a block holds (8
    with AVX2, 16 with AVX-512) in channels_last, which ends in wrong gradients or a crash:
    https://github.com/uxlfoundation/oneDNN/issues/6035, seen here with torch 2.13.0.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            return super().forward(x)
        down, right = self.stride
        return F.conv2d(x[:, :, ::down, ::right], self.weight, self.bias)


def found(name: str) -> Any:
    """The class that a ``Call`` names. Raises UsageError where there is none."""
    module, colon, local = name.rpartition(":")
    if not colon:
        module, local = ("torch.nn", name.removeprefix("nn.")) if name.startswith("nn.") else (__name__, name)
    try:
        return getattr(import_module(module), local)
    except (ImportError, AttributeError) as error:
        hint = "Write nn.X for a class of torch.nn, or module:Class for one of yours."
        raise UsageError(f"There is no class {name!r} for an operation: {error}", hint) from error


def construct(call: Call, with_params: bool) -> nn.Module:
    """The module of a Call. Its parameters are replaced before use, so they are not drawn: modules of torch make them
    on the meta device, and other ones leave the global generator as it was.
    """
    cls = found(call.name)
    if with_params and cls.__module__.startswith(("torch.nn.", __name__)):
        return cls(*call.args, **call.kwargs, device="meta")
    if with_params:
        with torch.random.fork_rng(devices=[]):
            return cls(*call.args, **call.kwargs)
    return cls(*call.args, **call.kwargs)
