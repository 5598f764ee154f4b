"""What a comparison found, as plain data: numbers of each strategy, tests, curves, and the verdict in a few words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from archsmith.analysis import wording
from archsmith.analysis.wording import NB, is_share, listing, number
from archsmith.core.wording import amount
from archsmith.runtime.comparison import Values

SIGNIFICANT = 0.05
LISTED = 3  # pairs whose intervals are told in sentences; more would be a wall of numbers, and stand in a table
VOLUME = "hyper-volume"
ROUNDING = 1e-6  # differences below it may be errors of rounding

Interval = tuple[float | None, float | None]  # None: this end is open


@dataclass(frozen=True)
class Final:
    """How one run ended.

    label, seed: its strategy and its seed
    value: of its incumbent; None where it found nothing. With two objectives the hyper-volume of its front, 0 of an
        empty one
    trials, failed: trials, and those of them that failed
    seconds, wall_seconds: that its trials took, and the run on the clock
    reason: why it ended
    """

    label: str
    seed: int
    value: float | None
    trials: int
    failed: int
    seconds: float
    wall_seconds: float
    reason: str


@dataclass(frozen=True)
class Row:
    """One strategy's runs in numbers.

    label: of the strategy
    n_runs: how many there are
    independent: how many of them count, 1 where all made the same proposals
    n_nothing: runs that found nothing
    mean, sd: of the values at the end (sd: n - 1); None where nothing is known
    median: of all runs, those that found nothing are the worst; None where it falls on or beside such a run
    worst, best: the ends of the values; None where nothing is known
    trials, failed: trials of a run, and those of them that failed; means over runs
    seconds: that the trials of a run took; mean over runs
    wall_seconds: of a run on the clock; mean over runs
    """

    label: str
    n_runs: int
    independent: int
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

    @property
    def most_found(self) -> bool:
        """Did more than half of its runs find something? Only then the median is the value of an answer."""
        return 2 * self.n_nothing < self.n_runs


@dataclass(frozen=True)
class Test:
    """One strategy against the reference, run by run.

    label: of the strategy
    n_pairs: runs with the same seed
    better, worse, ties: in how many pairs it ended so; the test leaves ties out
    difference: the typical one (Hodges and Lehmann), above 0 when the strategy is better; None where it is infinite
    interval: 95 % for ``difference``; None with too few pairs
    effect: effect size, -1 to 1: the share of the pairs that it won less the share that it lost (Cliff's d)
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
    interval: Interval | None
    effect: float
    p: float | None
    p_holm: float | None
    gains: float | None
    why: str | None

    @property
    def clear(self) -> bool:
        """Is the difference more than chance explains?"""
        return self.p_holm is not None and self.p_holm < SIGNIFICANT

    @property
    def ahead(self) -> bool:
        """Does the test speak for the strategy?"""
        return (self.gains or 0.0) > 0.5


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
    low, high: the 95 % bootstrap interval of that mean; the mean itself where one run counts
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
    axis: what curves run over, ``seconds`` (of trials) or ``trials``
    simulated: is the time that of a table?
    rows, tests, reaches, curves: one for each strategy
    finals: one for each run
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
    finals: tuple[Final, ...]
    judged_by: tuple[str, ...]
    reference_point: Values | None = None
    ideal_point: Values | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def shown(self, value: float | None) -> str:
        """A value as people read it: shares in per cent with two places, everything else in four digits."""
        if value is None:
            return "–"
        if self.metric == VOLUME:
            return f"{value:.4f}"
        return f"{100 * value:.{wording.decimals(value, 4) - 2}f} %" if self.in_per_cent else number(value)

    @property
    def in_per_cent(self) -> bool:
        """Are scores told in per cent? Where one accuracy is above 1, none is a share: somebody gives it in percent."""
        if not is_score_share(self.metric):
            return False
        ends = [end for row in self.rows for end in (row.best, row.worst) if end is not None]
        return max(ends, default=0.0) <= 1

    @property
    def answer(self) -> str:
        """What a run ends with: an incumbent or, with two objectives, a front."""
        return "incumbent" if self.reference_point is None else "front"

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the strategies."""
        return tuple(row.label for row in self.rows)

    @property
    def complete(self) -> bool:
        """Is there a value of every run? Means over different runs must not be compared."""
        return not any(run.value is None for run in self.finals)

    def won(self, label: str, other: str) -> str:
        """The share of the pairs in which ``label`` ended better, ``63 %``; with more digits where it would look like
        all or none and is not.
        """
        won = self.wins[label][other]
        text = f"{100 * won:.0f}"
        return wording.share(won) if text in ("0", "100") else f"{text}{NB}%"

    def mean_rank(self, label: str) -> float:
        """Over the runs, 1 is best: equals share the middle, and nothing found is the worst."""
        others = [other for other in self.labels if other != label]
        return 1 + sum(1 + self.wins[other][label] - self.wins[label][other] for other in others) / 2

    @property
    def ahead(self) -> tuple[Row, ...]:
        """The strategy with the best mean, or with the best mean rank where means must not be compared; and those that
        are as good.
        """
        sign = 1.0 if self.maximize else -1.0
        worth = [sign * (row.mean or 0.0) if self.complete else -self.mean_rank(row.label) for row in self.rows]
        return tuple(row for row, each in zip(self.rows, worth, strict=True) if math.isclose(each, max(worth)))

    @property
    def best(self) -> Row:
        """The first of those that are ahead."""
        return self.ahead[0]

    def average(self, row: Row) -> str:
        """``94.10 % ± 0.20 %``, and of how many runs where some found nothing."""
        text = self.shown(row.mean) + ("" if row.sd is None else f" ± {self.shown(row.sd)}")
        known = row.n_runs - row.n_nothing
        return text if self.complete or known in (0, row.n_runs) else f"{text} ({known} of {row.n_runs} runs)"

    def ends(self, row: Row) -> str:
        """``90.00 % – 94.10 %``, from worst to best."""
        if row.best is None:
            return "nothing found"
        worst = self.shown(row.worst) if self.complete or not row.n_nothing else "nothing"
        return f"{worst} – {self.shown(row.best)}"

    @property
    def about_target(self) -> str:
        """Where the target comes from; nothing where a person chose it."""
        if self.target_given:
            return ""
        if next(row for row in self.rows if row.label == self.reference).most_found:
            if self.n_runs == 1:
                return f"That is where the run of {self.reference} ends."
            return f"At least half of the runs of {self.reference} end there or better."
        return (
            f"Too few runs of {self.reference} found something for a median, so this is the median of all runs that "
            "found something."
        )

    @property
    def headline(self) -> str:
        """The verdict in half a line."""
        better = [test.label for test in self.tests if test.clear and test.ahead]
        if better:
            return f"{listing(better)} {'end' if len(better) > 1 else 'ends'} better than {self.reference}"
        if self.tests:
            return f"No strategy was shown to be better than {self.reference}"
        if not self.complete:
            return self._counts
        average = " on average" if self.n_runs > 1 else ""
        return f"{self.best.label} ends at {self.shown(self.best.mean)}{average}"

    @property
    def verdict(self) -> str:
        """What may be said, in a few sentences."""
        clear = [test for test in self.tests if test.clear]
        return " ".join(
            [
                self._averages if self.complete else f"{self._counts}.",
                *([] if self.complete or len(self.rows) < 2 else [self._ranks]),
                *self._beyond_chance("Better", [test for test in clear if test.ahead]),
                *self._beyond_chance("Worse", [test for test in clear if not test.ahead]),
                *self._not_shown([test for test in self.tests if test.p is not None and not test.clear]),
                *self._not_tested([test for test in self.tests if test.p is None]),
            ]
        )

    @property
    def _averages(self) -> str:
        best, reference = self.best, next(row for row in self.rows if row.label == self.reference)
        ahead = self.ahead
        names = [row.label + (" (one run)" if row.independent < row.n_runs else "") for row in ahead]
        end, best_of = "end" if len(ahead) > 1 else "ends", "the best " if len(self.rows) > 1 else ""
        over = f"On average over {amount(self.n_runs, 'run')}" if self.n_runs > 1 else "In one run"
        text = f"{over} {listing(names)} {end} with {best_of}"
        text += f"{metric_name(self.metric)}: {self.shown(best.mean)}"
        return f"{text}." if reference in ahead else f"{text}, {reference.label} {self.shown(reference.mean)}."

    @property
    def _counts(self) -> str:
        """``random found something in 1 of 8 runs, evolution in 5 of 8``."""
        first, *others = [(row.label, f"{row.n_runs - row.n_nothing} of {row.n_runs}") for row in self.rows]
        told = [f"{first[0]} found something in {first[1]} runs", *(f"{label} in {count}" for label, count in others)]
        return ", ".join(told)

    @property
    def _ranks(self) -> str:
        labels = [row.label for row in self.ahead]
        return (
            f"Run by run, with nothing found as the worst, {listing(labels)} {'have' if len(labels) > 1 else 'has'} "
            f"the best mean rank: {self.mean_rank(labels[0]):.2f} of 1 to {len(self.rows)}."
        )

    def _beyond_chance(self, word: str, tests: list[Test]) -> list[str]:
        return [f"{word} than {self.reference} beyond chance: {_told(tests)}."] if tests else []

    def _not_shown(self, tests: list[Test]) -> list[str]:
        """A difference that was not shown may be there all the same: the interval says how large it may be."""
        if not tests:
            return []
        said = f"No difference from {self.reference} was shown for {_told(tests)}: chance alone may well bring as much."
        alone = [
            f"{test.label} ({'better' if test.ahead else 'worse'}, p {probability(test.p)})"
            for test in tests
            if (test.p or 1.0) < SIGNIFICANT
        ]
        if alone:
            n = sum(test.p is not None for test in self.tests)
            said += (
                f" Tested alone, {listing(alone)} would pass, but of {n} tests at once one passes more easily by luck."
            )
        ranges = [f"{self._range(test.interval)} ({test.label})" for test in tests if test.interval is not None]
        few = 0 < len(ranges) <= LISTED
        return [said, *([f"The runs leave room for a typical difference {listing(ranges)}."] if few else [])]

    def _range(self, interval: Interval) -> str:
        """``from 0.20 points worse to 0.50 points better``, ``from 0.05 to 1.36 points better``; ``none`` is an end
        that no digit tells from 0.
        """
        low, high = (None if end is None else 0.0 if self._unseen(end) else end for end in interval)
        if low is not None and high is not None and low * high > 0:
            first, last = sorted((abs(low), abs(high)))
            return f"from {self.difference(first)[1:]} to {self._end(math.copysign(last, low))}"
        return (
            f"from {'any amount worse' if low is None else self._end(low)} to "
            f"{'any amount better' if high is None else self._end(high)}"
        )

    def _end(self, end: float) -> str:
        return f"{self.gap(abs(end))} {'worse' if end < 0 else 'better'}" if end else "none"

    def _unseen(self, difference: float) -> bool:
        return self.difference(difference) == self.difference(0.0)

    def _not_tested(self, tests: list[Test]) -> list[str]:
        reasons = dict.fromkeys(test.why for test in tests)
        return [
            f"No difference from {self.reference} was shown for "
            f"{listing([test.label for test in tests if test.why == why])}: {why}."
            for why in reasons
        ]

    @property
    def unit(self) -> str:
        """What differences are in, for the head of a table: ``points`` of per cent, or nothing."""
        return "points" if self.in_per_cent else ""

    def difference(self, value: float | None) -> str:
        """A difference with its sign and without its unit."""
        if value is None:
            return "–"
        if self.metric == VOLUME:
            return _signed(value, 4)
        if self.in_per_cent:
            return _signed(100 * value, 2)
        return ("+" if value >= 0 else "-") + number(abs(value))

    def gap(self, size: float) -> str:
        """The size of a difference with its unit."""
        return self.difference(size)[1:] + (f"{NB}{self.unit}" if self.unit else "")

    def between(self, interval: Interval | None) -> str:
        """``-0.20 to +0.45``; an open end is infinite."""
        if interval is None:
            return "–"
        ends = zip(interval, ("-∞", "+∞"), strict=True)
        return " to ".join(infinite if end is None else self.difference(end) for end, infinite in ends)


def _signed(value: float, digits: int) -> str:
    """With so many digits after the point, or more where it would look like 0 and is more than an error of rounding."""
    if ROUNDING < abs(value) < 0.5 * 10**-digits:
        digits = -math.floor(math.log10(abs(value)))
    return f"{value:+z.{digits}f}"


def effect_size(value: float) -> str:
    """``+0.75``; with more digits where it would look like 0 or 1 and is not."""
    return _signed(value, 4 if 0.995 <= abs(value) < 1 else 2)


def _told(tests: list[Test]) -> str:
    return listing([f"{test.label} (p {probability(test.p_holm)})" for test in tests])


def probability(p: float | None) -> str:
    """``0.031`` or ``< 0.001``."""
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.2g}"


def is_score_share(metric: str) -> bool:
    """May scores of ``metric`` be shares of 1? Benchmarks also have such as ``test_accuracy``."""
    return is_share(metric) or metric.endswith("_accuracy")


def metric_name(metric: str) -> str:
    return VOLUME if metric == VOLUME else wording.metric_name(metric)
