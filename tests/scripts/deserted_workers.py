"""Starts worker processes on a job that never ends, prints their numbers, and waits to be killed."""

from __future__ import annotations

import multiprocessing
import time

from odd_evaluators import Odd

from archsmith.core.architecture import Architecture
from archsmith.core.problem import Problem
from archsmith.core.protocols import Job
from archsmith.runtime.processes import ProcessExecutor
from archsmith.testing.toys import Flat

if __name__ == "__main__":
    executor = ProcessExecutor(2)
    executor.start(Problem(Flat()), Odd(("deaf",)))
    for trial in range(2):
        executor.submit(Job(trial, Architecture({"x0": 0}), 1, 0))
    executor.poll(0.3)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    time.sleep(60)
