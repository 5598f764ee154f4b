"""What a person who calls ``fit`` from Python sees meanwhile: one display that changes in a notebook, plain lines on standard error elsewhere.

Both are views of one fold over the job's events. Nothing is drawn by a thread of its own: the training next door needs the cores.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from html import escape
from typing import Any, Protocol

from archsmith.core import markup
from archsmith.core.events import Event

LINE_SECONDS = 5.0  # at most one plain line about what is going on in this time
DRAW_SECONDS = 0.5  # and one drawing of the notebook's display
LAST_TRIALS = 8
DOING = {"decode": "decoding pictures", "wait": "waiting for another process that decodes the same pictures"}
FIRST, ALL = 1, 2  # levels of ``verbose``


class Viewer(Protocol):
    """Takes every event of a job."""

    def __call__(self, event: Event) -> None: ...


class Status:
    """Where a job stands. ``budget_seconds`` is the limit on the wall clock, None without one; times are Unix seconds."""

    def __init__(self, budget_seconds: float | None) -> None:
        self.budget_seconds = budget_seconds
        self.started = time.time()
        self.now = self.started
        self.metric = "score"
        self.phase = "reading and checking the data"
        self.forecast: float | None = None  # seconds that the phase is expected to take
        self.detail = ""
        self.notes: list[str] = []
        self.n_finished = self.n_failed = 0
        self.expected_trials: float | None = None
        self.best: tuple[float, int] | None = None  # value, trial
        self.last: deque[tuple[int, float | None, float, str]] = deque(maxlen=LAST_TRIALS)  # trial, value, seconds, error
        self.result: Mapping[str, Any] | None = None
        self._score = ""  # of the network that is being trained, when it was last measured

    def apply(self, event: Event) -> None:
        self.now = event.time or time.time()
        fold = getattr(self, f"_on_{event.kind}", None)
        if fold is not None:
            fold(event.data)

    @property
    def elapsed(self) -> float:
        return max(0.0, self.now - self.started)

    @property
    def fraction(self) -> float | None:
        """How much of the budget is spent, in [0, 1]; None without a limit that can be measured."""
        if self.result is not None:
            return 1.0
        if self.budget_seconds:
            return min(1.0, self.elapsed / self.budget_seconds)
        return min(1.0, self.n_finished / self.expected_trials) if self.expected_trials else None

    def line(self) -> str:
        """The state in one sentence."""
        if self.result is not None:
            exported = next((row["name"] for row in self.result.get("rows", ()) if row.get("exported")), "network")
            scores = [f"{part} {_number(self.result[part])}" for part in ("valid", "test") if self.result.get(part) is not None]
            return f"done: {exported}, {words(self.metric)} {', '.join(scores)}"
        return f"{self.phase}: {self.detail}" if self.detail else self.phase

    def clock(self) -> str:
        """What is spent and what is left; for a phase, against its forecast."""
        if self.result is not None:
            return clock(self.elapsed)
        if self.budget_seconds:
            return f"{clock(self.elapsed)} of {clock(self.budget_seconds)}"
        of = f", this phase about {clock(self.forecast)}" if self.forecast else ""
        return f"{clock(self.elapsed)}{of}"

    def _on_study(self, data: Mapping[str, Any]) -> None:
        objectives = (data.get("problem") or {}).get("objectives") or [["score", True]]
        self.metric = str(objectives[0][0])
        self.expected_trials = data.get("forecast_trials")

    def _on_note(self, data: Mapping[str, Any]) -> None:
        self.notes.append(str(data.get("text", "")))

    def _on_phase(self, data: Mapping[str, Any]) -> None:
        if data.get("state") == "started":
            self.phase, self.detail, self.forecast = str(data.get("name", "work")), str(data.get("detail") or ""), data.get("forecast_seconds")
            self._score = ""

    def _on_progress(self, data: Mapping[str, Any]) -> None:
        what = DOING.get(data["what"], str(data["what"]))
        self.detail = f"{what}, {data['done']:,} of {data['total']:,}" if data.get("total") else what

    def _on_finished(self, data: Mapping[str, Any]) -> None:
        outcome = data["outcome"]
        value = outcome["metrics"].get(self.metric) if outcome["status"] == "ok" else None
        self.n_finished += 1
        self.n_failed += outcome["status"] != "ok"
        self.last.append((data["trial"], value, outcome.get("seconds") or 0.0, outcome.get("error") or ""))
        if value is not None and (self.best is None or value > self.best[0]):
            self.best = (value, data["trial"])
        self.detail = self._trials()

    def _trials(self) -> str:
        known = self.expected_trials is not None and self.expected_trials >= self.n_finished
        about = f" of about {self.expected_trials:.0f}" if known else ""
        of = self.expected_trials if known else self.n_finished
        best = f", best {words(self.metric)} {_number(self.best[0])} (trial {self.best[1]})" if self.best else ""
        failed = f", {self.n_failed} failed" if self.n_failed else ""
        return f"{self.n_finished}{about} architecture{'' if round(of or 0) == 1 else 's'}{failed}{best}"

    def _on_epoch(self, data: Mapping[str, Any]) -> None:
        metrics = data["metrics"]
        if self.metric in metrics:  # measured now and then; in between the last value stands
            self._score = f", {words(self.metric)} {_number(metrics[self.metric])}"
        loss = f", train loss {_number(metrics['train_loss'])}" if "train_loss" in metrics else ""
        self.detail = f"epoch {data['epoch']:.3g} of {data['epochs']:.3g}{self._score or loss}"

    def _on_result(self, data: Mapping[str, Any]) -> None:
        self.result = data
        self.metric = str(data.get("metric") or self.metric)


class Lines:
    """Plain lines through ``write``: notes, phases, and where things stand every few seconds; every trial and epoch when ``verbose`` is 2."""

    def __init__(self, status: Status, verbose: int, write: Callable[[str], object] | None = None) -> None:
        self.status = status
        self.verbose = verbose
        self._write = write or _stderr
        self._said = 0.0
        self._last = ""

    def __call__(self, event: Event) -> None:
        self.status.apply(event)
        kind, data = event.kind, event.data
        if kind == "note":
            self._write(str(data.get("text", "")))
        elif kind == "phase" and data.get("state") == "started":
            forecast = f" (about {clock(data['forecast_seconds'])})" if data.get("forecast_seconds") else ""
            self._say(f"{self.status.line()}{forecast}")
        elif kind == "result" or (kind == "phase" and str(data.get("name")).startswith(("search", "train"))):  # how it ended
            self._say(self.status.line())
        elif kind == "finished" and self.verbose >= ALL:
            trial, value, seconds, error = self.status.last[-1]
            what = f"failed: {error}" if error else f"{words(self.status.metric)} {_number(value or 0.0)}"
            self._say(f"trial {trial}: {what} in {seconds:.1f} s")
        elif kind in ("finished", "epoch", "progress") and (
            (self.verbose >= ALL and kind != "progress") or time.monotonic() - self._said >= LINE_SECONDS
        ):
            self._say(self.status.line())

    def _say(self, line: str) -> None:
        if line != self._last:
            self._said, self._last = time.monotonic(), line
            self._write(f"[{self.status.clock()}] {line}")


class NotebookDisplay:
    """One display of a notebook that changes while the job runs; the last trials are listed when ``verbose`` is 2."""

    def __init__(self, status: Status, verbose: int, display: Callable[..., Any]) -> None:
        self.status = status
        self.verbose = verbose
        self._display = display
        self._handle: Any = None
        self._drawn = 0.0
        self.draw()

    def __call__(self, event: Event) -> None:
        self.status.apply(event)
        if event.kind in ("phase", "result", "closed") or time.monotonic() - self._drawn >= DRAW_SECONDS:
            self.draw()

    def draw(self) -> None:
        self._drawn = time.monotonic()
        status = self.status
        bundle = {"text/plain": f"[{status.clock()}] {status.line()}", "text/html": self.html()}
        if self._handle is None:
            self._handle = self._display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)

    def html(self) -> str:
        status = self.status
        parts = [f'<div><b>{escape(status.line())}</b> <span style="{markup.FAINT}">{escape(status.clock())}</span></div>']
        if status.fraction is not None:
            parts.append(
                '<div style="height:4px;margin:.4em 0;border-radius:2px;background:rgba(128,128,128,.25);max-width:40em">'
                f'<div style="height:4px;border-radius:2px;background:#3b7dd8;width:{100 * status.fraction:.1f}%"></div></div>'
            )
        if status.notes:
            said = "".join(f"<div>{escape(note)}</div>" for note in status.notes)
            parts.append(f'<details style="{markup.FAINT}"><summary>data and plan</summary>{said}</details>')
        if self.verbose >= ALL and status.last:
            rows = [(trial, value, round(seconds, 1), error) for trial, value, seconds, error in reversed(status.last)]
            parts.append(markup.table(rows, ("trial", words(status.metric), "seconds", "")))
        return f'<div style="font-family:sans-serif;font-size:13px;line-height:1.5">{"".join(parts)}</div>'


def viewer(verbose: int, budget_seconds: float | None) -> Viewer | None:
    """Who shows the progress of a job here: nobody, a notebook's display or plain lines."""
    if verbose < FIRST:
        return None
    display = notebook_display()
    status = Status(budget_seconds)
    return Lines(status, verbose) if display is None else NotebookDisplay(status, verbose, display)


def notebook_display() -> Callable[..., Any] | None:
    """IPython's ``display`` inside a kernel (Jupyter, Colab, an editor's notebook); None in a plain Python or a terminal."""
    ipython = sys.modules.get("IPython")  # not imported where it is not in use already
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    display: Callable[..., Any] = importlib.import_module("IPython.display").display  # no dependency: it is there, or it is not wanted
    return display


def clock(seconds: float) -> str:
    """``0:07``, ``12:30`` or ``1:02:30``."""
    hours, rest = divmod(max(0, round(seconds)), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def _number(value: float) -> str:
    return markup.text(float(value))


def words(metric: str) -> str:
    return {"r2": "R²"}.get(metric, metric.replace("_", " "))


def _stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
