"""How the search went: its trials over time, and the best of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archsmith.analysis.axes import Axis, from_zero
from archsmith.analysis.charts import Dots, Layer, Line, Size, both, plot
from archsmith.analysis.report import figures
from archsmith.analysis.report.inheritance import inheritance_lead
from archsmith.analysis.report.kind import Words
from archsmith.analysis.report.section import Section, Term
from archsmith.analysis.report.sharing import judge_settings, judged_by_sharing
from archsmith.analysis.report.trial_dots import (
    Dot,
    dots_of,
    floor_of,
    highest,
    radius_of,
    since,
    thinned,
    time_scale,
    tip_of,
    values_of,
)
from archsmith.analysis.study import Study
from archsmith.analysis.wording import amount, duration, metric_name, score
from archsmith.core.trial import Trial, came_from

ENOUGH = 20  # trials without a better one, from which on it says something that there was none
FAILURES = {  # kinds of EvaluationError
    "memory": "not enough memory",
    "nan": "a score that was no number",
    "timeout": "too slow",
    "diverged": "the training diverged",
    "lost": "the worker died",
    "dead_end": "no network followed from the decisions",
    "screened": "left out by the first evaluator of a cascade",
    "exception": "an error in the evaluation",
}
TOP = 10


@dataclass(frozen=True)
class TopTrial:
    """One of the best trials.

    place: from 1
    trial: its number
    value: its score
    params: its parameters, where they are known and not the score
    seconds: how long it took
    origin: the trial that its training goes on from, or those that its network was made from, in words
    decisions: (decision, option)
    """

    place: int
    trial: int
    value: float
    params: float | None
    seconds: float
    origin: str
    decisions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Progress:
    """The trials over time.

    lead: what came of them
    inheritance: what trials took over from earlier ones; empty where they took nothing
    note: what a trial is
    dots: the trials that are drawn
    incumbents: (seconds, score) whenever there was a new best one at the highest fidelity
    n_left_out: trials that are not drawn
    simulated: is the time that of a table?
    since: when its time begins, in words
    shared: do scores come from shared weights?
    seconds: how long the whole took
    floor: the score below which dots are drawn at the edge
    n_below: how many of them there are
    top: the best trials; empty with several objectives
    pooled: are trials stretches of trainings that go on?
    most: the highest score
    best: what is best about the incumbent: the trial, or of several objectives the first one
    whole: is the score of a trial the last word? In a search alone no training follows
    unfit: all trials that failed or are outside the limits
    """

    lead: str
    inheritance: str
    note: str
    dots: tuple[Dot, ...]
    incumbents: tuple[tuple[float, float], ...]
    n_left_out: int
    simulated: bool
    since: str
    shared: bool
    seconds: float
    floor: float
    n_below: int
    top: tuple[TopTrial, ...]
    pooled: bool
    most: float
    best: str
    whole: bool
    unfit: tuple[Dot, ...]

    @property
    def crossed(self) -> bool:
        """Is one of these drawn?"""
        return any(dot.value is None for dot in self.dots)

    @property
    def how_unfit(self) -> str:
        kinds = {"outside the limits" if dot.outside else "failed" for dot in self.unfit}
        return " or ".join(sorted(kinds))

    @property
    def sized(self) -> bool:
        """Are parameters of the best trials known?"""
        return any(row.params for row in self.top)

    @property
    def shorter(self) -> bool:
        """Is a trial at less than the highest fidelity among them?"""
        return any(not dot.full and dot.value is not None for dot in self.dots)


def progress_of(study: Study) -> Progress | None:
    """None before the first trial ended."""
    dots = dots_of(study)
    if not dots:
        return None
    better = max if study.maximize else min
    incumbents: list[tuple[float, float]] = []
    leaders: list[int] = []
    for dot in dots:
        if not dot.full or dot.value is None:
            continue
        if not incumbents or better(dot.value, incumbents[-1][1]) != incumbents[-1][1]:
            incumbents.append((dot.seconds, dot.value))
            leaders.append(dot.trial)
    some, left_out = thinned(dots, {*leaders})
    return Progress(
        _lead(study, dots, bool(leaders)),
        inheritance_lead(study.history, judge_settings(study).get("most_epochs")),
        _note(study),
        some,
        tuple(incumbents),
        left_out,
        study.simulated,
        since(study),
        judged_by_sharing(study),
        study.spent,
        *floor_of(study, values_of(dots)),
        _top(study),
        study.view.pooled,
        highest(study.view, study.metric),
        f"best {metric_name(study.metric)}" if study.view.front else "best trial",
        not study.fit,
        tuple(dot for dot in dots if dot.value is None),
    )


def _lead(study: Study, dots: Sequence[Dot], scored: bool) -> str:
    n = study.n_networks
    steps = f" in {amount(len(dots), 'trial')}" if n < len(dots) else ""
    things = study.tried_things
    tried = amount(n, f"{things[:-1]} was", f"{things} were")
    text = f"{tried} tried{steps} in {_took(study, dots)}.{_failures(study, dots)}"
    best = study.best
    if best is None or not scored:
        return text if any(dot.outside for dot in dots) else text + " None of them ended with a score."
    if study.view.front:
        return f"{text} {amount(len(study.view.front), 'trial is', 'trials are')} on the front of the objectives."
    value = score(study.metric, best.metrics.get(study.history.problem.objectives[0].metric))
    where = " on the validation split" if study.fit else ""
    alike = [dot for dot in dots if dot.full and dot.value is not None]  # with the others it does not compare
    place = next(i for i, dot in enumerate(alike) if dot.trial == best.id) + 1
    first = dots[0].trial == best.id
    seconds = [dot.seconds for dot in alike]
    when = _when(place, seconds, _until(study), first=first)
    return f"{text} The best one, trial {best.id}, scored {value}{where}.{when}"


def _took(study: Study, dots: Sequence[Dot]) -> str:
    first, last = dots[0].seconds, dots[-1].seconds
    if not (last or first):
        return "no time at all"
    phase = study.phases.get("search")
    spent = phase.seconds if phase is not None and phase.seconds and not study.prepared_at else last - study.prepared_at
    return f"{duration(spent)}{' of simulated time' if study.simulated else ''}"


def _failures(study: Study, dots: Sequence[Dot]) -> str:
    outside = sum(dot.outside for dot in dots)
    broke = f" {amount(outside, 'trial is', 'trials are')} outside the limits." if outside else ""
    n = sum(dot.value is None for dot in dots) - outside
    if not n:
        return broke
    kinds: Counter[str] = Counter()
    for trial in study.history.finished:
        if trial.losses is None and trial.outcome and trial.outcome.error_kind:
            kinds[trial.outcome.error_kind] += 1
    why = ""
    if kinds:
        often = [FAILURES.get(kind, kind) for kind, n in kinds.items() if n == max(kinds.values())]
        why = f" ({'most often: ' if len(often) < len(kinds) else ''}{' or '.join(often)})"
    return f" {amount(n, 'trial')} failed{why}.{broke}"


def _until(study: Study) -> float:
    """When the search ended, by the clock of its trials; 0 where that is not known. The last trial may be cut off."""
    ends = [phase.ended_at for phase in study.view.phases.all if phase.name == "search"]
    return (ends[-1] if ends else None) or 0.0


def _when(place: int, ends: Sequence[float], until: float = 0.0, *, first: bool = False) -> str:
    """When the best trial came: it was number ``place`` of those that ended at ``ends``, in order, and the search ended
    at ``until``. ``first``: was it the first trial of all? Late and early are so by number and by time: trials differ
    in length. What more time would bring, this does not tell: the next trials of a random search are as good as these.
    """
    n, begin, last = len(ends), ends[0], max(ends[-1], until)
    if n < 5:
        return ""
    if first:
        return " No later trial was better than the very first one."
    number = place / n
    time = (ends[place - 1] - begin) / (last - begin) if last > begin else number
    if min(number, time) > 0.8:
        return " It came near the end of the search."
    if max(number, time) < 0.5 and n - place >= ENOUGH:
        return f" The {n - place:,} trials after it were not better."
    return ""


def _note(study: Study) -> str:
    """What a trial is, where trials only compare networks; and what is not drawn of several objectives."""
    if study.view.front:
        return f"Only {metric_name(study.metric)}, the first objective, is drawn here."
    if not study.fit:
        return ""
    if study.view.raced:
        return (
            "A trial trains one network a little further. Short trainings do not say who ends best, so forecasts "
            "decide who goes on, and that is not always the best score."
        )
    if study.view.pooled:
        return "A trial trains one network a little further. Those with the best scores go on."
    fidelity, shared = study.history.problem.fidelity, judged_by_sharing(study)
    whole = fidelity.maximum == 1 and fidelity.name == "epochs"
    told = "" if whole else f" ({fidelity.maximum:.2g} {fidelity.name.replace('_', ' ')})"
    text = "A trial scores a network with the shared weights" if shared else f"A trial trains a network briefly{told}"
    alone = "by itself" if shared else "longer"
    if study.result is None:
        return f"{text}, only to compare it. The best one will be trained {alone} afterwards."
    trained = next((row["trial"] for row in study.result["rows"] if row.get("trial") is not None), None)
    if trained is None or study.best is None:  # nothing was tried with success, or its training failed
        return f"{text}, only to compare it."
    if trained == study.best.id:
        return f"{text}, only to compare it. The best one was trained {alone} afterwards."
    return (
        f"{text}, only to compare it. Trial {trained} was trained {alone} afterwards. The search chose it besides the "
        "fixed network, which is trained in any case."
    )


# The best trials


def _top(study: Study) -> tuple[TopTrial, ...]:
    """With several objectives the front takes their place."""
    if study.view.front:
        return ()
    metric = study.history.problem.objectives[0].metric
    return tuple(
        TopTrial(
            place,
            trial.id,
            trial.metrics[metric],
            None if metric == "params" else trial.metrics.get("params"),
            trial.outcome.seconds if trial.outcome else 0.0,
            came_from(trial, study.history.trials),
            decisions_of(trial),
        )
        for place, trial in enumerate(study.view.ranking()[:TOP], start=1)
    )


def decisions_of(trial: Trial) -> tuple[tuple[str, str], ...]:
    """(decision, option) each, in words."""
    return tuple((path, _option(option)) for path, option in trial.architecture.items())


def _option(option: Any) -> str:
    if isinstance(option, bool):
        return "yes" if option else "no"
    return f"{option:.4g}" if isinstance(option, float) else str(option)


# The chart


def drawings(study: Study, facts: Progress) -> dict[str, str]:
    """Scores over time, and the incumbent. Those that failed, and those outside the limits, stand at
    the lower edge.
    """
    metric = study.metric
    if sum(dot.value is not None for dot in facts.dots) < 2:
        return {}  # one dot is no picture
    inside = [value for value in values_of(facts.dots) if value >= facts.floor]
    y = figures.score_axis(inside, metric, figures.score_label(metric, bool(study.fit)))
    x, unit = _time_axis(facts)
    best = [(seconds / unit, value) for seconds, value in facts.incumbents if value >= y.low]
    if best:
        best.append((_end(facts) / unit, best[-1][1]))

    def draw(size: Size) -> str:
        wide = size.name == "wide"
        placed = [(dot, dot.seconds / unit, tip_of(dot, metric, facts.most) if wide else "") for dot in facts.dots]
        scored = [(dot, at, dot.value, tip) for dot, at, tip in placed if dot.value is not None]
        shorter = [(at, v, tip) for dot, at, v, tip in scored if not dot.full and v >= y.low]
        full = [(at, v, tip) for dot, at, v, tip in scored if dot.full and v >= y.low]
        low = [(at, v, tip) for _, at, v, tip in scored if v < y.low]
        unfit = [(at, y.low, tip) for dot, at, tip in placed if dot.value is None]
        layers: list[Layer] = [
            Dots(shorter, "faint", "ring", 2.5),
            Dots(full, "c1", "circle", radius_of(len(scored))),
            Dots(low, "c1", "down", 4.0),
            Line(best, "c2", steps=True),
            Dots(unfit, "c4", "cross", 4.0),
        ]
        return plot(size, x, y, layers, f"{metric_name(metric)} of each trial over time, and the incumbent")

    return {"progress": both(draw)}


def _time_axis(facts: Progress) -> tuple[Axis, float]:
    """The scale, and what seconds are divided by."""
    ends = _end(facts)
    unit, name = time_scale(ends)
    return from_zero(f"{name} {facts.since}", [*(dot.seconds / unit for dot in facts.dots), ends / unit]), unit


def _end(facts: Progress) -> float:
    last = max(dot.seconds for dot in facts.dots)
    return max(facts.seconds, last) if facts.simulated else last


def terms(facts: Progress, words: Words) -> tuple[Term, ...]:
    if facts.pooled:
        return (
            ("trial", "A stretch of the training of one network. A later trial may go on from where it stopped."),
            ("incumbent", "The best score so far."),
        )
    incumbent = ("incumbent", f"The {facts.best} so far.")
    if facts.whole and not facts.shared:
        return (("trial", "One evaluation of one architecture, and the score that came of it."), incumbent)
    what = "One network scored with the shared weights" if facts.shared else "A short training of one network"
    explained = f"{what}, to see whether it is promising. Its score does not compare with that of a full training."
    return (("trial", explained), incumbent)


SECTION = Section("search", "How the search went", progress_of, drawings, terms)
