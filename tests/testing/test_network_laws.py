"""Spaces of networks that are wrong on purpose, each caught by the law that it breaks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from archsmith.core.space import Choose, Space
from archsmith.core.task import Input
from archsmith.graphs.identity import identity
from archsmith.graphs.net import Net
from archsmith.graphs.network_space import NetworkSpace
from archsmith.spaces.nasbench201 import NasBench201, NasBench201Scale
from archsmith.testing.network_laws import check_network_space, random_batch, relabelled

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
