"""BANANAS: evolution guided by an ensemble of small neural networks that predict how good an architecture is.

Source: White, Neiswanger and Savani 2021, "BANANAS: Bayesian Optimization with Neural Architectures for Neural
Architecture Search" (AAAI, arXiv 1910.11858), algorithm 1, with the settings of the authors' code (naszilla):

    evaluate random architectures
    repeat:
        fit an ensemble of networks to all trials
        mutate the best trials: these are the candidates
        for each candidate draw one score from the ensemble's prediction (independent Thompson sampling)
        evaluate the candidates with the best draws

Differences from the paper:

* Trials are encoded by their answers, the numbers that their space knows of them and, where they are networks, the
  counts of their functional paths (archsmith.surrogates.encoding). The paper encodes which paths occur. We leave out
  the paths that only one trial has; the paper leaves out the least likely ones.
* The networks have three hidden layers, not ten. This takes a quarter of the time, and did no worse on a toy whose
  answers add up.
* They learn ranks turned into Gaussian scores. So broken constraints (see ``ranking_key``) and failures, which rank
  last, are learnt too.
* A fifth of the candidates are random.
* After a hundred trials refits become rarer: one for every tenth more.
* Trials may be asked for one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from archsmith.core.architecture import Architecture
from archsmith.core.errors import DeadEnd, UsageError
from archsmith.core.fields import checked
from archsmith.core.history import History
from archsmith.core.seeds import generator
from archsmith.core.sketch import Sketch
from archsmith.core.trial import Proposal, Trial
from archsmith.strategies.ranking import need_one_objective, ranking_key
from archsmith.strategies.unseen import propose_first, propose_unseen
from archsmith.surrogates.encoding import Encoding
from archsmith.surrogates.gp import normal_scores

NETWORKS = 5  # White et al. 2021
PARENTS = 10  # num_best_arches in naszilla
BATCH, EPOCHS, RATE = 32, 150, 0.01  # naszilla
# Inputs are cut here, in standard deviations: a number that hardly varied among trials says nothing where it is far
# off.
FARTHEST = 5.0

Array = npt.NDArray[np.float64]


@checked
@dataclass(frozen=True)
class Bananas:
    """Proposes those mutations of the best trials for which one draw from the ensemble's prediction is best.

    ``refit``: random trials before the first fit, and trials between fits, 2 or more (10: White et al. 2021).
    ``candidates``: mutations of the ten best trials that compete, 1 or more (100: naszilla).
    ``layers``: hidden layers of each network, 1 or more (paper: 10).
    ``width``: units of each layer, 1 or more (paper: 20).
    ``start``: whether to begin with the architecture that the space itself names first, if it names one.
    ``seed``: of the first weights; None: that of the study.
    """

    refit: int = 10
    candidates: int = 100
    layers: int = 3
    width: int = 20
    start: bool = True
    seed: int | None = None

    def __post_init__(self) -> None:
        for name, least in {"refit": 2, "candidates": 1, "layers": 1, "width": 1}.items():
            if getattr(self, name) < least:
                raise UsageError(f"Bananas has {name}={getattr(self, name)}.", f"Give {least} or more.")

    def ask(self, history: History, n: int, rng: np.random.Generator) -> list[Proposal]:
        need_one_objective(history.problem, self)
        memory = _memory.setdefault(history, {}).setdefault(self, _Memory())
        memory.read(history)
        proposals: list[Proposal] = []
        taken: set[str] = set()
        predictor = memory.predictor(self, history)
        if predictor is not None:
            proposals += self._promising(history, memory, predictor, n, rng)
            taken.update(proposal.architecture.key for proposal in proposals)
        while len(proposals) < n:
            proposal = propose_first(history, taken) if self.start else None
            proposal = proposal or propose_unseen(history, rng, taken)
            if proposal is None:
                break
            taken.add(proposal.architecture.key)
            proposals.append(proposal)
        return proposals

    def _promising(
        self, history: History, memory: _Memory, predictor: Predictor, n: int, rng: np.random.Generator
    ) -> list[Proposal]:
        found = self._candidates(history, memory, rng)
        if not found:
            return []
        scores = predictor.scores([history.space.sketch(architecture) for architecture, _ in found])
        mean, deviation = scores.mean(axis=0), scores.std(axis=0)
        draws = rng.normal(mean, deviation)
        proposals = []
        for i in np.argsort(-draws, kind="stable")[:n].tolist():
            architecture, parent = found[i]
            notes = {
                "operator": "sample" if parent is None else "mutate",
                "mean": float(mean[i]),
                "deviation": float(deviation[i]),
            }
            proposals.append(Proposal(architecture, parents=() if parent is None else (parent.id,), notes=notes))
        return proposals

    def _candidates(
        self, history: History, memory: _Memory, rng: np.random.Generator
    ) -> list[tuple[Architecture, Trial | None]]:
        """Unseen mutations of the best trials with their parents, and random architectures."""
        ranking = sorted(
            (trial for trial in memory.trials if trial.losses is not None),
            key=lambda t: (ranking_key(t, history.problem), t.id),
        )
        parents = ranking[:PARENTS]
        found: dict[str, tuple[Architecture, Trial | None]] = {}
        for i in range(self.candidates + self.candidates // 4):
            parent = parents[i % len(parents)] if parents and i < self.candidates else None
            try:
                child = history.space.sample(rng) if parent is None else history.space.mutate(parent.architecture, rng)
            except DeadEnd:
                continue
            if not history.seen(child):
                found.setdefault(child.key, (child, parent))
        return list(found.values())


@dataclass
class _Memory:
    """What has been learnt from one history.

    A cache: a pass over its finished trials would build the same.

    ``trials``: at full fidelity, in the order of finishing, failures included.
    ``n_read``: how many of ``history.finished`` were read.
    ``fitted``: the ensemble, fitted to the first ``n_fitted`` of ``trials``.
    """

    trials: list[Trial] = field(default_factory=list)
    n_read: int = 0
    fitted: Predictor | None = None
    n_fitted: int = 0

    def read(self, history: History) -> None:
        for trial in history.finished[self.n_read :]:
            lost = trial.outcome is not None and trial.outcome.error_kind == "lost"  # no fault of the architecture
            if trial.fidelity == history.problem.fidelity.maximum and not lost:
                self.trials.append(trial)
        self.n_read = len(history.finished)

    def predictor(self, strategy: Bananas, history: History) -> Predictor | None:
        """The ensemble, fitted from nothing at fixed counts of trials, so that it does not matter who asked when."""
        n, following = 0, strategy.refit
        while following <= len(self.trials):
            n, following = following, following + max(strategy.refit, following // 10)
        if n and n != self.n_fitted:
            sketches = [history.space.sketch(trial.architecture) for trial in self.trials[:n]]
            targets = normal_scores([ranking_key(trial, history.problem) for trial in self.trials[:n]])
            rng = generator(history.seed_of(strategy.seed), "fit", n)
            self.fitted = Predictor(sketches, targets, strategy.layers, strategy.width, rng)
            self.n_fitted = n
        return self.fitted


_memory: WeakKeyDictionary[History, dict[Bananas, _Memory]] = WeakKeyDictionary()


class Predictor:
    """Networks with ``layers`` hidden layers of rectified units. They differ by first weights and order of batches.

    Fitted to n sketches and ``targets`` ``(n,)``, high is good.
    """

    def __init__(
        self, sketches: Sequence[Sketch], targets: Array, layers: int, width: int, rng: np.random.Generator
    ) -> None:
        self._encoding = Encoding(sketches)
        matrix = self._encoding.rows(sketches).matrix
        self._columns = np.flatnonzero((matrix != 0).sum(axis=0) > 1)
        inputs = self._inputs(matrix)
        sizes = [inputs.shape[1], *[width] * layers, 1]
        self._flat, self._layers = _flat_and_layers(sizes)
        for layer in self._layers:  # He et al. 2015 (arXiv 1502.01852); the last row of each is the bias
            layer[:, :-1] = rng.normal(0.0, np.sqrt(2 / max(1, layer.shape[1] - 1)), layer[:, :-1].shape)
        self._fit(inputs, targets, sizes, rng)

    def scores(self, sketches: Sequence[Sketch]) -> Array:
        """What each network expects, ``(networks, n)``."""
        return self._forward(self._inputs(self._encoding.rows(sketches).matrix))[-1][:, :, 0]

    def _inputs(self, matrix: Array) -> Array:
        return np.clip(matrix[:, self._columns], -FARTHEST, FARTHEST)

    def _forward(self, inputs: Array) -> list[Array]:
        """Activations ``(networks, n, width)`` of every layer for inputs ``(n, d)`` or ``(networks, n, d)``."""
        activations = [np.broadcast_to(inputs, (NETWORKS, *inputs.shape[-2:]))]
        for i, layer in enumerate(self._layers):
            sums = activations[-1] @ layer[:, :-1] + layer[:, -1:]
            activations.append(np.maximum(0.0, sums) if i < len(self._layers) - 1 else sums)
        return activations

    def _fit(self, inputs: Array, targets: Array, sizes: Sequence[int], rng: np.random.Generator) -> None:
        """Adam (Kingma and Ba 2015) on the mean absolute error, for ``EPOCHS`` passes."""
        flat, gradients = _flat_and_layers(sizes)
        first, second = np.zeros_like(flat), np.zeros_like(flat)
        step = 0
        for _ in range(EPOCHS):
            order = rng.permuted(np.tile(np.arange(len(targets)), (NETWORKS, 1)), axis=1)
            for start in range(0, len(targets), BATCH):
                batch = order[:, start : start + BATCH]
                activations = self._forward(inputs[batch])
                slope = np.sign(activations[-1] - targets[batch][:, :, None]) / batch.shape[1]
                for i in range(len(self._layers) - 1, -1, -1):
                    below = activations[i]
                    gradients[i][:, :-1] = below.transpose(0, 2, 1) @ slope
                    gradients[i][:, -1] = slope.sum(axis=1)
                    if i:
                        slope = (slope @ self._layers[i][:, :-1].transpose(0, 2, 1)) * (below > 0)
                step += 1
                first += 0.1 * (flat - first)
                second += 0.001 * (flat**2 - second)
                self._flat -= RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)


def _flat_and_layers(sizes: Sequence[int]) -> tuple[Array, list[Array]]:
    """One vector of zeros, and its views as layers ``(networks, inputs + 1, outputs)``."""
    shapes = [(NETWORKS, n_in + 1, n_out) for n_in, n_out in pairwise(sizes)]
    ends = np.cumsum([n * rows * columns for n, rows, columns in shapes])
    flat = np.zeros(int(ends[-1]))
    parts = np.split(flat, ends[:-1])
    return flat, [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
