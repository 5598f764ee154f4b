"""A study as the report finds it: the view of its log, and what lies beside the log. Everything but the log may be
missing.

Nothing here needs the modules of the space, the strategy or the evaluator: a report can be written where those cannot
be imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith import catalog
from archsmith.core.architecture import Architecture
from archsmith.core.errors import ArchsmithError, told
from archsmith.core.files import json_value, reading, regular_size, small_text
from archsmith.core.history import History
from archsmith.core.job_records import FINISHED, STARTED
from archsmith.core.records import StudyRecord
from archsmith.core.trial import Trial
from archsmith.data.examples import Splits
from archsmith.data.stored import opened
from archsmith.graphs.graph import Graph
from archsmith.runtime.curves import Point
from archsmith.runtime.job_view import TEST
from archsmith.runtime.study_view import StudyView, read_view

Reports = list[Point]
LARGEST = 2**28  # bytes of a graph
WORTH_SECONDS = 1.0  # a preparation that takes longer is told apart from the search


@dataclass(frozen=True)
class Phase:
    """One phase of the main job over all openings of the study.

    name: ``search``, ``train fixed``, ….
    forecast_seconds: what it was expected to take at first; None when nobody guessed.
    seconds: what it took in all.
    state: ``started`` or ``finished``.
    detail: what it is about.
    result: what it ended with.
    """

    name: str
    forecast_seconds: float | None = None
    seconds: float = 0.0
    state: str = STARTED
    detail: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Predictions:
    """What the exported network predicts on the labelled rows of the test split.

    outputs: probabilities ``(n, k)``, or values of a regression ``(n,)``.
    labels: classes or regression targets ``(n,)``.
    index: which rows of the test split these are, ``(n,)``.
    raw: probabilities before the temperature; None where they were not kept.
    """

    outputs: NDArray[Any]
    labels: NDArray[Any]
    index: NDArray[np.int64]
    raw: NDArray[Any] | None = None


@dataclass
class Study:
    """One study: what its log tells, and what lies beside the log.

    view: the fold over its log.
    folder: where it lies.
    running: is a process writing to it?
    splits: the stored data; None where they are gone.
    test: predictions on the test split; None where there are none that can be read.
    graph: of the exported network, or of the trial that stands for the result.
    manifest: of the bundle; empty where there is none.
    missing: says in sentences what could not be read.
    """

    view: StudyView
    folder: Path
    running: bool = False
    splits: Splits | None = None
    test: Predictions | None = None
    graph: Graph | None = None
    manifest: Mapping[str, Any] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.view.id

    @property
    def record(self) -> StudyRecord:
        """What the first event says."""
        return self.view.began or StudyRecord()

    @cached_property
    def began(self) -> Mapping[str, Any]:
        """The data of the first event, in the present format."""
        return self.record.to_data()

    @property
    def history(self) -> History:
        return self.view.history

    @property
    def started(self) -> float:
        """Unix time of the first event."""
        return self.view.started

    @property
    def seconds(self) -> float:
        """On the study's clock, over all openings."""
        return self.view.seconds

    @property
    def spent(self) -> float:
        """What the limit of the study counts; of a job that ended, until its end."""
        said = self.result.get("seconds") if self.view.ended and self.result is not None else None
        return float(said or self.view.spent)

    @property
    def simulated(self) -> bool:
        """Do the trials come out of a table?"""
        return self.view.simulated

    def apart(self, n_test: int) -> int:
        """How many of the test examples are different ones: pictures that repeat another one tell nothing new."""
        repeats = (self.fit.get("findings") or {}).get("repeats") or {}
        return max(1, n_test - int(repeats.get("test") or 0))

    @property
    def search_reason(self) -> str | None:
        """Why the search ended; None before it has, as in a job that searches on with more time."""
        job = self.view.job
        if not job.fit:
            return self.view.reason
        said = job.results.get("search", {}).get("reason")
        return str(said) if said else job.stopped_by if self.view.ended else None

    @cached_property
    def finished_at(self) -> dict[int, float]:
        """Trial id -> when it finished, on the study's clock."""
        return self.view.ends()

    @cached_property
    def phases(self) -> dict[str, Phase]:
        """Phases of the main job by name, in the order in which they first began."""
        told: dict[str, Phase] = {}
        for phase in self.view.phases.all:
            before = told.get(phase.name, Phase(phase.name))
            ended = not phase.running and not phase.cut
            told[phase.name] = Phase(
                phase.name,
                phase.forecast_seconds if before.forecast_seconds is None else before.forecast_seconds,
                self.view.phases.seconds_of(phase.name, self.view.changed),
                FINISHED if ended else STARTED,
                phase.detail,
                phase.result if ended else before.result,
            )
        return told

    @property
    def preparing(self) -> Reports:
        """What the evaluator reported of its prepare phase."""
        return self.view.preparation.points

    @property
    def prepared_at(self) -> float:
        """When the prepare phase was over, on the study's clock; 0 where it took no time worth a word."""
        preparation = self.view.preparation
        told = bool(preparation.points) or (preparation.seconds or 0.0) >= WORTH_SECONDS
        return (preparation.ended_at or 0.0) if told and not self.simulated else 0.0

    @property
    def curves(self) -> dict[str, Reports]:
        """Learning curves of the final trainings, by network."""
        return {name: training.curve for name, training in self.view.trainings.items()}

    @property
    def result(self) -> Mapping[str, Any] | None:
        """What the main job ended with."""
        return None if self.view.job.result is None else self.view.job.result.data

    @property
    def test_reads(self) -> int:
        return self.view.job.test_reads

    @property
    def fit(self) -> Mapping[str, Any]:
        """What the main job wrote into the first event, with the limits and the plan of its last extension; empty for a
        plain search.
        """
        job = self.view.job
        return {**job.fit, "settings": job.settings, "plan": job.plan, "speed": job.speed} if job.fit else {}

    @property
    def checks(self) -> Mapping[str, Any]:
        """What the checks of the data found, as the log keeps it."""
        return self.fit.get("findings") or {}

    @property
    def classes(self) -> tuple[str, ...]:
        """Empty for regression, and where nothing is known of the data."""
        names = self.splits.classes if self.splits is not None else self.checks.get("classes") or ()
        return tuple(str(name) for name in names)

    @property
    def metric(self) -> str:
        """What networks are compared by."""
        return self.view.metric

    @property
    def maximize(self) -> bool:
        return self.history.problem.objectives[0].maximize

    @property
    def rows(self) -> list[Mapping[str, Any]]:
        """The networks trained in full. An unfinished study has those whose training is over, without a test score."""
        return list(self.view.job.rows(self.metric))

    @property
    def exported(self) -> Mapping[str, Any] | None:
        return next((row for row in self.rows if row.get("exported")), None)

    @property
    def best(self) -> Trial | None:
        return self.view.best

    @property
    def n_failed(self) -> int:
        return self.view.n_failed

    @property
    def n_networks(self) -> int:
        """How many different ones were tried; one may have several trials."""
        return len({trial.architecture.key for trial in self.history.finished})

    @property
    def tried_things(self) -> str:
        """What was tried: an architecture of a space of settings is no network."""
        known = self.fit or self.graph is not None or _lays_out_networks(self.record.space)
        return "networks" if known else "architectures"


def read_study(folder: Path | str) -> Study:
    """Everything that the study in ``folder`` tells. Raises StudyError when its log cannot be read."""
    folder = Path(folder)
    view = read_view(folder)
    study = Study(view, folder, view.writer)
    _add_splits(study)
    _add_predictions(study)
    _add_graph(study)
    manifest = folder / "final" / "bundle" / "manifest.json"
    study.manifest = (_json(manifest) or {}) if manifest.exists() else {}
    return study


def _lays_out_networks(space: Mapping[str, Any]) -> bool:
    """Is it a space of networks in the catalogue? Others are not imported for this."""
    name = str(space.get("type"))
    return name in catalog.TABLE["space"] and hasattr(catalog.get("space", name), "graph")


def _add_splits(study: Study) -> None:
    folder = study.fit.get("data_folder")
    if folder is None:
        return
    try:
        study.splits = opened(str(folder))
    except ArchsmithError:
        study.missing.append(
            "The stored data of this study are not there any more, so this report cannot show single examples."
        )


def _add_predictions(study: Study) -> None:
    """The predictions on the test split, without examples that have no label."""
    path = study.folder / "final" / "predictions.npz"
    if not path.exists():
        return
    job = study.view.job
    if job.fit and job.result is None:
        return  # cut off behind its measuring: until its result says so, nothing tells of which network they are
    if job.result is not None and not job.ended and TEST in job.results:
        study.missing.append(
            "The study went on after its result and has measured its network anew since, so this report cannot look "
            "into single predictions."
        )
        return
    try:
        with reading("It is damaged", ""):
            regular_size(path)
            # opened here: numpy leaves a file open that is no whole zip
            with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
                arrays = {name: file[name] for name in ("test", "test_labels", "test_raw") if name in file.files}
    except ArchsmithError:
        study.missing.append(
            "The file final/predictions.npz is damaged, so this report cannot look into single predictions."
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
        study.missing.append("The test split has no labels, so nothing could be measured on it.")
        return
    if outputs.ndim == 2 and outputs.shape[1] == 1:
        outputs = outputs[:, 0]
    labelled = np.isfinite(labels) & np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1)
    if outputs.ndim == 2:
        labelled &= (labels >= 0) & (labels < outputs.shape[1])
    index = np.flatnonzero(labelled)
    if not len(index):
        study.missing.append("The test split has no labels, so nothing could be measured on it.")
        return
    raw = raw[index] if raw is not None and raw.shape == outputs.shape else None
    study.test = Predictions(outputs[index], labels[index], index, raw)


def _add_graph(study: Study) -> None:
    """The exported network; of a study without one that of the best trial, or of the knee of a front, where the space
    can be imported.
    """
    data = _json(study.folder / "final" / "graph.json")
    try:
        if data is not None:
            study.graph = Graph.from_dict(data)
        elif (shown := study.view.representative) is not None:
            study.graph = graph_of(study, shown.architecture)
            if study.graph is None:
                study.missing.append("There is no drawing of a network: the space has settings, not networks.")
    except Exception as error:  # the space may be a person's own, and raise anything
        why = error if isinstance(error, ArchsmithError) else told(error)
        study.missing.append(
            f"There is no drawing of a network: if this study has networks and not only settings, they could not be "
            f"rebuilt here. {why}"
        )


def graph_of(study: Study, architecture: Architecture) -> Graph | None:
    """The network of an architecture of the study's space; None of a space without networks. Raises whatever the space
    does, or its absence.
    """
    space = catalog.from_spec(study.record.space, "space")
    return space.graph(architecture) if hasattr(space, "graph") else None


def written_by(bundle: Path) -> str | None:
    """The study that wrote a bundle, as its manifest says; None where there is none, or it says none."""
    manifest = _json(bundle / "manifest.json")
    facts = manifest.get("facts") if isinstance(manifest, dict) else None
    study = facts.get("study") if isinstance(facts, dict) else None
    return study if isinstance(study, str) else None


def _json(path: Path) -> Any:
    try:
        return json_value(small_text(path, LARGEST))
    except (ArchsmithError, OSError, ValueError):
        return None
