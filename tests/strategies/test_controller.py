"""The LSTM policy: both of its halves agree, and an update does what it should."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from archsmith.core.space import Space
from archsmith.spaces.enas_macro import EnasMacro
from archsmith.strategies.policy import Rollout, draw_from
from archsmith.testing.toys import Conditional, Flat, Mixed, Recursive

torch = pytest.importorskip("torch")

from archsmith.strategies.controller import Controller, Padded, Skips  # noqa: E402 - after the check that torch is there


def controller(**settings: Any) -> Controller:
    return Controller(
        **{"units": 20, "learning_rate": 0.01, "entropy": 0.0, "clip": None, "epochs": 1, "seed": 0, **settings}
    )


def log_probs(policy: Controller, rollouts: list[Rollout]) -> list[float]:
    padded = Padded.of(rollouts, policy)
    taken, _ = policy.evaluate(padded)
    return (taken * padded.asked).sum(1).tolist()  # type: ignore[no-any-return]


def drawn(policy: Controller, space: Space, n: int, seed: int = 0) -> list[Rollout]:
    rng = np.random.default_rng(seed)
    return [draw_from(policy, space, 8, rng)[1] for _ in range(n)]


@pytest.mark.parametrize("space", [Flat(), Conditional(), Recursive(3, max_nodes=5), Mixed()])
def test_roll_outs_and_updates_see_the_same_probabilities(space: Space) -> None:
    policy = controller(learning_rate=0.05)
    policy.improve(drawn(policy, space, 10), np.linspace(-1, 1, 10))  # away from where all weights are small
    rng = np.random.default_rng(1)
    walks = [draw_from(policy, space, 8, rng) for _ in range(20)]
    expected = [sum(np.log(p[step.taken]) for step, p in zip(rollout, ps, strict=True)) for _, rollout, ps in walks]
    entropies = [-sum((p * np.log(np.maximum(p, 1e-300))).sum() for p in ps) for _, _, ps in walks]
    padded = Padded.of([rollout for _, rollout, _ in walks], policy)
    assert log_probs(policy, [rollout for _, rollout, _ in walks]) == pytest.approx(expected, rel=1e-9)
    assert (policy.evaluate(padded)[1] * padded.asked).sum(1).tolist() == pytest.approx(entropies, rel=1e-9)


@pytest.mark.parametrize("ppo", [{}, {"clip": 0.2, "epochs": 4}])
def test_what_did_well_becomes_more_probable(ppo: dict[str, Any]) -> None:
    policy = controller(**ppo)
    good, bad = rollouts = drawn(policy, Flat(6, 4), 2)
    before = log_probs(policy, rollouts)
    for _ in range(10):
        policy.improve([good, bad], np.array([1.0, -1.0]))
    after = log_probs(policy, rollouts)
    assert after[0] > before[0] + 0.5
    assert after[1] < before[1] - 0.5


def test_ppo_stops_where_the_ratio_leaves_its_clip() -> None:
    rollouts, advantages = drawn(controller(), Flat(6, 4), 1), np.array([1.0])
    moved = {}
    for clip in (0.05, 0.9):
        policy = controller(learning_rate=0.003, clip=clip, epochs=40)
        before = log_probs(policy, rollouts)[0]
        policy.improve(rollouts, advantages)
        moved[clip] = log_probs(policy, rollouts)[0] - before
    assert 0 < moved[0.05] < 6 * 0.25  # each of the six ratios overshoots 1.05 by Adam's momentum, but not by much
    assert moved[0.9] > 2 * moved[0.05]


def test_entropy_pulls_back_to_the_uniform_policy() -> None:
    policy = controller(entropy=1.0, learning_rate=0.02)
    rollouts = drawn(policy, Flat(4, 4), 4)
    for _ in range(10):
        policy.improve(rollouts, np.full(4, 5.0))
    padded = Padded.of(rollouts, policy)
    low = policy.evaluate(padded)[1].mean().item()
    for _ in range(40):
        policy.improve(rollouts, np.zeros(4))
    assert policy.evaluate(padded)[1].mean().item() > low + 0.1


def test_it_does_not_matter_when_a_row_was_made() -> None:
    early, late = controller(), controller()
    others = drawn(controller(), Flat(3, 30), 30)
    Padded.of(others, early)
    rollouts = drawn(controller(), Flat(4, 4), 5)
    for policy in (early, late):
        policy.improve(rollouts, np.linspace(-1, 1, 5))
    Padded.of(others, late)
    assert len(early.inputs.number) > 16  # so that tables have grown
    for i, rollout in enumerate([*rollouts, *others]):
        assert log_probs(early, [rollout]) == pytest.approx(log_probs(late, [rollout]), rel=1e-9), i


def test_tables_grow_without_forgetting() -> None:
    policy = controller()
    rollouts = drawn(policy, Flat(3, 3), 4)
    policy.improve(rollouts, np.linspace(-1, 1, 4))
    before, moments = log_probs(policy, rollouts), policy.inputs.mean.sum()
    Padded.of(drawn(policy, Flat(40, 12), 2), policy)
    assert len(policy.numbers.values) > 400
    assert log_probs(policy, rollouts) == pytest.approx(before, rel=1e-9)
    assert policy.inputs.mean.sum() == pytest.approx(moments)
    policy.improve(rollouts, np.linspace(-1, 1, 4))
    assert log_probs(policy, rollouts) != pytest.approx(before, rel=1e-6)  # and goes on learning


def test_what_is_learnt_of_an_option_holds_elsewhere() -> None:
    policy = controller(learning_rate=0.02)
    (rollout,) = drawn(policy, Flat(1, 4), 1)
    for _ in range(10):
        policy.improve([rollout], np.array([1.0]))
    step = rollout[0]
    elsewhere = dataclasses.replace(Flat(), n_decisions=2, n_options=7)  # x1 was never asked, and has other options too
    (other,) = drawn(policy, elsewhere, 1)
    walk = policy.walk()
    walk.probabilities(other[0].question)
    walk.took(step.taken)
    assert walk.probabilities(other[1].question).argmax() == step.taken


def test_the_same_seed_gives_the_same_weights_and_no_global_generator_is_used() -> None:
    state = torch.random.get_rng_state()
    rollouts = drawn(controller(seed=1), Flat(), 3)
    assert log_probs(controller(seed=1), rollouts) == log_probs(controller(seed=1), rollouts)
    assert log_probs(controller(seed=1), rollouts) != log_probs(controller(seed=2), rollouts)
    assert torch.equal(state, torch.random.get_rng_state())


LAYERS = EnasMacro((3, 16, 16), layers=4)


def skip_probabilities(policy: Controller, seed: int = 0) -> dict[str, float]:
    """Of one roll-out, by path."""
    _, rollout, probabilities = draw_from(policy, LAYERS, 8, np.random.default_rng(seed))
    each = zip(rollout, probabilities, strict=True)
    return {step.question.path: float(p[1]) for step, p in each if step.question.kind == "skip#"}


def test_the_penalty_of_skips_is_their_divergence_averaged_over_layers() -> None:
    policy = controller(skips=Skips("skip#", 0.4, 0.8))
    policy.numbers.values[:] = 0.0
    for path, label, number in [("layer2/skip0", "True", 2.0), ("layer3/skip2", "False", 1.0)]:
        policy.numbers.values[policy.numbers.row(path, label)] = number
    padded = Padded.of(drawn(policy, LAYERS, 1), policy)
    found = policy.skips.penalty(padded, *policy.evaluate(padded)).sum().item()  # type: ignore[union-attr]
    expected = {"layer1": 0.0, "layer2": 0.0, "layer3": 0.0}
    for path, p in skip_probabilities(policy).items():
        expected[path.split("/")[0]] += p * np.log(p / 0.4) + (1 - p) * np.log((1 - p) / 0.6)
    assert found == pytest.approx(0.8 * np.mean(list(expected.values())), rel=1e-9)
    assert found > 0.1


def test_skips_are_led_to_their_rate_and_other_decisions_are_left_alone() -> None:
    policy = controller(skips=Skips("skip#", 0.2, 0.8))
    rollouts = drawn(policy, LAYERS, 4)
    for _ in range(60):
        policy.improve(rollouts, np.zeros(4))
    assert list(skip_probabilities(policy).values()) == pytest.approx([0.2] * 6, abs=0.02)
    _, _, probabilities = draw_from(policy, LAYERS, 8, np.random.default_rng(0))
    assert max(p.max() for p in probabilities if len(p) == 6) < 0.25
