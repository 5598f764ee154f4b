"""A job with callbacks: for every trial and every epoch. A callback can also end the job early."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from archsmith import catalog
from archsmith.automl.fit_result import FitResult
from archsmith.automl.in_python import in_python
from archsmith.automl.job import fit
from archsmith.automl.progress import Viewer
from archsmith.automl.settings import FitSettings
from archsmith.core.events import Event
from archsmith.core.history import History
from archsmith.core.job_records import Note
from archsmith.core.problem import Problem
from archsmith.core.trial import Trial
from archsmith.data.tables.read import GUESSED
from archsmith.runtime.resuming import how_to_go_on
from archsmith.runtime.study_view import try_view
from archsmith.runtime.workspace import called

OnTrial = Callable[[Trial, History], object]
OnEpoch = Callable[[str, float, Mapping[str, float]], object]


class _Broken(BaseException):
    """Carries a callback's exception out of the job. As a BaseException it does not count as a failed trial."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class _Watch:
    """The job's observer. ``enough`` becomes true when a callback asks for the end."""

    def __init__(self, on_trial: OnTrial | None, on_epoch: OnEpoch | None, viewer: Viewer | None) -> None:
        self.on_trial = on_trial
        self.on_epoch = on_epoch
        self.viewer = viewer
        self.enough = False
        self.history: History | None = None
        self._broken = False

    def __call__(self, event: Event) -> None:
        if self._broken:
            return  # the job is closing its study, and still writes events
        if event.kind == "study" and self.on_trial is not None:
            self.history = History(
                Problem.from_dict(catalog.from_spec(event.data["space"], "space"), event.data["problem"])
            )
        if self.history is not None:
            self.history.apply(event)
        if self.viewer is not None:
            self.viewer(event)
        elif event.kind == Note.kind and str(event.data.get("text")).startswith(GUESSED):
            # nobody who shows nothing may learn the wrong column unawares
            warnings.warn(in_python(str(event.data["text"])), UserWarning, stacklevel=2)
        try:
            self._call(event)
        except Exception as error:
            self._broken = True
            raise _Broken(error) from None

    def _call(self, event: Event) -> None:
        data, wish = event.data, None
        if event.kind == "finished" and self.on_trial is not None and self.history is not None:
            wish = self.on_trial(self.history.trials[data["trial"]], self.history)
        elif event.kind == "epoch" and self.on_epoch is not None:
            wish = self.on_epoch(data["network"], data["epoch"], dict(data["metrics"]))
        elif event.kind == "reported" and self.on_epoch is not None:
            wish = self.on_epoch(f"trial {data['trial']}", data["step"], dict(data["metrics"]))
        self.enough = self.enough or wish is True


def watched(
    settings: FitSettings,
    *,
    on_trial: OnTrial | None = None,
    on_epoch: OnEpoch | None = None,
    viewer: Viewer | None = None,
) -> FitResult:
    """Run the job with callbacks.

    ``on_trial(trial, history)``: called after every trial of the search.
    ``on_epoch(network, epoch, metrics)``: called whenever a training is measured; ``network`` is ``trial 3``, or the
        name of a row, such as ``fixed`` or ``searched``.

    If a callback returns True, the job finishes soon with the incumbent. If a callback raises, the job ends at once and
    the exception is raised here; the study keeps everything that was finished.
    """
    watch = _Watch(on_trial, on_epoch, viewer)
    folders: list[Path] = []  # of the study, as soon as there is one
    try:
        return fit(settings, watch, finish=lambda: watch.enough, on_study=folders.append)
    except _Broken as broken:
        error = broken.error
    note = "A callback raised this, so the job was stopped. Finished trials are kept."
    for folder in folders:
        began = try_view(folder).began
        note += f" {how_to_go_on(called(folder), {} if began is None else began.to_data())}"
    error.add_note(note)
    raise error
