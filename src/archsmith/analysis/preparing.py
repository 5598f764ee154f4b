"""What came before the first trial where networks share their weights: how these were trained, and which networks were
derived from them.

Read from what an evaluator reports while it prepares (``train_loss``, ``reward``, ``baseline`` and ``entropy`` over the
epochs) and from the notes of its end (``epochs``, ``seconds``, ``keys``, ``params``, ``derived``), as archsmith.oneshot
writes them. An evaluator that prepares something else has no part here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archsmith import catalog
from archsmith.analysis.study import Reports, Study, graph_of
from archsmith.analysis.wording import amount, duration, number, rounded, score, undecided
from archsmith.core.architecture import Architecture
from archsmith.core.errors import ArchsmithError
from archsmith.core.trial import Trial
from archsmith.graphs.graph import Graph

SHARED = "archsmith.oneshot.evaluator:SharedWeightsEvaluator"
INSIDE = ("evaluator", "second")  # fields of a wrapper that hold the evaluator whose scores its trials get
# by the evaluator's task; more is better in all of them
MEASURES = {"classes": "accuracy", "balanced": "balanced_accuracy", "numbers": "r2"}
DRAWN = {
    "uniform": ", drawn by chance",
    "fair": ", drawn so that every answer came equally often",
    "controller": ", which a controller drew",
}
MOST_POINTS = 400  # of one line
TOP = 10  # derived networks in the table

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Learning:
    """A controller that learnt in turns with the weights. ``rewards``, ``baselines`` (their moving average) and
    ``entropy`` (nats): (epoch, value).
    """

    lead: str
    rewards: Points
    baselines: Points
    entropy: Points


@dataclass(frozen=True)
class Candidate:
    """A derived network: its ``place`` from 1 and its ``score`` by the first look, and the ``trial`` that tried it,
    with what that scored (None: nothing).
    """

    place: int
    score: float
    trial: int | None
    value: float | None


@dataclass(frozen=True)
class Derived:
    """``looked`` says how first looks and trials measure; ``n_left_out`` candidates are not shown."""

    lead: str
    looked: str
    candidates: tuple[Candidate, ...]
    n_left_out: int


@dataclass(frozen=True)
class Favourite:
    """The network that seems best so far. ``graph`` is None where the page draws that network anyway."""

    name: str
    graph: Graph | None


@dataclass(frozen=True)
class Preparing:
    """``losses`` (epoch, training loss); ``measure`` is the metric of rewards and first looks. A part is None where
    there is nothing to show.
    """

    lead: str
    measure: str
    losses: Points
    learning: Learning | None
    derived: Derived | None
    favourite: Favourite | None


def preparing_of(study: Study) -> Preparing | None:
    """None where no weights were shared, or nothing is known of them yet."""
    notes, losses, learning = study.history.prepared or {}, _line(study.preparing, "train_loss"), _learning(study)
    candidates = _candidates(study, notes)
    if _sharing(study) is None and not {"keys", "params"} <= set(notes):
        return None  # what it says means something else
    if not losses and learning is None and not notes:
        return None
    return Preparing(
        _lead(study, losses),
        _measure(study),
        losses,
        learning,
        _derived(study, candidates),
        _favourite(study, candidates),
    )


def judged_by_sharing(study: Study) -> bool:
    """Are the scores of trials those with shared weights?"""
    return _type(_judge(study)) == SHARED


def _lead(study: Study, losses: Points) -> str:
    text = _unfinished(study) if study.history.prepared is None else _trained(study, study.history.prepared)
    if len(losses) > 1:
        text += (
            f" The training loss, of which less is better, went from {number(losses[0][1])} to {number(losses[-1][1])}."
        )
    return text


def _trained(study: Study, notes: Mapping[str, Any]) -> str:
    params, keys, epochs, seconds = (_finite(notes.get(name)) for name in ("params", "keys", "epochs", "seconds"))
    text = "All networks of this search share one set of weights"
    text += f": {rounded(params)} numbers" if params else ""
    text += (
        f" in {amount(int(keys), 'piece')}, of which each network takes those that it needs" if params and keys else ""
    )
    text += ". They were trained"
    text += f" for {epochs:.3g} epochs (rounds through all training pictures)" if epochs is not None else ""
    text += f" in {duration(seconds)}" if seconds is not None else ""
    return (
        f"{text}; every step trained those that one network needs{DRAWN.get(str(_settings(study).get('sampler')), '')}."
    )


def _unfinished(study: Study) -> str:
    """Of a study that is in the middle of its preparation, or was cut off there."""
    step, metrics = study.preparing[-1]
    seconds, planned, left = (_finite(metrics.get(name)) for name in ("seconds", "epochs", "seconds_left"))
    text = f"All networks of this search share one set of weights, whose training {'is still running' if study.running else 'was cut off'}"
    text += f" after {duration(seconds)}" if seconds is not None else ""
    text += (
        f", with {step:.3g}{f' of {planned:.3g}' if planned else ''} epochs (rounds through all training pictures) done"
    )
    return text + (f" and about {duration(left)} left." if left and study.running else ".")


# Curves


def _learning(study: Study) -> Learning | None:
    # Between its turns a controller's last numbers are reported again.
    turns: Reports = []
    for step, metrics in study.preparing:
        if not turns or any(metrics.get(name) != turns[-1][1].get(name) for name in ("reward", "baseline", "entropy")):
            turns.append((step, metrics))
    rewards, baselines, entropy = (_line(turns, name) for name in ("reward", "baseline", "entropy"))
    if not rewards:
        return None
    text = "A controller learnt in turns with the weights which networks do well with them, from how its samples scored on a few validation pictures."
    if len(baselines) > 1:
        before, after = (score(_measure(study), value) for _, value in (baselines[0], baselines[-1]))
        text += f" The moving average of these scores went from {before} to {after}; better weights raise it too, not the choice alone."
    if len(entropy) > 1:
        text += f" {undecided(entropy[0][1], entropy[-1][1])}"
    return Learning(text, rewards, baselines, entropy)


def _line(reports: Reports, name: str) -> Points:
    points = [(step, value) for step, metrics in reports if (value := _finite(metrics.get(name))) is not None]
    every = -(-len(points) // MOST_POINTS)
    return tuple(points) if every <= 1 else (*points[:-1:every], points[-1])


def _finite(value: Any) -> float | None:
    return (
        float(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        else None
    )


# Derived networks


def _candidates(study: Study, notes: Mapping[str, Any]) -> list[Candidate]:
    proposed = {
        trial.notes.get("rank"): trial for trial in study.history.trials if trial.notes.get("operator") == "derived"
    }
    candidates = []
    for rank, (architecture, value) in enumerate(_rows(notes)):
        # another strategy may have come across it
        trial = proposed.get(rank) or next(iter(study.history.of(architecture)), None)
        candidates.append(Candidate(rank + 1, value, None if trial is None else trial.id, _value(study, trial)))
    return candidates


def _rows(notes: Mapping[str, Any]) -> list[tuple[Architecture, float]]:
    """(architecture, score) of the derived networks; empty where the notes mean something else by that name."""
    try:
        return [(Architecture(row["architecture"]), float(row["score"])) for row in notes.get("derived") or ()]
    except (ArchsmithError, TypeError, ValueError, KeyError):
        return []


def _value(study: Study, trial: Trial | None) -> float | None:
    """In the metric of the first look, so that both numbers are of one kind."""
    return _finite(trial.metrics.get(_measure(study))) if trial is not None and trial.ok else None


def _best(candidates: Sequence[Candidate]) -> Candidate:
    """By the trials where there are any: they look at more."""
    tried = [candidate for candidate in candidates if candidate.value is not None]
    return max(tried, key=lambda candidate: candidate.value or 0.0, default=candidates[0])


def _derived(study: Study, candidates: Sequence[Candidate]) -> Derived | None:
    if not candidates:
        return None
    n, drawn, tried = (
        len(candidates),
        _finite(_settings(study).get("candidates")),
        [row for row in candidates if row.value is not None],
    )
    text = f"After the training {amount(int(drawn), 'network was', 'networks were') if drawn else 'networks were'} drawn and scored with the shared weights; "
    text += f"the {n} best were kept." if n > 1 else "the best one was kept."
    if len(tried) > 1:
        best = _best(candidates)
        text += f" Trials looked at {'all of these' if len(tried) == n else f'{len(tried)} of these'} more closely"
        text += (
            ", and the first one stayed the best." if best.place == 1 else f", and number {best.place} came out best."
        )
    batches = _finite(_args(_judge(study)).get("n_eval"))
    seen = (
        f"{amount(int(batches), 'batch', 'batches')} of validation pictures" if batches else "all validation pictures"
    )
    looked = "The first look is at one small batch of validation pictures, so it is rough."
    if tried:
        looked += (
            f" A trial uses the same shared weights on {seen}."
            if judged_by_sharing(study)
            else " A trial is scored without shared weights."
        )
    return Derived(text, looked, tuple(candidates[:TOP]), len(candidates[TOP:]))


def _favourite(study: Study, candidates: Sequence[Candidate]) -> Favourite | None:
    name = "the best derived network"
    if candidates:
        best = _best(candidates)
        name += f" (number {best.place})"
        architecture = (
            _rows(study.history.prepared or {})[best.place - 1][0]
            if best.trial is None
            else study.history.trials[best.trial].architecture
        )
    else:
        name = "the best of the controller's last samples"
        texts = (metrics["best"] for _, metrics in reversed(study.preparing) if isinstance(metrics.get("best"), str))
        try:
            architecture = Architecture.from_json(next(texts))
        except (StopIteration, ArchsmithError):
            return None
    if architecture == _drawn(study):
        return Favourite(name, None)
    try:
        graph = graph_of(study, architecture)
    except Exception:  # the space may be a person's own, and raise anything
        return None
    return None if graph is None else Favourite(name, graph)


def _drawn(study: Study) -> Architecture | None:
    """What the page's section about the network shows, if that is a trial's."""
    if study.graph is None:
        return None
    if study.exported is not None:
        trial = study.exported.get("trial")
        return None if trial is None else study.history.trials[trial].architecture
    return None if study.best is None else study.best.architecture


# Specs, read as they are: what they name may not be importable here


def _sharing(study: Study) -> Any:
    """The evaluator of shared weights, inside whatever wraps it; None where there is none."""
    specs = [study.began.get("evaluator")]
    for spec in specs:
        if _type(spec) == SHARED:
            return spec
        specs += [_args(spec)[name] for name in ("first", *INSIDE) if _args(spec).get(name)]
    return None


def _settings(study: Study) -> Mapping[str, Any]:
    return _args(_sharing(study))


def _judge(study: Study) -> Any:
    """The evaluator that scores trials, inside all wrappers."""
    spec = study.began.get("evaluator")
    while inner := next((_args(spec)[name] for name in INSIDE if _args(spec).get(name)), None):
        spec = inner
    return spec


def _measure(study: Study) -> str:
    return MEASURES.get(str(_settings(study).get("task")), study.history.problem.objectives[0].metric)


def _args(spec: Any) -> Mapping[str, Any]:
    args = spec.get("args") if isinstance(spec, Mapping) else None
    return args if isinstance(args, Mapping) else {}


def _type(spec: Any) -> str:
    """``module:Class``."""
    name = str(spec.get("type")) if isinstance(spec, Mapping) else ""
    return catalog.TABLE["evaluator"].get(name, name)
