"""How well a strategy's surrogate predicted the scores of the trials that it proposed.

Read from the notes of trials, which any strategy may write:

* ``mean`` and ``deviation``: the rank that was expected among the trials until then, as a standardised Gaussian score,
  high is good;
* ``belief``: the score itself where that is a share, otherwise something in units of the strategy's own, high is good;
  ``level``: how far it had grown.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

from archsmith.analysis import axes
from archsmith.analysis.axes import Axis, axis
from archsmith.analysis.charts import NARROW_SQUARE, WIDE_SQUARE, Dots, Layer, Line, Size, both, plot
from archsmith.analysis.report import figures
from archsmith.analysis.report.kind import Words
from archsmith.analysis.report.noted import ENOUGH, noted
from archsmith.analysis.report.section import Section, Term
from archsmith.analysis.report.trial_dots import floor_of, highest, radius_of, thinned
from archsmith.analysis.statistics import rank_correlation
from archsmith.analysis.study import Study
from archsmith.analysis.wording import NB, amount, is_share, listing, metric_name, number, score, share

LEVEL_FORMS, LEVEL_COLOURS = ("circle", "ring", "diamond", "cross"), ("c1", "c2", "c3")


@dataclass(frozen=True)
class Guess:
    """One trial, in the units of ``Guesses``.

    trial: its number
    expected: what the surrogate predicted
    outcome: what came out
    failed: did the trial fail?
    level: how far the strategy had grown; None without levels
    tip: all of it as text
    """

    trial: int
    expected: float
    outcome: float
    failed: bool
    level: int | None
    tip: str


@dataclass(frozen=True)
class Guesses:
    """Predictions of the surrogate against what came out.

    lead: how well they agree
    note: how to read the chart
    dots: the trials that are drawn
    levels: those of the trials, in order
    ranks: are both numbers shares of the earlier trials that a trial beats? Else they are predictions and scores
    comparable: are both in the same units?
    floor: the outcome below which dots are drawn at the edge
    n_below: how many of them there are
    diagonal: where the line of those that came out as expected begins and ends; None where there is none
    """

    lead: str
    note: str
    dots: tuple[Guess, ...]
    levels: tuple[int, ...]
    ranks: bool
    comparable: bool
    floor: float = -math.inf
    n_below: int = 0
    diagonal: tuple[float, float] | None = None

    @property
    def failed(self) -> bool:
        """Is a failed trial among them?"""
        return any(dot.failed for dot in self.dots)

    @property
    def styles(self) -> tuple[tuple[int, str, str], ...]:
        """(level, form, colour) of the levels."""
        return tuple((level, *level_style(level)) for level in self.levels)


def guesses_of(study: Study) -> Guesses | None:
    """None where fewer than eight trials noted what was expected of them."""
    found = _of_ranks(study) or _of_scores(study)
    if found is None or not found.comparable:
        return found
    x, y = _axes(found, study.history.problem.objectives[0].metric, study.maximize)
    low, high = max(x.low, y.low), min(x.high, y.high)
    return replace(found, diagonal=(low, high) if low < high else None)


def level_style(level: int) -> tuple[str, str]:
    """Form and colour of trials of a level: twelve different pairs, the forms of neighbours being different too."""
    return LEVEL_FORMS[level % 4], LEVEL_COLOURS[level % 3]


def _note(study: Study, ranks: bool, n_unscored: int, n_left_out: int) -> str:
    text = ""
    if ranks:
        text = "Both axes: the share of the earlier trials that a trial beats, where equal ones count half. "
        if len({trial.fidelity for trial in study.history.finished}) > 1:
            text += "Trials are compared with those of the same length. "
    text += "The strategy chooses by the surrogate, so over the whole search space the correlation may differ."
    if _raced(study):
        text += " In a race it predicts how a network ends; here that is compared with its first score."
    if n_unscored:
        what = "1 trial" if n_unscored == 1 else f"{n_unscored:,} trials"
        text += f" {what} that failed or broke a limit {'is' if n_unscored == 1 else 'are'} not drawn."
    return text + (f" {n_left_out:,} more are not drawn." if n_left_out else "")


# Surrogates that predict ranks


def _of_ranks(study: Study) -> Guesses | None:
    stood = _standings(study)
    dots, guesses = [], []
    for trial in study.history.finished:
        mean, deviation = noted(trial, "mean"), noted(trial, "deviation")
        if mean is None or deviation is None or trial.id not in stood:
            continue
        low, middle, high = (NormalDist().cdf(mean + shift * max(0.0, deviation)) for shift in (-1, 0, 1))
        came = "failed" if trial.losses is None else f"beat {share(stood[trial.id])}, equal ones counted half"
        tip = f"trial {trial.id}: expected better than {share(middle)} ({share(low)} to {share(high)}), {came}"
        dots.append(Guess(trial.id, middle, stood[trial.id], trial.losses is None, None, tip))
        guesses.append(mean)
    if len(dots) < ENOUGH:
        return None
    outcomes = [dot.outcome for dot in dots]
    expected, came_out = (_whole(statistics.median(each)) for each in ([dot.expected for dot in dots], outcomes))
    text = _agreement(guesses, outcomes)
    text += f" Typically a trial was expected to beat {expected} of the earlier ones, and it beat {came_out}"
    text += ", equal ones counted half."
    some, left_out = thinned(dots, set())
    return Guesses(text, _note(study, True, 0, left_out), some, (), True, not _raced(study))


def _whole(part: float) -> str:
    """In whole per cent: trials before are seldom many enough for more."""
    return f"{100 * part:.0f}{NB}%"


def _standings(study: Study) -> dict[int, float]:
    """Of each finished trial, which share of those that finished before it, at its fidelity, it beats; an equal one
    counts half.
    """
    before: dict[float, list[tuple[int, float]]] = {}
    stood = {}
    for trial in study.history.finished:
        if trial.outcome is not None and trial.outcome.error_kind == "lost":
            continue  # no fault of the architecture
        others = before.setdefault(trial.fidelity, [])
        place = (2, 0.0) if trial.losses is None else (0 if trial.feasible else 1, trial.losses[0])
        if others:
            stood[trial.id] = 1 - (bisect_left(others, place) + bisect_right(others, place)) / (2 * len(others))
        insort(others, place)
    return stood


# Surrogates that predict scores


def _of_scores(study: Study) -> Guesses | None:
    """Scores do not fall as the competition grows. Ranks would, where the most promising trials come first."""
    metric, maximize = study.history.problem.objectives[0].metric, study.maximize
    believed = [(trial, belief) for trial in study.history.finished if (belief := noted(trial, "belief")) is not None]
    scored = [(trial, belief) for trial, belief in believed if trial.ok and trial.losses is not None]
    if len(scored) < ENOUGH:
        return None
    most = highest(study.view, metric)  # above 1 an accuracy is in percent, and no belief is
    shares = is_share(metric) and maximize and most <= 1 and all(0 <= belief <= 1 for _, belief in scored)
    comparable = shares and not _optimism(study) and not _raced(study)
    dots = []
    for trial, belief in scored:
        value, level = trial.metrics[metric], noted(trial, "level")
        expected = score(metric, belief) if comparable else number(belief)
        tip = f"trial {trial.id}: expected {expected}, came out at {score(metric, value, most=most)}"
        dots.append(Guess(trial.id, belief, value, False, None if level is None else int(level), tip))
    levels = tuple(sorted({dot.level for dot in dots if dot.level is not None}))
    text = _agreement([dot.expected for dot in dots], [dot.outcome if maximize else -dot.outcome for dot in dots])
    if len(levels) > 1:
        text += _within_levels(dots, levels, maximize)
    floor, n_below = floor_of(study, [dot.outcome for dot in dots])
    some, left_out = thinned(dots, set())
    note = _note(study, False, len(believed) - len(scored), left_out)
    return Guesses(text, note, some, levels, False, comparable, floor, n_below)


def _optimism(study: Study) -> Any:
    """What was added to a prediction on purpose, in standard deviations."""
    strategy = study.began.get("strategy")
    return (strategy.get("args") or {}).get("optimism") if isinstance(strategy, Mapping) else None


def _raced(study: Study) -> bool:
    """Does the strategy propose within a race? Then it learns from forecasts, and trials have their first scores."""
    strategy = study.began.get("strategy")
    args = strategy.get("args") if isinstance(strategy, Mapping) else None
    return isinstance(args, Mapping) and isinstance(args.get("inner"), Mapping)


def _within_levels(dots: Sequence[Guess], levels: Sequence[int], maximize: bool) -> str:
    told = []
    for level in levels:
        inside = [dot for dot in dots if dot.level == level]
        outcomes = [dot.outcome if maximize else -dot.outcome for dot in inside]
        r = rank_correlation([dot.expected for dot in inside], outcomes)
        if r is not None:
            told.append(f"{_two(r)} at level {level}")
    return f" Within one level, where the strategy has to choose, it is {listing(told)}." if told else ""


def _agreement(guesses: Sequence[float], outcomes: Sequence[float]) -> str:
    r, n = rank_correlation(guesses, outcomes), len(guesses)
    if r is None:
        return f"Predictions or outcomes of all {amount(n, 'trial')} are the same, so they cannot be compared."
    text = (
        "The surrogate is a model that predicts the scores of networks not yet tried. "
        f"Its prediction and the outcome have a rank correlation of {_two(r)} over {amount(n, 'trial')}. "
        "1 would be perfect, 0 is chance."
    )
    by_chance = 1.96 / math.sqrt(n - 1)  # of two numbers that have nothing to do with each other, in 19 of 20 cases
    if abs(r) > by_chance:
        return text
    return f"{text} Chance alone gives up to ±{_two(by_chance)}, so it is not shown that the surrogate knew anything."


def _two(value: float) -> str:
    text = f"{value:.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", "−")


# The chart


def drawings(study: Study, facts: Guesses) -> dict[str, str]:
    """What was expected of trials against what came out."""
    x, y = _axes(facts, study.history.problem.objectives[0].metric, study.maximize)

    def draw(size: Size) -> str:
        def points(dots: Sequence[Guess]) -> list[tuple[float, float, str]]:
            return [(dot.expected, max(dot.outcome, y.low), dot.tip if size.name == "wide" else "") for dot in dots]

        layers: list[Layer] = []
        if facts.diagonal is not None:
            layers.append(Line([(end, end) for end in facts.diagonal], "faint", dashed=True))
        inside = [dot for dot in facts.dots if dot.outcome >= y.low and not dot.failed]
        for level in facts.levels or (None,):
            form, colour = ("circle", "c1") if level is None else level_style(level)
            radius = max(2.5, radius_of(len(inside))) * (1.3 if form == "diamond" else 1.0)
            layers.append(Dots(points([dot for dot in inside if dot.level == level]), colour, form, radius))
        layers.append(Dots(points([dot for dot in facts.dots if dot.outcome < y.low]), "c1", "down", 4.0))
        layers.append(Dots(points([dot for dot in facts.dots if dot.failed]), "c4", "cross", 4.0))
        return plot(size, x, y, layers, "what was expected of trials against what came out")

    return {"guesses": both(draw, NARROW_SQUARE, WIDE_SQUARE)}


def _axes(facts: Guesses, metric: str, maximize: bool) -> tuple[Axis, Axis]:
    expected = [dot.expected for dot in facts.dots]
    if facts.ranks:
        x = Axis("expected to be better than", max(0.0, axis("", expected).low), 1.0, show=axes.percent)
        return x, Axis("was better than", 0.0, 1.0, show=axes.percent)
    label = f"expected {metric_name(metric)}" if facts.comparable else "expected (higher is better)"
    outcomes = [dot.outcome for dot in facts.dots if dot.outcome >= facts.floor]
    came = f"{metric_name(metric)} that came out{'' if maximize else ' (lower is better)'}"
    show = figures.shown_as(metric) if facts.comparable else axes.plain
    return axis(label, expected, show=show), figures.score_axis(outcomes, metric, came)


def terms(facts: Guesses, words: Words) -> tuple[Term, ...]:
    surrogate = "A model that a strategy fits to the finished trials, to predict the score of networks not yet tried."
    correlation = (
        "How alike two orders of the same things are: 1 when they are the same, 0 when they have nothing to do with "
        "each other, −1 when one is the other reversed."
    )
    return (("surrogate", surrogate), ("rank correlation", correlation))


SECTION = Section("surrogate", "How well the surrogate predicted the scores", guesses_of, drawings, terms)
