"""Which scopes become one class."""

from archsmith.graphs import layers
from archsmith.graphs.net import Net
from archsmith.graphs.skeletons import skeletons


def kinds(*filters: int, kernels: tuple[int, ...] = ()) -> list[tuple[str, int]]:
    """Kind and number of instances of the classes of a stack of convolutions."""
    net = Net({"image": (3, 8, 8)})
    x = net.input()
    for i, width in enumerate(filters):
        x = layers.conv_bn_relu(net, x, width, kernels[i] if kernels else 3, name=f"layer{i}")
    net.output(x)
    return [(skeleton.kind, len(skeleton.instances)) for skeleton in skeletons(net.graph())]


def test_scopes_that_differ_in_numbers_only_share_one_class() -> None:
    assert kinds(4, 8, 8, kernels=(1, 3, 5)) == [("ConvBnRelu", 3), ("Network", 1)]


def test_scopes_with_other_operations_are_two_classes() -> None:
    net = Net({"image": (4, 8, 8)})
    x = layers.residual_block(net, net.input(), 4, name="keeps")
    net.output(layers.residual_block(net, x, 6, name="projects"))
    found = [(skeleton.kind, len(skeleton.instances)) for skeleton in skeletons(net.graph())]
    assert found.count(("ResidualBlock", 1)) == 2


def test_the_network_itself_comes_last() -> None:
    assert kinds(4)[-1] == ("Network", 1)
