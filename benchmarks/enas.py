"""Does ENAS find good cells, and in how much time? It searches with shared weights, then trains the derived cells and
others from scratch.

    python benchmarks/enas.py

The data are Fashion-MNIST (Debian's package ``dataset-fashion-mnist``) at 14 × 14 pixels. 8,000 pictures train. The
validation split has 5,000 and gives rewards and scores. The 10,000 test pictures compare the trained networks. Every
job runs on one core with one thread, so that all seconds can be compared. Two jobs run at the same time, on two cores.

**micro**: five cells of 8 filters (3 + 2 reductions) with five nodes each. The controller and the weights are trained
in turns for ``--epochs`` epochs. 100 samples of the controller are scored on a minibatch, and the best 10 on the
validation split. The best of these is the derived cell. Then 20 pairs of cells are trained from scratch in the same way
(final form, ``--final`` epochs, the library's default recipe): the derived one, 12 random ones, and 7 samples of the
trained controller. The derived one and 5 of the random ones are also trained with a second seed. It prints:

* the seconds of the search, and the seconds to train all sampled networks, estimated from those that were trained;
* Spearman's rank correlation between the score by shared weights (validation split) and the test accuracy after
  training from scratch, with a 95 % interval (percentiles of 10,000 bootstrap samples of cells);
* the derived cell compared with the random ones.

**macro**: 12 layers of 8 filters, searched in the same way. The derived network is trained once in its final form, and
one random network beside it.

Finished jobs are kept in ``benchmarks/results`` and not repeated. A stopped job goes on.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jobs
import numpy as np
import record
import torch
from tables import ranks

from archsmith.analysis.axes import Axis, axis, percent
from archsmith.analysis.charts import NARROW, Ends, Line, plot
from archsmith.analysis.comparison.curves import by_itself
from archsmith.core.architecture import Architecture
from archsmith.core.budget import Budget
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context
from archsmith.core.seeds import derive, generator
from archsmith.data.images.load import load
from archsmith.data.stored import opened, split_of
from archsmith.graphs.network import Network
from archsmith.graphs.network_space import NetworkSpace
from archsmith.oneshot.derived import Derived
from archsmith.oneshot.enas import ControllerSettings, ControllerTraining
from archsmith.oneshot.evaluator import SharedWeightsEvaluator
from archsmith.oneshot.preparation import FILE
from archsmith.oneshot.sharing import SharedRecipe, sharing_form
from archsmith.runtime.search import Search
from archsmith.runtime.sqlite import SqliteStore
from archsmith.spaces.enas_macro import EnasMacro, EnasMacroScale
from archsmith.spaces.enas_micro import EnasMicro, EnasMicroScale
from archsmith.training import checkpoint
from archsmith.training.goal import Goal
from archsmith.training.loop import train
from archsmith.training.measure import evaluate
from archsmith.training.recipe import Recipe

SIDE, N_TRAIN = 14, 8_000
SPACES: dict[str, NetworkSpace] = {
    "micro": EnasMicro((1, SIDE, SIDE), n_outputs=10, scale=EnasMicroScale(filters=8, layers=3)),
    "macro": EnasMacro((1, SIDE, SIDE), n_outputs=10, scale=EnasMacroScale(filters=8)),
}
FINAL_FORM = {
    "micro": SPACES["micro"],
    "macro": replace(SPACES["macro"], scale=EnasMacroScale(filters=8, grow=True, skips="concat")),
}
CONTROLLER = ControllerSettings(steps=5, batch=10)  # 50 samples after an epoch that is shorter than the paper's
DERIVED, CANDIDATES = 10, 100
N_RANDOM, N_MORE, N_POLICY = 5, 7, 7
SAMPLES = 10_000  # of the bootstrap


@dataclass(frozen=True)
class Place:
    """Folders and settings.

    ``data``: folder of the stored splits.
    ``results``: folder of the results with these settings.
    ``epochs``: of the shared weights.
    ``final``: epochs of a training from scratch.
    """

    data: str
    results: Path
    epochs: float
    final: float


def on_core(core: int) -> None:
    """Make this process use one core and one thread."""
    os.sched_setaffinity(0, {core})
    torch.set_num_threads(1)


def evaluator_of(place: Place, name: str) -> SharedWeightsEvaluator:
    return SharedWeightsEvaluator(
        SPACES[name],
        place.data,
        recipe=SharedRecipe(epochs=place.epochs, restarts=4),
        sampler="controller",
        controller=CONTROLLER,
        candidates=CANDIDATES,
        derived=DERIVED,
        n_train=N_TRAIN,
        device="cpu",
    )


def searched(place: Place, name: str, core: int) -> dict[str, Any]:
    """The result of one search: its notes, its trials, and samples of the trained controller."""
    on_core(core)
    kept = place.results / f"{name}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    evaluator, store = evaluator_of(place, name), SqliteStore(place.results / name)
    began = time.perf_counter()
    found = Search(Problem(evaluator.space), Derived(), evaluator, budget=Budget(trials=DERIVED), store=store).run()
    print(f"{name}: searched, {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    assert found.best is not None and found.history.prepared is not None
    notes = dict(found.history.prepared)
    trials = [
        {"architecture": dict(t.architecture), "score": t.metrics["accuracy"], "seconds": t.outcome.seconds}
        for t in found.history.finished
        if t.outcome
    ]
    found_file = checkpoint.load(place.results / name / "prepared" / FILE)
    assert found_file is not None
    controller = ControllerTraining(sharing_form(evaluator.space), CONTROLLER, 0)
    controller.load(found_file[1]["sampler"], checkpoint.part(found_file[0], "sampler/"))
    policy = [dict(controller.draw(10**6 + i)) for i in range(N_POLICY)]
    random = [dict(evaluator.space.sample(generator(0, "random cell", i))) for i in range(N_RANDOM + N_MORE)]
    scores = {}
    for row in [*policy, *random]:
        architecture = Architecture(row)
        scores[architecture.to_json()] = evaluator.evaluate(
            architecture, 1, Context(0, 0, prepared=place.results / name / "prepared")
        ).metrics["accuracy"]
    scores |= {Architecture(trial["architecture"]).to_json(): trial["score"] for trial in trials}
    events = [
        {"epoch": event.data["step"], **event.data["metrics"]} for event in store.read() if event.kind == "preparing"
    ]
    course = [
        {key: m[key] for key in ("epoch", "seconds", "reward", "baseline", "entropy")} for m in events if "reward" in m
    ]
    result = {"notes": notes, "trials": trials, "policy": policy, "random": random, "scores": scores, "course": course}
    kept.write_text(json.dumps(result))
    return result


def from_scratch(place: Place, name: str, decisions: dict[str, Any], seed: int, core: int) -> dict[str, Any]:
    """One network in its final form, trained in full: test accuracy, seconds of the training, parameters."""
    on_core(core)
    architecture = Architecture(decisions)
    space = FINAL_FORM[name]
    kept = place.results / f"{name}-trained" / f"{space.identity(architecture)}-{seed}-{place.final:g}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    splits = opened(place.data)
    network = Network(space.graph(architecture), seed=derive(seed, "weights"))
    goal = Goal.of(splits.task, splits.target_statistics)
    began = time.perf_counter()
    train(
        network,
        split_of(place.data, "train", N_TRAIN),
        Recipe(),
        splits.pipeline(splits.augmentation()),
        goal=goal,
        seed=derive(seed, "training"),
        epochs=place.final,
    )
    seconds = time.perf_counter() - began
    result = {
        "test": evaluate(network, splits.test, splits.pipeline(), goal).metrics["accuracy"],
        "seconds": seconds,
        "params": sum(parameter.numel() for parameter in network.parameters()),
    }
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(result))
    return result


def side_by_side(pool: ProcessPoolExecutor, tasks: Iterable[Callable[[int], Any]]) -> list[Any]:
    """The results of ``tasks``. A task gets the core to run on; two run at a time."""
    tasks, cores = list(tasks), sorted(os.sched_getaffinity(0))[:2]
    results: list[Any] = []
    for i in range(0, len(tasks), len(cores)):
        running = [pool.submit(task, core) for task, core in zip(tasks[i : i + len(cores)], cores, strict=False)]
        results += [job.result() for job in running]
        print(f"  {len(results)} of {len(tasks)}", file=sys.stderr, flush=True)
    return results


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    a, b = ranks(a), ranks(b)
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else float("nan")


def interval(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    rng = generator(0, "bootstrap")
    drawn = (rng.integers(len(a), size=len(a)) for _ in range(SAMPLES))
    low, high = np.nanpercentile([spearman(a[each], b[each]) for each in drawn], [2.5, 97.5])
    return float(low), float(high)


def best_of(found: dict[str, Any]) -> dict[str, Any]:
    """The derived architecture: the trial with the best score on the validation split."""
    return max(found["trials"], key=lambda trial: trial["score"])["architecture"]


def show_search(name: str, found: dict[str, Any]) -> float:
    """Print the search; returns its seconds, derivation included."""
    notes, course = found["notes"], found["course"]
    seconds = notes["seconds"] + sum(trial["seconds"] for trial in found["trials"])
    print(
        f"\n{name}: {notes['epochs']:g} epochs of {N_TRAIN:,} pictures, {notes['steps']} steps of weights, "
        f"{notes['controller_steps']} of the controller"
    )
    print(
        f"  reward {course[0]['reward']:.3f} -> {course[-1]['reward']:.3f}, baseline {course[-1]['baseline']:.3f}, ",
        end="",
    )
    print(
        f"entropy of a decision {course[0]['entropy']:.3f} -> {course[-1]['entropy']:.3f} nats; {notes['keys']} keys, "
        f"{notes['params']:,} parameters"
    )
    print(f"  derived: {json.dumps(best_of(found))}")
    return seconds


def show_micro(place: Place, found: dict[str, Any], pool: ProcessPoolExecutor) -> None:
    seconds, derived, random = show_search("micro", found), best_of(found), found["random"]
    cells = [derived, *random, *found["policy"]]
    twice = [derived, *random[:N_RANDOM]]
    runs = [(cell, 0) for cell in cells] + [(cell, 1) for cell in twice]
    trained = side_by_side(pool, [partial(from_scratch, place, "micro", cell, seed) for cell, seed in runs])
    first, second = trained[: len(cells)], trained[len(cells) :]
    score = np.array([found["scores"][Architecture(cell).to_json()] for cell in cells])
    test = np.array([row["test"] for row in first])
    n_samples = found["notes"]["controller_steps"] * CONTROLLER.batch
    each = statistics.fmean(row["seconds"] for row in trained)
    print(
        f"  search: {seconds:.0f} s; {n_samples:,} samples of the controller, each trained for {place.final:g} epochs "
        f"({each:.1f} s): {n_samples * each:,.0f} s, "
    )
    print(f"    {n_samples * each / seconds:.0f} times as long")
    kinds = ["derived"] + ["random"] * N_RANDOM + ["more random"] * N_MORE + ["policy"] * N_POLICY
    for kind, s, row in sorted(zip(kinds, score, first, strict=True), key=lambda item: -item[2]["test"]):
        print(
            f"    {kind:<10} shared {100 * s:6.2f} %   from scratch {100 * row['test']:6.2f} %   {row['params']:,} "
            "parameters"
        )
    params = np.array([row["params"] for row in first])
    for what, values in (("shared-weight score", score), ("number of parameters", params)):
        low, high = interval(values, test)
        print(
            f"  rank correlation of {what} and test accuracy over {len(cells)} cells: {spearman(values, test):.2f} "
            f"({low:.2f} to {high:.2f})"
        )
    both = [100 * (a["test"] + b["test"]) / 2 for a, b in zip(first, second, strict=False)]
    ours, others = both[0], both[1:]
    gap = [100 * abs(a["test"] - b["test"]) for a, b in zip(first, second, strict=False)]
    print(
        f"  derived {ours:.2f} %, {N_RANDOM} random ones {statistics.fmean(others):.2f} % on average, best "
        f"{max(others):.2f} % (means of two seeds,",
        end="",
    )
    print(f" which differ by {statistics.fmean(gap):.2f} points on average)")
    for kind in ("random", "policy"):
        values = [100 * row["test"] for k, row in zip(kinds, first, strict=True) if k.startswith(kind)]
        print(f"  seed 0: {len(values)} {kind} cells {statistics.fmean(values):.2f} ± {statistics.stdev(values):.2f} %")


def show_macro(place: Place, found: dict[str, Any], pool: ProcessPoolExecutor) -> None:
    seconds = show_search("macro", found)
    pair = [best_of(found), found["random"][0]]
    ours, other = side_by_side(pool, [partial(from_scratch, place, "macro", architecture, 0) for architecture in pair])
    print(
        f"  search and derivation {seconds:.0f} s; from scratch {ours['seconds']:.0f} s, {ours['params']:,} "
        f"parameters: {100 * ours['test']:.2f} %"
    )
    print(f"  one random network beside it: {other['params']:,} parameters, {100 * other['test']:.2f} %")


def draw(found: dict[str, Any], file: Path) -> None:
    """Draw the rewards of the controller's samples over the epochs."""
    # the last report of each turn
    turns = {row["epoch"]: row for row in found["course"] if float(row["epoch"]).is_integer()}
    reward, base = ([(epoch, row[name]) for epoch, row in turns.items()] for name in ("reward", "baseline"))
    x = Axis("epochs of the shared weights", 0.0, max(turns))
    y = axis("accuracy on minibatches of the validation split", [value for _, value in (*reward, *base)], show=percent)
    names = Ends([(reward[-1][1], "ten samples", "s1"), (base[-1][1], "baseline", "s0")])
    layers = [Line(reward, "s1"), Line(base, "s0", dashed=True), names]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        by_itself(plot(NARROW, x, y, layers, "rewards of the controller over the epochs")), encoding="utf-8"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=str(jobs.FASHION))
    parser.add_argument(
        "--epochs", type=float, default=31, help="epochs of the shared weights: five cycles of 1, 2, 4, 8 and 16"
    )
    parser.add_argument("--final", type=float, default=4, help="epochs of a training from scratch")
    parser.add_argument("--search-only", action="store_true")
    parser.add_argument("--picture", type=Path, help="SVG file for the rewards of the micro search")
    options = parser.parse_args()
    if not Path(options.data).exists() or len(os.sched_getaffinity(0)) < 2:
        print(
            f"Skipped: this needs two cores and {options.data}. Install Debian's dataset-fashion-mnist or give --data."
        )
        return 0
    root = jobs.RESULTS / "enas"
    data = str(load(options.data, root / "data", seed=0, side=SIDE).folder)
    place = Place(data, root / f"{options.epochs:g}-epochs", options.epochs, options.final)
    place.results.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        micro, macro = side_by_side(pool, [partial(searched, place, name) for name in SPACES])
        if options.picture is not None:
            draw(micro, options.picture)
        if not options.search_only:
            show_micro(place, micro, pool)
            show_macro(place, macro, pool)
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
