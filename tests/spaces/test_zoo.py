"""Published networks: exact parameters from the graph alone and from the built network, multiply-adds as torch counts
them.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from archsmith.core.space import Space
from archsmith.graphs.cost import cost
from archsmith.spaces.zoo import ZOO, ZooEntry, cell

every_entry = pytest.mark.parametrize("entry", ZOO.values(), ids=ZOO)


@every_entry
def test_the_graph_alone_has_the_published_parameters(entry: ZooEntry) -> None:
    assert cost(entry.graph()).params == entry.params


@every_entry
def test_the_architecture_is_a_point_of_its_space(entry: ZooEntry) -> None:
    entry.space.validate(entry.architecture)


@every_entry
def test_the_built_network_agrees_with_the_graph(entry: ZooEntry) -> None:
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    from archsmith.graphs.network import Network

    graph = entry.graph()
    with torch.device("meta"), torch.no_grad():
        network = Network(graph).eval()
        assert sum(p.numel() for p in network.parameters()) == entry.params
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(1, *entry.space.input_shape))
    assert counter.get_total_flops() == 2 * cost(graph).macs


@pytest.mark.parametrize("name", [name for name, entry in ZOO.items() if entry.macs])
def test_multiply_adds_are_close_to_the_published_ones(name: str) -> None:
    entry = ZOO[name]
    assert entry.macs is not None
    assert cost(entry.graph()).macs == pytest.approx(entry.macs, rel=0.04)


@pytest.mark.parametrize(
    "name, params",
    [
        ("nasnet_a_cifar", 1_631_498),
        ("nasnet_a_mobile", 2_411_240),
        ("nasnet_a_large", 4_567_784),
        ("darts_v2", 476_426),
        ("amoebanet_a", 457_994),
        ("enas_micro", 494_848 + 10),  # the released head has no bias
    ],
)
def test_the_auxiliary_head_adds_the_known_parameters(name: str, params: int) -> None:
    entry = ZOO[name]
    space = _with_auxiliary(entry.space)
    assert cost(space.graph(entry.architecture)).params == entry.params + params  # type: ignore[attr-defined]


def _with_auxiliary(space: Space) -> Space:
    return replace(space, scale=replace(space.scale, auxiliary=True))  # type: ignore[attr-defined, call-arg]


def test_the_nasnet_proxy_has_the_known_parameters() -> None:
    entry = ZOO["nasnet_a_cifar"]
    space = replace(entry.space, scale=replace(entry.space.scale, cells=2))  # type: ignore[attr-defined, call-arg]
    assert cost(space.graph(entry.architecture)).params == 1_294_698


def test_a_block_that_is_no_block_is_refused() -> None:
    from archsmith.core.errors import UsageError

    with pytest.raises(UsageError, match="not a block"):
        cell("normal", "sep3x3(0)")
