"""Composite operations: shapes, and parameter counts worked out by hand from the published forms."""

from collections.abc import Callable

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs import layers
from archsmith.graphs.cost import cost
from archsmith.graphs.net import Net, Value

C, F, SIZE = 6, 8, 9


def laid_out(
    build: Callable[[Net, Value], Value], shape: tuple[int, int, int] = (C, SIZE, SIZE)
) -> tuple[tuple[int, ...], int, list[str]]:
    """Shape, parameters and operations of one composite."""
    net = Net({"image": shape})
    value = build(net, net.input())
    net.output(value)
    graph = net.graph()
    return value.shape, cost(graph).params, [node.op for node in graph.nodes[1:]]


UNIT = ["relu", "conv", "conv", "batch_norm"]


def test_sep_conv_is_applied_twice_with_the_stride_in_the_first() -> None:
    shape, params, ops = laid_out(lambda net, x: layers.sep_conv(net, x, F, 5, 2))
    assert shape == (F, 5, 5)
    assert params == (C * 25 + C * F + 2 * F) + (F * 25 + F * F + 2 * F)
    assert ops == UNIT * 2


def test_dil_sep_conv_is_applied_once() -> None:
    shape, params, ops = laid_out(lambda net, x: layers.dil_sep_conv(net, x, F, 5))
    assert shape == (F, SIZE, SIZE)
    assert params == C * 25 + C * F + 2 * F
    assert ops == UNIT


def test_dil_conv_is_a_full_convolution() -> None:
    assert laid_out(lambda net, x: layers.dil_conv(net, x, F, 3, 2))[:2] == ((F, 5, 5), C * F * 9 + 2 * F)


@pytest.mark.parametrize(("between", "norms"), [(False, 1), (True, 2)])
def test_factorized_conv(between: bool, norms: int) -> None:
    shape, params, _ = laid_out(lambda net, x: layers.factorized_conv(net, x, F, 7, 2, norm_between=between))
    assert shape == (F, 5, 5)
    assert params == C * F * 7 + F * F * 7 + norms * 2 * F


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("filters", [8, 7])
def test_factorized_reduction_halves_every_size(size: int, filters: int) -> None:
    shape, params, _ = laid_out(lambda net, x: layers.factorized_reduction(net, x, filters), (C, size, size))
    assert shape == (filters, (size + 1) // 2, (size + 1) // 2)
    assert params == C * filters + 2 * filters


def test_pool_projects_only_where_the_width_changes() -> None:
    assert laid_out(lambda net, x: layers.pool(net, x, "avg", filters=C))[2] == ["avg_pool"]
    shape, params, ops = laid_out(lambda net, x: layers.pool(net, x, "max", 3, 2, filters=F))
    assert (shape, params, ops) == ((F, 5, 5), C * F + 2 * F, ["max_pool", "conv", "batch_norm"])


def test_pool_knows_two_kinds() -> None:
    with pytest.raises(UsageError, match="median"):
        laid_out(lambda net, x: layers.pool(net, x, "median"))


def test_fit_does_what_is_needed() -> None:
    assert laid_out(lambda net, x: layers.fit(net, net.op("relu", x), C))[2] == ["relu"]
    assert laid_out(lambda net, x: layers.fit(net, x, F))[2] == ["relu", "conv", "batch_norm"]
    assert "shift" in laid_out(lambda net, x: layers.fit(net, x, C, 2))[2]


def test_squeeze_excite_keeps_the_shape() -> None:
    assert laid_out(lambda net, x: layers.squeeze_excite(net, x, 2))[:2] == ((C, SIZE, SIZE), C * 2 + 2 + 2 * C + C)


def test_residual_block_projects_its_shortcut_where_needed() -> None:
    assert laid_out(lambda net, x: layers.residual_block(net, x, C))[1] == 2 * (C * C * 9 + 2 * C)
    shape, params, _ = laid_out(lambda net, x: layers.residual_block(net, x, F, 3, 2, squeezed=2))
    assert shape == (F, 5, 5)
    assert params == (C * F * 9 + 2 * F) + (F * F * 9 + 2 * F) + (F * 2 + 2 + 2 * F + F) + (C * F + 2 * F)


def test_bottleneck_block() -> None:
    shape, params, _ = laid_out(lambda net, x: layers.bottleneck_block(net, x, F, 3, 2, ratio=4))
    assert shape == (F, 5, 5)
    assert params == (C * 2 + 4) + (2 * 2 * 9 + 4) + (2 * F + 2 * F) + (C * F + 2 * F)


@pytest.mark.parametrize("expansion", [1, 4])
def test_inverted_bottleneck(expansion: int) -> None:
    wide = C * expansion
    shape, params, ops = laid_out(lambda net, x: layers.inverted_bottleneck(net, x, C, 5, expansion=expansion))
    assert shape == (C, SIZE, SIZE)
    assert params == (C * wide + 2 * wide if expansion > 1 else 0) + wide * 25 + 2 * wide + wide * C + 2 * C
    assert ops[-1] == "add"


# DARTS (C = 36, 20 cells) and NASNet-A 6@768: the published networks' auxiliary heads on CIFAR-10.
@pytest.mark.parametrize(("shape", "params"), [((576, 8, 8), 476_426), ((384, 16, 16), 1_631_498)])
def test_auxiliary_head_has_the_published_size(shape: tuple[int, int, int], params: int) -> None:
    assert laid_out(lambda net, x: layers.auxiliary_head(net, x, 10), shape)[:2] == ((10,), params)


def test_classifier() -> None:
    shape, params, ops = laid_out(lambda net, x: layers.classifier(net, x, 10, relu=True, dropout=0.5))
    assert (shape, params, ops) == ((10,), C * 10 + 10, ["relu", "global_pool", "dropout", "linear"])
