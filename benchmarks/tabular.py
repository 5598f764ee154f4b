"""``archsmith fit`` on tables: the score of each row of the leaderboard, and the bundle at work without torch.

    python benchmarks/tabular.py FOLDER --time 60s --tables adult,abalone,letter,california_housing

FOLDER holds ``<name>.csv.gz`` files whose column ``target`` is learnt. Each table is one job in its own process. The
bundle then predicts the whole file in a process where torch, pandas and scikit-learn cannot be
imported. It prints test scores (accuracy, or R²), the largest difference between the exported network and the trained
one, and the rows a second of that prediction.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import subprocess
import sys
import time
from pathlib import Path

import jobs
import record

TABLES = "adult,abalone,letter,california_housing"
ROWS = ("linear", "boosted", "fixed", "searched")
TORCH_FREE = """
import sys
for name in ("torch", "pandas", "sklearn", "scipy", "onnx"):
    sys.modules[name] = None
from archsmith.cli.main import main
main(sys.argv[1:])
"""


def predicted(bundle: str, table: Path) -> tuple[int, float]:
    """Rows that ``archsmith predict`` gives for a CSV without torch, and the seconds that it takes."""
    plain, out = table.with_suffix(""), table.with_name("predictions.csv")
    with gzip.open(table) as packed, plain.open("wb") as file:
        shutil.copyfileobj(packed, file)
    began = time.perf_counter()
    command = [sys.executable, "-c", TORCH_FREE, "predict", bundle, str(plain), "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    seconds = time.perf_counter() - began
    with out.open(encoding="utf-8") as file:
        return sum(1 for _ in file) - 1, seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--time", default="60s")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tables", default=TABLES)
    options = parser.parse_args()
    if not options.folder.is_dir():
        print(f"Skipped: {options.folder} is not there.")
        return 0
    head = "".join(f"{name:>10}" for name in ROWS)
    print(f"{'table':<20}{'metric':<10}{head}  exported  trials  wall s  difference  rows predicted (rows/s)")
    for name in options.tables.split(","):
        place = jobs.RESULTS / "tabular" / name
        place.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(options.folder / f"{name}.csv.gz", place / f"{name}.csv.gz")
        found = jobs.fit(
            f"tabular-{name}", str(place / f"{name}.csv.gz"), options.time, options.seed, "--target", "target"
        )
        tests = {row["name"]: row["test"] for row in found["rows"]}
        scores = "".join(f"{tests[row]:10.4f}" if tests.get(row) is not None else f"{'-':>10}" for row in ROWS)
        exported = next(row["name"] for row in found["rows"] if row["exported"])
        n, seconds = predicted(found["model_dir"], place / f"{name}.csv.gz")
        print(
            f"{name:<20}{found['metric']:<10}{scores}  {exported:<8}  {found['n_trials']:6d}  "
            f"{found['wall_seconds']:6.1f}  {found['max_difference']:10.1e}  {n:,} ({n / seconds:,.0f})",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
