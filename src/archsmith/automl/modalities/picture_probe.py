"""Which random changes of pictures keep their labels true: a probe of seconds, before anything else is trained.

A small network with a flat head is trained on pictures as they are. Where it still knows validation pictures that are
moved or mirrored, such pictures are of the same kind as the others, and training may show them. Where it does not, as
with letters in their columns, with digits in a mirror or with pixels in a fixed random order, a training with such
pictures would learn something else. The rule is ours. Of nine sets (``benchmarks/probe.py``) it allows
a mirror for the two of photographs, and a shift for these, for clothes, for icons and for tiles of photographs. It
allows nothing for digits of 8×8 pixels, words, permuted pixels and sums of three pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from archsmith.core.seeds import derive
from archsmith.data.examples import Batch, Pipeline, Splits
from archsmith.data.images.augmentation import ImageAugmentation
from archsmith.data.images.examples import ImageExamples
from archsmith.graphs.network import Network
from archsmith.spaces.picture_seeds import seeds
from archsmith.spaces.pictures import Pictures
from archsmith.training.goal import Goal
from archsmith.training.loop import train
from archsmith.training.measure import outputs
from archsmith.training.recipe import Recipe

STEPS = 150  # of training
ROWS, MEASURED = 8000, 1000  # training and validation pictures that are used
KEPT = 0.9  # share of what was learnt, above chance, that must be known of changed pictures
MILD = 0.04  # the shift that is tried, as a share of the side; larger ones are for longer trainings


@dataclass(frozen=True)
class Probed:
    """What keeps labels true.

    ``shift``: the largest shift, as a share of the side; 0: none.
    ``flip``: may pictures be mirrored left to right?
    """

    shift: float
    flip: bool


def probe(splits: Splits, device: torch.device, seed: int, seconds: float | None) -> Probed:
    """Train and measure. ``seconds``: the most that the training may take; None: no limit."""
    goal = Goal.of(splits.task, splits.target_statistics)
    rng = np.random.default_rng(derive(seed, "probe"))
    few, some = (
        examples.take(np.sort(rng.permutation(len(examples))[:n]))
        for examples, n in ((splits.train, ROWS), (splits.valid, MEASURED))
    )
    space = Pictures.for_task(splits.task)
    network, recipe = Network(space.graph(seeds(space)["flat"]), seed=0), Recipe().sized(len(few))
    train(
        network,
        few,
        recipe,
        splits.pipeline(ImageAugmentation(shift=0.0)),
        goal=goal,
        device=device,
        seed=0,
        epochs=STEPS * recipe.batch_size / len(few),
        seconds=seconds,
    )
    metric = splits.task.metric
    chance = 0.0 if splits.is_regression else 1 / len(splits.classes)

    def known(change: Change | None) -> float:
        """How much is known of changed pictures: the score above chance."""
        pipeline = splits.pipeline()
        said = outputs(network, some, pipeline if change is None else Changed(pipeline, change), device=device)
        return goal.score(said, some.targets).metrics[metric] - chance

    plain = known(None)
    if plain <= 0:  # nothing was learnt, so nothing can be told; the mildest change that suits most pictures
        return Probed(MILD, False)
    height, width = cast(ImageExamples, few).shape[1:]

    def keeps(share: float) -> bool:
        dy, dx = max(1, round(share * height)), max(1, round(share * width))
        moves = [Change(dy=dy), Change(dy=-dy), Change(dx=dx), Change(dx=-dx)]
        return float(np.mean([known(move) for move in moves])) >= KEPT * plain

    return Probed(MILD if keeps(MILD) else 0.0, known(Change(flip=True)) >= KEPT * plain)


@dataclass(frozen=True)
class Change:
    """A move by pixels, filled with the pixels of the edge, or a mirror."""

    dy: int = 0
    dx: int = 0
    flip: bool = False

    def __call__(self, images: Tensor) -> Tensor:
        """``images`` ``(n, H, W, C)``."""
        rows, columns = (
            torch.arange(size).sub(by).clamp(0, size - 1).to(images.device)
            for size, by in zip(images.shape[1:3], (self.dy, self.dx), strict=True)
        )
        moved = images[:, rows][:, :, columns]
        return moved.flip(2) if self.flip else moved


@dataclass(frozen=True)
class Changed:
    """A pipeline that changes all pictures in the same way first."""

    pipeline: Pipeline
    change: Change

    def augmented(self, batch: Batch, generator: torch.Generator) -> Batch:
        return batch

    def inputs(self, batch: Batch) -> Batch:
        return self.pipeline.inputs({name: self.change(images) for name, images in batch.items()})
