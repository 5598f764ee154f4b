"""What a comparison found, as plain data: numbers of each strategy, tests, curves, and the verdict in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from archsmith.analysis import wording
from archsmith.analysis.wording import is_share, listing, number
from archsmith.runtime.comparison import Values

SIGNIFICANT = 0.05
VOLUME = "hyper-volume"


@dataclass(frozen=True)
class Row:
    """One strategy's runs in numbers.

    label: of the strategy
    n_runs: how many there are
    n_nothing: runs that found nothing
    mean, sd, median: of the values at the end (sd: n - 1); None where nothing is known
    worst, best: the ends of these values; None where nothing is known
    trials, failed: trials of a run, and those of them that failed; means over runs
    seconds: that the trials of a run took; mean over runs
    wall_seconds: of a run on the clock; mean over runs
    """

    label: str
    n_runs: int
    n_nothing: int
    mean: float | None
    sd: float | None
    median: float | None
    worst: float | None
    best: float | None
    trials: float
    failed: float
    seconds: float
    wall_seconds: float


@dataclass(frozen=True)
class Test:
    """One strategy against the reference, run by run.

    label: of the strategy
    n_pairs: runs with the same seed
    better, worse, ties: in how many pairs it ended so; the test leaves ties out
    difference: median of the differences, above 0 when the strategy is better
    p: of Wilcoxon's signed-rank test, two-sided; None without a test
    p_holm: corrected for all tests of this comparison
    gains: the share of the ranks that belong to gains, above ½ where the test speaks for the strategy
    why: why there is no p; None where there is one
    """

    label: str
    n_pairs: int
    better: int
    worse: int
    ties: int
    difference: float | None
    p: float | None
    p_holm: float | None
    gains: float | None
    why: str | None

    @property
    def clear(self) -> bool:
        """Is the difference more than chance explains?"""
        return self.p_holm is not None and self.p_holm < SIGNIFICANT


@dataclass(frozen=True)
class Reach:
    """When a strategy first tried an architecture at least as good as the target.

    label: of the strategy
    n_reached, n_runs: how many of the runs ever did
    trials, seconds: medians over all runs. Where only half of the runs got there: when the last of them did. None where
        fewer did
    """

    label: str
    n_reached: int
    n_runs: int
    trials: float | None
    seconds: float | None


@dataclass(frozen=True)
class Curve:
    """The value of the incumbent over the search.

    label: of the strategy
    x: seconds or trials
    mean: over the runs, at each ``x``
    low, high: the 95 % bootstrap interval of that mean
    """

    label: str
    x: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class Compared:
    """What the runs of a comparison say.

    title: of the benchmark
    metric: what values are in
    searched: the metrics that steered the searches
    maximize: is more of ``metric`` better?
    n_runs: of each strategy
    reference: the strategy that the others are tested against
    axis: what curves run over, ``seconds`` or ``trials``
    simulated: is the time that of a table?
    rows, tests, reaches, curves: one for each strategy
    target: the value that trials are counted to
    target_given: did a person choose it?
    wins: ``wins[a][b]`` is the share of the pairs in which a ended better than b
    judged_by: the metrics that the incumbents are judged by
    reference_point, ideal_point: of the hyper-volume; None with one objective
    notes: what a reader must know before believing the numbers
    """

    title: str
    metric: str
    searched: tuple[str, ...]
    maximize: bool
    n_runs: int
    reference: str
    axis: str
    simulated: bool
    rows: tuple[Row, ...]
    tests: tuple[Test, ...]
    target: float
    target_given: bool
    reaches: tuple[Reach, ...]
    wins: Mapping[str, Mapping[str, float]]
    curves: tuple[Curve, ...]
    judged_by: tuple[str, ...]
    reference_point: Values | None = None
    ideal_point: Values | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def shown(self, value: float | None) -> str:
        """A value as people read it."""
        return shown(self.metric, value)

    @property
    def best(self) -> Row:
        """The strategy with the best mean; one of which most runs found nothing only where there is no other."""
        known = [row for row in self.rows if row.mean is not None]
        known = [row for row in known if 2 * row.n_nothing <= row.n_runs] or known
        return max(known, key=lambda row: (row.mean or 0.0) if self.maximize else -(row.mean or 0.0))

    @property
    def verdict(self) -> str:
        """What may be said, in a few sentences."""
        best, reference = self.best, next(row for row in self.rows if row.label == self.reference)
        runs = f"{self.n_runs} run{'s' if self.n_runs > 1 else ''}"
        text = f"On average over {runs} {best.label} ends best: {self.shown(best.mean)}"
        if best.label != reference.label and reference.mean is not None:
            text += f", {reference.label} {self.shown(reference.mean)}"
        clear = [test for test in self.tests if test.clear]
        unclear = [test for test in self.tests if test.p_holm is not None and not test.clear]
        said = [
            f"{text}.",
            _list_of(f"Better than {reference.label} beyond chance", [t for t in clear if (t.gains or 0.0) > 0.5]),
            _list_of(f"Worse than {reference.label} beyond chance", [t for t in clear if (t.gains or 0.0) <= 0.5]),
            f"The difference may be chance for {_told(unclear)}." if unclear else "",
        ]
        if self.tests and all(test.p is None for test in self.tests):
            said.append(f"No test: {self.tests[0].why}.")
        return " ".join(filter(None, said))


def _list_of(words: str, tests: list[Test]) -> str:
    return f"{words}: {_told(tests)}." if tests else ""


def _told(tests: list[Test]) -> str:
    return listing([f"{test.label} (p {probability(test.p_holm)})" for test in tests])


def shown(metric: str, value: float | None) -> str:
    """Shares in per cent with two places, everything else in four digits."""
    if value is None:
        return "–"
    if metric == VOLUME:
        return f"{value:.4f}"
    return f"{100 * value:.2f} %" if is_share(metric) or metric.endswith("_accuracy") else number(value)


def probability(p: float | None) -> str:
    """``0.031`` or ``< 0.001``."""
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.2g}"


def metric_name(metric: str) -> str:
    return VOLUME if metric == VOLUME else wording.metric_name(metric)
