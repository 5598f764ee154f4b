"""What a person who calls ``fit`` from Python sees meanwhile: one display that changes in a notebook, plain lines on
standard error elsewhere.

Both are views of the fold in ``archsmith.runtime.progress``. Nothing is drawn by a thread of its own: the training next
door needs the cores.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from html import escape
from typing import Any, Protocol

from archsmith.core import markup
from archsmith.core.events import Event
from archsmith.core.wording import clock, number
from archsmith.runtime.progress import Progress

LINE_SECONDS = 5.0  # at most one plain line about what is going on in this time
DRAW_SECONDS = 0.5  # and one drawing of the notebook's display
FIRST, ALL = 1, 2  # levels of ``verbose``


class Viewer(Protocol):
    """Takes every event of a job."""

    def __call__(self, event: Event) -> None: ...


class Lines:
    """Plain lines through ``write``: notes, phases, and where things stand every few seconds; every trial and epoch
    when ``verbose`` is 2.
    """

    def __init__(self, progress: Progress, verbose: int, write: Callable[[str], object] | None = None) -> None:
        self.progress = progress
        self.verbose = verbose
        self._write = write or _stderr
        self._said = 0.0
        self._last = ""

    def __call__(self, event: Event) -> None:
        self.progress.apply(event)
        kind, data = event.kind, event.data
        if kind == "note":
            self._write(str(data.get("text", "")))
        elif kind == "phase" and data.get("state") == "started":
            forecast = f" (about {clock(data['forecast_seconds'])})" if data.get("forecast_seconds") else ""
            self._say(f"{self.progress.line()}{forecast}")
        elif kind == "result" or (
            kind == "phase" and str(data.get("name")).startswith(("search", "train"))
        ):  # how it ended
            self._say(self.progress.line())
        elif kind == "finished" and self.verbose >= ALL:
            row = self.progress.last[-1]
            score = "" if row.value is None else f"{self.progress.metric_name} {number(row.value)}"
            self._say(f"trial {row.id}: {f'failed: {row.error}' if row.error else score} in {row.seconds or 0.0:.1f} s")
        elif kind in ("finished", "epoch", "progress") and (
            (self.verbose >= ALL and kind != "progress") or time.monotonic() - self._said >= LINE_SECONDS
        ):
            self._say(self.progress.line())

    def _say(self, line: str) -> None:
        if line != self._last:
            self._said, self._last = time.monotonic(), line
            self._write(f"[{spent(self.progress)}] {line}")


class NotebookDisplay:
    """One display of a notebook that changes while the job runs; the last trials are listed when ``verbose`` is 2."""

    def __init__(self, progress: Progress, verbose: int, display: Callable[..., Any]) -> None:
        self.progress = progress
        self.verbose = verbose
        self._display = display
        self._handle: Any = None
        self._drawn = 0.0
        self.draw()

    def __call__(self, event: Event) -> None:
        self.progress.apply(event)
        if event.kind in ("phase", "result", "closed") or time.monotonic() - self._drawn >= DRAW_SECONDS:
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
        if progress.notes:
            said = "".join(f"<div>{escape(note)}</div>" for note in progress.notes)
            parts.append(f'<details style="{markup.FAINT}"><summary>data and plan</summary>{said}</details>')
        if self.verbose >= ALL and progress.last:
            rows = [
                (row.id, row.value, round(row.seconds or 0.0, 1), row.error or "") for row in reversed(progress.last)
            ]
            parts.append(markup.table(rows, ("trial", progress.metric_name, "seconds", "")))
        return f'<div style="font-family:sans-serif;font-size:13px;line-height:1.5">{"".join(parts)}</div>'


def viewer(verbose: int, budget_seconds: float | None) -> Viewer | None:
    """Who shows the progress of a job here: nobody, a notebook's display or plain lines."""
    if verbose < FIRST:
        return None
    display = notebook_display()
    progress = Progress(budget_seconds)
    return Lines(progress, verbose) if display is None else NotebookDisplay(progress, verbose, display)


def notebook_display() -> Callable[..., Any] | None:
    """IPython's ``display`` inside a kernel (Jupyter, Colab, an editor's notebook); None in a plain Python or a
    terminal.
    """
    ipython = sys.modules.get("IPython")  # not imported where it is not in use already
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    # no dependency: it is there, or it is not wanted
    display: Callable[..., Any] = importlib.import_module("IPython.display").display
    return display


def spent(progress: Progress) -> str:
    """The time that is spent, of how much; without a limit, what the present phase is expected to take."""
    elapsed, phase = clock(progress.elapsed()), progress.phase
    if progress.result is not None:
        return elapsed
    if progress.budget_seconds:
        return f"{elapsed} of {clock(progress.budget_seconds)}"
    return (
        f"{elapsed}, this phase about {clock(phase.forecast_seconds)}"
        if phase is not None and phase.forecast_seconds
        else elapsed
    )


def _stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
