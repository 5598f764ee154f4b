from __future__ import annotations

from collections.abc import Callable

import pytest

from archsmith.graphs.graph import Graph, Node

Lay = Callable[..., Graph]


def nodes(graph: Graph, op: str) -> list[Node]:
    return [node for node in graph.nodes if node.op == op]


@pytest.mark.parametrize(
    ("side", "patch", "expected"), [(32, 4, 8), (28, 8, 4), (28, 4, 7), (8, 8, 1), (224, 4, 7), (6, 8, 1)]
)
def test_patches_cover_images_of_every_size(laid: Lay, side: int, patch: int, expected: int) -> None:
    graph = laid((3, side, side), "mixer", patch=patch)
    assert nodes(graph, "conv")[0].shape == (128, expected, expected)


def test_blocks_mix_by_depthwise_convolutions(laid: Lay) -> None:
    graph = laid((3, 32, 32), "mixer", depth=2)
    groups = [node.args["groups"] for node in nodes(graph, "conv")]
    assert groups == [1, 128, 1, 128, 1]
    assert not nodes(graph, "linear")[:-1]


def test_blocks_mix_by_linear_layers(laid: Lay) -> None:
    graph = laid((3, 32, 32), "mixer", mixing="mlp", width=64, depth=2)
    shapes = [node.shape for node in nodes(graph, "linear")]
    assert shapes == [*([(64, 32), (64, 64), (64, 128), (64, 64)] * 2), (10,)]


def test_attention_knows_where_a_patch_is(laid: Lay) -> None:
    torch = pytest.importorskip("torch")
    from archsmith.graphs.network import Network

    torch.set_num_threads(1)
    graph = laid((1, 8, 16), "attention", patch=8, head="mean")
    positions = next(node for node in nodes(graph, "layer_norm") if node.args["axes"] == 2)
    network = Network(graph, seed=0).eval()
    batch = torch.randn(2, 1, 8, 16, generator=torch.Generator().manual_seed(0))
    swapped = torch.cat([batch[..., 8:], batch[..., :8]], dim=3)
    with torch.no_grad():
        torch.testing.assert_close(network(swapped), network(batch))  # until the positions have learnt something
        shift = network.get_parameter(f"{positions.name}.bias")
        assert shift.shape == (2, 64)
        shift[0] += 1.0 * torch.arange(64)
        assert not torch.allclose(network(swapped), network(batch))


@pytest.mark.parametrize("family", ["mixer", "attention"])
def test_a_flat_head_reads_every_patch(laid: Lay, family: str) -> None:
    decisions = {"mixing": "mlp"} if family == "mixer" else {}
    graph = laid((3, 32, 32), family, head="flat", width=64, **decisions)
    assert graph.shapes_of(nodes(graph, "linear")[-1].inputs) == ((64 * 64,),)
