"""Policy gradient with a table: independent logits for every decision, no network.

Source: the REINFORCE baseline of NAS-Bench-201 (Dong and Yang 2020, arXiv 2001.00326, section 5 and its published
code): REINFORCE (Williams 1992), Adam, one update after every trial, and a moving average of rewards with weight 0.9 as
the baseline that is subtracted from rewards.

Differences from it: an architecture is never evaluated twice; a repeat counts with its known outcome (see
archsmith.strategies.policy_gradient). A decision that depends on others is learnt only where it was asked. Logits begin
at the logarithm of the space's own sampling weights, not near zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archsmith.core.fields import checked
from archsmith.core.history import History
from archsmith.core.trial import Proposal
from archsmith.strategies import policy_gradient
from archsmith.strategies.policy import Array, Question, Rollout

BETAS, EPSILON = (0.9, 0.999), 1e-8  # of Adam, Kingma and Ba 2015 (arXiv 1412.6980), algorithm 1


@checked
@dataclass(frozen=True)
class TabularReinforce:
    """REINFORCE on a table of logits.

    ``learning_rate``: of Adam, in logits a step, above 0. NATS-Bench's commands have 0.01. 0.03 did better on toys with
        500 trials, and comes closer to the published figures of NAS-Bench-201.
    ``batch``: finished trials per update, 1 or more.
    ``baseline``: weight of the past in the moving average of rewards, 0 to below 1 (0.9: Dong and Yang 2020).
    ``entropy``: weight of the mean entropy of an architecture's decisions in what is maximised, 0 or more. Weights of
        papers are for each decision: such a weight is times the number of decisions here.
    ``reward``: ``score``, the objective itself as in the source, or ``rank``, its rank among all trials as a Gaussian
        deviate.
    ``levels``: into how many options a range of numbers is cut, 2 or more.
    """

    learning_rate: float = 0.03
    batch: int = 1
    baseline: float = 0.9
    entropy: float = 0.0
    reward: str = "score"
    levels: int = 8

    def __post_init__(self) -> None:
        policy_gradient.check_settings(self, self.learning_rate, self.entropy)

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        return policy_gradient.ask(self, lambda: Table(self.learning_rate, self.entropy), history, n, rng)


class Table:
    """The policy: one row of logits for each path and its options. All are zero at first, and Adam moves them."""

    def __init__(self, learning_rate: float, entropy: float) -> None:
        self.learning_rate = learning_rate
        self.entropy = entropy
        self.rows: dict[tuple[str, tuple[str, ...]], _Row] = {}

    def walk(self) -> Table:
        return self  # no decision depends on another

    def took(self, index: int) -> None:
        pass

    def probabilities(self, question: Question) -> Array:
        row = self.rows.get((question.path, question.labels))
        logits = question.log_weights + (row.logits if row is not None else 0.0)
        p = np.exp(logits - logits.max())
        return np.asarray(p / p.sum())

    def improve(self, rollouts: Sequence[Rollout], advantages: Array) -> None:
        gradients: dict[tuple[str, tuple[str, ...]], Array] = {}
        for rollout, advantage in zip(rollouts, advantages.tolist(), strict=True):
            for question, index in rollout:
                key, p = (question.path, question.labels), self.probabilities(question)
                gradient = -advantage * p  # of advantage * log p[index] by the logits
                gradient[index] += advantage
                if self.entropy:
                    log_p = np.log(np.maximum(p, 1e-300))
                    gradient -= self.entropy / len(rollout) * p * (log_p - (p * log_p).sum())
                gradients[key] = gradients[key] + gradient if key in gradients else gradient
        for key, gradient in gradients.items():
            self.rows.setdefault(key, _Row(len(gradient))).climb(gradient / len(rollouts), self.learning_rate)


class _Row:
    """The logits of one decision, and Adam's two moments of them."""

    def __init__(self, n: int) -> None:
        self.logits, self.mean, self.square = np.zeros((3, n))
        self.n_steps = 0

    def climb(self, gradient: Array, learning_rate: float) -> None:
        self.n_steps += 1
        self.mean += (1 - BETAS[0]) * (gradient - self.mean)
        self.square += (1 - BETAS[1]) * (gradient**2 - self.square)
        mean, square = self.mean / (1 - BETAS[0] ** self.n_steps), self.square / (1 - BETAS[1] ** self.n_steps)
        self.logits += learning_rate * mean / (np.sqrt(square) + EPSILON)
