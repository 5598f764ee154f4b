from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from archsmith.data.images.examples import ImageExamples
from archsmith.data.images.pipeline import ImagePipeline, Normalisation
from archsmith.graphs.net import Net
from archsmith.graphs.network import Network
from archsmith.training.goal import ClassGoal
from archsmith.training.measure import evaluate, outputs, suitable_batch

DATA = ImageExamples(np.zeros((10, 2, 2, 1), np.uint8), np.array([0, 1] * 5), ("a", "b"))
PLAIN = ImagePipeline(Normalisation((0.0,), (1.0,)))


class Always(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tensor([[2.0, 0.0]]).expand(len(x), 2)


def test_every_metric_of_the_goal_by_hand() -> None:
    result = evaluate(Always(), DATA, PLAIN, ClassGoal())
    assert result.metrics["accuracy"] == result.metrics["balanced_accuracy"] == 0.5
    assert result.metrics["log_loss"] == pytest.approx((math.log(1 + math.exp(-2)) + math.log(1 + math.exp(2))) / 2)
    assert result.n == 10


def test_a_limit_takes_the_first_ones_and_the_mode_is_kept() -> None:
    network = Always().train()
    found = outputs(network, DATA, PLAIN, batch_size=4, limit=7)
    assert (found.shape, found.dtype, found.device.type) == ((7, 2), torch.float32, "cpu")
    assert network.training
    assert evaluate(network, DATA, PLAIN, ClassGoal(), limit=7).n == 7


def test_check_is_called_in_every_batch() -> None:
    calls: list[int] = []
    evaluate(Always(), DATA, PLAIN, ClassGoal(), batch_size=2, check=lambda: calls.append(1))
    assert len(calls) == 5


@pytest.mark.parametrize(("side", "batch"), [(16, 256), (512, 8)])
def test_large_pictures_come_in_small_batches(side: int, batch: int) -> None:
    net = Net({"image": (1, side, side)})
    x = net.op("conv", net.input("image"), filters=16)
    net.output(net.op("global_pool", x))
    assert suitable_batch(Network(net.graph(), seed=0)) == batch
    assert suitable_batch(Always()) == 256
