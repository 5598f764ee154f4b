"""The losses of the last steps, as many as an epoch has, and how long a step takes.

To read a loss means to wait for the device. On the CPU that costs nothing, so each loss is read at once. A GPU works in
the background, so losses are read in groups there, and the time of a step is that of a step of the last group.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable

import torch
from torch import Tensor

from archsmith.core.errors import EvaluationError

GROUP = 16  # losses that are read together from a device that works in the background
WARMING = 2  # first steps, which are read one by one, since they include the compiling of kernels


class Losses:
    """The losses of the last ``n`` steps; None: of all.

    ``queued``: does the device work in the background?
    ``taken``: steps that this training took before.
    ``values``: losses of these steps.
    """

    def __init__(self, queued: bool, taken: int, n: int | None = None, values: Iterable[float] = ()) -> None:
        self.queued = queued
        self.taken = taken
        self.values = deque(values, maxlen=n)
        self.pending: list[Tensor] = []
        self.group_seconds: float | None = None  # of one step of the last group
        self.read_at = time.perf_counter()

    def add(self, loss: Tensor) -> None:
        """Take the loss of a step, before its backward pass. Raises EvaluationError (``diverged``) when a loss that was
        read is not finite.
        """
        self.pending.append(loss.detach())
        self.taken += 1
        if not self.queued or self.taken <= WARMING or len(self.pending) == GROUP:
            self.read()

    def read(self) -> None:
        """Wait for all losses that are still pending."""
        if not self.pending:
            return
        values = [float(self.pending[0].item())] if len(self.pending) == 1 else torch.stack(self.pending).tolist()
        now = time.perf_counter()
        self.group_seconds, self.read_at = (now - self.read_at) / len(self.pending), now
        self.pending.clear()
        self.values += values
        for value in values:
            if not math.isfinite(value):
                raise EvaluationError(
                    f"Training diverged: the loss became {value}.", "A smaller learning rate may help.", kind="diverged"
                )

    def step_seconds(self, measured: float) -> float:
        """How long the last step took: ``measured`` on the CPU, the mean of the last group elsewhere."""
        return measured if not self.queued or self.group_seconds is None else self.group_seconds

    def mean(self) -> float:
        """The mean of the losses that were read; NaN before the first."""
        return math.fsum(self.values) / len(self.values) if self.values else math.nan
