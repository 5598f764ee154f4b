"""When does a wide network pay? It and the hand-made one, each with all of the time.

    python benchmarks/widths.py NAME=DATA [NAME=DATA ...] [--seconds 120,240,480] [--prior]

Both are trained as the final training of a job is: at a constant rate, which falls at the end. Every finished pair is a
line in ``benchmarks/results/widths.jsonl``, and none is made twice. Columns: how natural the pictures are
(``picture_prior.natural``), how many thousands of pictures the hand-made network saw, errors on the validation split in
per cent, and the logarithm of their ratio: below 0 the wide one is ahead. ``--prior`` fits what is known beforehand to
that (see ``fit``), and writes it where it ships, beside what ``races.py --prior`` wrote there before. It needs several
times of photographs and of other pictures. ``--falling`` tries another share of the time in which the rate falls, and
keeps nothing.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import record
from curves import BASELINE_SECONDS, baseline_error

RESULTS = Path(__file__).parent / "results" / "widths.jsonl"
WORKSPACE = Path(__file__).parent / "results" / "workspace" / "data"
PAIR = ("fixed", "wide")
EPOCHS = 200.0  # that a training can use
LEAST_SD = 0.12  # so few sets are no reason to believe in less


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", help="NAME=DATA, anything that archsmith fit takes")
    parser.add_argument("--seconds", default="240")
    parser.add_argument("--falling", type=float, help="share of the time in which the rate falls; nothing is recorded")
    parser.add_argument("--prior", action="store_true")
    options = parser.parse_args()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    print(
        f"{'set':<12} {'seconds':>7} {'natural':>8} {'seen/1000':>10} {'fixed':>7} {'wide':>7} {'log ratio':>10}",
        flush=True,
    )
    rows = known()
    for entry in options.sets:
        name, _, data = entry.partition("=")
        for seconds in map(float, options.seconds.split(",")):
            if options.falling is not None:
                show(measured(name, data, seconds, options.falling))
                continue
            if (name, seconds) not in rows:
                row = measured(name, data, seconds)
                with RESULTS.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
            rows = known()
            show(rows[name, seconds])
    if options.prior:
        fit(list(rows.values()))
    return 0


def known() -> dict[tuple[str, float], dict[str, Any]]:
    """The lines by set and seconds."""
    if not RESULTS.exists():
        return {}
    rows = map(json.loads, RESULTS.read_text(encoding="utf-8").splitlines())
    return {(row["set"], row["seconds"]): row for row in rows}


def show(row: dict[str, Any]) -> None:
    fixed, wide = (100 * row["error"][name] for name in PAIR)
    print(
        f"{row['set']:<12} {row['seconds']:7.0f} {row['natural']:8.2f} {row['seen'] / 1000:10.0f} {fixed:7.2f} "
        f"{wide:7.2f} {math.log(wide / fixed):10.2f}",
        flush=True,
    )


def measured(name: str, data: str, seconds: float, falling: float | None = None) -> dict[str, Any]:
    import torch

    from archsmith.automl import final_training
    from archsmith.automl.final_training import Begun, Candidate, Workshop
    from archsmith.automl.modalities.picture_prior import natural
    from archsmith.automl.modality import modality_of
    from archsmith.automl.settings import FitSettings
    from archsmith.core.architecture import Architecture
    from archsmith.spaces.picture_seeds import seeds
    from archsmith.spaces.pictures import Pictures
    from archsmith.training.recipe import Recipe, decided

    if falling is not None:
        final_training.FALLING = falling
    settings = FitSettings(data=data)
    modality = modality_of(settings)
    splits = modality.load(settings, WORKSPACE, None, lambda *told: None).splits
    probed = modality.probe(splits, torch.device("cpu"), 0, BASELINE_SECONDS)
    space = Pictures.for_task(splits.task, recipe=modality.recipe_space(probed))
    shop = Workshop(modality, splits, torch.device("cpu"))
    baselines = {
        baseline.name: baseline_error(baseline, splits, splits.train, splits.valid)
        for baseline in modality.baselines(splits, settings)
    }
    found = {}
    for seed in PAIR:
        architecture = Architecture(seeds(space)[seed])
        recipe, augmentation = decided(Recipe().sized(len(splits.train)), splits.augmentation(), architecture)
        candidate = Candidate(
            seed, space.graph(architecture), recipe, architecture, space, augmentation, begun=Begun(1)
        )
        with tempfile.TemporaryDirectory() as folder:
            found[seed] = shop.train_in_full(
                candidate,
                seed=1,
                epochs=EPOCHS,
                seconds=seconds,
                folder=Path(folder),
                hurry=lambda: False,
                report=lambda *told: None,
            )
    metric = splits.task.metric
    test = {seed: shop.goal.score(final.outputs(splits.test), splits.test.targets) for seed, final in found.items()}
    return {
        "set": name,
        "seconds": seconds,
        "natural": natural(baselines),
        "seen": found["fixed"].epochs * len(splits.train),
        "rows": len(splits.train),
        "epochs": {seed: round(final.epochs, 2) for seed, final in found.items()},
        "error": {seed: round(1 - final.score.metrics[metric], 5) for seed, final in found.items()},
        "test_error": {seed: round(1 - score.metrics[metric], 5) for seed, score in test.items()},
        "when": time.strftime("%Y-%m-%dT%H:%M:%S"),
    }


def fit(rows: list[dict[str, Any]]) -> None:
    """How the logarithm of the ratio falls with that of how many pictures were seen: on pictures that are not like
    photographs, and how much sooner and faster on those that are. Rows of one set count as one set together.
    """
    from archsmith.automl.modalities.picture_prior import FILE, RECORDED, further, like_photographs

    share = np.array([like_photographs(row["natural"]) for row in rows])
    far = np.array([further(row["seen"]) for row in rows])
    y = np.array([math.log(row["error"]["wide"] / row["error"]["fixed"]) for row in rows])
    sets = np.array([row["set"] for row in rows])
    weights = np.sqrt([1 / np.count_nonzero(sets == name) for name in sets])
    x = np.stack([np.ones(len(rows)), far, share, share * far], axis=1)
    (mean, any_rise, ahead, rise), *_ = np.linalg.lstsq(weights[:, None] * x, weights * y)
    off = y - x @ np.array([mean, any_rise, ahead, rise])
    sd = max(LEAST_SD, float(off.std()))
    print(
        f"log ratio = {mean:.3f} {any_rise:+.3f} far {ahead:+.3f} share {rise:+.3f} share far, far = log(seen / "
        f"{RECORDED}); {len(rows)} rows are off by {off.std():.3f}, of which {sd:.3f} is believed"
    )
    known = json.loads(FILE.read_text(encoding="utf-8"))
    known["levels"]["wide"] = [round(float(mean), 4), 0.0, round(sd, 4)]
    known["unknown"]["wide"] = [round(float(mean), 4), round(sd, 4)]
    known["longer"] = {"wide": [round(float(each), 4) for each in (any_rise, ahead, rise)]}
    FILE.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(record.run(main))
