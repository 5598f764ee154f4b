"""Spaces of networks that are wrong on purpose, each caught by the law that it breaks."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from archsmith.core.space import Choose, Range, Space
from archsmith.core.task import Input
from archsmith.graphs.identity import identity
from archsmith.graphs.layers import classifier, conv_bn_relu
from archsmith.graphs.net import Net
from archsmith.graphs.network_space import ImageSpace, NetworkSpace
from archsmith.spaces.nasbench201 import NasBench201, NasBench201Scale
from archsmith.testing.network_laws import check_network_space, random_batch, relabelled


@pytest.fixture(autouse=True)
def one_thread() -> None:
    # Not at the top: another process imports this module too, and has no use for torch.
    pytest.importorskip("torch").set_num_threads(1)


@dataclass(frozen=True)
class Small(NasBench201):
    """An honest space, cheap to build."""

    input_shape: tuple[int, int, int] = (1, 8, 8)
    scale: NasBench201Scale = field(default_factory=lambda: NasBench201Scale(filters=2, cells=1))


@dataclass(frozen=True)
class AsksLess(Small):
    """Asks a question while building that it does not ask while deciding."""

    def build(self, choose: Choose, net: Net) -> None:
        super().build(lambda path, options, weights=None: choose(path, tuple(reversed(options)), weights), net)  # type: ignore[call-overload]


@dataclass(frozen=True)
class WrongOutputs(Small):
    """Has ten outputs whatever it is told."""

    n_outputs: int = 5

    def build(self, choose: Choose, net: Net) -> None:
        object.__setattr__(ten := Small(), "n_outputs", 10)
        ten.build(choose, net)


@dataclass(frozen=True)
class Fickle(Small):
    """Has another identity each time."""

    def identity(self, architecture: Any) -> str:
        return str(id(architecture))


class Cell(ImageSpace):
    """A convolution and a classifier. Each wrong space below chooses the width of the convolution in its own way."""

    def build(self, choose: Choose, net: Net) -> None:
        kernel = choose("kernel", (1, 3))
        x = conv_bn_relu(net, net.input("image"), self.width(choose), kernel)  # type: ignore[arg-type]
        net.output(classifier(net, x, self.n_outputs))

    def width(self, choose: Choose) -> int:
        return 4


@dataclass(frozen=True)
class GlobalDice(Cell):
    """Has a random width: four rebuilds draw one width by chance once in 10^9."""

    def width(self, choose: Choose) -> int:
        return random.randint(1, 1000)


@dataclass(frozen=True)
class OwnDice(Cell):
    """Has a random width, of a generator without a seed."""

    def width(self, choose: Choose) -> int:
        return int(np.random.default_rng().integers(1, 1000))


@dataclass(frozen=True)
class IdleDice(Cell):
    """Draws and does not use it, which moves the generator of everybody else."""

    def width(self, choose: Choose) -> int:
        np.random.rand()  # noqa: NPY002
        return 4


@dataclass(frozen=True)
class IdleQuestion(Cell):
    """Asks for a width and takes another one."""

    def width(self, choose: Choose) -> int:
        choose("width", (4, 8))
        return 4


@dataclass(frozen=True)
class IdleNumber(Cell):
    """Asks for a number that has no effect."""

    def width(self, choose: Choose) -> int:
        choose("dropout", Range(0.0, 0.5))
        return 4


@dataclass(frozen=True)
class SometimesIdle(Cell):
    """Asks for a width that matters with one of five activations only: that is no idle question."""

    def width(self, choose: Choose) -> int:
        wide, activation = choose("wide", (True, False)), choose("activation", (1, 2, 3, 4, 5))
        return (40 if wide and activation == 5 else 4) + int(activation or 0)


@dataclass(frozen=True)
class Failing(Cell):
    """Builds what its questions were asked for, and no more."""

    def layout(self, choose: Choose) -> None:
        choose("kernel", (1, 3))

    def width(self, choose: Choose) -> int:
        raise LookupError("no width")


@dataclass(frozen=True)
class BuildsNested(Cell):
    """Asks under its own path for a part inside, where it lays out and nowhere else."""

    def layout(self, choose: Choose) -> None:
        choose("kernel", (1, 3))
        choose("width", (4, 8))

    def width(self, choose: Choose, depth: int = 1) -> int:
        width = choose("width", (4, 8))
        return int(width or 0) + (self.width(choose, depth - 1) if depth else 0)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            GlobalDice,
            r"^same network: GlobalDice\.build laid out two networks for one architecture, of \d+ and \d+ param",
        ),
        (OwnDice, r"^same network: OwnDice\.build laid out two networks for one architecture, of \d+ and \d+ param"),
        (IdleDice, r"^generators only: IdleDice\.build draws from a global generator"),
        (
            IdleQuestion,
            r"^effect: 'width' of IdleQuestion changes nothing: \d+ pairs of architectures that differ in it",
        ),
        (IdleNumber, r"^effect: 'dropout' of IdleNumber changes nothing"),
        (Failing, r"^same questions: Cell\.build \(line \d+ of .*\) raised LookupError: no width"),
        (BuildsNested, r"^own paths: BuildsNested\.width asks 'width' inside of a part that has asked it"),
    ],
)
def test_a_wrong_space_is_told_how_it_breaks_its_law(wrong: type[Cell], sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        check_network_space(wrong((1, 8, 8)))


def test_a_question_that_matters_in_some_architectures_passes() -> None:
    check_network_space(SometimesIdle((1, 8, 8)))


@pytest.mark.parametrize(
    ("wrong", "law"), [(AsksLess, "same questions"), (WrongOutputs, "shapes"), (Fickle, "identity")]
)
def test_a_wrong_space_is_caught_by_the_law_that_it_breaks(wrong: type[Small], law: str) -> None:
    with pytest.raises(AssertionError, match=f"^{law}: "):
        check_network_space(wrong(), n_samples=1)


def test_an_honest_space_passes() -> None:
    check_network_space(Small())


@dataclass(frozen=True)
class Rows(NetworkSpace):
    """Networks of two inputs: numbers, of which some are missing, and codes."""

    n_outputs: int = 3
    recipe: Space | None = None

    @property
    def inputs(self) -> tuple[Input, ...]:
        return Input("numbers", "numbers", (4,), missing=(1, 2)), Input("categories", "categories", (3,), n_codes=7)

    def build(self, choose: Choose, net: Net) -> None:
        numbers = net.input("numbers")
        if choose("encoding", ("standardise", "piecewise_linear")) == "standardise":
            encoded = net.op("standardise", numbers)
        else:
            encoded = net.op("piecewise_linear", numbers, bins=3)
        codes = net.op("embedding", net.input("categories"), size=7, dim=2)
        x = net.op("concat", encoded, net.op("missing", numbers, columns=(1, 2)), net.op("flatten", codes))
        x = net.op("relu", net.op("batch_norm", net.op("linear", x, features=8)))
        net.output(net.op("linear", x, features=self.n_outputs))


def test_a_space_of_several_inputs_passes() -> None:
    check_network_space(Rows(), n_samples=4)
    batch = random_batch(Rows(), 6)
    assert list(batch) == ["numbers", "categories"]
    assert batch["numbers"].isnan().any(0).tolist() == [False, True, True, False]
    assert 0 <= int(batch["categories"].min()) <= int(batch["categories"].max()) < 7


def test_relabelling_changes_names_and_order_and_nothing_else() -> None:
    graph = Small().graph(Small().sample(np.random.default_rng(0)))
    other = relabelled(graph, np.random.default_rng(1))
    assert {node.name for node in other.nodes} & {node.name for node in graph.nodes} == set(graph.inputs)
    assert sorted(node.op for node in other.nodes) == sorted(node.op for node in graph.nodes)
    assert identity(other) == identity(graph)
