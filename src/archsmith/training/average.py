"""A moving average of weights. With it, a training at a constant rate scores as if its rate had been annealed.

Source: Polyak and Juditsky 1992; for batch-normalised networks Izmailov et al. 2018 (arXiv 1803.05407), who also
recompute the batch-norm statistics of the averaged network. Ours is exponential, so that its length does not depend on
the end of the training. At the beginning it is a polynomial-decay average (Shamir and Zhang 2013, arXiv 1212.1824),
which spans a share of the steps so far: the first weights are worth nothing. While a constant rate is brought down at
the end, the span falls with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

EVERY = 4  # steps between two updates
RECENT = 7.0  # the exponent of the polynomial decay: about the last 1 / (1 + RECENT) of all steps count


class Average:
    """The exponential moving average of a network's parameters over about ``span`` steps, or over the last eighth of
    the steps so far where that is less.
    """

    def __init__(self, network: nn.Module, span: float) -> None:
        self.span = max(1.0, span)
        self.updates = 0
        self.names = [name for name, _ in network.named_parameters()]
        self.values = [torch.zeros_like(parameter) for parameter in network.parameters()]

    def update(self, network: nn.Module, step: int, share: float = 1.0) -> None:
        """Call after step ``step`` (counted from 1).

        ``share``: of the span, 0 to 1. A rate that falls brings the weights to rest by itself, and those of before are
        worse.
        """
        if step % EVERY:
            return
        self.updates += 1
        decay = math.exp(-EVERY / max(1.0, share * self.span))
        weight = max(1 - decay, (1 + RECENT) / (self.updates + RECENT))
        with torch.no_grad():
            torch._foreach_lerp_(self.values, [parameter.detach() for parameter in network.parameters()], weight)

    @contextmanager
    def applied(self, network: nn.Module) -> Iterator[None]:
        """``network`` has the averaged weights inside the block, and its own parameters and buffers after it."""
        with torch.no_grad():
            own = {name: tensor.clone() for name, tensor in network.state_dict().items()}
            self.install(network)
        try:
            yield
        finally:
            network.load_state_dict(own)

    def install(self, network: nn.Module) -> None:
        """Put the averaged weights into ``network`` for good. Does nothing before the first update."""
        if self.updates:
            with torch.no_grad():
                for parameter, value in zip(network.parameters(), self.values, strict=True):
                    parameter.copy_(value)

    def state(self) -> dict[str, Tensor]:
        """The averaged weights by the name of their parameter, for a checkpoint."""
        return dict(zip(self.names, self.values, strict=True))

    def load(self, state: dict[str, Tensor], updates: int) -> None:
        """Go on from what ``state`` returned after that many ``updates``."""
        self.updates = updates
        with torch.no_grad():
            for name, value in zip(self.names, self.values, strict=True):
                value.copy_(state[name])
