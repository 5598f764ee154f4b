"""A constant rate that falls at the end, beside one cycle: the same network, augmentation, peak and epochs.

    python benchmarks/schedules.py DATA [--epochs 2] [--seeds 1]

The network is the first one of ``conv_stages``. The constant rate is what trials of a job have. In the last two fifths
it falls to nearly 0, as in a job. Prints validation scores in per cent.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import record


def main() -> int:
    from archsmith.automl.final_training import ANNEALING
    from archsmith.automl.modality import modality_of
    from archsmith.automl.settings import FitSettings
    from archsmith.graphs.network import Network
    from archsmith.spaces.conv_stages import ConvStages
    from archsmith.training.goal import Goal
    from archsmith.training.loop import train
    from archsmith.training.recipe import Recipe

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    settings = FitSettings(data=options.data)
    with tempfile.TemporaryDirectory() as folder:
        splits = modality_of(settings).load(settings, Path(folder), None, lambda *told: None).splits
        space, recipe = ConvStages.for_task(splits.task), Recipe().sized(len(splits.train))
        graph, pipeline = space.graph(space.first()), splits.pipeline(splits.augmentation())
        goal = Goal.of(splits.task, splits.target_statistics)
        print(f"{'seed':>4} {'one cycle':>10} {'constant':>10}")
        for seed in range(options.seeds):
            common = {"goal": goal, "seed": seed, "valid": splits.valid, "measure_every": 10_000}
            cycle = train(Network(graph, seed=seed), splits.train, recipe, pipeline, epochs=options.epochs, **common)
            held, file = recipe.proxy(), Path(folder) / f"{seed}.safetensors"
            share = (1 - ANNEALING) * options.epochs
            train(Network(graph, seed=seed), splits.train, held, pipeline, epochs=share, save_to=file, **common)
            fallen = train(
                Network(graph, seed=seed),
                splits.train,
                held,
                pipeline,
                epochs=options.epochs,
                save_to=file,
                anneal=True,
                **common,
            )
            scores = [100 * found.score.metrics[splits.task.metric] for found in (cycle, fallen) if found.score]
            print(f"{seed:>4} {scores[0]:10.2f} {scores[1]:10.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
