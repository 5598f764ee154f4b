"""The runnable network of a graph.

``Network(graph)`` owns fresh weights; ``Network(graph, bank)`` uses those of a ``WeightBank``. Sub-modules are nested
as the graph's scopes are, so that the names in ``state_dict`` are node names plus ``.weight`` and so on. The graph is
translated once into a flat list of steps over slots.

Batch norm under shared weights uses batch statistics until ``recalibrate`` gives the network its own (Bender et al.
2018, "Understanding and simplifying one-shot architecture search"): running averages shared between children describe
none of them.

A network takes a tensor for each of its inputs, in a mapping by name. The tensor of a single input may be given bare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archsmith.core.errors import UsageError
from archsmith.core.fields import fitted
from archsmith.core.seeds import derive
from archsmith.graphs.constants import fit_constants
from archsmith.graphs.graph import AUXILIARY, Graph, Node
from archsmith.graphs.modules import Batch, DropPath, construct
from archsmith.graphs.operations import OPERATIONS
from archsmith.graphs.weights import fresh, inherit, weights_by_key

if TYPE_CHECKING:
    from archsmith.graphs.bank import WeightBank

__all__ = ["Batch", "Network", "fit_constants", "fresh", "inherit", "recalibrate", "weights_by_key"]

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)

# One step of the flat program: what to call, the slots of its inputs, the slot of its output, and the slots that nobody
# needs afterwards.
Step = tuple[Callable[..., Tensor], tuple[int, ...], int, tuple[int, ...]]


@cache
def _function(expression: str, names: tuple[str, ...]) -> Callable[..., Tensor]:
    # The table states a function once, as the text that also goes into written-out source; evaluating that text keeps
    # the two equal.
    function: Callable[..., Tensor] = eval(f"lambda {', '.join(names)}: {expression}", {"torch": torch, "F": F})
    return function


class Network(nn.Module):
    """The network of ``graph``: a batch in, logits ``(n, outputs)`` out. Works on the meta device.

    ``bank``: take the weights from there by key instead of owning new ones.
    ``grow``: does the bank keep weights that it lacked? False: this network alone has them.
    ``seed``: where new weights come from; None draws one from torch's global generator, an int leaves that untouched.
    ``channels_last``: does it run images in torch's memory format of that name?
    """

    def __init__(
        self, graph: Graph, bank: WeightBank | None = None, seed: int | None = None, *, grow: bool = True
    ) -> None:
        super().__init__()
        self.graph = fitted(graph, Graph, "The argument graph of Network")
        self.channels_last = True
        if bank is not None and grow:
            bank.require(graph)
        self._fill(graph, None if bank is None else bank.weights(graph), seed)
        self._compile()

    # Construction

    def _fill(self, graph: Graph, shared: Mapping[tuple[str, str], nn.Parameter] | None, seed: int | None) -> None:
        """Make the modules. ``shared``: their weights by key and name; None: new ones, drawn by ``seed``."""
        containers: dict[str, nn.Module] = {"": self}
        if shared is None and seed is None:
            seed = int(torch.randint(2**62, (), device="cpu"))
        for node in graph.nodes:
            row = OPERATIONS[node.op]
            if row.module is None:
                continue
            shapes, params = graph.shapes_of(node.inputs), graph.facts(node).params
            call = row.stand_in(node.args, shapes) or row.module(node.args, shapes)
            module = construct(call, bool(params))
            for name, shape in params.items():
                if shared is not None:
                    assert node.key is not None
                    setattr(module, name, shared[node.key, name])
                else:
                    assert seed is not None
                    setattr(module, name, nn.Parameter(fresh(node, name, shape, derive(seed, node.name, name))))
            if isinstance(module, _NORMS):
                if shared is None:
                    _own_statistics(module)
                else:
                    _batch_statistics(module)
            _container(containers, self, node.scope).add_module(node.local, module)

    def _compile(self) -> None:
        graph = self.graph
        served = graph.without(AUXILIARY)
        self._main = graph.main_output
        self._served = _program(self, served)
        self._full = self._served if served is graph else _program(self, graph)

    # Running

    def forward(self, x: Batch) -> Tensor:
        """The main output for a batch: ``(n, C, H, W)`` of images, or tensors by the names of the inputs."""
        steps, n_slots, outputs = self._served
        logits: Tensor = self._run(x, steps, n_slots)[outputs[self._main]]
        return logits

    def forward_all(self, x: Batch) -> dict[str, Tensor]:
        """Every output by name; the auxiliary one in training mode only."""
        steps, n_slots, outputs = self._full if self.training else self._served
        slots = self._run(x, steps, n_slots)
        return {name: slots[slot] for name, slot in outputs.items()}

    def _run(self, x: Batch, steps: list[Step], n_slots: int) -> list[Any]:
        given = (x,) if isinstance(x, Tensor) and len(self.graph.inputs) == 1 else self._given(x)
        slots: list[Any] = [None] * n_slots
        for i, value in enumerate(given):
            last = self.channels_last and value.dim() == 4
            slots[i] = value.contiguous(memory_format=torch.channels_last) if last else value
        for function, sources, target, dead in steps:
            if len(sources) == 1:
                slots[target] = function(slots[sources[0]])
            else:
                slots[target] = function(*[slots[i] for i in sources])
            for i in dead:
                slots[i] = None
        return slots

    def _given(self, x: Batch) -> list[Tensor]:
        """The tensors of the inputs in the order of the graph."""
        names = self.graph.inputs
        if isinstance(x, Tensor):
            raise UsageError(f"The network has {len(names)} inputs and got one tensor.", f"Name {', '.join(names)}.")
        if x.keys() != set(names):
            raise UsageError(f"The network got the inputs {', '.join(x)}.", f"It takes {', '.join(names)}.")
        return [x[name] for name in names]

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
    """The steps, the number of slots, and the slot of each output. The first slots hold the inputs in their order.
    Slots are used again when their value is dead.
    """
    outputs = set(graph.outputs.values())
    last = {name: node.name for node in graph.nodes for name in node.inputs}
    slot_of = {name: slot for slot, name in enumerate(graph.inputs)}
    free: list[int] = []
    n_slots = len(slot_of)
    steps: list[Step] = []
    for node in graph.nodes:
        if node.name in graph.inputs:
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
    row = OPERATIONS[node.op]
    if row.module is not None:
        module: Callable[..., Tensor] = network.get_submodule(node.name)
        return module
    names = tuple(f"x{i}" for i in range(len(node.inputs)))
    code = row.inplace if row.inplace is not None and _overwritable(graph, node) else row.code
    assert code is not None
    return _function(code(node.args, names), names)


def _overwritable(graph: Graph, node: Node) -> bool:
    """May this node write over its input? Only where nobody else reads that, now or in the backward pass."""
    source = node.inputs[0]
    return (
        OPERATIONS[graph.node(source).op].disposable
        and len(graph.consumers(source)) == 1
        and source not in graph.outputs.values()
    )


# Statistics of batch norm


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


def recalibrate(network: nn.Module, batches: Iterable[Batch]) -> int:
    """Give every batch norm statistics of its own, the mean over ``batches`` (what the network takes); weights stay as
    they are.

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
