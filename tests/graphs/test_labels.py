"""What the boxes of a drawing are called."""

from __future__ import annotations

import pytest

from archsmith.graphs import layers, token_layers
from archsmith.graphs.graph import Graph
from archsmith.graphs.labels import describe
from archsmith.graphs.net import Net


def tokens() -> Graph:
    net = Net({"tokens": (6, 8)})
    net.output(token_layers.transformer_block(net, net.input("tokens"), 2))
    return net.graph()


def images() -> Graph:
    net = Net({"image": (4, 8, 8)})
    x = layers.sep_conv(net, net.input(), 6, 5)
    x = net.op("avg_pool", net.op("shared_conv", x, filters=3, groups=2, name="shared"), name="pool")
    net.output(layers.classifier(net, layers.factorized_reduction(net, x, 8), 2))
    return net.graph()


def bottlenecks() -> Graph:
    net = Net({"image": (4, 8, 8)})
    x = layers.inverted_bottleneck(net, net.input(), 6, 5, stride=2, name="strided")
    x = layers.inverted_bottleneck(net, x, 8, 3, squeezed=2, name="squeezed")
    x = layers.dil_sep_conv(net, x, 8, name="dilated")
    with net.scope("adapted", "SepConvLayer"):  # ENAS puts a 1×1 convolution before each operation
        x = layers.sep_conv(net, layers.conv_bn_relu(net, x, 8, 1), 8, repeats=1)
    with net.scope("strip", "Strip"):
        x = net.op("conv", net.op("conv", x, filters=8, kernel=(2, 4)), filters=8, kernel=(3, 1))
    net.output(layers.classifier(net, x, 2))
    return net.graph()


@pytest.mark.parametrize(
    ("graph", "path", "kind", "label", "family"),
    [
        (bottlenecks(), "strided", "InvertedBottleneck", "depthwise 5×5", "separable"),
        (bottlenecks(), "squeezed", "InvertedBottleneck", "depthwise 3×3", "separable"),
        (bottlenecks(), "dilated", "DilSepConv", "dil sep 3×3", "separable"),
        (bottlenecks(), "adapted", "SepConvLayer", "sep 3×3", "separable"),
        (bottlenecks(), "strip", "Strip", "conv 3×1, 8", "convolution"),
        (images(), "sep_conv", "SepConv", "sep 5×5", "separable"),
        (images(), "shared", "", "shared conv 3×3, 3", "convolution"),
        (images(), "pool", "", "avg pool 3×3", "pooling"),
        (images(), "reduction", "FactorizedReduction", "factorised reduction", "pooling"),
        (images(), "classifier", "Classifier", "Classifier", "dense"),
        (tokens(), "block.attention", "Attention", "attention", "pointwise"),
        (tokens(), "block.expand", "", "linear, 32", "dense"),
        (tokens(), "block.gelu", "", "GELU", "pointwise"),
    ],
)
def test_a_box_is_named_by_what_is_inside(graph: Graph, path: str, kind: str, label: str, family: str) -> None:
    nodes = [node for node in graph.nodes if node.name == path or node.name.startswith(path + ".")]
    assert describe(nodes, kind) == (label, family)
