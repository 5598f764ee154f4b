"""Shared weights: what a step moves, at which rate, and which architecture it trains."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from archsmith.core.architecture import Architecture
from archsmith.core.errors import DeadEnd, EvaluationError, UsageError
from archsmith.core.space import Space
from archsmith.graphs.bank import WeightBank
from archsmith.graphs.network import Network, inherit, recalibrate, weights_by_key
from archsmith.graphs.network_space import NetworkSpace
from archsmith.oneshot.sharing import (
    Fair,
    Shared,
    SharedRecipe,
    SharedTraining,
    Uniform,
    drawn,
    sharing_form,
    within_cycle,
)
from archsmith.spaces.conv_stages import ConvStages, ConvStagesScale
from archsmith.spaces.enas_macro import EnasMacro, EnasMacroScale
from archsmith.spaces.enas_micro import EnasMicro, EnasMicroScale
from archsmith.spaces.nasbench201 import NasBench201, NasBench201Scale, architecture_of
from archsmith.testing.toys import Conditional, Flat, Mixed, Recursive
from archsmith.training.goal import ClassGoal
from archsmith.training.losses import Losses

CPU = torch.device("cpu")
SPACES: dict[str, NetworkSpace] = {
    "micro": EnasMicro((1, 8, 8), n_outputs=10, nodes=2, scale=EnasMicroScale(4, 3)),
    "macro": EnasMacro((1, 8, 8), n_outputs=10, layers=3, scale=EnasMacroScale(4, skips="concat")),
    "stages": ConvStages((1, 8, 8), n_outputs=10, scale=ConvStagesScale(filters=4)),
    "nasbench201": NasBench201((1, 8, 8), n_outputs=10, scale=NasBench201Scale(4, 1)),
}
NAMES = list(SPACES)


def shared(name: str = "nasbench201") -> Shared:
    return Shared(sharing_form(SPACES[name]), WeightBank(seed=1), CPU)


def images(n: int = 16) -> torch.Tensor:
    return torch.randn(n, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def step(training: SharedTraining, architecture: Architecture, number: int = 0) -> None:
    training.step(architecture, images(), torch.arange(16) % 10, Losses(False, 0), number, 0.5)


def training_of(weights: Shared, **settings: float) -> SharedTraining:
    return SharedTraining(weights, SharedRecipe(**settings), ClassGoal(), "float32", seed=0)  # type: ignore[arg-type]


# One child a step


def test_a_step_moves_only_what_its_child_uses() -> None:
    weights = shared()
    training = training_of(weights, weight_decay=0.1)
    one, other = architecture_of([3, 0, 1, 0, 0, 1]), architecture_of([2, 0, 1, 0, 0, 1])
    step(training, one)  # so that momentum exists
    used = {node.key for node in weights.graph(other).nodes}
    before = {name: tensor.clone() for name, tensor in weights.bank.items()}
    step(training, other)
    for name, tensor in weights.bank.items():
        if name not in before:
            continue
        key = name.rpartition(".")[0]
        assert torch.equal(tensor, before[name]) == (key not in used), name
    assert all(parameter.grad is None for parameter in weights.bank.parameters())


def test_momentum_is_kept_by_parameter_from_the_first_step_that_used_it() -> None:
    weights = shared()
    training = training_of(weights)
    one, other = architecture_of([3, 0, 1, 0, 0, 1]), architecture_of([2, 0, 1, 0, 0, 1])
    step(training, one)
    first = {name: momentum.clone() for name, momentum in training.momenta().items()}
    step(training, other, 1)
    second = training.momenta()
    assert first.keys() < second.keys()
    only_one = {node.key for node in weights.graph(one).nodes} - {node.key for node in weights.graph(other).nodes}
    assert only_one
    for name, momentum in first.items():
        assert torch.equal(momentum, second[name]) == (name.rpartition(".")[0] in only_one), name


def test_only_a_step_makes_the_bank_grow() -> None:
    weights = shared()
    one, other = architecture_of([3, 0, 1, 0, 0, 1]), architecture_of([2, 0, 1, 0, 0, 1])
    weights.network(one)
    weights.untrained(one)
    assert len(weights.bank) == 0
    step(training_of(weights), one)
    n = len(weights.bank)
    weights.network(other)
    assert n > 0 and len(weights.bank) == n


def test_batch_norm_has_no_statistics_to_mix() -> None:
    network = shared().network(architecture_of([3, 3, 3, 3, 3, 3]))
    assert not any("running" in name for name in network.state_dict())


def test_the_share_of_untrained_weights_is_known() -> None:
    weights = shared()
    training = training_of(weights)
    one, other = architecture_of([3, 0, 1, 0, 0, 1]), architecture_of([2, 0, 1, 0, 0, 1])
    assert weights.untrained(one) == 1.0
    step(training, one)
    assert weights.untrained(one) == 0.0
    assert 0 < weights.untrained(other) < 0.5


def test_a_diverging_step_is_an_error_of_the_evaluation() -> None:
    weights = shared()
    training = training_of(weights)
    architecture = architecture_of([3, 3, 3, 3, 3, 3])
    weights.network(architecture, grow=True)
    with torch.no_grad():
        next(weights.bank.parameters()).fill_(float("nan"))
    with pytest.raises(EvaluationError) as caught:
        step(training, architecture)
    assert caught.value.kind == "diverged"


@pytest.mark.parametrize("name", NAMES)
def test_a_child_equals_a_stand_alone_network_with_copied_tensors(name: str) -> None:
    weights = shared(name)
    training = training_of(weights)
    rng = np.random.default_rng(0)
    for number in range(2):
        step(training, weights.space.sample(rng), number)
    architecture = weights.space.sample(rng)
    child = weights.network(architecture).eval()
    alone = Network(weights.graph(architecture), seed=9)
    assert inherit(alone, weights_by_key(child)) == 1.0
    alone.train()  # its batch norm then uses the batch, as the child's does
    with torch.no_grad():
        assert torch.allclose(child(images()), alone(images()), atol=1e-6)
    for network in (child, alone):
        assert recalibrate(network.eval(), [images(), -images()]) == 2
    with torch.no_grad():
        assert torch.allclose(child(images(3)), alone(images(3)), atol=1e-6)
        # one picture does not depend on the others any more
        assert torch.allclose(child(images(3))[:1], child(images(1)), atol=1e-4)


def test_the_sharing_form_has_one_shape_whatever_is_chosen_and_asks_for_no_recipe() -> None:
    micro, macro = sharing_form(SPACES["micro"]), sharing_form(SPACES["macro"])
    assert micro.scale.shared and macro.scale.skips == "add"  # type: ignore[attr-defined]
    assert sharing_form(SPACES["stages"]) == SPACES["stages"]


# The learning rate


def test_the_cosine_begins_anew_where_the_paper_says() -> None:
    recipe = SharedRecipe(epochs=310)
    for start, length in ((0, 10), (10, 20), (30, 40), (70, 80), (150, 160)):
        assert recipe.rate((start + 1e-9) / 310) == pytest.approx(recipe.peak, rel=1e-3)
        assert recipe.rate((start + length / 2) / 310) == pytest.approx(recipe.peak / 2, rel=1e-2)
        assert recipe.rate((start + length - 1e-6) / 310) < 0.01 * recipe.peak
    assert within_cycle(1.0, 4) == within_cycle(1.0, 0) == 1.0 and within_cycle(0.25, 0) == 0.25


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"average": 1.0}, "average"),
        ({"restarts": -1}, "restarts"),
        ({"momentum": 2.0}, "momentum"),
        ({"bias_rate": 8.0}, "Shared weights all learn at one rate"),
        ({"optimizer": "adamw"}, "Shared weights are trained by SGD"),
    ],
)
def test_senseless_recipes_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        SharedRecipe(**wrong)


# Samplers


@pytest.mark.parametrize("make", [Uniform, Fair])
@pytest.mark.parametrize("space", [Flat(), Conditional(), Recursive(3, max_nodes=5), Mixed()])
def test_draws_are_points_of_the_space_and_repeat_themselves(make: type, space: Space) -> None:
    one, other = make(space, 3), make(space, 3)
    drawn_once = [one.draw(number) for number in range(20)]
    assert [other.draw(number) for number in range(20)] == drawn_once
    assert len(set(drawn_once)) > 1
    for architecture in drawn_once:
        space.validate(architecture)


def test_fair_sampling_deals_every_option_once_a_round() -> None:
    sampler = Fair(Flat(5, 4), seed=0)
    for turn in range(6):
        children = [sampler.draw(4 * turn + i) for i in range(4)]
        for path in children[0]:
            assert len({child[path] for child in children}) == 4
    orders = Counter(tuple(sampler.draw(24 + i)["x0"] for i in range(4)) for _ in range(30))
    assert len(orders) > 5  # of 24; fewer in 30 draws have a chance below 1e-12


def test_fair_rounds_of_a_decision_count_only_where_it_is_asked() -> None:
    sampler, space = Fair(Conditional(), seed=0), Conditional()
    answers: dict[tuple[str, str], list[str]] = {}
    options: dict[tuple[str, str], int] = {}
    for number in range(60):
        for decision in space.decisions(sampler.draw(number)):
            deck = decision.path, repr(decision.options)  # options that depend on other answers have decks of their own
            answers.setdefault(deck, []).append(repr(decision.answer))  # True equals 1
            options[deck] = len(decision.options)  # type: ignore[arg-type]
    for deck, given in answers.items():
        n = options[deck]
        for start in range(0, len(given) - n + 1, n):
            assert len(set(given[start : start + n])) == n, deck


def test_a_fair_sampler_goes_on_from_its_state() -> None:
    one, other = Fair(Conditional(), 5), Fair(Conditional(), 5)
    for number in range(13):
        one.draw(number)
    other.load(one.state(), {})
    assert [one.draw(number) for number in range(13, 30)] == [other.draw(number) for number in range(13, 30)]


def test_dead_ends_are_drawn_again_and_not_for_ever() -> None:
    answers = iter([None, None, Architecture({"x": 1})])
    assert drawn(lambda: next(answers)) == Architecture({"x": 1})
    with pytest.raises(DeadEnd):
        drawn(lambda: None)
