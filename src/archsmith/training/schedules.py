"""Learning rates as functions of progress, and progress as a function of steps and time.

``Pace`` makes a training end in time and with an annealed rate. It counts the steps that still fit. These are the steps
that are left, or those that the clock allows at the present speed, whichever is less. With each step, progress grows by
an equal share of what is left. While the machine is as fast as forecast, progress is step / steps. When it becomes
slow, the rest of the schedule is squeezed into the time that remains. When it becomes fast, more steps are taken, up to
the limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from archsmith.training.recipe import Recipe

FLOOR = 0.002  # one_cycle and cosine end at this share of the peak
START = 0.04  # one_cycle begins at this share of the peak (1/25, Smith and Topin 2018)
WARMING = 30  # first steps of a constant rate, in which it rises
MEMORY = 30  # steps over which the time of a step is averaged


def rate(recipe: Recipe, progress: float, step: int = WARMING, falls_from: float | None = None) -> float:
    """The learning rate at ``progress`` in [0, 1].

    A constant rate rises over the first steps of a training, of which ``step`` were taken. From the progress
    ``falls_from`` on (None: never) it falls in a straight line to nearly 0.
    """
    progress = min(1.0, max(0.0, progress))
    if recipe.schedule == "constant":
        left = 1.0 if falls_from is None else min(1.0, (1 - progress) / max(1e-9, 1 - falls_from))
        return recipe.peak * min(1.0, (step + 1) / WARMING) * (FLOOR + (1 - FLOOR) * left)
    warmup = recipe.warmup if recipe.schedule == "one_cycle" else 0.0
    if progress < warmup:
        return recipe.peak * (START + (1 - START) * progress / warmup)
    falling = (progress - warmup) / (1 - warmup)
    return recipe.peak * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * falling)))


@dataclass
class Pace:
    """How far a training is.

    ``n_steps``: the most steps.
    ``seconds``: the most wall-clock time; None: no limit.
    ``reserve``: seconds that are kept for what comes after the last step.
    ``tail``: time that is kept for the same, in steps.
    ``step``: steps so far.
    ``progress``: from 0 to 1.
    ``step_seconds``: the present time of a step.
    ``overhead``: seconds between steps so far, for measuring and saving. They are expected to go on in the same way.
    ``taken``: steps of this process so far.
    ``hurried``: was the training asked to end soon?
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
        # The first step of a process includes the compiling of kernels, so the second one replaces it.
        weight = 1.0 if self.taken <= 2 else max(1 / MEMORY, 1 / (self.taken - 1))
        self.step_seconds += weight * (took - self.step_seconds)
        self.progress += (1 - self.progress) / max(1, self.left(elapsed - took))
        self.step += 1

    def hurry(self, elapsed: float) -> None:
        """End soon, with an annealed rate: after a quarter of the time so far, but not before two more seconds."""
        if not self.hurried:
            soon = elapsed + max(2.0, 0.25 * elapsed)
            self.seconds = soon if self.seconds is None else min(self.seconds, soon)
            self.hurried = True

    def done(self, elapsed: float) -> bool:
        """Does no step fit any more after ``elapsed`` seconds?"""
        return self.left(elapsed) <= 0
