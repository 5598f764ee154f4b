"""How fast this machine is for one job, measured in its first seconds on the fixed network."""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from archsmith.automl.final_training import Candidate, Workshop
from archsmith.automl.plan import EXPORT_SECONDS, Speed
from archsmith.bundle.export import export
from archsmith.graphs.network import Network, fit_constants
from archsmith.training import threads
from archsmith.training.batches import plain_batches
from archsmith.training.loop import train
from archsmith.training.memory import step_memory_mb

# from this budget on an export is rehearsed before anything else: it is measured, and what is wrong with it comes out
# first
REHEARSED = 25.0
SAMPLED = 20  # test examples that are read as they came, to know how long that takes
FORWARD = 512  # validation examples that a forward pass is measured on
FITTED = 512  # training examples that the constants of a rehearsal are fitted to


def measure_speed(candidate: Candidate, workshop: Workshop, budget_seconds: float | None) -> Speed:
    """The training step of ``candidate``, with the number of threads that makes it fastest, and an export.

    Without a limit on the wall clock nothing is measured: the run must not depend on how busy the machine is.
    """
    splits = workshop.splits
    batch_size = candidate.recipe.batch_size
    known = Speed(
        0.0,
        batch_size,
        len(splits.train),
        len(splits.valid),
        len(splits.test),
        params=candidate.params,
        memory_mb=step_memory_mb(candidate.graph, min(batch_size, len(splits.train))),
    )
    if budget_seconds is None:
        return known
    n_threads, seconds = fastest_threads(candidate, workshop, most=min(2.0, 0.01 * budget_seconds))
    export_seconds = EXPORT_SECONDS
    with threads.limited(n_threads):
        if budget_seconds >= REHEARSED:
            export_seconds = rehearse_export(candidate, workshop)
        forward = example_seconds(candidate, workshop)
    return dataclasses.replace(
        known,
        step_seconds=seconds,
        n_threads=n_threads,
        export_seconds=export_seconds,
        example_seconds=forward,
        original_seconds=original_seconds(workshop),
    )


def fastest_threads(
    candidate: Candidate, workshop: Workshop, *, most: float, check: Callable[[], None] = lambda: None
) -> tuple[int | None, float]:
    """The number of threads that trains ``candidate`` fastest at this moment, and its seconds a step; each is measured
    for about ``most`` seconds. ``check`` is called every step, and may raise.

    On a graphics card the number does not matter: None.
    """
    if workshop.device.type != "cpu":
        return None, step_seconds(candidate, workshop, most=most, check=check)
    measured: dict[int | None, float] = {}
    for n_threads in threads.candidates():
        with threads.limited(n_threads):
            measured[n_threads] = step_seconds(candidate, workshop, most=most, check=check)
    fastest = min(measured, key=lambda n: measured[n])
    return fastest, measured[fastest]


def step_seconds(
    candidate: Candidate, workshop: Workshop, *, most: float = 2.0, check: Callable[[], None] = lambda: None
) -> float:
    """Median seconds of one training step on this machine, measured on a throw-away network for at most ``most``
    seconds. ``check`` is called every step, and may raise.
    """
    train_set = workshop.splits.train
    recipe = dataclasses.replace(workshop.fitted(candidate), average=0.0)
    network, pipeline = Network(candidate.graph, seed=0), workshop.pipeline(candidate)
    spent = 0.0
    steps: list[float] = []
    while spent < most and len(steps) < 8:
        n_steps = 4 if steps else 1  # of a large network the first one may take longer than all that there is
        few = train_set.take(np.arange(min(len(train_set), n_steps * recipe.batch_size)))
        common: dict[str, Any] = {"goal": workshop.goal, "device": workshop.device, "seed": 0, "check": check}
        trained = train(network, few, recipe, pipeline, epochs=1.0, **common)
        spent += trained.seconds
        steps.append(trained.step_seconds)
    # the first ones also pay for compiled kernels and page faults
    return statistics.median(steps[1:] or steps)


def example_seconds(candidate: Candidate, workshop: Workshop) -> float:
    """Seconds of one example's forward pass, measured on validation examples."""
    valid = workshop.splits.valid
    network, n = Network(candidate.graph, seed=0), min(FORWARD, len(valid))
    began = 0.0
    for _ in range(2):  # the first time also pays for compiled kernels
        began = time.perf_counter()
        workshop.outputs(network, valid, n)
    return (time.perf_counter() - began) / n


def original_seconds(workshop: Workshop) -> float:
    """Seconds of reading one test example as it came."""
    test = workshop.splits.test
    began, n = time.perf_counter(), min(SAMPLED, len(test))
    for _ in workshop.modality.raw(test, np.arange(n)):
        pass
    return (time.perf_counter() - began) / n


def rehearse_export(candidate: Candidate, workshop: Workshop) -> float:
    """Seconds that writing and verifying a bundle take here, measured on the untrained network in a folder that is
    thrown away.

    Its constants are fitted to a few training examples: raw numbers of any size would leave float32 too coarse to
    compare what comes out.
    """
    splits = workshop.splits
    network = Network(candidate.graph, seed=0)
    fit_constants(network, plain_batches(splits.train, splits.pipeline(), limit=FITTED))
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        export(
            network,
            candidate.graph,
            splits.task,
            Path(folder) / "bundle",
            intake=workshop.intake,
            target_statistics=splits.target_statistics,
        )
    return time.perf_counter() - began
