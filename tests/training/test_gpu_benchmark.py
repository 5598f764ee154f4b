from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), "--no-history", *options],
        capture_output=True,
        text=True,
        env=environment,
    )


@pytest.mark.slow
def test_the_gpu_benchmark_runs_anywhere() -> None:
    done = run("--quick", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    assert {row["format"] for row in results["throughput"]} == {"NCHW", "channels_last"}
    assert all(row["images_per_second"] > 0 for row in results["throughput"])
    assert results["enas"]["step_ms"] > 0
    assert results["final"]["test"]["accuracy"] > 0.5


@pytest.mark.slow
def test_a_device_that_is_unknown_is_one_sentence() -> None:
    done = run("--quick", "--device", "gpu")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: There is no device 'gpu'.")
    assert "Traceback" not in done.stderr
