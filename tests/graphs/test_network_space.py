"""A space of networks: from architecture to graph, with errors, identity and the road from a task."""

from dataclasses import dataclass

import numpy as np
import pytest

from archsmith.core.architecture import Architecture
from archsmith.core.errors import DeadEnd, InvalidArchitectureError, UsageError
from archsmith.core.space import Choose, Space
from archsmith.core.task import Input, Output, Task, image_classification
from archsmith.graphs import layers
from archsmith.graphs.net import Net
from archsmith.graphs.network_space import ImageSpace


@dataclass(frozen=True)
class Rates(Space):
    def decide(self, choose: Choose) -> None:
        choose("recipe/learning_rate", (0.1, 0.01))


@dataclass(frozen=True)
class Pair(ImageSpace):
    """Two convolutions side by side."""

    filters: int = 4

    def build(self, choose: Choose, net: Net) -> None:
        sides = []
        for side in ("left", "right"):
            kernel = choose(f"{side}/kernel", (1, 3, 9))
            if kernel == 9 and self.input_shape[1] < 9:
                raise DeadEnd("The image is smaller than the kernel.")
            sides.append(layers.conv_bn(net, net.input(), self.filters, int(kernel or 0), name=side))
        net.output(layers.classifier(net, net.op("add", *sides), self.n_outputs))


SPACE = Pair(input_shape=(3, 16, 16), n_outputs=7)


def pair(left: int, right: int, **more: float) -> Architecture:
    return Architecture(
        {"left/kernel": left, "right/kernel": right, **{f"recipe/{name}": value for name, value in more.items()}}
    )


def test_the_graph_follows_the_decisions() -> None:
    graph = SPACE.graph(pair(1, 3))
    assert graph.node("left.conv").args["kernel"] == (1, 1)
    assert graph.node("right.conv").args["kernel"] == (3, 3)
    assert graph.node(graph.outputs["class"]).shape == (7,)
    assert SPACE.graph({"left/kernel": 1, "right/kernel": 3}) == graph


def test_decide_asks_what_build_asks() -> None:
    assert [d.path for d in SPACE.decisions(pair(1, 3))] == ["left/kernel", "right/kernel"]


@pytest.mark.parametrize(
    ("architecture", "named"),
    [
        (Architecture({"left/kernel": 1}), "right/kernel"),
        (pair(1, 5), "right/kernel"),
        (pair(1, 3).replace({"depth": 2}), "depth"),
    ],
)
def test_an_architecture_that_does_not_fit_is_refused_with_the_decision(architecture: Architecture, named: str) -> None:
    with pytest.raises(InvalidArchitectureError, match=named):
        SPACE.graph(architecture)


def test_a_dead_end_is_an_invalid_architecture() -> None:
    with pytest.raises(InvalidArchitectureError, match="smaller than the kernel"):
        Pair(input_shape=(3, 4, 4)).graph(pair(9, 9))


def test_samplers_avoid_dead_ends() -> None:
    space, rng = Pair(input_shape=(3, 4, 4)), np.random.default_rng(0)
    assert all(9 not in space.sample(rng).values() for _ in range(20))


def test_identity_is_that_of_the_network() -> None:
    assert SPACE.identity(pair(1, 3)) == SPACE.identity(pair(3, 1)) != SPACE.identity(pair(3, 3))


def test_identity_includes_the_recipe() -> None:
    space = Pair(recipe=Rates())
    names = [
        space.identity(pair(*kernels, learning_rate=rate))
        for kernels, rate in (((1, 3), 0.1), ((3, 1), 0.1), ((1, 3), 0.01))
    ]
    assert names[0] == names[1] != names[2]


def test_a_recipe_is_asked_after_the_network() -> None:
    space = Pair(recipe=Rates())
    assert list(space.sample(np.random.default_rng(0))) == ["left/kernel", "right/kernel", "recipe/learning_rate"]
    with pytest.raises(InvalidArchitectureError, match="recipe/learning_rate"):
        space.graph(pair(1, 3))


def test_an_equal_question_gets_the_same_graph_object() -> None:
    assert Pair().graph(pair(1, 3)) is Pair().graph(pair(1, 3))


def test_a_task_gives_shape_and_outputs() -> None:
    space = Pair.for_task(image_classification((1, 12, 12), ("a", "b", "c")), filters=9)
    assert space == Pair(input_shape=(1, 12, 12), n_outputs=3, filters=9)


@pytest.mark.parametrize("given", [Input("sound", "audio", (None,)), Input("image", "image", (3, None, None))])
def test_another_task_is_refused(given: Input) -> None:
    with pytest.raises(UsageError, match="Pair"):
        Pair.for_task(Task((given,), (Output("class", "classes", 2),), "cross_entropy", ("accuracy",)))


@pytest.mark.parametrize("shape", [28, None, "1x28x28", (28, 28), (1, 28.5, 3)])
def test_an_own_space_names_a_shape_that_is_none(shape):
    with pytest.raises(UsageError, match=r"^Pair\.input_shape cannot be .*It takes a tuple of 3 whole numbers\.$"):
        Pair(input_shape=shape)


@pytest.mark.parametrize("n", [2.5, None, "10"])
def test_an_own_space_names_a_number_of_outputs_that_is_none(n):
    with pytest.raises(UsageError, match=r"^Pair\.n_outputs cannot be"):
        Pair(n_outputs=n)


def test_an_error_names_the_method_that_the_space_has_written() -> None:
    @dataclass(frozen=True)
    class Builds(ImageSpace):
        def build(self, choose: Choose, net: Net) -> None:
            raise ValueError("boo")

    @dataclass(frozen=True)
    class LaysOut(Builds):
        def layout(self, choose: Choose) -> None:
            raise ValueError("boo")

    for space, method in ((Builds(), "Builds.build"), (LaysOut(), "LaysOut.layout")):
        with pytest.raises(UsageError, match=f"^{method} raised ValueError: boo"):
            space.sample(np.random.default_rng(0))
