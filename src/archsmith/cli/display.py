"""The progress of a running study: a live panel in a terminal, plain lines with a time stamp elsewhere.

Both only read events. The text comes from ``archsmith.runtime.progress``.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from archsmith.core.events import Event
from archsmith.core.job_records import Epoch, Note, PhaseRecord, ProgressRecord
from archsmith.core.records import Closed, Finished, Prepared, Preparing, record
from archsmith.core.wording import amount, clock, measure, number, reason_in_words, visible

if TYPE_CHECKING:
    from archsmith.core.front import Front
    from archsmith.core.trial import Trial
    from archsmith.runtime.phases import Phase
    from archsmith.runtime.progress import Progress

EPOCH_SECONDS = 5.0  # least time between two plain lines about epochs
MOST_RUNNING = 2  # most running trials that are shown
REFRESH_PER_SECOND = 2  # low, because training needs the cores


class Display:
    """A context manager that shows the state of a study. Call it with each event: ``display(event)``.

    title: title of the panel.
    console: where it is shown; None: standard error.
    progress: the state so far; None: a new one.
    live: True: a changing panel; False: plain lines; None: a panel if the console is a terminal.
    workers: how many trials run at the same time; more that are not finished wait.
    """

    def __init__(
        self,
        title: str,
        console: Console | None = None,
        *,
        progress: Progress | None = None,
        live: bool | None = None,
        workers: int = MOST_RUNNING,
    ) -> None:
        from archsmith.runtime.progress import Progress

        self.title = title
        self.console = console or Console(stderr=True, emoji=False)
        self.progress = progress or Progress()
        self.live = (self.console.is_terminal and not self.console.is_dumb_terminal) if live is None else live
        self.n_shown = min(workers, MOST_RUNNING)
        self._panel: Live | None = None
        self._epoch_shown = 0.0

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
        elif event.kind == Note.kind:  # printed above the panel
            self.console.print(Text(visible(Note.from_data(event.data).told(exact=self.progress.exact)), style="dim"))

    def note(self, text: str) -> None:
        """Show a sentence at once, for instance what Ctrl-C did."""
        self.on_event(Event(Note.kind, Note(text).to_data(), time=time.time()))

    # -- the live panel ------------------------------------------------------------------------------------------------

    def render(self) -> Group:
        """The panel as it stands now."""
        state, now = self.progress, time.time()
        parts: list[Table | Text] = [self._head(now), self._bar(now)]
        if state.phases:
            parts.append(self._phases(now))
        elif not state.view.history.trials:
            parts.append(Text("getting ready", style="dim"))
        best = self._incumbent() if state.front is None else self._front(state.front)
        if best is not None:
            parts.append(best)
        trials = [*state.last, *state.running(self.n_shown)]
        if trials:
            parts.append(self._trials(trials))
        return Group(*parts)

    def _incumbent(self) -> Text | None:
        state, trial = self.progress, self.progress.incumbent
        score = None if trial is None else state.score(trial)
        if trial is None or score is None:
            return None
        came_from = f", {state.from_where(trial)}" if trial.parents else ""
        found = f"{state.metric_name} {number(score)}"
        return Text.assemble("best so far  ", (found, "bold green"), f"   trial {trial.id}{came_from}")

    def _front(self, front: Front) -> Text | None:
        """How many are on it, and from where to where it reaches."""
        if not front:
            return None
        found = ([trial.metrics[each.metric] for trial in front] for each in front.objectives)
        reach = [
            f"{name} {number(min(values))} to {number(max(values))}"
            for name, values in zip(self.progress.metric_names, found, strict=True)
        ]
        return Text.assemble("front  ", (amount(len(front), "trial"), "bold green"), f"   {', '.join(reach)}")

    def _head(self, now: float) -> Table:
        state = self.progress
        remaining = state.remaining(now)
        head = Table.grid(expand=True, padding=(0, 2, 0, 0))
        head.add_column(ratio=1)
        head.add_column(justify="right", no_wrap=True)
        times = f"{clock(state.elapsed(now))} elapsed" + (f", {clock(remaining)} left" if remaining is not None else "")
        view = state.view
        failed = f" ({view.n_failed} failed)" if view.n_failed else ""
        trials = f"   {amount(view.n_finished, 'trial')}{failed}" if view.history.trials else ""
        head.add_row(_one_line(self.title, "bold"), Text(times + trials))
        return head

    def _bar(self, now: float) -> Table | Text:
        fraction = self.progress.fraction(now)
        if fraction is None:
            return Text("")
        bar = Table.grid(expand=True)  # without the table, the bar would not end its line
        bar.add_row(ProgressBar(total=1.0, completed=fraction))
        return bar

    def _phases(self, now: float) -> Table:
        grid = Table.grid(padding=(0, 2))
        for phase in self.progress.phases:
            spent = phase.seconds if phase.seconds is not None else now - phase.started
            about = [f"of about {clock(phase.forecast_seconds)}"] if phase.forecast_seconds and phase.running else []
            text = self.progress.text(phase)
            detail = "; ".join([*about, *([text] if text else [])])
            grid.add_row(
                _mark(phase),
                Text(self.progress.name(phase), no_wrap=True),
                Text(clock(spent), no_wrap=True),
                Text(detail, style="dim"),
            )
        return grid

    def _trials(self, trials: list[Trial]) -> Table:
        grid = Table(box=None, pad_edge=False, header_style="dim")
        state = self.progress
        for column in ("trial", "from", *state.metric_names, "seconds"):
            grid.add_column(column, justify="right", no_wrap=True)
        decisions = state.exact or not state.view.job.fit  # which, by their names, tell a layman nothing
        grid.add_column("changed" if decisions else "")  # the only column that shrinks in a narrow terminal
        for trial in trials:
            done, error = trial.outcome is not None, state.error(trial)
            scores = ("" if score is None else number(score) for score in state.scores(trial))
            style = "green" if trial.id in state.view.improved else "red" if error else "" if done else "dim"
            changes = ", ".join(state.changes(trial)) if decisions else ""
            tail = error or (self._broken(trial) or changes if done else _running(trial))
            parent = str(trial.parents[0]) if trial.parents else ""
            seconds = "" if trial.outcome is None else f"{trial.outcome.seconds:.1f}"
            cells = (str(trial.id), parent, *scores, seconds, tail)
            grid.add_row(*(_one_line(cell, style) for cell in cells))
        return grid

    # -- plain lines ---------------------------------------------------------------------------------------------------

    def _lines(self, event: Event) -> list[str]:
        """The lines for one event. Phases, finished trials, notes and the end always get one; reports only now and
        then.
        """
        entry, state = record(event), self.progress
        if isinstance(entry, PhaseRecord):
            return [self._phase_line(entry)]
        if isinstance(entry, Finished):
            return [self._trial_line(state.view.history.trials[entry.trial])]
        if isinstance(entry, Note):
            return [entry.told(exact=state.exact)]
        if isinstance(entry, Prepared) and not state.in_job and state.phases:
            return [f"{state.name(state.phases[-1])} done in {clock(entry.seconds)}"]
        if isinstance(entry, Epoch | ProgressRecord | Preparing):
            phase = state.phase
            if phase is not None and time.time() - self._epoch_shown >= EPOCH_SECONDS:
                self._epoch_shown = time.time()
                return [f"{state.name(phase)}: {state.text(phase)}"]
        if isinstance(entry, Closed) and not state.in_job:
            return [f"ended after {amount(state.view.n_finished, 'trial')}: {reason_in_words(entry.reason)}"]
        return []

    def _phase_line(self, entry: PhaseRecord) -> str:
        state = self.progress
        phase = next(phase for phase in reversed(state.phases) if phase.name == entry.name)
        text = state.text(phase)
        detail = f": {text}" if text else ""
        if phase.seconds is not None:
            return f"{state.name(phase)} done in {clock(phase.seconds)}{detail}"
        forecast = f", about {clock(phase.forecast_seconds)}" if phase.forecast_seconds else ""
        return f"{state.name(phase)}{forecast}{detail}"

    def _trial_line(self, trial: Trial) -> str:
        state = self.progress
        error = state.error(trial)
        if error or trial.outcome is None:
            return f"trial {trial.id} failed: {error}"
        named = zip(state.metric_names, state.scores(trial), strict=True)
        values = ", ".join(f"{name} {number(score)}" for name, score in named if score is not None)
        parent = f", {state.from_where(trial)}" if trial.parents else ""
        news = "the best so far" if state.front is None else "joins the front"
        given = state.view.problem.fidelity
        several = given.minimum < given.maximum and not state.view.pooled  # then each is the best of its own only
        at = f" at {measure(trial.fidelity, given.name)}" if several else ""
        best = f" ({news}{at})" if trial.id in state.view.improved else ""
        broken = self._broken(trial)
        outside = f" ({broken})" if broken else ""
        return f"trial {trial.id}: {values}{at} in {trial.outcome.seconds:.1f} s{parent}{best}{outside}"

    def _broken(self, trial: Trial) -> str:
        """The hard limits that a finished trial breaks; empty where it keeps them all."""
        told = [
            f"{limit.metric} {number(trial.metrics[limit.metric])} breaks {limit}"
            for limit in self.progress.view.problem.constraints
            if limit.metric in trial.metrics and limit.violation(trial.metrics) > 0
        ]
        return f"outside the limits: {', '.join(told)}" if told else ""

    def _print(self, line: str, when: float) -> None:
        stamp = time.strftime("%H:%M:%S", time.localtime(when or time.time()))
        self.console.print(f"{stamp} {visible(line)}", markup=False, highlight=False, soft_wrap=True)


def _one_line(text: str, style: str = "") -> Text:
    return Text(visible(text), style=style, no_wrap=True, overflow="ellipsis")


def _mark(phase: Phase) -> Text:
    if phase.seconds is None:
        return Text("▸", style="bold cyan")
    return Text("✗", style="red") if phase.failed else Text("✓", style="green")


def _running(trial: Trial) -> str:
    return f"running, step {number(trial.curve[-1][0])}" if trial.curve else "running"
