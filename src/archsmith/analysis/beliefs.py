"""What a search believed while it ran: how decided its policy was, and how well its model foresaw the results.

Read from the notes of trials, which any strategy may write:

* ``top_prob/<decision>``: the probability of the likeliest answer to a decision or a kind of decisions; ``entropy``: of
  a decision, on average, in nats;
* ``mean`` and ``deviation``: what was expected of the trial before it ran, its rank among the trials until then as a
  standardised Gaussian score, high is good;
* ``belief``: the score itself where that is a share, otherwise something in units of the strategy's own, high is good;
  ``level``: how far it had grown.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from archsmith.analysis.searching import floor_of, thinned
from archsmith.analysis.study import Study
from archsmith.analysis.wording import NB, amount, is_share, listing, number, rank_correlation, score, share, undecided
from archsmith.core.trial import Trial

ENOUGH = 8  # trials with notes, from which on there is something to see
TOP_PROB = "top_prob/"
MOST_LINES = 12
# of one line; more trials are drawn as means over several, as a policy's probabilities depend on what it drew before
MOST_POINTS = 30
MOST_NAMED = 4  # decisions that a sentence names
SETTLED = 0.9  # the probability of the likeliest answer from which on a decision counts as settled
OPEN = 0.1  # a decision whose likeliest answer gained less than this since the beginning is as open as then


@dataclass(frozen=True)
class Decision:
    """``points``: (trial, probability of the likeliest answer)."""

    name: str
    points: tuple[tuple[float, float], ...]

    @property
    def begin(self) -> float:
        return self.points[0][1]

    @property
    def end(self) -> float:
        return self.points[-1][1]


@dataclass(frozen=True)
class Policy:
    """``decisions``: the most settled first; ``entropy`` (trial, nats). ``each``: how many trials a point stands for;
    ``n_silent`` trials noted nothing.
    """

    lead: str
    decisions: tuple[Decision, ...]
    entropy: tuple[tuple[float, float], ...]
    n_trials: int
    each: int
    n_silent: int
    n_left_out: int


@dataclass(frozen=True)
class Forecast:
    """One trial: what was expected and what came out, in the units of ``Forecasts``."""

    trial: int
    expected: float
    outcome: float
    failed: bool
    level: int | None
    tip: str


@dataclass(frozen=True)
class Forecasts:
    """``ranks``: both numbers are shares of the trials until then that a trial beats; otherwise beliefs against scores,
    which are in the same units where ``comparable``. ``n_unscored``: trials without a score to compare with. Outcomes
    below ``floor`` are drawn at the edge.
    """

    lead: str
    dots: tuple[Forecast, ...]
    levels: tuple[int, ...]
    ranks: bool
    comparable: bool
    n_left_out: int
    n_unscored: int
    floor: float = -math.inf
    n_below: int = 0


@dataclass(frozen=True)
class Beliefs:
    """Each part is None where the notes do not tell of it."""

    policy: Policy | None
    forecasts: Forecasts | None


def beliefs_of(study: Study) -> Beliefs:
    return Beliefs(_policy(study), _ranked(study) or _scored(study))


def _noted(trial: Trial, name: str) -> float | None:
    value = trial.notes.get(name)
    return (
        float(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        else None
    )


# A policy


def _policy(study: Study) -> Policy | None:
    trials = study.history.trials
    found: dict[str, dict[int, float]] = {}
    entropy: dict[int, float] = {}
    speaking = set()
    for trial in trials:
        for name in trial.notes:
            value = _noted(trial, name)
            if name.startswith(TOP_PROB) and value is not None and 0 <= value <= 1:
                found.setdefault(name.removeprefix(TOP_PROB), {})[trial.id] = value
                speaking.add(trial.id)
        value = _noted(trial, "entropy")
        if trial.id in speaking and value is not None:
            entropy[trial.id] = value
    if len(speaking) < ENOUGH:
        return None
    n, each = len(trials), -(-len(trials) // MOST_POINTS)
    commonest = sorted(found, key=lambda name: -len(found[name]))[:MOST_LINES]
    decisions = sorted(
        (Decision(name, _line(found[name], n, each)) for name in commonest), key=lambda decision: -decision.end
    )
    nats = _line(entropy, n, each)
    return Policy(
        _policy_lead(decisions, nats), tuple(decisions), nats, n, each, n - len(speaking), len(found) - len(decisions)
    )


def _line(noted: Mapping[int, float], n: int, each: int) -> tuple[tuple[float, float], ...]:
    """From the first trial that noted something to the last one: means over ``each`` trials, the one before where none
    of these noted anything.
    """
    parts: dict[int, list[float]] = {}
    for trial, value in noted.items():
        parts.setdefault(trial // each, []).append(value)
    points: list[tuple[float, float]] = []
    for i in range(min(parts, default=0), -(-n // each) if parts else 0):
        points.append((min((i + 1) * each, n) - 1.0, statistics.fmean(parts[i]) if i in parts else points[-1][1]))
    return tuple(points)


def _policy_lead(decisions: Sequence[Decision], entropy: Sequence[tuple[float, float]]) -> str:
    settled = [decision.name for decision in decisions if decision.end >= SETTLED]
    open_ = [decision.name for decision in decisions if decision.end < min(SETTLED, decision.begin + OPEN)]
    n, leaning = len(decisions), len(decisions) - len(settled) - len(open_)
    if settled:
        text = f"{len(settled)} of {amount(n, 'decision')} {'is' if len(settled) == 1 else 'are'} settled, with one answer at {share(SETTLED)} or more: "
        text += f"{_named(settled)}."
    else:
        text = f"None of {amount(n, 'decision')} is settled, with one answer at {share(SETTLED)} or more."
    if open_:
        text += f" {len(open_)} {'is' if len(open_) == 1 else 'are'} still about as open as at the beginning: {_named(open_)}."
    if leaning:
        text += f" In {leaning} the policy leans towards one answer without being sure."
    if entropy:
        text += f" {undecided(entropy[0][1], entropy[-1][1])}"
    return text


def _named(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return listing([*names[:MOST_NAMED], f"{more} more"] if more > 0 else names)


# A model


def _ranked(study: Study) -> Forecasts | None:
    """Of strategies that expect ranks."""
    stood = _standings(study)
    dots, guesses = [], []
    for trial in study.history.finished:
        mean, deviation = _noted(trial, "mean"), _noted(trial, "deviation")
        if mean is None or deviation is None or trial.id not in stood:
            continue
        low, middle, high = (NormalDist().cdf(mean + shift * max(0.0, deviation)) for shift in (-1, 0, 1))
        came = "failed" if trial.losses is None else f"better than {share(stood[trial.id])}"
        tip = f"trial {trial.id}: expected better than {share(middle)} ({share(low)} to {share(high)}), {came}"
        dots.append(Forecast(trial.id, middle, stood[trial.id], trial.losses is None, None, tip))
        guesses.append(mean)
    if len(dots) < ENOUGH:
        return None
    outcomes = [dot.outcome for dot in dots]
    text = _agreement(guesses, outcomes)
    expected, came_out = statistics.median(dot.expected for dot in dots), statistics.median(outcomes)
    text += f" Typically it expected a trial to beat {_whole(expected)} of those before it, and the trial beat {_whole(came_out)}."
    some, left_out = thinned(dots, set())
    return Forecasts(text, some, (), True, True, left_out, 0)


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


def _scored(study: Study) -> Forecasts | None:
    """Of strategies that expect scores. These do not fall as the competition grows, as ranks would within a level whose
    most promising trials come first.
    """
    metric, maximize = study.history.problem.objectives[0].metric, study.maximize
    believed = [(trial, belief) for trial in study.history.finished if (belief := _noted(trial, "belief")) is not None]
    scored = [(trial, belief) for trial, belief in believed if trial.ok and trial.losses is not None]
    if len(scored) < ENOUGH:
        return None
    comparable = (
        is_share(metric) and maximize and all(0 <= belief <= 1 for _, belief in scored) and not _optimism(study)
    )
    dots = []
    for trial, belief in scored:
        value, level = trial.metrics[metric], _noted(trial, "level")
        told = f"trial {trial.id}: expected {score(metric, belief) if comparable else number(belief)}, came out at {score(metric, value)}"
        dots.append(Forecast(trial.id, belief, value, False, None if level is None else int(level), told))
    levels = tuple(sorted({dot.level for dot in dots if dot.level is not None}))
    text = _agreement([dot.expected for dot in dots], [dot.outcome if maximize else -dot.outcome for dot in dots])
    if len(levels) > 1:
        text += _within_levels(dots, levels, maximize)
    floor, n_below = floor_of(study, [dot.outcome for dot in dots])
    some, left_out = thinned(dots, set())
    return Forecasts(text, some, levels, False, comparable, left_out, len(believed) - len(scored), floor, n_below)


def _optimism(study: Study) -> Any:
    """What was added to a belief on purpose, in standard deviations."""
    strategy = study.began.get("strategy")
    return (strategy.get("args") or {}).get("optimism") if isinstance(strategy, Mapping) else None


def _within_levels(dots: Sequence[Forecast], levels: Sequence[int], maximize: bool) -> str:
    told = []
    for level in levels:
        inside = [dot for dot in dots if dot.level == level]
        r = rank_correlation(
            [dot.expected for dot in inside], [dot.outcome if maximize else -dot.outcome for dot in inside]
        )
        if r is not None:
            told.append(f"{_two(r)} at level {level}")
    return f" Within one level, where the search has to choose by it, they agree with {listing(told)}." if told else ""


def _agreement(guesses: Sequence[float], outcomes: Sequence[float]) -> str:
    r, n = rank_correlation(guesses, outcomes), len(guesses)
    if r is None:
        return f"Guesses or outcomes of all {amount(n, 'trial')} are the same, so nothing can be said about how they agree."
    text = f"The model's guess and the outcome agree with a rank correlation of {_two(r)} over {amount(n, 'trial')}; 1 would be perfect, 0 is chance."
    by_chance = 1.96 / math.sqrt(n - 1)  # of two numbers that have nothing to do with each other, in 19 of 20 cases
    if abs(r) <= by_chance:
        return (
            text
            + f" Chance alone would bring up to {_two(by_chance)} either way, so it is not shown that the model knew "
            "anything."
        )
    return text


def _two(value: float) -> str:
    text = f"{value:.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", "−")
