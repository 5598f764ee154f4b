"""A small recursive grammar of networks: the space that has no skeleton.

A network is a stem and a few parts. Each part is derived by the rules of archsmith.spaces.grammar_rules, with the shape
carried along. Depth and multiply-adds are capped inside the program. Which options are offered depends on shapes. So
the space is not transferable: it is searched at its target size.

Ours, in the spirit of einspace (Ericsson et al. 2024, arXiv 2405.20838) and of the hierarchical grammars of Schrodi et
al. 2023 (arXiv 2211.01842). Differences from einspace: images only, no attention, no copies of one module, and a plain
stem, so that a random sample can learn something.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from archsmith.core.errors import UsageError
from archsmith.core.fields import checked
from archsmith.core.space import Choose
from archsmith.graphs.layers import classifier, conv_bn_relu, squeeze_excite
from archsmith.graphs.net import Net, Value
from archsmith.graphs.network_space import ImageSpace
from archsmith.spaces.grammar_rules import CONVS, MIN_SIDE, MIN_WIDTH, Chain, Frame, Module, Shape, Terminal, derive

SPLITS = (2, 3, 4)


@checked
@dataclass(frozen=True)
class GrammarScale:
    """Limits of a network.

    ``filters``: of the stem, 4 or more.
    ``max_filters``: the widest that a network may get.
    ``max_macs``: the most multiply-adds of all parts together, for one image.
    ``depth``: of the derivation of one part, 1 or more.
    """

    filters: int = 16
    max_filters: int = 256
    max_macs: int = 40_000_000
    depth: int = 4

    def __post_init__(self) -> None:
        if not MIN_WIDTH <= self.filters <= self.max_filters:
            raise UsageError(
                f"filters is {self.filters} and max_filters {self.max_filters}.",
                f"Give {MIN_WIDTH} <= filters <= max_filters.",
            )
        if self.max_macs < 1 or self.depth < 1:
            raise UsageError(f"max_macs is {self.max_macs} and depth {self.depth}.", "Give positive numbers.")


@checked
@dataclass(frozen=True)
class Grammar(ImageSpace):
    """Two to four parts, one after the other. Decision paths spell the derivation: ``part0/left/first/op``.

    ``scale``: the limits.
    """

    scale: GrammarScale = field(default_factory=GrammarScale)

    transferable: ClassVar[bool] = False
    cell_kinds: ClassVar[tuple[str, ...]] = ("Part",)

    def layout(self, choose: Choose) -> None:
        self._derive(choose)

    def _derive(self, choose: Choose) -> list[Module]:
        scale = self.scale
        shape: Shape = (scale.filters, *self._stem_size())
        n_parts: int = choose("parts", SPLITS)  # type: ignore[assignment]
        parts = []
        for i in range(n_parts):
            frame = Frame(
                size=None, width=None, floor=MIN_SIDE, limit=scale.max_filters, macs=scale.max_macs // n_parts
            )
            derived = derive(choose, f"part{i}", shape, frame, scale.depth)
            parts.append(derived.module)
            shape = derived.shape
        return parts

    def _stem_size(self) -> tuple[int, int]:
        _, height, width = self.input_shape
        for _ in range(self._stem_halvings()):
            height, width = -(-height // 2), -(-width // 2)
        return height, width

    def _stem_halvings(self) -> int:
        n, side = 0, min(self.input_shape[1:])
        while side > 40:  # a big image is halved until it is about 32 pixels wide
            n, side = n + 1, -(-side // 2)
        return n

    def build(self, choose: Choose, net: Net) -> None:
        parts = self._derive(choose)
        x = net.input("image")
        halvings = self._stem_halvings()
        with net.scope("stem", "Stem", x=x):
            x = conv_bn_relu(net, x, self.scale.filters, 3, 2 if halvings else 1, name="conv")
            for _ in range(halvings - 1):
                x = net.op("max_pool", x, kernel=3, stride=2, name="pool")
        for i, part in enumerate(parts):
            with net.scope(f"part{i}", "Part", x=x):
                x = lay(net, "body", part, x)
        net.output(classifier(net, x, self.n_outputs))


def lay(net: Net, name: str, module: Module, x: Value) -> Value:
    """Lay out one derived module."""
    if isinstance(module, Terminal):
        return _lay_terminal(net, name, module, x)
    if isinstance(module, Chain):
        with net.scope(name, "Chain", x=x):
            return lay(net, "second", module.second, lay(net, "first", module.first, x))
    with net.scope(name, "Branch", x=x):
        return net.op(module.combine, lay(net, "left", module.left, x), lay(net, "right", module.right, x))


def _lay_terminal(net: Net, name: str, terminal: Terminal, x: Value) -> Value:
    operation, filters, stride = terminal
    if operation == "identity":
        return x
    if operation in CONVS:
        kernel = CONVS[operation]
        if operation.startswith("conv"):
            return net.op("conv", x, filters=filters, kernel=kernel, stride=stride, bias=True, name=name)
        with net.scope(name, "SepConv", x=x):
            x = net.op("conv", x, filters=x.channels, kernel=kernel, stride=stride, groups=x.channels, name="depthwise")
            return net.op("conv", x, filters=filters, kernel=1, bias=True, name="pointwise")
    if operation in ("max_pool", "avg_pool"):
        # a window covers its stride: no pixel is lost
        return net.op(operation, x, kernel=max(3, stride + 1), stride=stride, name=name)
    if operation == "squeeze_excite":
        return squeeze_excite(net, x, max(MIN_WIDTH, x.channels // 4), name=name)
    return net.op(operation, x, name=name)
