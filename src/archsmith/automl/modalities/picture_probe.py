"""Which random changes of pictures keep their labels true: a probe of seconds, before anything else is trained.

A small network with a flat head is trained on pictures as they are. Where it still knows validation pictures that are
moved or mirrored, such pictures are of the same kind as the others, and training may show them. Where it does not know
moved ones, it may just not have seen enough: the same network is trained anew, on moved pictures. If it comes to know
as much of pictures as they are, training may show moved ones, which then keep it from learning its examples by heart.
If not, as with letters in their columns, a training with such pictures would learn something else. A mirror has no such
second chance: a network learns digits and mirrored digits side by side, but nobody will ever ask it for those. The rule
is ours; ``benchmarks/probe.py`` prints what it finds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
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
KEPT = 0.9  # share of what was learnt, above chance, that must be known of changed pictures, or be learnt from them
MILD = 0.04  # the shift that is tried, as a share of the side; larger ones are for longer trainings
AS_THEY_ARE = ImageAugmentation(shift=0.0)


@dataclass(frozen=True)
class Probed:
    """What keeps labels true.

    ``shift``: the largest shift, as a share of the side; 0: none.
    ``flip``: may pictures be mirrored left to right?
    ``sure``: was it found out? False: nothing was learnt, and these are what suits most pictures.
    """

    shift: float
    flip: bool
    sure: bool = True


def probe(splits: Splits, device: torch.device, seed: int, seconds: float | None) -> Probed:
    """Train and measure. ``seconds``: the most that the trainings may take; None: no limit."""
    goal = Goal.of(splits.task, splits.target_statistics)
    rng = np.random.default_rng(derive(seed, "probe"))
    few, some = (
        examples.take(np.sort(rng.permutation(len(examples))[:n]))
        for examples, n in ((splits.train, ROWS), (splits.valid, MEASURED))
    )
    space, recipe = Pictures.for_task(splits.task), Recipe().sized(len(few))
    graph = space.graph(seeds(space)["flat"])
    chance = 0.0 if splits.is_regression else 1 / len(splits.classes)

    def known(network: Network, change: Change | None = None) -> float:
        """How much is known of changed pictures: the score above chance."""
        pipeline = splits.pipeline()
        said = outputs(network, some, pipeline if change is None else Changed(pipeline, change), device=device)
        return goal.score(said, some.targets).metrics[splits.task.metric] - chance

    def trained(augmentation: ImageAugmentation, epochs: float, seconds: float | None) -> tuple[Network, float]:
        """A network, and for how many epochs it was trained."""
        network = Network(graph, seed=0)
        found = train(
            network,
            few,
            recipe,
            splits.pipeline(augmentation),
            goal=goal,
            device=device,
            seed=0,
            epochs=epochs,
            seconds=seconds,
        )
        return network, found.epochs

    half = None if seconds is None else seconds / 2
    network, epochs = trained(AS_THEY_ARE, STEPS * recipe.batch_size / len(few), half)
    plain = known(network)
    if plain <= 0:  # nothing was learnt, so nothing can be told; the mildest change that suits most pictures
        return Probed(MILD, False, sure=False)
    height, width = cast(ImageExamples, few).shape[1:]
    dy, dx = max(1, round(MILD * height)), max(1, round(MILD * width))
    moves = [Change(dy=dy), Change(dy=-dy), Change(dx=dx), Change(dx=-dx)]
    moved = float(np.mean([known(network, move) for move in moves])) >= KEPT * plain
    if not moved:
        other, _ = trained(replace(AS_THEY_ARE, shift=MILD), epochs, half)
        right = plain + chance
        unsure = 0.0 if splits.is_regression else math.sqrt(max(0.0, right * (1 - right)) / len(some))
        moved = known(other) + unsure >= KEPT * plain
    return Probed(MILD if moved else 0.0, known(network, Change(flip=True)) >= KEPT * plain)


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
