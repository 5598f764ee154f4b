"""Runs trials one after another in this process: the simplest executor, and the only one with exact repeats."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from archsmith.core.errors import UsageError
from archsmith.core.problem import Problem
from archsmith.core.protocols import Evaluator, Job, Message
from archsmith.runtime.run import run

PATIENCE = 5.0  # seconds in which a trial should have noticed that it is to end


@dataclass
class SerialExecutor:
    """An Executor that evaluates inside ``poll``, one job a call.

    on_message: gets intermediate reports while the job runs. When it is None, they come with the end of the job, and
        are lost with a killed process.
    on_check: is called whenever the evaluator asks whether it should stop. There a loop can look for commands and call
        ``stop``.
    on_silence: gets the id of a trial that goes on for ``PATIENCE`` seconds after its deadline or after ``stop``, once
        and in another thread: its evaluator does not ask whether it should stop, and nothing else can end it.
    """

    n_workers = 1

    def __post_init__(self) -> None:
        self.on_message: Callable[[Message], object] | None = None
        self.on_check: Callable[[], object] | None = None
        self.on_silence: Callable[[int], object] | None = None
        self._running: int | None = None
        self._timer: threading.Timer | None = None
        self._problem: Problem | None = None
        self._evaluator: Evaluator | None = None
        self._queue: deque[Job] = deque()
        self._stopping = False

    def start(self, problem: Problem, evaluator: Evaluator) -> None:
        self._problem, self._evaluator, self._stopping = problem, evaluator, False
        self._queue.clear()

    def submit(self, job: Job) -> None:
        self._queue.append(job)

    def poll(self, seconds: float) -> list[Message]:
        if not self._queue:
            return []
        if self._problem is None or self._evaluator is None:
            raise UsageError("The executor was not started.", "Call start(problem, evaluator) first.")
        job = self._queue.popleft()
        if self._stopping:
            return [Message(job.trial, stopped=True)]
        messages: list[Message] = []

        def report(step: float, metrics: Mapping[str, float]) -> None:
            (self.on_message or messages.append)(Message(job.trial, step=step, metrics=metrics))

        self._running = job.trial
        if job.deadline is not None:
            self._listen(max(0.0, job.deadline - time.time()))
        try:
            messages.append(run(job, self._evaluator, self._problem, report, self._should_stop))
        finally:
            self._running = None
            self._listen(None)
        return messages

    def stop(self) -> None:
        if not self._stopping and self._running is not None:
            self._listen(0.0)
        self._stopping = True

    def _listen(self, seconds: float | None) -> None:
        """Tell of the running trial if it is still running ``PATIENCE`` after so many seconds; None: no more of it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        tell, trial = self.on_silence, self._running
        if seconds is None or tell is None or trial is None:
            return

        def silent() -> None:
            if self._running == trial:
                tell(trial)

        self._timer = threading.Timer(min(seconds + PATIENCE, threading.TIMEOUT_MAX), silent)
        self._timer.daemon = True
        self._timer.start()

    def close(self) -> None:
        self._queue.clear()

    def _should_stop(self) -> bool:
        if self.on_check is not None:
            self.on_check()
        return self._stopping
