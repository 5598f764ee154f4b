"""The strategy ``enas``: propose the architectures that the evaluator derived during its preparation, best first.

With a controller this is the last step of ENAS (Pham et al. 2018, arXiv 1802.03268, section 2.3, "Deriving
Architectures"): sample architectures from the policy, score them by shared weights, and keep the best. With uniformly
trained weights it is random search with weight sharing (Li and Talwalkar 2019, arXiv 1902.07638, section 3.2).
Candidates are scored on one minibatch first; the trials then use the whole validation split.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archsmith.core.architecture import Architecture
from archsmith.core.errors import UsageError
from archsmith.core.history import History
from archsmith.core.trial import Proposal
from archsmith.strategies.random import RandomSearch
from archsmith.strategies.ranking import need_one_objective


@dataclass(frozen=True)
class Derived:
    """Proposes each architecture of the preparation's ``derived`` list once, in its order.

    Decisions that these leave open, such as those of a recipe, are drawn at random. If the evaluator derived nothing,
    this is random search, which Search refuses.

    There is one objective. Limits do not count: the preparation scores candidates by the metric alone.
    """

    def check(self, history: History) -> None:
        """Raises UsageError where nothing was derived."""
        if not (history.prepared or {}).get("derived"):
            raise UsageError(
                "The strategy enas needs an evaluator whose networks share their weights. This one derives no "
                "architectures, so it would be random search.",
                "Use archsmith fit DATA --strategy enas, or in archsmith search --evaluator shared_weights.",
            )

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        need_one_objective(history.problem, self)
        derived = (history.prepared or {}).get("derived")
        if not derived:
            return RandomSearch().ask(history, n, rng)
        proposed = {trial.notes.get("rank") for trial in history.trials if trial.notes.get("operator") == "derived"}
        proposals: list[Proposal] = []
        for rank, row in enumerate(derived):
            if rank in proposed or len(proposals) == n:
                continue
            architecture = history.space.complete(Architecture(row["architecture"]), rng)
            if not history.seen(architecture):  # another strategy may have proposed it in this study
                proposals.append(
                    Proposal(architecture, notes={"operator": "derived", "rank": rank, "score": row["score"]})
                )
        return proposals
