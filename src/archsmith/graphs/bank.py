"""A weight bank: one set of weights for all networks of a space, by weight key, as in ENAS (Pham et al. 2018, arXiv
1802.03268).

Keys that differ in nothing but numbers of channels share too: their weights are parts of one tensor, of which a
narrower operation uses the first channels (Yu et al. 2019, slimmable networks, arXiv 1812.08928). So what trains one
width trains the others.

A bank holds parameters only: no running statistics (see archsmith.graphs.network) and no fitted constants (see
archsmith.graphs.constants). Weights are made when a network is first to be trained with them. Their values depend on
the bank's seed and their role, not on the order of creation; their scale is that of He et al. 2015 for the width that
came first. A network that is only looked at gets the same values for what is missing, and the bank stays as it is. An
optimiser's state goes by position, so the manifest keeps the order.

    bank = WeightBank(seed=0)
    network = Network(graph, bank)              # makes what is missing
    network = Network(graph, bank, grow=False)  # only looks
    optimizer.zero_grad(set_to_none=True)   # None, or momentum and decay would move weights that it does not use
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archsmith.core.errors import UsageError
from archsmith.core.files import write_bytes, write_text
from archsmith.core.seeds import derive
from archsmith.graphs.graph import Graph, Node
from archsmith.graphs.operations import OPERATIONS, Args, Shape, infer
from archsmith.graphs.weights import fresh

BLOCK = 16  # channels whose first values are drawn together; blocks further out are as large as all before them


@dataclass(frozen=True)
class Entry:
    """One operation's weights.

    ``key``: the weight key.
    ``op``: the name of the operation.
    ``args``: its arguments.
    ``shapes``: the shapes of its inputs.
    """

    key: str
    op: str
    args: Args
    shapes: tuple[Shape, ...]


class _Whole:
    """One parameter of one role in all its widths: ``tensor``, and the parameters that are its first parts.

    ``first``: the shape that came first. ``stored``: the tensor, where it is known; else its values are drawn.
    """

    def __init__(
        self, node: Node, name: str, first: Shape, seed: int, like: Tensor, stored: Tensor | None = None
    ) -> None:
        self.node, self.name, self.seed, self.like = node, name, seed, like
        self.fan_in = math.prod(first[1:])
        self.n_sliced = min(OPERATIONS[node.op].n_sliced, len(first))  # axes that are channels
        self.tensor = self._fresh(first) if stored is None else stored
        self.parts: dict[str, nn.Parameter] = {}  # by key

    def part(self, shape: Shape) -> Tensor:
        """The first part of ``shape``. A tensor that is too narrow is widened: what is there keeps its values."""
        wide = self.reaching(shape)
        if wide is not self.tensor:
            self.tensor = wide
            self.point()
        return self.tensor[_first(shape)]

    def reaching(self, shape: Shape) -> Tensor:
        """The tensor where it has all of ``shape``, else a wider copy."""
        old = self.tensor
        wide = tuple([max(n, m) for n, m in zip(shape, old.shape, strict=True)])
        if wide == tuple(old.shape):
            return old
        wider = self._fresh(wide)
        wider[_first(old.shape)] = old
        return wider

    def point(self) -> None:
        """Make the parameters parts of the present tensor."""
        for parameter in self.parts.values():
            parameter.data = self.tensor[_first(parameter.shape)]

    def _fresh(self, shape: Shape) -> Tensor:
        """First values, each drawn with the block of channels that it lies in, so that they are the same whatever the
        width.
        """
        value = fresh(self.node, self.name, shape, self.seed, self.fan_in)
        for corner, block in _blocks(shape[: self.n_sliced]) if self.n_sliced else ():
            there = value[tuple([slice(c, c + b) for c, b in zip(corner, block, strict=True)])]
            drawn = fresh(
                self.node, self.name, (*block, *shape[self.n_sliced :]), derive(self.seed, *corner), self.fan_in
            )
            there.copy_(drawn[_first(there.shape)])
        return value.to(self.like)


def _blocks(shape: Shape) -> Iterator[tuple[Shape, Shape]]:
    """Corner and size of the blocks that cover ``shape``: along an axis they begin at 0, 16, 32, 64, … channels, and
    none is cut short.
    """
    axes = []
    for n in shape:
        starts = [0, BLOCK]
        while starts[-1] < n:
            starts.append(2 * starts[-1])
        axes.append(list(pairwise(starts)))
    for edges in product(*axes):
        yield tuple([low for low, _ in edges]), tuple([high - low for low, high in edges])


def _first(shape: Shape) -> tuple[slice, ...]:
    return tuple([slice(n) for n in shape])


def _covered(shape: Shape, others: Iterable[Shape]) -> int:
    """How many numbers of a parameter of ``shape`` lie in first parts of shapes ``others`` of the same tensor."""
    rows, columns = (*shape, 1, 1)[:2]
    area = reached = 0
    for height, width in sorted(((min(rows, (*s, 1)[0]), min(columns, (*s, 1)[1])) for s in others), reverse=True):
        area += height * max(0, width - reached)
        reached = max(reached, width)
    return area * math.prod(shape[2:])


class WeightBank(nn.Module):
    """Parameters by weight key, made lazily. ``seed`` is where their first values come from."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.seed = seed
        self._entries: dict[str, Entry] = {}
        self._places: dict[tuple[str, str], nn.Parameter] = {}
        self._wholes: dict[str, _Whole] = {}
        self._like = torch.empty(0)  # tells on which device and of which type new weights are made

    def __len__(self) -> int:
        """The number of keys."""
        return len(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def require(self, graph: Graph) -> list[nn.Parameter]:
        """Make the weights of ``graph`` that are missing, and return those new ones in order (an optimiser must be told
        about them).
        """
        made: list[nn.Parameter] = []
        for node in graph.nodes:
            if node.key is not None and node.key not in self._entries:
                made.extend(self._make(Entry(node.key, node.op, node.args, graph.shapes_of(node.inputs))))
        return made

    def weights(self, graph: Graph) -> dict[tuple[str, str], nn.Parameter]:
        """The weights of ``graph`` by key and name. The bank stays as it is: what it lacks is drawn for the caller."""
        found: dict[tuple[str, str], nn.Parameter] = {}
        for node in graph.nodes:
            if node.key is None:
                continue
            for name, shape in graph.facts(node).params.items():
                place = node.key, name
                if place not in found:
                    kept = self._places.get(place)
                    found[place] = nn.Parameter(self._drawn(node, name, shape)) if kept is None else kept
        return found

    def parameter(self, key: str, name: str) -> nn.Parameter:
        """The Parameter object, shared by every network that uses the key. Raises UsageError for an unknown one."""
        try:
            return self._places[key, name]
        except KeyError:
            raise UsageError(
                f"The bank has no weights {key!r} with the name {name!r}.", "Call require(graph) first."
            ) from None

    def manifest(self) -> list[Entry]:
        """Every key in the order of creation, with what is needed to make it again."""
        return list(self._entries.values())

    def items(self) -> Iterator[tuple[str, Tensor]]:
        """``<key>.<name>`` and parameter, in the order of creation."""
        for (key, name), parameter in self._places.items():
            yield f"{key}.{name}", parameter

    def tensors(self) -> dict[str, Tensor]:
        """By role, the tensors that the parameters are parts of: all the numbers that there are, each once."""
        return {place: whole.tensor for place, whole in self._wholes.items()}

    def n_within(self, graph: Graph, keys: Collection[str]) -> int:
        """How many of the numbers that the keys of ``graph`` stand for belong to one of ``keys`` as well."""
        count = 0
        for node in {node.key: node for node in graph.nodes if node.key is not None}.values():
            assert node.key is not None
            for name, shape in graph.facts(node).params.items():
                whole = self._wholes.get(_place(node.key, name, shape, node.op))
                if whole is not None:
                    count += _covered(shape, [tuple(part.shape) for key, part in whole.parts.items() if key in keys])
        return count

    def save(self, folder: str | Path) -> None:
        """Write ``weights.safetensors`` and ``manifest.json``."""
        from safetensors.torch import save

        folder = Path(folder)
        stored = save({place: tensor.contiguous() for place, tensor in self.tensors().items()})
        write_bytes(folder / "weights.safetensors", stored)  # save_file raises no OSError where the disk is full
        write_text(folder / "manifest.json", json.dumps(self.described(), indent=1))

    def described(self) -> dict[str, Any]:
        """Everything but the tensors, as JSON data."""
        rows = [
            {"key": e.key, "op": e.op, "args": dict(e.args), "shapes": [list(s) for s in e.shapes]}
            for e in self.manifest()
        ]
        return {"format": "archsmith weight bank 2", "seed": self.seed, "entries": rows}

    @classmethod
    def load(cls, folder: str | Path) -> WeightBank:
        """A bank as it was saved, parameters in the same order. Raises UsageError where the folder holds none."""
        from safetensors.torch import load_file

        folder = Path(folder)
        if not (folder / "manifest.json").is_file() or not (folder / "weights.safetensors").is_file():
            raise UsageError(
                f"The folder {folder} holds no weight bank.", "It needs manifest.json and weights.safetensors."
            )
        data: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return cls.rebuilt(data, load_file(folder / "weights.safetensors"))

    @classmethod
    def rebuilt(cls, data: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> WeightBank:
        """The bank that ``described`` wrote ``data`` of, with copies of its tensors; nothing is drawn. Raises
        UsageError where one is missing or too small.
        """
        bank = cls(data["seed"])
        for row in data["entries"]:
            args = {name: tuple(value) if isinstance(value, list) else value for name, value in row["args"].items()}
            bank._make(Entry(row["key"], row["op"], args, tuple(tuple(s) for s in row["shapes"])), tensors)
        return bank

    def _make(self, entry: Entry, stored: Mapping[str, Tensor] | None = None) -> list[nn.Parameter]:
        """Make the weights of ``entry`` that are missing. ``stored``: where their values lie; None: they are drawn."""
        facts = infer(entry.op, entry.args, entry.shapes)
        node = Node(entry.key, entry.op, (), facts.args, facts.shape, entry.key, facts)
        made = []
        for name, shape in facts.params.items():
            place = _place(entry.key, name, shape, entry.op)
            if place not in self._wholes:
                known = None if stored is None else _copied(stored, place, self._like)
                self._wholes[place] = _Whole(node, name, shape, derive(self.seed, place), self._like, known)
            whole = self._wholes[place]
            if stored is not None and any(n > m for n, m in zip(shape, whole.tensor.shape, strict=True)):
                raise UsageError(f"The tensor {place!r} of the weight bank is too small for {entry.key!r}.")
            parameter = whole.parts[entry.key] = nn.Parameter(whole.part(shape))
            # torch allows no dots in names, and keys have them
            self.register_parameter(f"p{len(self._places)}", parameter)
            self._places[entry.key, name] = parameter
            made.append(parameter)
        self._entries[entry.key] = entry
        return made

    def _drawn(self, node: Node, name: str, shape: Shape) -> Tensor:
        """First values of a parameter that the bank lacks, of which it may have a part."""
        assert node.key is not None
        place = _place(node.key, name, shape, node.op)
        whole = self._wholes.get(place) or _Whole(node, name, shape, derive(self.seed, place), self._like)
        return whole.reaching(shape)[_first(shape)]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> WeightBank:
        """What ``to`` and its like do: parameters stay parts of the same tensors."""
        self._like = fn(self._like)
        for whole in self._wholes.values():
            whole.tensor, whole.like = fn(whole.tensor), self._like
            whole.point()
        return self


def _copied(tensors: Mapping[str, Tensor], place: str, like: Tensor) -> Tensor:
    """The stored tensor in the layout of ``fresh``. A copy: what is stored may be a file."""
    if place not in tensors:
        raise UsageError(f"The weight bank lacks the tensor {place!r}.")
    tensor = tensors[place]
    layout = torch.channels_last if tensor.ndim == 4 else torch.contiguous_format
    return tensor.to(like).clone(memory_format=layout)


def _place(key: str, name: str, shape: Shape, op: str) -> str:
    """Names the tensor that the parameter ``name`` of ``key`` is a part of: the key without numbers of channels."""
    role, _, signature = key.rpartition(":")
    # of several parts of one network in the same role
    count = signature[signature.index("#") :] if "#" in signature else ""
    fixed = shape[OPERATIONS[op].n_sliced :]
    return f"{role}{count}.{name}:{len(shape)}:{'x'.join(map(str, fixed))}"
