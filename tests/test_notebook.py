"""What notebooks show: every object that a person gets hold of has a picture or a table of its own, escaped and
self-contained.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archsmith.analysis.leaderboard import Leaderboard
from archsmith.automl.fit_result import FitResult, Row
from archsmith.core.architecture import Architecture
from archsmith.core.budget import Budget
from archsmith.core.problem import Objective, Problem
from archsmith.core.trial import Outcome, Trial
from archsmith.evaluators.functions import FunctionEvaluator
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net
from archsmith.runtime.search import Search, SearchResult
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(1)>"


def assert_harmless(html: str) -> None:
    """Nothing runs, nothing is loaded, and what was escaped is still to be read."""
    assert "<script" not in html and "<img" not in html and "&lt;script&gt;" in html
    assert not re.search(r"(?:src|href)\s*=|url\(\s*['\"]?(?:https?:)?//", re.sub(r"&lt;.*?&gt;", "", html))


@pytest.fixture
def architecture() -> Architecture:
    return Architecture(
        {"stage0/filters": 16, "stage0/kernel": 3, "se": True, "recipe/learning_rate": 0.0123456, "name": ATTACK}
    )


@pytest.fixture
def graph() -> Graph:
    net = Net({"image": (1, 8, 8)})
    with net.scope("stem", "Stem"):
        x = net.op("conv", net.input("image"), filters=4, kernel=3)
    net.output(net.op("linear", net.op("flatten", x), features=2))
    return net.graph()


@pytest.fixture
def result() -> SearchResult:
    search = Search(
        Problem(Flat(), (Objective("score", maximize=True),)),
        RandomSearch(),
        FunctionEvaluator(lambda _: 0.5, metrics=("score",)),
        budget=Budget(trials=3),
    )
    return search.run()


def test_an_architecture_is_a_table_of_decisions(architecture: Architecture) -> None:
    html = architecture._repr_html_()
    assert_harmless(html)
    assert html.count("<tr") == 6 and "stage0/filters" in html and ">yes<" in html and ">0.0123<" in html
    assert "5 decisions" in html and architecture.key in html


def test_a_graph_is_a_drawing_and_says_little_as_text(graph: Graph) -> None:
    assert graph._repr_svg_().startswith("<svg")
    assert repr(graph) == "Graph(4 nodes, 550 parameters, image -> class)"


def test_a_trial_is_a_line_and_a_table(architecture: Architecture) -> None:
    trial = Trial(
        7, architecture, 4.0, parents=(3,), outcome=Outcome.success({"accuracy": 0.951, "params": 12345}, 3.25)
    )
    assert repr(trial) == "Trial(7, ok, accuracy 0.951, params 12,345, fidelity 4, from 3)"
    html = trial._repr_html_()
    assert_harmless(html)
    assert "Trial 7" in html and ">0.951<" in html
    assert_harmless(Trial(8, Architecture(), 4.0, outcome=Outcome.failure(ValueError(ATTACK)))._repr_html_())
    assert repr(Trial(9, architecture, 4.0)) == "Trial(9, pending, fidelity 4)"


def test_a_search_for_several_objectives_shows_its_front() -> None:
    problem = Problem(Flat(), (Objective("accuracy"), Objective(ATTACK, maximize=True)))
    result = Search(problem, RandomSearch(), ToyEvaluator(("accuracy", ATTACK)), budget=Budget(trials=20)).run()
    assert_harmless(result._repr_html_())
    assert f"Front of {len(result.history.front())} trials" in result._repr_html_()
    assert f"{len(result.history.front())} on the front)" in repr(result)


def test_a_search_result_says_why_it_ended(result: SearchResult) -> None:
    assert repr(result).startswith("SearchResult(trials, 3 trials finished, ")
    assert "stopped because: trials" in result._repr_html_() and "Trial 0" in result._repr_html_()


def test_a_leaderboard_is_a_table() -> None:
    assert_harmless(Leaderboard([{"kind": "final", "name": ATTACK, "valid": 0.5, "error": ATTACK}])._repr_html_())


def test_the_result_of_a_job_is_a_card_and_says_little_as_text() -> None:
    result = FitResult(
        study="digits-1",
        stop_reason="seconds",
        seconds=61.5,
        budget_seconds=60.0,
        n_trials=7,
        n_failed=1,
        n_from_mutation=3,
        metric="accuracy",
        metrics={},
        report=None,
        valid=0.98765,
        test=0.98,
        rows=(Row("fixed", 0.98765, 0.98, exported=True), Row("searched", error=ATTACK)),
        architecture={"name": ATTACK},
        params=650,
        macs=640,
        model_dir=ATTACK,
        test_reads=1,
        max_difference=1e-7,
    )
    assert repr(result) == "FitResult(digits-1, accuracy, valid 0.9877, test 0.98, seconds)"
    html = result._repr_html_()
    assert_harmless(html)
    assert "digits-1: test accuracy 0.98" in html and "hand-made network (exported)" in html


# -- with a kernel, where Jupyter is installed -------------------------------------------------------------------------

NOTEBOOK = Path(__file__).resolve().parent / "scripts" / "notebook_cells.py"
RUNNER = """
import json, sys
import nbformat
from nbclient import NotebookClient
cells = open(sys.argv[1], encoding="utf-8").read().split("# %%\\n")[1:]
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


@pytest.mark.slow
@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("ipykernel", "nbclient")),
    reason="Jupyter is not installed: pip install ipykernel nbclient",
)
def test_a_notebook_runs_in_a_real_kernel(tmp_path: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-c", RUNNER, str(NOTEBOOK), str(tmp_path / "done.ipynb")]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr
    notebook: Any = json.loads((tmp_path / "done.ipynb").read_text(encoding="utf-8"))
    shown = [
        {mime: "".join(text) for output in cell["outputs"] for mime, text in output.get("data", {}).items()}
        for cell in notebook["cells"]
    ]
    before, fitted, card, architecture, graph, board = shown
    assert "sk-" in before["text/html"]  # scikit-learn's diagram
    # the display that changed until the end
    assert "done:" in fitted["text/plain"] and "width:100.0%" in fitted["text/html"]
    assert not [output for cell in notebook["cells"] for output in cell["outputs"] if output["output_type"] == "stream"]
    assert "ImageClassifier: test accuracy" in card["text/html"] and "<svg" in card["text/html"]
    assert "decisions" in architecture["text/html"]
    assert graph["image/svg+xml"].startswith("<svg")
    assert "Leaderboard" in board["text/html"]


@pytest.mark.slow
def test_the_guide_runs_from_top_to_bottom(tmp_path: Path, environment: dict[str, str]) -> None:
    page = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "python-and-notebooks.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    code = "\n".join(blocks).replace('time="20m"', 'time="20s", trials=2')
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine.html").is_file() and (tmp_path / "models" / "digits" / "model.onnx").is_file()
