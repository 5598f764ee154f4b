"""The runnable network of a graph.

``Network(graph)`` owns fresh weights; ``Network(graph, bank)`` uses those of a ``WeightBank``. Sub-modules are nested
as the graph's scopes are, so that the names in ``state_dict`` are node names plus ``.weight`` and so on. The graph is
translated once into a flat list of steps over slots.

Batch norm under shared weights uses batch statistics until ``recalibrate`` gives the network its own (Bender et al.
2018, "Understanding and simplifying one-shot architecture search"): running averages shared between children describe
none of them.

``DropPath`` is ScheduledDropPath of NASNet (arXiv 1707.07012 and its public implementation): one Bernoulli draw per
example, the output divided by the chance to keep, and a chance to drop that grows linearly over training
(``set_progress``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archsmith.core.errors import UsageError
from archsmith.core.seeds import derive
from archsmith.graphs.graph import AUXILIARY, Graph, Node
from archsmith.graphs.operations import OPERATIONS, Call, Operation

if TYPE_CHECKING:
    from archsmith.graphs.bank import WeightBank


class DropPath(nn.Module):
    """Drops its whole input for some examples of a batch while training. ``keep`` is the chance to keep at the end of
    training.
    """

    def __init__(self, keep: float) -> None:
        super().__init__()
        self.keep = keep
        self.progress = 0.0

    def forward(self, x: Tensor) -> Tensor:
        keep = 1.0 - self.progress * (1.0 - self.keep)
        if not self.training or keep >= 1.0:
            return x
        mask = (
            torch.empty((x.shape[0],) + (1,) * (x.dim() - 1), device=x.device, dtype=x.dtype)
            .bernoulli_(keep)
            .div_(keep)
        )
        return x * mask


class NarrowConv(nn.Conv2d):
    """A 1×1 convolution that skips pixels and reads few channels: while gradients are wanted it takes the pixels that
    it reads and skips none of them.

    The same function. oneDNN's gradient of the weights writes past its buffer for fewer channels than a block holds (8
    with AVX2, 16 with AVX-512) in channels_last, which ends in wrong gradients or a crash:
    https://github.com/uxlfoundation/oneDNN/issues/6035, seen here with torch 2.13.0.
    """

    BLOCK = 16

    @classmethod
    def suits(cls, call: Call) -> bool:
        plain = call.kwargs.keys() <= {"stride", "bias"}  # no padding, groups or dilation
        return (
            call.name == "nn.Conv2d"
            and call.args[2] == (1, 1)
            and plain
            and "stride" in call.kwargs
            and call.args[0] < cls.BLOCK
        )

    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            return super().forward(x)
        down, right = self.stride
        return F.conv2d(x[:, :, ::down, ::right], self.weight, self.bias)


class Scale(nn.Module):
    """``(x - mean) / std`` per channel, with constants fitted on training data (0 and 1 until then)."""

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        shape = (-1,) + (1,) * (x.dim() - 2)
        return (x - self.mean.view(shape)) / self.std.view(shape)


_CLASSES: dict[str, Callable[..., nn.Module]] = {"DropPath": DropPath, "Scale": Scale}
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)

# One step of the flat program: what to call, the slots of its inputs, the slot of its output, and the slots that nobody
# needs afterwards.
Step = tuple[Callable[..., Tensor], tuple[int, ...], int, tuple[int, ...]]


def construct(call: Call) -> nn.Module:
    """The module of a row's Call, with parameters on the meta device: they are replaced before use, so drawing them
    would be a waste.
    """
    if call.name in _CLASSES:
        return _CLASSES[call.name](*call.args, **call.kwargs)
    where = {} if call.name == "nn.Dropout" else {"device": "meta"}
    cls = NarrowConv if NarrowConv.suits(call) else getattr(nn, call.name.removeprefix("nn."))
    module: nn.Module = cls(*call.args, **call.kwargs, **where)
    return module


@cache
def _function(expression: str, names: tuple[str, ...]) -> Callable[..., Tensor]:
    # The table states a function once, as the text that also goes into written-out source; evaluating that text keeps
    # the two equal.
    function: Callable[..., Tensor] = eval(f"lambda {', '.join(names)}: {expression}", {"torch": torch, "F": F})
    return function


class Network(nn.Module):
    """The network of ``graph``: images ``(n, C, H, W)`` in, logits ``(n, outputs)`` out.

    ``bank``: take the weights from there by key instead of owning fresh ones. ``seed``: where fresh weights come from;
    None draws one from torch's global generator, an int leaves that untouched. Works on the meta device (``with
    torch.device("meta")``).
    """

    def __init__(self, graph: Graph, bank: WeightBank | None = None, seed: int | None = None) -> None:
        super().__init__()
        self.graph = graph
        self.channels_last = True
        self._fill(graph, bank, seed)
        self._compile()

    # Construction

    def _fill(self, graph: Graph, bank: WeightBank | None, seed: int | None) -> None:
        containers: dict[str, nn.Module] = {"": self}
        if bank is not None:
            bank.require(graph)
        elif seed is None:
            seed = int(torch.randint(2**62, (), device="cpu"))
        for node in graph.nodes:
            row = OPERATIONS[node.op]
            if row.module is None:
                continue
            module = construct(row.module(node.args, graph.shapes_of(node.inputs)))
            for name, shape in graph.facts(node).params.items():
                if bank is not None:
                    assert node.key is not None
                    setattr(module, name, bank.parameter(node.key, name))
                else:
                    assert seed is not None
                    setattr(module, name, nn.Parameter(fresh(node, name, shape, derive(seed, node.name, name))))
            if isinstance(module, _NORMS):
                if bank is None:
                    _own_statistics(module)
                else:
                    _batch_statistics(module)
            _container(containers, self, node.scope).add_module(node.local, module)

    def _compile(self) -> None:
        graph = self.graph
        if len(graph.inputs) != 1:
            raise UsageError(f"A network takes one input, this graph has {len(graph.inputs)}.")
        served = graph.without(AUXILIARY)
        self._main = graph.main_output
        self._served = _program(self, served)
        self._full = self._served if served is graph else _program(self, graph)

    # Running

    def forward(self, x: Tensor) -> Tensor:
        """The main output for a batch ``(n, C, H, W)``."""
        steps, n_slots, outputs = self._served
        logits: Tensor = self._run(x, steps, n_slots)[outputs[self._main]]
        return logits

    def forward_all(self, x: Tensor) -> dict[str, Tensor]:
        """Every output by name; the auxiliary one in training mode only."""
        steps, n_slots, outputs = self._full if self.training else self._served
        slots = self._run(x, steps, n_slots)
        return {name: slots[slot] for name, slot in outputs.items()}

    def _run(self, x: Tensor, steps: list[Step], n_slots: int) -> list[Any]:
        slots: list[Any] = [None] * n_slots
        slots[0] = x.contiguous(memory_format=torch.channels_last) if self.channels_last and x.dim() == 4 else x
        for function, sources, target, dead in steps:
            if len(sources) == 1:
                slots[target] = function(slots[sources[0]])
            else:
                slots[target] = function(*[slots[i] for i in sources])
            for i in dead:
                slots[i] = None
        return slots

    def set_progress(self, fraction: float) -> None:
        """Where training is, from 0 (paths are never dropped) to 1 (dropped with their full chance)."""
        if not 0.0 <= fraction <= 1.0:
            raise UsageError(f"The progress of training is {fraction}.", "It runs from 0 to 1.")
        for module in self.modules():
            if isinstance(module, DropPath):
                module.progress = fraction

    # Copies and workers get the graph and the modules, and translate anew: the steps hold functions that cannot be
    # sent.

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        for name in ("_served", "_full"):
            state.pop(name, None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._compile()


def _container(containers: dict[str, nn.Module], root: nn.Module, path: str) -> nn.Module:
    """The module that stands for a scope, made on the way."""
    found = containers.get(path)
    if found is None:
        parent, _, local = path.rpartition(".")
        found = containers[path] = nn.Module()
        _container(containers, root, parent).add_module(local, found)
    return found


def _program(network: nn.Module, graph: Graph) -> tuple[list[Step], int, dict[str, int]]:
    """The steps, the number of slots, and the slot of each output. Slot 0 holds the input; slots are used again when
    their value is dead.
    """
    outputs = set(graph.outputs.values())
    last = {name: node.name for node in graph.nodes for name in node.inputs}
    slot_of: dict[str, int] = {}
    free: list[int] = []
    n_slots = 1
    steps: list[Step] = []
    for node in graph.nodes:
        if node.op == "input":
            slot_of[node.name] = 0
            continue
        sources = tuple([slot_of[name] for name in node.inputs])
        dead = [slot_of[name] for name in dict.fromkeys(node.inputs) if last[name] == node.name and name not in outputs]
        if dead:  # the result takes the place of the first value that dies here
            target = dead[0]
            cleared = tuple(dead[1:])
            free.extend(cleared)
        elif free:
            target, cleared = free.pop(), ()
        else:
            target, cleared = n_slots, ()
            n_slots += 1
        slot_of[node.name] = target
        steps.append((_callable(network, graph, node), sources, target, cleared))
        if node.name not in last and node.name not in outputs:
            raise UsageError(
                f"The value of node {node.name!r} is never used.", "Build graphs with Net, which leaves such nodes out."
            )
    return steps, n_slots, {name: slot_of[source] for name, source in graph.outputs.items()}


def _callable(network: nn.Module, graph: Graph, node: Node) -> Callable[..., Tensor]:
    row: Operation = OPERATIONS[node.op]
    if row.module is not None:
        module: Callable[..., Tensor] = network.get_submodule(node.name)
        return module
    names = tuple(f"x{i}" for i in range(len(node.inputs)))
    code = row.inplace if row.inplace is not None and _overwritable(graph, node) else row.code
    assert code is not None
    return _function(code(node.args, names), names)


# Operations whose result is new memory that their own backward pass does not need.
_FORGETFUL = frozenset({"conv", "batch_norm", "linear", "add", "concat"})


def _overwritable(graph: Graph, node: Node) -> bool:
    """May this node write over its input? Only where nobody else reads that, now or in the backward pass."""
    source = node.inputs[0]
    return (
        graph.node(source).op in _FORGETFUL
        and len(graph.consumers(source)) == 1
        and source not in graph.outputs.values()
    )


# Weights


def fresh(node: Node, name: str, shape: tuple[int, ...], seed: int, fan_in: int | None = None) -> Tensor:
    """New values for one parameter: He et al. 2015 (arXiv 1502.01852, by fan-in) for convolutions, U(±1/√fan-in) for
    linear layers, 0 for biases.

    Norms start at their ``gain``. ``fan_in``: that of ``shape`` where it is not given. Nothing is drawn on the meta
    device.
    """
    value = torch.empty(shape)
    if value.ndim == 4:  # a network runs in channels_last, and weights in that layout save a copy a step
        value = value.to(memory_format=torch.channels_last)
    if value.is_meta:
        return value
    with torch.no_grad():
        if name == "bias":
            return value.zero_()
        if node.op in ("batch_norm", "layer_norm"):
            return value.fill_(node.args.get("gain", 1.0))
        generator = torch.Generator().manual_seed(seed)
        fan_in = fan_in or math.prod(shape[1:])
        if node.op == "conv":
            return value.normal_(0.0, math.sqrt(2.0 / fan_in), generator=generator)
        bound = 1.0 / math.sqrt(fan_in)
        return value.uniform_(-bound, bound, generator=generator)


def _own_statistics(module: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    """Fresh running statistics on the device of the weights."""
    device = module.weight.device if module.weight is not None else None
    module.track_running_stats = True
    module.running_mean = torch.zeros(module.num_features, device=device)
    module.running_var = torch.ones(module.num_features, device=device)
    module.num_batches_tracked = torch.tensor(0, dtype=torch.long, device=device)


def _batch_statistics(module: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    module.track_running_stats = False
    module.running_mean = None
    module.running_var = None
    module.num_batches_tracked = None


def recalibrate(network: nn.Module, batches: Iterable[Tensor]) -> int:
    """Give every batch norm statistics of its own, the mean over ``batches`` of images ``(n, C, H, W)``; weights stay
    as they are.

    Returns the number of batches; raises UsageError when there were none.
    """
    norms = [module for module in network.modules() if isinstance(module, _NORMS)]
    modes = [(module, module.training) for module in network.modules()]
    momenta = [module.momentum for module in norms]
    n_batches = 0
    network.eval()
    try:
        for module in norms:
            _own_statistics(module)
            module.momentum = None  # a plain mean over batches
            module.training = True
        with torch.no_grad():
            for batch in batches:
                network(batch)
                n_batches += 1
    finally:
        for module, momentum in zip(norms, momenta, strict=True):
            module.momentum = momentum
        for part, mode in modes:
            part.training = mode
    if not n_batches:
        raise UsageError("There was no batch to recalibrate on.")
    return n_batches


def fit_constants(network: nn.Module, batches: Iterable[Tensor]) -> int:
    """Set mean and standard deviation of every ``scale`` operation from what reaches it over ``batches`` of training
    images ``(n, C, H, W)``.

    One pass in evaluation mode, so constants that depend on other constants need a second call. A channel that never
    changes gets the deviation 1. Returns the number of constants; draws nothing, and reads no batch where there are
    none.
    """
    scales = [module for module in network.modules() if isinstance(module, Scale)]
    if not scales:
        return 0
    sums: dict[Scale, Tensor] = {}  # (3, C): count, sum, sum of squares

    def note(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0].detach().double().transpose(0, 1).flatten(1)
        total = torch.stack([torch.ones_like(values).sum(1), values.sum(1), values.square().sum(1)])
        assert isinstance(module, Scale)
        sums[module] = sums[module] + total if module in sums else total

    hooks = [scale.register_forward_pre_hook(note) for scale in scales]
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            for batch in batches:
                network(batch)
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    for scale, (count, first, second) in sums.items():
        mean = first / count
        deviation = (second / count - mean.square()).clamp(min=0).sqrt()
        scale.mean.copy_(mean)
        scale.std.copy_(torch.where(deviation > 1e-6, deviation, torch.ones_like(deviation)))
    return len(sums)


def weights_by_key(network: Network) -> dict[str, Tensor]:
    """Parameters and batch statistics by weight key and name (``<key>.weight``), sharing memory with the network."""
    return {f"{key}.{name}": tensor for key, name, tensor in _keyed(network)}


def inherit(child: Network, parent: Network | Mapping[str, Tensor]) -> float:
    """Copy into ``child`` what it shares with ``parent`` (a network, or tensors by key). Returns the fraction of its
    parameters that were copied.
    """
    source = weights_by_key(parent) if isinstance(parent, Network) else parent
    parameters = copied = 0
    with torch.no_grad():
        for key, name, tensor in _keyed(child):
            found = source.get(f"{key}.{name}")
            known = found is not None and found.shape == tensor.shape
            if found is not None and known:
                tensor.copy_(found)
            if isinstance(tensor, nn.Parameter):
                parameters += tensor.numel()
                copied += tensor.numel() if known else 0
    return copied / parameters if parameters else 0.0


def _keyed(network: Network) -> Iterator[tuple[str, str, Tensor]]:
    for node in network.graph.nodes:
        if node.key is not None:
            module = network.get_submodule(node.name)
            for name, parameter in module.named_parameters(recurse=False):
                yield node.key, name, parameter
            for name, buffer in module.named_buffers(recurse=False):
                yield node.key, name, buffer
