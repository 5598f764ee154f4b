"""The reference of a search: the network of its space that stands for the others, and what a training of it takes here.

It is the one that the space names first. Where the space names none it is the one of middle cost among a few random
ones. A job counts work in its epochs. Networks of some spaces take forty times as long as the hand-made one, so a plan
that looks at that one alone promises trials that never end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from archsmith.automl.final_training import Candidate, Workshop
from archsmith.automl.plan import Speed
from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import ArchsmithError, EvaluationError, told
from archsmith.core.seeds import generator
from archsmith.data.examples import Examples, Pipeline
from archsmith.data.stored import opened, split_of
from archsmith.evaluators.training import TrainingEvaluator
from archsmith.graphs.identity import identity
from archsmith.graphs.network_space import NetworkSpace
from archsmith.training import device as devices
from archsmith.training import threads
from archsmith.training.goal import Goal
from archsmith.training.memory import SMALLEST_BATCH, fitting
from archsmith.training.recipe import Recipe
from archsmith.training.work import Training, counted, seconds_of_an_example

SAMPLED = 7  # random networks of which the one of middle cost is taken
STEPS = 2  # training steps that are measured; the first one warms up
SHARE = 0.03  # of the budget that measuring may take
GENTLE = 1e-3  # of the learning rate: two steps at the full one, in a small batch, may diverge
FORWARD = 1 / 3  # of a training step is about what the forward pass takes


@dataclass(frozen=True)
class Reference:
    """What a job knows of the networks of its space.

    ``cost``: a training step of the reference, divided by one of the hand-made network.
    ``decisions``: the reference; None: the network that the space names first.
    ``failure``: why none of the networks that were tried can be trained; empty: one can.
    """

    cost: float = 1.0
    decisions: Mapping[str, Scalar] | None = None
    failure: str = ""


def find_reference(
    space: NetworkSpace, fixed: Candidate, workshop: Workshop, seed: int, speed: Speed, budget_seconds: float | None
) -> Reference:
    """The reference of ``space`` for a job. ``speed`` is that of ``fixed``.

    Without a limit on the wall clock nothing is measured, and each network counts its own epochs.
    """
    if budget_seconds is None:
        return Reference()
    splits, recipe = workshop.splits, workshop.fitted(fixed)
    try:
        ours, decisions = _middle(space, recipe, workshop.pipeline(fixed), workshop.memory_mb, seed)
        if identity(ours.graph) == identity(fixed.graph):
            return Reference(decisions=decisions)
        with threads.limited(speed.n_threads):
            seconds = _seconds(ours, splits.train, workshop.goal, workshop.device, SHARE * budget_seconds)
        theirs = speed.step_seconds / min(recipe.batch_size, len(splits.train))
        return Reference(seconds / max(theirs, 1e-9), decisions)
    except ArchsmithError as error:
        return Reference(failure=str(error))
    except Exception as error:  # spaces are anybody's code
        return Reference(failure=told(error))


def trial_seconds(
    evaluator: object, epochs: float, seed: int, *, most: float, n_threads: int | None = None
) -> float | None:
    """Seconds of a trial that trains the reference of the evaluator's space for ``epochs`` and scores it, measured for
    about ``most`` seconds with ``n_threads`` (None: as many as torch takes). None for an evaluator that is not
    ``training``. Raises EvaluationError where no network of the space can be trained.
    """
    if not isinstance(evaluator, TrainingEvaluator):
        return None
    splits = opened(evaluator.data)
    pipeline = splits.pipeline(splits.augmentation(**evaluator.augmentation))
    ours, _ = _middle(evaluator.space, evaluator.recipe, pipeline, evaluator.memory_mb, seed)
    goal, device = Goal.of(evaluator.learnt, splits.target_statistics), devices.choose(evaluator.device).torch
    train = split_of(evaluator.data, "train", evaluator.n_train)
    valid = split_of(evaluator.data, "valid", evaluator.n_valid)
    try:
        with threads.limited(n_threads):
            each = _seconds(ours, train, goal, device, most)
    except EvaluationError:
        raise
    except Exception as error:  # spaces are anybody's code
        raise EvaluationError(told(error)) from error
    return each * (epochs * len(train) + FORWARD * len(valid))


def _seconds(ours: Training, data: Examples, goal: Goal, device: torch.device, most: float) -> float:
    """Of training for one example. Where that takes long it is measured in a small batch, which costs about as much an
    example then.
    """
    ours = replace(ours, recipe=replace(ours.recipe, learning_rate=GENTLE * ours.recipe.learning_rate))
    few = replace(ours, recipe=replace(ours.recipe, batch_size=min(SMALLEST_BATCH, ours.recipe.batch_size)))
    each = seconds_of_an_example(few, data, goal, device, n_steps=STEPS)
    if STEPS * ours.recipe.batch_size * each > most:
        return each
    return seconds_of_an_example(ours, data, goal, device, n_steps=STEPS)


def _middle(
    space: NetworkSpace, recipe: Recipe, pipeline: Pipeline, memory_mb: float | None, seed: int
) -> tuple[Training, Mapping[str, Scalar] | None]:
    """The reference, and its decisions unless it is the space's first. Raises EvaluationError where no network that was
    tried can be laid out and trained within the memory.
    """
    rng, first = generator(seed, "reference"), space.first()
    found: list[tuple[Training, Architecture]] = []
    failures: list[str] = []
    for drawn in range(-1, SAMPLED):
        try:
            architecture = first if drawn < 0 else space.sample(rng)
            if architecture is None:
                continue
            graph = space.graph(architecture)
            found.append((Training(graph, fitting(graph, recipe, memory_mb), pipeline), architecture))
        except ArchsmithError as error:
            failures.append(str(error))
        except Exception as error:  # spaces are anybody's code
            failures.append(told(error))
        if drawn < 0 and found:
            return found[0][0], None
    if not found:
        raise EvaluationError(f"None of {len(failures)} networks of this space can be trained: {failures[0]}")
    base = found[0][0].graph
    found.sort(key=lambda each: counted(each[0].graph, base))
    ours, architecture = found[len(found) // 2]
    return ours, dict(architecture)
