"""Learning curves of the seed networks of pictures: what a race sees, and what it cannot see yet.

    python benchmarks/curves.py NAME=DATA [NAME=DATA ...] [--work 16] [--rows 12000]

Every seed trains on every set with the same work, which is counted in epochs of the fixed network. It is scored with
averaged weights after 1/64, 1/32, … and 1/2 of the work at a constant rate; then its rate falls over the last part, and
it is scored at the end. One thread. Baselines are scored first: what they come to is known before a race begins. Each
finished curve is a line in ``benchmarks/results/curves.jsonl``, and none is
made twice. ``benchmarks/races.py`` replays races on these lines.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import record

RESULTS = Path(__file__).parent / "results" / "curves.jsonl"
BASELINE_SECONDS = 20.0  # for the features of each
SCORED = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="+", help="NAME=DATA, anything that archsmith fit takes")
    parser.add_argument("--work", type=float, default=16.0, help="epochs of the fixed network")
    parser.add_argument("--rows", type=int, default=12_000, help="most training pictures")
    parser.add_argument("--seeds", help="names of seed networks; all when left out, none when empty")
    parser.add_argument("--workspace", default="/tmp/archsmith-curves")
    parser.add_argument("--out", default=str(RESULTS))
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    out = Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    for entry in options.sets:
        name, _, data = entry.partition("=")
        record_set(name, data, options, out)
    return 0


def done(out: Path) -> set[tuple[str, str, float]]:
    if not out.exists():
        return set()
    rows = map(json.loads, out.read_text(encoding="utf-8").splitlines())
    return {(row["set"], row["seed"], row["work"]) for row in rows}


def record_set(name: str, data: str, options: argparse.Namespace, out: Path) -> None:
    import torch

    from archsmith.automl.modality import modality_of
    from archsmith.automl.settings import FitSettings
    from archsmith.spaces.picture_seeds import seeds
    from archsmith.spaces.pictures import Pictures
    from archsmith.training.recipe import Recipe

    settings = FitSettings(data=data)
    modality = modality_of(settings)
    splits = modality.load(settings, Path(options.workspace), None, lambda *args: None).splits
    rng = np.random.default_rng(0)
    train = splits.train.take(rng.permutation(len(splits.train))[: options.rows])
    valid = splits.valid.take(rng.permutation(len(splits.valid))[:2000])
    probed = modality.probe(splits, torch.device("cpu"), 0, None)
    space = Pictures.for_task(splits.task, recipe=modality.recipe_space(probed))
    facts = {
        "rows": len(train),
        "valid": len(valid),
        "classes": len(splits.classes),
        "shape": list(space.input_shape),
        "probed": dict(probed),
    }
    chosen = options.seeds.split(",") if options.seeds is not None else None
    for baseline in modality.baselines(splits, settings):
        if (name, baseline.name, options.work) not in done(out):
            row = {"set": name, "seed": baseline.name, "work": options.work, **facts}
            write(row | {"error_rate": baseline_error(baseline, splits, train, valid)}, out)
    for seed, architecture in seeds(space).items():
        if (name, seed, options.work) in done(out) or (chosen is not None and seed not in chosen):
            continue
        row = {"set": name, "seed": seed, "family": architecture["family"], "work": options.work, **facts}
        recipe = Recipe().sized(len(train))
        try:
            row |= curve(space, architecture, recipe, splits, train, valid, options.work)
        except Exception as error:  # one that diverges is a finding, too
            row["error"] = f"{type(error).__name__}: {error}"
        write(row, out)


def write(row: dict[str, Any], out: Path) -> None:
    with out.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row), flush=True)


def baseline_error(baseline, splits, train, valid):  # type: ignore[no-untyped-def]
    """What the baseline lacks to a score of 1 on the validation split."""
    from archsmith.automl.modality import NetworkBaseline
    from archsmith.graphs.network import Network
    from archsmith.training.goal import Goal
    from archsmith.training.loop import train as train_loop
    from archsmith.training.measure import evaluate

    goal = Goal.of(splits.task, splits.target_statistics)
    if isinstance(baseline, NetworkBaseline):
        network = Network(baseline.graph, seed=1)
        epochs = max(1.0, baseline.steps * 128 / len(train))
        train_loop(network, train, baseline.recipe, splits.pipeline(), goal=goal, seed=1, epochs=epochs, seconds=20.0)
    else:
        network = baseline.fit(train, 1, BASELINE_SECONDS).network
    return round(1 - evaluate(network, valid, splits.pipeline(), goal).metrics[splits.task.metric], 5)


def curve(space, architecture, recipe, splits, train, valid, work):  # type: ignore[no-untyped-def]
    import torch

    from archsmith.automl.final_training import ANNEALING
    from archsmith.core.architecture import Architecture
    from archsmith.graphs.network import Network
    from archsmith.training.goal import Goal
    from archsmith.training.loop import train as train_loop
    from archsmith.training.recipe import decided
    from archsmith.training.work import Training, measured

    goal = Goal.of(splits.task, splits.target_statistics)
    first = space.first()
    fixed_recipe, fixed_augmentation = decided(recipe, splits.augmentation(), first)
    fixed = Training(space.graph(first), fixed_recipe, splits.pipeline(fixed_augmentation))
    ours_recipe, augmentation = decided(recipe, splits.augmentation(), Architecture(architecture))
    graph, pipeline = space.graph(architecture), splits.pipeline(augmentation)
    cost = measured(Training(graph, ours_recipe, pipeline), fixed, train, goal, torch.device("cpu"), work=work)
    hold = ours_recipe.proxy()
    points, losses, began = [], [], time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for share in (*SCORED, 1 - ANNEALING, 1.0):
            network = Network(graph, seed=1)
            trained = train_loop(
                network,
                train,
                hold,
                pipeline,
                goal=goal,
                seed=1,
                valid=valid,
                epochs=share * work / cost,
                anneal=share == 1.0,
                save_to=Path(folder) / "curve.safetensors",
                measure_every=10_000,
            )
            assert trained.score is not None
            points.append({"work": share * work, **{k: round(v, 5) for k, v in trained.score.metrics.items()}})
            losses.append([metrics.get("train_loss") for _, metrics in trained.curve][-1])
    return {
        "cost": round(cost, 4),
        "points": points,
        "train_losses": losses,
        "seconds": round(time.perf_counter() - began, 1),
        "recipe": dataclasses.asdict(augmentation),
    }


if __name__ == "__main__":
    sys.exit(record.run(main))
