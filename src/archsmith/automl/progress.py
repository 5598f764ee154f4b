"""The progress of a job that was started from Python: a changing display in a notebook, plain lines on standard error
elsewhere.

The text comes from ``archsmith.runtime.progress``. No extra thread draws it, because training needs the cores.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from html import escape
from typing import Any, Protocol

from archsmith.automl.in_python import in_python
from archsmith.core import markup
from archsmith.core.events import Event
from archsmith.core.job_records import Epoch, Note, PhaseRecord, ProgressRecord, ResultRecord
from archsmith.core.records import Closed, Finished, record
from archsmith.core.trial import Trial
from archsmith.core.wording import clock, number
from archsmith.runtime.progress import Progress

LINE_SECONDS = 5.0  # least time between two plain lines about progress
DRAW_SECONDS = 0.5  # least time between two drawings of the notebook's display
DRAWN_AT_ONCE = (PhaseRecord.kind, ResultRecord.kind, Closed.kind)
FIRST, ALL = 1, 2  # levels of ``verbose``


class Viewer(Protocol):
    """Takes every event of a job."""

    def __call__(self, event: Event) -> None: ...


class Lines:
    """Plain lines: notes, phases, and the progress every few seconds.

    progress: the state so far.
    verbose: 1; or 2 for every trial and epoch.
    write: writes one line; None: to standard error.
    """

    def __init__(self, progress: Progress, verbose: int, write: Callable[[str], object] | None = None) -> None:
        self.progress = progress
        self.verbose = verbose
        self._write = write or _stderr
        self._last_time = 0.0
        self._last = ""

    def __call__(self, event: Event) -> None:
        self.progress.apply(event)
        entry = record(event)
        if isinstance(entry, Note):
            self._write(in_python(entry.text))
        elif isinstance(entry, PhaseRecord) and not entry.ended:
            forecast = f" (about {clock(entry.forecast_seconds)})" if entry.forecast_seconds else ""
            self._say(f"{self.progress.line()}{forecast}")
        elif isinstance(entry, ResultRecord) or (
            isinstance(entry, PhaseRecord) and entry.name.startswith(("search", "train"))
        ):  # how it ended
            self._say(self.progress.line())
        elif isinstance(entry, Finished) and self.verbose >= ALL:
            self._say(_trial_line(self.progress, self.progress.last[-1]))
        elif isinstance(entry, Finished | Epoch | ProgressRecord) and (
            (self.verbose >= ALL and not isinstance(entry, ProgressRecord))
            or time.monotonic() - self._last_time >= LINE_SECONDS
        ):
            self._say(self.progress.line())

    def _say(self, line: str) -> None:
        if line != self._last:
            self._last_time, self._last = time.monotonic(), line
            self._write(f"[{spent(self.progress)}] {line}")


class NotebookDisplay:
    """A display in a notebook that changes while the job runs.

    progress: the state so far.
    verbose: 1; or 2 to list the last trials, too.
    display: IPython's function ``display``.
    """

    def __init__(self, progress: Progress, verbose: int, display: Callable[..., Any]) -> None:
        self.progress = progress
        self.verbose = verbose
        self._display = display
        self._handle: Any = None
        self._drawn = 0.0
        self.draw()

    def __call__(self, event: Event) -> None:
        self.progress.apply(event)
        if event.kind in DRAWN_AT_ONCE or time.monotonic() - self._drawn >= DRAW_SECONDS:
            self.draw()

    def draw(self) -> None:
        self._drawn = time.monotonic()
        bundle = {"text/plain": f"[{spent(self.progress)}] {self.progress.line()}", "text/html": self.html()}
        if self._handle is None:
            self._handle = self._display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)

    def html(self) -> str:
        progress, fraction = self.progress, self.progress.fraction()
        parts = [
            f'<div><b>{escape(progress.line())}</b> <span style="{markup.FAINT}">{escape(spent(progress))}</span></div>'
        ]
        if fraction is not None:
            parts.append(
                '<div style="height:4px;margin:.4em '
                '0;border-radius:2px;background:rgba(128,128,128,.25);max-width:40em">'
                f'<div style="height:4px;border-radius:2px;background:#3b7dd8;width:{100 * fraction:.1f}%"></div></div>'
            )
        if progress.view.notes:
            notes = "".join(f"<div>{escape(in_python(note))}</div>" for note in progress.view.notes)
            parts.append(f'<details style="{markup.FAINT}"><summary>data and plan</summary>{notes}</details>')
        if self.verbose >= ALL and progress.last:
            rows = [
                (trial.id, progress.score(trial), round(_seconds(trial), 1), progress.error(trial) or "")
                for trial in reversed(progress.last)
            ]
            parts.append(markup.table(rows, ("trial", progress.metric_name, "seconds", "")))
        return f'<div style="font-family:sans-serif;font-size:13px;line-height:1.5">{"".join(parts)}</div>'


def viewer(verbose: int, budget_seconds: float | None) -> Viewer | None:
    """The viewer for this environment: a notebook's display or plain lines; None if ``verbose`` is 0."""
    if verbose < FIRST:
        return None
    display = notebook_display()
    progress = Progress(budget_seconds)
    return Lines(progress, verbose) if display is None else NotebookDisplay(progress, verbose, display)


def notebook_display() -> Callable[..., Any] | None:
    """IPython's ``display`` inside a kernel (Jupyter, Colab, an editor's notebook); None elsewhere."""
    ipython = sys.modules.get("IPython")  # if nobody has imported it, this is no notebook
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    # IPython is no dependency of this package. In a notebook it is installed.
    display: Callable[..., Any] = importlib.import_module("IPython.display").display
    return display


def spent(progress: Progress) -> str:
    """The spent time and the budget. Without a budget: the forecast of the current phase."""
    elapsed, phase = clock(progress.elapsed()), progress.phase
    if progress.view.done_now:
        return elapsed
    if progress.budget_seconds:
        return f"{elapsed} of {clock(progress.budget_seconds)}"
    return (
        f"{elapsed}, this phase about {clock(phase.forecast_seconds)}"
        if phase is not None and phase.forecast_seconds
        else elapsed
    )


def _trial_line(progress: Progress, trial: Trial) -> str:
    error, score = progress.error(trial), progress.score(trial)
    result = f"failed: {error}" if error else "" if score is None else f"{progress.metric_name} {number(score)}"
    return f"trial {trial.id}: {result} in {_seconds(trial):.1f} s"


def _seconds(trial: Trial) -> float:
    return 0.0 if trial.outcome is None else trial.outcome.seconds


def _stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
