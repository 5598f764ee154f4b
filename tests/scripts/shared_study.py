"""A study of shared weights with a controller, to be killed and run again: `python shared_study.py DATA`, then lines
`FOLDER CHECKPOINTS PART`.

Each line is run in a forked child, which checkpoints after every step. It is killed after so many CHECKPOINTS (2 or
more; 0: never) and a PART of the calls that lie between two of them: a moment that no load of the machine moves. The
child's exit status is printed.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import Any

import torch

from archsmith.core.budget import Budget
from archsmith.core.problem import Problem
from archsmith.oneshot import preparation
from archsmith.oneshot.derived import Derived
from archsmith.oneshot.enas import ControllerSettings
from archsmith.oneshot.evaluator import SharedWeightsEvaluator
from archsmith.oneshot.sharing import SharedRecipe
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import SqliteStore
from archsmith.spaces.nasbench201 import NasBench201, NasBench201Scale
from archsmith.training import checkpoint

SPACE = NasBench201((1, 8, 8), n_outputs=10, scale=NasBench201Scale(filters=4, cells=1))


class Killer:
    """Counts calls, and at its moment kills the process that it lives in."""

    def __init__(self, checkpoints: int, part: float) -> None:
        self.checkpoints, self.part = checkpoints, part
        self.saved = self.calls = 0
        self.last: int | None = None  # the call to die at
        self.save = checkpoint.save
        checkpoint.save = self.saving  # type: ignore[assignment]
        sys.setprofile(self.count)

    def count(self, frame: Any, event: str, argument: Any) -> None:
        self.calls += event in ("call", "c_call")
        if self.last is not None and self.calls >= self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def saving(self, *arguments: Any) -> None:
        self.save(*arguments)
        self.saved += 1
        if self.saved == self.checkpoints:
            self.last = round((1 + self.part) * self.calls)
        elif self.last is None:
            self.calls = 0


def study(folder: str, data: str) -> None:
    preparation.SAVE_SECONDS = 0.0
    evaluator = SharedWeightsEvaluator(
        SPACE,
        data,
        recipe=SharedRecipe(batch_size=32, epochs=3, restarts=1),
        sampler="controller",
        controller=ControllerSettings(units=10, steps=2, batch=3),
        n_train=200,
        n_valid=90,
        candidates=6,
        derived=3,
        precision="float32",
        device="cpu",
    )
    Search(Problem(SPACE), Derived(), evaluator, budget=Budget(trials=10), seed=1, store=SqliteStore(folder)).run()


def main() -> None:
    torch.set_num_threads(1)  # which also lets forked children compute
    for line in sys.stdin:
        folder, checkpoints, part = line.split()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                if int(checkpoints):
                    Killer(int(checkpoints), float(part))
                study(folder, sys.argv[1])
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
