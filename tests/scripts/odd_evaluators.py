"""Evaluators that worker processes must survive."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Odd:
    """Does what the decision ``x0`` of the architecture picks from ``acts``."""

    acts: tuple[str, ...]
    metrics: tuple[str, ...] = ("accuracy",)
    simulated: bool = False

    def evaluate(self, architecture, fidelity, context):
        act = self.acts[architecture["x0"]]
        if act == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if act == "exit":
            sys.exit(3)
        if act == "deaf":  # sleeps, longer than any test waits, and never looks whether it should stop
            time.sleep(600)
        if act == "polite":
            while True:
                context.check()
                time.sleep(0.005)
        if act == "interrupt":
            raise KeyboardInterrupt
        if act == "raise":
            raise ValueError("no luck")
        if act == "threads":
            return float(os.environ["OMP_NUM_THREADS"])
        if act == "promoted":
            return float(context.continues and context.parents == (0,))
        context.report(1, {"accuracy": 0.25})
        return 0.5


@dataclass(frozen=True)
class Unbuildable:
    """Exists in the main process only."""

    metrics: tuple[str, ...] = ("accuracy",)
    simulated: bool = False

    def __post_init__(self):
        if multiprocessing.parent_process() is not None:
            raise FileNotFoundError("the data are gone")

    def evaluate(self, architecture, fidelity, context):
        return 0.5


@dataclass(frozen=True)
class Suicidal:
    """Its worker dies while it is being built."""

    metrics: tuple[str, ...] = ("accuracy",)
    simulated: bool = False

    def __post_init__(self):
        if multiprocessing.parent_process() is not None:
            os._exit(7)

    def evaluate(self, architecture, fidelity, context):
        return 0.5
