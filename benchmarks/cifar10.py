"""``archsmith fit`` on CIFAR-10 as a folder of pictures, with the official split: the default strategy and random
search with the same budget, over several seeds.

    python benchmarks/cifar10.py --npz cifar10.npz --time 20m --seeds 0,1

The ``.npz`` holds encoded pictures (``blob``, ``offsets``), ``labels``, ``is_train`` and ``class_names``. They are
unpacked once into class folders below ``benchmarks/results``. ``--folder`` names an unpacked folder instead
(train/<class>/*, test/<class>/*). Finished jobs are kept in ``benchmarks/results`` and not repeated.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import jobs
import numpy as np
import record


def unpacked(npz: Path, folder: Path) -> Path:
    """The pictures of ``npz`` as class folders below ``folder``."""
    done = folder / ".done"
    if done.exists():
        return folder
    with np.load(npz, allow_pickle=False) as data:
        blob, offsets, labels, is_train = data["blob"], data["offsets"], data["labels"], data["is_train"]
        names = [str(name) for name in data["class_names"]]
    for index, (label, training) in enumerate(zip(labels, is_train, strict=True)):
        content = blob[offsets[index] : offsets[index + 1]].tobytes()
        suffix = ".png" if content.startswith(b"\x89PNG") else ".webp" if content[8:12] == b"WEBP" else ".jpg"
        target = folder / ("train" if training else "test") / names[label]
        target.mkdir(parents=True, exist_ok=True)
        (target / f"{index:05d}{suffix}").write_bytes(content)
    done.touch()
    return folder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--npz", type=Path, default=Path("cifar10.npz"))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--time", default="20m")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--strategies", default="graph_gp,random")
    parser.add_argument("extra", nargs="*", help="further options of archsmith fit, after --")
    options = parser.parse_args()
    if options.folder is None and not options.npz.exists():
        print(f"Skipped: {options.npz} is not there. Give --npz or --folder.")
        return 0
    folder = options.folder or unpacked(options.npz, jobs.RESULTS / "cifar10")
    print(
        f"{'strategy':>10} {'seed':>4} {'exported':>9} {'fixed':>9} {'linear':>9} {'searched':>9} {'trials':>7} "
        f"{'wall s':>8}  stop reason",
        flush=True,
    )
    for seed in map(int, options.seeds.split(",")):
        for strategy in options.strategies.split(","):
            result = jobs.fit("cifar10", str(folder), options.time, seed, "--strategy", strategy, *options.extra)
            shown = " ".join(f"{value:9.2f}" for value in jobs.accuracies(result).values())
            print(
                f"{strategy:>10} {seed:>4} {shown} {result['n_trials']:7d} {result['wall_seconds']:8.1f}  "
                f"{result['stop_reason']}",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
