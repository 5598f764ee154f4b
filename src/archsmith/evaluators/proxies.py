"""Zero-cost proxies: scores of a network that was never trained, from its graph and a minibatch or two, in
milliseconds.

Each is a function of a ``Probe`` and stands in the table ``PROXIES`` with its source; more is better for all of them.
They promise a rank and no accuracy, and they lean to large networks: compare with ``params`` before believing one.

Batch norm works in batch statistics, as in the published code, and all else in evaluation mode, so that nothing is
drawn. Layers are convolutions and linear layers, and only their weights count, no biases and no norms, again as
published. What differs from a source stands at its function.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, ClassVar, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import EvaluationError, UsageError
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context
from archsmith.core.seeds import derive, generator
from archsmith.core.task import Input
from archsmith.core.trial import Outcome
from archsmith.data.stored import opened
from archsmith.graphs.cost import cost
from archsmith.graphs.graph import AUXILIARY, Graph
from archsmith.graphs.net import fixed_shape
from archsmith.graphs.modules import Batch as NetworkInput
from archsmith.graphs.network import Network
from archsmith.graphs.network_space import NetworkSpace
from archsmith.training.batches import CPU, gather, given
from archsmith.training.goal import ClassGoal, Goal, RegressionGoal

Batch = tuple[NetworkInput, Tensor]  # what a network is called with, and what the loss wants of it (b,)
Loss = Callable[[Tensor, Tensor], Tensor]

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm)
RELUS = (F.relu, F.relu6)  # both are off exactly where their output is 0


@dataclass(frozen=True, eq=False)
class Probe:
    """What a proxy may look at: the ``graph`` and its untrained ``network`` (weights from ``seed``), and ``batches`` of
    the task with their ``loss``.

    Proxies leave the weights as they are. The network and its gradients are made when a proxy first asks for them, and
    shared.
    """

    graph: Graph
    seed: int
    batches: tuple[Batch, ...]
    loss: Loss
    _gradients: dict[int, tuple[Tensor, ...]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def network(self) -> Network:
        network = Network(self.graph, seed=self.seed)
        network.eval()
        for module in network.modules():
            if isinstance(module, NORMS):
                module.train()
        return network

    @cached_property
    def weights(self) -> list[Tensor]:
        """Of convolutions and linear layers."""
        return [parameter for _, parameter in _weights(self.network)]

    def gradients(self, i: int) -> tuple[Tensor, ...]:
        """Of the loss of batch ``i``, one for each of ``weights``, zero where a weight has no split in it; nothing is
        left in ``parameter.grad``.
        """
        if i not in self._gradients:
            batch, targets = self.batches[i]
            with torch.enable_grad():
                loss = self.loss(self.network(batch), targets)
                self._gradients[i] = torch.autograd.grad(loss, self.weights, materialize_grads=True)
        return self._gradients[i]


# The proxies


def params(probe: Probe) -> float:
    """Trainable values."""
    return float(cost(probe.graph).params)


def macs(probe: Probe) -> float:
    """Multiply-adds of one forward pass of one example."""
    return float(cost(probe.graph).macs)


def naswot(probe: Probe) -> float:
    """log |K|, where K[i, j] counts the ReLUs that are both on or both off for examples i and j of the first minibatch:
    distinct codes, large determinant. Minus infinity where two examples have one code, or there are no ReLUs.
    """
    batch, targets = probe.batches[0]
    codes = _Codes(len(targets))
    with torch.no_grad(), codes:
        probe.network(batch)
    sign, logarithm = torch.linalg.slogdet(codes.agreement)
    return float(logarithm) if sign > 0 else -math.inf


class _Codes(TorchFunctionMode):
    """Counts agreements ``(n, n)`` of ReLUs between the ``n`` examples of a batch while it passes through a network."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.agreement = torch.zeros(n, n, dtype=torch.float64)

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = function(*args, **(kwargs or {}))
        if function in RELUS:
            on = (output > 0).flatten(1).float()
            off = 1 - on
            self.agreement += on @ on.T + off @ off.T  # counts, exact in float32 below 2**24 ReLUs a layer
        return output


def synflow(probe: Probe) -> float:
    """log Σ |w · ∂R/∂w|, where R is the sum of the outputs for an image of ones, with absolute weights and without
    norms: no data at all.

    float64, as in Abdelfattah et al., since R grows with every layer; the logarithm, which ranks the same, is ours.
    """
    network = probe.network
    tensors = {
        name: parameter.detach().abs().double().requires_grad_() for name, parameter in network.named_parameters()
    }
    buffers = {
        name: buffer.double() if buffer.is_floating_point() else buffer for name, buffer in network.named_buffers()
    }
    weights = [tensors[name] for name, _ in _weights(network)]
    ones = _ones(probe.batches[0][0])
    with torch.enable_grad(), _without_norms(network):
        flow = torch.func.functional_call(network, {**tensors, **buffers}, (ones,)).sum()
        gradients = torch.autograd.grad(flow, weights, materialize_grads=True)
    total = _saliency(weights, gradients)
    return math.log(total) if total > 0 else -math.inf


def _ones(batch: NetworkInput) -> NetworkInput:
    """One example of ones, in the shapes of ``batch``; of codes the first example's own."""
    if isinstance(batch, Tensor):
        return torch.ones(1, *batch.shape[1:], dtype=torch.float64) if batch.is_floating_point() else batch[:1]
    return {name: cast(Tensor, _ones(rows)) for name, rows in batch.items()}


@contextmanager
def _without_norms(network: nn.Module) -> Iterator[None]:
    """Norms hand on what they get, as a copy: the next operation may write over it."""
    norms = [module for module in network.modules() if isinstance(module, NORMS)]
    hooks = [norm.register_forward_hook(lambda module, inputs, output: inputs[0].clone()) for norm in norms]
    try:
        for norm in norms:
            norm.eval()  # one example has no batch statistics
        yield
    finally:
        for norm, hook in zip(norms, hooks, strict=True):
            norm.train()
            hook.remove()


def grad_norm(probe: Probe) -> float:
    """Σ over layers of the Euclidean norm of the gradient, first minibatch."""
    return sum(float(gradient.norm()) for gradient in probe.gradients(0))


def snip(probe: Probe) -> float:
    """Σ |w · ∂L/∂w|, first minibatch."""
    return _saliency(probe.weights, probe.gradients(0))


def zico(probe: Probe) -> float:
    """Σ over layers of log Σ over weights of mean |g| / std g, both over minibatches. Weights whose gradient never
    changes, and layers that have only such, are left out; minus infinity where nothing else is left.

    The published code does not clear gradients between minibatches, so that its second one is the sum of two; this
    follows the paper's equation.
    """
    logarithms = []
    for layer in zip(*(probe.gradients(i) for i in range(len(probe.batches))), strict=True):
        each = torch.stack(layer).double()
        deviation = each.std(0, correction=0)
        moving = deviation > 0
        signal = float((each.abs().mean(0)[moving] / deviation[moving]).sum())
        if signal > 0:
            logarithms.append(math.log(signal))
    return math.fsum(logarithms) if logarithms else -math.inf


@dataclass(frozen=True)
class Proxy:
    """One row of the table; more of its ``score`` is better."""

    score: Callable[[Probe], float]
    source: str


PROXIES: Mapping[str, Proxy] = {
    "params": Proxy(params, "the baseline that every proxy has to beat"),
    "macs": Proxy(macs, "the other baseline"),
    "naswot": Proxy(naswot, "Mellor et al. 2021, arXiv 2006.04647: s = log |K_H|"),
    "synflow": Proxy(
        synflow,
        "Tanaka et al. 2020, arXiv 2006.05467; as a score of networks Abdelfattah et al. 2021, arXiv 2101.08134",
    ),
    "grad_norm": Proxy(grad_norm, "Abdelfattah et al. 2021, arXiv 2101.08134"),
    "snip": Proxy(
        snip, "Lee et al. 2019, arXiv 1810.02340; as a score of networks Abdelfattah et al. 2021, arXiv 2101.08134"
    ),
    "zico": Proxy(zico, "Li et al. 2023, arXiv 2301.11300"),
}


@dataclass(frozen=True)
class Proxies:
    """Scores of untrained networks: each of ``proxies`` is a metric, more is better for all, and ``fidelity`` means
    nothing.

    ``space`` lays the networks out; ``data`` is the folder of stored splits (``data.stored``) whose training pictures
    make the minibatches; None: noise with random labels, for when there are no data yet (``synflow`` never looks at
    them). ``proxies``: names in ``PROXIES``. ``batch_size``: 64 (Abdelfattah et al. 2021; fewer where there are not as
    many pictures), ``n_batches``: 2, the least that ``zico`` can do with (Li et al. 2023); the other proxies look at
    the first. ``seed`` decides the minibatches and the initial weights: an architecture scores the same in every trial.

    Computed on the CPU. A score that is not finite fails the trial, since it is none: no signal passes through that
    network, say. The notes hold the milliseconds of each proxy (``naswot_ms``); what several share (network, gradients)
    is charged to the first that needs it.
    """

    space: NetworkSpace
    data: str | None = None
    proxies: tuple[str, ...] = tuple(PROXIES)
    batch_size: int = 64
    n_batches: int = 2
    seed: int = 0

    simulated: ClassVar[bool] = False

    def __post_init__(self) -> None:
        unknown = [name for name in self.proxies if name not in PROXIES]
        if unknown or not self.proxies or len(set(self.proxies)) < len(self.proxies):
            raise UsageError(f"Proxies has proxies={self.proxies}.", f"Name some of {', '.join(PROXIES)}, each once.")
        least = 2 if "zico" in self.proxies else 1
        if self.n_batches < least:
            raise UsageError(
                f"Proxies has n_batches={self.n_batches}.",
                "Give 1 or more, and for zico 2 or more: it compares minibatches.",
            )
        if self.batch_size < 2:
            raise UsageError(f"Proxies has batch_size={self.batch_size}.", "Give 2 or more.")

    @property
    def metrics(self) -> tuple[str, ...]:
        return self.proxies

    def prepare(self, problem: Problem, context: Context) -> Mapping[str, Any]:
        """Raises UsageError where space and data do not belong together."""
        batches, _ = self._minibatches()
        return {"batch_size": len(batches[0][0])}

    def probe(self, architecture: Architecture) -> Probe:
        """What the proxies of ``architecture`` are computed from, without an auxiliary output."""
        graph = self.space.graph(architecture).without(AUXILIARY)
        return Probe(graph, derive(self.seed, "weights"), *self._minibatches())

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        """Raises EvaluationError (``nan``) for a score that is not finite."""
        started = time.perf_counter()
        context.check()
        probe = self.probe(architecture)
        scores: dict[str, float] = {}
        notes: dict[str, Scalar] = {}
        for name in self.proxies:
            context.check()
            began = time.perf_counter()
            scores[name] = PROXIES[name].score(probe)
            notes[f"{name}_ms"] = round(1000 * (time.perf_counter() - began), 2)
            if not math.isfinite(scores[name]):
                hint = "Does a signal pass through this network, and has it what the proxy looks at?"
                raise EvaluationError(f"The proxy {name!r} came out as {scores[name]}.", hint, kind="nan")
        return Outcome.success(scores, time.perf_counter() - started, notes)

    def _minibatches(self) -> tuple[tuple[Batch, ...], Loss]:
        space = self.space
        if self.data is None:
            return _noise(space.inputs, space.n_outputs, self.batch_size, self.n_batches, self.seed)
        return _drawn(self.data, space.inputs, space.n_outputs, self.batch_size, self.n_batches, self.seed)


def _saliency(weights: Iterable[Tensor], gradients: Iterable[Tensor]) -> float:
    """Σ |w · g|."""
    return sum(
        float((weight.detach() * gradient).abs().sum()) for weight, gradient in zip(weights, gradients, strict=True)
    )


def _weights(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The weights of convolutions and linear layers with their names."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            yield f"{name}.weight", module.weight


@lru_cache(maxsize=4)
def _drawn(
    data: str, inputs: tuple[Input, ...], n_outputs: int, size: int, n: int, seed: int
) -> tuple[tuple[Batch, ...], Loss]:
    """``n`` minibatches of different training examples, drawn by ``seed``, and the loss of their task. Raises
    UsageError.
    """
    splits = opened(data)
    train, task = splits.train, splits.task
    if (inputs, n_outputs) != (task.inputs, task.outputs[0].n):
        ours, theirs = ([entry.shape for entry in entries] for entries in (inputs, task.inputs))
        raise UsageError(
            f"The space lays out networks for inputs {ours} with {n_outputs} outputs, the data are {theirs} with "
            f"{task.outputs[0].n}."
        )
    size = min(size, len(train) // n)
    if size < 2:
        raise UsageError(f"There are {len(train)} training examples, too few for {n} minibatches.")
    goal, pipeline = Goal.of(task, splits.target_statistics), splits.pipeline()
    order = generator(seed, "minibatches").permutation(len(train))
    # sorted: a memory map is read in one direction
    chosen = [np.sort(order[start : start + size]) for start in range(0, n * size, size)]
    batches = [(given(pipeline.inputs(gather(train, each)), CPU), goal.targets(train.targets[each])) for each in chosen]
    return tuple(batches), goal.loss


@lru_cache(maxsize=4)
def _noise(inputs: tuple[Input, ...], n_outputs: int, size: int, n: int, seed: int) -> tuple[tuple[Batch, ...], Loss]:
    """``n`` minibatches of standard normal inputs (codes by chance where an input takes codes), with random targets:
    classes, or regression targets where there is one output.
    """
    rng = generator(seed, "noise")
    goal: Goal = ClassGoal() if n_outputs > 1 else RegressionGoal()
    batches = []
    for _ in range(n):
        values = {entry.name: torch.from_numpy(_random(entry, size, rng)) for entry in inputs}
        targets = rng.integers(n_outputs, size=size) if n_outputs > 1 else rng.standard_normal(size)
        batches.append((next(iter(values.values())) if len(values) == 1 else values, goal.targets(targets)))
    return tuple(batches), goal.loss


def _random(entry: Input, size: int, rng: np.random.Generator) -> NDArray[Any]:
    shape = (size, *fixed_shape(entry))
    return (
        rng.standard_normal(shape, dtype=np.float32)
        if entry.n_codes is None
        else rng.integers(entry.n_codes, size=shape)
    )
