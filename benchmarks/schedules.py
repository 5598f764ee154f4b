"""A constant rate that falls at the end, beside one cycle, and smaller pictures beside full ones: the same network,
augmentation and peak.

    python benchmarks/schedules.py DATA [--network fixed] [--epochs 2] [--seeds 1]

``--network`` is the name of a seed of ``pictures``. The constant rate is what trials of a job have. In the last two
fifths it falls to nearly 0, as in a job that epochs end. *Coarse* has smaller pictures in front of that, as a job has
where they show nearly as much, and as many more epochs as these cost less; what an epoch costs is measured by turns.
Prints validation scores in per cent.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import record


def main() -> int:
    import torch

    from archsmith.automl.final_training import ANNEALING
    from archsmith.automl.modality import modality_of
    from archsmith.automl.settings import FitSettings
    from archsmith.core.architecture import Architecture
    from archsmith.graphs.network import Network
    from archsmith.spaces.picture_seeds import seeds
    from archsmith.spaces.pictures import Pictures
    from archsmith.training.goal import Goal
    from archsmith.training.loop import train
    from archsmith.training.recipe import Recipe, decided
    from archsmith.training.work import Training, measured

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--network", default="fixed")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    settings = FitSettings(data=options.data)
    modality = modality_of(settings)
    with tempfile.TemporaryDirectory() as folder:
        splits = modality.load(settings, Path(folder), None, lambda *told: None).splits
        probed = modality.probe(splits, torch.device("cpu"), 0, None)
        space = Pictures.for_task(splits.task, recipe=modality.recipe_space(probed))
        architecture = Architecture(seeds(space)[options.network])
        recipe, augmentation = decided(Recipe().sized(len(splits.train)), splits.augmentation(**probed), architecture)
        graph, pipeline = space.graph(architecture), splits.pipeline(augmentation)
        goal = Goal.of(splits.task, splits.target_statistics)
        held, cheaper = recipe.proxy(), modality.cheaper(splits, pipeline, graph)
        ours, full = Training(graph, recipe, cheaper), Training(graph, recipe, pipeline)
        cost = 1.0
        if cheaper != pipeline:
            cost = measured(ours, full, splits.train, goal, torch.device("cpu"), work=options.epochs)
        print(f"an epoch of smaller pictures costs {cost:.2f}")
        print(f"{'seed':>4} {'one cycle':>10} {'constant':>10} {'coarse':>10}")
        for seed in range(options.seeds):
            common = {"goal": goal, "seed": seed, "valid": splits.valid, "measure_every": 10_000}

            def falling(first, epochs: float, name: str, seed: int = seed, common=common):  # type: ignore[no-untyped-def]
                file = Path(folder) / f"{name}{seed}.safetensors"
                train(Network(graph, seed=seed), splits.train, held, first, epochs=epochs, save_to=file, **common)
                last = ANNEALING * options.epochs
                return train(
                    Network(graph, seed=seed),
                    splits.train,
                    held,
                    pipeline,
                    epochs=epochs + last,
                    save_to=file,
                    anneal=True,
                    **common,
                )

            at_rate = (1 - ANNEALING) * options.epochs
            cycle = train(Network(graph, seed=seed), splits.train, recipe, pipeline, epochs=options.epochs, **common)
            found = [cycle, falling(pipeline, at_rate, "full"), falling(cheaper, at_rate / cost, "coarse")]
            scores = [100 * each.score.metrics[splits.task.metric] for each in found if each.score]
            print(f"{seed:>4} {scores[0]:10.2f} {scores[1]:10.2f} {scores[2]:10.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
