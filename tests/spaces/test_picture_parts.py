from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from archsmith.graphs.graph import Graph, Node, prune

Lay = Callable[..., Graph]


def nodes(graph: Graph, op: str) -> list[Node]:
    return [node for node in graph.nodes if node.op == op]


def test_linear_layers_read_all_pixels(laid: Lay) -> None:
    graph = laid((1, 28, 28), "mlp", depth=3, width=256)
    assert [node.shape for node in nodes(graph, "linear")] == [(256,), (256,), (256,), (10,)]
    assert not nodes(graph, "conv") and nodes(graph, "flatten")[0].shape == (784,)


def test_a_strip_of_columns_is_as_tall_as_the_image(laid: Lay) -> None:
    graph = laid((1, 24, 24), "strips", size=6)
    (conv,) = nodes(graph, "conv")
    assert conv.args["kernel"] == (24, 6) and conv.args["stride"] == (1, 6) and conv.args["padding"] == (0, 0)
    assert conv.shape == (128, 1, 4)


def test_a_strip_of_rows_is_as_wide_as_the_image(laid: Lay) -> None:
    graph = laid((1, 24, 16), "strips", direction="rows", size=3, step="one", filters=64)
    (conv,) = nodes(graph, "conv")
    assert conv.args["kernel"] == (3, 16) and conv.shape == (64, 22, 1)


def test_both_directions_are_joined(laid: Lay) -> None:
    graph = laid((1, 24, 24), "strips", direction="both", head="mean", filters=64)
    assert nodes(graph, "concat")[0].shape == (128,)


def forward(graph: Graph, name: str, batch: Any) -> Any:
    """What the node ``name`` gives for a batch, in evaluation mode."""
    torch = pytest.importorskip("torch")
    from archsmith.graphs.network import Network

    torch.set_num_threads(1)
    cut = prune(graph.nodes, graph.scopes, graph.inputs, {"class": name})
    with torch.no_grad():
        return Network(cut, seed=0).eval()(batch)


@pytest.mark.parametrize("body", ["conv", "mlp"])
def test_every_channel_is_read_with_the_same_weights(laid: Lay, body: str) -> None:
    torch = pytest.importorskip("torch")
    graph = laid((3, 16, 16), "channels", body=body)
    batch = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    joined = nodes(graph, "flatten")[0].inputs[0]  # (features, channels, 1)
    found, mixed = forward(graph, joined, batch), forward(graph, joined, batch[:, [2, 0, 1]])
    assert found.shape[2:] == (3, 1)
    torch.testing.assert_close(mixed, found[:, :, [2, 0, 1]])


@pytest.mark.parametrize("body", ["conv", "mlp"])
def test_every_tile_is_read_with_the_same_weights(laid: Lay, body: str) -> None:
    torch = pytest.importorskip("torch")
    graph = laid((1, 16, 16), "tiles", body=body, grid=2)
    batch = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    swapped = torch.cat([batch[:, :, 8:], batch[:, :, :8]], dim=2)
    joined = nodes(graph, "flatten")[0].inputs[0]
    found, mixed = forward(graph, joined, batch), forward(graph, joined, swapped)
    assert found.shape[2:] == (2, 2)
    torch.testing.assert_close(mixed, found.flip(2))


@pytest.mark.parametrize("join, features", [("concat", 4 * 128), ("mean", 128), ("max", 128)])
def test_parts_are_joined(laid: Lay, join: str, features: int) -> None:
    graph = laid((1, 16, 16), "tiles", join=join)
    first = nodes(graph, "linear")[0]
    assert graph.shapes_of(first.inputs) == ((features,),)


@pytest.mark.parametrize("grid", [2, 3, 4])
def test_a_grid_that_does_not_divide_an_image_loses_a_few_pixels(laid: Lay, grid: int) -> None:
    graph = laid((1, 29, 31), "tiles", grid=grid)
    assert nodes(graph, "flatten")[0].shape == (grid * grid * 128,)


def test_a_grey_image_has_one_part(laid: Lay) -> None:
    graph = laid((1, 28, 28), "channels")
    assert not nodes(graph, "shared_conv") and not nodes(graph, "reshape")
