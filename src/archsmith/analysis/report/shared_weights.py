"""How shared weights were trained before the first trial, and which networks were derived from them.

Read from what an evaluator reports while it prepares (``train_loss``, ``reward``, ``baseline`` and ``entropy`` over the
epochs, in the ``measure``) and from the notes of its end (``epochs``, ``seconds``, ``keys``, ``params``, ``measure``,
``drawn``, ``scored``, ``derived``), as archsmith.oneshot writes them. An evaluator that prepares something else is not
told of here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archsmith.analysis.charts import Dots, Layer, Line, both, plot
from archsmith.analysis.report import figures, network
from archsmith.analysis.report.figures import ENTROPY_NOTE, Points
from archsmith.analysis.report.kind import Words, words_of
from archsmith.analysis.report.network import Inside, insides
from archsmith.analysis.report.noted import finite
from archsmith.analysis.report.section import Section, Term
from archsmith.analysis.report.sharing import (
    judge_settings,
    judged_by_sharing,
    sharing_metric,
    sharing_settings,
    sharing_spec,
)
from archsmith.analysis.study import Reports, Study, graph_of
from archsmith.analysis.wording import amount, duration, metric_name, number, rounded, score, undecided
from archsmith.core.architecture import Architecture
from archsmith.core.errors import ArchsmithError
from archsmith.core.trial import Trial
from archsmith.graphs.graph import Graph

DRAWN = {
    "uniform": "The networks were drawn by chance.",
    "fair": "The networks were drawn so that every option came equally often.",
    "controller": "A controller drew the networks.",
}
MOST_POINTS = 400  # of one line
TOP = 10  # derived networks in the table


@dataclass(frozen=True)
class Learning:
    """A controller that learnt in turns with the weights.

    lead: how its scores and its certainty changed
    rewards: (epoch, mean score of its samples)
    baselines: (epoch, moving average of the rewards)
    entropy: (epoch, nats)
    entropy_note: what entropy is
    """

    lead: str
    rewards: Points
    baselines: Points
    entropy: Points
    entropy_note: str = ENTROPY_NOTE


@dataclass(frozen=True)
class Candidate:
    """A derived network.

    place: from 1, by the first look
    score: by the first look
    trial: the number of the trial that tried it; None without one
    value: what that trial scored; None: nothing
    """

    place: int
    score: float
    trial: int | None
    value: float | None


@dataclass(frozen=True)
class Derived:
    """The networks that were derived from the shared weights.

    lead: how they were found
    looked: how first looks and trials measure
    candidates: the best ones
    n_left_out: how many are not shown
    """

    lead: str
    looked: str
    candidates: tuple[Candidate, ...]
    n_left_out: int

    @property
    def tried(self) -> bool:
        """Was any of them a trial?"""
        return any(candidate.trial is not None for candidate in self.candidates)


@dataclass(frozen=True)
class Favourite:
    """The network that seems best so far.

    name: what it is
    graph: None where the page draws that network anyway
    inside: its cells or blocks, as far as they are drawn
    """

    name: str
    graph: Graph | None
    inside: tuple[Inside, ...] = ()


@dataclass(frozen=True)
class SharedWeights:
    """How the shared weights were trained. A field is None where there is nothing to show.

    lead: how long, and what became of the loss
    measure: the metric of rewards and first looks
    losses: (epoch, training loss)
    learning: of a controller
    derived: networks
    favourite: the network that seems best so far
    """

    lead: str
    measure: str
    losses: Points
    learning: Learning | None
    derived: Derived | None
    favourite: Favourite | None


def shared_weights_of(study: Study) -> SharedWeights | None:
    """None where no weights were shared, or nothing is known of them yet."""
    notes, losses, learning = study.history.prepared or {}, _line(study.preparing, "train_loss"), learning_of(study)
    candidates = _candidates(study, notes)
    if sharing_spec(study) is None and not {"keys", "params"} <= set(notes):
        return None  # what it says means something else
    if not losses and learning is None and not notes:
        return None
    return SharedWeights(
        _lead(study, losses),
        sharing_metric(study),
        losses,
        learning,
        _derived(study, candidates),
        _favourite(study, candidates),
    )


def _lead(study: Study, losses: Points) -> str:
    text = _unfinished(study) if study.history.prepared is None else _trained(study, study.history.prepared)
    if len(losses) > 1:
        first, last = number(losses[0][1]), number(losses[-1][1])
        text += f" The training loss went from {first} to {last}; lower is better."
    return text


def _trained(study: Study, notes: Mapping[str, Any]) -> str:
    params, keys, epochs, seconds = (finite(notes.get(name)) for name in ("params", "keys", "epochs", "seconds"))
    text = "All networks of this search share one set of weights"
    text += f": {rounded(params)} numbers" if params else ""
    text += f" in {amount(int(keys), 'piece')}. Each network takes the pieces that it needs" if params and keys else ""
    text += ". They were trained"
    text += (
        f" for {epochs:.3g} epochs (rounds through all training {words_of(study).many})" if epochs is not None else ""
    )
    text += f" in {duration(seconds)}" if seconds is not None else ""
    text += ", by another study that uses the same folder" if notes.get("elsewhere") is True else ""
    text += ". Every step trained the weights of one network."
    drawn = DRAWN.get(str(sharing_settings(study).get("sampler")))
    return f"{text} {drawn}" if drawn else text


def _unfinished(study: Study) -> str:
    """Of a study that is in the middle of this training, or was cut off there."""
    step, metrics = study.preparing[-1]
    seconds, planned, left = (finite(metrics.get(name)) for name in ("seconds", "epochs", "seconds_left"))
    state = "is still running" if study.running else "was cut off"
    text = f"All networks of this search share one set of weights. Their training {state}"
    text += f" after {duration(seconds)}" if seconds is not None else ""
    of = f" of {planned:.3g}" if planned else ""
    text += f". {step:.3g}{of} epochs (rounds through all training {words_of(study).many}) are done"
    return text + (f", and about {duration(left)} are left." if left and study.running else ".")


# Curves


def learning_of(study: Study) -> Learning | None:
    """None where no controller learnt beside the weights."""
    # Between its turns a controller's last numbers are reported again.
    turns: Reports = []
    for step, metrics in study.preparing:
        if not turns or any(metrics.get(name) != turns[-1][1].get(name) for name in ("reward", "baseline", "entropy")):
            turns.append((step, metrics))
    rewards, baselines, entropy = (_line(turns, name) for name in ("reward", "baseline", "entropy"))
    if not rewards:
        return None
    examples = words_of(study).many
    text = (
        "A controller learnt, in turns with the weights, which networks do well with them. "
        f"It learnt from the scores of its samples on a few validation {examples}."
    )
    if len(baselines) > 1:
        before, after = (score(sharing_metric(study), value) for _, value in (baselines[0], baselines[-1]))
        text += f" The moving average of these scores went from {before} to {after}."
        text += " Better weights raise it too, not only a better choice."
    if len(entropy) > 1:
        text += f" {undecided(entropy[0][1], entropy[-1][1])}"
    return Learning(text, rewards, baselines, entropy)


def _line(reports: Reports, name: str) -> Points:
    points = [(step, value) for step, metrics in reports if (value := finite(metrics.get(name))) is not None]
    every = -(-len(points) // MOST_POINTS)
    return tuple(points) if every <= 1 else (*points[:-1:every], points[-1])


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
    return finite(trial.metrics.get(sharing_metric(study))) if trial is not None and trial.ok else None


def _best(candidates: Sequence[Candidate]) -> Candidate:
    """By the trials where there are any: they look at more."""
    tried = [candidate for candidate in candidates if candidate.value is not None]
    return max(tried, key=lambda candidate: candidate.value or 0.0, default=candidates[0])


def _derived(study: Study, candidates: Sequence[Candidate]) -> Derived | None:
    if not candidates:
        return None
    tried, n = [row for row in candidates if row.value is not None], len(candidates)
    text = f"After the training {_scored(study)}. "
    text += f"The {n} best were kept." if n > 1 else "The best one was kept."
    if len(tried) > 1:
        best = _best(candidates).place
        text += f" Trials looked at {'all of these' if len(tried) == n else f'{len(tried)} of these'} more closely"
        text += ", and the first one stayed the best." if best == 1 else f", and number {best} came out best."
    return Derived(text, _looked(study, bool(tried)), tuple(candidates[:TOP]), len(candidates[TOP:]))


def _scored(study: Study) -> str:
    """How many networks were drawn, and scored; without numbers where they are not known."""
    notes = study.history.prepared or {}
    drawn, scored = (int(finite(notes.get(name)) or 0) for name in ("drawn", "scored"))
    many = amount(drawn, "network was", "networks were") if drawn else "networks were"
    once = f", equal ones once: {amount(scored, 'score')}" if 0 < scored < drawn else ""
    return f"{many} drawn and scored with the shared weights{once}"


def _looked(study: Study, tried: bool) -> str:
    """How the first look and the trials measure."""
    examples = words_of(study).many
    text = f"The first look is at one small batch of validation {examples}, so it is rough."
    if not tried:
        return text
    if not judged_by_sharing(study):
        return f"{text} A trial is scored without shared weights."
    batches = finite(judge_settings(study).get("n_eval"))
    seen = f"{amount(int(batches), 'batch', 'batches')} of" if batches else "all"
    return f"{text} A trial uses the same shared weights on {seen} validation {examples}."


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
    return None if graph is None else Favourite(name, graph, insides(graph, "favourite"))


def _drawn(study: Study) -> Architecture | None:
    """What the page's section about the network shows, if that is a trial's."""
    if study.graph is None:
        return None
    if study.exported is not None:
        trial = study.exported.get("trial")
        return None if trial is None else study.history.trials[trial].architecture
    shown = study.view.representative
    return None if shown is None else shown.architecture


# The charts


def drawings(study: Study, facts: SharedWeights) -> dict[str, str]:
    """Losses, rewards and entropy over the epochs, and the favourite network."""
    drawn = {}
    if len(facts.losses) > 1:
        drawn["losses"] = figures.losses_over_epochs([facts.losses], ["shared weights"])
    if facts.learning is not None:
        drawn |= learning_drawings(facts.learning, facts.measure)
    if facts.favourite is not None and facts.favourite.graph is not None:
        drawn |= network.drawn(facts.favourite.graph, "favourite")
    return drawn


def learning_drawings(learning: Learning, measure: str) -> dict[str, str]:
    """What a controller's samples scored in ``measure``, and how open its decisions were, over the epochs."""
    drawn = {}
    if len(learning.rewards) > 1:
        drawn["rewards"] = _rewards(learning, measure)
    if len(learning.entropy) > 1:
        x = figures.epochs_axis(learning.entropy)
        drawn["entropy"] = figures.entropy(learning.entropy, x, "mean entropy of the controller over the epochs")
    return drawn


def _rewards(learning: Learning, measure: str) -> str:
    """What a controller's samples scored, and the moving average of that."""
    values = [value for _, value in (*learning.rewards, *learning.baselines)]
    y = figures.score_axis(values, measure, f"{metric_name(measure)} of sampled networks")
    dots = [(epoch, value, f"epoch {epoch:.4g}: {y.show(value)}") for epoch, value in learning.rewards]
    radius = 3.5 if len(dots) <= figures.MOST_MARKED else 2.0
    layers: list[Layer] = [Dots(dots, "c1", "circle", radius), Line(learning.baselines, "c2")]
    x, title = figures.epochs_axis(learning.rewards), "scores of the controller's samples over the epochs"
    return both(lambda size: plot(size, x, y, layers, title))


def terms(facts: SharedWeights, words: Words) -> tuple[Term, ...]:
    shared = "One set of weights for all networks of a search, trained once. With it a network is scored at once."
    told = [("shared weights", shared)]
    if facts.learning is not None:
        told.append(("controller", "A small network that draws architectures, and learns from how they score."))
    return tuple(told)


SECTION = Section(
    "shared-weights", "How the shared weights were trained", shared_weights_of, drawings, terms, "shared_weights"
)
