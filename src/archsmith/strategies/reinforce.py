"""Policy gradient with a recurrent controller: an LSTM writes architectures answer by answer and is rewarded for good
ones.

Source: Zoph and Le 2017 (arXiv 1611.01578): REINFORCE with a moving average of rewards as the baseline that is
subtracted from them. Zoph, Vasudevan, Shlens and Le 2018 (NASNet, arXiv 1707.07012), appendix A: PPO, one layer of 100
units, minibatches of 20 architectures, Adam at 3.5e-4, entropy weight 1e-5, baseline weight 0.95.

With the defaults it is PPO, as in NASNet. It is plain REINFORCE with ``clip=None`` and ``epochs=1``. One pass with a
clip is REINFORCE too: before the first step every ratio is 1, which no clip changes.

Differences from the papers, which had 12,800 and 20,000 trials:

* The defaults are for hundreds of trials (see the fields). ``NAS`` and ``NASNET`` hold the published ones.
* The entropy of an architecture is the mean of its decisions, so that one weight does for short and long ones. In PPO
  (Schulman et al. 2017, arXiv 1707.06347, equation 9) a weight counts for every decision. Such a weight w is w times
  the number of decisions here.
* Rewards are ranks, so that failures and scores of any scale do no harm.
* An architecture is never evaluated twice. A repeat counts with its known outcome, and dead ends count as failures (see
  archsmith.strategies.policy_gradient).
* Decisions may depend on others, recurse or be numbers (see archsmith.strategies.controller).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archsmith.core.errors import MissingExtraError, UsageError
from archsmith.core.fields import checked
from archsmith.core.history import History
from archsmith.core.trial import Proposal
from archsmith.strategies import policy_gradient
from archsmith.strategies.policy import Policy


@checked
@dataclass(frozen=True)
class Reinforce:
    """REINFORCE or PPO with an LSTM controller. Needs torch.

    ``learning_rate``: of Adam, above 0 (NASNet: 3.5e-4 for 20,000 trials).
    ``batch``: finished trials per update, 1 or more (NASNet: 20).
    ``baseline``: weight of the past in the moving average of rewards, 0 to below 1 (NASNet: 0.95).
    ``entropy``: weight of the mean entropy of an architecture's decisions in what is maximised, 0 or more. NASNet has
        1e-5 for each of 50 decisions, 5e-4 as counted here, beside accuracies, which spread far less than ranks.
    ``clip``: PPO keeps the ratio of probabilities within 1 ± clip, between 0 and 1 (0.2: Schulman et al. 2017). None:
        plain REINFORCE.
    ``epochs``: passes over a batch, 1 or more; more than one needs ``clip``, which does nothing with one.
    ``reward``: ``rank``, the rank among all trials as a Gaussian deviate, or ``score``, the objective itself as in the
        papers.
    ``units``: of the LSTM, 1 or more (NASNet: 100).
    ``levels``: into how many options a range of numbers is cut, 2 or more.
    ``seed``: of the first weights; None: that of the study.
    """

    learning_rate: float = 0.003
    batch: int = 10
    baseline: float = 0.95
    entropy: float = 1.0
    clip: float | None = 0.2
    epochs: int = 4
    reward: str = "rank"
    units: int = 100
    levels: int = 8
    seed: int | None = None

    def __post_init__(self) -> None:
        policy_gradient.check_settings(self, self.learning_rate, self.entropy)
        if self.clip is not None and not 0 < self.clip < 1:
            raise UsageError(
                f"Reinforce has clip={self.clip}.",
                "Give a number between 0 and 1 (0.2 is usual), or None for plain REINFORCE.",
            )
        if self.epochs < 1 or (self.epochs > 1 and self.clip is None):
            raise UsageError(
                f"Reinforce has epochs={self.epochs} with clip={self.clip}.",
                "Give 1 or more; several passes over a batch need clip.",
            )
        if self.units < 1:
            raise UsageError(f"Reinforce has units={self.units}.", "Give 1 or more.")

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        return policy_gradient.ask(self, lambda: self._controller(history.seed_of(self.seed)), history, n, rng)

    def _controller(self, seed: int) -> Policy:
        try:
            from archsmith.strategies.controller import Controller
        except ModuleNotFoundError as error:
            raise MissingExtraError.of("torch", "train", "The strategy 'reinforce'") from error
        return Controller(self.units, self.learning_rate, self.entropy, self.clip, self.epochs, seed)


NAS = Reinforce(learning_rate=6e-4, batch=8, entropy=0.0, clip=None, epochs=1, reward="score", units=35)
"""REINFORCE as in Zoph and Le 2017: 35 units, Adam at 6e-4, 8 architectures an update. Theirs has two layers of units
where ours has one. 0.95 for the baseline is that of NASNet."""

NASNET = Reinforce(learning_rate=3.5e-4, batch=20, entropy=50 * 1e-5, reward="score")
"""PPO as in Zoph et al. 2018, appendix A, with their entropy weight for each of the 50 decisions of NASNet's space.
They do not say the clip and the number of passes: these are ours."""
