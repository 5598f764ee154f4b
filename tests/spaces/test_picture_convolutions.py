from __future__ import annotations

from collections.abc import Callable

import pytest

from archsmith.graphs.cost import cost
from archsmith.graphs.graph import Graph
from archsmith.spaces.zoo import DARTS_V2

Lay = Callable[..., Graph]


def filters(graph: Graph) -> list[int]:
    return [node.args["filters"] for node in graph.nodes if node.op == "conv"]


def test_the_wide_network_has_the_widths_of_airbench(laid: Lay) -> None:
    graph = laid((3, 32, 32), "resnet", width=1.0, growth="early")
    assert filters(graph) == [24, 64, 64, 256, 256, 256, 256]
    assert [node.shape[1] for node in graph.nodes if node.op == "max_pool"] == [16, 8, 4]


def test_the_wide_family_pads_nothing_in_its_stem_and_rounds_down(laid: Lay) -> None:
    graph = laid((3, 32, 32), "wide")
    assert filters(graph) == [24, 64, 64, 256, 256, 256, 256]
    stem = next(node for node in graph.nodes if node.op == "conv")
    assert stem.shape[1:] == (31, 31)
    assert [node.shape[1] for node in graph.nodes if node.op == "max_pool"] == [15, 7, 3]
    other = laid((3, 32, 32), "resnet", width=1.0, growth="early")
    assert cost(graph).macs < 0.85 * cost(other).macs


@pytest.mark.parametrize("side", [1, 2, 3, 8])
def test_the_wide_family_takes_pictures_of_a_few_pixels(laid: Lay, side: int) -> None:
    graph = laid((1, side, side), "wide", width=0.25)
    assert all(min(node.shape[1:]) >= 1 for node in graph.nodes if node.op in ("conv", "max_pool"))


@pytest.mark.parametrize("depth, n_sums", [(1, 0), (2, 3), (3, 3)])
def test_a_shortcut_goes_around_what_follows_the_first_convolution(laid: Lay, depth: int, n_sums: int) -> None:
    graph = laid((3, 32, 32), "resnet", depth=depth, shortcut=True)
    assert sum(node.op == "add" for node in graph.nodes) == n_sums
    assert len(filters(graph)) == 1 + 3 * depth


def test_inverted_bottlenecks_have_depthwise_convolutions(laid: Lay) -> None:
    graph = laid((3, 32, 32), "inverted", depth=1)
    assert sum(node.args.get("groups", 1) > 1 for node in graph.nodes if node.op == "conv") == 3


@pytest.mark.parametrize("downsample, pixels", [("pool", 8 * 8), ("none", 32 * 32)])
def test_the_flat_family_reads_every_pixel(laid: Lay, downsample: str, pixels: int) -> None:
    graph = laid((3, 32, 32), "flat", downsample=downsample, filters=16, layers=2)
    flattened = next(node for node in graph.nodes if node.op == "flatten")
    assert flattened.shape[0] % pixels == 0
    assert not any(node.op == "global_pool" for node in graph.nodes)


def test_published_cells_are_laid_out_as_they_are(laid: Lay) -> None:
    graph = laid((3, 32, 32), "cell", cells=3)
    kinds = [scope.kind for scope in graph.scopes.values() if scope.kind.endswith("Cell")]
    assert kinds == ["NormalCell", "ReductionCell", "ReductionCell"]
    identities = sum(answer == "identity" for path, answer in DARTS_V2.items() if path.startswith("normal"))
    assert identities == 2  # so 6 of the 8 operations of a normal cell are separable convolutions
    normal = [scope for scope in graph.scopes if ".cell0.block" in scope and scope.count(".") == 3]
    assert len(normal) == 6
