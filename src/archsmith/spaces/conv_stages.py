"""Plain convolutional networks in two to four stages: the default space, since cell spaces are too slow for a CPU.

Ours, from well-known parts: residual blocks (He et al. 2016, arXiv 1512.03385), inverted bottlenecks (Sandler et al.
2018, arXiv 1801.04381), squeeze-excite (Hu et al. 2018, arXiv 1709.01507), and plain convolutions. The first option of
every decision gives the plain residual 3×3 network that a person would write by hand. It has 16 filters, then stages of
32, 64 and 128 with stride 2 and one block each.

No sample is too expensive. Options that would take the network over ``max_work`` times the work of the first one are
not offered. Work is counted on a nominal 32×32 image at 16 filters. So the questions are the same at every scale and
shape. Down-sampling does depend on the shape: a big image is halved in the stem until it is about 32 pixels wide, and
no stage goes below 4×4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import UsageError
from archsmith.core.fields import checked
from archsmith.core.space import Choose
from archsmith.graphs.layers import classifier, conv_bn_relu, inverted_bottleneck, residual_block, squeeze_excite
from archsmith.graphs.net import Net, Value
from archsmith.graphs.network_space import ImageSpace

STAGES = (3, 2, 4)
STEM_WIDTHS = (1.0, 0.5, 2.0)
DOWNSAMPLES = ("stride", "pool", "none")
BLOCKS = ("residual", "plain", "inverted")
KERNELS = (3, 5)
EXPANSIONS = (4, 2, 6)
SQUEEZES = (False, True)
WIDTHS = (1.0, 0.5, 0.75, 1.5, 2.0)
DEPTHS = (1, 2, 3, 4)
# Samples lean to early down-sampling and against squeeze-excite: both leave work for where it brings more accuracy.
WEIGHTS = {"downsample": {"stride": 4.0, "pool": 1.0, "none": 1.0}, "squeeze": {False: 3.0, True: 1.0}}

NOMINAL_SIDE = 32
NOMINAL_FILTERS = 16
MIN_PIXELS = 16  # a stage that would end with fewer keeps its size
# One value written takes about as long as 60 multiply-adds. Fitted on 30 samples to within 16 %: forward and backward,
# float32, channels last.
ELEMENT_WORK = 60.0


class Stage(NamedTuple):
    """One chosen stage.

    ``downsample``: how the image is halved, ``stride``, ``pool`` or ``none``.
    ``block``: the kind of its blocks.
    ``kernel``: side of the convolutions, in pixels.
    ``expansion``: of inverted bottlenecks, in multiples of the input's width.
    ``squeeze``: whether squeeze-excite follows.
    ``width``: relative to the usual width of its position, ``filters`` · 2^(position + 1).
    ``depth``: number of blocks.
    """

    downsample: str
    block: str
    kernel: int
    expansion: int
    squeeze: bool
    width: float
    depth: int


CHEAPEST = Stage("stride", "plain", 3, 2, False, 0.5, 1)


@checked
@dataclass(frozen=True)
class ConvStagesScale:
    """The width of the network.

    ``filters``: of the stem, 4 or more; stages have 2, 4, 8, … times as many.
    ``dropout``: before the classifier, 0 to below 1.
    """

    filters: int = NOMINAL_FILTERS
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.filters < 4 or not 0 <= self.dropout < 1:
            raise UsageError(
                f"filters is {self.filters} and dropout {self.dropout}.",
                "Give at least 4 filters, and a dropout from 0 to below 1.",
            )


@checked
@dataclass(frozen=True)
class ConvStages(ImageSpace):
    """Stages of equal blocks.

    Decisions: ``stages``, ``stem/width``, and for each stage ``downsample``, ``block``, ``kernel``, ``expansion``
    (inverted bottlenecks only), ``squeeze``, ``width`` and ``depth``.

    ``max_work``: the most work of a network, in multiples of the first architecture's, 1 or more; 2 keeps training
        times comparable.
    ``scale``: the width of the network.
    """

    max_work: float = 2.0
    scale: ConvStagesScale = field(default_factory=ConvStagesScale)

    cell_kinds: ClassVar[tuple[str, ...]] = ("Stage",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.max_work >= 1:
            raise UsageError(
                f"max_work is {self.max_work}.", "Give 1 (as much work as the first architecture) or more."
            )

    def first(self) -> Architecture:
        """The plain residual 3×3 network."""
        return self.trace(lambda path, options, weights: options[0]).architecture  # type: ignore[index]

    def layout(self, choose: Choose) -> None:
        self._plan(choose)

    def _plan(self, choose: Choose) -> tuple[float, list[Stage]]:
        """Ask all questions: the stem's relative width and the stages."""
        left = self.max_work * first_work()
        side = NOMINAL_SIDE

        def fitting(options: Sequence[Scalar], work: Callable[[Scalar], float]) -> tuple[Scalar, ...]:
            return tuple([option for option in options if work(option) <= left])

        def of_stages(n: Any) -> float:
            return _stem_work(0.5) + _least_work(0, n, 0.5 * NOMINAL_FILTERS, side)

        n_stages: int = choose("stages", fitting(STAGES, of_stages))  # type: ignore[assignment]

        def of_stem(width: Any) -> float:
            return _stem_work(width) + _least_work(0, n_stages, width * NOMINAL_FILTERS, side)

        stem: float = choose("stem/width", fitting(STEM_WIDTHS, of_stem))  # type: ignore[assignment]
        left -= _stem_work(stem)
        width = stem * NOMINAL_FILTERS
        stages = []
        for i in range(n_stages):
            stage = self._choose_stage(choose, i, n_stages, width, side, left)
            left -= stage_work(stage, i, width, side)
            width, side = _nominal_width(stage.width, i), _side_after(stage.downsample, side)
            stages.append(stage)
        return stem, stages

    def _choose_stage(self, choose: Choose, i: int, n_stages: int, width: float, side: int, left: float) -> Stage:
        stage = CHEAPEST
        for name, options in _QUESTIONS:
            if name == "expansion" and stage.block != "inverted":
                continue
            # An option is offered if the cheapest rest of this stage and of those behind it still fits.
            fitting = []
            for option in options:
                candidate = stage._replace(**{name: option})  # type: ignore[arg-type]
                rest = _least_work(
                    i + 1, n_stages, _nominal_width(candidate.width, i), _side_after(candidate.downsample, side)
                )
                if stage_work(candidate, i, width, side) + rest <= left + 1e-6:
                    fitting.append(option)
            weights = WEIGHTS.get(name)
            answer = choose(f"stage{i}/{name}", fitting, [weights[option] for option in fitting] if weights else None)  # type: ignore[index]
            stage = stage._replace(**{name: answer})  # type: ignore[arg-type]
        return stage

    def build(self, choose: Choose, net: Net) -> None:
        stem, stages = self._plan(choose)
        x = self._stem(net, stem)
        for i, stage in enumerate(stages):
            x = self._stage(net, f"stage{i}", stage, x, _rounded(self.scale.filters * 2 ** (i + 1) * stage.width))
        net.output(classifier(net, x, self.n_outputs, dropout=self.scale.dropout))

    def _stem(self, net: Net, width: float) -> Value:
        x = net.input("image")
        halvings = _halvings(x.shape[1] * x.shape[2])
        with net.scope("stem", "Stem", x=x):
            x = conv_bn_relu(net, x, _rounded(self.scale.filters * width), 3, 2 if halvings else 1, name="conv")
            for _ in range(halvings - 1):
                x = net.op("max_pool", x, kernel=3, stride=2, name="pool")
        return x

    def _stage(self, net: Net, name: str, stage: Stage, x: Value, filters: int) -> Value:
        strided = stage.downsample != "none" and -(-x.shape[1] // 2) * -(-x.shape[2] // 2) >= MIN_PIXELS
        with net.scope(name, "Stage", x=x):
            stride = 2 if strided and stage.downsample == "stride" else 1
            if strided and stage.downsample == "pool":
                x = net.op("max_pool", x, kernel=3, stride=2, name="pool")
            for j in range(stage.depth):
                x = _block(net, f"block{j}", stage, x, filters, stride if j == 0 else 1)
        return x


def _block(net: Net, name: str, stage: Stage, x: Value, filters: int, stride: int) -> Value:
    role = f"{name}.{stage.block}"
    if stage.block == "residual":
        return residual_block(
            net,
            x,
            filters,
            stage.kernel,
            stride,
            squeezed=max(4, filters // 4) if stage.squeeze else 0,
            name=name,
            role=role,
        )
    if stage.block == "inverted":
        squeezed = max(4, x.channels // 4) if stage.squeeze else 0
        return inverted_bottleneck(
            net, x, filters, stage.kernel, stride, expansion=stage.expansion, squeezed=squeezed, name=name, role=role
        )
    with net.scope(name, "PlainBlock", role, x=x):
        x = conv_bn_relu(net, x, filters, stage.kernel, stride, name="conv")
        return squeeze_excite(net, x, max(4, filters // 4)) if stage.squeeze else x


def _rounded(filters: float) -> int:
    """The nearest multiple of 4, which vector units like; at least 4."""
    return max(4, 4 * round(filters / 4))


def _halvings(n_pixels: int) -> int:
    """How often the stem halves an image so that its side is at most 40 pixels."""
    n, side = 0, n_pixels**0.5
    while side > 40:
        n, side = n + 1, side / 2
    return n


# Work of a network on the nominal image


_QUESTIONS: tuple[tuple[str, tuple[Scalar, ...]], ...] = (
    ("downsample", DOWNSAMPLES),
    ("block", BLOCKS),
    ("kernel", KERNELS),
    ("expansion", EXPANSIONS),
    ("squeeze", SQUEEZES),
    ("width", WIDTHS),
    ("depth", DEPTHS),
)


def _nominal_width(width: float, position: int) -> float:
    return float(width * NOMINAL_FILTERS * 2 ** (position + 1))


def _side_after(downsample: str, side: int) -> int:
    return side // 2 if downsample != "none" and (side // 2) ** 2 >= MIN_PIXELS else side


def _stem_work(width: float) -> float:
    filters = NOMINAL_FILTERS * width
    return float(NOMINAL_SIDE**2 * filters * (27 + 3 * ELEMENT_WORK))


@lru_cache(maxsize=100_000)
def stage_work(stage: Stage, position: int, width_in: float, side_in: int) -> float:
    """Multiply-adds plus ELEMENT_WORK times the values written by one stage on the nominal image."""
    side = _side_after(stage.downsample, side_in)
    width = _nominal_width(stage.width, position)
    work = side**2 * width_in * ELEMENT_WORK if stage.downsample == "pool" and side < side_in else 0.0
    entering = side if stage.downsample == "pool" else side_in
    first = _block_work(stage, width_in, width, entering, side)
    return float(work + first + (stage.depth - 1) * _block_work(stage, width, width, side, side))


def _block_work(stage: Stage, width_in: float, width: float, side_in: int, side: int) -> float:
    pixels = side**2
    if stage.block == "inverted":
        inner = width_in * stage.expansion
        macs = side_in**2 * width_in * inner + pixels * inner * (stage.kernel**2 + width)
        written = 3 * inner * (side_in**2 + pixels) + 3 * width * pixels + (2 * inner * pixels if stage.squeeze else 0)
        return macs + ELEMENT_WORK * written
    taps = stage.kernel**2
    written = (3 + (2 if stage.squeeze else 0)) * width * pixels
    macs = pixels * width_in * width * taps
    if stage.block == "residual":
        shortcut = width_in != width or side_in != side
        macs += pixels * width * (width * taps + (width_in if shortcut else 0))
        written += (4 + (2 if shortcut else 0)) * width * pixels
    return float(macs + ELEMENT_WORK * written)


@lru_cache(maxsize=100_000)
def _least_work(position: int, n_stages: int, width_in: float, side: int) -> float:
    """The least work that stages from ``position`` on can do."""
    if position >= n_stages:
        return 0.0
    rest = _least_work(
        position + 1, n_stages, _nominal_width(CHEAPEST.width, position), _side_after(CHEAPEST.downsample, side)
    )
    return stage_work(CHEAPEST, position, width_in, side) + rest


@lru_cache(maxsize=1)
def first_work() -> float:
    """The work of the hand-made network."""
    work, width, side = _stem_work(1.0), float(NOMINAL_FILTERS), NOMINAL_SIDE
    for i in range(STAGES[0]):
        stage = Stage("stride", "residual", 3, 4, False, 1.0, 1)
        work += stage_work(stage, i, width, side)
        width, side = _nominal_width(1.0, i), _side_after("stride", side)
    return work
