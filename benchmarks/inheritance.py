"""Inheriting weights compared with training every trial from scratch, for the same time, over paired seeds.

    python benchmarks/inheritance.py --time 5m

Both searches of a pair have the same seed, strategy, pictures of Fashion-MNIST and scale. Only
``TrainingEvaluator(inherit=...)`` differs. They run at the same time, each in its own process on its own core, so that
both are slowed down equally. The cores are swapped from pair to pair.

For each search the table shows the number of finished trials, their epochs, the best validation accuracy of a trial
(**best**), and the share that was inherited. An inherited score profits from the training of earlier trials
(**lineage**: epochs that the best trial's oldest weights were trained for). So the architecture with the best score is
also trained **from scratch**, with the same epochs and the recipe's own schedule in all runs. This is the fair
comparison, on the same validation split.

The data are the IDX files of Debian's package ``dataset-fashion-mnist``. Each search is a study below
``benchmarks/results``. A stopped one goes on; a finished one is not repeated. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import jobs
import record
import torch

from archsmith import catalog
from archsmith.analysis.report.inheritance import inheritance_of
from archsmith.core.budget import Budget, parse_seconds
from archsmith.core.problem import Fidelity, Objective, Problem
from archsmith.core.protocols import Context
from archsmith.data.images.load import Loaded, load
from archsmith.evaluators.training import TrainingEvaluator
from archsmith.graphs.network_space import NetworkSpace
from archsmith.runtime.retention import Retention
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import SqliteStore
from archsmith.spaces.conv_stages import ConvStages, ConvStagesScale
from archsmith.spaces.grammar import Grammar, GrammarScale
from archsmith.spaces.recipe import ImageRecipe

SEEDS = {"conv_stages": 5, "grammar": 3}
MODES = ("scratch", "inherit")
RETENTION = Retention(top=20, last=20)  # keeps the files of parents
MAX_MACS = 5_000_000  # of a network of the grammar; conv_stages needs about as many at 8 filters


def space_of(name: str, prepared: Loaded, filters: int) -> NetworkSpace:
    """The space of ``archsmith fit``, at a smaller scale."""
    cls, scale = {
        "conv_stages": (ConvStages, ConvStagesScale(filters=filters)),
        "grammar": (Grammar, GrammarScale(filters=filters, max_macs=MAX_MACS)),
    }[name]
    return cls.for_task(prepared.splits.task, recipe=ImageRecipe(), scale=scale)


def pair(options: argparse.Namespace, pool: ProcessPoolExecutor, space: str, seed: int) -> dict[str, dict[str, Any]]:
    """Both searches of a seed, at the same time."""
    cores = sorted(os.sched_getaffinity(0))
    placed = dict(zip(MODES if seed % 2 == 0 else MODES[::-1], cores, strict=False))
    jobs_of = {mode: pool.submit(run, options, space, mode, seed, placed[mode]) for mode in MODES}
    return {mode: job.result() for mode, job in jobs_of.items()}


def run(options: argparse.Namespace, space: str, mode: str, seed: int, core: int) -> dict[str, Any]:
    """The result of one search and its final training on one core. An earlier result is read from its file."""
    os.sched_setaffinity(0, {core})
    torch.set_num_threads(1)
    prepared = prepared_for(options)
    settings = (
        f"{space}-{options.strategy}-{options.time}-{options.epochs:g}ep-{options.n_train}-{options.filters}f-"
        f"{options.share:g}"
    )
    folder = jobs.RESULTS / "inheritance" / settings / f"{mode}-{seed}"
    kept = folder / f"result-{options.final:g}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    evaluator = TrainingEvaluator(
        space_of(space, prepared, options.filters),
        str(prepared.folder),
        n_train=options.n_train,
        n_valid=options.n_valid,
        inherit=mode == "inherit",
        inherited_epochs=options.share,
    )
    problem = Problem(
        evaluator.space, (Objective("accuracy"),), fidelity=Fidelity("epochs", options.epochs, options.epochs)
    )
    search = Search(
        problem,
        catalog.build(catalog.get("strategy", options.strategy), {}),
        evaluator,
        budget=Budget(seconds=parse_seconds(options.time)),
        seed=seed,
        store=SqliteStore(folder),
        retention=RETENTION,
    )
    found = search.run()
    if found.best is None:
        raise SystemExit(f"No trial of {folder.name} ended well; its log is in {folder}.")
    trials, best = found.history.finished, found.best
    final = None
    if options.final:
        alone = replace(evaluator, inherit=False, anneal=True)
        final = alone.evaluate(
            best.architecture, options.final, Context(0, seed, workspace=folder / f"final-{options.final:g}")
        ).metrics["accuracy"]
    notes = [trial.outcome.notes for trial in trials if trial.outcome is not None and trial.outcome.ok]
    saved = inheritance_of(found.history.trials)
    result = {
        "trials": len(trials),
        "epochs": sum(float(note["epochs"]) for note in notes),
        "best": best.metrics["accuracy"],
        "lineage": best.outcome.notes.get("lineage_epochs", best.outcome.notes["epochs"]),
        "from scratch": final,
        "heirs": 0.0 if saved is None else saved.n / len(trials),
        "share": 0.0 if saved is None else saved.share,
        "lost": 0 if saved is None else saved.n_lost,
    }
    kept.write_text(json.dumps(result, indent=1))
    return result


def prepared_for(options: argparse.Namespace) -> Loaded:
    return load(options.data, jobs.RESULTS / "inheritance" / "data", seed=0)


def shown(space: str, seed: int, mode: str, result: dict[str, Any]) -> str:
    final = "–" if result["from scratch"] is None else f"{100 * result['from scratch']:.2f}"
    return (
        f"{space:>12} {seed:>4} {mode:>8} {result['trials']:>7} {result['epochs']:>7.1f} {100 * result['best']:>7.2f} "
        f"{final:>14} {result['lineage']:>8.1f}"
        f" {100 * result['heirs']:>7.0f} {100 * result['share']:>7.0f} {result['lost']:>5}"
    )


def paired(space: str, pairs: list[dict[str, dict[str, Any]]]) -> str:
    """The difference by inheriting for each pair. There are too few pairs for a statistical test."""
    lines = []
    for name, factor, unit in (("trials", 1, ""), ("best", 100, " points"), ("from scratch", 100, " points")):
        if any(pair[mode][name] is None for pair in pairs for mode in MODES):
            continue
        differences = [factor * (pair["inherit"][name] - pair["scratch"][name]) for pair in pairs]
        each = ", ".join(f"{difference:+.4g}" for difference in differences)
        wins, losses = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
        lines.append(
            f"  {name}: {statistics.fmean(differences):+.2f}{unit} on average ({each}); higher in {wins}, lower in "
            f"{losses} of {len(pairs)}"
        )
    return "\n".join([f"{space}, inherit minus scratch:", *lines])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=str(jobs.FASHION))
    parser.add_argument("--time", default="5m", help="time of one search")
    parser.add_argument("--spaces", default=",".join(SEEDS))
    parser.add_argument("--seeds", type=int, help="number of seeds; default: 5 on conv_stages and 3 on the grammar")
    parser.add_argument("--strategy", default="evolution")
    parser.add_argument("--epochs", type=float, default=2.0, help="fidelity of a trial")
    parser.add_argument("--share", type=float, default=0.5, help="inherited_epochs")
    parser.add_argument("--final", type=float, default=8.0, help="epochs of the final training from scratch; 0: none")
    parser.add_argument("--n-train", type=int, default=10_000)
    parser.add_argument("--n-valid", type=int, default=5_000)
    parser.add_argument("--filters", type=int, default=8)
    options = parser.parse_args()
    if not Path(options.data).exists():
        print(f"Skipped: {options.data} is not there. Install Debian's dataset-fashion-mnist or give --data.")
        return 0
    if len(os.sched_getaffinity(0)) < len(MODES):
        print("Skipped: this needs two cores, one for each search of a pair.")
        return 0
    prepared_for(options)  # read the data once, before two processes use them
    print(
        f"{'space':>12} {'seed':>4} {'mode':>8} {'trials':>7} {'epochs':>7} {'best %':>7} {'from scratch %':>14} "
        f"{'lineage':>8}"
        f" {'heirs %':>7} {'share %':>7} {'lost':>5}",
        flush=True,
    )
    summaries = []
    with ProcessPoolExecutor(len(MODES), mp_context=multiprocessing.get_context("spawn")) as pool:
        for space in options.spaces.split(","):
            pairs = []
            for seed in range(options.seeds or SEEDS[space]):
                pairs.append(pair(options, pool, space, seed))
                for mode in MODES:
                    print(shown(space, seed, mode, pairs[-1][mode]), flush=True)
            summaries.append(paired(space, pairs))
    print("\n".join(summaries))
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
