"""Functional paths and numbers of graphs, counted by hand on small ones."""

from __future__ import annotations

import math

import pytest

from archsmith.graphs import sketch
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net
from archsmith.graphs.sketch import functional_paths, sketch_of


def diamond() -> Graph:
    """A 3×3 convolution, then: nothing, a pool, or the pool twice."""
    net = Net({"image": (4, 8, 8)})
    x = net.op("relu", net.op("conv", net.input("image"), filters=4, kernel=3))
    y = net.op("avg_pool", x, kernel=3)
    net.output(net.op("add", x, y, net.op("avg_pool", y, kernel=3)), "state")
    return net.graph()


def test_paths_skip_what_changes_nothing() -> None:
    assert functional_paths(diamond()) == {"conv3x3": 1, "conv3x3 avg_pool3x3": 1, "conv3x3 avg_pool3x3 avg_pool3x3": 1}


def test_the_same_way_twice_counts_twice() -> None:
    net = Net({"image": (4, 8, 8)})
    x = net.input("image")
    net.output(net.op("add", x, x, net.op("conv", x, filters=4, kernel=1)), "state")
    assert functional_paths(net.graph()) == {"": 2, "conv1x1": 1}


def test_nothing_leads_through_zero() -> None:
    net = Net({"image": (4, 8, 8)})
    cut = net.op("zero", net.input("image"))
    net.output(net.op("conv", cut, filters=4, kernel=1), "state")
    assert functional_paths(net.graph()) == {}


def test_with_several_inputs_a_path_says_where_it_begins() -> None:
    net = Net({"prev": (4, 8, 8), "cur": (4, 8, 8)})
    net.output(net.op("add", net.input("prev"), net.op("conv", net.input("cur"), filters=4, kernel=1)), "state")
    paths, numbers = sketch_of({"cell": net.graph()})
    assert paths == {"cell: prev": 1, "cell: cur conv1x1": 1}
    assert (numbers["cell depth"], numbers["cell least_depth"], numbers["cell mean_depth"]) == (1, 0, 0.5)


def test_numbers_of_the_diamond() -> None:
    _, numbers = sketch_of({"cell": diamond()})
    assert numbers["cell params"] == 3 * 3 * 4 * 4
    assert numbers["cell log_params"] == pytest.approx(math.log(144 + 2304))
    assert numbers["cell macs"] == 144 * 64
    assert (numbers["cell depth"], numbers["cell least_depth"], numbers["cell mean_depth"]) == (3, 1, 2)
    assert numbers["cell paths"] == pytest.approx(math.log1p(3))
    assert (numbers["cell n_conv3x3"], numbers["cell n_avg_pool3x3"]) == (1, 2)


def test_too_many_paths_are_not_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketch, "MOST_PATHS", 2)
    paths, numbers = sketch_of({"cell": diamond()})
    assert paths == {} and numbers["cell n_avg_pool3x3"] == 2
