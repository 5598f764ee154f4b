"""Several benchmarks at once: mean ranks of the strategies, and which pairs of them were shown to differ.

Sources: Demšar 2006, "Statistical Comparisons of Classifiers over Multiple Data Sets" (JMLR 7), for mean ranks and the
picture that joins what was not shown to differ. Pairs are tested by Wilcoxon's signed-rank test, corrected after Holm,
as Benavoli, Corani and Mangili 2016 advise ("Should We Really Use Post-Hoc Tests Based on Mean-Ranks?", JMLR 17), and
not by Nemenyi's critical difference of mean ranks, in which what two strategies are said to differ by depends on the
others.

There are two questions. Do two strategies differ *on these benchmarks*? The runs answer it: differences are ranked in
each benchmark by itself, and the sums of ranks are added. Would they differ *on other benchmarks* of this kind? Then a
benchmark counts once: by the share of the runs that one strategy won on it, less the share that it lost. Scores of two
benchmarks are never added or subtracted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from archsmith.analysis.comparison.compared import SIGNIFICANT, Compared, probability
from archsmith.analysis.comparison.notes import SAME
from archsmith.analysis.comparison.pairs import LEAST_PAIRS, differences, too_few
from archsmith.analysis.comparison.statistics import Array, gain_share, holm, wilcoxon
from archsmith.analysis.wording import listing
from archsmith.core.errors import UsageError


@dataclass(frozen=True)
class Ranked:
    """One strategy.

    label: of the strategy
    ranks: on each benchmark, 1 is best: means over its runs; equal runs share the middle of their ranks
    mean: of ``ranks``
    """

    label: str
    ranks: tuple[float, ...]
    mean: float


@dataclass(frozen=True)
class Evidence:
    """What a test says of a pair.

    p: two-sided; None without a test
    p_holm: corrected for all pairs
    ahead: does it speak for the first of the pair?
    why: why there is no p; None where there is one
    """

    p: float | None
    p_holm: float | None
    ahead: bool
    why: str | None

    @property
    def clear(self) -> bool:
        """Is the difference more than chance explains?"""
        return self.p_holm is not None and self.p_holm < SIGNIFICANT


@dataclass(frozen=True)
class Pair:
    """Two strategies, the one with the better mean rank first.

    first, second: labels
    wins: on each benchmark, the share of the runs that the first won less the share that it lost
    effect: mean of ``wins``, -1 to 1
    here: the test on these benchmarks, over runs
    elsewhere: the test for benchmarks of this kind, over benchmarks
    """

    first: str
    second: str
    wins: tuple[float, ...]
    effect: float
    here: Evidence
    elsewhere: Evidence

    @property
    def counts(self) -> str:
        """On how many benchmarks the first won, lost and neither: ``3, 1, 0``."""
        won, lost = (sum(sign * win > 0 for win in self.wins) for sign in (1, -1))
        return f"{won}, {lost}, {len(self.wins) - won - lost}"


@dataclass(frozen=True)
class Across:
    """What several comparisons of the same strategies say together.

    titles: of the benchmarks
    n_runs: of each strategy on each benchmark
    labels: of the strategies, as they were named
    reference: the strategy that is drawn in grey
    ranked: strategies, the best mean rank first
    pairs: every two of them
    general: does the verdict speak of other benchmarks of this kind? Else of these alone
    groups: labels between which no difference was shown; each as large as can be
    notes: what a reader must know before believing the numbers
    """

    titles: tuple[str, ...]
    n_runs: tuple[int, ...]
    labels: tuple[str, ...]
    reference: str
    ranked: tuple[Ranked, ...]
    pairs: tuple[Pair, ...]
    general: bool
    groups: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def evidence(self, pair: Pair) -> Evidence:
        """What the verdict goes by."""
        return pair.elsewhere if self.general else pair.here

    @property
    def headline(self) -> str:
        """The verdict in half a line."""
        best = self.ranked[0].label
        alone = len(self.ahead) == 1
        lead = f"{listing(self.ahead)} {'ranks' if alone else 'rank'} best"
        beaten = [pair.second for pair in self._of_best if self.evidence(pair).clear and self.evidence(pair).ahead]
        here = "" if self.general else " on these benchmarks"
        is_better = "is better" if alone else f"{best} is better"
        said = f"{lead}, and {is_better} than {listing(beaten)}{here}" if beaten else ""
        others = [label for label, _ in self._shown(better=True)]
        if others:
            also = f"{listing(others)} {'are' if len(others) > 1 else 'is'} better than {self.reference}"
            return f"{said}; {also}" if said else f"{lead}, which may be chance; {also}{here}"
        if said:
            return said
        if any(self.evidence(pair).clear for pair in self.pairs):
            return f"{lead}, which may be chance"
        return "No difference between the strategies was shown"

    def _as_good_as(self, mean: float) -> tuple[str, ...]:
        return tuple(row.label for row in self.ranked if math.isclose(row.mean, mean))

    @property
    def ahead(self) -> tuple[str, ...]:
        """The strategies with the best mean rank: equals all."""
        return self._as_good_as(self.ranked[0].mean)

    @property
    def _means(self) -> str:
        best, last, n = self.ranked[0], self.ranked[-1], len(self.ranked)
        over, of = f"Over {len(self.titles)} benchmarks", f"{best.mean:.2f} of 1 to {n}"
        if len(self.ahead) == n:
            return f"{over} {listing(self.ahead)} have the same mean rank: {of}."
        behind = self._as_good_as(last.mean)
        have, also_have = ("have" if len(labels) > 1 else "has" for labels in (self.ahead, behind))
        return (
            f"{over} {listing(self.ahead)} {have} the best mean rank: {of}; {listing(behind)} {also_have} the worst: "
            f"{last.mean:.2f}."
        )

    @property
    def verdict(self) -> str:
        """What may be said, in a few sentences."""
        best = self.ranked[0]
        said = [self._means]
        place = "On benchmarks of this kind" if self.general else "On these benchmarks"
        clear = [pair for pair in self._of_best if self.evidence(pair).clear]
        said += [
            *_sentence(f"{place} {best.label} is better beyond chance than", self._told(clear, ahead=True)),
            *_sentence(f"{place} {best.label} is worse beyond chance than", self._told(clear, ahead=False)),
            *_sentence(f"{place} better than {self.reference} beyond chance:", self._told_shown(better=True)),
            *_sentence(f"{place} worse than {self.reference} beyond chance:", self._told_shown(better=False)),
        ]
        rest = [pair for pair in self._of_best if pair not in clear]
        why = dict.fromkeys(self.evidence(pair).why for pair in rest)
        for reason in why:
            told = self._told([pair for pair in rest if self.evidence(pair).why == reason])
            said.append(
                f"No difference from {best.label} was shown for {listing(told)}{f': {reason}' if reason else ''}."
            )
        if not self.general:
            said.append(f"Other benchmarks may say otherwise: that cannot be tested {self._untested}.")
        return " ".join(said)

    def _shown(self, *, better: bool) -> list[tuple[str, Evidence]]:
        """The strategies that were shown to be better than the reference, or worse, but for the one that ranks best: of
        that one other sentences speak.
        """
        found = []
        for pair in self.pairs:
            each, best = self.evidence(pair), self.ranked[0].label
            if self.reference not in (pair.first, pair.second) or best in (pair.first, pair.second) or not each.clear:
                continue
            label = pair.second if pair.first == self.reference else pair.first
            if (each.ahead == (label == pair.first)) == better:
                found.append((label, each))
        return found

    def _told_shown(self, *, better: bool) -> list[str]:
        return [f"{label} (p {probability(each.p_holm)})" for label, each in self._shown(better=better)]

    @property
    def _untested(self) -> str:
        few = len(self.titles) < LEAST_PAIRS
        return (
            f"with fewer than {LEAST_PAIRS} benchmarks" if few else f"where fewer than {LEAST_PAIRS} benchmarks differ"
        )

    def _told(self, pairs: Sequence[Pair], ahead: bool | None = None) -> list[str]:
        """The second of each pair with its p, if there is one. ``ahead``: only pairs whose test says so."""
        found = [(pair.second, self.evidence(pair)) for pair in pairs]
        return [
            f"{label} (p {probability(each.p_holm)})" if each.p is not None else label
            for label, each in found
            if ahead is None or each.ahead == ahead
        ]

    @property
    def _of_best(self) -> list[Pair]:
        return [pair for pair in self.pairs if pair.first == self.ranked[0].label]


def _sentence(words: str, things: list[str]) -> list[str]:
    return [f"{words} {listing(things)}."] if things else []


def across(comparisons: Sequence[Compared]) -> Across:
    """What ``comparisons`` on different benchmarks say together. Raises UsageError where their strategies differ."""
    labels = comparisons[0].labels
    for other in comparisons:
        if other.labels != labels:
            raise UsageError(
                f"The comparisons on {comparisons[0].title} and {other.title} are not of the same strategies.",
                "Compare the same ones on every benchmark.",
            )
    if len(labels) < 2:
        raise UsageError("Several benchmarks rank strategies, and there is only one.", "Name more with --strategies.")
    gains = [_gains(compared) for compared in comparisons]
    ranks = np.array([_ranks(np.array([each[label] for label in labels])) for each in gains])  # (benchmarks, labels)
    means = ranks.mean(0)
    order = sorted(range(len(labels)), key=lambda i: float(means[i]))
    ranked = tuple(Ranked(labels[i], tuple(ranks[:, i].tolist()), float(means[i])) for i in order)
    once = [{row.label for row in compared.rows if row.independent < row.n_runs} for compared in comparisons]
    pairs = _corrected(
        [_pair(a.label, b.label, gains, once) for a, b in combinations(ranked, 2)]  # the better ranked one first
    )
    general = any(pair.elsewhere.p is not None for pair in pairs)
    return Across(
        titles=tuple(compared.title for compared in comparisons),
        n_runs=tuple(compared.n_runs for compared in comparisons),
        labels=labels,
        reference=comparisons[0].reference,
        ranked=ranked,
        pairs=pairs,
        general=general,
        groups=_groups([row.label for row in ranked], pairs, general=general),
        notes=tuple(f"{compared.title}: {note}" for compared in comparisons for note in compared.notes),
    )


def _gains(compared: Compared) -> dict[str, Array]:
    """By strategy, what its runs are worth (n,): more is better, -inf is a run that found nothing. Seeds ascend."""
    sign = 1.0 if compared.maximize else -1.0
    return {
        row.label: np.array(
            [-np.inf if run.value is None else sign * run.value for run in compared.finals if run.label == row.label]
        )
        for row in compared.rows
    }


def _ranks(gains: Array) -> Array:
    """Mean ranks (k,) of gains (k, n): in each run the best of k has rank 1, and equals share the middle."""
    ahead = np.array([[np.sign(differences(other, own)) for other in gains] for own in gains])  # (k, k, n)
    ranks: Array = ((ahead > 0).sum(1) + ((ahead == 0).sum(1) + 1) / 2).mean(1)
    return ranks


def _pair(first: str, second: str, gains: Sequence[Mapping[str, Array]], once: Sequence[set[str]]) -> Pair:
    """``once``: on each benchmark, the strategies whose runs count as one. There runs say nothing about a pair."""
    each = [differences(own[first], own[second]) for own in gains]
    # One division, of whole numbers: equal shares are the same float, and tie in the test over benchmarks.
    wins = np.array([(int((gained > 0).sum()) - int((gained < 0).sum())) / len(gained) for gained in each])
    fit = [gained for gained, lone in zip(each, once, strict=True) if not lone & {first, second}]
    here = _evidence("pairs of runs", *fit) if fit else Evidence(None, None, False, SAME)
    return Pair(first, second, tuple(wins.tolist()), float(wins.mean()), here, _evidence("benchmarks", wins))


def _evidence(things: str, *blocks: Array) -> Evidence:
    n, differ = sum(map(len, blocks)), sum(int((block != 0).sum()) for block in blocks)
    why = too_few(differ, n, things)
    return (
        Evidence(None, None, False, why) if why else Evidence(wilcoxon(*blocks), None, gain_share(*blocks) > 0.5, None)
    )


def _corrected(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """With p values corrected for the number of pairs, for each of the two questions."""
    here, elsewhere = holm([pair.here.p for pair in pairs]), holm([pair.elsewhere.p for pair in pairs])
    return tuple(
        replace(pair, here=replace(pair.here, p_holm=a), elsewhere=replace(pair.elsewhere, p_holm=b))
        for pair, a, b in zip(pairs, here, elsewhere, strict=True)
    )


def _groups(labels: Sequence[str], pairs: Sequence[Pair], *, general: bool) -> tuple[tuple[str, ...], ...]:
    """The largest sets in which no two were shown to differ (Bron and Kerbosch 1973), in the order of ranks."""
    alike: dict[str, set[str]] = {label: set() for label in labels}
    for pair in pairs:
        if not (pair.elsewhere if general else pair.here).clear:
            alike[pair.first].add(pair.second)
            alike[pair.second].add(pair.first)
    found: list[set[str]] = []

    def grow(group: set[str], may: set[str], done: set[str]) -> None:
        if not may and not done:
            found.append(group)
        for label in [label for label in labels if label in may]:
            grow(group | {label}, may & alike[label], done & alike[label])
            may, done = may - {label}, done | {label}

    grow(set(), set(labels), set())
    ordered = [tuple(label for label in labels if label in group) for group in found if len(group) > 1]
    return tuple(sorted(ordered, key=lambda group: [labels.index(label) for label in group]))
