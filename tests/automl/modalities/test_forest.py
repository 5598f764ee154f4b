"""The trees of scikit-learn, read node by node."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingRegressor

from archsmith.automl.modalities.forest import Source, network_of, rounded_down, trees_of
from archsmith.core.errors import ArchsmithError
from archsmith.core.task import Input
from archsmith.graphs.cost import cost
from archsmith.graphs.source import source

NUMBERS = (Input("numbers", "numbers", (2,)),)


def boosted(x, y, **how):
    return HistGradientBoostingRegressor(min_samples_leaf=1, early_stopping=False, **how).fit(x, y)


def network(model, sources, inputs=NUMBERS):
    return network_of(model, sources, inputs, np.eye(1), model._baseline_prediction.reshape(1))


def test_a_threshold_is_rounded_so_that_every_float32_stays_on_its_side():
    rng = np.random.default_rng(0)
    for value in [*rng.normal(size=200), 0.1, -0.1, 1e300, -1e38, np.inf]:
        below = rounded_down(value)
        assert np.isfinite(below) and float(below) <= value
        if below < np.finfo(np.float32).max:
            assert float(np.nextafter(below, np.float32(np.inf))) > value


def test_values_at_and_around_thresholds_go_where_they_went():
    rng = np.random.default_rng(1)
    x = rng.choice(np.float32([0.1, 0.2, 0.3, 1 / 3, 0.7]), (300, 2)).astype(np.float64)
    model = boosted(x, x[:, 0] * 3 + x[:, 1])
    steps = np.unique(x).astype(np.float32)
    near = np.concatenate([steps, np.nextafter(steps, np.float32(9)), np.nextafter(steps, np.float32(-9))])
    middle = ((steps[1:].astype(np.float64) + steps[:-1]) / 2).astype(np.float32)
    given = np.stack(np.meshgrid(np.r_[near, middle, np.nan], np.r_[near, middle, np.nan]), -1).reshape(-1, 2)
    found = network(model, [Source(0), Source(1)])(torch.from_numpy(given)).detach().numpy()[:, 0]
    np.testing.assert_allclose(found, model.predict(given.astype(np.float64)), atol=1e-5)


def test_missing_values_alone_may_be_what_a_tree_asks_for():
    x = np.zeros((60, 2))
    x[::3, 0] = np.nan
    model = boosted(x, np.isnan(x[:, 0]) * 5.0)
    given = np.float32([[0, 0], [np.nan, 0], [3e38, 0], [-3e38, 0]])
    found = network(model, [Source(0), Source(1)])(torch.from_numpy(given)).detach().numpy()[:, 0]
    np.testing.assert_allclose(found, model.predict(given.astype(np.float64)), atol=1e-5)
    assert found[1] > 4 > 1 > found[0]


def test_a_category_is_known_by_its_code_whatever_its_column():
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 9, (400, 2))
    codes[:, 0] %= 4
    codes[codes == 2] = 3  # no training row has it
    model = boosted(
        codes.astype(np.float64), (codes[:, 0] == 1) * 4.0 + np.sin(codes[:, 1]), categorical_features=[0, 1]
    )
    inputs = (Input("categories", "categories", (2,), n_codes=13),)
    net = network(model, [Source(0, 0, 4), Source(1, 4, 9)], inputs)
    every = np.stack(np.meshgrid(np.arange(4), np.arange(9)), -1).reshape(-1, 2)
    found = net(torch.from_numpy(every + np.array([0, 4]))).detach().numpy()[:, 0]
    np.testing.assert_allclose(found, model.predict(every.astype(np.float64)), atol=1e-5)


def test_trees_without_a_fork_are_a_network_too():
    model = boosted(np.zeros((30, 2)), np.arange(30.0), max_iter=2)
    (forks, leaves), _ = trees_of(model, [Source(0), Source(1)])
    assert not forks and len(leaves) == 1
    found = network(model, [Source(0), Source(1)])(torch.zeros(1, 2))
    assert found.tolist()[0][0] == pytest.approx(14.5)


def test_its_cost_and_its_source_are_those_of_any_network():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(200, 2))
    net = network(boosted(x, x[:, 0], max_iter=150, max_leaf_nodes=4), [Source(0), Source(1)])
    # two groups of 75 trees with four leaves, and the head
    assert cost(net.graph).params == 2 * 75 * 4 + 2 == sum(p.numel() for p in net.parameters())
    assert cost(net.graph).macs == 2 * 75 * 4 * (3 + 1) + 1
    names = {}
    exec(source(net.graph), names)
    alone = names["Network"]()
    alone.load_state_dict(net.state_dict())
    given = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(alone(given), net(given))


def test_leaves_can_be_trained_further():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(200, 2))
    net = network(boosted(x, x[:, 0], max_iter=5), [Source(0), Source(1)])
    net(torch.from_numpy(x).float()).square().mean().backward()
    assert net.get_parameter("trees.value").grad.abs().sum() > 0


def test_a_model_that_keeps_its_trees_otherwise_is_refused():
    with pytest.raises(ArchsmithError, match="cannot be read"):
        trees_of(object(), [Source(0)])
