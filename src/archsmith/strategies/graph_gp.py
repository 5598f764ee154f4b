"""A Gaussian process over the graphs of cells: the strategy for trials that are expensive.

    evaluate a few random architectures
    repeat:
        fit a Gaussian process to the ranks of all scores
        propose the architecture with the highest mean + beta · deviation

What is ours is the kernel (archsmith.surrogates.gp). It compares what architectures decide, the functional paths of one
cell and its size and depth. All of these are read from the graph without training anything. Every score enters by its
rank, as a Gaussian. The upper confidence bound is that of Srinivas et al. 2010 (arXiv 0912.3995). Candidates are all
architectures where these can be enumerated; otherwise mutations of the best and random samples.

Trials that run beside it count as observed for the deviation but not for the mean (GP-BUCB: Desautels et al. 2014), so
that workers do not crowd together. A failed trial counts as the worst there is. A proposal's parent is the trial that
was mutated into it, so that an evaluator may inherit weights. Where all architectures are looked at, it is the trial
nearest to it, unless more than two decisions differ: then there is none.

Where scores are noisy, the best observed score does not show the best architecture. ``incumbent`` names the trial for
which the model predicts the best score. Without noise, the posterior mean at a trial is its score, so that the best one
is the answer. Which of the two holds is what the evaluator says (``repeatable``). The scores do not: an architecture is
never tried twice, so noise looks like what the kernel cannot express. Without any, the likeliest noise was 0.11 to 0.47
of the variance, with noise 0.27 to 0.47 (benchmarks/graph_gp.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np

from archsmith.core.architecture import Architecture, Scalar, same
from archsmith.core.errors import DeadEnd, UsageError
from archsmith.core.fields import checked
from archsmith.core.history import History
from archsmith.core.sketch import Sketch
from archsmith.core.trial import Proposal, Trial
from archsmith.strategies.ranking import need_one_objective, ranking_key
from archsmith.strategies.space_facts import AllPoints, SpaceFacts, connected, space_facts
from archsmith.strategies.unseen import draw_unseen, propose_first, propose_unseen
from archsmith.surrogates.encoding import Array, Encoding, Rows
from archsmith.surrogates.gp import Distances, Posterior, Scales, Setting, best_setting, normal_scores, settings

# Numbers of observations after which the kernel's setting is chosen anew; behind the last, every REFIT_EVERY.
REFITS = (2, 3, 5, 7, 10, 15, 20, 30, 50, 80, 120)
REFIT_EVERY = 60
MUTATED = 2 / 3  # share of the candidates of one ask in larger spaces; the others are random samples
PARENTS = 10  # whose mutations are candidates
MOST_CHANGED = 2  # decisions that a mutation changes, at the most
LOW_FIDELITY_NOISE = 4.0  # of a trial below the full fidelity, in multiples of the noise of one at it
CONNECTING = 50  # draws for a network whose output depends on its input


@checked
@dataclass(frozen=True)
class GraphGP:
    """Proposes what a Gaussian process over graphs finds most promising.

    ``n_start``: random trials before the model is asked, 2 or more.
    ``beta``: deviations added to the mean, 0 or more; higher explores more.
    ``start``: whether to begin with the architecture that the space itself names first, if it names one.
    ``candidates``: how many architectures an ask looks at in a space of more than 20,000 points, 1 or more.
    ``seed``: of the sample that scales are measured on; None: that of the study.
    """

    n_start: int = 5
    beta: float = 2.0
    start: bool = True
    candidates: int = 300
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.n_start < 2:
            raise UsageError(f"GraphGP has n_start={self.n_start}.", "Give 2 or more.")
        if not (math.isfinite(self.beta) and self.beta >= 0):
            raise UsageError(f"GraphGP has beta={self.beta}.", "Give 0 or more.")
        if self.candidates < 1:
            raise UsageError(f"GraphGP has candidates={self.candidates}.", "Give 1 or more.")

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        need_one_objective(history.problem, self)
        model = _model(self, history)
        model.read(history)
        proposals: list[Proposal] = []
        taken: set[str] = set()
        n_random = self.n_start - len(model.trials) - len(history.pending)
        if len(model.trials) < 2:
            n_random = n  # nothing to compare yet
        while len(proposals) < min(n, n_random):
            proposal = self._random(history, taken, rng)
            if proposal is None:
                return proposals
            taken.add(proposal.architecture.key)
            proposals.append(proposal)
        if len(proposals) < n:
            proposals += model.propose(self, history, n - len(proposals), taken, rng)
        while len(proposals) < n:  # what is left are networks that the model leaves out, such as unconnected ones
            taken.update(proposal.architecture.key for proposal in proposals)
            proposal = propose_unseen(history, rng, taken)
            if proposal is None:
                break
            proposals.append(proposal)
        return proposals

    def incumbent(self, history: History) -> Trial | None:
        """The finished trial at full fidelity for which the model predicts the best score.

        The best observed one while there is no model, and where scores are repeatable and of the whole training.
        """
        need_one_objective(history.problem, self)
        model = _model(self, history)
        model.read(history)
        return model.incumbent(history)

    def _random(self, history: History, taken: set[str], rng: np.random.Generator) -> Proposal | None:
        proposal = propose_first(history, taken) if self.start else None
        if proposal is not None:
            return proposal
        for _ in range(CONNECTING):
            proposal = propose_unseen(history, rng, taken)
            if proposal is None or connected(history.space.sketch(proposal.architecture)):
                break
        return proposal


@dataclass
class _Model:
    """What the strategy has learnt.

    A cache: one pass over the finished trials would build the same.

    ``facts``: what is known of the space without trials.
    ``encoding``: from sketches to rows of numbers.
    ``scales``: of the kernel's distances.
    ``trials``: those observed, in the order of finishing.
    ``sketches``: of these.
    ``n_read``: how many of ``history.finished`` were read.
    ``setting``: of the kernel; None before the first fit.
    ``posterior``: over all points, where the space is small enough.
    """

    facts: SpaceFacts
    encoding: Encoding
    scales: Scales
    trials: list[Trial] = field(default_factory=list)
    sketches: list[Sketch] = field(default_factory=list)
    n_read: int = 0
    setting: Setting | None = None
    posterior: Posterior | None = None

    @property
    def all_points(self) -> AllPoints | None:
        return self.facts.all_points

    def read(self, history: History) -> None:
        """Take in what has finished since."""
        for trial in history.finished[self.n_read :]:
            self.n_read += 1
            if trial.outcome is not None and trial.outcome.error_kind == "lost":
                continue  # no fault of the architecture
            self.trials.append(trial)
            self.sketches.append(history.space.sketch(trial.architecture))
            self.encoding.learn(self.sketches[-1:])
            if self._due():
                self._refit(history)
            elif self.posterior is not None:
                self.posterior.observe(
                    self._rows(self.trials[-1:], self.sketches[-1:]), float(self._noise(history)[-1])
                )

    def _due(self) -> bool:
        n = len(self.trials)
        return n in REFITS or (n > REFITS[-1] and (n - REFITS[-1]) % REFIT_EVERY == 0)

    def _refit(self, history: History) -> None:
        rows, noise, targets = self._rows(self.trials, self.sketches), self._noise(history), self.targets(history)
        choices = settings(self.encoding.has_paths, self.encoding.n_numbers > 0)
        self.setting = best_setting(Distances.between(rows, rows, self.scales), targets, noise, choices)
        if self.all_points is not None:
            self.posterior = Posterior(self.all_points.rows, self.setting, self.scales)
            for i, more_noise in enumerate(noise.tolist()):
                self.posterior.observe(rows.take([i]), more_noise)

    def targets(self, history: History) -> Array:
        """``(n,)`` Gaussian scores by rank among the trials of the same fidelity, high is good."""
        scores = np.zeros(len(self.trials))
        fidelities = np.array([trial.fidelity for trial in self.trials])
        for fidelity in np.unique(fidelities):
            which = np.flatnonzero(fidelities == fidelity)
            scores[which] = normal_scores([ranking_key(self.trials[i], history.problem) for i in which.tolist()])
        return scores

    def _noise(self, history: History) -> Array:
        full = history.problem.fidelity.maximum
        return np.array([1.0 if trial.fidelity == full else LOW_FIDELITY_NOISE for trial in self.trials])

    def _rows(self, trials: Sequence[Trial], sketches: Sequence[Sketch]) -> Rows:
        if self.all_points is not None:
            return self.all_points.rows.take([self.all_points.places[trial.architecture.key] for trial in trials])
        return self.encoding.rows(sketches)

    # What follows from what was learnt

    def propose(
        self, strategy: GraphGP, history: History, n: int, taken: set[str], rng: np.random.Generator
    ) -> list[Proposal]:
        """Up to ``n`` architectures with the highest upper confidence bounds.

        Each is chosen as if those before it were running already.
        """
        if self.all_points is not None:
            points = self.all_points
            candidates, rows = points.architectures, points.rows
            parents: dict[str, Trial] = {}
            open_ = points.connected.copy()
            known = [trial.architecture.key for trial in history.trials]
            open_[[points.places[key] for key in (*known, *taken)]] = False
            assert self.posterior is not None
            posterior = self.posterior
        else:
            candidates, parents = self._candidates(history, strategy.candidates, taken, rng)
            sketches = [history.space.sketch(architecture) for architecture in candidates]
            rows, open_ = self.encoding.rows(sketches), np.array([connected(sketch) for sketch in sketches], dtype=bool)
            posterior = self._posterior(history, rows)
        if not open_.any():
            return []
        mean = posterior.mean(self.targets(history)) + self._bonus(history, rows)
        pending = list(history.pending.values())
        if pending or n > 1 or taken:
            posterior = posterior.copy()
        if pending:
            running = self._rows(pending, [history.space.sketch(trial.architecture) for trial in pending])
            for i in range(len(pending)):
                posterior.observe(running.take([i]))
        proposals: list[Proposal] = []
        while len(proposals) < n and open_.any():
            bound = np.where(open_, mean + strategy.beta * posterior.deviation, -np.inf)
            chosen = int(np.argmax(bound))
            notes: dict[str, Scalar] = {
                "operator": "model",
                "mean": float(mean[chosen]),
                "deviation": float(posterior.deviation[chosen]),
            }
            parent = (
                self._nearest(candidates[chosen], history)
                if self.all_points is not None
                else parents.get(candidates[chosen].key)
            )
            proposals.append(Proposal(candidates[chosen], parents=() if parent is None else (parent.id,), notes=notes))
            open_[chosen] = False
            if len(proposals) < n:
                posterior.observe(rows.take([chosen]))
        return proposals

    def incumbent(self, history: History) -> Trial | None:
        full = [
            i
            for i, trial in enumerate(self.trials)
            if trial.ok and trial.feasible and trial.fidelity == history.problem.fidelity.maximum
        ]
        exact = history.repeatable and not history.problem.fidelity.partial
        if exact or self.setting is None or not full:
            return history.best()
        rows = self._rows(self.trials, self.sketches)
        mean = self._posterior(history, rows).mean(self.targets(history)) + self._bonus(history, rows)
        return self.trials[max(full, key=lambda i: (mean[i], -i))]

    def _posterior(self, history: History, rows: Rows) -> Posterior:
        assert self.setting is not None
        return Posterior.of(
            rows, self._rows(self.trials, self.sketches), self._noise(history), self.setting, self.scales
        )

    def _bonus(self, history: History, rows: Rows) -> Array:
        """What is added to the mean for size: larger networks gain more from the rest of a training than its beginning
        shows.
        """
        size = self.encoding.column("log_params")
        if size is None or not history.problem.fidelity.partial:
            return np.zeros(len(rows))
        return rows.numbers[:, size]

    def _nearest(self, architecture: Architecture, history: History) -> Trial | None:
        """The trial with a score whose decisions differ least, the best of equals.

        It would be the parent if the architecture had been found by mutation. None where that changes fewer decisions.
        """
        near = [
            (distance, ranking_key(trial, history.problem), trial.id)
            for trial in self.trials
            if trial.losses is not None and (distance := _n_different(trial.architecture, architecture)) <= MOST_CHANGED
        ]
        return history.trials[min(near)[2]] if near else None

    def _candidates(
        self, history: History, n: int, taken: set[str], rng: np.random.Generator
    ) -> tuple[tuple[Architecture, ...], dict[str, Trial]]:
        """Unseen mutations of the trials with the best predictions, and random samples.

        The mapping holds the trials that were mutated, by the child's key.
        """
        found: dict[str, Architecture] = {}
        mutated: dict[str, Trial] = {}

        def add(architecture: Architecture, parent: Trial | None = None) -> None:
            if history.seen(architecture) or architecture.key in taken or architecture.key in found:
                return
            found[architecture.key] = architecture
            if parent is not None and parent.losses is not None:
                mutated[architecture.key] = parent

        rows = self._rows(self.trials, self.sketches)
        predicted = self._posterior(history, rows).mean(self.targets(history))
        parents = [self.trials[i] for i in np.argsort(-predicted, kind="stable")[:PARENTS].tolist()]
        for i in range(round(MUTATED * n)):
            parent = parents[i % len(parents)]
            try:
                add(history.space.mutate(parent.architecture, rng, n_changes=1 + int(rng.random() < 0.3)), parent)
            except DeadEnd:
                continue
        for _ in range(n - round(MUTATED * n)):
            add(history.space.sample(rng))
        if not found:
            architecture = draw_unseen(history, rng, taken)
            return ((), {}) if architecture is None else ((architecture,), {})
        return tuple(found.values()), mutated


def _n_different(a: Architecture, b: Architecture) -> int:
    """Decisions that only one of them has, or that they answer differently."""
    return sum(path not in a or path not in b or not same(a[path], b[path]) for path in a.keys() | b.keys())


_models: WeakKeyDictionary[History, dict[GraphGP, _Model]] = WeakKeyDictionary()


def _model(strategy: GraphGP, history: History) -> _Model:
    models = _models.setdefault(history, {})
    if strategy not in models:
        facts = space_facts(history.space, history.seed_of(strategy.seed))
        encoding = facts.encoding or Encoding(facts.sample)
        models[strategy] = _Model(facts, encoding, Scales.of(encoding.rows(facts.sample)))
    return models[strategy]
