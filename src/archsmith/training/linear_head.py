"""A linear layer on features that stay as they are: logistic regression for classes, ridge regression for a regression
target.

Features are standardised, the whole training set is one batch, and what is minimised is the mean loss plus ``penalty /
2`` times the squared weights: by L-BFGS (Liu and Nocedal 1989), or, for a regression target, in closed form. The
penalty is chosen on a fifth of the training rows (of ``MOST_ROWS`` at most) that the fit does not see, from strong to
weak; each fit begins where the one before ended. The last fit has all rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn import functional

from archsmith.training.goal import Goal, RegressionGoal

PENALTIES = tuple(10.0 ** (-k / 2) for k in range(11))  # 1 to 1e-5, for a mean loss on standardised features
HELD_OUT = 0.2
MOST_ROWS = 10_000  # that a penalty is chosen with
STEPS = 60  # of L-BFGS in each fit
WORSE = 2  # penalties in a row that are no better, after which weaker ones are not tried
MOST_EXACT = 2_000  # weights of an output that the closed form solves for
CHUNK = 4096  # rows whose moments are taken at once
MOST_VALUES = 50_000_000  # codes are written out as features up to so many, which is several times as fast

Solve = Callable[[float, Tensor], Tensor]  # a penalty and where to begin -> weights and bias (k, d + n_codes + 1)


@dataclass(frozen=True)
class LinearHead:
    """``outputs = features @ weight.T + code_weight[:, codes].sum() + bias``.

    ``weight``: ``(k, d)``, for features as they are.
    ``bias``: ``(k,)``.
    ``penalty``: the one that was chosen.
    ``code_weight``: ``(k, n_codes)``.
    ``cut``: did the limit on time end the last fit?
    """

    weight: Tensor
    bias: Tensor
    penalty: float
    code_weight: Tensor
    cut: bool = False


@dataclass(frozen=True)
class Rows:
    """What the layer reads.

    ``features``: float32 ``(n, d)``.
    ``codes``: int64 ``(n, c)``, which of ``n_codes`` further features are 1; all others are 0.
    """

    features: Tensor
    codes: Tensor
    n_codes: int

    def __len__(self) -> int:
        return len(self.features)

    @property
    def width(self) -> int:
        return self.features.shape[1] + self.n_codes

    def take(self, indexes: Tensor) -> Rows:
        return Rows(self.features[indexes], self.codes[indexes], self.n_codes)

    def outputs(self, solution: Tensor) -> Tensor:
        """``(n, k)``, for weights and bias ``(k, d + n_codes + 1)``."""
        d = self.features.shape[1]
        found = self.features @ solution[:, :d].T + solution[:, -1]
        if self.n_codes:
            found = found + functional.embedding_bag(self.codes, solution[:, d:-1].T.contiguous(), mode="sum")
        return found

    def written_out(self) -> Rows:
        """The same rows without codes: as features ``(n, d + n_codes)``."""
        if not self.n_codes:
            return self
        marks = torch.zeros(len(self), self.n_codes).scatter_(1, self.codes, 1.0)
        return Rows(torch.cat([self.features, marks], dim=1), self.codes[:, :0], 0)


def fit_head(
    features: Tensor,
    labels: ArrayLike,
    goal: Goal,
    n_outputs: int,
    seed: int,
    seconds: float | None = None,
    *,
    codes: Tensor | None = None,
    n_codes: int = 0,
) -> LinearHead:
    """The layer for features ``(n, d)``, float32, and the labels ``(n,)`` of the data. ``codes``: int64 ``(n, c)``,
    which of ``n_codes`` further features are 1. ``seconds``: after half of them no further penalty is tried; a fit that
    has begun ends early at the end of them.
    """
    end = None if seconds is None else time.perf_counter() + seconds
    targets = goal.targets(labels)
    mean = features.mean(0)
    std = (features - mean).square().mean(0).sqrt()
    std = torch.where(std > 1e-6, std, torch.ones_like(std))
    rows = Rows((features - mean) / std, torch.zeros(len(features), 0).long() if codes is None else codes, n_codes)
    if len(rows) * rows.width <= MOST_VALUES:
        rows = rows.written_out()
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(rows)))
    some = order[:MOST_ROWS]
    n_held = max(1, round(HELD_OUT * len(some)))
    seen, held = some[n_held:], some[:n_held]
    halfway = None if seconds is None or end is None else end - seconds / 2
    solve = _solver(rows, targets, seen, goal, halfway)
    penalty, start = _chosen(solve, rows.take(held), targets[held], goal, _zeros(n_outputs, rows), halfway)
    solution = _solver(rows, targets, order, goal, end)(penalty, start)
    cut, d = _over(end), features.shape[1]
    weight = solution[:, :d] / std
    return LinearHead(weight, solution[:, -1] - weight @ mean, penalty, solution[:, d:-1], cut)


def _chosen(
    solve: Solve, held: Rows, targets: Tensor, goal: Goal, start: Tensor, end: float | None
) -> tuple[float, Tensor]:
    """The penalty with the smallest loss on the rows that were ``held`` out, and its solution."""
    best, chosen, worse = float("inf"), (PENALTIES[0], start), 0
    solution = start
    for penalty in PENALTIES:
        solution = solve(penalty, solution)
        loss = float(goal.loss(held.outputs(solution), targets))
        if loss < best:
            best, chosen, worse = loss, (penalty, solution), 0
        else:
            worse += 1
        if worse == WORSE or _over(end):
            break
    return chosen


def _solver(rows: Rows, targets: Tensor, order: Tensor, goal: Goal, end: float | None) -> Solve:
    """What fits the rows ``order``, in that order as far as there is time."""
    if isinstance(goal, RegressionGoal) and rows.width <= MOST_EXACT:
        return _exact(rows, targets, order, end)
    own, theirs = (rows, targets) if len(order) == len(rows) else (rows.take(order), targets[order])
    return lambda penalty, start: _descended(own, theirs, goal, penalty, start, end)


def _exact(rows: Rows, targets: Tensor, order: Tensor, end: float | None) -> Solve:
    """The normal equations of ridge regression: they need two moments of the rows, which are summed once."""
    width = rows.width
    total = torch.zeros(width + 1, width + 1, dtype=torch.float64)  # of features, then the target
    mean, n = torch.zeros(width + 1, dtype=torch.float64), 0
    for some in order.split(CHUNK):
        block = torch.cat([rows.take(some).written_out().features, targets[some, None]], dim=1).double()
        total += block.T @ block
        mean += block.sum(0)
        n += len(some)
        if _over(end):
            break
    mean = mean / max(1, n)
    moments = total / max(1, n) - mean.outer(mean)

    def solve(penalty: float, start: Tensor) -> Tensor:
        ridge = penalty / 2 * torch.eye(width, dtype=torch.float64)
        weight = torch.linalg.solve(moments[:-1, :-1] + ridge, moments[:-1, -1])
        return torch.cat([weight, mean[-1:] - (mean[:-1] @ weight)[None]]).float()[None]

    return solve


def _descended(rows: Rows, targets: Tensor, goal: Goal, penalty: float, start: Tensor, end: float | None) -> Tensor:
    """Weights and bias that minimise the loss, from ``start`` on."""
    solution = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([solution], max_iter=1, history_size=10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = goal.loss(rows.outputs(solution), targets) + penalty / 2 * solution[:, :-1].square().sum()
        loss.backward()
        return loss

    before = float("inf")
    for _ in range(STEPS):
        loss = float(optimizer.step(closure).detach())
        if _over(end) or before - loss < 1e-6 * abs(before):
            break
        before = loss
    return solution.detach()


def _zeros(n_outputs: int, rows: Rows) -> Tensor:
    return torch.zeros(n_outputs, rows.width + 1)


def _over(end: float | None) -> bool:
    return end is not None and time.perf_counter() > end
