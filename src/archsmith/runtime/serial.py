"""Runs trials one after another in this process: the simplest executor, and the only one with exact repeats."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from archsmith.core.errors import UsageError
from archsmith.core.problem import Problem
from archsmith.core.protocols import Evaluator, Job, Message
from archsmith.runtime.run import run


@dataclass
class SerialExecutor:
    """An Executor that evaluates inside ``poll``, one job a call.

    on_message: gets intermediate reports while the job runs. When it is None, they come with the end of the job, and
        are lost with a killed process.
    on_check: is called whenever the evaluator asks whether it should stop. There a loop can look for commands and call
        ``stop``.
    """

    n_workers = 1

    def __post_init__(self) -> None:
        self.on_message: Callable[[Message], object] | None = None
        self.on_check: Callable[[], object] | None = None
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

        messages.append(run(job, self._evaluator, self._problem, report, self._should_stop))
        return messages

    def stop(self) -> None:
        self._stopping = True

    def close(self) -> None:
        self._queue.clear()

    def _should_stop(self) -> bool:
        if self.on_check is not None:
            self.on_check()
        return self._stopping
