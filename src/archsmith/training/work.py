"""Work: what a training costs, in epochs of a reference network.

An epoch of a large network takes longer than an epoch of a small one, so epochs are no fair measure where networks
share a budget of time. One unit of work is the time that one epoch of the reference takes on this machine. How many
units an epoch of another network takes is measured by turns with the reference, so that both meet the same load of the
machine; or it is counted from the graphs, where a run must repeat exactly on any machine.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from archsmith.data.examples import Examples, Pipeline
from archsmith.graphs.cost import cost
from archsmith.graphs.graph import Graph
from archsmith.graphs.network import Network
from archsmith.training.goal import Goal
from archsmith.training.loop import train
from archsmith.training.recipe import Recipe

TURN_STEPS = 4  # training steps of one turn; the first of them warm up
TURNS = 3  # most turns of each network
MEASURING = 0.1  # share of the time of a training that goes into more than one turn
BYTE_WORK = 15.0  # one byte kept for the backward pass takes about as long as so many multiply-adds


@dataclass(frozen=True)
class Training:
    """A network and how it is trained.

    ``graph``: of the network.
    ``recipe``: with the batch that fits into memory.
    ``pipeline``: makes its batches.
    """

    graph: Graph
    recipe: Recipe
    pipeline: Pipeline


def measured(
    ours: Training,
    reference: Training,
    data: Examples,
    goal: Goal,
    device: torch.device,
    *,
    work: float,
    check: Callable[[], None] = lambda: None,
) -> float:
    """Units of work of one epoch of ``ours``, measured by at least one turn of each, and by more while that takes no
    more than a small share of the time of a training for ``work`` units.

    Loading and augmentation are part of it. Raises EvaluationError as a training does.
    """
    began, seconds = time.perf_counter(), ([], [])  # type: tuple[float, tuple[list[float], list[float]]]
    for _ in range(TURNS):
        for side, taken in zip((ours, reference), seconds, strict=True):
            taken.append(seconds_of_an_example(side, data, goal, device, check=check))
        if time.perf_counter() - began > MEASURING * work * seconds[1][-1] * len(data):
            break
    # The first turn also pays for compiled kernels.
    mine, theirs = (statistics.median(taken[1:] or taken) for taken in seconds)
    return mine / theirs


def seconds_of_an_example(
    side: Training,
    data: Examples,
    goal: Goal,
    device: torch.device,
    *,
    n_steps: int = TURN_STEPS,
    check: Callable[[], None] = lambda: None,
) -> float:
    """What training takes for one example, measured in ``n_steps`` steps of which the first warms up. Raises
    EvaluationError as a training does.
    """
    size = min(side.recipe.batch_size, len(data))
    few = data.take(np.arange(min(len(data), n_steps * size)))
    recipe = replace(side.recipe, average=0.0)
    network = Network(side.graph, seed=0)
    trained = train(network, few, recipe, side.pipeline, goal=goal, device=device, seed=0, epochs=1.0, check=check)
    return trained.step_seconds / size


def counted(ours: Graph, reference: Graph) -> float:
    """Units of work of one epoch of ``ours``, counted from the graphs."""
    return _count(ours) / _count(reference)


def _count(graph: Graph) -> float:
    size = cost(graph)
    return 3.0 * size.macs + BYTE_WORK * size.saved_bytes + size.params
