"""ENAS: a controller learns by policy gradient which networks do well with shared weights. At the end it proposes the
best of them.

Source: Pham, Guan, Zoph, Le and Dean 2018 (arXiv 1802.03268), sections 2.2 and 2.3. After each epoch of the shared
weights the controller makes a fixed number of steps. The reward is the accuracy of a sampled network on one minibatch
of the validation split; a moving average of rewards is the baseline. At the end architectures are sampled and scored by
shared weights, and the best one is trained from scratch.

The paper and its code differ. From the paper we take the LSTM of 100 units, the logits 2.5 · tanh(logits / 5) and the
entropy weight 0.1. From the code for cells we take the learning rate 3.5e-3 and 30 steps of 10 samples an epoch (paper:
3.5e-4, and 2,000 steps of one sample). Where a space says which decisions are skips, as ``enas_macro`` does, straying
from a share of 0.4 costs 0.8 times the divergence from it, as in both (see archsmith.strategies.controller.Skips).

Differences from both:

* Adam has its published settings (the code sets β1 = 0).
* Entropy is maximised by its own gradient. ENAS adds the sampled entropy to the reward. That of an architecture is the
  mean of its decisions here, and their sum there: the weight 0.1 for each of the 40 decisions of the micro space would
  be 4 here.
* The baseline is corrected for its start at zero. It forgets faster (0.95 as in carpedm20's ENAS-pytorch, the code:
  0.99), because rewards rise while the weights learn.
* A roll-out that ends in a dead end gets the lowest reward.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.fields import checked
from archsmith.core.seeds import generator
from archsmith.core.space import Space
from archsmith.oneshot.sharing import drawn
from archsmith.strategies.controller import Controller, Parameter, Rows, Skips
from archsmith.strategies.policy import draw_from

ARRAYS = ("values", "mean", "square")  # of each parameter of a controller: its weights and Adam's moments

Reward = Callable[[Architecture, int], float]


@checked
@dataclass(frozen=True)
class ControllerSettings:
    """Settings of the controller. The module's docstring names the source of each default.

    ``units``: units of the LSTM.
    ``learning_rate``: of Adam; above 0.
    ``entropy``: weight of the mean entropy of an architecture's decisions; 0 or more.
    ``baseline``: weight of the past in the moving average of rewards; 0 to below 1.
    ``tanh``: bound of the logits, tanh · tanh(logits / temperature); None: no bound.
    ``temperature``: divides the logits; above 0.
    ``steps``: steps of the controller after each epoch of the bank.
    ``batch``: sampled architectures of one step.
    ``levels``: how many intervals a numeric range is divided into; 2 or more.
    ``skip_rate``: wanted share of skips where the space has such decisions; above 0 and below 1.
    ``skip_weight``: weight of the divergence from it; 0 or more.
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
    skip_rate: float = 0.4
    skip_weight: float = 0.8

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
                "Give an entropy of 0 or more, and a baseline from 0 to below 1.",
            )
        if not (0 < self.skip_rate < 1 and 0 <= self.skip_weight < math.inf):
            raise UsageError(
                f"The controller's skip_rate is {self.skip_rate} and its skip_weight {self.skip_weight}.",
                "Give a rate above 0 and below 1, and a weight of 0 or more.",
            )


class Best(NamedTuple):
    """The best sample of a turn (the controller's steps after one epoch).

    ``reward``: its reward.
    ``architecture``: what was sampled.
    """

    reward: float
    architecture: Architecture


class ControllerTraining:
    """A controller in training, with its baseline. It is also the Sampler of the shared weights' training.

    ``n_updates``: steps of the controller so far.
    ``reward``: mean reward of the last step's samples; None before the first step.
    ``entropy``: mean entropy of their decisions, in nats; None before the first step.
    ``best``: best sample of the current turn. Rewards of earlier turns came from other weights, so they do not count.
    """

    def __init__(self, space: Space, settings: ControllerSettings, seed: int) -> None:
        s = settings
        self.space, self.settings, self.seed = space, settings, seed
        skips = None if space.skip_kind is None else Skips(space.skip_kind, s.skip_rate, s.skip_weight)
        self.controller = Controller(s.units, s.learning_rate, s.entropy, None, 1, seed, s.tanh, s.temperature, skips)
        self.n_updates = 0
        self.total = self.weight = 0.0  # sum and weight of the moving average of rewards
        self.reward: float | None = None
        self.entropy: float | None = None
        self.best: Best | None = None

    @property
    def baseline(self) -> float:
        return self.total / self.weight if self.weight else 0.0

    def draw(self, number: int) -> Architecture:
        rng = generator(self.seed, "child", number)
        return drawn(lambda: draw_from(self.controller, self.space, self.settings.levels, rng)[0])

    def update(self, reward: Reward, worst: float) -> None:
        """One step of gradient ascent on the expected ``reward(architecture, number of the sample)``. A dead end gets
        the reward ``worst``.
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
        last = {"reward": self.reward, "entropy": self.entropy, "best": best}
        return {"rows": rows, "total": self.total, "weight": self.weight, **counts, **last}

    def tensors(self) -> dict[str, Tensor]:
        """Weights and Adam's moments, named ``<parameter>.<array>``."""
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
    """Mean entropy of the decisions, in nats."""
    return math.fsum(float(-(p[p > 0] * np.log(p[p > 0])).sum()) for p in probabilities) / len(probabilities)
