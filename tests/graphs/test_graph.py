"""The graph: structure, look-ups, JSON, pruning."""

import json

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs import layers
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net


@pytest.fixture
def graph() -> Graph:
    net = Net({"image": (3, 16, 16)})
    x = layers.conv_bn(net, net.input(), 8, name="stem")
    with net.scope("cell", "Cell", x=x):
        a = layers.sep_conv(net, x, 8, name="left")
        b = layers.relu_conv_bn(net, x, 8, name="right")
        y = net.op("add", a, b)
    net.output(layers.auxiliary_head(net, y, 10), "auxiliary")
    net.output(layers.classifier(net, y, 10))
    return net.graph()


def test_nodes_are_in_topological_order(graph: Graph) -> None:
    seen: set[str] = set()
    for node in graph.nodes:
        assert seen.issuperset(node.inputs)
        seen.add(node.name)


def test_json_round_trip_gives_an_equal_graph(graph: Graph) -> None:
    assert Graph.from_dict(json.loads(json.dumps(graph.to_dict()))) == graph


def test_from_dict_refuses_a_shape_that_does_not_follow(graph: Graph) -> None:
    data = graph.to_dict()
    data["nodes"][1]["shape"] = [9, 16, 16]
    with pytest.raises(UsageError, match=r"stem\.conv"):
        Graph.from_dict(data)


def test_from_dict_refuses_a_node_before_its_input(graph: Graph) -> None:
    data = graph.to_dict()
    data["nodes"].reverse()
    with pytest.raises(UsageError, match="does not come before"):
        Graph.from_dict(data)


def test_from_dict_refuses_an_output_without_a_node(graph: Graph) -> None:
    data = graph.to_dict()
    data["outputs"]["class"] = "nowhere"
    with pytest.raises(UsageError, match="nowhere"):
        Graph.from_dict(data)


def test_children_list_scopes_and_nodes_in_order(graph: Graph) -> None:
    assert [child.local for child in graph.children()] == ["image", "stem", "cell", "auxiliary", "classifier"]
    assert [child.local for child in graph.children("cell")] == ["left", "right", "add"]


def test_scope_inputs_and_outputs_are_derived_from_use(graph: Graph) -> None:
    assert graph.scope_inputs("cell") == ("stem.bn",)
    assert graph.scope_outputs("cell") == ("cell.add",)
    assert graph.scope_outputs("classifier") == ("classifier.linear",)


def test_consumers(graph: Graph) -> None:
    assert [node.name for node in graph.consumers("stem.bn")] == ["cell.left.relu1", "cell.right.relu"]


def test_unknown_names_are_usage_errors(graph: Graph) -> None:
    with pytest.raises(UsageError):
        graph.node("nowhere")
    with pytest.raises(UsageError):
        graph.children("nowhere")


def test_without_leaves_out_what_served_only_that_output(graph: Graph) -> None:
    served = graph.without("auxiliary")
    assert list(served.outputs) == ["class"]
    assert not any(node.name.startswith("auxiliary") for node in served.nodes)
    assert "auxiliary" not in served.scopes
    assert served.main_output == graph.main_output == "class"
    assert served.without("auxiliary") is served


def image_net(pooling: str) -> Graph:
    net = Net({"image": (3, 16, 16)})
    x = net.op("max_pool", net.op("conv", net.input("image"), filters=4, kernel=3), kernel=2, stride=2, padding=0)
    net.output(net.op("linear", net.op(pooling, x), features=2))
    return net.graph()


@pytest.mark.parametrize("pooling", ["global_pool", "global_max"])
def test_a_network_that_pools_all_pixels_takes_other_sizes(pooling: str) -> None:
    assert image_net(pooling).takes({"image": (3, 10, 12)})


def test_weights_for_each_pixel_or_channel_fit_one_shape_only() -> None:
    assert not image_net("flatten").takes({"image": (3, 10, 10)})
    assert not image_net("global_pool").takes({"image": (1, 16, 16)})
    assert image_net("flatten").takes({"image": (3, 16, 16)})


def test_nothing_is_taken_where_an_image_would_vanish() -> None:
    assert not image_net("global_pool").takes({"image": (3, 1, 1)})
