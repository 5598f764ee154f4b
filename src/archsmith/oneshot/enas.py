"""ENAS: a controller that learns, by policy gradient, which networks do well with shared weights; and how the best of
them is derived.

Source: Pham, Guan, Zoph, Le and Dean 2018 (arXiv 1802.03268), sections 2.2 and 2.3: after each epoch of shared weights
the controller makes a fixed number of steps, rewarded by the accuracy of a sampled child on one minibatch of the
validation split, with a moving average of rewards as base line; in the end some architectures are sampled, scored by
their shared weights, and the best is trained from scratch.

The paper and its code are two recipes. Of the paper: an LSTM of 100 units with logits 2.5 · tanh(logits / 5), an
entropy weight of 0.1. Of the code for cells: learning rate 3.5e-3 and 30 steps of 10 samples an epoch, where the paper
has 3.5e-4 and 2,000 steps of one sample. Differences: Adam as published (the code sets β1 = 0); the entropy of the
decisions is maximised by its own gradient, as their mean, where ENAS adds the sampled entropy to the reward; the base
line is corrected for having begun at zero, and forgets faster (0.95 as in carpedm20's ENAS-pytorch, the code: 0.99), as
rewards rise while the weights learn; a roll-out that runs into a dead end is a failure with the lowest reward.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.seeds import generator
from archsmith.core.space import Space
from archsmith.oneshot.sharing import drawn
from archsmith.strategies.controller import Controller, Parameter, Rows
from archsmith.strategies.policy import draw_from

ARRAYS = ("values", "mean", "square")  # of each table of a controller: its weights and Adam's moments

Reward = Callable[[Architecture, int], float]


@dataclass(frozen=True)
class ControllerSettings:
    """The controller and its turns; the module says which source each default follows.

    ``units`` of the LSTM, ``learning_rate`` of Adam, ``entropy`` the weight of the mean entropy of the decisions,
    ``baseline`` the weight of the past in the moving average of rewards (0 to below 1), ``tanh`` and ``temperature``
    bound the logits (``tanh`` None: not). ``steps`` of the controller after each epoch, each on ``batch`` samples;
    ``levels`` into which a range of numbers is cut.
    """

    units: int = 100
    learning_rate: float = 3.5e-3
    entropy: float = 0.1
    baseline: float = 0.95
    tanh: float | None = 2.5
    temperature: float = 5.0
    steps: int = 30
    batch: int = 10
    levels: int = 8

    def __post_init__(self) -> None:
        for name, least in {"units": 1, "steps": 1, "batch": 1, "levels": 2}.items():
            if getattr(self, name) < least:
                raise UsageError(f"The controller's {name} is {getattr(self, name)}.", f"Give {least} or more.")
        positive = {
            "learning_rate": self.learning_rate,
            "temperature": self.temperature,
            "tanh": 1.0 if self.tanh is None else self.tanh,
        }
        for name, value in positive.items():
            if not 0 < value < math.inf:
                raise UsageError(f"The controller's {name} is {value}.", "Give a positive number.")
        if not (0 <= self.entropy < math.inf and 0 <= self.baseline < 1):
            raise UsageError(
                f"The controller's entropy is {self.entropy} and its baseline {self.baseline}.",
                "Give 0 or more, and a number from 0 to below 1.",
            )


class Best(NamedTuple):
    """The best sample of a turn."""

    reward: float
    architecture: Architecture


class ControllerTraining:
    """A controller and its base line after ``n_updates`` steps. It is a Sampler too: shared weights are trained by what
    it draws.
    """

    def __init__(self, space: Space, settings: ControllerSettings, seed: int) -> None:
        s = settings
        self.space, self.settings, self.seed = space, settings, seed
        self.controller = Controller(s.units, s.learning_rate, s.entropy, None, 1, seed, s.tanh, s.temperature)
        self.n_updates = 0
        self.total = self.weight = 0.0  # of the moving average
        self.reward: float | None = None  # mean over the samples of the last step
        self.entropy: float | None = None  # mean over their decisions, in nats
        self.best: Best | None = None  # of the present turn: rewards of other turns came from other weights

    @property
    def baseline(self) -> float:
        return self.total / self.weight if self.weight else 0.0

    def draw(self, number: int) -> Architecture:
        rng = generator(self.seed, "child", number)
        return drawn(lambda: draw_from(self.controller, self.space, self.settings.levels, rng)[0])

    def update(self, reward: Reward, worst: float) -> None:
        """One step up the gradient of the expected ``reward(architecture, number of the sample)``; dead ends get
        ``worst``.
        """
        settings, rollouts, advantages, rewards, entropies = self.settings, [], [], [], []
        if self.n_updates % settings.steps == 0:
            self.best = None
        for i in range(settings.batch):
            number = self.n_updates * settings.batch + i
            architecture, rollout, probabilities = draw_from(
                self.controller, self.space, settings.levels, generator(self.seed, "sample", number)
            )
            value = worst if architecture is None else reward(architecture, number)
            past = settings.baseline
            self.total, self.weight = past * self.total + (1 - past) * value, past * self.weight + (1 - past)
            if rollout:  # a space may have nothing to decide
                rollouts.append(rollout)
                advantages.append(value - self.baseline)
                entropies.append(_entropy(probabilities))
            rewards.append(value)
            if architecture is not None and (self.best is None or value > self.best.reward):
                self.best = Best(value, architecture)
        if rollouts:
            self.controller.improve(rollouts, np.array(advantages))
        self.n_updates += 1
        self.reward, self.entropy = math.fsum(rewards) / len(rewards), math.fsum(entropies) / max(1, len(entropies))

    def state(self) -> dict[str, Any]:
        rows = {
            name: [list(names) for names in table.number]
            for name, table in self._tables().items()
            if isinstance(table, Rows)
        }
        best = None if self.best is None else [self.best.reward, self.best.architecture.to_json()]
        counts = {"n_updates": self.n_updates, "n_steps": self.controller.n_steps}
        said = {"reward": self.reward, "entropy": self.entropy, "best": best}
        return {"rows": rows, "total": self.total, "weight": self.weight, **counts, **said}

    def tensors(self) -> dict[str, Tensor]:
        """Weights and Adam's moments, as ``<table>.<array>``."""
        return {
            f"{name}.{array}": torch.from_numpy(getattr(table, array))
            for name, table in self._tables().items()
            for array in ARRAYS
        }

    def load(self, state: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        self.total, self.weight, self.reward, self.entropy = (
            state[name] for name in ("total", "weight", "reward", "entropy")
        )
        self.n_updates, self.controller.n_steps = state["n_updates"], state["n_steps"]
        self.best = None if state["best"] is None else Best(state["best"][0], Architecture.from_json(state["best"][1]))
        for name, table in self._tables().items():
            table.values, table.mean, table.square = (tensors[f"{name}.{array}"].numpy().copy() for array in ARRAYS)
            table.tensor = torch.from_numpy(table.values).requires_grad_()
            if isinstance(table, Rows):
                table.number = {tuple(names): row for row, names in enumerate(state["rows"][name])}

    def _tables(self) -> dict[str, Parameter]:
        c = self.controller
        return {
            "gates": c.gates,
            "shifts": c.shifts,
            "inputs": c.inputs,
            "questions": c.questions,
            "outputs": c.outputs,
            "numbers": c.numbers,
        }


def _entropy(probabilities: list[Any]) -> float:
    """Mean of the decisions, in nats."""
    return math.fsum(float(-(p[p > 0] * np.log(p[p > 0])).sum()) for p in probabilities) / len(probabilities)


# Derivation


class Derived(NamedTuple):
    """An architecture and what it scored with shared weights."""

    architecture: Architecture
    score: float

    def to_dict(self) -> dict[str, Any]:
        return {"architecture": dict(self.architecture), "score": self.score}


def derive_best(
    space: Space, draw: Callable[[int], Architecture], score: Callable[[Architecture], float], n: int, keep: int
) -> Iterator[list[Derived]]:
    """Of ``n`` draws the ``keep`` that score best, best first: what is known after each draw. Networks that are equal
    are scored once.
    """
    found: dict[str, Derived] = {}
    for number in range(n):
        architecture = draw(number)
        name = space.identity(architecture)
        if name not in found:
            found[name] = Derived(architecture, score(architecture))
        yield sorted(found.values(), key=lambda row: (-row.score, json.dumps(dict(row.architecture))))[:keep]
