"""The families of ``pictures`` that are built of convolutions over the whole image.

* ``resnet``: few wide 3×3 convolutions with max pools between them, the form of fast networks for CIFAR-10: ResNet-9
  (Page 2018, DAWNBench) and airbench94 (Jordan 2024, arXiv 2404.00498). Ours has an ordinary stem, no whitened one.
* ``wide``: the same form with the sizes of airbench94, which pads nothing in its stem and rounds pools down: a fifth
  less work. Few epochs of it beat many of a narrow network where there are many pictures. It is trained as there, too:
  biases of batch norms learn 64 times as fast, and logits are small. Shortcuts are ours. airbench94 has convolutions
  that start as the identity, which brings about as much.
* ``inverted``: inverted bottlenecks (Sandler et al. 2018, arXiv 1801.04381).
* ``flat``: convolutions whose last image is read pixel by pixel, so that the place counts (LeCun et al. 1998).
* ``cell``: published cells (see archsmith.spaces.zoo), few of them and narrow.
"""

from __future__ import annotations

from archsmith.core.space import Trace, replaying
from archsmith.graphs.layers import conv_bn_relu, inverted_bottleneck
from archsmith.graphs.net import Net, Value
from archsmith.spaces.cell_layout import CellStyle
from archsmith.spaces.cell_space import CellSpace, Stack
from archsmith.spaces.cells import choose_cell
from archsmith.spaces.darts import AMOEBANET_OPERATIONS, Darts, prepare
from archsmith.spaces.picture_layers import Decided, Family, Question, active, halved, halves, hidden, pooled, reduced
from archsmith.spaces.picture_layers import rounded as even
from archsmith.spaces.zoo import AMOEBANET_A, DARTS_V1, DARTS_V2

RESNET_STEM = 24
RESNET_WIDTHS = {"early": (64, 256, 256), "late": (64, 128, 256), "even": (128, 128, 128)}
WIDE_STEM, WIDE_WIDTHS = 24, (64, 256, 256)
SOFTER = 9.0  # times smaller are the logits of ``wide``
INVERTED_WIDTHS = (24, 40, 80)
PUBLISHED: dict[str, tuple[CellSpace, object]] = {
    "darts_v2": (Darts(), DARTS_V2),
    "darts_v1": (Darts(), DARTS_V1),
    "amoebanet_a": (
        Darts(operations=AMOEBANET_OPERATIONS, nodes=5, distinct=False, output="chosen"),
        AMOEBANET_A,
    ),
}


def _resnet(net: Net, x: Value, decided: Decided, scale: float) -> Value:
    x = reduced(net, x)
    width, activation = decided["width"] * scale, decided["activation"]
    with net.scope("stem", "Stem", x=x):
        x = active(net, net.op("conv", x, filters=even(RESNET_STEM * scale), kernel=3), activation)
    for i, filters in enumerate(RESNET_WIDTHS[decided["growth"]]):
        with net.scope(f"stage{i}", "Stage", x=x):
            x = halved(net, net.op("conv", x, filters=even(filters * width), kernel=3, name="conv0"))
            x = active(net, x, activation)
            start = x
            for j in range(1, decided["depth"]):
                x = active(net, net.op("conv", x, filters=x.channels, kernel=3, name=f"conv{j}"), activation)
            if decided["shortcut"] and decided["depth"] > 1:
                x = net.op("add", x, start)
    x = pooled(net, x, decided["head"])
    # Maxima are large: without the norm the first steps overshoot. (airbench94 divides the logits by 9.)
    return net.op("batch_norm", x, name="bn_head") if decided["head"] == "max" else x


def _wide(net: Net, x: Value, decided: Decided, scale: float) -> Value:
    x = reduced(net, x)
    width, activation = decided["width"] * scale, decided["activation"]
    kernel = tuple(min(2, side) for side in x.shape[1:])
    with net.scope("stem", "Stem", x=x):
        x = net.op("conv", x, filters=even(WIDE_STEM * scale), kernel=kernel, padding=0)
        x = active(net, x, activation)
    for i, filters in enumerate(WIDE_WIDTHS):
        with net.scope(f"stage{i}", "Stage", x=x):
            x = net.op("conv", x, filters=even(filters * width), kernel=3, name="conv0")
            if min(x.shape[1:]) > 2:
                x = net.op("max_pool", x, kernel=2, stride=2, padding=0, name="pool")
            x = active(net, x, activation)
            for j in range(1, decided["depth"]):
                more = active(net, net.op("conv", x, filters=x.channels, kernel=3, name=f"conv{j}"), activation)
                x = net.op("add", x, more)
    # Maxima are large. The norm of ``resnet`` would hold them, too, but trainings with fast biases diverged with it.
    return pooled(net, net.op("affine", x, factors=(1 / SOFTER,), offsets=(0.0,), name="softer"), "max")


def _inverted(net: Net, x: Value, decided: Decided, scale: float) -> Value:
    x = reduced(net, x)
    width = decided["width"] * scale
    x = conv_bn_relu(net, x, even(16 * width), 3, 2 if halves(x) else 1, name="stem")
    for i, base in enumerate(INVERTED_WIDTHS):
        with net.scope(f"stage{i}", "Stage", x=x):
            for j in range(decided["depth"]):
                stride = 2 if j == 0 and i > 0 and halves(x) else 1
                squeezed = max(4, x.channels // 4) if decided["squeeze"] else 0
                x = inverted_bottleneck(
                    net,
                    x,
                    even(base * width),
                    decided["kernel"],
                    stride,
                    expansion=decided["expansion"],
                    squeezed=squeezed,
                    name=f"block{j}",
                )
    x = conv_bn_relu(net, x, even(4 * x.channels), 1, name="last")
    return pooled(net, x, "mean")


def _flat(net: Net, x: Value, decided: Decided, scale: float) -> Value:
    x = reduced(net, x)
    pools = decided["downsample"] == "pool"
    filters = even(decided["filters"] * scale)
    for i in range(decided["layers"]):
        with net.scope(f"stage{i}", "Stage", x=x):
            x = active(net, net.op("conv", x, filters=filters, kernel=decided["kernel"]))
            x = halved(net, x) if pools else x
    x = pooled(net, x, "flat")
    return hidden(net, x, even(decided["hidden"] * scale) if decided["hidden"] else 0, dropout=0.2, name="hidden")


def _cell(net: Net, x: Value, decided: Decided, scale: float) -> Value:
    x = reduced(net, x)
    space, architecture = PUBLISHED[decided["design"]]
    published = Trace(replaying(architecture))  # type: ignore[arg-type]
    normal, reduction = (choose_cell(published, name, space.rules) for name in space.cell_names)
    filters = even(decided["filters"] * scale)
    stride = 2 if decided["stem"] == "halving" and halves(x, 64) else 1
    x = conv_bn_relu(net, x, 2 * filters, 3, stride, name="stem")
    stack, n = Stack(net, x, x), decided["cells"]
    for i in range(n):
        reduces = i in (n // 3, 2 * n // 3) and halves(stack.cur)
        filters *= 2 if reduces else 1
        kind = "ReductionCell" if reduces else "NormalCell"
        style = CellStyle(filters, 2 if reduces else 1, factorized=True)
        stack.add(reduction if reduces else normal, kind, style, prepare)
    return pooled(net, stack.cur, "mean")


CONVOLUTIONS: dict[str, Family] = {
    "resnet": Family(
        (
            Question("width", (0.5, 1.0, 0.25, 0.75, 1.5), least=0.25),
            Question("growth", ("late", "early", "even")),
            Question("depth", (2, 1, 3), least=1),
            Question("shortcut", (False, True)),
            Question("activation", ("relu", "gelu", "silu")),
            Question("head", ("max", "mean")),
        ),
        _resnet,
        most=9.0,
    ),
    "wide": Family(
        (
            Question("width", (1.0, 0.5, 0.75, 0.25, 1.5), least=0.25),
            Question("depth", (2, 1, 3), least=1),
            Question("activation", ("gelu", "relu", "silu")),
        ),
        _wide,
        most=8.4,
        recipe=(("momentum", 0.85), ("bias_rate", 64.0), ("clip", 0.0)),
    ),
    "inverted": Family(
        (
            Question("width", (0.75, 0.5, 1.0, 1.5), least=0.5),
            Question("expansion", (4, 2, 6), least=2),
            Question("depth", (2, 1, 3), least=1),
            Question("kernel", (3, 5)),
            Question("squeeze", (False, True)),
        ),
        _inverted,
    ),
    "flat": Family(
        (
            Question("filters", (32, 16, 64), least=16),
            Question("layers", (2, 1, 3), least=1),
            Question("kernel", (3, 5)),
            Question("downsample", ("pool", "none")),
            Question("hidden", (128, 0, 512), least=0),
        ),
        _flat,
    ),
    "cell": Family(
        (
            Question("design", tuple(PUBLISHED)),
            Question("filters", (16, 8, 24), least=8),
            Question("cells", (3, 4, 6)),
            Question("stem", ("halving", "plain")),
        ),
        _cell,
    ),
}
