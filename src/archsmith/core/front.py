"""Several objectives: the front of the trials that no other one beats, its knee, and how much of the plane it reaches.

Sources: Das 1999, "On characterizing the 'knee' of the Pareto curve based on normal-boundary intersection" (Structural
Optimization 18), for the knee; Zitzler and Thiele 1998, "Multiobjective Optimization Using Evolutionary Algorithms"
(PPSN V), for the hyper-volume; While, Hingston, Barone and Huband 2006, "A Faster Algorithm for Calculating
Hypervolume" (IEEE Transactions on Evolutionary Computation 10(1)), for computing it by slices; Ishibuchi, Imada,
Setoguchi and Nojima 2018, "How to Specify a Reference Point in Hypervolume Calculation for Fair Performance Comparison"
(Evolutionary Computation 26(3)), for the reference point: a little worse than the worst of the front.

All arrays are losses: lower is better.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from archsmith.core import markup
from archsmith.core.problem import Objective
from archsmith.core.trial import Trial
from archsmith.core.wording import metric_name

MARGIN = 0.1  # of the range of the front, by which the reference point is moved out (Ishibuchi et al. 2018)
MOST_MEASURED = 3  # objectives; with more, the time that a hyper-volume takes explodes
MOST_STEPS = 200  # of a front over time that are measured
NOTHING = 1e-9  # of the scaled losses; less than that is no difference

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Step = tuple[int, float]


@dataclass(frozen=True, eq=False)
class Front(Sequence[Trial]):
    """The trials that no other one dominates: that is as good in every objective and better in one.

    ``objectives``: of the problem, m of them.
    ``trials``: by first loss; of equals all.
    """

    objectives: tuple[Objective, ...]
    trials: tuple[Trial, ...] = ()

    def __len__(self) -> int:
        return len(self.trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.trials)

    @overload
    def __getitem__(self, place: int) -> Trial: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Trial, ...]: ...
    def __getitem__(self, place: int | slice) -> Trial | tuple[Trial, ...]:
        return self.trials[place]

    def joined(self, trial: Trial) -> Front:
        """The front with ``trial``, which has losses, and without those that it dominates; this one where one of them
        dominates it, or where a loss is no finite number.
        """
        new = np.array(trial.losses)
        if not np.isfinite(new).all() or _dominate(self.losses, new).any():
            return self
        left = (old for old, beaten in zip(self.trials, _dominate(new, self.losses), strict=True) if not beaten)
        return Front(self.objectives, tuple(sorted([*left, trial], key=lambda t: (t.loss, t.id))))

    def extended_by(self, trial: Trial) -> bool:
        """Is ``trial`` on the front, and no other one there equal to it?"""
        if trial not in self.trials:
            return False
        return sum(other.losses == trial.losses for other in self.trials) == 1

    @cached_property
    def losses(self) -> Floats:
        """Of its trials, ``(n, m)``."""
        return np.array([trial.losses for trial in self.trials], np.float64).reshape(-1, len(self.objectives))

    @cached_property
    def distinct(self) -> tuple[Trial, ...]:
        """Its trials without those whose losses an earlier one has."""
        first: dict[tuple[float, ...] | None, Trial] = {}
        for trial in self.trials:
            first.setdefault(trial.losses, trial)
        return tuple(first.values())

    def equals(self, trial: Trial) -> tuple[Trial, ...]:
        """The other trials of the front with the same losses."""
        return tuple(other for other in self.trials if other.losses == trial.losses and other.id != trial.id)

    @cached_property
    def knee(self) -> Trial | None:
        """The trial that stands out most between the ends; None where none does, and with one objective.

        Each loss is scaled to 0..1 over the front; the least sum stands out most. With two objectives that is the point
        farthest from the line between the ends (Das 1999). An end is best in one objective and worst in another, and it
        is no knee.
        """
        trials = self.distinct
        if len(trials) < 3 or len(self.objectives) < 2:
            return None
        scaled = np.array([trial.losses for trial in trials], np.float64)
        scaled -= scaled.min(0)
        spread = scaled.max(0)
        scaled /= np.where(spread > 0, spread, 1.0)
        ends = (scaled == 0).any(1) & (scaled == 1).any(1)
        sums = scaled.sum(1)
        least = int(sums.argmin())
        return trials[least] if not ends.any() or sums[least] < sums[ends].min() - NOTHING else None

    @cached_property
    def hypervolume(self) -> float | None:
        """The share of the box between the ideal and the reference point that the front dominates, 0..1.

        None for a front without two different points, which has no box, and with other than two or three objectives.
        """
        if not 2 <= len(self.objectives) <= MOST_MEASURED or len(self.distinct) < 2:
            return None
        return hypervolume(self.losses, *bounds(self.losses))

    @property
    def ideal(self) -> dict[str, float]:
        """The best value of each objective on the front; empty where it has no hyper-volume."""
        return {} if self.hypervolume is None else self._values(bounds(self.losses)[0])

    @property
    def reference(self) -> dict[str, float]:
        """The worst value of each objective on the front, moved out by a tenth of the range, or by 0.1 where there is
        none; empty where it has no hyper-volume.
        """
        return {} if self.hypervolume is None else self._values(bounds(self.losses)[1])

    def _values(self, losses: Floats) -> dict[str, float]:
        return {each.metric: each.value(loss) for each, loss in zip(self.objectives, losses.tolist(), strict=True)}

    def to_dict(self) -> dict[str, Any]:
        """As JSON data: ids, and values by the names of metrics."""
        return {
            "objectives": [[each.metric, each.maximize] for each in self.objectives],
            "trials": [trial.id for trial in self.trials],
            "knee": None if self.knee is None else self.knee.id,
            "hypervolume": self.hypervolume,
            "ideal": self.ideal,
            "reference": self.reference,
        }

    def _repr_html_(self) -> str:
        metrics = [each.metric for each in self.objectives]
        rows = [
            (trial.id, *(trial.metrics[metric] for metric in metrics), "knee" if trial is self.knee else "")
            for trial in self.trials
        ]
        head = ("trial", *map(metric_name, metrics), "")
        return markup.table(rows, head, f"Front of {len(rows)} trial{'' if len(rows) == 1 else 's'}")


def growth(front: Front, finished: Iterable[Trial]) -> list[Step]:
    """How the hyper-volume of ``front`` came about: (finished trials, share of its box) whenever it got a new point.

    ``finished``: all trials in the order in which they finished. Those at other fidelities, and those that failed or
    break a limit, count as finished and change nothing. Of very many changes ``MOST_STEPS`` are measured, the first and
    the last among them. Empty where the front has no hyper-volume.
    """
    if front.hypervolume is None:
        return []
    steps: list[tuple[int, Front]] = [(0, Front(front.objectives))]
    for n, trial in enumerate(finished, start=1):
        if trial.ok and trial.fidelity == front[0].fidelity:
            now = steps[-1][1].joined(trial)
            if now.extended_by(trial):  # an equal one is no new point
                steps.append((n, now))
    chosen = np.unique(np.linspace(1, len(steps) - 1, min(MOST_STEPS, len(steps) - 1)).round().astype(int))
    ideal, reference = bounds(front.losses)
    return [(steps[i][0], hypervolume(steps[i][1].losses, ideal, reference)) for i in chosen]


def bounds(losses: Floats) -> tuple[Floats, Floats]:
    """The ideal and the reference point of ``(n, m)`` losses, n > 0: ``(m,)`` each.

    The ideal point is the best of each objective, the reference point the worst, moved out by ``MARGIN`` of the range,
    or of 1 where there is no range.
    """
    ideal, worst = losses.min(0), losses.max(0)
    return ideal, worst + MARGIN * np.where(worst > ideal, worst - ideal, 1.0)


def hypervolume(losses: Floats, ideal: Floats, reference: Floats) -> float:
    """The volume that points ``(n, m)``, m > 1, dominate below the ``reference`` point, in units of the box between
    ``ideal`` and ``reference``, ``(m,)`` each. What lies better than ``ideal`` counts too.

    Exact. The time grows as n to the power m - 1.
    """
    scaled = (losses - ideal) / (reference - ideal)
    return _volume(scaled[(scaled < 1).all(1)])


def _volume(points: Floats) -> float:
    """Below (1, …, 1). Two objectives: columns under a staircase. More: slices along the last one."""
    points = points[np.lexsort(points.T)]  # by the last objective
    if points.shape[1] == 2:
        floor = np.append(points[:, 1], 1.0)
        return float((np.diff(floor) * (1 - np.minimum.accumulate(points[:, 0]))).sum())
    floors = [*points[:, -1].tolist(), 1.0]
    return float(
        sum(
            (above - floor) * _volume(points[:i, :-1])
            for i, (floor, above) in enumerate(pairwise(floors), start=1)
            if above > floor
        )
    )


def pareto_ranks(losses: Floats, violations: Floats) -> Integers:
    """``(n,)`` ranks from losses ``(n, m)`` and violations ``(n,)``.

    Rank 0 is dominated by nobody, rank 1 only by rank 0, and so on. Constrained domination: the smaller violation wins.
    Between equal violations it is the Pareto order of the losses.
    """
    smaller = violations[:, None] < violations[None, :]
    equal = violations[:, None] == violations[None, :]
    dominates = smaller | (equal & _dominate(losses[:, None], losses[None, :]))
    n_above = dominates.sum(axis=0)
    ranks = np.full(len(losses), -1, dtype=np.int64)
    rank = 0
    while (ranks < 0).any():
        front = (ranks < 0) & (n_above == 0)
        ranks[front] = rank
        n_above -= dominates[front].sum(axis=0)
        rank += 1
    return ranks


def _dominate(a: Floats, b: Floats) -> npt.NDArray[np.bool_]:
    """Does ``a`` dominate ``b``? Losses ``(…, m)``."""
    return np.asarray((a <= b).all(-1) & (a < b).any(-1))
