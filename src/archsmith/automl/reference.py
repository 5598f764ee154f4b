"""The reference of a search: the network of its space that stands for the others, and what a training of it takes here.

It is the one that the space names first. Where the space names none it is the one of middle cost among a few random
ones. A job counts work in its epochs. Networks of some spaces take forty times as long as the hand-made one, so a plan
that looks at that one alone promises trials that never end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from archsmith.automl.final_training import Candidate, Workshop
from archsmith.automl.plan import Speed
from archsmith.core.architecture import Scalar
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
TRIED = 3  # networks at most of which a training is tried, where one fails
STEPS = 2  # training steps that are measured; the first one warms up
SHARE = 0.03  # of the budget that measuring may take
GENTLE = 1e-3  # of the learning rate: two steps at the full one, in a small batch, may diverge
FORWARD = 1 / 3  # of a training step is about what the forward pass takes

Decisions = Mapping[str, Scalar] | None  # None: of the network that a space names first
Found = tuple[Training, Decisions]


@dataclass(frozen=True)
class Reference:
    """What a job knows of the networks of its space.

    ``cost``: a training step of the reference, divided by one of the hand-made network.
    ``decisions``: the reference; None: the network that the space names first.
    ``failure``: why none of the networks that were tried can be trained; empty: one can.
    """

    cost: float = 1.0
    decisions: Decisions = None
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
        near = _near_the_middle(space, recipe, workshop.pipeline(fixed), workshop.memory_mb, seed)
        if identity(near[0][0].graph) == identity(fixed.graph):
            return Reference(decisions=near[0][1])
        with threads.limited(speed.n_threads):
            seconds, decisions = _measured(near, splits.train, workshop.goal, workshop.device, SHARE * budget_seconds)
    except EvaluationError as error:
        return Reference(failure=str(error))
    theirs = speed.step_seconds / min(recipe.batch_size, len(splits.train))
    return Reference(seconds / max(theirs, 1e-9), decisions)


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
    near = _near_the_middle(evaluator.space, evaluator.recipe, pipeline, evaluator.memory_mb, seed)
    goal, device = Goal.of(evaluator.learnt, splits.target_statistics), devices.choose(evaluator.device).torch
    train = split_of(evaluator.data, "train", evaluator.n_train)
    valid = split_of(evaluator.data, "valid", evaluator.n_valid)
    with threads.limited(n_threads):
        each, _ = _measured(near, train, goal, device, most)
    return each * (epochs * len(train) + FORWARD * len(valid))


def _measured(
    near: Sequence[Found], data: Examples, goal: Goal, device: torch.device, most: float
) -> tuple[float, Decisions]:
    """Seconds of training for one example, of the first network of ``near`` that can be trained, and its decisions.
    Raises EvaluationError where none of a few can.
    """
    failures: list[str] = []
    for ours, decisions in near[:TRIED]:
        try:
            return _seconds(ours, data, goal, device, most), decisions
        except Exception as error:  # spaces are anybody's code
            failures.append(str(error) if isinstance(error, ArchsmithError) else told(error))
    raise _none_of(failures)


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


def _near_the_middle(
    space: NetworkSpace, recipe: Recipe, pipeline: Pipeline, memory_mb: float | None, seed: int
) -> list[Found]:
    """Trainings of a few networks, the one of middle cost first; of the space's first alone, where it names one that
    can be laid out. Raises EvaluationError where no network that was tried can be, or none fits into the memory.
    """
    rng, first = generator(seed, "reference"), space.first()
    found: list[Found] = []
    failures: list[str] = []
    for drawn in range(-1, SAMPLED):
        try:
            architecture = first if drawn < 0 else space.sample(rng)
            if architecture is None:
                continue
            graph = space.graph(architecture)
            training = Training(graph, fitting(graph, recipe, memory_mb), pipeline)
            found.append((training, None if drawn < 0 else dict(architecture)))
        except Exception as error:  # spaces are anybody's code
            failures.append(str(error) if isinstance(error, ArchsmithError) else told(error))
        if drawn < 0 and found:
            return found
    if not found:
        raise _none_of(failures)
    base = found[0][0].graph
    found.sort(key=lambda each: counted(each[0].graph, base))
    middle = len(found) // 2
    return [found[i] for i in sorted(range(len(found)), key=lambda i: abs(i - middle))]


def _none_of(failures: Sequence[str]) -> EvaluationError:
    several = f"None of {len(failures)} networks" if len(failures) > 1 else "No network"
    return EvaluationError(f"{several} of this space can be trained: {failures[0]}")
