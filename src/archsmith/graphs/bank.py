"""A weight bank: one set of weights for all networks of a space, by weight key, as in ENAS (Pham et al. 2018, arXiv 1802.03268).

It holds affine parameters only and no running statistics (see archsmith.graphs.network). Weights are made when a network first needs them; their
values depend on the bank's seed and their key, not on the order of creation. An optimiser's state goes by position, so the manifest keeps that order.

    bank = WeightBank(seed=0)
    network = Network(graph, bank)          # makes what is missing
    optimizer.zero_grad(set_to_none=True)   # None, or momentum and decay would move weights that this network does not use
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from archsmith.core.errors import UsageError
from archsmith.core.seeds import derive
from archsmith.graphs.graph import Graph, Node
from archsmith.graphs.network import fresh
from archsmith.graphs.operations import Args, Shape, infer


@dataclass(frozen=True)
class Entry:
    """One operation's weights: its key, operation, arguments and input shapes."""

    key: str
    op: str
    args: Args
    shapes: tuple[Shape, ...]


class WeightBank(nn.Module):
    """Parameters by weight key, made lazily. ``seed`` is where their first values come from."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.seed = seed
        self._entries: dict[str, Entry] = {}
        self._places: dict[tuple[str, str], nn.Parameter] = {}

    def __len__(self) -> int:
        """The number of keys."""
        return len(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def require(self, graph: Graph) -> list[nn.Parameter]:
        """Make the weights of ``graph`` that are missing, and return those new ones in order (an optimiser must be told about them)."""
        made: list[nn.Parameter] = []
        for node in graph.nodes:
            if node.key is not None and node.key not in self._entries:
                made.extend(self._make(Entry(node.key, node.op, node.args, graph.shapes_of(node.inputs))))
        return made

    def parameter(self, key: str, name: str) -> nn.Parameter:
        """The Parameter object itself, shared by every network that uses the key. Raises UsageError for an unknown one."""
        try:
            return self._places[key, name]
        except KeyError:
            raise UsageError(f"The bank has no weights {key!r} with the name {name!r}.", "Call require(graph) first.") from None

    def manifest(self) -> list[Entry]:
        """Every key in the order of creation, with what is needed to make it again."""
        return list(self._entries.values())

    def items(self) -> Iterator[tuple[str, Tensor]]:
        """``<key>.<name>`` and tensor, in the order of creation."""
        for (key, name), parameter in self._places.items():
            yield f"{key}.{name}", parameter

    def save(self, folder: str | Path) -> None:
        """Write ``weights.safetensors`` and ``manifest.json``."""
        from safetensors.torch import save_file

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.detach().contiguous() for name, tensor in self.items()}, folder / "weights.safetensors")
        (folder / "manifest.json").write_text(json.dumps(self.described(), indent=1), encoding="utf-8")

    def described(self) -> dict[str, Any]:
        """Everything but the tensors, as JSON data."""
        rows = [{"key": e.key, "op": e.op, "args": dict(e.args), "shapes": [list(s) for s in e.shapes]} for e in self.manifest()]
        return {"format": "archsmith weight bank 1", "seed": self.seed, "entries": rows}

    @classmethod
    def load(cls, folder: str | Path) -> WeightBank:
        """A bank as it was saved, parameters in the same order. Raises UsageError where the folder holds none."""
        from safetensors.torch import load_file

        folder = Path(folder)
        if not (folder / "manifest.json").is_file() or not (folder / "weights.safetensors").is_file():
            raise UsageError(f"The folder {folder} holds no weight bank.", "It needs manifest.json and weights.safetensors.")
        data: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return cls.rebuilt(data, load_file(folder / "weights.safetensors"))

    @classmethod
    def rebuilt(cls, data: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> WeightBank:
        """The bank that ``described`` wrote ``data`` of, with ``tensors`` by the names of ``items``. Raises UsageError where one is missing."""
        bank = cls(data["seed"])
        for row in data["entries"]:
            args = {name: tuple(value) if isinstance(value, list) else value for name, value in row["args"].items()}
            bank._make(Entry(row["key"], row["op"], args, tuple(tuple(s) for s in row["shapes"])))
        for name, parameter in bank.items():
            if name not in tensors:
                raise UsageError(f"The weight bank lacks the tensor {name!r}.")
            parameter.data.copy_(tensors[name])
        return bank

    def _make(self, entry: Entry) -> list[nn.Parameter]:
        facts = infer(entry.op, entry.args, entry.shapes)
        node = Node(entry.key, entry.op, (), facts.args, facts.shape, entry.key, facts)
        made = []
        for name, shape in facts.params.items():
            parameter = nn.Parameter(fresh(node, name, shape, derive(self.seed, entry.key, name)))
            self.register_parameter(f"p{len(self._places)}", parameter)  # torch allows no dots in names, and keys have them
            self._places[entry.key, name] = parameter
            made.append(parameter)
        self._entries[entry.key] = entry
        return made
