"""Zero-cost proxies: their arithmetic against other ways to compute it, what fails, and that nothing of torch's state
is touched.
"""

from __future__ import annotations

import gc
import json
import math
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from archsmith import catalog
from archsmith.core.architecture import Architecture
from archsmith.core.errors import EvaluationError, UsageError
from archsmith.core.problem import Objective, Problem
from archsmith.core.protocols import Context, default_objectives, repeatable
from archsmith.core.space import Choose
from archsmith.data.images.load import load
from archsmith.evaluators import proxies
from archsmith.evaluators.cost import CostEvaluator
from archsmith.evaluators.proxies import PROXIES, Probe, Proxies
from archsmith.graphs.layers import classifier, conv_bn_relu
from archsmith.graphs.net import Net
from archsmith.graphs.network import Network
from archsmith.graphs.network_space import ImageSpace, NetworkSpace
from archsmith.spaces.conv_stages import ConvStages, ConvStagesScale
from archsmith.spaces.darts import Darts, DartsScale
from archsmith.spaces.enas_micro import EnasMicro, EnasMicroScale
from archsmith.spaces.grammar import Grammar
from archsmith.spaces.nasbench201 import NasBench201, NasBench201Scale, architecture_of
from archsmith.spaces.tabular import Tabular
from archsmith.testing.laws import check_evaluator


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Tiny(ImageSpace):
    """One convolution, batch norm, ReLU, mean, linear."""

    def build(self, choose: Choose, net: Net) -> None:
        filters: int = choose("filters", (6, 12))  # type: ignore[assignment]
        net.output(classifier(net, conv_bn_relu(net, net.input("image"), filters, 1), self.n_outputs))


TINY = Proxies(Tiny((2, 5, 5), 3), batch_size=8, seed=1)
SMALL = Architecture({"filters": 6})
STAGES = ConvStages((1, 8, 8), n_outputs=10, scale=ConvStagesScale(filters=4), max_work=1.0)


def score(name: str, probe: Probe) -> float:
    return PROXIES[name].score(probe)


def weights_of(network: torch.nn.Module) -> list[torch.Tensor]:
    return [module.weight for module in network.modules() if isinstance(module, torch.nn.Conv2d | torch.nn.Linear)]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(load("digits", tmp_path_factory.mktemp("data"), seed=0).folder)


def gradients(probe: Probe, batch: int) -> list[np.ndarray]:
    """By ``backward`` on a network of its own in training mode."""
    network = Network(probe.graph, seed=probe.seed).train()
    images, targets = probe.batches[batch]
    probe.loss(network(images), targets).backward()
    return [weight.grad.double().numpy() for weight in weights_of(network)]


def test_params_and_macs_are_those_of_the_graph() -> None:
    probe = TINY.probe(SMALL)
    assert {name: score(name, probe) for name in ("params", "macs")} == CostEvaluator(TINY.space).evaluate(
        SMALL, 1, Context(0, 0)
    ).metrics


def test_naswot_is_the_log_determinant_of_agreements() -> None:
    probe = TINY.probe(SMALL)
    weight, images = weights_of(probe.network)[0], probe.batches[0][0]
    before = np.einsum("fc,nchw->nfhw", weight.detach().numpy()[:, :, 0, 0], images.numpy()).astype(np.float64)
    on = before > before.mean((0, 2, 3), keepdims=True)  # batch norm without its scale, which is positive
    codes = on.reshape(len(on), -1)
    agreement = [[int((a == b).sum()) for b in codes] for a in codes]
    assert score("naswot", probe) == pytest.approx(math.log(np.linalg.det(agreement)))


def test_synflow_multiplies_absolute_weights_along_all_paths() -> None:
    probe = TINY.probe(SMALL)
    convolution, linear = (weight.detach().double().abs().numpy() for weight in weights_of(probe.network))
    flow = (linear @ convolution[:, :, 0, 0]).sum()  # of ones; what flows through each of the two layers
    assert score("synflow", probe) == pytest.approx(math.log(2 * flow))
    assert score("synflow", replace(TINY, data=None, n_batches=5).probe(SMALL)) == score("synflow", probe)


def test_gradient_proxies_follow_their_formulas() -> None:
    probe = TINY.probe(SMALL)
    first, second = gradients(probe, 0), gradients(probe, 1)
    weights = [weight.detach().double().numpy() for weight in weights_of(probe.network)]
    assert score("grad_norm", probe) == pytest.approx(sum(np.linalg.norm(g) for g in first), rel=1e-4)
    assert score("snip", probe) == pytest.approx(
        sum(np.abs(w * g).sum() for w, g in zip(weights, first, strict=True)), rel=1e-4
    )
    # The standard deviation of two numbers is half of their distance.
    ratios = [(np.abs(a) + np.abs(b)) / np.abs(a - b) for a, b in zip(first, second, strict=True)]
    assert score("zico", probe) == pytest.approx(sum(math.log(each.sum()) for each in ratios), rel=1e-3)


def test_every_proxy_names_its_source_and_scores_the_same_in_any_order() -> None:
    assert all(proxy.source for proxy in PROXIES.values())
    forward = TINY.evaluate(SMALL, 1, Context(0, 0)).metrics
    backward = replace(TINY, proxies=tuple(reversed(PROXIES))).evaluate(SMALL, 1, Context(0, 0)).metrics
    assert tuple(forward) == TINY.metrics == tuple(PROXIES)
    assert forward == backward


def test_a_search_for_proxies_looks_for_more_of_one_unless_it_is_told_otherwise() -> None:
    assert default_objectives(TINY) == (Objective("naswot", maximize=True),)


def test_a_wider_network_scores_more() -> None:
    small, large = (TINY.evaluate(Architecture({"filters": n}), 1, Context(0, 0)).metrics for n in (6, 12))
    assert all(large[name] > small[name] for name in ("params", "macs", "naswot", "synflow"))


def test_an_architecture_scores_the_same_in_every_trial_and_the_seed_decides() -> None:
    one, other = (
        TINY.evaluate(SMALL, fidelity, Context(trial, seed)) for fidelity, trial, seed in ((1, 0, 0), (7, 5, 99))
    )
    assert one.metrics == other.metrics and repeatable(TINY)
    reseeded = replace(TINY, seed=2).evaluate(SMALL, 1, Context(0, 0)).metrics
    assert {name for name in PROXIES if reseeded[name] == one.metrics[name]} == {"params", "macs"}
    assert all(f"{name}_ms" in one.notes for name in PROXIES)


def test_torch_is_left_as_it_was() -> None:
    torch.manual_seed(5)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    with torch.no_grad():
        inside = replace(TINY, batch_size=9).evaluate(SMALL, 1, Context(0, 0))
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert inside.metrics == replace(TINY, batch_size=9).evaluate(SMALL, 1, Context(0, 0)).metrics


def test_weights_and_gradients_are_left_alone() -> None:
    probe = TINY.probe(SMALL)
    before = [parameter.detach().clone() for parameter in probe.network.parameters()]
    for name in PROXIES:
        score(name, probe)
    for old, parameter in zip(before, probe.network.parameters(), strict=True):
        assert torch.equal(old, parameter) and parameter.grad is None and parameter.dtype == torch.float32
    assert all(images.grad is None and not images.requires_grad for images, _ in probe.batches)


def test_the_network_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[Network]] = []

    def make(*args: Any, **kwargs: Any) -> Network:
        network = Network(*args, **kwargs)
        made.append(weakref.ref(network))
        return network

    monkeypatch.setattr(proxies, "Network", make)
    TINY.evaluate(SMALL, 1, Context(0, 0))
    gc.collect()
    assert [network() for network in made] == [None]


@pytest.mark.parametrize(
    "space",
    [
        STAGES,
        Darts((3, 12, 12), n_outputs=3, scale=DartsScale(filters=4, cells=3)),
        EnasMicro((3, 12, 12), n_outputs=3, scale=EnasMicroScale(filters=4, layers=3)),
        Grammar((3, 12, 12), n_outputs=3, scale=replace(Grammar().scale, filters=4)),
        NasBench201((3, 12, 12), n_outputs=3, scale=NasBench201Scale(4, 1)),
    ],
    ids=lambda space: type(space).__name__,
)
def test_networks_of_all_kinds_have_scores(space: NetworkSpace) -> None:
    # The seed is one whose sample lets a signal through.
    outcome = Proxies(space, batch_size=6).evaluate(space.sample(np.random.default_rng(1)), 1, Context(0, 0))
    assert all(math.isfinite(value) for value in outcome.metrics.values())


def test_dropout_is_off() -> None:
    with_dropout = replace(STAGES, scale=replace(STAGES.scale, dropout=0.5))
    one, other = (
        Proxies(space, batch_size=6).evaluate(STAGES.first(), 1, Context(0, 0)).metrics
        for space in (STAGES, with_dropout)
    )
    assert one == other


@pytest.mark.parametrize("name", ["naswot", "synflow", "zico"])
def test_a_network_without_a_signal_fails_clearly(name: str) -> None:
    space = NasBench201((3, 8, 8), n_outputs=3, scale=NasBench201Scale(4, 1))
    evaluator = Proxies(space, proxies=(name,), batch_size=6)
    with pytest.raises(EvaluationError, match=f"{name!r} is -inf") as caught:
        evaluator.evaluate(architecture_of(["none"] * 6), 1, Context(0, 0))
    assert caught.value.kind == "nan"


def test_two_equal_pictures_have_no_naswot() -> None:
    probe = TINY.probe(SMALL)
    images, targets = probe.batches[0]
    twice = replace(probe, batches=((torch.cat([images[:3], images[:1]]), targets[:4]),))
    assert score("naswot", twice) == -math.inf


def test_minibatches_are_training_pictures_of_the_task(digits: str) -> None:
    evaluator = Proxies(STAGES, digits, batch_size=16, n_batches=3)
    probe = evaluator.probe(STAGES.first())
    assert [(tuple(images.shape), tuple(targets.shape)) for images, targets in probe.batches] == [
        ((16, 1, 8, 8), (16,))
    ] * 3
    stacked = torch.cat([images for images, _ in probe.batches])
    assert len(torch.unique(stacked, dim=0)) == 48
    assert abs(float(stacked.mean())) < 0.3  # normalised by the training split
    assert {int(target) for _, targets in probe.batches for target in targets} <= set(range(10))
    other = replace(evaluator, seed=1).probe(STAGES.first())
    assert not torch.equal(other.batches[0][0], probe.batches[0][0])


def test_fewer_pictures_make_smaller_minibatches(tmp_path: Any) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 5, 5, 2), dtype=np.uint8)
    folder = str(load((np.concatenate([images, images[..., :1]], -1), np.arange(60) % 3), tmp_path, seed=0).folder)
    evaluator = Proxies(Tiny((3, 5, 5), 3), folder, n_batches=2)
    size = len(evaluator.probe(SMALL).batches[0][0])
    assert 2 <= size < 30
    assert evaluator.prepare(Problem(evaluator.space), Context(-1, 0)) == {"batch_size": size}
    with pytest.raises(UsageError, match="too few for 40 minibatches"):
        replace(evaluator, n_batches=40).prepare(Problem(evaluator.space), Context(-1, 0))


def test_what_is_told_of_minibatches_of_two_inputs_is_their_size() -> None:
    space = Tabular(numbers=3, categories=2, n_codes=7)
    assert Proxies(space, batch_size=5).prepare(Problem(space), Context(-1, 0)) == {"batch_size": 5}


def test_numbers_are_a_task_too() -> None:
    outcome = Proxies(replace(TINY.space, n_outputs=1), batch_size=8).evaluate(SMALL, 1, Context(0, 0))
    assert all(math.isfinite(value) for value in outcome.metrics.values())


def test_space_and_data_must_belong_together(digits: str) -> None:
    with pytest.raises(
        UsageError, match=r"inputs \[\(3, 8, 8\)\] with 10 outputs, but the data are \[\(1, 8, 8\)\] with 10"
    ):
        Proxies(replace(STAGES, input_shape=(3, 8, 8)), digits).prepare(Problem(STAGES), Context(-1, 0))


def test_laws_and_spec(digits: str) -> None:
    evaluator = Proxies(STAGES, digits, batch_size=8, seed=3)
    check_evaluator(evaluator, Problem(STAGES, (Objective("zico"),)))
    assert catalog.from_spec(json.loads(json.dumps(catalog.to_spec(evaluator))), "evaluator") == evaluator


@pytest.mark.parametrize(
    "settings",
    [
        {"proxies": ()},
        {"proxies": ("zen",)},
        {"proxies": ("snip", "snip")},
        {"n_batches": 1},
        {"n_batches": 0, "proxies": ("snip",)},
        {"batch_size": 1},
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="Proxies has"):
        Proxies(TINY.space, **settings)
