"""Laws of stores and executors.

A store is an ordered log with one writer, and outlives a killed process. An executor gives one outcome a job.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from archsmith.core.errors import ArchsmithError, LeaseError
from archsmith.core.events import Event
from archsmith.core.fields import checked, fitted
from archsmith.core.problem import Problem
from archsmith.core.protocols import Evaluator, Executor, Job, Message, Store
from archsmith.testing.need import Broken, keeping, need
from archsmith.testing.toys import Flat, ToyEvaluator

PATIENCE = 60.0  # seconds for workers to start on a loaded machine


@checked
@keeping("store")
def check_store(open_store: Callable[[], Store], *, kill: bool = True) -> None:
    """Raises AssertionError when a store breaks a law of stores.

    ``open_store``: opens the same, still empty, log each time it is called. A store that has no second handle returns
        the same object.
    ``kill``: whether a writing process is killed too. This needs a store that has a folder, and whose class is made
        from that folder alone.
    """
    store = fitted(open_store(), Store, "What open_store gives")
    need(list(store.read()) == [], "order", "a new store is not empty.")
    _refused(lambda: store.append([Event("study")]), "lease", "append() works without the lease.")
    store.acquire()
    try:
        _check_order(store)
        other = open_store()
        if other is not store:
            _refused(other.acquire, "lease", "two writers hold the lease at the same time.")
            _refused(lambda: other.append([Event("study")]), "lease", "append() works for somebody without the lease.")
            need(
                [event.index for event in other.read()] == [0, 1, 2, 3],
                "order",
                "a reader without the lease does not see what was written.",
            )
        other.command("stop", reason="test")
        need(
            store.commands() == [("stop", {"reason": "test"})],
            "commands",
            "a command does not reach the holder of the lease.",
        )
        need(store.commands() == [], "commands", "a command is handed out twice.")
    finally:
        store.release()
    again = open_store()
    again.acquire()
    need(
        again.append([Event("closed")])[0].index == 4,
        "order",
        "numbering does not go on after the lease was given back and taken again.",
    )
    again.release()
    if kill and store.folder is not None:
        _check_killed_writer(store, open_store)


def _refused(action: Callable[[], object], law: str, sentence: str) -> None:
    try:
        action()
    except LeaseError:
        return
    raise Broken(f"{law}: {sentence}")


def _check_order(store: Store) -> None:
    first = store.append(
        [Event("study", {"seed": 1}), Event("of a kind that nobody knows", {"nested": [1, 2.5, None, {"text": "ü"}]})]
    )
    second = store.append([Event("proposed", {"trials": []})])
    third = store.append([Event("closed", {"true": True})])
    written = [*first, *second, *third]
    need(
        [event.index for event in written] == [0, 1, 2, 3],
        "order",
        f"events are numbered {[event.index for event in written]}.",
    )
    need(
        all(abs(event.time - time.time()) < 3600 for event in written),
        "order",
        "events do not carry the time at which they were written.",
    )
    need(list(store.read()) == written, "order", "what is read differs from what append() returned.")
    need(list(store.read(2)) == written[2:], "order", "read(2) does not begin with event 2.")
    need(store.append([]) == [], "order", "appending nothing writes something.")
    try:
        store.append([Event("closed"), Event("broken", {"value": float("nan")})])
    except ArchsmithError:
        need(len(list(store.read())) == 4, "all or nothing", "a part of a refused append() was written.")
    else:
        raise Broken("all or nothing: NaN was written into the log.")


WRITER = """
import sys
from importlib import import_module
from pathlib import Path
from archsmith.core.events import Event
module, cls, folder = sys.argv[1:]
store = getattr(import_module(module), cls)(Path(folder))
store.acquire()
number = 0
while True:
    events = [Event("reported", {"trial": number, "step": 1, "metrics": {}}), Event("reported", {})]
    number = store.append(events)[-1].index
    print(number, flush=True)
"""


def _check_killed_writer(store: Store, open_store: Callable[[], Store]) -> None:
    before = len(list(store.read()))
    command = [sys.executable, "-c", WRITER, type(store).__module__, type(store).__qualname__, str(store.folder)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(20)]
    process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()
    acknowledged += [int(line) for line in process.stdout.read().split("\n")[:-1]]
    process.stdout.close()
    survivor = open_store()
    survivor.acquire()
    indexes = [event.index for event in survivor.read()]
    survivor.release()
    need(indexes == list(range(len(indexes))), "killed writer", "the log has gaps after its writer was killed.")
    need(len(indexes) > acknowledged[-1], "killed writer", f"event {acknowledged[-1]} was acknowledged and is gone.")
    need((len(indexes) - before) % 2 == 0, "killed writer", "half of an append() survived its writer.")


@checked
@keeping("executor")
def check_executor(make: Callable[[], Executor], *, isolated: bool = False) -> None:
    """Raises AssertionError when an executor breaks a law of executors.

    ``make``: makes a new one.
    ``isolated``: whether its workers are processes of their own, so that one may be killed.
    """
    fitted(make(), Executor, "What make gives")
    problem = Problem(Flat())
    outcomes = _run(make, problem, ToyEvaluator(steps=2), n_jobs=6)
    need(
        all(m.outcome is not None and m.outcome.ok for m in outcomes.values()),
        "one outcome",
        "a job without a fault came back as failed.",
    )
    again = _run(make, problem, ToyEvaluator(steps=2), n_jobs=6)
    scores = [
        [m.outcome.metrics if m.outcome else None for _, m in sorted(answers.items())] for answers in (outcomes, again)
    ]
    need(scores[0] == scores[1], "one outcome", "the same jobs came back with other scores.")
    for evaluator, kind in ((ToyEvaluator(fail=1.0), "exception"), (ToyEvaluator(nan=1.0), "nan")):
        for message in _run(make, problem, evaluator, n_jobs=2).values():
            found = message.outcome.error_kind if message.outcome else None
            need(found == kind, "errors are outcomes", f"an evaluation that ends with {kind} came back as {found}.")
    if isolated:
        for message in _run(make, problem, ToyEvaluator(kill=1.0), n_jobs=2).values():
            found = message.outcome.error_kind if message.outcome else None
            need(found == "lost", "lost workers", f"a job whose worker was killed came back as {found}.")
    _check_stop(make, problem)


def _start(make: Callable[[], Executor], problem: Problem, evaluator: Evaluator, n_jobs: int) -> Executor:
    executor = make()
    executor.start(problem, evaluator)
    rng = np.random.default_rng(0)
    for number in range(n_jobs):
        executor.submit(Job(number, problem.space.sample(rng), problem.fidelity.maximum, seed=number))
    return executor


def _ends(executor: Executor, n_jobs: int) -> dict[int, Message]:
    """The last message of each job. Raises AssertionError for any message after it."""
    ends: dict[int, Message] = {}
    until = time.monotonic() + PATIENCE
    while len(ends) < n_jobs:
        need(
            time.monotonic() < until,
            "one outcome",
            f"{n_jobs - len(ends)} of {n_jobs} jobs had no outcome after {PATIENCE:.0f} s.",
        )
        for message in executor.poll(0.2):
            need(message.trial not in ends, "one outcome", f"job {message.trial} was heard of after its outcome.")
            if message.outcome is not None or message.stopped:
                ends[message.trial] = message
    need(executor.poll(0.0) == [], "one outcome", "there are messages after the last outcome.")
    return ends


def _run(make: Callable[[], Executor], problem: Problem, evaluator: Evaluator, n_jobs: int) -> dict[int, Message]:
    executor = _start(make, problem, evaluator, n_jobs)
    try:
        need(
            type(executor.n_workers) is int and executor.n_workers >= 1,
            "declaration",
            f"n_workers is {executor.n_workers!r}.",
        )
        return _ends(executor, n_jobs)
    finally:
        executor.close()
        executor.close()  # closing twice is allowed


def _check_stop(make: Callable[[], Executor], problem: Problem) -> None:
    executor = _start(make, problem, ToyEvaluator(sleep=PATIENCE), n_jobs=1)
    try:
        if executor.n_workers > 1:
            executor.poll(0.5)
        executor.stop()
        began = time.monotonic()
        ends = _ends(executor, 1)
        need(ends[0].stopped, "stop", "a job that was asked to stop came back with an outcome.")
        need(time.monotonic() - began < PATIENCE / 2, "stop", "a job that was asked to stop ran to its end.")
    finally:
        executor.close()
