"""Every example runs, with tiny arguments, as a person would run it; and stays short enough to be read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
ARGUMENTS: dict[str, list[str]] = {
    "ask_tell.py": ["--trials", "12"],
    "draw_zoo.py": ["--out", "drawings", "nasnet_a_cifar"],
    "fit_distances.py": ["--time", "20s", "--out", "bundle", "--workspace", "workspace"],
    "fit_digits.py": ["--time", "20s", "--out", "bundle", "--workspace", "workspace"],
    "fit_table.py": ["--time", "20s", "--out", "bundle", "--workspace", "workspace"],
    "own_evaluator.py": [],
    "own_operation.py": [],
    "own_space.py": ["--trials", "12"],
    "own_strategy.py": [],
    "sklearn_pipeline.py": ["--time", "20s", "--workspace", "workspace"],
}
LEAVES = {
    "draw_zoo.py": "drawings/nasnet_a_cifar.svg",
    "fit_distances.py": "bundle/model.onnx",
    "fit_digits.py": "bundle/model.onnx",
    "fit_table.py": "bundle/model.onnx",
}
TRAIN = ("fit_distances.py", "fit_digits.py", "fit_table.py", "sklearn_pipeline.py")


def test_every_example_is_run() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(ARGUMENTS)


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_an_example_runs(name: str, tmp_path: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *ARGUMENTS[name]]
    if name in TRAIN:
        command[1:3] = []  # scikit-learn's and torch's own warnings are theirs
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert name not in LEAVES or (tmp_path / LEAVES[name]).is_file()


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_an_example_is_under_60_lines_and_says_how_to_run_it(name: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    assert f"python examples/{name}" in text
