from __future__ import annotations

from itertools import cycle

import numpy as np
import pytest
import torch

from archsmith.data.images.examples import ImageExamples, ImageSplits
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net
from archsmith.training import work
from archsmith.training.goal import Goal
from archsmith.training.recipe import Recipe
from archsmith.training.work import Training, counted, measured


def graph_of(filters: int) -> Graph:
    net = Net({"image": (1, 8, 8)})
    x = net.op("conv", net.input("image"), filters=filters, kernel=3)
    net.output(net.op("linear", net.op("global_pool", x), features=2))
    return net.graph()


@pytest.fixture
def splits() -> ImageSplits:
    def part(n: int) -> ImageExamples:
        pixels = np.random.default_rng(n).integers(0, 256, (n, 8, 8, 1), np.uint8)
        return ImageExamples(pixels, np.arange(n) % 2, ("a", "b"))

    return ImageSplits(part(64), part(8), part(8), "dots")


def test_counted_work_is_one_for_the_reference_and_grows_with_the_network() -> None:
    assert counted(graph_of(8), graph_of(8)) == 1.0
    assert counted(graph_of(32), graph_of(8)) > 2.0


def test_measured_work_is_the_ratio_of_medians(splits: ImageSplits, monkeypatch: pytest.MonkeyPatch) -> None:
    # By turns ours and the reference; the first turn of each, which pays for compiled kernels, is left out.
    seconds = iter([9.0, 9.0, 0.4, 0.1, 0.6, 0.1])
    monkeypatch.setattr(work, "seconds_of_an_example", lambda *arguments, **options: next(seconds))
    side = Training(graph_of(8), Recipe(batch_size=16), splits.pipeline())
    assert measured(side, side, splits.train, Goal.of(splits.task), torch.device("cpu"), work=1e9) == pytest.approx(5.0)


def test_little_time_still_measures_each_once(splits: ImageSplits, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = cycle([2.0, 1.0])
    monkeypatch.setattr(work, "seconds_of_an_example", lambda *arguments, **options: next(ticks))
    side = Training(graph_of(8), Recipe(batch_size=16), splits.pipeline())
    assert measured(side, side, splits.train, Goal.of(splits.task), torch.device("cpu"), work=0.0) == 2.0


def test_a_step_is_really_taken(splits: ImageSplits) -> None:
    side = Training(graph_of(4), Recipe(batch_size=16), splits.pipeline())
    assert measured(side, side, splits.train, Goal.of(splits.task), torch.device("cpu"), work=0.0) > 0
