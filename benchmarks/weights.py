"""Where the weights of trials should come from: ``archsmith fit`` on Fashion-MNIST with each of the three ways, and
with the plan's own choice.

    python benchmarks/weights.py --space conv_stages --time 10m --seeds 0,1

It uses the official split. ``own``: every trial is trained from scratch. ``inherited``: a child begins with its
parent's weights. ``shared``: trials take their weights from one bank that was trained before. ``enas``: the same with a
controller. ``auto``: the default of ``archsmith fit``. ``--space``: the space that is searched, without it the default
one, in which only networks of one family share weights. Each job runs in its own process; all other settings are
defaults. Two jobs run at a time, each on its own core (``--whole``: one at a time on all cores). The order of the jobs
is reversed for every second seed. Finished jobs are kept in ``benchmarks/results`` and not repeated.

**searched** is the test accuracy of the network of the search. **exported** is that of the exported network: the better
one of it and the fixed network on the validation split.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import jobs
import record

WAYS = {
    "own": ["--weights", "own"],
    "inherited": ["--weights", "inherited"],
    "shared": ["--weights", "shared"],
    "enas": ["--strategy", "enas"],
    "auto": [],
}


def run(way: str, seed: int, data: str, time: str, space: list[str], cores: list[int]) -> dict[str, Any]:
    os.sched_setaffinity(0, cores)
    return jobs.fit(f"weights {way} on {len(cores)}", data, time, seed, *WAYS[way], *space)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=str(jobs.FASHION))
    parser.add_argument("--time", default="10m")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--ways", default="own,inherited,shared,auto", help=f"of {', '.join(WAYS)}")
    parser.add_argument("--space", help="the space that is searched; without it the default one")
    parser.add_argument("--whole", action="store_true", help="one job at a time, on all cores")
    options = parser.parse_args()
    if not Path(options.data).exists():
        print(f"Skipped: {options.data} is not there. Install Debian's dataset-fashion-mnist or give --data.")
        return 0
    cores = sorted(os.sched_getaffinity(0))
    places = [cores] if options.whole else [[core] for core in cores[:2]]
    seeds = [int(seed) for seed in options.seeds.split(",")]
    ways = options.ways.split(",")
    space = [] if options.space is None else ["--space", options.space]
    todo = [(way, seed) for seed in seeds for way in (ways if seed % 2 == 0 else ways[::-1])]
    found: dict[tuple[str, int], dict[str, Any]] = {}
    with ProcessPoolExecutor(len(places), mp_context=multiprocessing.get_context("spawn")) as pool:
        for i in range(0, len(todo), len(places)):
            some = todo[i : i + len(places)]
            running = {
                task: pool.submit(run, *task, options.data, options.time, space, place)
                for task, place in zip(some, places, strict=False)
            }
            for task, job in running.items():
                found[task] = job.result()
                print(
                    f"  {task[0]}, seed {task[1]}: {100 * found[task]['test']:.2f} % after "
                    f"{found[task]['wall_seconds']:.0f} s",
                    file=sys.stderr,
                    flush=True,
                )
    print(
        f"{'weights':<10} {'seed':>4} {'exported %':>10} {'searched %':>10} {'fixed %':>8} {'trials':>7} "
        f"{'params':>9} {'wall s':>7}  stop reason"
    )
    for way in ways:
        searched, exported = [], []
        for seed in seeds:
            result = found[way, seed]
            values = jobs.accuracies(result)
            exported.append(values["exported"])
            searched.append(values["searched"])
            params = next((row["params"] for row in result["rows"] if row["name"] == "searched"), None)
            print(
                f"{way:<10} {seed:>4} {values['exported']:10.2f} {values['searched']:10.2f} {values['fixed']:8.2f} "
                f"{result['n_trials']:7d} "
                f"{params or 0:9,d} {result['wall_seconds']:7.1f}  {result['stop_reason']}"
            )
        print(f"{way:<10} mean {statistics.fmean(exported):10.2f} {statistics.fmean(searched):10.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
