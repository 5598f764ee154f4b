"""Runs trials in worker processes: spawned, one torch thread each, told what to do in JSON.

A worker gets the specs of problem and evaluator (see ``archsmith.catalog``) and builds its own; architectures go to it
and outcomes come back as JSON texts, never as pickled objects. The executor notices workers that were killed, ends
those that ignore a deadline, and replaces both; a worker whose parent is gone ends itself.
"""

from __future__ import annotations

import atexit
import json
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from archsmith import catalog
from archsmith.core.architecture import Architecture
from archsmith.core.budget import MOST_WORKERS
from archsmith.core.errors import ArchsmithError, EvaluationError, StudyError, UsageError
from archsmith.core.fields import check_from_0, checked
from archsmith.core.problem import Problem
from archsmith.core.protocols import Evaluator, Job, Message
from archsmith.core.trial import Outcome
from archsmith.runtime.run import run
from archsmith.runtime.spawning import spawning

START_SECONDS = 300.0  # for the first worker to import and build its evaluator; torch on a cold disk takes a while
MAX_FAILED_STARTS = 3  # in a row, before workers count as unable to start at all
AT_A_TIME = max(4, os.cpu_count() or 1)  # workers that start together: each imports all that it needs
TICK = 0.25  # seconds between two looks at deadlines and dead workers
Row = Mapping[str, Any]  # one message between parent and worker, as JSON


@checked
@dataclass(eq=False)
class ProcessExecutor:
    """An Executor with spawned worker processes.

    A job whose worker died comes back as a failed outcome of kind ``lost`` with the note ``retryable``.

    n_workers: how many processes, from 1 up.
    n_threads: numeric threads of each, from 1 up.
    grace: a job that ignores its deadline or a request to stop for so many seconds is killed.
    """

    n_workers: int
    n_threads: int = 1
    grace: float = 10.0

    def __post_init__(self) -> None:
        for name in ("n_workers", "n_threads"):
            if not 1 <= getattr(self, name) <= MOST_WORKERS:
                raise UsageError(
                    f"ProcessExecutor.{name} cannot be {getattr(self, name)}.",
                    f"It takes an integer from 1 to {MOST_WORKERS}.",
                )
        check_from_0("ProcessExecutor", grace=self.grace)
        self._workers: list[_Worker] = []
        self._queue: deque[Job] = deque()
        self._ready: list[Message] = []
        self._order = ""
        self._failed_starts = 0
        self._stop_by: float | None = None

    def start(self, problem: Problem, evaluator: Evaluator) -> None:
        """Start the workers and wait for the first. Raises UsageError when they cannot build problem or evaluator."""
        self.close()
        if getattr(multiprocessing.current_process(), "_inheriting", False):
            raise UsageError(
                "A worker process asked for workers of its own while it loaded the main script.",
                'Put the search under: if __name__ == "__main__":',
            )
        order = {
            "space": catalog.to_spec(problem.space),
            "problem": problem.to_dict(),
            "evaluator": catalog.to_spec(evaluator),
            "n_threads": self.n_threads,
        }
        order["modules"] = catalog.admitted(order)
        _refuse_unimportable(order)
        self._order = json.dumps(order)
        self._stop_by, self._failed_starts = None, 0
        # before multiprocessing's own exit handler, which would wait for the workers for ever
        atexit.register(self.close)
        try:
            self._workers = [self._spawn() for _ in range(min(self.n_workers, AT_A_TIME))]
            until = time.monotonic() + START_SECONDS
            while not any(worker.ready for worker in self._workers):
                if time.monotonic() > until:
                    raise StudyError(f"No worker process got ready in {START_SECONDS:.0f} s.")
                self._collect(TICK)
        except BaseException:
            self.close()
            raise

    def submit(self, job: Job) -> None:
        self._queue.append(job)

    def poll(self, seconds: float) -> list[Message]:
        """Raises UsageError or StudyError when no worker can be started any more."""
        until = time.monotonic() + seconds
        while True:
            self._dispatch()
            if not self._ready and (self._queue or any(worker.job for worker in self._workers)):
                self._collect(max(0.0, min(TICK, until - time.monotonic())))
                self._dispatch()
            if (
                self._ready
                or time.monotonic() >= until
                or not (self._queue or any(worker.job for worker in self._workers))
            ):
                messages, self._ready = self._ready, []
                return messages

    def stop(self) -> None:
        self._stop_by = time.monotonic() + self.grace
        for worker in self._workers:
            worker.send({"do": "stop"})

    def close(self) -> None:
        workers, self._workers = self._workers, []
        self._queue.clear()
        self._ready.clear()
        for worker in workers:
            worker.send({"do": "end"})
            if worker.job is not None or not worker.ready:
                worker.process.kill()
        until = time.monotonic() + 2.0
        for worker in workers:
            worker.end(max(0.0, until - time.monotonic()))
            worker.connection.close()
        atexit.unregister(self.close)

    # Below: the life of the workers

    def _spawn(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=True)
        process = context.Process(target=_work, args=(theirs, self._order), name="archsmith-worker")
        with spawning(self.n_threads):
            process.start()
        theirs.close()  # else the pipe would not end with the worker
        return _Worker(process, ours)

    def _dispatch(self) -> None:
        if self._stop_by is not None:
            self._ready.extend(Message(job.trial, stopped=True) for job in self._queue)
            self._queue.clear()
        for worker in self._workers:
            if self._queue and worker.ready and worker.job is None:
                worker.begin(self._queue.popleft())
        starting = sum(not worker.ready for worker in self._workers)
        while starting < min(AT_A_TIME, len(self._queue)) and len(self._workers) < self.n_workers:
            self._workers.append(self._spawn())
            starting += 1

    def _collect(self, seconds: float) -> None:
        """Take what workers have sent, waiting up to ``seconds``; then look after the dead and the late."""
        wait([worker.connection for worker in self._workers], seconds)
        for i, worker in enumerate(self._workers):
            alive = worker.process.is_alive()  # asked before reading: what a worker sent before it died still counts
            for row in worker.received():
                self._take(worker, row)
            if alive:
                self._end_if_late(worker)
                alive = worker.process.is_alive()
            if not alive or worker.broken_pipe:
                self._workers[i] = self._replaced(worker)

    def _take(self, worker: _Worker, row: Row) -> None:
        if "ready" in row:
            worker.ready, self._failed_starts = True, 0
        elif "broken" in row:
            raise UsageError(
                f"A worker process could not build the evaluator: {row['broken']}",
                "It starts from nothing: is everything importable there?",
            )
        elif "outcome" in row:
            worker.job = None
            self._ready.append(Message(row["trial"], Outcome.from_dict(row["outcome"])))
        elif "stopped" in row:
            worker.job = None
            self._ready.append(Message(row["trial"], stopped=True))
        else:
            self._ready.append(Message(row["trial"], step=row["step"], metrics=row["metrics"]))

    def _end_if_late(self, worker: _Worker) -> None:
        if worker.job is None:
            return
        stopped = self._stop_by is not None and time.monotonic() > self._stop_by
        late = worker.job.deadline is not None and time.time() > worker.job.deadline + self.grace
        if not (stopped or late):
            return
        worker.end(0.0)
        for row in worker.received():  # it may have ended well at the last moment
            self._take(worker, row)
        if worker.job is None:
            return
        if stopped:
            self._ready.append(Message(worker.job.trial, stopped=True))
        else:
            self._fail(
                worker,
                EvaluationError(f"The trial ran {self.grace:g} s past its deadline and was killed.", kind="timeout"),
            )
        worker.job = None

    def _replaced(self, worker: _Worker) -> _Worker:
        """A fresh worker for one that is gone; its job, if any, is lost."""
        worker.end(0.0)
        worker.connection.close()
        if worker.job is not None:
            error = EvaluationError(
                f"The worker process died ({_cause(worker.process.exitcode)}).", kind="lost", retryable=True
            )
            self._fail(worker, error, retryable=True)
            worker.job = None
        elif not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= MAX_FAILED_STARTS:
                raise StudyError(
                    f"Worker processes die while they start ({_cause(worker.process.exitcode)}).",
                    'Their messages are above. In a script, put the search under: if __name__ == "__main__":',
                )
        return self._spawn()

    def _fail(self, worker: _Worker, error: EvaluationError, **notes: bool) -> None:
        assert worker.job is not None
        failure = Outcome.failure(error, time.monotonic() - worker.since)
        self._ready.append(
            Message(
                worker.job.trial, Outcome(failure.status, {}, failure.seconds, failure.error, failure.error_kind, notes)
            )
        )


class _Worker:
    """The parent's side of one worker process."""

    def __init__(self, process: Any, connection: Connection) -> None:
        self.process = process
        self.connection = connection
        self.ready = False
        self.broken_pipe = False
        self.job: Job | None = None
        self.since = 0.0

    def begin(self, job: Job) -> None:
        self.job, self.since = job, time.monotonic()
        self.send({"do": "run", "job": _job_to_dict(job)})

    def send(self, row: Row) -> None:
        try:
            self.connection.send_bytes(json.dumps(row).encode())
        except OSError:
            self.broken_pipe = True  # it died; the next look at it finds out

    def received(self) -> Iterator[Row]:
        try:
            while not self.connection.closed and self.connection.poll(0):
                yield json.loads(self.connection.recv_bytes())
        except (EOFError, OSError):
            self.broken_pipe = True

    def end(self, seconds: float) -> None:
        """Wait ``seconds`` for it to go by itself, then make it. The pipe stays readable until a new worker comes."""
        self.process.join(seconds)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _cause(exitcode: int | None) -> str:
    if exitcode is None:
        return "the pipe broke"
    return f"signal {-exitcode}" if exitcode < 0 else f"exit code {exitcode}"


def _refuse_unimportable(order: Any) -> None:
    """Raises UsageError for a class of ``__main__`` when that is no file: a worker could not import it."""
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    if getattr(main, "__spec__", None) is not None or (file is not None and Path(file).exists()):
        return
    for text in _texts(order):
        if text.startswith("__main__:"):
            raise UsageError(
                f"{text.partition(':')[2]} is defined in a notebook or an interactive session, where worker processes "
                "cannot find it.",
                "Move it to a .py file and import it, or use one worker (SerialExecutor).",
            )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _job_to_dict(job: Job) -> dict[str, Any]:
    return {
        "trial": job.trial,
        "architecture": dict(job.architecture),
        "fidelity": job.fidelity,
        "seed": job.seed,
        "deadline": job.deadline,
        "workspace": None if job.workspace is None else str(job.workspace),
        "parents": list(job.parents),
        "prepared": None if job.prepared is None else str(job.prepared),
        "continues": job.continues,
    }


def _job_from_dict(data: Mapping[str, Any]) -> Job:
    workspace, prepared = (None if data[name] is None else Path(data[name]) for name in ("workspace", "prepared"))
    architecture, parents = Architecture(data["architecture"]), tuple(data["parents"])
    return Job(
        data["trial"],
        architecture,
        data["fidelity"],
        data["seed"],
        data["deadline"],
        workspace,
        parents,
        prepared,
        data["continues"],
    )


# Below: the worker's side


def _work(connection: Connection, order_text: str) -> None:
    """The main function of a worker process."""
    sys.stdout = sys.stderr  # what anybody's code prints: standard output is for results, which the parent writes
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it was not born deaf to it
    jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    stopped = threading.Event()
    threading.Thread(target=_listen, args=(connection, jobs, stopped), daemon=True).start()
    sending = threading.Lock()

    def send(row: Row) -> None:
        with sending:
            connection.send_bytes(json.dumps(row).encode())

    try:
        order = json.loads(order_text)
        for module in order["modules"]:
            catalog.admit(module)
        problem = Problem.from_dict(catalog.from_spec(order["space"], "space"), order["problem"])
        evaluator: Evaluator = catalog.from_spec(order["evaluator"], "evaluator")
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(order["n_threads"])
    except Exception as error:
        send({"broken": str(error) if isinstance(error, ArchsmithError) else f"{type(error).__name__}: {error}."})
        return
    send({"ready": os.getpid()})
    with suppress(OSError):  # the parent is gone, and the listener about to end this process
        while (job := jobs.get()) is not None:
            send(_answer(job, evaluator, problem, send, stopped))


def _answer(
    job: Job, evaluator: Evaluator, problem: Problem, send: Callable[[Row], None], stopped: threading.Event
) -> Row:
    if stopped.is_set():
        return {"trial": job.trial, "stopped": True}

    def report(step: float, metrics: Mapping[str, float]) -> None:
        send({"trial": job.trial, "step": step, "metrics": metrics})

    try:
        message = run(job, evaluator, problem, report, stopped.is_set)
    except KeyboardInterrupt:  # no person's: a worker does not hear Ctrl-C
        error = EvaluationError("The evaluator raised KeyboardInterrupt, though nobody interrupted it.")
        failed = Outcome.failure(error)
        return {"trial": job.trial, "outcome": failed.to_dict()}
    if message.outcome is None:
        return {"trial": job.trial, "stopped": True}
    return {"trial": job.trial, "outcome": message.outcome.to_dict()}


def _listen(connection: Connection, jobs: queue.SimpleQueue[Job | None], stopped: threading.Event) -> None:
    """Hear the parent while the main thread works. The end of the pipe is the end of the parent, and of this process at
    once.
    """
    while True:
        try:
            row = json.loads(connection.recv_bytes())
        except (EOFError, OSError):
            os._exit(1)
        if row["do"] == "run":
            jobs.put(_job_from_dict(row["job"]))
        elif row["do"] == "stop":
            stopped.set()
        else:
            jobs.put(None)
