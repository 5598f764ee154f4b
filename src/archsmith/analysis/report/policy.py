"""What a strategy's policy learnt: how certain it became about each decision.

Read from the notes of trials, which any strategy may write: ``top_prob/<decision>`` is the probability of the likeliest
option of a decision, or of a kind of decisions; ``entropy`` is the mean entropy of a decision in nats.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archsmith.analysis import axes, charts
from archsmith.analysis.axes import Axis
from archsmith.analysis.charts import Ends, Layer, Line, Size, both, plot
from archsmith.analysis.report import figures
from archsmith.analysis.report.figures import ENTROPY_NOTE, Points
from archsmith.analysis.report.kind import Words
from archsmith.analysis.report.noted import ENOUGH, noted
from archsmith.analysis.report.section import Section, Term
from archsmith.analysis.study import Study
from archsmith.analysis.wording import amount, listing, share, undecided
from archsmith.core.trial import Trial

TOP_PROB = "top_prob/"
MOST_LINES = 12
# of one line; more trials are drawn as means over several, as a policy's probabilities depend on what it drew before
MOST_POINTS = 30
MOST_NAMED = 4  # decisions that a sentence names
SETTLED = 0.9  # the probability of the likeliest option from which on a decision counts as settled
OPEN = 0.1  # a decision whose likeliest option gained less than this since the beginning is as open as then
LINE_COLOURS = ("c1", "c2", "c3")


@dataclass(frozen=True)
class Decision:
    """One decision.

    name: as the search space calls it
    points: (trial, probability of the likeliest option)
    colour: of its line
    dashed: is its line dashed?
    """

    name: str
    points: Points
    colour: str
    dashed: bool

    @property
    def end(self) -> float:
        return self.points[-1][1]


@dataclass(frozen=True)
class Policy:
    """What the policy learnt.

    lead: which decisions are settled, and which are open
    note: how to read the chart
    decisions: those that are drawn, the most settled first
    entropy: (trial, nats)
    entropy_note: what entropy is
    n_trials: all trials
    each: how many trials one point stands for
    """

    lead: str
    note: str
    decisions: tuple[Decision, ...]
    entropy: Points
    entropy_note: str
    n_trials: int
    each: int


def policy_of(study: Study) -> Policy | None:
    """None where fewer than eight trials noted what a policy thought."""
    trials = study.history.trials
    probabilities, nats, speaking = _notes(trials)
    if len(speaking) < ENOUGH:
        return None
    n, each = len(trials), -(-len(trials) // MOST_POINTS)
    lines = {name: _line(values, n, each) for name, values in probabilities.items()}
    commonest = sorted(probabilities, key=lambda name: -len(probabilities[name]))[:MOST_LINES]
    every = sorted(lines, key=lambda name: -lines[name][-1][1])
    ordered = [name for name in every if name in commonest]
    decisions = tuple(Decision(name, lines[name], *line_style(i)) for i, name in enumerate(ordered))
    entropy = _line(nats, n, each)
    lead = _lead({name: lines[name] for name in every}, entropy)
    note = _note(n, each, n - len(speaking), len(every) - len(decisions))
    return Policy(lead, note, decisions, entropy, ENTROPY_NOTE, n, each)


def line_style(i: int) -> tuple[str, bool]:
    """Colour, and whether dashed, of the line with the index ``i``. Beyond six they repeat: the numbers at the ends
    tell them apart.
    """
    return LINE_COLOURS[i % 3], i // 3 % 2 == 1


def _notes(trials: Sequence[Trial]) -> tuple[dict[str, dict[int, float]], dict[int, float], set[int]]:
    """Decision -> trial -> probability; trial -> nats; the trials that noted a probability."""
    found: dict[str, dict[int, float]] = {}
    nats: dict[int, float] = {}
    speaking = set()
    for trial in trials:
        for name in trial.notes:
            value = noted(trial, name)
            if name.startswith(TOP_PROB) and value is not None and 0 <= value <= 1:
                found.setdefault(name.removeprefix(TOP_PROB), {})[trial.id] = value
                speaking.add(trial.id)
        value = noted(trial, "entropy")
        if trial.id in speaking and value is not None:
            nats[trial.id] = value
    return found, nats, speaking


def _line(values: Mapping[int, float], n: int, each: int) -> Points:
    """From the first trial that noted something to the last one: means over ``each`` trials. Where none of these noted
    anything, the value before stays.
    """
    groups: dict[int, list[float]] = {}
    for trial, value in values.items():
        groups.setdefault(trial // each, []).append(value)
    points: list[tuple[float, float]] = []
    for i in range(min(groups, default=0), -(-n // each) if groups else 0):
        points.append((min((i + 1) * each, n) - 1.0, statistics.fmean(groups[i]) if i in groups else points[-1][1]))
    return tuple(points)


def _lead(lines: Mapping[str, Points], entropy: Points) -> str:
    """``lines``: those of all decisions, the most settled first."""
    settled = [name for name, points in lines.items() if points[-1][1] >= SETTLED]
    open_ = [name for name, points in lines.items() if points[-1][1] < min(SETTLED, points[0][1] + OPEN)]
    n, leaning = len(lines), len(lines) - len(settled) - len(open_)
    rule = f"one option has a probability of {share(SETTLED)} or more"
    if settled:
        text = f"{len(settled)} of {amount(n, 'decision')} {_are(settled)} settled, which means that {rule}: "
        text += f"{_named(settled)}."
    else:
        text = f"None of {amount(n, 'decision')} is settled, which would mean that {rule}."
    if open_:
        text += f" {amount(len(open_), 'decision')} {_are(open_)} about as open as at the beginning: {_named(open_)}."
    if leaning:
        text += f" In {amount(leaning, 'decision')} the policy leans towards one option without being sure."
    return text + (f" {undecided(entropy[0][1], entropy[-1][1])}" if entropy else "")


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _named(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return listing([*names[:MOST_NAMED], f"{more} more"] if more > 0 else names)


def _note(n: int, each: int, n_silent: int, n_left_out: int) -> str:
    text = (
        "A strategy of this kind draws options from probabilities, and improves these as it goes. "
        "Beside the names: the probability of the likeliest option at the end."
    )
    if each > 1:
        text += f" Each point of a line is the mean over {each} trials."
    if n_silent:
        text += f" {n_silent:,} of {n:,} trials were not drawn from the policy; there the lines stay as they were."
    if n_left_out:
        text += f" {amount(n_left_out, 'more decision is', 'more decisions are')} not drawn."
    return text


def drawings(study: Study, facts: Policy) -> dict[str, str]:
    """How probable the likeliest option of each decision was, and how open the decisions were, over the trials."""
    x = Axis("trial", 0.0, float(max(1, facts.n_trials - 1)), whole=True)
    y = Axis("probability of the likeliest option", 0.0, 1.0, show=axes.percent)

    def draw(size: Size) -> str:
        layers: list[Layer] = []
        names = []
        for i, decision in enumerate(facts.decisions, start=1):
            layers.append(Line(decision.points, decision.colour, decision.dashed))
            name = f"{i} {charts.shortened(decision.name, 180.0)}" if size.name == "wide" else f"{i}"
            names.append((decision.points[-1][1], name, decision.colour))
        title = "probability of the likeliest option of each decision over the trials"
        return plot(size, x, y, [*layers, Ends(names)], title)

    drawn = {"policy": both(draw)}
    if facts.entropy:
        drawn["entropy"] = figures.entropy(facts.entropy, x, "mean entropy of the policy over the trials")
    return drawn


def terms(facts: Policy, words: Words) -> tuple[Term, ...]:
    explained = "What a strategy of this kind learns: for every decision about a network, how probable each option is."
    return (("policy", explained),)


SECTION = Section("policy", "What the policy learnt", policy_of, drawings, terms)
