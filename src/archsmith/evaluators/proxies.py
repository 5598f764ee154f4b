"""Zero-cost proxies: scores of a network that was never trained. They need the graph and one or two minibatches, and
take milliseconds.

Each proxy is a function of a ``Probe``. The table ``PROXIES`` lists them with their sources, and last the
two sizes that they have to beat. More of any of them predicts a better network. A proxy predicts a rank, not an
accuracy. Proxies prefer large networks, so compare them with ``params`` before you trust one.

As in the published code, batch norm uses the statistics of the batch. Everything else is in evaluation mode, so that
nothing is random. Layers are convolutions and linear layers; only their weights count, not biases or norms. Each
function names its differences from its source.
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
from archsmith.core.fields import checked
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context
from archsmith.core.seeds import derive, generator
from archsmith.core.task import Input
from archsmith.core.trial import Outcome
from archsmith.data.stored import opened
from archsmith.graphs.cost import cost
from archsmith.graphs.graph import AUXILIARY, Graph
from archsmith.graphs.modules import Batch as NetworkInput
from archsmith.graphs.net import fixed_shape
from archsmith.graphs.network import Network
from archsmith.graphs.network_space import NetworkSpace
from archsmith.training.batches import CPU, gather, given
from archsmith.training.goal import ClassGoal, Goal, RegressionGoal

Batch = tuple[NetworkInput, Tensor]  # inputs of the network, and targets (b,) for the loss
Loss = Callable[[Tensor, Tensor], Tensor]

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm)
RELUS = (F.relu, F.relu6)  # a unit of both is off if its output is 0


@dataclass(frozen=True, eq=False)
class Probe:
    """Everything that a proxy may use.

    ``graph``: the graph of the network.
    ``seed``: seed of the untrained weights.
    ``batches``: minibatches of the task.
    ``loss``: the loss of the task.

    Proxies do not change the weights. The network and its gradients are computed when a proxy first needs them, and
    then shared.
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
        """Weights of convolutions and linear layers."""
        return [parameter for _, parameter in _weights(self.network)]

    def gradients(self, i: int) -> tuple[Tensor, ...]:
        """Gradients of the loss of batch ``i``, one for each of ``weights``; zero for a weight that the loss does not
        depend on. ``parameter.grad`` stays empty.
        """
        if i not in self._gradients:
            batch, targets = self.batches[i]
            with torch.enable_grad():
                loss = self.loss(self.network(batch), targets)
                self._gradients[i] = torch.autograd.grad(loss, self.weights, materialize_grads=True)
        return self._gradients[i]


# The proxies


def params(probe: Probe) -> float:
    """Number of trainable parameters."""
    return float(cost(probe.graph).params)


def macs(probe: Probe) -> float:
    """Multiply-adds of one example's forward pass."""
    return float(cost(probe.graph).macs)


def naswot(probe: Probe) -> float:
    """log |K|, where K[i, j] counts the ReLUs that are in the same state (on or off) for examples i and j of the first
    minibatch.

    If the examples switch on different ReLUs, the determinant is large. The score is minus infinity if two examples
    switch on the same ones, or if there are no ReLUs.
    """
    batch, targets = probe.batches[0]
    codes = _Codes(len(targets))
    with torch.no_grad(), codes:
        probe.network(batch)
    sign, logarithm = torch.linalg.slogdet(codes.agreement)
    return float(logarithm) if sign > 0 else -math.inf


class _Codes(TorchFunctionMode):
    """Counts the ReLUs in the same state for each pair of ``n`` examples ``(n, n)`` during a forward pass."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.agreement = torch.zeros(n, n, dtype=torch.float64)

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = function(*args, **(kwargs or {}))
        if function in RELUS:
            on = (output > 0).flatten(1).float()
            off = 1 - on
            self.agreement += on @ on.T + off @ off.T  # exact in float32 below 2**24 ReLUs in a layer
        return output


def synflow(probe: Probe) -> float:
    """log Σ |w · ∂R/∂w|. R is the sum of the outputs for an input of ones, with absolute weights and without norms. No
    data are used.

    It is computed in float64, as in Abdelfattah et al., because R grows with every layer. Difference: the logarithm,
    which does not change the ranks.
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
    """One example of ones with the shapes of ``batch``. An input of codes is that of the first example instead."""
    if isinstance(batch, Tensor):
        return torch.ones(1, *batch.shape[1:], dtype=torch.float64) if batch.is_floating_point() else batch[:1]
    return {name: cast(Tensor, _ones(rows)) for name, rows in batch.items()}


@contextmanager
def _without_norms(network: nn.Module) -> Iterator[None]:
    """Norms return a copy of their input. It is a copy because the next operation may overwrite it."""
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
    """Σ over layers of the Euclidean norm of the gradient, on the first minibatch."""
    return sum(float(gradient.norm()) for gradient in probe.gradients(0))


def snip(probe: Probe) -> float:
    """Σ |w · ∂L/∂w|, on the first minibatch."""
    return _saliency(probe.weights, probe.gradients(0))


def zico(probe: Probe) -> float:
    """Σ over layers of log Σ over weights of mean |g| / std g, both over minibatches.

    Weights whose gradient never changes are left out. So are layers that have only such weights. If nothing is left,
    the score is minus infinity.

    The standard deviation is that of g, as in the published code, where the paper has that of |g|. That code does not
    clear gradients between minibatches, so that its second gradient is the sum of two.
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
    """One row of the table.

    ``score``: computes the proxy; more predicts a better network.
    ``source``: where it was published.
    """

    score: Callable[[Probe], float]
    source: str


PROXIES: Mapping[str, Proxy] = {
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
    "params": Proxy(params, "the baseline that every proxy has to beat"),
    "macs": Proxy(macs, "the other baseline"),
}


@checked
@dataclass(frozen=True)
class Proxies:
    """Scores untrained networks. Each proxy is a metric, and more of it predicts a better network.

    As an objective, ``params`` and ``macs`` are made as small as possible unless ``maximize`` says otherwise.

    ``space``: builds the networks.
    ``data``: folder of stored splits (``data.stored``) whose training split gives the minibatches; None: random noise
        with random targets. ``synflow`` does not use it.
    ``proxies``: names in ``PROXIES``.
    ``batch_size``: examples of a minibatch, fewer if there are not enough; 2 or more. The default is that of
        Abdelfattah et al. 2021.
    ``n_batches``: minibatches; 1 or more. The default 2 is the least for ``zico`` (Li et al. 2023); the other proxies
        use the first one only.
    ``seed``: of the minibatches and the initial weights, so that an architecture has the same score in every trial.

    Fidelity has no effect. Everything is computed on the CPU. A score that is not finite fails the trial; for example,
    no signal passes through the network. Notes hold the milliseconds of each proxy (``naswot_ms``). Network and
    gradients are shared; their time counts for the first proxy that needs them.
    """

    space: NetworkSpace
    data: str | None = None
    proxies: tuple[str, ...] = tuple(PROXIES)
    batch_size: int = 64
    n_batches: int = 2
    seed: int = 0

    simulated: ClassVar[bool] = False
    uses_fidelity: ClassVar[bool] = False
    repeatable: ClassVar[bool] = True

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
        """Raises UsageError when space and data do not fit together."""
        batches, _ = self._minibatches()
        return {"batch_size": len(batches[0][1])}

    def probe(self, architecture: Architecture) -> Probe:
        """The probe of ``architecture``, without an auxiliary output."""
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
                hint = (
                    "Check that a signal passes through this network, and that it has the layers that the proxy needs."
                )
                raise EvaluationError(f"The proxy {name!r} is {scores[name]}.", hint, kind="nan")
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
    """``n`` minibatches of different training examples, drawn with ``seed``, and the loss of their task. Raises
    UsageError.
    """
    splits = opened(data)
    train, task = splits.train, splits.task
    if (inputs, n_outputs) != (task.inputs, task.outputs[0].n):
        ours, theirs = ([entry.shape for entry in entries] for entries in (inputs, task.inputs))
        raise UsageError(
            f"The space builds networks for inputs {ours} with {n_outputs} outputs, but the data are {theirs} with "
            f"{task.outputs[0].n}."
        )
    size = min(size, len(train) // n)
    if size < 2:
        raise UsageError(f"There are only {len(train)} training examples, too few for {n} minibatches.")
    goal, pipeline = Goal.of(task, splits.target_statistics), splits.pipeline()
    order = generator(seed, "minibatches").permutation(len(train))
    # Sorted, because a memory map is read fastest in one direction.
    chosen = [np.sort(order[start : start + size]) for start in range(0, n * size, size)]
    batches = [(given(pipeline.inputs(gather(train, each)), CPU), goal.targets(train.targets[each])) for each in chosen]
    return tuple(batches), goal.loss


@lru_cache(maxsize=4)
def _noise(inputs: tuple[Input, ...], n_outputs: int, size: int, n: int, seed: int) -> tuple[tuple[Batch, ...], Loss]:
    """``n`` minibatches of standard normal inputs (random codes for an input of codes) with random targets: classes, or
    regression targets if there is one output.
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
