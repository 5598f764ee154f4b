"""Weights of a network: first values, and the road from one network to another.

Every parameter starts as the row of its operation says (``Operation.init``). Two networks share what has the same
weight key, name and shape.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from archsmith.core.errors import UsageError
from archsmith.graphs.graph import Node
from archsmith.graphs.operations import OPERATIONS


def fresh(node: Node, name: str, shape: tuple[int, ...], seed: int, fan_in: int | None = None) -> Tensor:
    """New values for the parameter ``name`` of a node, as its row says. Nothing is drawn on the meta device.

    ``fan_in``: how many values each output reads; that of ``shape`` where it is not given.
    """
    value = torch.empty(shape)
    if value.ndim == 4:  # a network runs in channels_last, and weights in that layout save a copy a step
        value = value.to(memory_format=torch.channels_last)
    if value.is_meta:
        return value
    start = OPERATIONS[node.op].init.get(name, "zeros" if name == "bias" else "uniform")
    fan_in = fan_in or math.prod(shape[1:])
    with torch.no_grad():
        if start == "zeros":
            return value.zero_()
        if start in ("ones", "gain"):
            return value.fill_(node.args.get("gain", 1.0) if start == "gain" else 1.0)
        generator = torch.Generator().manual_seed(seed)
        if start == "he":
            return value.normal_(0.0, math.sqrt(2.0 / fan_in), generator=generator)
        if start == "uniform":
            bound = 1.0 / math.sqrt(fan_in)
            return value.uniform_(-bound, bound, generator=generator)
    raise UsageError(
        f"The operation {node.op!r} starts {name!r} as {start!r}, which is unknown.",
        "Use he, uniform, gain, ones or zeros.",
    )


def weights_by_key(network: nn.Module) -> dict[str, Tensor]:
    """Parameters and batch statistics of a ``Network`` by weight key and name (``<key>.weight``), in its memory."""
    return {f"{key}.{name}": tensor for key, name, tensor in _keyed(network)}


def inherit(child: nn.Module, parent: nn.Module | Mapping[str, Tensor]) -> float:
    """Copy into the ``Network`` ``child`` what it shares with ``parent`` (a network, or tensors by key). Returns the
    fraction of its parameters that were copied.
    """
    source = parent if isinstance(parent, Mapping) else weights_by_key(parent)
    parameters = copied = 0
    with torch.no_grad():
        for key, name, tensor in _keyed(child):
            found = source.get(f"{key}.{name}")
            known = found is not None and found.shape == tensor.shape
            if found is not None and known:
                tensor.copy_(found)
            if isinstance(tensor, nn.Parameter):
                parameters += tensor.numel()
                copied += tensor.numel() if known else 0
    return copied / parameters if parameters else 0.0


def _keyed(network: nn.Module) -> Iterator[tuple[str, str, Tensor]]:
    for node in network.graph.nodes:
        if node.key is not None:
            module = network.get_submodule(node.name)
            for name, parameter in module.named_parameters(recurse=False):
                yield node.key, name, parameter
            for name, buffer in module.named_buffers(recurse=False):
                yield node.key, name, buffer
