"""What the families of ``pictures`` are made of: questions, and pieces that suit an image of any size.

A family asks a few questions and lays out everything between the image and the vector that the last layer reads. Its
options are the same for every image. What does not fit an image is rounded here: a big image is made smaller first, an
image that is small already is not halved again, and strides that leave a rest pad the image.

No network is too expensive. Options that would take a network over a multiple of the work of the hand-made network of
``conv_stages`` are not offered. Work is counted as there, on a nominal 32×32 image, so that the questions are the same
at every scale and shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

from archsmith.core.architecture import Scalar
from archsmith.core.space import Choose
from archsmith.graphs.cost import cost
from archsmith.graphs.net import Net, Value
from archsmith.spaces.conv_stages import ELEMENT_WORK, NOMINAL_SIDE, first_work

Decided = Mapping[str, Any]  # the answers of one family, by the name of the question
MOST_SIDE = 40  # of an image that a family works on, in pixels; for images that are not square the mean side
FEWEST_PIXELS = 4  # an image that would come out smaller is not halved
MOST_FLAT = 8192  # values of an image that is read value by value


class Question(NamedTuple):
    """One decision of a family.

    ``name``: the last part of its path.
    ``options``: the compact one first.
    ``given``: another question of the family and the answer with which this one is asked; None: always.
    ``least``: the option that makes the least work; None: the first one.
    """

    name: str
    options: tuple[Scalar, ...]
    given: tuple[str, Scalar] | None = None
    least: Scalar | None = None


class Family(NamedTuple):
    """A kind of network.

    ``questions``: in the order in which they are asked.
    ``lay``: lays out the network: (net, image, answers, relative width) to a vector.
    ``most``: the most work, in multiples of that of the hand-made network.
    ``recipe``: how SGD trains it where the space asks for a recipe: its fields, each with its value. What a person sets
        goes before.
    """

    questions: tuple[Question, ...]
    lay: Callable[[Net, Value, Decided, float], Value]
    most: float = 4.0
    recipe: tuple[tuple[str, Scalar], ...] = ()

    def ask(self, choose: Choose, name: str) -> dict[str, Scalar]:
        """The answers to all questions, under paths that begin with ``name``."""
        decided: dict[str, Scalar] = {}
        for question in self.questions:
            if _asked(question, decided):
                options = _affordable(self, tuple(decided.items()), question)
                decided[question.name] = choose(f"{name}/{question.name}", options)
        return decided


def _asked(question: Question, decided: Decided) -> bool:
    return question.given is None or decided.get(question.given[0]) == question.given[1]


@lru_cache(maxsize=10_000)
def _affordable(family: Family, answers: tuple[tuple[str, Scalar], ...], question: Question) -> tuple[Scalar, ...]:
    """The options with which the cheapest rest of the network still fits."""
    most = family.most * first_work()
    return tuple([option for option in question.options if _least_work(family, answers, question, option) <= most])


def _least_work(family: Family, answers: tuple[tuple[str, Scalar], ...], question: Question, option: Scalar) -> float:
    decided = {**dict(answers), question.name: option}
    for other in family.questions:
        if other.name not in decided and _asked(other, decided):
            decided[other.name] = other.options[0] if other.least is None else other.least
    return _work(family, tuple(decided.items()))


@lru_cache(maxsize=10_000)
def _work(family: Family, answers: tuple[tuple[str, Scalar], ...]) -> float:
    """Multiply-adds plus ELEMENT_WORK times the values written by a network on the nominal image."""
    net = Net({"image": (3, NOMINAL_SIDE, NOMINAL_SIDE)})
    net.output(family.lay(net, net.input("image"), dict(answers), 1.0))
    graph = net.graph()
    written = sum(prod(node.shape) for node in graph.nodes if node.inputs and not graph.facts(node).view)
    return float(cost(graph).macs + ELEMENT_WORK * written)


def rounded(filters: float, to: int = 4) -> int:
    """The nearest multiple of ``to``, at least ``to``: vector units like even widths."""
    return max(to, to * round(filters / to))


def reduced(net: Net, x: Value, most: int = MOST_SIDE) -> Value:
    """``x`` averaged over squares of pixels until its mean side is at most ``most``. A side that is a quarter of the
    other one or less is kept.
    """
    down = right = 1
    height, width = x.shape[1:]
    while height * width > most**2:
        tall, wide = 4 * height > width, 4 * width > height
        down, right = down * (2 if tall else 1), right * (2 if wide else 1)
        height, width = x.shape[1] // down, x.shape[2] // right
    if down == right == 1:
        return x
    return net.op("avg_pool", x, kernel=(down, right), stride=(down, right), padding=0, name="reduced")


def halved(net: Net, x: Value, fewest: int = FEWEST_PIXELS) -> Value:
    """``x`` at half its size (rounded up) by a max pool, unless fewer than ``fewest`` pixels would be left."""
    if not halves(x, fewest):
        return x
    if x.shape[1] % 2 or x.shape[2] % 2:
        return net.op("max_pool", x, kernel=3, stride=2, name="pool")
    return net.op("max_pool", x, kernel=2, stride=2, padding=0, name="pool")


def halves(x: Value, fewest: int = FEWEST_PIXELS) -> bool:
    """Whether an image may be halved: ``fewest`` pixels or more are left."""
    height, width = x.shape[1:]
    return min(height, width) > 1 and -(-height // 2) * -(-width // 2) >= fewest


def pooled(net: Net, x: Value, how: str) -> Value:
    """One vector of an image: ``mean`` or ``max`` of all pixels, or ``flat``, every pixel by itself."""
    if how == "mean":
        return net.op("global_pool", x)
    if how == "max":
        return net.op("global_max", x)
    pixels = x.shape[1] * x.shape[2]
    if x.channels * pixels > MOST_FLAT:
        x = net.op("conv", x, filters=max(1, MOST_FLAT // pixels), kernel=1, name="narrowed")
    return net.op("flatten", x)


def stepped(net: Net, x: Value, filters: int, kernel: tuple[int, int], stride: tuple[int, int], name: str) -> Value:
    """A convolution that covers the whole image with windows: a stride that leaves a rest pads the image on both
    sides. A window that is larger than the image is as large as the image.
    """
    kernel = (min(kernel[0], x.shape[1]), min(kernel[1], x.shape[2]))
    stride = (min(stride[0], kernel[0]), min(stride[1], kernel[1]))
    rests = (-(n - k) % s for n, k, s in zip(x.shape[1:], kernel, stride, strict=True))
    padding = tuple(-(-rest // 2) for rest in rests)
    return net.op("conv", x, filters=filters, kernel=kernel, stride=stride, padding=padding, name=name)


def active(net: Net, x: Value, activation: str = "relu", gain: float = 1.0) -> Value:
    """Batch norm, activation."""
    return net.op(activation, net.op("batch_norm", x, gain=gain, name="bn"))


def hidden(
    net: Net, x: Value, features: int, *, norm: bool = True, activation: str = "relu", dropout: float = 0.0, name: str
) -> Value:
    """Linear, (batch norm,) activation(, dropout) of a vector. ``features`` 0 gives ``x`` itself."""
    if not features:
        return x
    with net.scope(name, "Layer", x=x):
        x = net.op("linear", x, features=features, bias=not norm)
        x = active(net, x, activation) if norm else net.op(activation, x)
        return net.op("dropout", x, p=dropout) if dropout else x
