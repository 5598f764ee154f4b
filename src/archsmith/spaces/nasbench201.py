"""The NAS-Bench-201 search space: one cell of four nodes. Each of its six edges carries one of five operations.

These are 15,625 networks. All of them were trained for a public table.

Source: Dong and Yang 2020 (arXiv 2001.00326), section 2: a 3×3 stem, three stacks of N = 5 cells with 16, 32 and 64
filters, and a residual block of stride 2 between them. Edges stand in the order of the published tables: 1←0, 2←0, 2←1,
3←0, 3←1, 3←2. Difference: parts of a cell that do not reach its output are not built. The parameter counts of the table
include them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import UsageError
from archsmith.core.fields import checked
from archsmith.core.growth import Growth
from archsmith.core.space import Choose, Trace, replaying
from archsmith.graphs.graph import Graph
from archsmith.graphs.layers import classifier, conv_bn, relu_conv_bn
from archsmith.graphs.net import Net, Value
from archsmith.graphs.network_space import ImageSpace
from archsmith.spaces.cell_growth import NodeGrowth

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))  # (to, from)
PATHS = tuple(f"node{to}/from{source}" for to, source in EDGES)


def architecture_of(operations: Sequence[int | str]) -> Architecture:
    """The architecture of six operations, by name or by index into OPERATIONS, in the order of EDGES."""
    if len(operations) != len(EDGES):
        raise UsageError(f"A NAS-Bench-201 cell has {len(EDGES)} edges, not {len(operations)}.")
    return Architecture(
        (path, op if isinstance(op, str) else OPERATIONS[int(op)]) for path, op in zip(PATHS, operations, strict=True)
    )


def operations_of(architecture: Mapping[str, Scalar]) -> tuple[int, ...]:
    """The six indices into OPERATIONS of one architecture, in the order of EDGES."""
    return tuple(OPERATIONS.index(str(architecture[path])) for path in PATHS)


@checked
@dataclass(frozen=True)
class NasBench201Scale:
    """The network around the cells. Defaults: as in the table.

    ``filters``: C of the first stack, 1 or more; doubled twice.
    ``cells``: N in each of the three stacks, 1 or more.
    """

    filters: int = 16
    cells: int = 5

    def __post_init__(self) -> None:
        if self.filters < 1 or self.cells < 1:
            raise UsageError(
                f"A scale of {self.filters} filters and {self.cells} cells is too small.", "Give at least 1 of each."
            )


@checked
@dataclass(frozen=True)
class NasBench201(ImageSpace):
    """One cell. Its six decisions are ``node1/from0`` to ``node3/from2``.

    ``scale``: the network around the cells.
    """

    scale: NasBench201Scale = field(default_factory=NasBench201Scale)

    cell_kinds: ClassVar[tuple[str, ...]] = ("Cell",)

    def live(self, architecture: Architecture) -> Architecture:
        """``architecture`` with ``none`` on every edge that lies on no way from the input to the output."""
        open_edges = {edge for edge, path in zip(EDGES, PATHS, strict=True) if architecture[path] != "none"}
        reached, reaching = {0}, {3}
        for to, source in EDGES:  # sources come before what they lead to
            reached |= {to} if (to, source) in open_edges and source in reached else set()
        for to, source in reversed(EDGES):
            reaching |= {source} if (to, source) in open_edges and to in reaching else set()
        dead = [
            path for (to, source), path in zip(EDGES, PATHS, strict=True) if source not in reached or to not in reaching
        ]
        return architecture.replace(dict.fromkeys(dead, "none"))

    def cells(self, architecture: Architecture) -> Mapping[str, Graph]:
        net = Net({"image": (self.scale.filters, 8, 8)})
        net.output(_cell(net, "cell", _edges(Trace(replaying(architecture))), net.input("image")), "state")
        return {"cell": net.graph()}

    def layout(self, choose: Choose) -> None:
        for path in PATHS:
            choose(path, OPERATIONS)

    def known_size(self) -> int | None:
        return len(OPERATIONS) ** len(PATHS) if self.recipe is None else None

    def growth(self) -> Growth | None:
        """Node by node. None with a recipe: nodes do not say how to train."""
        return NodeGrowth(PATHS, OPERATIONS) if self.recipe is None else None

    def build(self, choose: Choose, net: Net) -> None:
        edges = _edges(choose)
        x = conv_bn(net, net.input("image"), self.scale.filters, 3, name="stem")
        for stack in range(3):
            filters = self.scale.filters * 2**stack
            if stack:
                x = _reduce(net, f"reduction{stack}", x, filters)
            for i in range(self.scale.cells):
                x = _cell(net, f"cell{stack}_{i}", edges, x)
        with net.scope("last", "BnRelu", x=x):
            x = net.op("relu", net.op("batch_norm", x, name="bn"))
        net.output(classifier(net, x, self.n_outputs))


def _edges(choose: Choose) -> dict[tuple[int, int], str]:
    return {edge: str(choose(path, OPERATIONS)) for edge, path in zip(EDGES, PATHS, strict=True)}


def _cell(net: Net, name: str, edges: Mapping[tuple[int, int], str], x: Value) -> Value:
    with net.scope(name, "Cell", x=x):
        nodes = [x]
        for node in (1, 2, 3):
            sources = [source for source in range(node) if edges[node, source] != "none"]
            terms = [_edge(net, f"edge{node}_{source}", edges[node, source], nodes[source]) for source in sources]
            if not terms:
                nodes.append(net.op("zero", x, name=f"node{node}"))
            else:
                nodes.append(net.op("add", *terms, name=f"node{node}") if len(terms) > 1 else terms[0])
        return nodes[-1]


def _edge(net: Net, name: str, operation: str, x: Value) -> Value:
    if operation == "skip_connect":
        return x
    if operation == "avg_pool_3x3":
        return net.op("avg_pool", x, kernel=3, name=name)
    kernel = 3 if operation == "nor_conv_3x3" else 1
    return relu_conv_bn(net, x, x.channels, kernel, name=name, role=f"{name}.{operation}")


def _reduce(net: Net, name: str, x: Value, filters: int) -> Value:
    """A residual block that halves the image: (ReLU, 3×3, batch norm) twice.

    Beside them stands an average pool with a bare 1×1 convolution.
    """
    with net.scope(name, "ReductionBlock", x=x):
        y = relu_conv_bn(net, x, filters, 3, 2, name="conv1")
        y = relu_conv_bn(net, y, filters, 3, name="conv2")
        # An image of odd size loses its last row in an unpadded 2×2 pool but not in a 3×3 convolution of stride 2.
        padding = (x.shape[1] % 2, x.shape[2] % 2)
        shortcut = net.op("avg_pool", x, kernel=2, stride=2, padding=padding, name="pool")
        shortcut = net.op("conv", shortcut, filters=filters, kernel=1, name="shortcut")
        return net.op("add", y, shortcut)
