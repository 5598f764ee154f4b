from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from archsmith.training.average import EVERY, Average


def set_to(network: nn.Linear, value: float) -> None:
    with torch.no_grad():
        network.weight.fill_(value)


def test_the_first_update_is_taken_whole_and_later_ones_are_weighed() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = Average(network, span=10 * EVERY)
    set_to(network, 4.0)
    average.update(network, EVERY)
    assert average.values[0].item() == 4.0
    set_to(network, 0.0)
    average.update(network, 2 * EVERY)
    assert 0.0 < average.values[0].item() < 1.0  # at first only the latest weights count


@pytest.mark.parametrize(("share", "updates"), [(1.0, 10), (0.5, 5)], ids=["all", "half"])
def test_later_it_spans_a_share_of_the_steps_that_it_was_given(share: float, updates: int) -> None:
    network = nn.Linear(1, 1, bias=False)
    average = Average(network, span=10 * EVERY)
    set_to(network, 4.0)
    for update in range(1, 1001):
        average.update(network, update * EVERY)
    set_to(network, 0.0)
    for update in range(1001, 1001 + updates):
        average.update(network, update * EVERY, share)
    assert abs(average.values[0].item() - 4.0 / math.e) < 1e-3


def test_steps_between_updates_are_skipped() -> None:
    network = nn.Linear(1, 1)
    average = Average(network, span=100)
    for step in range(1, EVERY):
        average.update(network, step)
    assert average.updates == 0


def test_applied_puts_the_average_in_and_everything_back() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = Average(network, span=100)
    average.update(network, EVERY)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with torch.no_grad():
        network[0].weight.add_(1.0)
    changed = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with average.applied(network):
        assert torch.equal(network[0].weight, before["0.weight"])
        network[1].running_mean.fill_(7.0)
    assert all(torch.equal(tensor, changed[name]) for name, tensor in network.state_dict().items())
