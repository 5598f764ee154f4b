"""What a person sees while a study runs: a live panel in a terminal, plain lines with a time stamp anywhere else. Both
only watch events.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from archsmith.core.events import Event
from archsmith.core.wording import clock, number
from archsmith.runtime.progress import PREPARE, Phase, Progress, Row

EPOCH_SECONDS = 5.0  # at most one plain line about epochs in this time
REFRESH_PER_SECOND = 2  # the training next door needs the cores more than the clock does


class Display:
    """A context manager that takes each event of a study (``display(event)``) and shows the state on ``console``.

    ``title`` heads the panel. ``live`` None means: live when the console is a terminal that can move its cursor.
    """

    def __init__(
        self, title: str, console: Console | None = None, *, progress: Progress | None = None, live: bool | None = None
    ) -> None:
        self.title = title
        self.console = console or Console(stderr=True)
        self.progress = progress or Progress()
        self.live = (self.console.is_terminal and not self.console.is_dumb_terminal) if live is None else live
        self._panel: Live | None = None
        self._epoch_said = 0.0

    def __enter__(self) -> Self:
        if self.live:
            self._panel = Live(
                get_renderable=self.render, console=self.console, refresh_per_second=REFRESH_PER_SECOND, transient=False
            )
            self._panel.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._panel is not None:
            self._panel.stop()
            self._panel = None

    def __call__(self, event: Event) -> None:
        self.on_event(event)

    def on_event(self, event: Event) -> None:
        self.progress.apply(event)
        if not self.live:
            for line in self._lines(event):
                self._print(line, event.time)
        elif event.kind == "note":  # stays above the panel
            self.console.print(Text(str(event.data.get("text", "")), style="dim"))

    def note(self, text: str) -> None:
        """Something to tell at once, for instance what Ctrl-C did."""
        self.on_event(Event("note", {"text": text}, time=time.time()))

    # -- the live panel ------------------------------------------------------------------------------------------------

    def render(self) -> Group:
        """The panel as it stands now."""
        state, now = self.progress, time.time()
        parts: list[Table | Text] = [self._head(now), self._bar(now)]
        if state.phases:
            parts.append(self._phases(now))
        elif not state.trials:
            parts.append(Text("getting ready", style="dim"))
        leader = state.leader
        if leader is not None and leader.value is not None:
            came_from = f", from trial {leader.parents[0]}" if leader.parents else ""
            parts.append(
                Text.assemble(
                    "best so far  ",
                    (f"{state.metric_name} {number(leader.value)}", "bold green"),
                    f"   trial {leader.id}{came_from}",
                )
            )
        running = [] if state.closed else [row for row in state.trials.values() if not row.done][:2]
        rows = [*state.last, *running]
        if rows:
            parts.append(self._trials(rows))
        return Group(*parts)

    def _head(self, now: float) -> Table:
        state = self.progress
        remaining = state.remaining(now)
        head = Table.grid(expand=True, padding=(0, 2, 0, 0))
        head.add_column(ratio=1)
        head.add_column(justify="right", no_wrap=True)
        times = f"{clock(state.elapsed(now))} elapsed" + (f", {clock(remaining)} left" if remaining is not None else "")
        trials = (
            f"   {state.n_finished} trials" + (f" ({state.n_failed} failed)" if state.n_failed else "")
            if state.trials
            else ""
        )
        head.add_row(_one_line(self.title, "bold"), Text(times + trials))
        return head

    def _bar(self, now: float) -> Table | Text:
        fraction = self.progress.fraction(now)
        if fraction is None:
            return Text("")
        bar = Table.grid(expand=True)  # a bar by itself does not end its line, and what follows would be lost
        bar.add_row(ProgressBar(total=1.0, completed=fraction))
        return bar

    def _phases(self, now: float) -> Table:
        grid = Table.grid(padding=(0, 2))
        for phase in self.progress.phases:
            over = phase.seconds is not None
            spent = phase.seconds if phase.seconds is not None else now - phase.started
            about = [f"of about {clock(phase.forecast_seconds)}"] if phase.forecast_seconds and not over else []
            said = "; ".join([*about, *([phase.text] if phase.text else [])])
            grid.add_row(
                _mark(phase), Text(phase.name, no_wrap=True), Text(clock(spent), no_wrap=True), Text(said, style="dim")
            )
        return grid

    def _trials(self, rows: list[Row]) -> Table:
        grid = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("trial", "from", self.progress.metric_name, "seconds"):
            grid.add_column(column, justify="right", no_wrap=True)
        grid.add_column("changed")  # the one column that gives way where the terminal is narrow
        for row in rows:
            style = "green" if row.best else "red" if row.error else "" if row.done else "dim"
            value = "" if row.value is None else number(row.value)
            tail = row.error or (", ".join(self.progress.changes(row)) if row.done else _running(row))
            parent = str(row.parents[0]) if row.parents else ""
            seconds = "" if row.seconds is None else f"{row.seconds:.1f}"
            grid.add_row(*(_one_line(cell, style) for cell in (str(row.id), parent, value, seconds, tail)))
        return grid

    # -- plain lines ---------------------------------------------------------------------------------------------------

    def _lines(self, event: Event) -> list[str]:
        """What one event is worth saying in a log file: phases, finished trials, notes and the end; not every report."""
        data, state = event.data, self.progress
        if event.kind == "phase":
            phase = next(p for p in reversed(state.phases) if p.name == str(data.get("name", "work")))
            detail = f": {phase.detail}" if phase.detail else ""
            if phase.seconds is not None:
                return [f"{phase.name} done in {clock(phase.seconds)}{detail}"]
            forecast = f", about {clock(data['forecast_seconds'])}" if data.get("forecast_seconds") else ""
            return [f"{phase.name}{forecast}{detail}"]
        if event.kind == "finished":
            return [self._trial_line(state.trials[data["trial"]])]
        if event.kind == "note":
            return [str(data.get("text", ""))]
        if event.kind == "prepared" and state.phases and state.phases[-1].name == PREPARE:
            return [f"{PREPARE} done in {clock(data['seconds'])}"]
        if (
            event.kind in ("epoch", "progress", "preparing")
            and state.phase is not None
            and time.time() - self._epoch_said >= EPOCH_SECONDS
        ):
            self._epoch_said = time.time()
            return [f"{state.phase.name}: {state.phase.text}"]
        if event.kind == "closed" and all(phase.name == PREPARE for phase in state.phases):
            return [f"closed: {data.get('reason')} after {state.n_finished} trials"]
        return []

    def _trial_line(self, row: Row) -> str:
        if row.error:
            return f"trial {row.id} failed: {row.error}"
        value = "" if row.value is None else f" {self.progress.metric_name} {number(row.value)}"
        seconds = "" if row.seconds is None else f" in {row.seconds:.1f} s"
        parent = f", from trial {row.parents[0]}" if row.parents else ""
        return f"trial {row.id}{value}{seconds}{parent}{' (best so far)' if row.best else ''}"

    def _print(self, line: str, when: float) -> None:
        stamp = time.strftime("%H:%M:%S", time.localtime(when or time.time()))
        self.console.print(f"{stamp} {line}", markup=False, highlight=False, soft_wrap=True)


def _one_line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _mark(phase: Phase) -> Text:
    if phase.seconds is None:
        return Text("▸", style="bold cyan")
    return Text("✗", style="red") if phase.failed else Text("✓", style="green")


def _running(row: Row) -> str:
    return "running" if row.step is None else f"running, step {number(row.step)}"
