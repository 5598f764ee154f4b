"""EfficientNet-Lite0, a published network for photographs, as a space of one point. Nothing about it is searched: it is
here because weights that were trained on ImageNet can be had for it.

EfficientNet: Tan and Le 2019, arXiv 1905.11946. Lite0 is its smallest form without squeeze-excite and with ReLU6
(Google 2020, ``tensorflow/tpu``, ``efficientnet_lite_builder.py``): a stem of 32 filters, 16 inverted bottlenecks in
seven stages, a head of 1280 filters, 4,652,008 parameters with 1000 classes. Padding, epsilon and momentum of batch
norm are those of TensorFlow, where the published weights come from.

The network takes pictures as a job normalises them, grey or coloured, and turns them into what the weights were trained
on: three channels, at a size that five halvings divide, with values ``(byte - 127) / 128``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from archsmith.core.errors import UsageError
from archsmith.core.fields import checked
from archsmith.core.space import Choose
from archsmith.graphs.layers import classifier
from archsmith.graphs.net import Net, Value
from archsmith.graphs.network_space import ImageSpace

STEM, HEAD = 32, 1280  # filters
# Of each stage: blocks, kernel, stride of the first block, expansion, filters.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
MEAN, STD = 127 / 255, 128 / 255  # of the normalisation that the weights were trained with, on the scale 0..1
STEP = 32  # both sides are multiples of it: five halvings
NORM = {"eps": 1e-3, "momentum": 0.01}


@checked
@dataclass(frozen=True)
class EfficientNetLite(ImageSpace):
    """EfficientNet-Lite0. It asks no questions, unless ``recipe`` asks some.

    ``input_shape``, ``n_outputs``, ``recipe``: see ``ImageSpace``.
    ``inner``: ``(H, W)`` that pictures are brought to inside, multiples of 32; empty: they have that size already.
    ``folded``: is every batch norm part of the convolution in front of it, which gets a bias? The same function with
        fixed statistics, in about half of the time.
    ``mean``, ``std``: what each channel of the pictures was normalised with, on the scale 0..1; empty: as the weights
        were trained.
    """

    input_shape: tuple[int, int, int] = (3, 224, 224)
    n_outputs: int = 1000
    inner: tuple[int, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    folded: bool = False

    cell_kinds: ClassVar[tuple[str, ...]] = ("InvertedBottleneck",)

    def __post_init__(self) -> None:
        super().__post_init__()
        size = self.inner or self.input_shape[1:]
        if len(size) != 2 or any(side < STEP or side % STEP for side in size):
            raise UsageError(
                f"EfficientNet-Lite0 cannot compute with pictures of {size}.", f"Give multiples of {STEP}."
            )

    def build(self, choose: Choose, net: Net) -> None:
        net.output(classifier(net, self.map(net), self.n_outputs))

    def map(self, net: Net) -> Value:
        """The last map in front of the classifier, ``(1280, H / 32, W / 32)``."""
        x = self._entered(net)
        with net.scope("stem", "Stem", x=x):
            x = self._conv(net, _padded(net, x, 3, 2), "conv", "bn", filters=STEM, stride=2, padding=0)
            x = net.op("relu6", x)
        number = 0
        for blocks, kernel, stride, expansion, filters in STAGES:
            for i in range(blocks):
                x = self._block(net, x, filters, kernel, stride if i == 0 else 1, expansion, f"block{number}")
                number += 1
        with net.scope("head", "Head", x=x):
            return net.op("relu6", self._conv(net, x, "conv", "bn", filters=HEAD, kernel=1))

    def _entered(self, net: Net) -> Value:
        """Pictures as the weights know them."""
        x = net.input("image")
        with net.scope("entry", "Entry", x=x):
            if self.mean:
                factors, offsets = conversion(self.mean, self.std)
                x = net.op("affine", x, factors=factors, offsets=offsets)
            if self.inner and self.inner != x.shape[1:]:
                x = net.op("resize", x, size=self.inner)
            return net.op("concat", x, x, x, name="colours") if x.channels == 1 else x

    def _block(self, net: Net, x: Value, filters: int, kernel: int, stride: int, expansion: int, name: str) -> Value:
        """1×1 up, depthwise, 1×1 down, and a shortcut where input and output have one shape."""
        with net.scope(name, "InvertedBottleneck", x=x):
            y = x
            if expansion != 1:
                y = self._conv(net, y, "expand", "bn_expand", filters=x.channels * expansion, kernel=1)
                y = net.op("relu6", y)
            y = _padded(net, y, kernel, stride)
            window = {"kernel": kernel, "stride": stride, "padding": 0 if stride > 1 else None}
            y = self._conv(net, y, "depthwise", "bn_depthwise", filters=y.channels, groups=y.channels, **window)
            y = self._conv(net, net.op("relu6", y), "project", "bn_project", filters=filters, kernel=1)
            return net.op("add", y, x) if y.shape == x.shape else y

    def _conv(self, net: Net, x: Value, name: str, norm: str, **args: Any) -> Value:
        """A convolution and its batch norm."""
        x = net.op("conv", x, name=name, bias=self.folded, **args)
        return x if self.folded else net.op("batch_norm", x, name=norm, **NORM)


def conversion(mean: Sequence[float], std: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Factor and offset of each channel, from values normalised by ``mean`` and ``std`` to ``(byte - 127) / 128``."""
    return tuple(s / STD for s in std), tuple((m - MEAN) / STD for m in mean)


def _padded(net: Net, x: Value, kernel: int, stride: int) -> Value:
    """``x`` padded as TensorFlow pads for a stride of 2 on an even size: one more at the bottom and right."""
    if stride == 1:
        return x
    before, after = (kernel - 2) // 2, (kernel - 1) // 2
    return net.op("pad", x, sides=(before, after, before, after))
