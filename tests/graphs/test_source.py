from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from archsmith.core.errors import UsageError
from archsmith.graphs import layers, token_layers
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net, Value
from archsmith.graphs.network import Network
from archsmith.graphs.source import source
from archsmith.testing.toys import Flat

torch.set_num_threads(1)


def finish(net: Net, x: Value, auxiliary: Value | None = None) -> Graph:
    if auxiliary is not None:
        net.output(layers.auxiliary_head(net, auxiliary, 5), "auxiliary")
    net.output(layers.classifier(net, x, 5, relu=True, dropout=0.2))
    return net.graph()


def residual(widths: tuple[int, ...] = (8, 16, 16)) -> Graph:
    net = Net({"image": (3, 16, 16)})
    x = layers.conv_bn_relu(net, net.input("image"), 8, name="stem")
    for i, filters in enumerate(widths):
        x = layers.residual_block(
            net, x, filters, 3 + 2 * (i % 2), 2 if x.channels != filters else 1, squeezed=4, gain=0.0, name=f"block{i}"
        )
    return finish(net, x)


def inverted() -> Graph:
    net = Net({"image": (3, 16, 16)})
    x = layers.conv_bn_relu(net, net.input("image"), 8, name="stem")
    for i, filters in enumerate((8, 16, 16, 32, 32)):
        x = layers.inverted_bottleneck(
            net, x, filters, stride=2 if x.channels != filters else 1, activation="silu", name=f"block{i}"
        )
    return finish(net, x)


def cells(keep: float = 1.0, auxiliary: bool = False) -> Graph:
    net = Net({"image": (3, 20, 20)})
    prev = cur = layers.conv_bn(net, net.input("image"), 12, name="stem")
    aux = cur
    for i, filters in enumerate((4, 4, 8, 8, 8)):
        stride = 2 if i == 2 else 1
        with net.scope(
            f"cell{i}",
            "Reduction" if stride == 2 else "Cell",
            **({"cur": cur} if prev == cur else {"prev": prev, "cur": cur}),
        ):
            a = (
                layers.factorized_reduction(net, prev, filters, name="fit_prev")
                if prev.shape[1:] != cur.shape[1:]
                else layers.fit(net, prev, filters)
            )
            b = layers.relu_conv_bn(net, cur, filters, name="fit_cur")
            with net.scope("block0", "Block", left=a, right=b):
                left = net.op("drop_path", layers.sep_conv(net, a, filters, 5, stride), keep=keep)
                first = net.op("add", left, layers.factorized_conv(net, b, filters, 3, stride))
            with net.scope("block1", "Block", x=first):
                second = net.op("add", layers.dil_conv(net, first, filters), net.op("identity", first))
            prev, cur = cur, net.op("concat", second, first)
        aux = cur if i == 1 else aux
    return finish(net, cur, aux if auxiliary else None)


def every_primitive() -> Graph:
    net = Net({"image": (4, 9, 9)})
    x = net.op("scale", net.input("image"))
    parts = [
        net.op(name, x)
        for name in ("relu", "relu6", "silu", "gelu", "sigmoid", "tanh", "identity", "softmax", "layer_norm")
    ]
    parts += [
        net.op("max_pool", x, kernel=5),
        net.op("avg_pool", x, kernel=(3, 1)),
        net.op("shift", x, padding=1),
        net.op("zero", x),
    ]
    parts += [
        net.op("mul", x, net.op("spatial_mean", x)),
        net.op("conv", x, filters=4, kernel=(1, 3), dilation=2, groups=2, bias=True),
    ]
    y = net.op("concat", net.op("add", *parts), net.op("add", net.op("mul", x, x), x))
    y = net.op("conv", y, filters=6, stride=2)
    y = net.op("add", y, net.op("conv", net.op("zero", x, stride=2), filters=6))
    z = net.op("batch_norm", net.op("linear", net.op("flatten", y), features=7))
    z = net.op("add", z, z)
    net.output(
        net.op("linear", net.op("dropout", net.op("mul", z, net.op("add", z, z)), p=0.5), features=3, bias=False)
    )
    return net.graph()


def tokens() -> Graph:
    net = Net({"codes": ((6,), "int")})
    x = net.op("embedding", net.input("codes"), size=9, dim=8)
    for i in range(2):
        x = token_layers.transformer_block(net, x, 2, dropout=0.1, name=f"block{i}")
    net.output(net.op("linear", net.op("token_mean", net.op("layer_norm", x)), features=3))
    return net.graph()


def columns() -> Graph:
    """Numbers with missing values, and categories."""
    net = Net({"numbers": (4,), "categories": ((3,), "int")})
    numbers = net.input("numbers")
    codes = net.op("flatten", net.op("embedding", net.input("categories"), size=9, dim=2))
    x = net.op("concat", net.op("standardise", numbers), net.op("missing", numbers, columns=(0, 2)), codes)
    y = net.op("linear", net.op("piecewise_linear", numbers, bins=3), features=8)
    z = net.op("matmul", net.op("reshape", y, shape=(2, 4)), net.op("reshape", y, shape=(4, 2)), scale=0.5)
    z = net.op("add", z, net.op("matmul", z, z))
    net.output(net.op("linear", net.op("concat", x, net.op("flatten", z)), features=2))
    return net.graph()


GRAPHS: dict[str, Callable[[], Graph]] = {
    "residual": residual,
    "inverted": inverted,
    "cells": cells,
    "cells_with_everything": lambda: cells(keep=0.5, auxiliary=True),
    "every_primitive": every_primitive,
    "tokens": tokens,
    "columns": columns,
}


def load(text: str, class_name: str = "Network") -> Any:
    space: dict[str, Any] = {}
    exec(compile(text, "network.py", "exec"), space)
    return space[class_name]


def batch_of(graph: Graph, seed: int = 0) -> dict[str, Any]:
    """Random values for every input, by name in the order of the graph."""
    generator = torch.Generator().manual_seed(seed)
    batch = {}
    for node in map(graph.node, graph.inputs):
        shape = (2, *node.shape)
        codes = node.args.get("dtype") == "int"
        batch[node.name] = (
            torch.randint(0, 9, shape, generator=generator) if codes else torch.randn(shape, generator=generator)
        )
    return batch


def stirred(graph: Graph) -> Network:
    """A network whose batch norms do not sit at their starting values, with weights laid out as torch lays them out by
    default.
    """
    network = Network(graph, seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                value.copy_(
                    torch.rand(value.shape, generator=generator) * 0.5 + 0.25
                    if "running_var" in name or "std" in name
                    else value + 0.1
                )
    network.channels_last = False
    return network.to(memory_format=torch.contiguous_format).eval()


@pytest.fixture(params=GRAPHS)
def graph(request: pytest.FixtureRequest) -> Graph:
    return GRAPHS[request.param]()


def test_the_written_network_computes_the_same(graph: Graph) -> None:
    network = stirred(graph)
    written = load(source(graph))()
    written.load_state_dict(network.state_dict(), strict=True)
    written.eval()
    batch = batch_of(graph)
    with torch.no_grad():
        assert torch.equal(written(*batch.values()), network(batch))


def test_the_written_network_trains(graph: Graph) -> None:
    written = load(source(graph))()
    given = batch_of(graph).values()
    if "auxiliary" in graph.outputs:
        sum(output.sum() for output in written.forward_all(*given).values()).backward()
    else:
        written(*given).sum().backward()
    assert all(parameter.grad is not None for parameter in written.parameters())


def test_the_file_imports_torch_and_nothing_else(graph: Graph) -> None:
    imported = set()
    for statement in ast.walk(ast.parse(source(graph))):
        if isinstance(statement, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            imported.add(str(statement.module).partition(".")[0])
    assert imported == {"torch"}


def test_lines_stay_short_and_classes_are_described(graph: Graph) -> None:
    text = source(graph)
    assert all(len(line) <= 120 and line == line.rstrip() for line in text.splitlines()) and text.endswith("\n")
    assert all(ast.get_docstring(node) for node in ast.parse(text).body if isinstance(node, ast.ClassDef))


def test_the_parameter_count_is_stated() -> None:
    graph = residual()
    assert f"{sum(p.numel() for p in Network(graph).parameters()):,} parameters" in source(graph)


def classes(text: str) -> dict[str, list[str]]:
    """Class name -> arguments of its constructor."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef):
            init = next((f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"), None)
            found[node.name] = [argument.arg for argument in init.args.args[1:]] if init else []
    return found


def test_numbers_that_vary_become_arguments_and_others_are_written_out() -> None:
    net = Net({"image": (3, 16, 16)})
    x = layers.conv_bn(net, net.input("image"), 8)
    for i, (filters, kernel) in enumerate(((8, 3), (16, 5), (16, 3))):
        x = layers.sep_conv(net, x, filters, kernel, name=f"sep{i}")
    found = classes(source(finish(net, x)))
    assert found["SepConv"] == ["in_channels", "filters", "kernel"]
    assert found["ConvBn"] == found["Classifier"] == []


def test_what_follows_from_an_argument_is_no_argument() -> None:
    found = classes(source(inverted()))
    assert found["InvertedBottleneck"] in (["channels"], ["in_channels"])


def test_equal_scopes_share_a_class_and_others_are_numbered() -> None:
    found = classes(source(cells()))
    assert {"Cell", "Reduction", "Block", "Block2", "SepConv", "Network"} <= set(found)
    assert not any(name.startswith("Block3") for name in found)


def test_a_scope_that_takes_one_value_twice_uses_the_class_with_two_arguments() -> None:
    net = Net({"image": (4, 8, 8)})
    a = b = net.input("image")
    for i in range(3):
        with net.scope(f"cell{i}", "Cell", **({"cur": b} if a == b else {"prev": a, "cur": b})):
            a, b = (
                b,
                net.op(
                    "add", layers.relu_conv_bn(net, a, 4, name="left"), layers.relu_conv_bn(net, b, 4, name="right")
                ),
            )
    text = source(finish(net, b))
    assert "Cell2" not in classes(text)
    assert "self.cell0(image, image)" in text


def test_the_auxiliary_output_is_left_out_of_forward() -> None:
    graph = cells(auxiliary=True)
    written = load(source(graph))().eval()
    x = torch.randn(2, 3, 20, 20)
    called = []
    written.auxiliary.register_forward_hook(lambda *_: called.append(True))
    with torch.no_grad():
        main = written(x)
        assert not called
        outputs = written.forward_all(x)
    assert set(outputs) == {"class", "auxiliary"} and torch.equal(outputs["class"], main)
    assert "forward_all" not in source(cells())


def test_drop_path_is_there_only_when_used_and_follows_its_schedule() -> None:
    assert "DropPath" not in source(residual())
    written = load(source(cells(keep=0.5)))()
    written.set_progress(1.0)
    x = torch.randn(4, 3, 20, 20)
    drop = next(module for module in written.modules() if type(module).__name__ == "DropPath")
    dropped = drop(torch.ones(200, 2, 2, 2))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert torch.isfinite(written(x)).all()


def test_the_class_can_be_named_and_kinds_cannot_take_its_name() -> None:
    net = Net({"image": (3, 8, 8)})
    with net.scope("stem", "Digits"):
        x = net.op("conv", net.input("image"), filters=4)
    graph = finish(net, x)
    written = load(source(graph, "Digits"), "Digits")()
    assert set(written.state_dict()) == set(Network(graph).state_dict())


def test_initial_values_of_weights_are_those_of_the_network() -> None:
    written = load(source(residual()))()
    assert float(written.block0.second.bn.weight.detach().abs().max()) == 0.0
    std = float(written.block1.first.conv.weight.detach().std())
    assert std == pytest.approx((2 / (8 * 25)) ** 0.5, rel=0.1)  # He et al. 2015, fan-in 8·5·5; 3,200 values


def test_a_scope_with_several_outputs_returns_all_of_them() -> None:
    net = Net({"image": (3, 8, 8)})
    x = net.input("image")
    with net.scope("stem", "Stem", x=x):
        first = net.op("conv", x, filters=4, name="first")
        second = net.op("relu", net.op("conv", first, filters=4, name="second"))
    graph = finish(net, net.op("add", net.op("tanh", first), second))
    written = load(source(graph))()
    network = stirred(graph)
    written.load_state_dict(network.state_dict())
    written.eval()
    image = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype("float32"))
    with torch.no_grad():
        assert torch.equal(written(image), network(image))


def test_several_inputs_are_arguments_in_their_order() -> None:
    assert "def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:" in source(columns())


def test_embeddings_start_as_those_of_the_network() -> None:
    written = load(source(columns()))()
    assert float(written.embedding.weight.detach().abs().max()) <= 2**-0.5


def test_attention_reads_like_its_formula() -> None:
    text = source(tokens())
    for line in (
        "query = self.query(tokens).reshape(-1, 6, 2, 4).permute(0, 2, 1, 3)",
        "scores = torch.softmax(torch.matmul(query, key.transpose(-2, -1)) * 4**-0.5, dim=-1)",
        "return self.out(torch.matmul(scores, value).permute(0, 2, 1, 3).reshape(-1, 6, 8))",
    ):
        assert line in text
    assert text.count("class Attention") == 1


@pytest.mark.parametrize("given", [Flat().first(), Flat()])
def test_only_a_graph_has_source(given: Any) -> None:
    with pytest.raises(UsageError, match="The argument graph of source cannot be .* It takes a Graph"):
        source(given)
