"""Does the search pay? What ``archsmith fit`` exports, beside the hand-made network alone with all of the time.

    python benchmarks/pays.py --sets FOLDER [--only digits,fashion] [--times 2m,10m] [--seeds 0] [--extra …]

``FOLDER`` holds data sets as ``archsmith fit`` takes them: ``NAME.npz`` files and folders of class folders. The
handwritten digits, and Fashion-MNIST where Debian's package is installed, need none. Each job runs in its own process
and is kept in ``benchmarks/results``; so the command can be stopped and started again. *Alone* is the residual network
of ``conv_stages`` with its recipe of version 0.1 (one cycle, shifts of 4 %). It is trained for the whole budget but the
seconds that reading takes and ten for an export. Columns: test scores in per cent, the exported network's row, how much
it is ahead, the exported network and the best other row on the validation split, trials, and wall seconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import jobs
import record

from archsmith.core.budget import parse_seconds

EXPORTING = 10.0  # seconds that a job with the hand-made network alone needs behind its training


def alone(label: str, data: str, budget: str, seed: int) -> float:
    """Test score in per cent of the hand-made network alone."""
    kept = jobs.RESULTS / f"alone-{label}-{budget}-{seed}.json"
    if not kept.exists():
        jobs.RESULTS.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, __file__, "--child", data, "--times", budget, "--seeds", str(seed)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        kept.write_text(done.stdout.strip().splitlines()[-1])
    return 100 * float(json.loads(kept.read_text())["test"])


def child(data: str, budget: str, seed: int) -> None:
    """Train the hand-made network for the budget and print its scores as JSON."""
    from archsmith.automl.modality import modality_of
    from archsmith.automl.settings import FitSettings
    from archsmith.graphs.network import Network
    from archsmith.spaces.conv_stages import ConvStages
    from archsmith.training.goal import Goal
    from archsmith.training.loop import train
    from archsmith.training.measure import evaluate
    from archsmith.training.recipe import Recipe

    began = time.monotonic()
    settings = FitSettings(data=data, seed=seed)
    splits = modality_of(settings).load(settings, jobs.RESULTS / "workspace" / "data", None, lambda *told: None).splits
    space, recipe = ConvStages.for_task(splits.task), Recipe().sized(len(splits.train))
    network, goal = Network(space.graph(space.first()), seed=seed), Goal.of(splits.task, splits.target_statistics)
    pipeline = splits.pipeline(splits.augmentation())
    epochs = 200.0 if len(splits.train) < 10_000 else 100.0
    seconds = parse_seconds(budget) - EXPORTING - (time.monotonic() - began)
    trained = train(
        network,
        splits.train,
        recipe,
        pipeline,
        goal=goal,
        seed=seed,
        valid=splits.valid,
        epochs=epochs,
        seconds=seconds,
        measure_every=10,
    )
    assert trained.score is not None
    metric = splits.task.metric
    test = evaluate(network, splits.test, splits.pipeline(), goal).metrics[metric]
    print(json.dumps({"test": test, "valid": trained.score.metrics[metric], "epochs": trained.epochs}))


def sets_in(folder: Path | None) -> dict[str, str]:
    """Data by name."""
    found = {"digits": "digits"}
    if jobs.FASHION.exists():
        found["fashion"] = str(jobs.FASHION)
    if folder is not None:
        for place in sorted(folder.iterdir()):
            if place.suffix == ".npz" or place.is_dir():
                found[place.stem] = str(place)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--times", default="2m,10m")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("extra", nargs="*", help="further options of archsmith fit, after --")
    options = parser.parse_args()
    if options.child is not None:
        child(options.child, options.times, int(options.seeds))
        return 0
    if options.sets is not None and not options.sets.is_dir():
        print(f"Skipped: {options.sets} is not there.")
        return 0
    sets, only = sets_in(options.sets), [name for name in options.only.split(",") if name]
    print(
        f"{'set':<10} {'time':>5} {'seed':>4} {'exported':>9} {'row':<10} {'alone':>7} {'ahead':>7} {'linear':>7} "
        f"{'valid':>7} {'others':>7} {'trials':>6} {'wall s':>7}",
        flush=True,
    )
    ahead: dict[tuple[str, str], list[float]] = {}
    for name, data in sets.items():
        if only and name not in only:
            continue
        for budget in options.times.split(","):
            for seed in map(int, options.seeds.split(",")):
                result = jobs.fit(f"pays-{name}", data, budget, seed, *options.extra)
                other = alone(name, data, budget, seed)
                rows = {row["name"]: row for row in result["rows"]}
                exported = next(row for row in result["rows"] if row["exported"])
                others = [row["valid"] for row in rows.values() if row["valid"] is not None and not row["exported"]]
                linear = 100 * (rows["linear"]["test"] or 0.0) if "linear" in rows else float("nan")
                gain = 100 * result["test"] - other
                ahead.setdefault((name, budget), []).append(gain)
                print(
                    f"{name:<10} {budget:>5} {seed:>4} {100 * result['test']:9.2f} {exported['name']:<10} {other:7.2f} "
                    f"{gain:+7.2f} {linear:7.2f} {100 * exported['valid']:7.2f} "
                    f"{100 * max(others, default=float('nan')):7.2f} {result['n_trials']:6d} "
                    f"{result['wall_seconds']:7.1f}",
                    flush=True,
                )
    means = {key: statistics.mean(gains) for key, gains in ahead.items()}
    print(
        f"ahead in {sum(gain > 0 for gain in means.values())} of {len(means)}; "
        f"behind by more than 0.3 points in {sum(gain < -0.3 for gain in means.values())}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
