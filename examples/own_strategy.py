"""A search strategy of one's own, the cross-entropy method: each decision is that of one of the best trials so far.

python examples/own_strategy.py
"""

from contextlib import suppress
from dataclasses import dataclass

from archsmith import Budget, DeadEnd, Proposal, Search
from archsmith.core.space import allowed, draw
from archsmith.evaluators.table import TableEvaluator
from archsmith.strategies.ranking import need_one_objective, ranking_key
from archsmith.strategies.unseen import draw_unseen


def best(history, share):
    """The architectures of the best ``share`` of the trials that finished well at full fidelity."""
    full = history.problem.fidelity.maximum
    good = [trial for trial in history.finished if trial.losses is not None and trial.fidelity == full]
    good.sort(key=lambda trial: ranking_key(trial, history.problem))
    return [trial.architecture for trial in good[: int(share * len(good))]]


@dataclass(frozen=True)
class CrossEntropy:
    """``share``: of the trials that are imitated. ``chance``: of a decision that imitates none. Both 0 to 1."""

    share: float = 0.2
    chance: float = 0.1

    def ask(self, history, n, rng):
        need_one_objective(history.problem, self)
        models, proposals = best(history, self.share), {}
        while len(proposals) < n and (architecture := self.new(history, models, proposals, rng)):
            proposals[architecture.key] = Proposal(architecture)
        return list(proposals.values())

    def new(self, history, models, taken, rng):
        def choose(path, options, weights):
            known = [model[path] for model in models if path in model and allowed(model[path], options)]
            return draw(known, None, rng) if known and rng.random() >= self.chance else draw(options, weights, rng)

        for _ in range(20 if models else 0):
            with suppress(DeadEnd):
                architecture = history.space.trace(choose).architecture
                if not history.seen(architecture) and architecture.key not in taken:
                    return architecture
        return draw_unseen(history, rng, taken)  # nothing but repeats: any new architecture


if __name__ == "__main__":
    evaluator = TableEvaluator("digits", noisy=True)
    found = Search(evaluator.problem(), CrossEntropy(), evaluator, budget=Budget(trials=100)).run().best
    print(found.architecture, evaluator.standing(found.architecture))
