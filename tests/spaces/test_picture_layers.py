from __future__ import annotations

import pytest

from archsmith.core.space import Trace
from archsmith.graphs.net import Net, Value
from archsmith.spaces.picture_layers import (
    MOST_FLAT,
    Decided,
    Family,
    Question,
    halved,
    hidden,
    pooled,
    reduced,
    rounded,
    stepped,
)


def image(*shape: int) -> tuple[Net, Value]:
    net = Net({"image": shape})
    return net, net.input("image")


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((3, 32, 32), (3, 32, 32)),
        ((3, 40, 40), (3, 40, 40)),
        ((3, 41, 41), (3, 20, 20)),
        ((3, 224, 224), (3, 28, 28)),
        ((1, 50, 100), (1, 25, 50)),
        ((3, 8, 256), (3, 8, 128)),
        ((3, 256, 8), (3, 128, 8)),
    ],
)
def test_big_images_are_reduced(shape: tuple[int, int, int], expected: tuple[int, int, int]) -> None:
    assert reduced(*image(*shape)).shape == expected


def test_an_image_of_the_right_size_is_the_image_itself() -> None:
    net, x = image(3, 32, 32)
    assert reduced(net, x) is x


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((4, 8, 8), (4, 4, 4)), ((4, 7, 5), (4, 4, 3)), ((4, 2, 2), (4, 2, 2)), ((4, 1, 16), (4, 1, 16))],
)
def test_halving_rounds_up_and_leaves_small_images_alone(
    shape: tuple[int, int, int], expected: tuple[int, int, int]
) -> None:
    assert halved(*image(*shape)).shape == expected


@pytest.mark.parametrize("how, expected", [("mean", 6), ("max", 6), ("flat", 6 * 5 * 7)])
def test_an_image_becomes_a_vector(how: str, expected: int) -> None:
    assert pooled(*image(6, 5, 7), how).shape == (expected,)


def test_a_flat_image_has_no_more_values_than_allowed() -> None:
    assert MOST_FLAT - 32 * 32 < pooled(*image(64, 32, 32), "flat").shape[0] <= MOST_FLAT


@pytest.mark.parametrize(
    ("kernel", "stride", "expected"),
    [
        ((28, 6), (1, 6), (4, 1, 5)),  # two columns of padding
        ((28, 7), (1, 7), (4, 1, 4)),
        ((28, 6), (1, 1), (4, 1, 23)),
        ((40, 6), (1, 6), (4, 1, 5)),  # no taller than the image
        ((8, 8), (8, 8), (4, 4, 4)),
        ((28, 60), (1, 60), (4, 1, 1)),
    ],
)
def test_windows_cover_the_whole_image(
    kernel: tuple[int, int], stride: tuple[int, int], expected: tuple[int, int, int]
) -> None:
    net, x = image(1, 28, 28)
    y = stepped(net, x, 4, kernel, stride, "windows")
    assert y.shape == expected
    net.output(net.op("flatten", y))
    args = net.graph().node("windows").args
    for side in (0, 1):
        last = (y.shape[1 + side] - 1) * args["stride"][side] + args["kernel"][side] - args["padding"][side]
        assert last >= 28


def test_a_hidden_layer_of_no_units_is_nothing() -> None:
    net, x = image(3, 4, 4)
    x = net.op("flatten", x)
    assert hidden(net, x, 0, name="hidden") is x
    assert hidden(net, x, 12, name="hidden").shape == (12,)


def test_widths_are_multiples() -> None:
    assert [rounded(filters) for filters in (1, 5, 23.9, 24)] == [4, 4, 24, 24]
    assert rounded(63, 8) == 64


def _convs(net: Net, x: Value, decided: Decided, scale: float) -> Value:
    x = net.op("conv", x, filters=decided["filters"], kernel=3)
    if decided["twice"]:
        x = net.op("conv", x, filters=decided["filters"], kernel=decided["kernel"])
    return net.op("global_pool", x)


CONVS = Family(
    (
        Question("filters", (16, 64, 8, 256), least=8),
        Question("twice", (True, False), least=False),
        Question("kernel", (3, 5), given=("twice", True)),
    ),
    _convs,
    most=1.0,
)


def test_a_question_is_asked_only_with_the_answer_that_it_belongs_to() -> None:
    for twice in (True, False):
        trace = Trace(lambda path, options, weights, twice=twice: twice if path.endswith("twice") else options[0])  # type: ignore[index, misc]
        decided = CONVS.ask(trace, "convs")
        assert list(decided) == ["filters", "twice", *(["kernel"] if twice else [])]
        assert list(trace.decisions) == [f"convs/{name}" for name in decided]


def test_options_that_would_be_too_expensive_are_not_offered() -> None:
    trace = Trace(lambda path, options, weights: 64 if path.endswith("filters") else options[0])  # type: ignore[index]
    CONVS.ask(trace, "convs")
    options = {path: decision.options for path, decision in trace.decisions.items()}
    assert options == {"convs/filters": (16, 64, 8, 256)[:3], "convs/twice": (False,)}
