"""The families of ``pictures`` that cut an image into patches.

* ``mixer``: blocks that mix patches and channels in turn, by convolutions (ConvMixer, Trockman and Kolter 2022, arXiv
  2201.09792) or by linear layers (MLP-Mixer, Tolstikhin et al. 2021, arXiv 2105.01601).
* ``attention``: a small vision transformer (Dosovitskiy et al. 2021, arXiv 2010.11929). A layer norm over all patches
  stands for its table of positions: its shift is one learnt value for each patch and channel.
"""

from __future__ import annotations

from archsmith.graphs.net import Net, Value
from archsmith.graphs.token_layers import transformer_block
from archsmith.spaces.picture_layers import Decided, Family, Question, active, pooled, reduced, rounded, stepped

MOST_SIDE = 32  # the work grows with the square of the number of patches


def _patches(net: Net, x: Value, patch: int, width: int) -> Value:
    """One value of ``width`` channels for each patch, as an image."""
    return stepped(net, reduced(net, x, MOST_SIDE), width, (patch, patch), (patch, patch), "patches")


def _tokens(net: Net, x: Value) -> Value:
    """The pixels of an image as tokens (L, C)."""
    channels, height, width = x.shape
    return net.op("permute", net.op("reshape", x, shape=(channels, height * width)), order=(1, 0))


def _mixer(net: Net, x: Value, decided: Decided, scale: float) -> Value:
    x = _patches(net, x, decided["patch"], rounded(decided["width"] * scale))
    return (_conv_mixer if decided["mixing"] == "conv" else _mlp_mixer)(net, x, decided)


def _conv_mixer(net: Net, x: Value, decided: Decided) -> Value:
    x = active(net, x, "gelu")
    for i in range(decided["depth"]):
        with net.scope(f"block{i}", "MixerBlock", x=x):
            y = net.op("conv", x, filters=x.channels, kernel=decided["kernel"], groups=x.channels, name="depthwise")
            x = net.op("add", x, active(net, y, "gelu"))
            x = active(net, net.op("conv", x, filters=x.channels, kernel=1, name="pointwise"), "gelu")
    return pooled(net, x, decided["head"])


def _mlp_mixer(net: Net, x: Value, decided: Decided) -> Value:
    x = _tokens(net, x)
    length, width = x.shape
    for i in range(decided["depth"]):
        with net.scope(f"block{i}", "MixerBlock", x=x):
            y = net.op("permute", net.op("layer_norm", x, name="norm_patches"), order=(1, 0))
            y = net.op("gelu", net.op("linear", y, features=max(8, length // 2), name="patches_in"))
            y = net.op("linear", y, features=length, name="patches_out")
            x = net.op("add", x, net.op("permute", y, order=(1, 0)))
            y = net.op("linear", net.op("layer_norm", x, name="norm_units"), features=2 * width, name="expand")
            x = net.op("add", x, net.op("linear", net.op("gelu", y), features=width, name="project"))
    return _read(net, x, decided["head"])


def _attention(net: Net, x: Value, decided: Decided, scale: float) -> Value:
    heads = decided["heads"]
    x = _tokens(net, _patches(net, x, decided["patch"], rounded(decided["width"] * scale, 2 * heads)))
    x = net.op("layer_norm", x, axes=2, name="positions")
    for i in range(decided["depth"]):
        x = transformer_block(net, x, heads, decided["expansion"], name=f"block{i}")
    return _read(net, x, decided["head"])


def _read(net: Net, x: Value, head: str) -> Value:
    x = net.op("layer_norm", x, name="norm_last")
    return net.op("token_mean", x) if head == "mean" else net.op("flatten", x)


TOKENS: dict[str, Family] = {
    "mixer": Family(
        (
            Question("mixing", ("conv", "mlp")),
            Question("patch", (4, 2, 8), least=8),
            Question("width", (128, 64, 96, 192), least=64),
            Question("depth", (3, 2, 4, 6), least=2),
            Question("kernel", (5, 3, 7), given=("mixing", "conv"), least=3),
            Question("head", ("flat", "mean")),
        ),
        _mixer,
    ),
    "attention": Family(
        (
            Question("patch", (4, 8, 2), least=8),
            Question("width", (64, 32, 96), least=32),
            Question("depth", (2, 1, 3), least=1),
            Question("heads", (4, 2)),
            Question("expansion", (2, 4)),
            Question("head", ("flat", "mean")),
        ),
        _attention,
    ),
}
