"""A study of shared weights with a controller, to be killed at any moment and run again: `python shared_study.py DATA`, then lines `FOLDER KILL_AFTER`.

Each line is run in a forked child, which checkpoints after every step; KILL_AFTER is seconds or `never`. The child's exit status is printed.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback

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

SPACE = NasBench201((1, 8, 8), 10, scale=NasBench201Scale(filters=4, cells=1))


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
        folder, kill_after = line.split()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                study(folder, sys.argv[1])
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        if kill_after != "never":
            time.sleep(float(kill_after))
            os.kill(child, signal.SIGKILL)  # it is not waited for yet, so the number is still its own even if it has ended
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
