"""The ENAS macro search space: a whole network, layer by layer.

Each layer picks one of six operations. It also picks which earlier layers it reads besides the last one.

Source: Pham et al. 2018 (arXiv 1802.03268), section 2.3. Networks are those of the released code. Every operation
starts with a 1×1 convolution. After a third and two thirds of the layers, factorized reductions of all earlier layers
halve the image. The search form adds the skipped layers to the result and normalises the sum (``skips="add"``). The
final form concatenates them and brings the width back by ReLU, a 1×1 convolution and batch norm (``skips="concat"``).
Both do so in every layer but the first, which has nothing to skip, also where a layer chose no skip.

Differences: in the released final network the separable convolutions are built as full ones; here they are separable. A
reduction of an image that is too small to halve leaves one pixel. Reductions that nobody reads are not built.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

from archsmith.core.errors import UsageError
from archsmith.core.fields import checked
from archsmith.core.space import Choose
from archsmith.graphs.layers import classifier, conv_bn, conv_bn_relu, factorized_reduction, pool, relu_conv_bn
from archsmith.graphs.net import Net, Value
from archsmith.graphs.network_space import ImageSpace

OPERATIONS = ("conv3x3", "sep3x3", "conv5x5", "sep5x5", "avg3x3", "max3x3")
KINDS = {"conv": "ConvLayer", "sep": "SepConvLayer", "avg": "AvgPoolLayer", "max": "MaxPoolLayer"}
SKIPS = ("add", "concat")
SKIP_OPTIONS = (False, True)


@checked
@dataclass(frozen=True)
class EnasMacroScale:
    """The form of the network. Defaults: the paper's search network.

    ``filters``: F of the first layers, 2 or more (search 36, final 96).
    ``grow``: whether filters are doubled at each reduction (final) or stay the same (search).
    ``skips``: how skipped layers are joined, ``add`` (search) or ``concat`` (final).
    ``dropout``: before the classifier, 0 to below 1.
    """

    filters: int = 36
    grow: bool = False
    skips: str = "add"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.filters < 2:
            raise UsageError(f"A scale of {self.filters} filters is too small.", "Give at least 2.")
        if self.skips not in SKIPS:
            raise UsageError(f"Skips cannot be joined by {self.skips!r}.", f"It is one of: {', '.join(SKIPS)}.")
        if not 0 <= self.dropout < 1:
            raise UsageError(f"dropout is {self.dropout}.", "Give a number from 0 to below 1.")


@checked
@dataclass(frozen=True)
class EnasMacro(ImageSpace):
    """A chain of layers with skips.

    Decisions of layer k: ``layer<k>/op``, then ``layer<k>/skip<i>`` for every earlier layer but the last one, which is
    always read (0 is the stem).

    ``operations``: the options of every layer.
    ``layers``: how many, 3 or more (paper: 12; the released final network has 24).
    ``scale``: the form of the network.
    """

    operations: tuple[str, ...] = OPERATIONS
    layers: int = 12
    scale: EnasMacroScale = field(default_factory=EnasMacroScale)

    cell_kinds: ClassVar[tuple[str, ...]] = ("MacroLayer",)
    skip_kind: ClassVar[str | None] = "skip#"

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = [name for name in self.operations if name not in OPERATIONS]
        if unknown or not self.operations:
            message = f"A layer cannot be {unknown[0]!r}." if unknown else "A layer needs operations."
            raise UsageError(message, f"It is one of: {', '.join(OPERATIONS)}.")
        if self.layers < 3:
            raise UsageError(f"A macro network needs at least 3 layers, not {self.layers}.")

    def layout(self, choose: Choose) -> None:
        operations = self.operations
        for op_path, skip_paths in _paths(self.layers):
            choose(op_path, operations)
            for path in skip_paths:
                choose(path, SKIP_OPTIONS)

    def known_size(self) -> int | None:
        n_skips = self.layers * (self.layers - 1) // 2
        return len(self.operations) ** self.layers * 2**n_skips if self.recipe is None else None

    def build(self, choose: Choose, net: Net) -> None:
        scale = self.scale
        filters = scale.filters
        third = self.layers // 3
        known = [conv_bn(net, net.input("image"), filters, 3, name="stem")]
        for k, (op_path, skip_paths) in enumerate(_paths(self.layers)):
            operation = str(choose(op_path, self.operations))
            skips = {f"skip{i}": known[i] for i, path in enumerate(skip_paths) if choose(path, SKIP_OPTIONS)}
            known.append(self._layer(net, k, operation, known[-1], skips, filters))
            if k in (third - 1, 2 * third - 1):
                filters *= 2 if scale.grow else 1
                known = [factorized_reduction(net, x, filters, name=f"reduce{k}_{i}") for i, x in enumerate(known)]
        net.output(classifier(net, known[-1], self.n_outputs, dropout=scale.dropout))

    def _layer(self, net: Net, k: int, operation: str, x: Value, skips: dict[str, Value], filters: int) -> Value:
        with net.scope(f"layer{k}", "MacroLayer", None, x=x, **skips):
            y = lay_operation(net, operation, x, filters)
            if k == 0:
                return y
            if self.scale.skips == "add":
                return net.op("batch_norm", net.op("add", y, *skips.values()) if skips else y, name="bn")
            return relu_conv_bn(net, net.op("concat", y, *skips.values()) if skips else y, filters, 1, name="join")


@lru_cache(maxsize=64)
def _paths(layers: int) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """For each layer the path of its operation and those of its skips."""
    return tuple((f"layer{k}/op", tuple(f"layer{k}/skip{i}" for i in range(k))) for k in range(layers))


def lay_operation(net: Net, operation: str, x: Value, filters: int) -> Value:
    """One of OPERATIONS: a 1×1 convolution to ``filters``, then what its name says."""
    kind, kernel = operation[:3] if operation[:4] != "conv" else "conv", int(operation[-1])
    with net.scope("body", KINDS[kind], operation, x=x):
        x = conv_bn_relu(net, x, filters, 1, name="squeeze")
        if kind == "conv":
            return conv_bn_relu(net, x, filters, kernel, name="conv")
        if kind == "sep":
            x = net.op("conv", x, filters=filters, kernel=kernel, groups=filters, name="depthwise")
            return conv_bn_relu(net, x, filters, 1, name="pointwise")
        return pool(net, x, kind, kernel, name="pool")
