"""Constants of a network that are fitted on training data: means, deviations, edges of bins. They are buffers, so they
are saved with the weights and are part of every exported network.

Which operations have constants, and what fits them, their rows say (``Operation.fit``). A fitter has two methods:
``add(values)`` takes values ``(columns, n)`` in float64 with NaN where one is missing, and ``constants()`` gives the
buffers by name. A package of yours may name one of its own.

A weight bank holds no constants. A network that takes its weights from a bank has buffers of its own: fit them as those
of any other network, or copy them from a network whose constants are fitted already (``copy_constants``). Constants go
by the name of their node, since they depend on where they stand and not on weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from archsmith.graphs.modules import Batch, found
from archsmith.graphs.operations import OPERATIONS

SAMPLE = 100_000  # values of each column that quantiles are taken from
KEPT = 256 * 2**20  # bytes of batches that constants of later operations are fitted on


class Moments:
    """``mean`` and ``std`` of every column, summed up batch by batch as Chan, Golub and LeVeque (1983) do.

    ``least``: a standard deviation below it counts as none. A column that never changes, and one without values, gets
    the deviation 1.
    """

    def __init__(self, least: float = 0.0) -> None:
        self.least = least
        self.count = self.mean = self.squares = torch.zeros(())
        self.low, self.high = torch.tensor(torch.inf), torch.tensor(-torch.inf)

    def add(self, values: Tensor) -> None:
        known = values.isfinite()
        count = known.sum(1).double()
        mean = torch.where(known, values, 0.0).sum(1) / count.clamp(min=1.0)
        squares = torch.where(known, values - mean[:, None], 0.0).square().sum(1)
        total = self.count + count
        apart = torch.where(count > 0, mean - self.mean, 0.0)
        self.mean = self.mean + apart * count / total.clamp(min=1.0)
        self.squares = self.squares + squares + apart.square() * self.count * count / total.clamp(min=1.0)
        self.count = total
        self.low = torch.minimum(self.low, torch.where(known, values, torch.inf).amin(1))
        self.high = torch.maximum(self.high, torch.where(known, values, -torch.inf).amax(1))

    def constants(self) -> dict[str, Tensor]:
        std = (self.squares / self.count.clamp(min=1.0)).sqrt()
        changes = (self.high > self.low) & (std > self.least) & (std.float() > 0)
        return {"mean": self.mean, "std": torch.where(changes, std, 1.0)}


class Quantiles:
    """``edges`` of bins that hold equally many training values, from at most ``SAMPLE`` values of each column.

    Where there are more values, every second, fourth, … one of them is taken. A column without values gets the edges of
    numbers between 0 and 1.
    """

    def __init__(self, bins: int) -> None:
        self.bins = bins
        self.sample: list[Tensor] = []
        self.held = self.seen = 0
        self.stride = 1

    def add(self, values: Tensor) -> None:
        first = -self.seen % self.stride
        self.seen += values.shape[1]
        taken = values[:, first :: self.stride].clone()
        self.sample.append(taken)
        self.held += taken.shape[1]
        while self.held > SAMPLE:
            self.stride *= 2
            self.sample = [torch.cat(self.sample, dim=1)[:, ::2].clone()]
            self.held = self.sample[0].shape[1]

    def constants(self) -> dict[str, Tensor]:
        at = torch.linspace(0.0, 1.0, self.bins + 1, dtype=torch.float64, device=self.sample[0].device)
        columns = torch.cat(self.sample, dim=1)
        known = [column[column.isfinite()] for column in columns]
        return {"edges": torch.stack([torch.quantile(column, at) if len(column) else at for column in known])}


def fit_constants(network: nn.Module, batches: Iterable[Batch]) -> int:
    """Set the constants of every operation of a ``Network`` from what reaches it over ``batches`` of training data,
    which are what the network takes. Returns the number of operations that were fitted.

    The batches are read once, in evaluation mode. Constants behind other constants are fitted after those, on the
    first batches (up to ``KEPT`` bytes of them). Draws nothing, and reads no batch where there are no constants.
    """
    levels = _levels(network)
    if not levels:
        return 0
    kept: list[Batch] = []
    training = network.training
    network.eval()
    try:
        n_fitted = _fit(network, levels[0], batches, kept if len(levels) > 1 else None)
        for level in levels[1:]:
            n_fitted += _fit(network, level, kept, None)
    finally:
        network.train(training)
    return n_fitted


def constants_of(network: nn.Module) -> dict[str, Tensor]:
    """The fitted constants by node and name (``standardise.mean``), sharing memory with the network."""
    return {
        f"{node.name}.{name}": network.get_submodule(node.name).get_buffer(name)
        for node in network.graph.nodes
        if OPERATIONS[node.op].fit is not None
        for name in network.graph.facts(node).buffers
    }


def copy_constants(source: nn.Module | Mapping[str, Tensor], target: nn.Module) -> int:
    """Copy the constants of ``source`` (a network, or constants by name) that ``target`` has under the same name and in
    the same shape. Returns the number of tensors; ``len(constants_of(target))`` where nothing is left to fit.
    """
    given = source if isinstance(source, Mapping) else constants_of(source)
    copied = 0
    with torch.no_grad():
        for name, tensor in constants_of(target).items():
            if name in given and given[name].shape == tensor.shape:
                tensor.copy_(given[name])
                copied += 1
    return copied


def _levels(network: nn.Module) -> list[list[tuple[nn.Module, Any]]]:
    """Modules with constants and their fitters: first those behind no other constants, then those behind these, and so
    on.
    """
    depth: dict[str, int] = {}
    levels: list[list[tuple[nn.Module, Any]]] = []
    for node in network.graph.nodes:
        before = max((depth[name] for name in node.inputs), default=0)
        depth[node.name] = before
        fit = OPERATIONS[node.op].fit
        if fit is not None:
            call = fit(node.args, network.graph.shapes_of(node.inputs))
            if before == len(levels):
                levels.append([])
            levels[before].append((network.get_submodule(node.name), found(call.name)(*call.args, **call.kwargs)))
            depth[node.name] = before + 1
    return levels


def _fit(
    network: nn.Module, level: list[tuple[nn.Module, Any]], batches: Iterable[Batch], kept: list[Batch] | None
) -> int:
    """Fit the constants of one level, and say of how many operations; the first batches are put into ``kept``."""
    fitters = dict(level)
    reached: set[nn.Module] = set()

    def note(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        reached.add(module)
        fitters[module].add(inputs[0].detach().double().transpose(0, 1).flatten(1))

    hooks = [module.register_forward_pre_hook(note) for module in fitters]
    room = KEPT
    try:
        with torch.no_grad():
            for batch in batches:
                network.forward_all(batch)
                if kept is not None:
                    room -= sum(
                        tensor.nbytes for tensor in (batch.values() if isinstance(batch, Mapping) else (batch,))
                    )
                    if room >= 0 or not kept:
                        kept.append(batch)
    finally:
        for hook in hooks:
            hook.remove()
    for module in reached:
        for name, value in fitters[module].constants().items():
            module.get_buffer(name).copy_(value)
    return len(reached)
