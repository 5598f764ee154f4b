"""Modules of our own: dropped paths, narrow and shared convolutions, and how a row's class is found."""

from __future__ import annotations

import pytest

from archsmith.core.errors import UsageError
from archsmith.graphs.net import Net

torch = pytest.importorskip("torch")
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from archsmith.graphs.modules import DropPath, NarrowConv, found  # noqa: E402
from archsmith.graphs.network import Network  # noqa: E402


def test_paths_are_dropped_per_example_and_scaled() -> None:
    torch.manual_seed(0)
    drop = DropPath(0.6)
    x = torch.ones(2000, 2, 3, 3)
    assert torch.equal(drop(x), x)  # at progress 0
    drop.progress = 1.0
    y = drop(x)
    per_example = y.flatten(1)
    assert bool(((per_example == 0).all(1) | torch.isclose(per_example, torch.tensor(1 / 0.6)).all(1)).all())
    # 2000 draws at 0.6 have a deviation of 0.011: five of them fail once in two million runs, and the seed is fixed
    # anyway.
    assert float((per_example[:, 0] > 0).float().mean()) == pytest.approx(0.6, abs=0.055)
    assert torch.equal(drop.eval()(x), x)


def test_narrow_strided_convolutions_compute_what_torch_says_and_have_its_gradients() -> None:
    net = Net({"image": (3, 9, 8)})
    x = net.op("conv", net.input("image"), filters=4, kernel=1, stride=2, name="narrow")
    net.output(net.op("linear", net.op("global_pool", x), features=2))
    network = Network(net.graph(), seed=0)
    module = network.get_submodule("narrow")
    assert isinstance(module, NarrowConv)
    images = torch.randn(5, 3, 9, 8, generator=torch.Generator().manual_seed(0))
    expected = F.conv2d(images, module.weight, stride=2)
    assert torch.allclose(module(images), expected, atol=1e-6)
    with torch.no_grad():
        assert torch.allclose(module(images), expected, atol=1e-6)
    module(images).square().sum().backward()
    gradient, module.weight.grad = module.weight.grad.clone(), None
    F.conv2d(images, module.weight, stride=2).square().sum().backward()
    assert torch.allclose(gradient, module.weight.grad, rtol=1e-4, atol=1e-4)


def test_wide_or_plain_convolutions_are_torch_s_own() -> None:
    net = Net({"image": (16, 8, 8)})
    x = net.op("conv", net.input("image"), filters=4, kernel=1, stride=2, name="wide")
    x = net.op("conv", x, filters=4, kernel=3, stride=2, name="large")
    x = net.op("conv", x, filters=4, kernel=1, name="steady")
    net.output(net.op("linear", net.op("global_pool", x), features=2))
    network = Network(net.graph(), seed=0)
    assert all(type(network.get_submodule(name)) is nn.Conv2d for name in ("wide", "large", "steady"))


def test_shared_convolutions_use_the_same_weights_for_every_part() -> None:
    net = Net({"image": (6, 8, 8)})
    by_groups = net.op("shared_conv", net.input(), filters=4, groups=3, name="groups")
    net.output(net.op("shared_conv", by_groups, filters=5, tiles=(2, 4), stride=2, name="tiles"))
    network = Network(net.graph(), seed=0)
    x = torch.randn(2, 6, 8, 8, generator=torch.Generator().manual_seed(0))
    first, second = network.get_parameter("groups.weight"), network.get_parameter("tiles.weight")
    y = torch.cat([F.conv2d(part, first, padding=1) for part in x.split(2, dim=1)], dim=1)
    rows = [[F.conv2d(tile, second, padding=1, stride=2) for tile in row.split(2, dim=3)] for row in y.split(4, dim=2)]
    expected = torch.cat([torch.cat(row, dim=3) for row in rows], dim=2)
    assert torch.allclose(network(x), expected, atol=1e-5)
    assert (first.shape, second.shape) == ((4, 2, 3, 3), (5, 12, 3, 3))


def test_a_class_that_is_not_there_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="nn.Nowhere"):
        found("nn.Nowhere")
    with pytest.raises(UsageError, match="nowhere:Class"):
        found("nowhere:Class")


def test_a_class_is_found_in_torch_here_and_anywhere() -> None:
    assert found("nn.Linear") is nn.Linear
    assert found("DropPath") is DropPath
    assert found("archsmith.graphs.modules:NarrowConv") is NarrowConv
