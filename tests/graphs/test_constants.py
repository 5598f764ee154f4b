"""Constants fitted on training data: means and deviations, edges of bins, missing values, order, copies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net

torch = pytest.importorskip("torch")
from torch import Tensor  # noqa: E402

from archsmith.graphs import constants  # noqa: E402
from archsmith.graphs.bank import WeightBank  # noqa: E402
from archsmith.graphs.constants import Quantiles, constants_of, copy_constants, fit_constants  # noqa: E402
from archsmith.graphs.network import Network  # noqa: E402


def one(op: str, n: int, **args: Any) -> Network:
    net = Net({"numbers": (n,)})
    net.output(net.op(op, net.input("numbers"), name="tested", **args))
    return Network(net.graph(), seed=0)


def table() -> Graph:
    """Bins of standardised numbers beside codes."""
    net = Net({"numbers": (3,), "categories": ((2,), "int")})
    numbers = net.op("piecewise_linear", net.op("standardise", net.input("numbers")), bins=2, name="bins")
    codes = net.op("flatten", net.op("embedding", net.input("categories"), size=5, dim=2))
    net.output(net.op("linear", net.op("concat", numbers, codes), features=2))
    return net.graph()


def batches(n: int = 3, size: int = 40) -> list[dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    scale, shift = torch.tensor([1.0, 100.0, 0.01]), torch.tensor([5.0, -1000.0, 0.0])
    return [
        {
            "numbers": torch.randn(size, 3, generator=generator) * scale + shift,
            "categories": torch.randint(0, 5, (size, 2), generator=generator),
        }
        for _ in range(n)
    ]


def test_columns_are_standardised_without_their_missing_values() -> None:
    x = torch.randn(50, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 5.0, 1e-8, 1.0])
    x[::3, 1] = torch.nan
    network = one("standardise", 4)
    assert fit_constants(network, [x[:7], x[7:8], x[8:]]) == 1
    y = network(x)
    assert not y.isnan().any() and bool((y[::3, 1] == 0).all())
    known = ~x.isnan()
    for column in range(4):
        values = y[known[:, column], column]
        assert float(values.mean()) == pytest.approx(0.0, abs=1e-5)
        assert float(values.std(correction=0)) == pytest.approx(1.0, rel=1e-4)


def test_columns_without_spread_or_values_keep_the_deviation_one() -> None:
    x = torch.full((9, 3), 0.1)
    x[:, 1] = torch.nan
    x[:, 2] = torch.tensor(3e9)
    network = one("standardise", 3)
    fit_constants(network, [x[:4], x[4:]])
    assert network.get_buffer("tested.std").tolist() == [1.0, 1.0, 1.0]
    assert network.get_buffer("tested.mean").tolist() == pytest.approx([0.1, 0.0, 3e9])
    assert torch.equal(network(x), torch.zeros(9, 3))


def test_large_values_lose_nothing_while_they_are_summed() -> None:
    x = 1e6 + torch.arange(1000.0)[:, None] % 10
    network = one("standardise", 1)
    fit_constants(network, x.split(100))
    assert float(network.get_buffer("tested.std")) == pytest.approx(np.std(np.arange(10)), rel=1e-5)


def test_edges_are_quantiles_of_the_values_that_are_there() -> None:
    x = torch.arange(101.0).repeat(2, 1).T.clone()
    x[::2, 1] = torch.nan
    network = one("piecewise_linear", 2, bins=4)
    assert fit_constants(network, x.split(20)) == 1
    assert network.get_buffer("tested.edges").tolist() == [[0, 25, 50, 75, 100], [1, 25.5, 50, 74.5, 99]]


def test_bins_are_those_of_the_paper() -> None:
    network = one("piecewise_linear", 1, bins=3)
    network.get_buffer("tested.edges").copy_(torch.tensor([[0.0, 1.0, 3.0, 4.0]]))
    x = torch.tensor([[-1.0], [0.5], [2.0], [3.0], [6.0], [torch.nan]])
    expected = [[-1, 0, 0], [0.5, 0, 0], [1, 0.5, 0], [1, 1, 0], [1, 1, 3], [0, 0, 0]]
    assert network(x).tolist() == expected


def test_equal_edges_are_a_step() -> None:
    network = one("piecewise_linear", 1, bins=4)
    fit_constants(network, [torch.tensor([[0.0], [0.0], [0.0], [0.0], [8.0]])])
    assert network.get_buffer("tested.edges").tolist() == [[0.0, 0.0, 0.0, 0.0, 8.0]]
    assert network(torch.tensor([[-0.5], [0.0], [2.0]])).tolist() == [[0, 0, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0.25]]


def test_quantiles_come_from_a_bounded_sample_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "SAMPLE", 100)
    quantiles = Quantiles(2)
    values = torch.arange(10_000, dtype=torch.float64)[None]
    for part in values.split(37, dim=1):
        quantiles.add(part)
        assert quantiles.held <= 100
    edges = quantiles.constants()["edges"][0]
    assert edges[0] == 0 and float(edges[1]) == pytest.approx(5000, abs=200) and float(edges[2]) > 9800


def test_a_column_of_missing_values_has_edges_all_the_same() -> None:
    network = one("piecewise_linear", 1, bins=2)
    fit_constants(network, [torch.full((5, 1), torch.nan)])
    assert network.get_buffer("tested.edges").tolist() == [[0.0, 0.5, 1.0]]


def test_constants_behind_constants_are_fitted_in_their_order_from_one_reading() -> None:
    network = Network(table(), seed=0)
    assert fit_constants(network, iter(batches())) == 2
    x = torch.cat([batch["numbers"] for batch in batches()])
    standard = (x - x.mean(0)) / x.std(0, correction=0)
    expected = torch.quantile(standard, torch.tensor([0.0, 0.5, 1.0]), dim=0).T
    assert torch.allclose(network.get_buffer("bins.edges"), expected, atol=1e-4)
    assert network.training


def test_fitting_draws_nothing() -> None:
    state = torch.random.get_rng_state()
    network = Network(table(), seed=0)
    fit_constants(network, batches())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_nothing_is_fitted_without_a_batch() -> None:
    assert fit_constants(Network(table(), seed=0), []) == 0


def test_constants_can_be_copied_into_a_child_of_a_bank() -> None:
    fitted, child = Network(table(), seed=0), Network(table(), WeightBank())
    fit_constants(fitted, batches())
    assert list(constants_of(fitted)) == ["standardise.mean", "standardise.std", "bins.edges"]
    assert copy_constants(fitted, child) == 3
    assert all(
        torch.equal(a, b) for a, b in zip(constants_of(fitted).values(), constants_of(child).values(), strict=True)
    )
    assert copy_constants({"bins.edges": torch.zeros(3, 9)}, child) == 0
