"""Cost from the graph against torch: parameters, multiply-adds, and what autograd keeps."""

from collections.abc import Callable

import pytest

from archsmith.graphs import layers, token_layers
from archsmith.graphs.cost import cost, table, training_memory_mb
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net

torch = pytest.importorskip("torch")
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from archsmith.graphs.network import Network  # noqa: E402


def everything() -> Graph:
    """A net that holds every kind of operation that keeps something, on several paths, with an odd size."""
    net = Net({"image": (3, 18, 18)})
    x = layers.conv_bn_relu(net, net.input(), 8)
    y = layers.sep_conv(net, x, 8, 5)
    z = layers.pool(net, x, "max")
    x = net.op("concat", net.op("add", y, z), layers.pool(net, y, "avg"), layers.dil_sep_conv(net, x, 8))
    x = layers.factorized_reduction(net, x, 16)  # 18 -> 9
    x = net.op("drop_path", x, keep=0.9)
    x = layers.factorized_reduction(net, x, 16)  # 9 -> 5, where the shifted path is padded
    for activation in ("silu", "gelu", "relu6", "tanh"):
        x = layers.inverted_bottleneck(net, x, 16, expansion=3, squeezed=4, activation=activation)
    net.output(layers.auxiliary_head(net, x, 10), "auxiliary")
    net.output(layers.classifier(net, layers.residual_block(net, x, 24, stride=2), 10, dropout=0.5))
    return net.graph()


def transformer() -> Graph:
    net = Net({"codes": ((10,), "int")})
    x = net.op("embedding", net.input("codes"), size=20, dim=24)
    for _ in range(2):
        x = token_layers.transformer_block(net, x, 3, dropout=0.1)
    net.output(net.op("linear", net.op("token_mean", net.op("layer_norm", x)), features=4))
    return net.graph()


def table_rows() -> Graph:
    net = Net({"numbers": (12,), "categories": ((5,), "int")})
    codes = net.op("flatten", net.op("embedding", net.input("categories"), size=20, dim=4))
    x = net.op("linear", net.op("concat", net.op("standardise", net.input("numbers")), codes), features=32)
    for _ in range(2):
        y = net.op("relu", net.op("linear", net.op("batch_norm", x), features=64))
        x = net.op("add", x, net.op("linear", net.op("dropout", y, p=0.1), features=32))
    net.output(net.op("linear", x, features=2))
    return net.graph()


def examples(graph: Graph, n: int) -> dict[str, "torch.Tensor"]:
    nodes = [graph.node(name) for name in graph.inputs]
    return {
        node.name: torch.randint(0, 20, (n, *node.shape)) if "dtype" in node.args else torch.randn(n, *node.shape)
        for node in nodes
    }


def kept_bytes(network: Network, x: "torch.Tensor | dict[str, torch.Tensor]") -> int:
    """What autograd keeps for the backward pass besides weights, each piece of memory once."""
    weights = {p.untyped_storage().data_ptr() for p in network.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def pack(tensor: "torch.Tensor") -> "torch.Tensor":
        kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        outputs = network.forward_all(x)
    total = sum(tensor.untyped_storage().nbytes() for pointer, tensor in kept.items() if pointer not in weights)
    del outputs
    return total


def test_parameters_are_those_of_the_built_network() -> None:
    graph = everything()
    with torch.device("meta"):
        network = Network(graph)
    assert cost(graph).params == sum(p.numel() for p in network.parameters())


def test_multiply_adds_are_half_of_the_flop_counter() -> None:
    graph = everything().without("auxiliary")
    network = Network(graph, seed=0).eval()
    with FlopCounterMode(display=False) as counter:
        network(torch.randn(1, 3, 18, 18))
    assert counter.get_total_flops() == 2 * cost(graph).macs


def test_kept_bytes_are_those_of_autograd() -> None:
    torch.set_num_threads(1)
    graph = everything()
    batch = 16
    measured = kept_bytes(Network(graph, seed=0), torch.randn(batch, 3, 18, 18))
    assert measured / batch == pytest.approx(cost(graph).saved_bytes, rel=0.03)


@pytest.mark.parametrize("build", [transformer, table_rows])
def test_networks_of_tokens_and_tables_are_counted_right(build: Callable[[], Graph]) -> None:
    torch.set_num_threads(1)
    graph = build()
    network, batch = Network(graph, seed=0), 64
    assert cost(graph).params == sum(p.numel() for p in network.parameters())
    assert kept_bytes(network, examples(graph, batch)) / batch == pytest.approx(cost(graph).saved_bytes, rel=0.03)
    with FlopCounterMode(display=False) as counter:
        network.eval()(examples(graph, 1))
    assert counter.get_total_flops() == 2 * cost(graph).macs > 0


def test_nothing_is_kept_in_front_of_the_first_weights() -> None:
    net = Net({"image": (3, 8, 8)})
    x = net.op("relu", net.op("avg_pool", net.input()))
    net.output(net.op("linear", net.op("flatten", x), features=2))
    assert cost(net.graph()).saved_bytes == 4 * 3 * 64  # the linear layer's input only


def test_a_value_that_two_operations_keep_is_counted_once() -> None:
    net = Net({"image": (3, 8, 8)})
    net.output(net.op("add", *[net.op("conv", net.input(), filters=2) for _ in range(2)]))
    assert cost(net.graph()).saved_bytes == 4 * 3 * 64


def test_without_the_auxiliary_head_less_is_counted() -> None:
    graph = everything()
    assert cost(graph.without("auxiliary")).params < cost(graph).params


def test_training_memory_grows_with_batch_and_optimiser() -> None:
    graph = everything()
    total = cost(graph)
    assert training_memory_mb(graph, 10) == pytest.approx((10 * total.saved_bytes + 12 * total.params) / 1e6)
    assert training_memory_mb(graph, 10, n_slots=2) - training_memory_mb(graph, 10) == pytest.approx(
        4 * total.params / 1e6
    )


def test_the_table_adds_up() -> None:
    graph = everything()
    for depth in (1, 2):
        rows = table(graph, depth)
        assert sum(row.params for row in rows) == cost(graph).params
        assert sum(row.macs for row in rows) == cost(graph).macs
    assert [(row.name, row.kind) for row in table(graph)[:2]] == [("image", "input"), ("conv_bn_relu", "ConvBnRelu")]
