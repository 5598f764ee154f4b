"""The losses of one epoch as they come, and the seconds of a step.

Reading a loss waits for the device. On the CPU that costs nothing, so each one is read at once; a GPU works behind the
program, so there losses are read in groups, and a step lasts what a step of the last group lasted.
"""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor

from archsmith.core.errors import EvaluationError

GROUP = 16  # losses read at once from a device that works behind the program
WARMING = 2  # steps of a training that are read one by one: they also pay for compiling kernels


class Losses:
    """``queued``: the device works behind the program. ``taken``: steps that this training has taken before."""

    def __init__(self, queued: bool, taken: int) -> None:
        self.queued = queued
        self.taken = taken
        self.values: list[float] = []
        self.pending: list[Tensor] = []
        self.group_seconds: float | None = None  # of one step of the last group
        self.read_at = time.perf_counter()

    def add(self, loss: Tensor) -> None:
        """Take the loss of a step, before its backward pass. Raises EvaluationError (``diverged``) once one is known
        not to be finite.
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
        """What the last step took: as ``measured`` on the CPU, from the last group elsewhere."""
        return measured if not self.queued or self.group_seconds is None else self.group_seconds

    def mean(self) -> float:
        """Of those read so far; NaN before the first."""
        return math.fsum(self.values) / len(self.values) if self.values else math.nan
