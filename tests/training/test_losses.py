from __future__ import annotations

import math

import pytest
import torch

from archsmith.core.errors import EvaluationError
from archsmith.training.losses import GROUP, WARMING, Losses


def test_each_loss_is_read_at_once_where_that_costs_nothing() -> None:
    losses = Losses(queued=False, taken=0)
    losses.add(torch.tensor(1.0))
    losses.add(torch.tensor(2.0))
    assert losses.mean() == 1.5
    with pytest.raises(EvaluationError, match="became nan") as caught:
        losses.add(torch.tensor(math.nan))
    assert caught.value.kind == "diverged"


def test_the_mean_is_of_the_last_steps() -> None:
    losses = Losses(False, 2, n=2, values=[9.0, 1.0])
    losses.add(torch.tensor(3.0))
    assert losses.mean() == 2.0


def test_a_queue_is_read_in_groups_after_warming_up() -> None:
    losses = Losses(queued=True, taken=0)
    for _ in range(WARMING):
        losses.add(torch.tensor(1.0))
    assert not losses.pending
    for n in range(1, GROUP):
        losses.add(torch.tensor(1.0))
        assert len(losses.pending) == n
    losses.add(torch.tensor(1.0))
    assert (len(losses.pending), len(losses.values)) == (0, WARMING + GROUP)


def test_divergence_comes_out_with_its_group() -> None:
    losses = Losses(queued=True, taken=WARMING)
    losses.add(torch.tensor(math.inf))
    with pytest.raises(EvaluationError):
        losses.read()


def test_the_step_of_a_queue_lasts_what_its_group_lasted() -> None:
    losses = Losses(queued=True, taken=WARMING)
    losses.add(torch.tensor(1.0))
    assert losses.step_seconds(0.5) == 0.5
    losses.read_at -= 3.0
    losses.add(torch.tensor(1.0))
    losses.read()
    assert losses.step_seconds(0.0001) == pytest.approx(1.5, abs=0.1)
    assert Losses(queued=False, taken=0).step_seconds(0.5) == 0.5
