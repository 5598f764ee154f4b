"""A study as a reader finds it: its log folded once, and what lies beside the log. Everything but the log may be
missing.

Nothing here needs the modules of the space, the strategy or the evaluator: a report can be written where those cannot
be imported.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith import catalog
from archsmith.core.architecture import Architecture
from archsmith.core.errors import ArchsmithError, StudyError
from archsmith.core.events import Event
from archsmith.core.history import History
from archsmith.core.problem import Problem
from archsmith.core.trial import Trial
from archsmith.data.examples import Splits
from archsmith.data.images.store import open_splits
from archsmith.graphs.graph import Graph
from archsmith.runtime.sqlite import SqliteStore

Reports = list[tuple[float, Mapping[str, Any]]]  # (step, metrics) each
WORTH_SECONDS = 1.0  # a preparation that takes longer is told apart from the search


@dataclass
class Phase:
    """One phase of the main job over all openings of the study. ``state`` is ``started`` or ``finished``;
    ``forecast_seconds`` None: nobody guessed.
    """

    name: str
    forecast_seconds: float | None = None
    seconds: float = 0.0
    state: str = "started"
    detail: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Predictions:
    """What the exported network answered on labelled pictures of the test part; ``index`` ``(n,)`` says which ones
    these are.

    ``outputs``: probabilities ``(n, k)`` or numbers ``(n,)``; ``raw``: probabilities before the temperature.
    """

    outputs: NDArray[Any]
    labels: NDArray[Any]
    index: NDArray[np.int64]
    raw: NDArray[Any] | None = None

    @property
    def numeric(self) -> bool:
        return self.outputs.ndim == 1


@dataclass
class Study:
    """One study. ``seconds`` are on its own clock, over all openings; ``finished_at`` says for each finished trial
    when, on that clock.

    ``preparing`` is what the evaluator reported of its prepare phase; ``prepared_at`` when that was over, 0 where it
    took no time worth a word.

    ``began`` is the data of the first event, ``fit`` what the main job put there (empty for a plain search), ``result``
    the FitResult as a dict; ``missing`` says in sentences what could not be read.
    """

    id: str
    folder: Path
    began: Mapping[str, Any]
    history: History
    started: float = 0.0
    seconds: float = 0.0
    finished_at: dict[int, float] = field(default_factory=dict)
    simulated: bool = False
    running: bool = False
    reason: str | None = None
    phases: dict[str, Phase] = field(default_factory=dict)
    preparing: Reports = field(default_factory=list)
    prepared_at: float = 0.0
    curves: dict[str, Reports] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    test_reads: int = 0
    splits: Splits | None = None
    test: Predictions | None = None
    graph: Graph | None = None
    manifest: Mapping[str, Any] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    @property
    def fit(self) -> Mapping[str, Any]:
        return self.began.get("fit") or {}

    @property
    def checks(self) -> Mapping[str, Any]:
        """What the checks of the data found, as the log keeps it."""
        return self.fit.get("report") or {}

    @property
    def classes(self) -> tuple[str, ...]:
        """Empty where numbers are predicted, or where nothing is known of the data."""
        names = self.splits.classes if self.splits is not None else self.checks.get("classes") or ()
        return tuple(str(name) for name in names)

    @property
    def metric(self) -> str:
        """What trials and finals are compared by."""
        return str((self.result or {}).get("metric") or self.history.problem.objectives[0].metric)

    @property
    def maximize(self) -> bool:
        return self.history.problem.objectives[0].maximize

    @property
    def rows(self) -> list[Mapping[str, Any]]:
        """The networks trained in full. An unfinished study has those whose training is over, without a test score."""
        if self.result is not None:
            return list(self.result.get("rows") or ())
        rows: list[Mapping[str, Any]] = []
        for phase in self.phases.values():
            name = phase.name.removeprefix("train ")
            if phase.state == "finished" and (name != phase.name or name == "linear"):
                rows.append({"name": name, "valid": phase.result.get(self.metric), **phase.result})
        return rows

    @property
    def exported(self) -> Mapping[str, Any] | None:
        return next((row for row in self.rows if row.get("exported")), None)

    @property
    def best(self) -> Trial | None:
        return self.history.best()

    @property
    def n_failed(self) -> int:
        return sum(trial.losses is None for trial in self.history.finished)


def read_study(folder: Path | str) -> Study:
    """Everything that the study in ``folder`` tells. Raises StudyError when there is no log, or none with a beginning."""
    folder = Path(folder)
    store = SqliteStore(folder)
    try:
        study = _folded(folder, store)
        study.running = store.holder is not None
    finally:
        store.close()
    _add_splits(study)
    _add_predictions(study)
    _add_graph(study)
    manifest = folder / "final" / "bundle" / "manifest.json"
    study.manifest = (_json(manifest) or {}) if manifest.exists() else {}
    return study


def _folded(folder: Path, store: SqliteStore) -> Study:
    events = iter(store.read())
    first = next(events, None)
    if first is None or first.kind != "study":
        raise StudyError(
            f"The study {folder.name} has nothing in its log yet."
            if store.exists
            else f"There is no study in {str(folder)!r}."
        )
    # The space itself is not needed to rank trials, and may not be importable here.
    history = History(Problem.from_dict(None, first.data["problem"]))  # type: ignore[arg-type]
    study = Study(folder.resolve().name, folder, first.data, history, first.time)
    clock = _Clock(study)
    history.apply(first)
    for event in events:
        history.apply(event)
        clock.take(event)
    clock.close()
    return study


class _Clock:
    """Follows the events of one study: when things happened on its own clock, which stands still between two openings."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._before = 0.0
        self._opened: float | None = None
        self._last = study.started
        self._most_pending = 1
        self._open_phase: tuple[Phase, float] | None = None

    @property
    def now(self) -> float:
        return self._before + (self._last - self._opened if self._opened is not None else 0.0)

    def take(self, event: Event) -> None:
        study, data = self.study, event.data
        if event.kind == "opened":
            self.close()
            self._before, self._opened = self.now, event.time
        self._last = event.time
        self._most_pending = max(self._most_pending, len(study.history.pending))
        if event.kind == "finished":
            study.finished_at[data["trial"]] = self.now
        elif event.kind == "phase":
            self._phase(data)
        elif event.kind == "preparing":
            self._preparing(data["step"], data["metrics"])
        elif event.kind == "prepared" and (study.preparing or data["seconds"] >= WORTH_SECONDS):
            study.prepared_at = self.now
        elif event.kind == "epoch":
            curve = study.curves.setdefault(str(data["network"]), [])
            while curve and curve[-1][0] >= data["epoch"]:
                curve.pop()  # of an attempt that was killed; this one repeats it
            curve.append((float(data["epoch"]), data["metrics"]))
        elif event.kind == "result":
            study.result = data
        if event.kind == "closed":
            study.reason = data.get("reason")
        elif event.kind == "opened":
            study.reason = None

    def _preparing(self, step: float, metrics: Mapping[str, Any]) -> None:
        reports = self.study.preparing
        before: Mapping[str, Any] = {}
        while reports and reports[-1][0] >= step:
            # later ones are of an attempt that was killed; at the same step more is known now
            at, known = reports.pop()
            before = known if at == step else {}
        reports.append((step, {**before, **metrics}))

    def _phase(self, data: Mapping[str, Any]) -> None:
        name = str(data["name"])
        phase = self.study.phases.setdefault(name, Phase(name))
        if data["state"] == "started":
            phase.state, phase.detail = "started", str(data.get("detail") or "")
            if phase.forecast_seconds is None:
                phase.forecast_seconds = data.get("forecast_seconds")
            self._open_phase = (phase, self._last)
        else:
            phase.state, phase.result = "finished", data.get("result") or {}
            phase.seconds += float(data.get("seconds") or 0.0)
            self.study.test_reads += name == "test"
            self._open_phase = None

    def close(self) -> None:
        """The end of an opening: what it had begun took its time too."""
        if self._open_phase is not None:
            phase, began = self._open_phase
            phase.seconds += max(0.0, self._last - began)
            self._open_phase = None
        study = self.study
        study.seconds = self.now
        # Trials that claim more time than passed, even if all workers had been busy throughout, come out of a table.
        claimed = [trial.outcome.seconds for trial in study.history.finished if trial.outcome is not None]
        study.simulated = sum(claimed) > 1.5 * self._most_pending * study.seconds + 5.0
        if study.simulated:
            passed = 0.0
            for trial, seconds in zip(study.history.finished, claimed, strict=True):
                passed += seconds
                study.finished_at[trial.id] = passed
            study.seconds, study.prepared_at = passed, 0.0
        if study.result is not None:
            study.test_reads = max(study.test_reads, int(study.result.get("test_reads") or 0))


def _add_splits(study: Study) -> None:
    folder = study.fit.get("data_folder")
    if folder is None:
        return
    try:
        study.splits = open_splits(folder)
    except ArchsmithError:
        study.missing.append(
            "The stored data of this study are not there any more, so there are no pictures in this report."
        )


def _add_predictions(study: Study) -> None:
    """The answers on the test part, without pictures that have no label."""
    path = study.folder / "final" / "predictions.npz"
    if not path.exists():
        return
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ("test", "test_labels", "test_raw") if name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        study.missing.append(
            "The file final/predictions.npz is damaged, so this report cannot look into single answers."
        )
        return
    outputs, labels, raw = (arrays.get(name) for name in ("test", "test_labels", "test_raw"))
    if (
        outputs is None
        or labels is None
        or labels.ndim != 1
        or len(outputs) != len(labels)
        or outputs.ndim not in (1, 2)
    ):
        study.missing.append("The test pictures have no labels, so nothing could be measured on them.")
        return
    if outputs.ndim == 2 and outputs.shape[1] == 1:
        outputs = outputs[:, 0]
    labelled = np.isfinite(labels) & np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1)
    if outputs.ndim == 2:
        labelled &= (labels >= 0) & (labels < outputs.shape[1])
    index = np.flatnonzero(labelled)
    if not len(index):
        study.missing.append("The test pictures have no labels, so nothing could be measured on them.")
        return
    raw = raw[index] if raw is not None and raw.shape == outputs.shape else None
    study.test = Predictions(outputs[index], labels[index], index, raw)


def _add_graph(study: Study) -> None:
    """The exported network; of a study without one the best trial's, where its space can be imported."""
    data = _json(study.folder / "final" / "graph.json")
    try:
        if data is not None:
            study.graph = Graph.from_dict(data)
        elif study.best is not None:
            study.graph = graph_of(study, study.best.architecture)
    except Exception:  # the space may be a person's own, and raise anything
        study.missing.append("The network could not be rebuilt here, so there is no drawing of it.")


def graph_of(study: Study, architecture: Architecture) -> Graph | None:
    """The network of an architecture of the study's space; None of a space without networks. Raises whatever the space
    does, or its absence.
    """
    space = catalog.from_spec(study.began["space"], "space")
    return space.graph(architecture) if hasattr(space, "graph") else None


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
