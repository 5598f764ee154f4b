"""One network of a study: a trial, or the one that was exported. Its facts are in the log; ``drawings`` draws it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from archsmith.analysis.report.noted import finite
from archsmith.analysis.report.search import decisions_of
from archsmith.analysis.report.trial_dots import highest
from archsmith.analysis.wording import amount, duration, listing, metric_name, number, rounded, score, sentence_case
from archsmith.app.beliefs import Belief, beliefs_of, has_history
from archsmith.app.drawings import Drawings, Drawn
from archsmith.app.entrants import entrant, name_of, title_of
from archsmith.app.groups import Group, field_of
from archsmith.app.learning_curves import EPOCHS, counted, unit_of
from archsmith.app.lineage import Lineage, by_first, lineage_of, made_by
from archsmith.core.errors import StudyError, UsageError
from archsmith.core.files import file_stamp
from archsmith.core.trial import Trial, goes_on, is_changed
from archsmith.core.wording import epochs, network_name
from archsmith.runtime.study_view import StudyView
from archsmith.server.refusals import Refusal

Look = Callable[[str], AbstractContextManager[StudyView]]

EXPORTED = "exported"
NAME = re.compile(rf"{EXPORTED}|[0-9]{{1,9}}")
STATES = {"pending": "not finished yet", "ok": "finished", "failed": "failed"}
COUNTS = ("params", "macs")  # metrics that are told in three digits
SPLITS = {"valid": "validation", "test": "test"}  # columns of a job's rows
LEAST_SECONDS = 0.05  # that are worth a word
MOST_CHILDREN = 30
MOST_POINTS = 400  # of a curve


@dataclass(frozen=True)
class Fact:
    """A name, and what stands beside it as text."""

    name: str
    text: str


@dataclass(frozen=True)
class Curve:
    """What was reported while a network learnt. ``metric``: its title; ``name``: as the log has it. ``unit``: what the
    steps are, ``epochs`` or ``steps``. ``points``: (step, value). ``most``: the highest value of a trial of the study.
    """

    metric: str
    name: str
    unit: str
    points: tuple[tuple[float, float], ...]
    most: float = 0.0


@dataclass(frozen=True)
class Network:
    """What a log says of one network.

    ``study``, ``name``: its study, and the number of its trial or ``exported``. ``trial``: that number; None where
    the exported network was none. ``title``: for people. ``state``: in words. ``error``: why it failed. ``place``:
    in the ranking of ``n_ranked`` by the first objective, from 1; None outside. ``n_equal``: others there with the same
    score. ``ranked``: how many of what these are, and by what where there are several objectives. ``beyond``: where
    its network stands, if that is more than this trial; else empty. ``previous``, ``next``: trials beside it in the
    ranking. ``scores``: all that was measured. ``facts``: of its training. ``decisions``: all of them. ``parents``,
    ``children``: trials that it came from, and that were made from it. ``n_children``: how many there are in all.
    ``goes_on``: does its training go on from its parent? ``further``: trials in which its training goes on.
    ``n_others``: further trials of the study. ``has_history``: is there anything to say of how the search came to
    it? ``curve``: of the first objective.
    """

    study: str
    name: str
    trial: int | None
    title: str
    state: str
    error: str | None
    place: int | None
    n_ranked: int
    n_equal: int
    ranked: str
    beyond: str
    previous: int | None
    next: int | None
    scores: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    decisions: tuple[Fact, ...]
    parents: tuple[int, ...]
    children: tuple[int, ...]
    n_children: int
    goes_on: bool
    further: tuple[int, ...]
    n_others: int
    has_history: bool
    curve: Curve | None


@dataclass(frozen=True)
class Row:
    """One line of a difference: ``first`` and ``second`` as text; None where a network has no such thing."""

    name: str
    first: str | None
    second: str | None

    @property
    def same(self) -> bool:
        return self.first == self.second


@dataclass(frozen=True)
class Difference:
    """Two networks. ``decisions``, ``scores``: what differs comes first. ``n_different``: of the decisions."""

    first: Network
    second: Network
    decisions: tuple[Row, ...]
    scores: tuple[Row, ...]

    @property
    def n_different(self) -> int:
        return sum(not row.same for row in self.decisions)


class Networks:
    """Answers questions about networks. ``look``: opens the view of a study by its id, which nobody changes meanwhile;
    it raises StudyError for one that is not there. May be asked from many threads.
    """

    def __init__(self, look: Look, drawings: Drawings | None = None) -> None:
        self._open = look
        self._drawings = drawings or Drawings()

    @contextmanager
    def _look(self, study: str) -> Iterator[StudyView]:
        with ExitStack() as stack:
            try:
                view = stack.enter_context(self._open(study))
            except StudyError as error:
                raise Refusal.of(error, 404, "no_study") from error
            if view.why_unreadable is not None:
                raise Refusal(409, "unreadable", view.why_unreadable)
            yield view

    def get(self, study: str, name: str) -> Network:
        """Raises Refusal for a network that is not there."""
        with self._look(study) as view:
            trial, row = _asked(view, name)
            return _network(study, name, view, trial, row)

    def lineage(self, study: str) -> Lineage | None:
        """Which network came from which; None where none did. Raises Refusal without the study."""
        with self._look(study) as view:
            return lineage_of(view)

    def beliefs(self, study: str) -> tuple[Belief, ...]:
        """What the strategy believed. Raises Refusal without the study."""
        with self._look(study) as view:
            return beliefs_of(view)

    def drawn(self, study: str, name: str) -> Drawn:
        """The drawings. Takes a second or two. Raises UsageError, in a sentence, where there can be none."""
        return self._drawings.drawn(self._order(study, name))

    def source(self, study: str, name: str) -> str:
        """The network as a Python file for PyTorch, not trained. Raises UsageError as ``drawn``."""
        return self._drawings.source(self._order(study, name))

    def difference(self, first: tuple[str, str], second: tuple[str, str]) -> Difference:
        """Two networks, each named by study and name; they may be of two studies. Raises Refusal."""
        a, b = self.get(*first), self.get(*second)
        return Difference(a, b, _rows(a.decisions, b.decisions), _rows(a.scores, b.scores))

    def _order(self, study: str, name: str) -> dict[str, Any]:
        with self._look(study) as view:
            trial, row = _asked(view, name)
            if row is not None and view.folder is not None:
                file = view.folder / "final" / "graph.json"
                if file.is_file():
                    return {"file": str(file), "stamp": file_stamp(file)}
            if trial is None or view.began is None:
                raise UsageError("The exported model is no network of layers, so there is nothing to draw.")
            return {"space": view.began.space, "architecture": dict(trial.architecture)}


def _network(study: str, name: str, view: StudyView, trial: Trial | None, row: Mapping[str, Any] | None) -> Network:
    trials, ranking = view.history.trials, [] if trial is None else view.ranking()
    ranked = [other.id for other in ranking]
    place = ranked.index(trial.id) if trial is not None and trial.id in ranked else None
    came = [] if trial is None else [other for other in trials if trial.id in other.parents]
    further = [other.id for other in came if goes_on(other, trials)]
    children = [other.id for other in came if trial is not None and other.architecture != trial.architecture]
    return Network(
        study,
        name,
        None if trial is None else trial.id,
        _title(view, trial, row),
        "exported" if row is not None or trial is None else STATES[trial.status.value],
        None if trial is None or trial.outcome is None else trial.outcome.error,
        None if place is None else place + 1,
        len(ranked),
        0 if place is None else sum(other.loss == ranking[place].loss for other in ranking) - 1,
        _ranked(view, len(ranked)) + by_first(view),
        "" if trial is None or row is not None else _beyond(view, trial),
        ranked[place - 1] if place else None,
        ranked[place + 1] if place is not None and place + 1 < len(ranked) else None,
        _scores(view, trial, row),
        _facts(view, trial, row),
        () if trial is None else tuple(Fact(path, option) for path, option in decisions_of(trial)),
        trial.parents if trial is not None and (goes_on(trial, trials) or is_changed(trial, trials)) else (),
        tuple(children[:MOST_CHILDREN]),
        len(children),
        trial is not None and goes_on(trial, trials),
        tuple(further[:MOST_CHILDREN]),
        len(trials) - (trial is not None),
        has_history(view),
        _curve(view, trial, row),
    )


def _asked(view: StudyView, name: str) -> tuple[Trial | None, Mapping[str, Any] | None]:
    """The trial, and the row of the job where the exported network was asked for; one of them is there."""
    if NAME.fullmatch(name) is None:
        raise Refusal(404, "no_network", f"There is no network {name[:20]!r}.", "Give the number of a trial.")
    trials = view.history.trials
    if name == EXPORTED:
        row = next((row for row in view.job.rows(view.metric) if row.get("exported")), None)
        if row is None:
            raise Refusal(404, "no_network", "This study has exported no network yet.", "Wait until it has finished.")
        at = row.get("trial")
        return (trials[at] if isinstance(at, int) and 0 <= at < len(trials) else None), row
    if int(name) >= len(trials):
        raise Refusal(404, "no_network", f"This study has no trial {int(name)}.", f"It has {len(trials):,} trials.")
    return trials[int(name)], None


def _title(view: StudyView, trial: Trial | None, row: Mapping[str, Any] | None) -> str:
    if row is not None:
        return sentence_case(network_name(str(row.get("name"))))
    if trial is None:
        return EXPORTED
    return title_of(name_of(view, Group(tuple(view.history.of(trial.architecture)))), trial.id)


def _ranked(view: StudyView, n: int) -> str:
    return amount(n, "network with a score", "networks with a score") if view.pooled else amount(n, "trial")


def _beyond(view: StudyView, trial: Trial) -> str:
    """Of a trial whose network is told with more than this trial: its list has other numbers than this page."""
    if not view.pooled:
        return ""
    one = entrant(field_of(view), Group(tuple(view.history.of(trial.architecture))))
    own = finite(trial.metrics.get(view.problem.objectives[0].metric))
    if one.score is None or (one.trial == trial.id and one.score == own):
        return ""
    learnt = f" after {one.learnt}" if one.learnt else ""
    others = f" (trials {listing([str(each) for each in one.trials])})" if len(one.trials) > 1 else ""
    return f"Its network{others} stands at {one.score_words}{learnt}. {one.why}".strip()


def _scores(view: StudyView, trial: Trial | None, row: Mapping[str, Any] | None) -> tuple[Fact, ...]:
    """Of a job the trials, too, are measured on the validation split, so their score is called like that of a row."""
    if row is None:
        metrics = {} if trial is None else trial.metrics
        job = view.metric if view.job.fit else None
        return tuple(
            Fact(
                _split_score(metric, "valid") if metric == job else metric_name(metric), _measured(view, metric, value)
            )
            for metric, value in metrics.items()
        )
    known = {name: value for name in (*SPLITS, *COUNTS) if (value := finite(row.get(name))) is not None}
    scores = [
        Fact(_split_score(view.metric, name), score(view.metric, known[name])) for name in SPLITS if name in known
    ]
    return (*scores, *(Fact(metric_name(name), rounded(known[name])) for name in COUNTS if name in known))


def _split_score(metric: str, split: str) -> str:
    return f"{metric_name(metric)}, {SPLITS[split]} split"


def _measured(view: StudyView, metric: str, value: float) -> str:
    return rounded(value) if metric in COUNTS else score(metric, value, most=highest(view, metric))


def _facts(view: StudyView, trial: Trial | None, row: Mapping[str, Any] | None) -> tuple[Fact, ...]:
    facts: list[Fact] = []
    seconds = finite(row.get("seconds") if row is not None else trial.outcome.seconds if trial and trial.outcome else 0)
    trained = finite(row.get("epochs") if row is not None else trial.outcome_notes.get("epochs") if trial else None)
    if seconds is not None and seconds >= LEAST_SECONDS:
        facts.append(Fact("took", duration(seconds) + (" (simulated)" if view.simulated else "")))
    if trained is not None:
        facts.append(Fact("trained for", epochs(trained)))
    elif trial is not None and row is None and not view.pooled and counted(view):
        facts.append(Fact(view.problem.fidelity.name.replace("_", " "), number(trial.fidelity)))
    if trial is not None and row is None and not trial.feasible:
        facts.append(Fact("limits", "it breaks one"))
    if trial is not None and (made := made_by(trial, view.history.trials)):
        facts.append(Fact("how it was made", made))
    return tuple(facts)


def _curve(view: StudyView, trial: Trial | None, row: Mapping[str, Any] | None) -> Curve | None:
    metric = view.metric if row is not None else view.problem.objectives[0].metric
    training = view.trainings.get(str(row.get("name"))) if row is not None else None
    reported: Sequence[tuple[float, Mapping[str, float]]] = ()
    unit = EPOCHS
    if training is not None:
        reported = training.curve
    elif trial is not None and row is None:
        reported, unit = trial.curve, unit_of(view, [trial])
    keys = [key for key in (metric, f"valid_{metric}", "valid") if any(key in metrics for _, metrics in reported)]
    if not keys:
        return None
    told = [(finite(step), finite(metrics.get(keys[0]))) for step, metrics in reported]
    points = [(at, value) for at, value in told if at is not None and value is not None]
    step = -(-len(points) // MOST_POINTS)
    if len(points) < 2:
        return None
    return Curve(metric_name(metric), metric, unit, tuple(points[::step]), highest(view, metric))


def _rows(first: Sequence[Fact], second: Sequence[Fact]) -> tuple[Row, ...]:
    """In their order, what differs before what is the same."""
    a, b = ({fact.name: fact.text for fact in facts} for facts in (first, second))
    rows = [Row(name, a.get(name), b.get(name)) for name in dict.fromkeys((*a, *b))]
    return tuple(sorted(rows, key=lambda row: row.same))
