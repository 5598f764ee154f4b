"""The outputs of a network, and how good they are. Always computed in float32."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import torch
from torch import Tensor, nn

from archsmith.data.examples import Examples, Pipeline
from archsmith.graphs.network import Network
from archsmith.graphs.operation import BYTES
from archsmith.training.batches import plain_batches
from archsmith.training.device import placed
from archsmith.training.goal import Goal, Score

BATCH = 256
LARGEST = 2**27  # bytes that one value of a network may take in a batch: large pictures go in smaller batches


def outputs(
    network: nn.Module,
    data: Examples,
    pipeline: Pipeline,
    *,
    device: torch.device | str = "cpu",
    batch_size: int | None = None,
    limit: int | None = None,
    check: Callable[[], None] | None = None,
) -> Tensor:
    """The outputs of the network in evaluation mode, float32 ``(n, k)`` on the CPU, for the first ``limit`` examples
    (None: all). ``batch_size``: None is 256, or as many as suit a network of large pictures. ``check`` is called for
    each batch.
    """
    batch_size = batch_size or suitable_batch(network)
    device = torch.device(device)
    was_training = network.training
    network.eval()
    rows = []
    try:
        with placed(network, device), torch.inference_mode():
            for batch in plain_batches(data, pipeline, batch_size, limit, device):
                if check is not None:
                    check()
                rows.append(network(batch).float())
            return torch.cat(rows).cpu()
    finally:
        network.train(was_training)


def suitable_batch(network: nn.Module) -> int:
    """256, or as many examples as keep the largest value of a ``Network`` in 128 MB."""
    if not isinstance(network, Network):
        return BATCH
    largest = max(prod(node.shape) for node in network.graph.nodes)
    return max(1, min(BATCH, LARGEST // (BYTES * largest)))


def evaluate(
    network: nn.Module,
    data: Examples,
    pipeline: Pipeline,
    goal: Goal,
    *,
    device: torch.device | str = "cpu",
    batch_size: int | None = None,
    limit: int | None = None,
    check: Callable[[], None] | None = None,
) -> Score:
    """The score of ``network`` on ``data``. Arguments as in ``outputs``."""
    found = outputs(network, data, pipeline, device=device, batch_size=batch_size, limit=limit, check=check)
    return goal.score(found, data.targets[: len(found)])
