"""First values of weights, as the rows say."""

from __future__ import annotations

import math

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs.net import Net
from archsmith.graphs.operations import OPERATIONS, Operation, register

torch = pytest.importorskip("torch")
from archsmith.graphs.network import Network  # noqa: E402
from archsmith.graphs.weights import fresh  # noqa: E402


def test_convolutions_start_as_he_et_al_say() -> None:
    net = Net({"image": (32, 8, 8)})
    x = net.op("conv", net.input(), filters=256, kernel=3)
    net.output(net.op("conv", x, filters=256, kernel=5, groups=256))
    full, depthwise = (module.weight.detach() for module in Network(net.graph(), seed=0).children())
    assert float(full.std()) == pytest.approx(math.sqrt(2 / (32 * 9)), rel=0.02)
    assert float(depthwise.std()) == pytest.approx(math.sqrt(2 / 25), rel=0.05)


def test_embeddings_have_about_the_same_length_whatever_their_width() -> None:
    lengths = []
    for dim in (4, 64):
        net = Net({"codes": ((3,), "int")})
        net.output(net.op("embedding", net.input("codes"), size=500, dim=dim))
        weight = Network(net.graph(), seed=0).get_parameter("embedding.weight").detach()
        assert float(weight.abs().max()) <= dim**-0.5
        lengths.append(float(weight.norm(dim=1).mean()))
    assert lengths[0] == pytest.approx(lengths[1], rel=0.1)


def test_biases_start_at_zero_and_norms_at_one() -> None:
    net = Net({"tokens": (3, 4)})
    net.output(net.op("linear", net.op("layer_norm", net.input("tokens")), features=5))
    network = Network(net.graph(), seed=0)
    assert network.get_parameter("linear.bias").tolist() == [0.0] * 5
    assert network.get_parameter("layer_norm.weight").tolist() == [1.0] * 4
    assert network.get_parameter("layer_norm.bias").tolist() == [0.0] * 4


def test_a_row_that_starts_weights_in_an_unknown_way_is_a_usage_error() -> None:
    row = Operation(
        "odd_start",
        lambda args, ins: ins[0],
        params=lambda args, ins: {"weight": ins[0]},
        module=OPERATIONS["layer_norm"].module,
        init={"weight": "somehow"},
    )
    register(row)
    try:
        net = Net({"tokens": (4,)})
        net.output(net.op("odd_start", net.input("tokens")))
        node = net.graph().nodes[-1]
        with pytest.raises(UsageError, match="somehow"):
            fresh(node, "weight", (4,), seed=0)
    finally:
        del OPERATIONS[row.name]
