"""Runs ``archsmith fit`` for benchmarks, each job once in its own process, and keeps its result.

Results are in ``benchmarks/results``. A job with a result is not run again, so that a benchmark can be stopped and
started again.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
FASHION = Path("/usr/share/datasets/fashion-mnist")  # Debian's package dataset-fashion-mnist


def fit(label: str, data: str, budget: str, seed: int, *options: str) -> dict[str, Any]:
    """The JSON result of one job, with ``wall_seconds`` of the whole process."""
    name = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join([label, budget, *options])).strip("-")
    kept = RESULTS / f"{name}-{seed}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    RESULTS.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "archsmith", "fit", data, "--time", budget, "--seed", str(seed), "--json"]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "--workspace", str(RESULTS / "workspace"), *options], stdout=subprocess.PIPE, text=True, check=True
    )
    result = {**json.loads(done.stdout.strip().splitlines()[-1]), "wall_seconds": time.monotonic() - began}
    kept.write_text(json.dumps(result, indent=1))
    return result


def accuracies(result: dict[str, Any]) -> dict[str, float]:
    """Test accuracies in per cent of the exported network and of the compared networks; NaN if there is none."""
    rows = {row["name"]: 100 * row["test"] for row in result["rows"] if row["test"] is not None}
    return {
        "exported": 100 * result["test"],
        **{name: rows.get(name, float("nan")) for name in ("fixed", "linear", "searched")},
    }
