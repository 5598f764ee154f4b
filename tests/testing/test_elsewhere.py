"""Spaces that are other ones in another process, and what the comparison says of them."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

from archsmith.core.space import Choose, Space
from archsmith.graphs.layers import classifier, conv_bn_relu
from archsmith.graphs.net import Net
from archsmith.graphs.network_space import ImageSpace
from archsmith.testing.elsewhere import differs_elsewhere
from archsmith.testing.laws import check_network_space, check_space
from archsmith.testing.toys import Conditional

OPERATIONS = {"conv", "pool", "skip", "dense", "norm", "relu", "gelu", "tanh"}


@dataclass(frozen=True)
class Unordered(Space):
    """Its options stand in a set, whose order depends on how this process hashes texts."""

    def decide(self, choose: Choose) -> None:
        choose("operation", tuple(OPERATIONS))  # two processes agree by chance once in 8! = 40,320


@dataclass(frozen=True)
class Loud(Space):
    """Prints where a program would be read."""

    def decide(self, choose: Choose) -> None:
        print("deciding")
        choose("x", (1, 2, 3))


@dataclass(frozen=True)
class Located(ImageSpace):
    """The width depends on the process."""

    input_shape: tuple[int, int, int] = (1, 8, 8)

    def build(self, choose: Choose, net: Net) -> None:
        kernel = choose("kernel", (1, 3))
        x = conv_bn_relu(net, net.input("image"), 4 if os.getpid() == _home() else 8, kernel=kernel)  # type: ignore[arg-type]
        net.output(classifier(net, x, self.n_outputs))


def _home() -> int:
    return int(os.environ.get("TEST_ELSEWHERE_HOME", "0"))


@dataclass(frozen=True)
class Broken(Space):
    """Works in one process only."""

    def decide(self, choose: Choose) -> None:
        if os.getpid() != _home():
            raise ValueError("far from home")
        choose("x", (1, 2, 3))


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_ELSEWHERE_HOME", str(os.getpid()))


def test_a_space_that_is_the_same_everywhere() -> None:
    assert differs_elsewhere(Conditional(), 5, seed=0) is None
    assert differs_elsewhere(Loud(), 5, seed=0) is None


def test_other_options_are_said() -> None:
    found = differs_elsewhere(Unordered(), 5, seed=0)
    assert found is not None
    assert found.startswith("it asks 'operation' with the options ['")
    with pytest.raises(
        AssertionError, match=r"^generators only: Unordered is another space in another process: it asks"
    ):
        check_space(Unordered())


def test_another_network_is_said() -> None:
    pytest.importorskip("torch").set_num_threads(1)
    with pytest.raises(AssertionError, match=r"^same network: Located is another space .*: the network of .* differs"):
        check_network_space(Located(), n_samples=1)


def test_an_error_there_is_said() -> None:
    assert "far from home" in str(differs_elsewhere(Broken(), 1, seed=0))


def test_a_class_that_another_process_cannot_find_is_left_out() -> None:
    @dataclass(frozen=True)
    class Inner(Unordered):
        pass

    assert differs_elsewhere(Inner(), 5, seed=0) is None
