"""The strategy ``enas``: ask for the architectures that the evaluator derived while it prepared, best first, and end.

With shared weights that a controller was trained on this is the last part of ENAS (Pham et al. 2018, arXiv 1802.03268,
section 2.3, "Deriving Architectures"): sample some from the policy, score them by shared weights, keep the best. With
uniformly trained ones it is random search with weight sharing (Li and Talwalkar 2019, arXiv 1902.07638, section 3.2):
the first look is one minibatch, the trials look at the validation split.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archsmith.core.architecture import Architecture
from archsmith.core.history import History
from archsmith.core.trial import Proposal
from archsmith.strategies.random import RandomSearch


@dataclass(frozen=True)
class Derived:
    """Proposes ``derived`` of the notes that ``prepare`` gave, each once, in its order; an evaluator that derived
    nothing is searched at random.

    Decisions that the notes leave open, such as those of a recipe, are answered at random.
    """

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        derived = (history.prepared or {}).get("derived")
        if not derived:
            return RandomSearch().ask(history, n, rng)
        proposed = {trial.notes.get("rank") for trial in history.trials if trial.notes.get("operator") == "derived"}
        proposals: list[Proposal] = []
        for rank, row in enumerate(derived):
            if rank in proposed or len(proposals) == n:
                continue
            architecture = history.space.complete(Architecture(row["architecture"]), rng)
            if not history.seen(architecture):  # of a study that others have asked before
                proposals.append(
                    Proposal(architecture, notes={"operator": "derived", "rank": rank, "score": row["score"]})
                )
        return proposals
