"""Composite operations on images, as functions over the rows of the operation table. Each one opens a scope and returns
its output value. ``token_layers`` has those for tokens.

The forms follow the published code, because parameter counts are tested exactly:

- ``sep_conv``: NASNet (Zoph et al. 2018, arXiv 1707.07012) applies a separable convolution twice. Each one is ReLU,
  depthwise, pointwise, batch norm, with nothing between depthwise and pointwise. The first one has the stride. DARTS
  (Liu et al. 2019, arXiv 1806.09055) does the same.
- ``dil_sep_conv``: DARTS: ReLU, dilated depthwise, pointwise, batch norm, once.
- ``factorized_conv``: AmoebaNet in the DARTS form: ReLU, 1×k, k×1, batch norm.
- ``factorized_reduction``: two 1×1 convolutions of stride 2 with half the filters each, then one batch norm. The second
  convolution sees the image shifted by one pixel.
- ``auxiliary_head``: NASNet appendix: 5×5 average pool of stride 3, 1×1 to 128, full-size convolution to 768, linear.
- ``squeeze_excite``: Hu et al. 2018, arXiv 1709.01507. ``residual_block``, ``bottleneck_block``: He et al. 2016, arXiv
  1512.03385.
- ``inverted_bottleneck``: Sandler et al. 2018, arXiv 1801.04381.

``name`` is the scope's name, and ``role`` is its entry in the weight keys (see archsmith.graphs.net).
"""

from __future__ import annotations

from archsmith.core.errors import UsageError
from archsmith.graphs.net import Net, Value

Kernel = int | tuple[int, int]


def conv_bn(
    net: Net,
    x: Value,
    filters: int,
    kernel: Kernel = 3,
    stride: int = 1,
    *,
    padding: Kernel | None = None,
    groups: int = 1,
    dilation: int = 1,
    gain: float = 1.0,
    name: str = "conv_bn",
    role: str | None = None,
) -> Value:
    """Convolution, batch norm."""
    with net.scope(name, "ConvBn", role, x=x):
        x = net.op(
            "conv", x, filters=filters, kernel=kernel, stride=stride, padding=padding, groups=groups, dilation=dilation
        )
        return net.op("batch_norm", x, gain=gain, name="bn")


def conv_bn_relu(
    net: Net,
    x: Value,
    filters: int,
    kernel: Kernel = 3,
    stride: int = 1,
    *,
    padding: Kernel | None = None,
    groups: int = 1,
    dilation: int = 1,
    name: str = "conv_bn_relu",
    role: str | None = None,
) -> Value:
    """Convolution, batch norm, ReLU."""
    with net.scope(name, "ConvBnRelu", role, x=x):
        x = net.op(
            "conv", x, filters=filters, kernel=kernel, stride=stride, padding=padding, groups=groups, dilation=dilation
        )
        return net.op("relu", net.op("batch_norm", x, name="bn"))


def relu_conv_bn(
    net: Net,
    x: Value,
    filters: int,
    kernel: Kernel = 1,
    stride: int = 1,
    *,
    padding: Kernel | None = None,
    groups: int = 1,
    dilation: int = 1,
    name: str = "relu_conv_bn",
    role: str | None = None,
) -> Value:
    """ReLU, convolution, batch norm."""
    with net.scope(name, "ReluConvBn", role, x=x):
        x = net.op(
            "conv",
            net.op("relu", x),
            filters=filters,
            kernel=kernel,
            stride=stride,
            padding=padding,
            groups=groups,
            dilation=dilation,
        )
        return net.op("batch_norm", x, name="bn")


def dil_conv(
    net: Net,
    x: Value,
    filters: int,
    kernel: int = 3,
    stride: int = 1,
    *,
    name: str = "dil_conv",
    role: str | None = None,
) -> Value:
    """ReLU, full convolution of dilation 2, batch norm."""
    with net.scope(name, "DilConv", role, x=x):
        x = net.op("conv", net.op("relu", x), filters=filters, kernel=kernel, stride=stride, dilation=2)
        return net.op("batch_norm", x, name="bn")


def _separable(net: Net, x: Value, filters: int, kernel: int, stride: int, dilation: int, number: str) -> Value:
    x = net.op("relu", x, name="relu" + number)
    x = net.op(
        "conv",
        x,
        filters=x.channels,
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        groups=x.channels,
        name="depthwise" + number,
    )
    x = net.op("conv", x, filters=filters, kernel=1, name="pointwise" + number)
    return net.op("batch_norm", x, name="bn" + number)


def sep_conv(
    net: Net,
    x: Value,
    filters: int,
    kernel: int = 3,
    stride: int = 1,
    *,
    repeats: int = 2,
    name: str = "sep_conv",
    role: str | None = None,
) -> Value:
    """Separable convolution (ReLU, depthwise, pointwise, batch norm), applied ``repeats`` times; the first has the
    stride.
    """
    with net.scope(name, "SepConv", role, x=x):
        for i in range(repeats):
            x = _separable(net, x, filters, kernel, stride if i == 0 else 1, 1, str(i + 1))
        return x


def dil_sep_conv(
    net: Net,
    x: Value,
    filters: int,
    kernel: int = 3,
    stride: int = 1,
    *,
    name: str = "dil_sep_conv",
    role: str | None = None,
) -> Value:
    """ReLU, depthwise of dilation 2, pointwise, batch norm."""
    with net.scope(name, "DilSepConv", role, x=x):
        return _separable(net, x, filters, kernel, stride, 2, "")


def factorized_conv(
    net: Net,
    x: Value,
    filters: int,
    kernel: int = 7,
    stride: int = 1,
    *,
    norm_between: bool = False,
    name: str = "factorized_conv",
    role: str | None = None,
) -> Value:
    """ReLU, 1×k convolution, k×1 convolution, batch norm; ``norm_between`` adds batch norm and ReLU between the two."""
    with net.scope(name, "FactorizedConv", role, x=x):
        x = net.op("conv", net.op("relu", x), filters=filters, kernel=(1, kernel), stride=(1, stride), name="row")
        if norm_between:
            x = net.op("relu", net.op("batch_norm", x, name="bn_row"))
        x = net.op("conv", x, filters=filters, kernel=(kernel, 1), stride=(stride, 1), name="column")
        return net.op("batch_norm", x, name="bn")


def factorized_reduction(
    net: Net, x: Value, filters: int, *, name: str = "reduction", role: str | None = None
) -> Value:
    """Halve height and width (rounded up) without losing every second pixel; the output has ``filters`` channels."""
    with net.scope(name, "FactorizedReduction", role, x=x):
        x = net.op("relu", x)
        # On an odd size the shifted path would come out one pixel short.
        padding = (x.shape[1] % 2, x.shape[2] % 2)
        even = net.op("conv", x, filters=filters // 2, kernel=1, stride=2, name="even")
        odd = net.op(
            "conv", net.op("shift", x, padding=padding), filters=filters - filters // 2, kernel=1, stride=2, name="odd"
        )
        return net.op("batch_norm", net.op("concat", even, odd), name="bn")


def pool(
    net: Net,
    x: Value,
    kind: str,
    kernel: int = 3,
    stride: int = 1,
    *,
    filters: int | None = None,
    name: str | None = None,
    role: str | None = None,
) -> Value:
    """``max`` or ``avg`` pooling. A 1×1 convolution with batch norm follows if ``x`` does not have ``filters``
    channels.
    """
    if kind not in ("max", "avg"):
        raise UsageError(f"There is no pooling {kind!r}.", "Use 'max' or 'avg'.")
    name = name or f"{kind}_pool"
    if filters is None or filters == x.channels:
        return net.op(f"{kind}_pool", x, kernel=kernel, stride=stride, name=name)
    with net.scope(name, f"{kind.title()}PoolConv", role, x=x):
        x = net.op(f"{kind}_pool", x, kernel=kernel, stride=stride, name="pool")
        x = net.op("conv", x, filters=filters, kernel=1)
        return net.op("batch_norm", x, name="bn")


def fit(net: Net, x: Value, filters: int, stride: int = 1, *, name: str = "fit", role: str | None = None) -> Value:
    """Bring ``x`` to ``filters`` channels: by a factorized reduction for ``stride`` 2, else by ReLU, 1×1 convolution,
    batch norm. Returns ``x`` itself if nothing is to do.
    """
    if stride == 2:
        return factorized_reduction(net, x, filters, name=name, role=role)
    return x if x.channels == filters else relu_conv_bn(net, x, filters, 1, name=name, role=role)


def squeeze_excite(
    net: Net, x: Value, squeezed: int, *, name: str = "squeeze_excite", role: str | None = None
) -> Value:
    """Multiply each channel by a weight in (0, 1). A small net of ``squeezed`` units computes it from the channel
    means.
    """
    with net.scope(name, "SqueezeExcite", role, x=x):
        weights = net.op("spatial_mean", x, name="mean")
        weights = net.op("relu", net.op("conv", weights, filters=squeezed, kernel=1, bias=True, name="squeeze"))
        weights = net.op("sigmoid", net.op("conv", weights, filters=x.channels, kernel=1, bias=True, name="excite"))
        return net.op("mul", x, weights)


def _shortcut(net: Net, x: Value, filters: int, stride: int) -> Value:
    return x if x.channels == filters and stride == 1 else conv_bn(net, x, filters, 1, stride, name="shortcut")


def residual_block(
    net: Net,
    x: Value,
    filters: int,
    kernel: int = 3,
    stride: int = 1,
    *,
    squeezed: int = 0,
    gain: float = 1.0,
    name: str = "block",
    role: str | None = None,
) -> Value:
    """Two convolutions with a shortcut around them. ``squeezed`` > 0 adds squeeze-excite; ``gain`` is the initial
    weight of the last batch norm.
    """
    with net.scope(name, "ResidualBlock", role, x=x):
        y = conv_bn_relu(net, x, filters, kernel, stride, name="first")
        y = conv_bn(net, y, filters, kernel, gain=gain, name="second")
        if squeezed:
            y = squeeze_excite(net, y, squeezed)
        return net.op("relu", net.op("add", y, _shortcut(net, x, filters, stride)))


def bottleneck_block(
    net: Net,
    x: Value,
    filters: int,
    kernel: int = 3,
    stride: int = 1,
    *,
    ratio: int = 4,
    squeezed: int = 0,
    name: str = "block",
    role: str | None = None,
) -> Value:
    """1×1 down to ``filters / ratio``, k×k, 1×1 up, with a shortcut around them."""
    with net.scope(name, "BottleneckBlock", role, x=x):
        inner = max(1, filters // ratio)
        y = conv_bn_relu(net, x, inner, 1, name="down")
        y = conv_bn_relu(net, y, inner, kernel, stride, name="inner")
        y = conv_bn(net, y, filters, 1, name="up")
        if squeezed:
            y = squeeze_excite(net, y, squeezed)
        return net.op("relu", net.op("add", y, _shortcut(net, x, filters, stride)))


def inverted_bottleneck(
    net: Net,
    x: Value,
    filters: int,
    kernel: int = 3,
    stride: int = 1,
    *,
    expansion: int = 4,
    squeezed: int = 0,
    activation: str = "relu",
    name: str = "block",
    role: str | None = None,
) -> Value:
    """1×1 up to ``expansion`` times the channels, depthwise k×k, 1×1 to ``filters`` without activation. A shortcut is
    added where input and output have one shape.
    """
    with net.scope(name, "InvertedBottleneck", role, x=x):
        y = x
        if expansion != 1:
            y = net.op(
                "batch_norm",
                net.op("conv", y, filters=x.channels * expansion, kernel=1, name="expand"),
                name="bn_expand",
            )
            y = net.op(activation, y)
        y = net.op("conv", y, filters=y.channels, kernel=kernel, stride=stride, groups=y.channels, name="depthwise")
        y = net.op(activation, net.op("batch_norm", y, name="bn_depthwise"))
        if squeezed:
            y = squeeze_excite(net, y, squeezed)
        y = net.op("batch_norm", net.op("conv", y, filters=filters, kernel=1, name="project"), name="bn_project")
        return net.op("add", y, x) if y.shape == x.shape else y


def classifier(
    net: Net,
    x: Value,
    n_outputs: int,
    *,
    relu: bool = False,
    dropout: float = 0.0,
    name: str = "classifier",
    role: str | None = None,
) -> Value:
    """(ReLU,) global average pool, (dropout,) linear."""
    with net.scope(name, "Classifier", role, x=x):
        if relu:
            x = net.op("relu", x)
        x = net.op("global_pool", x, name="pool")
        if dropout:
            x = net.op("dropout", x, p=dropout)
        return net.op("linear", x, features=n_outputs)


def auxiliary_head(net: Net, x: Value, n_outputs: int, *, name: str = "auxiliary", role: str | None = None) -> Value:
    """The extra classifier that helps training. Declare it with ``net.output(value, "auxiliary")``. ``x`` must be at
    least 5×5 pixels.
    """
    with net.scope(name, "AuxiliaryHead", role, x=x):
        x = net.op("avg_pool", net.op("relu", x), kernel=5, stride=3, padding=0, name="pool")
        x = net.op(
            "relu", net.op("batch_norm", net.op("conv", x, filters=128, kernel=1, name="project"), name="bn_project")
        )
        x = net.op("conv", x, filters=768, kernel=(x.shape[1], x.shape[2]), padding=0, name="whole")
        x = net.op("relu", net.op("batch_norm", x, name="bn_whole"))
        return net.op("linear", net.op("flatten", x), features=n_outputs)
