"""Spaces that are wrong on purpose, each caught by the law that it breaks."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.space import Choose, Space
from archsmith.graphs.layers import classifier, conv_bn_relu
from archsmith.graphs.net import Net
from archsmith.graphs.network_space import ImageSpace
from archsmith.testing.laws import check_space
from archsmith.testing.toys import Conditional, Flat, Mixed, Recursive

_calls = itertools.count()


@dataclass(frozen=True)
class Moody(Flat):
    """Asks another last question each time."""

    def decide(self, choose: Choose) -> None:
        super().decide(choose)
        choose(f"mood{next(_calls)}", (0, 1))


@dataclass(frozen=True)
class OwnDice(Flat):
    """Samples without the generator that it is given."""

    n_decisions: int = 8
    n_options: int = 10  # two draws agree by chance once in 10^8

    def sample(self, rng: np.random.Generator) -> Architecture:
        return super().sample(np.random.default_rng())


@dataclass(frozen=True)
class Idle(Flat):
    """Mutates into the same."""

    def mutate(self, architecture: Architecture, rng: np.random.Generator, n_changes: int = 1) -> Architecture:
        return architecture


@dataclass(frozen=True)
class SelfNeighbour(Flat):
    """Is its own neighbour."""

    def neighbours(self, architecture: Architecture, rng: np.random.Generator | None = None) -> Iterator[Architecture]:
        yield architecture


@dataclass(frozen=True)
class Forgetful(Flat):
    """Leaves half of its points out of its enumeration, and of its size."""

    def enumerate(self) -> Iterator[Architecture]:
        points = list(super().enumerate())
        yield from points[: len(points) // 2]

    def count(self, limit: int | None = None, on_progress: Callable[[int], object] | None = None) -> int:
        return self.known_size()

    def known_size(self) -> int:
        return super().known_size() // 2


@dataclass(frozen=True)
class Twice(Flat):
    """Enumerates every point twice."""

    def enumerate(self) -> Iterator[Architecture]:
        for point in super().enumerate():
            yield from (point, point)


@dataclass(frozen=True)
class WrongFormula(Flat):
    """Knows a size that it does not have."""

    def known_size(self) -> int:
        return self.n_decisions * self.n_options


@dataclass(frozen=True)
class WrongFormulaOfMany(WrongFormula):
    """Has more points than the laws count."""

    n_decisions: int = 8


@dataclass(frozen=True)
class WrongFirst(Flat):
    """Names a first architecture that it does not have."""

    def first(self) -> Architecture:
        return Architecture({"x0": 0})


@dataclass(frozen=True)
class Credulous(Flat):
    """Takes anything for valid."""

    def __contains__(self, architecture: object) -> bool:
        return True


@dataclass(frozen=True)
class Fickle(Flat):
    """Has a new identity for the same architecture each time."""

    def identity(self, architecture: Architecture) -> str:
        return str(next(_calls))


@dataclass(frozen=True)
class Shrinking(Space):
    """Asks for one kernel at two places, of which the second allows less."""

    def decide(self, choose: Choose) -> None:
        choose("kernel", (3, 5))
        choose("kernel", (3,))


@dataclass(frozen=True)
class Turning(Space):
    """Asks in each turn of a loop whether there is another one, under one path."""

    def decide(self, choose: Choose) -> None:
        while choose("more", (True, False)):
            pass


@dataclass(frozen=True)
class Bottomless(Space):
    """Goes deeper for ever."""

    def decide(self, choose: Choose, depth: int = 0) -> None:
        choose(f"level{depth}", (1, 2))
        self.decide(choose, depth + 1)


@dataclass(frozen=True)
class Failing(Space):
    """Fails for one of its answers."""

    def decide(self, choose: Choose) -> None:
        if choose("operation", ("conv", "pool")) == "pool":
            raise KeyError("pool")


@dataclass(frozen=True)
class Nested(Space):
    """Asks about an inner part under the path of the outer one."""

    def decide(self, choose: Choose) -> None:
        self.part(choose, "root", 2)

    def part(self, choose: Choose, path: str, depth: int) -> None:
        if choose(f"{path}/kind", ("leaf", "pair")) == "pair" and depth:
            self.part(choose, path, depth - 1)


@dataclass(frozen=True)
class FragileMutation(Flat):
    """Cannot change three answers at once."""

    def mutate(self, architecture: Architecture, rng: np.random.Generator, n_changes: int = 1) -> Architecture:
        if n_changes > 1:
            raise NotImplementedError("one at a time")
        return super().mutate(architecture, rng)


@dataclass(frozen=True)
class GlobalDice(Flat):
    """Draws from a global generator for nothing."""

    def decide(self, choose: Choose) -> None:
        random.random()
        super().decide(choose)


@dataclass(frozen=True)
class Twins(Space):
    """Offers one option twice."""

    def decide(self, choose: Choose) -> None:
        choose("kernel", (3, 5, 3))


@dataclass(frozen=True)
class FewWeights(Space):
    """Has two weights for three options."""

    def decide(self, choose: Choose) -> None:
        choose("kernel", (3, 5, 7), weights=(1, 1))


@dataclass(frozen=True)
class NegativeWeight(Space):
    """Wants one option less often than never."""

    def decide(self, choose: Choose) -> None:
        choose("kernel", (3, 5), weights=(2, -1))


WRONG: dict[type[Space], str] = {
    Twins: "questions",
    FewWeights: "questions",
    NegativeWeight: "questions",
    Shrinking: "questions",
    Turning: "questions",
    Bottomless: "questions",
    Failing: "questions",
    Nested: "own paths",
    FragileMutation: "mutation",
    GlobalDice: "generators only",
    Moody: "sample",
    OwnDice: "generators only",
    Idle: "mutation",
    SelfNeighbour: "neighbours",
    Forgetful: "enumeration",
    Twice: "size",
    WrongFormula: "size",
    WrongFormulaOfMany: "size",
    WrongFirst: "first",
    Credulous: "validation",
    Fickle: "identity",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda cls: cls.__name__)
def test_a_wrong_space_is_caught_by_the_law_that_it_breaks(wrong: type[Space]) -> None:
    with pytest.raises(AssertionError, match=f"^{WRONG[wrong]}: "):
        check_space(wrong())


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (Shrinking, r"'kernel' is asked a second time with other options: 3, and before one of 3, 5\."),
        (Turning, r"Turning\.decide never ends: it asks 'more' again and again, and one path has one answer\."),
        (Bottomless, r"Bottomless\.decide never ends: .* Its last question was 'level\d+'\. Bound its recursion"),
        (Failing, r"Failing\.decide raised KeyError: 'pool'\. Its last question was 'operation'\.$"),
        (FragileMutation, r"FragileMutation\.mutate \(line \d+ of .*\) raised NotImplementedError: one at a time"),
    ],
)
def test_an_error_is_a_sentence(wrong: type[Space], sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence) as caught:
        check_space(wrong())
    chain: BaseException | None = caught.value
    while chain is not None:  # what a person would be shown
        assert not isinstance(chain, RecursionError)
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)


class Plain(Flat):
    """Has an ``__init__`` of its own."""

    def __init__(self, n: int) -> None:
        object.__setattr__(self, "n_decisions", n)


class Heir(Flat):
    """Adds no field."""


def test_a_plain_class_is_told_to_be_a_dataclass() -> None:
    with pytest.raises(AssertionError, match=r"^configuration: Plain is not a dataclass\. Write @dataclass"):
        check_space(Plain(3))
    check_space(Heir())


@dataclass(frozen=True)
class Settled(Space):
    """Never draws one of two options, so that no mutation can change the other one."""

    def decide(self, choose: Choose) -> None:
        choose("kernel", (3, 5), weights=(1, 0))


@pytest.mark.parametrize(
    "space",
    [Flat(), Flat(1, 1), Flat(6, 10), Conditional(), Recursive(), Recursive(3, max_nodes=4), Mixed(), Settled()],
    ids=str,
)
def test_spaces_without_a_mistake_pass(space: Space) -> None:
    check_space(space)


def test_another_scale_must_ask_the_same() -> None:
    check_space(Flat(3), scales=[Flat(3)])
    with pytest.raises(AssertionError, match=r"^scale: "):
        check_space(Flat(3), scales=[Flat(4)])
    with pytest.raises(AssertionError, match=r"^scale: .* different questions"):
        check_space(Flat(3, 3), scales=[Flat(3, 4)])


@dataclass(frozen=True)
class LargeOnly(ImageSpace):
    """Asks about the stem of large pictures only."""

    transferable: ClassVar[bool] = True

    def build(self, choose: Choose, net: Net) -> None:
        x = net.input("image")
        stride = choose("stride", (1, 2)) if x.shape[1] > self.large else 1
        x = conv_bn_relu(net, x, choose("filters", (4, 8)), 3, stride=stride)  # type: ignore[arg-type]
        net.output(classifier(net, x, self.n_outputs))

    large: int = 32


@dataclass(frozen=True)
class ByDesign(LargeOnly):
    """Says that it does so."""

    transferable: ClassVar[bool] = False


@dataclass(frozen=True)
class Halving(ImageSpace):
    """Halves the picture up to four times, which leaves nothing of a small one."""

    def build(self, choose: Choose, net: Net) -> None:
        x = net.input("image")
        for _ in range(choose("halvings", (1, 2, 3, 4))):  # type: ignore[arg-type]
            x = net.op("max_pool", conv_bn_relu(net, x, 4, 3), kernel=2, stride=2)
        net.output(classifier(net, x, self.n_outputs))


@dataclass(frozen=True)
class Layers:
    n: int = 2


@dataclass(frozen=True)
class Scaled(ImageSpace):
    """Asks about each layer of its scale, so that a larger scale has more questions."""

    scale: Layers = Layers()

    def build(self, choose: Choose, net: Net) -> None:
        x = net.input("image")
        for i in range(self.scale.n):
            x = conv_bn_relu(net, x, 4, choose(f"layer{i}/kernel", (1, 3)))  # type: ignore[arg-type]
        net.output(classifier(net, x, self.n_outputs))


@pytest.mark.parametrize("space", [LargeOnly(), LargeOnly((3, 64, 64)), Scaled()], ids=["smaller", "larger", "scale"])
def test_a_space_of_networks_is_asked_at_other_scales_too(space: Space) -> None:
    with pytest.raises(AssertionError, match=r"^scale: .* ask different questions.* set transferable = False"):
        check_space(space)


@pytest.mark.parametrize("space", [ByDesign(), Halving((1, 16, 16))], ids=["not transferable", "dead ends"])
def test_a_space_that_cannot_be_asked_the_same_at_another_scale_passes(space: Space) -> None:
    check_space(space)


@dataclass(frozen=True)
class FewLayers(Layers):
    """Refuses more than three layers."""

    wrong: type[Exception] = ValueError

    def __post_init__(self) -> None:
        if self.n > 3:
            raise self.wrong("three layers at most")


@dataclass(frozen=True)
class Choosy(ImageSpace):
    """Refuses small pictures and large scales, by errors of its own."""

    scale: Layers = FewLayers()
    wrong: type[Exception] = ValueError

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.input_shape[1] < 16:
            raise self.wrong("pictures of 16 pixels or more")

    def build(self, choose: Choose, net: Net) -> None:
        x = conv_bn_relu(net, net.input("image"), 4, choose("kernel", (1, 3)))  # type: ignore[arg-type]
        net.output(classifier(net, x, self.n_outputs))


@pytest.mark.parametrize("wrong", [ValueError, UsageError])
def test_a_scale_that_a_space_refuses_is_left_out(wrong: type[Exception]) -> None:
    check_space(Choosy((1, 28, 28), wrong=wrong, scale=FewLayers(wrong=wrong)))


@pytest.mark.parametrize(
    "space",
    [Choosy((1, 28, 28), wrong=KeyError), Choosy((1, 28, 28), scale=FewLayers(wrong=KeyError))],
    ids=["space", "scale"],
)
def test_any_other_error_at_another_scale_breaks_the_law(space: Space) -> None:
    with pytest.raises(AssertionError, match=r"^scale: .*__post_init__ \(line \d+ of .*\) raised KeyError"):
        check_space(space)


def test_a_scale_that_is_named_must_have_every_point() -> None:
    with pytest.raises(AssertionError, match=r"^scale: .* dead end"):
        check_space(Halving((1, 16, 16)), scales=[Halving((1, 8, 8))])
