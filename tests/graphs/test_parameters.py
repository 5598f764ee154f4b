"""Constructor arguments of written classes."""

import pytest

from archsmith.graphs import layers
from archsmith.graphs.net import Net
from archsmith.graphs.parameters import literal
from archsmith.graphs.skeleton import Skeleton
from archsmith.graphs.skeletons import skeletons


def stacked(*sizes: tuple[int, int, int]) -> Skeleton:
    """The class of convolutions with these (filters, kernel, stride)."""
    net = Net({"image": (3, 16, 16)})
    x = net.input()
    for i, (filters, kernel, stride) in enumerate(sizes):
        x = layers.conv_bn_relu(net, x, filters, kernel, stride, name=f"layer{i}")
    net.output(x)
    return skeletons(net.graph())[0]


def test_a_number_that_is_always_the_same_is_no_argument() -> None:
    assert [parameter.name for parameter in stacked((4, 3, 1), (8, 3, 1)).parameters] == ["in_channels", "filters"]


def test_a_number_that_follows_by_a_rule_is_written_as_that_rule() -> None:
    skeleton = stacked((4, 3, 1), (4, 5, 1))
    assert "kernel" in [parameter.name for parameter in skeleton.parameters]
    assert "padding" not in [parameter.name for parameter in skeleton.parameters]
    assert "kernel // 2" in [text for texts in skeleton.fills for text in texts]


def test_the_stride_comes_last() -> None:
    names = [parameter.name for parameter in stacked((4, 3, 2), (8, 5, 1)).parameters]
    assert names == ["in_channels", "filters", "kernel", "stride"]


@pytest.mark.parametrize(
    ("value", "text"), [(0.1 + 0.2, "0.3"), (3, "3"), (1e-5, "1e-05"), (1 / 3, "0.3333333333333333")]
)
def test_a_float_is_written_without_rounding_noise(value: float, text: str) -> None:
    assert literal(value) == text
