"""Examples that come one by one go through a network together.

Where the network is idle, an example goes at once. Where it is busy, examples gather until as many are there as one
call takes, or the oldest has waited for the length of the window. A network that answers faster than another thread
could be woken runs in the event loop itself, with all that came in the same turn of the loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
Run = Callable[[Arrays], list[NDArray[Any]]]

FEW_BYTES = 64 * 2**10  # more than this never runs in the event loop
MOST_BYTES = 48_000_000  # of inputs in one call


@dataclass(eq=False)
class Job:
    """Examples of one request that wait for their call.

    ``inputs``: arrays of n rows, by the name of the model's input.
    ``n``: how many examples.
    ``key``: jobs with the same one fit into one call.
    ``n_bytes``: of the inputs.
    ``since``: when it came, on the clock of the loop.
    ``done``: gets the outputs.
    """

    inputs: Arrays
    n: int
    key: tuple[Any, ...]
    n_bytes: int
    since: float
    done: asyncio.Future[list[NDArray[Any]]]


@dataclass(eq=False)
class Batcher:
    """The queue in front of one model. Belongs to one event loop.

    ``run``: one call of the network.
    ``executor``: where calls run.
    ``threads``: most calls at the same time.
    ``batch``: most examples in one call; 1 for a model whose first axis is not known to count examples.
    ``window``: seconds that an example waits for others while the network is busy.
    ``fast``: does a call take less time than waking another thread?
    ``on_call``: is told the number of examples in each call.
    """

    run: Run
    executor: Executor
    threads: int = 1
    batch: int = 32
    window: float = 0.0
    fast: bool = False
    on_call: Callable[[int], None] = lambda n: None
    waiting: deque[Job] = field(default_factory=deque, init=False)
    running: int = field(default=0, init=False)
    _wake: asyncio.Handle | None = field(default=None, init=False)

    async def submit(self, inputs: Arrays, n: int) -> list[NDArray[Any]]:
        """The outputs for n examples, arrays of n rows. Raises what the network raises."""
        loop = asyncio.get_running_loop()
        shapes = tuple((name, array.dtype, array.shape[1:]) for name, array in inputs.items())
        n_bytes = sum(array.nbytes for array in inputs.values())
        job = Job(inputs, n, shapes, n_bytes, loop.time(), loop.create_future())
        self.waiting.append(job)
        if self.fast:
            if self._wake is None:
                self._wake = loop.call_soon(self._turn)
        else:
            self._dispatch(loop)
        return await job.done

    def _turn(self) -> None:
        """Of a fast network: run what came in this turn of the loop."""
        self._wake = None
        loop = asyncio.get_running_loop()
        while self.waiting:
            jobs = self._take()
            if jobs and sum(job.n_bytes for job in jobs) <= FEW_BYTES:
                self._run_here(jobs)
            elif jobs:
                self._start(loop, jobs)

    def _run_here(self, jobs: list[Job]) -> None:
        self.on_call(sum(job.n for job in jobs))
        try:
            outputs = self.run(_joined(jobs))
        except Exception as error:
            _fail(jobs, error)
        else:
            _answer(jobs, outputs)

    def _dispatch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start calls while there are free threads and examples that need not wait."""
        while self.waiting and self.running < self.threads:
            oldest = self.waiting[0]
            if self.running and self.window and self._gathered(oldest.key) < self.batch:
                wait = oldest.since + self.window - loop.time()
                if wait > 0:
                    if self._wake is None:
                        self._wake = loop.call_later(wait, self._woken, loop)
                    return
            jobs = self._take()
            if jobs:
                self._start(loop, jobs)

    def _woken(self, loop: asyncio.AbstractEventLoop) -> None:
        self._wake = None
        self._dispatch(loop)

    def _gathered(self, key: tuple[Any, ...]) -> int:
        return sum(job.n for job in self.waiting if job.key == key)

    def _take(self) -> list[Job]:
        """The oldest job, and those that fit into the same call. Jobs that nobody waits for any more are dropped."""
        taken: list[Job] = []
        left: deque[Job] = deque()
        n = n_bytes = 0
        while self.waiting:
            job = self.waiting.popleft()
            if job.done.done():
                continue
            fits = not taken or (
                job.key == taken[0].key and n + job.n <= self.batch and n_bytes + job.n_bytes <= MOST_BYTES
            )
            if fits:
                taken.append(job)
                n, n_bytes = n + job.n, n_bytes + job.n_bytes
                if n >= self.batch:
                    break
            else:
                left.append(job)
        self.waiting.extendleft(reversed(left))
        return taken

    def _start(self, loop: asyncio.AbstractEventLoop, jobs: list[Job]) -> None:
        self.running += 1
        self.on_call(sum(job.n for job in jobs))
        call = loop.run_in_executor(self.executor, self._call, jobs)
        call.add_done_callback(lambda done: self._finished(loop, jobs, done))

    def _call(self, jobs: list[Job]) -> list[NDArray[Any]]:
        return self.run(_joined(jobs))

    def _finished(
        self, loop: asyncio.AbstractEventLoop, jobs: list[Job], call: asyncio.Future[list[NDArray[Any]]]
    ) -> None:
        self.running -= 1
        error = None if call.cancelled() else call.exception()
        if call.cancelled() or error is not None:
            _fail(jobs, error or RuntimeError("The call was cancelled."))
        else:
            _answer(jobs, call.result())
        self._dispatch(loop)


def _joined(jobs: list[Job]) -> Arrays:
    if len(jobs) == 1:
        return jobs[0].inputs
    return {name: np.concatenate([job.inputs[name] for job in jobs]) for name in jobs[0].inputs}


def _answer(jobs: list[Job], outputs: list[NDArray[Any]]) -> None:
    if len(jobs) == 1:
        if not jobs[0].done.done():
            jobs[0].done.set_result(outputs)
        return
    first = 0
    for job in jobs:
        if not job.done.done():
            job.done.set_result([array[first : first + job.n] for array in outputs])
        first += job.n


def _fail(jobs: list[Job], error: BaseException) -> None:
    for job in jobs:
        if not job.done.done():
            job.done.set_exception(error)
