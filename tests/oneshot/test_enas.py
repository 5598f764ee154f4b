"""The controller's turns, and derivation."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.space import Space
from archsmith.oneshot.enas import ControllerSettings, ControllerTraining
from archsmith.spaces.enas_macro import EnasMacro
from archsmith.strategies.controller import Controller, Padded
from archsmith.strategies.policy import draw_from
from archsmith.testing.toys import Conditional, Flat, Mixed, Recursive

SETTINGS = ControllerSettings(units=10, learning_rate=0.02, steps=5, batch=6)


def ones(architecture: Architecture, number: int) -> float:
    """The share of answers that are 1."""
    return sum(answer == 1 for answer in architecture.values()) / max(1, len(architecture))


def test_it_learns_what_is_rewarded_and_says_so() -> None:
    training = ControllerTraining(Flat(4, 4), SETTINGS, seed=0)
    training.update(ones, 0.0)
    early, entropy = training.reward, training.entropy
    for _ in range(80):
        training.update(ones, 0.0)
    assert early is not None and training.reward is not None and entropy is not None and training.entropy is not None
    assert training.reward > early + 0.3  # over seeds 0 to 9 it gained 0.45 and more
    assert training.entropy < entropy - 0.2
    assert training.baseline > 0.5
    assert sum(ones(training.draw(i), 0) for i in range(50)) / 50 > 0.6


@pytest.mark.parametrize(("weight", "lowest", "highest"), [(0.8, 0.3, 0.6), (0.0, 0.8, 1.0)])
def test_the_share_of_skips_is_held_near_its_target(weight: float, lowest: float, highest: float) -> None:
    def skips(architecture: Architecture, number: int = 0) -> float:
        return float(np.mean([answer for path, answer in architecture.items() if "skip" in path]))

    settings = replace(SETTINGS, skip_weight=weight)
    training = ControllerTraining(EnasMacro((3, 16, 16), layers=5), settings, seed=0)
    for _ in range(60):
        training.update(skips, 0.0)  # the reward is the share of skips
    assert lowest < np.mean([skips(training.draw(i)) for i in range(60)]) < highest


def test_the_best_sample_is_that_of_the_present_turn() -> None:
    training = ControllerTraining(Flat(4, 4), SETTINGS, seed=0)
    for _ in range(5):
        training.update(lambda architecture, number: 0.9, 0.0)
    assert training.best is not None and training.best.reward == 0.9
    training.update(lambda architecture, number: 0.1, 0.0)
    assert training.best is not None and training.best.reward == 0.1


def test_a_dead_end_is_the_worst_and_costs_no_reward() -> None:
    asked: list[int] = []

    def reward(architecture: Architecture, number: int) -> float:
        asked.append(number)
        return 1.0

    training = ControllerTraining(Recursive(3, max_nodes=4), SETTINGS, seed=0)
    for _ in range(5):
        training.update(reward, 0.0)
    assert 0 < len(asked) < 30 and training.weight > 0
    assert training.draw(0) in Recursive(3, max_nodes=4)


@pytest.mark.parametrize("space", [Flat(), Conditional(), Mixed(), Recursive(3, max_nodes=5)])
def test_it_goes_on_from_what_was_written_down(space: Space) -> None:
    one, other = ControllerTraining(space, SETTINGS, 1), ControllerTraining(space, SETTINGS, 1)
    for _ in range(3):
        one.update(ones, 0.0)
    tensors = {name: tensor.clone() for name, tensor in one.tensors().items()}
    other.load(json.loads(json.dumps(one.state())), tensors)
    for _ in range(4):
        one.update(ones, 0.0)
        other.update(ones, 0.0)
    assert one.state() == other.state()
    ours, theirs = one.tensors(), other.tensors()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert [one.draw(i) for i in range(10)] == [other.draw(i) for i in range(10)]


def test_both_halves_of_the_controller_bound_their_logits() -> None:
    policy = Controller(10, 0.5, 0.0, None, 1, 0, tanh=2.5, temperature=5.0)
    rng = np.random.default_rng(0)
    rollouts = [draw_from(policy, Flat(3, 4), 8, rng)[1] for _ in range(4)]
    for _ in range(30):
        policy.improve(rollouts, np.array([5.0, -1.0, -1.0, -1.0]))
    most = math.exp(2.5) / (math.exp(2.5) + 3 * math.exp(-2.5))
    walks = [draw_from(policy, Flat(3, 4), 8, rng) for _ in range(5)]
    tops = [p.max() for _, _, probabilities in walks for p in probabilities]
    assert 0.5 < max(tops) <= most + 1e-12
    log_prob = policy.evaluate(Padded.of([rollout for _, rollout, _ in walks], policy))[0].sum(1).tolist()
    assert log_prob == pytest.approx(
        [sum(math.log(p[s.taken]) for s, p in zip(rollout, ps, strict=True)) for _, rollout, ps in walks]
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"units": 0},
        {"steps": 0},
        {"baseline": 1.0},
        {"entropy": -1.0},
        {"temperature": 0.0},
        {"tanh": -1.0},
        {"skip_rate": 1.0},
        {"skip_weight": -0.1},
    ],
)
def test_senseless_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        ControllerSettings(**wrong)
