"""A policy answers the questions of a space by chance, and its roll-outs are what it learns from.

A *roll-out* is the list of questions of one architecture with the options that were taken. It comes from drawing an
architecture, or afterwards from what is logged: an architecture, or the options on the way to a dead end.

Policies choose among options. A range of numbers is cut into parts for them; the number within a part is drawn evenly.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from archsmith.core.architecture import Architecture, Scalar, same
from archsmith.core.errors import DeadEnd
from archsmith.core.space import Options, Range, Space

Array = npt.NDArray[np.float64]

NEVER = -1e9  # the logit of what has no chance; finite, so that nothing becomes NaN


class Question(NamedTuple):
    """A decision as a policy sees it.

    ``path``: where it is asked.
    ``labels``: the names of its options, two or more.
    ``weights``: the space's own sampling weights; None: all alike.
    """

    path: str
    labels: tuple[str, ...]
    weights: tuple[float, ...] | None

    @property
    def kind(self) -> str:
        """The name that decisions of one kind at different places share."""
        return kind(self.path)

    @property
    def log_weights(self) -> Array:
        """The logits of the space's own probabilities, ``(n_options,)``: where every policy begins."""
        if self.weights is None or not any(weight > 0 for weight in self.weights):
            return np.zeros(len(self.labels))
        return np.array([math.log(weight) if weight > 0 else NEVER for weight in self.weights])


class Step(NamedTuple):
    """A question and the index of the option that was taken."""

    question: Question
    taken: int


Rollout = tuple[Step, ...]


class Walk(Protocol):
    """One architecture in the making: asked for probabilities and told the option taken, question by question."""

    def probabilities(self, question: Question) -> Array:
        """Of each option, ``(n_options,)``."""
        ...

    def took(self, index: int) -> None:
        """Take note of the option that was taken for the last question."""


class Policy(Protocol):
    """Answers questions, and learns from how good its answers were."""

    def walk(self) -> Walk:
        """Begin a new architecture."""
        ...

    def improve(self, rollouts: Sequence[Rollout], advantages: Array) -> None:
        """One update from n roll-outs and their advantages ``(n,)``: rewards minus the baseline."""


Pick = Callable[[Question], int]  # raises DeadEnd to stop


def draw_from(
    policy: Policy, space: Space, levels: int, rng: np.random.Generator
) -> tuple[Architecture | None, Rollout, list[Array]]:
    """An architecture drawn from ``policy``, its roll-out, and the probabilities of each decision.

    The architecture is None when the policy ran into a dead end.
    """
    walk = policy.walk()
    probabilities: list[Array] = []

    def pick(question: Question) -> int:
        p = walk.probabilities(question)
        heights = np.cumsum(p)
        index = int(np.searchsorted(heights, rng.random() * heights[-1], side="right"))
        walk.took(index)
        probabilities.append(p)
        return index

    return *_follow(space, levels, pick, rng.random), probabilities


def rollout_of_dead_end(space: Space, indexes: Sequence[int], levels: int) -> Rollout:
    """The roll-out that took the options with these indexes.

    The number within a part of a range is not logged; the middle stands for it.
    """
    left = iter(indexes)

    def pick(question: Question) -> int:
        index = next(left, None)
        if index is None or not 0 <= index < len(question.labels):
            raise DeadEnd("The logged answers end here.")
        return index

    return _follow(space, levels, pick, lambda: 0.5)[1]


def rollout_of(space: Space, architecture: Architecture, levels: int) -> Rollout:
    """The roll-out that ends in ``architecture``."""
    steps: list[Step] = []

    def answer(path: str, options: Options, weights: Sequence[float] | None) -> Scalar:
        choices, answer = choices_of(options, levels), architecture[path]
        if len(choices) > 1:
            steps.append(Step(_question(path, choices, weights), _index(choices, answer)))
        return answer

    space.trace(answer)
    return tuple(steps)


def _follow(space: Space, levels: int, pick: Pick, within: Callable[[], float]) -> tuple[Architecture | None, Rollout]:
    steps: list[Step] = []

    def answer(path: str, options: Options, weights: Sequence[float] | None) -> Scalar:
        choices, index = choices_of(options, levels), 0
        if len(choices) > 1:
            question = _question(path, choices, weights)
            index = pick(question)
            steps.append(Step(question, index))
        choice = choices[index]
        return choice.at(within()) if isinstance(choice, Range) else choice

    architecture = None
    with contextlib.suppress(DeadEnd):
        architecture = space.trace(answer).architecture
    return architecture, tuple(steps)


def choices_of(options: Options, levels: int) -> Sequence[Scalar | Range]:
    """The options that a policy chooses from: those of the question, or up to ``levels`` parts of a range.

    The parts are equally wide on the range's own scale.
    """
    return _parts(options, levels) if isinstance(options, Range) else options


@lru_cache(maxsize=1024)
def _parts(whole: Range, levels: int) -> tuple[Range, ...]:
    if whole.integer:
        # fewer where the range has fewer numbers
        lows = sorted({int(whole.at(i / levels) or 0) for i in range(levels)})
        return tuple(
            Range(low, high, whole.log)
            for low, high in zip(lows, [*(low - 1 for low in lows[1:]), int(whole.high)], strict=True)
        )
    edges = sorted({float(whole.low), *(float(whole.at(i / levels) or 0.0) for i in range(1, levels))})
    return tuple(Range(low, high, whole.log) for low, high in zip(edges, [*edges[1:], float(whole.high)], strict=True))


def _index(choices: Sequence[Scalar | Range], answer: Scalar) -> int:
    """Which choice ``answer`` is, or lies in."""
    return max(
        i
        for i, choice in enumerate(choices)
        if (choice.low <= answer if isinstance(choice, Range) else same(choice, answer))  # type: ignore[operator]
    )


def _question(path: str, choices: Sequence[Scalar | Range], weights: Sequence[float] | None) -> Question:
    labels = tuple(
        f"{choice.low} to {choice.high}" if isinstance(choice, Range) else repr(choice) for choice in choices
    )
    return Question(path, labels, None if weights is None else tuple(weights))


@lru_cache(maxsize=65_536)
def kind(path: str) -> str:
    """The last part of a path without its numbers: ``from#`` for ``node3/from2``, ``rule`` for ``root/left/rule``."""
    return re.sub(r"\d+", "#", path.rpartition("/")[2])
