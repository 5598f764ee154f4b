"""Learning rates as functions of progress, and progress as a function of steps and time.

``Pace`` is what makes a training end annealed *and* in time: progress grows by an equal share of what is left for each
step that still fits, where "fits" is the smaller of the steps that were asked for and the steps that the clock allows
at the present speed. On a machine that keeps its forecast this is step / steps; on one that turns slow the rest of the
schedule is squeezed into the time that remains, and on one that turns quick more steps are taken, up to the limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from archsmith.training.recipe import Recipe

FLOOR = 0.002  # one_cycle and cosine end at this share of the peak
START = 0.04  # one_cycle begins at this share (Smith and Topin 2018 use 1/25)
MEMORY = 30  # steps over which the seconds of a step are averaged


def rate(recipe: Recipe, progress: float) -> float:
    """The learning rate at ``progress`` in [0, 1]."""
    progress = min(1.0, max(0.0, progress))
    if recipe.schedule == "constant":
        return recipe.peak
    warmup = recipe.warmup if recipe.schedule == "one_cycle" else 0.0
    if progress < warmup:
        return recipe.peak * (START + (1 - START) * progress / warmup)
    falling = (progress - warmup) / (1 - warmup)
    return recipe.peak * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * falling)))


@dataclass
class Pace:
    """Where a training stands.

    ``n_steps`` is the most steps it may take, ``seconds`` its wall-clock limit (None: none). Kept for what comes after
    the last step are ``reserve`` seconds and the time of ``tail`` steps. ``progress`` runs from 0 to 1; ``overhead`` is
    the sum of seconds spent between steps (measuring, saving), which is spread over the steps to come.
    """

    n_steps: int
    seconds: float | None = None
    reserve: float = 0.0
    tail: float = 0.0
    step: int = 0
    progress: float = 0.0
    step_seconds: float = 0.0
    overhead: float = 0.0
    taken: int = 0
    hurried: bool = False

    def left(self, elapsed: float) -> int:
        """How many steps still fit after ``elapsed`` seconds."""
        by_count = self.n_steps - self.step
        if self.seconds is None or not self.taken:
            return by_count
        usable = self.seconds - self.reserve - self.tail * self.step_seconds - elapsed
        return min(by_count, int(usable / (self.step_seconds + self.overhead / self.taken)))

    def advance(self, elapsed: float, took: float) -> None:
        """Count one step that took ``took`` seconds and ended ``elapsed`` seconds after the start."""
        self.taken += 1
        # The first step of a process also pays for compiling kernels, so the second one replaces it.
        weight = 1.0 if self.taken <= 2 else max(1 / MEMORY, 1 / (self.taken - 1))
        self.step_seconds += weight * (took - self.step_seconds)
        self.progress += (1 - self.progress) / max(1, self.left(elapsed - took))
        self.step += 1

    def hurry(self, elapsed: float) -> None:
        """Come to an annealed end soon: in a quarter of the time that the training has taken so far, and in two seconds
        at least.
        """
        if not self.hurried:
            soon = elapsed + max(2.0, 0.25 * elapsed)
            self.seconds = soon if self.seconds is None else min(self.seconds, soon)
            self.hurried = True

    def done(self, elapsed: float) -> bool:
        return self.left(elapsed) <= 0
