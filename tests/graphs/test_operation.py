"""One row an operation: nobody else knows its name, and a plug-in adds one without a change elsewhere."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archsmith.graphs
from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.space import Choose
from archsmith.core.task import image_classification
from archsmith.graphs import layers
from archsmith.graphs.cost import cost
from archsmith.graphs.drawing import draw, draw_cell
from archsmith.graphs.features import features
from archsmith.graphs.graph import Graph
from archsmith.graphs.identity import identity
from archsmith.graphs.net import Net
from archsmith.graphs.network_space import ImageSpace
from archsmith.graphs.operations import OPERATIONS, Operation, register, same_shape
from archsmith.graphs.sketch import functional_paths
from archsmith.graphs.source import source

torch = pytest.importorskip("torch")
from archsmith.graphs.bank import WeightBank  # noqa: E402
from archsmith.graphs.network import Network, inherit  # noqa: E402

ROOM = Path(archsmith.graphs.__file__).parent
# the rows themselves, and the builders of layers
MAY = {
    "basic_operations.py",
    "image_operations.py",
    "token_operations.py",
    "table_operations.py",
    "layers.py",
    "token_layers.py",
}

PLUGIN = '''
"""An operation with a weight, in two directions: one number for each channel."""

import torch
from torch import Tensor, nn

from archsmith.graphs.operations import Call, Operation, register


class ChannelGain(nn.Module):
    """x times one weight for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight.view(-1, 1, 1)


register(
    Operation(
        "channel_gain",
        lambda args, ins: ins[0],
        params=lambda args, ins: {"weight": ins[0][:1]},
        keeps="inputs",
        module=lambda args, ins: Call(f"{__name__}:ChannelGain", (ins[0][0],)),
        init={"weight": "ones"},
        n_sliced=1,
        keeps_channels=True,
        label="channel gain",
        family="separable",
    ),
    Operation(
        "powered",
        lambda args, ins: ins[0],
        defaults={"power": 2},
        keeps="inputs",
        code=lambda args, x: f"{x[0]} ** {args['power']}",
    ),
)
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The plug-in written to a file, imported, and forgotten again."""
    (tmp_path / "gain_plugin.py").write_text(PLUGIN, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    before = set(OPERATIONS)
    import gain_plugin  # type: ignore[import-not-found]  # noqa: F401

    yield
    for name in set(OPERATIONS) - before:
        del OPERATIONS[name]
    del sys.modules["gain_plugin"]


@dataclass(frozen=True)
class Gains(ImageSpace):
    """A convolution, and either operation of the plug-in behind it."""

    filters: int = 6

    def build(self, choose: Choose, net: Net) -> None:
        x = layers.conv_bn_relu(net, net.input("image"), self.filters, name="stem")
        for i in range(2):
            with net.scope(f"part{i}", "Part", x=x):
                x = net.op(str(choose(f"op{i}", ("channel_gain", "powered"))), net.op("add", x, x))
        net.output(layers.classifier(net, x, self.n_outputs))


def gains(filters: int = 6) -> Graph:
    space = Gains(input_shape=(3, 8, 8), n_outputs=4, filters=filters)
    return space.graph(Architecture({"op0": "channel_gain", "op1": "powered"}))


IMAGES = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.usefixtures("plugin")
def test_a_plug_in_s_operation_is_laid_out_counted_and_drawn() -> None:
    graph = gains()
    assert graph.node("part0.channel_gain").key == "part0/channel_gain:channel_gain:6"
    assert Graph.from_dict(graph.to_dict()) == graph and identity(graph) == identity(Graph.from_dict(graph.to_dict()))
    assert cost(graph).params == sum(p.numel() for p in Network(graph, seed=0).parameters())
    assert features(graph)["count_channel_gain"] == 1.0
    assert "channel_gain" in next(iter(functional_paths(graph)))
    assert "channel gain" in draw_cell(graph, "part0") and "powered" in draw_cell(graph, "part1")
    assert "channel gain" in draw(graph, depth=2)


@pytest.mark.usefixtures("plugin")
def test_a_plug_in_s_operation_runs_and_draws_nothing_from_the_global_generator() -> None:
    state = torch.random.get_rng_state()
    network = Network(gains(), seed=0).eval()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert network.get_parameter("part0.channel_gain.weight").detach().tolist() == [1.0] * 6
    x = network.get_submodule("stem")
    y = torch.relu(x.bn(x.conv(IMAGES)))
    assert torch.allclose(network(IMAGES), network.classifier.linear(((4 * y) ** 2).mean((2, 3))), atol=1e-5)


@pytest.mark.usefixtures("plugin")
def test_a_plug_in_s_operation_shares_weights_in_a_bank() -> None:
    bank = WeightBank()
    narrow, wide = (Network(gains(filters), bank) for filters in (4, 6))
    weight = "part0.channel_gain.weight"
    assert narrow.get_parameter(weight).data_ptr() == wide.get_parameter(weight).data_ptr()
    alone = Network(gains(6), seed=1)
    assert inherit(alone, wide) == 1.0


@pytest.mark.usefixtures("plugin")
def test_a_plug_in_s_operation_comes_out_as_source_that_stands_alone() -> None:
    network = Network(gains(), seed=0).eval()
    text = source(network.graph)
    assert "class ChannelGain(nn.Module)" in text and "gain_plugin" not in text and "archsmith" not in text
    names: dict[str, Any] = {}
    exec(text, names)
    written = names["Network"]()
    written.load_state_dict(network.state_dict())
    written.eval().to(memory_format=torch.channels_last)
    assert torch.equal(written(IMAGES.contiguous(memory_format=torch.channels_last)), network(IMAGES))


@pytest.mark.usefixtures("plugin")
def test_a_plug_in_s_operation_is_exported_as_a_verified_bundle(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from archsmith.bundle import Predictor
    from archsmith.bundle.export import export
    from archsmith.bundle.images import ImageIntake

    network = Network(gains(), seed=0).eval()
    task = image_classification((3, 8, 8), tuple("abcd"))
    intake = ImageIntake(8, 8, 3, (0.0,) * 3, (1.0,) * 3)
    done = export(network, network.graph, task, tmp_path / "bundle", intake=intake)
    assert done.max_difference <= 1e-4 and done.source_difference <= 1e-5
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    expected = network(torch.from_numpy(picture).permute(2, 0, 1)[None] / 255).softmax(dim=1)
    assert np.allclose(
        Predictor(tmp_path / "bundle").predict_proba([picture]), expected.detach().numpy(), rtol=0, atol=1e-5
    )


def test_no_other_file_names_an_operation() -> None:
    found = []
    for path in sorted(ROOM.glob("*.py")):
        if path.name in MAY:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in OPERATIONS and path.name != "operation.py":
                found.append(f"{path.name}:{node.lineno}: {node.value}")
    assert not found


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        (
            "8",
            r"^The argument filters of the operation 'conv' cannot be '8'\. Give a number, without quotation marks\.$",
        ),
        (None, r"^The operation 'conv' cannot work with filters=None, .* on \(\(1, 8, 8\),\): TypeError"),
    ],
)
def test_an_argument_that_is_no_number_is_named(filters: Any, told: str) -> None:
    net = Net(image_classification((1, 8, 8), ("a", "b")).inputs)
    with pytest.raises(UsageError, match=told):
        layers.conv_bn_relu(net, net.input("image"), filters)


def test_a_name_is_given_once() -> None:
    with pytest.raises(UsageError, match="already"):
        register(Operation("conv", same_shape, code=lambda args, x: x[0]))


@pytest.mark.parametrize(
    "row",
    [
        Operation("nothing_computes_it", same_shape),
        Operation("not a name", same_shape, code=lambda args, x: x[0]),
    ],
)
def test_a_row_that_cannot_work_is_refused(row: Operation) -> None:
    with pytest.raises(UsageError, match=row.name):
        register(row)
    assert row.name not in OPERATIONS
