"""Random search without repetition: the baseline that every other strategy has to beat.

Source: Bergstra and Bengio 2012 (JMLR 13). As a strong baseline for architectures: Li and Talwalkar 2019 (arXiv
1902.07638).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archsmith.core.fields import checked
from archsmith.core.history import History
from archsmith.core.trial import Proposal
from archsmith.strategies.unseen import propose_unseen


@checked
@dataclass(frozen=True)
class RandomSearch:
    """Draws architectures from the space by its own weights, never one twice. It has no fields.

    Ends when a finite space is used up. Takes any number of objectives.
    """

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        proposals: list[Proposal] = []
        taken: set[str] = set()
        while len(proposals) < n and (proposal := propose_unseen(history, rng, taken)) is not None:
            taken.add(proposal.architecture.key)
            proposals.append(proposal)
        return proposals
