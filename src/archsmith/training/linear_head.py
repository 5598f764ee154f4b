"""A linear layer on features that stay as they are: logistic regression for classes, ridge regression for a regression
target.

Features are standardised, the whole training set is one batch, and L-BFGS (Liu and Nocedal 1989) minimises the mean
loss plus ``penalty / 2`` times the squared weights. The penalty is chosen on a fifth of the training rows that the fit
does not see, from strong to weak; each fit begins where the one before ended. The last fit has all rows.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from archsmith.training.goal import Goal

PENALTIES = tuple(10.0 ** (-k / 2) for k in range(8))  # 1 to 3e-4, for a mean loss on standardised features
HELD_OUT = 0.2
MOST_ROWS = 10_000  # that a penalty is chosen with
STEPS = 60  # of L-BFGS in each fit
WORSE = 2  # penalties in a row that are no better, after which weaker ones are not tried


@dataclass(frozen=True)
class LinearHead:
    """``outputs = features @ weight.T + bias``.

    ``weight``: ``(k, d)``, for features as they are.
    ``bias``: ``(k,)``.
    ``penalty``: the one that was chosen.
    """

    weight: Tensor
    bias: Tensor
    penalty: float


def fit_head(
    features: Tensor, labels: ArrayLike, goal: Goal, n_outputs: int, seed: int, seconds: float | None = None
) -> LinearHead:
    """The layer for features ``(n, d)``, float32, and the labels ``(n,)`` of the data. ``seconds``: after half of them
    no further penalty is tried; a fit that has begun ends early at the end of them.
    """
    end = None if seconds is None else time.perf_counter() + seconds
    targets = goal.targets(labels)
    mean, std = features.mean(0), features.std(0, correction=0)
    std = torch.where(std > 1e-6, std, torch.ones_like(std))
    rows = (features - mean) / std
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(rows))[:MOST_ROWS])
    n_held = max(1, round(HELD_OUT * len(order)))
    seen, held = order[n_held:], order[:n_held]
    halfway = None if seconds is None or end is None else end - seconds / 2
    penalty = _chosen(rows[seen], targets[seen], rows[held], targets[held], goal, n_outputs, halfway)
    solution = _fitted(rows, targets, goal, penalty, _zeros(n_outputs, rows), end)
    weight = solution[:, :-1] / std
    return LinearHead(weight, solution[:, -1] - weight @ mean, penalty)


def _chosen(
    rows: Tensor, targets: Tensor, held: Tensor, held_targets: Tensor, goal: Goal, n_outputs: int, end: float | None
) -> float:
    """The penalty with the smallest loss on the rows that were held out."""
    best, chosen, worse = float("inf"), PENALTIES[0], 0
    solution = _zeros(n_outputs, rows)
    for penalty in PENALTIES:
        solution = _fitted(rows, targets, goal, penalty, solution, end)
        loss = float(goal.loss(_outputs(held, solution), held_targets))
        if loss < best:
            best, chosen, worse = loss, penalty, 0
        else:
            worse += 1
        if worse == WORSE or _over(end):
            break
    return chosen


def _fitted(rows: Tensor, targets: Tensor, goal: Goal, penalty: float, start: Tensor, end: float | None) -> Tensor:
    """Weights and bias ``(k, d + 1)`` that minimise the loss, from ``start`` on."""
    solution = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([solution], max_iter=1, history_size=10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = goal.loss(_outputs(rows, solution), targets) + penalty / 2 * solution[:, :-1].square().sum()
        loss.backward()
        return loss

    before = float("inf")
    for _ in range(STEPS):
        loss = float(optimizer.step(closure).detach())
        if _over(end) or before - loss < 1e-6 * abs(before):
            break
        before = loss
    return solution.detach()


def _outputs(rows: Tensor, solution: Tensor) -> Tensor:
    return rows @ solution[:, :-1].T + solution[:, -1]


def _zeros(n_outputs: int, rows: Tensor) -> Tensor:
    return torch.zeros(n_outputs, rows.shape[1] + 1)


def _over(end: float | None) -> bool:
    return end is not None and time.perf_counter() > end
