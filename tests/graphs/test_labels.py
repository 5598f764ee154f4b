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


@pytest.mark.parametrize(
    ("graph", "path", "kind", "label", "family"),
    [
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
