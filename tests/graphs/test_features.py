"""Features: the same names for every graph, and numbers that can be checked by hand."""

import math

from archsmith.graphs import layers
from archsmith.graphs.cost import cost
from archsmith.graphs.features import features
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net


def diamond() -> Graph:
    net = Net({"image": (3, 8, 8)})
    x = net.op("conv", net.input(), filters=4)
    left = net.op("conv", net.op("relu", x), filters=4)
    x = net.op("add", left, x)
    net.output(net.op("linear", net.op("global_pool", x), features=2))
    return net.graph()


def test_counts_depth_and_paths() -> None:
    found = features(diamond())
    assert found["count_conv"] == 2
    assert found["count_relu"] == 1
    assert found["log_paths"] == math.log(2)
    assert found["depth"] == 6
    assert found["weighted_depth"] == 3
    assert found["mean_weighted_depth"] == 2.5
    assert found["width"] == 3


def test_costs_are_in_it() -> None:
    graph = diamond()
    found = features(graph)
    assert (found["params"], found["macs"], found["saved_bytes"]) == (
        cost(graph).params,
        cost(graph).macs,
        cost(graph).saved_bytes,
    )


def test_every_graph_has_the_same_features_and_finite_ones() -> None:
    net = Net({"image": (3, 32, 32)})
    x = net.input()
    for _ in range(40):
        x = net.op("add", layers.sep_conv(net, x, 3), layers.sep_conv(net, x, 3), x)
    net.output(layers.classifier(net, x, 10))
    found = features(net.graph())
    assert list(found) == list(features(diamond()))
    assert all(math.isfinite(value) for value in found.values())
    assert found["log_paths"] > 40
