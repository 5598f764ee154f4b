"""The tables of ``archsmith compare``, of comparisons that are made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from archsmith.analysis.comparison.across import across
from archsmith.analysis.comparison.compare import compare
from archsmith.analysis.comparison.compared import Compared
from archsmith.cli.compared import show, show_across
from archsmith.runtime.comparison import Plan, Run, Step

SPEC = {"type": "toy_flat", "args": {}}
PROBLEM = {"objectives": [["accuracy", True]], "constraints": [], "fidelity": ["epochs", 1, 1]}


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Compared:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    values = {"random": [0.5] * 8, "evolution": [0.51 + 0.001 * seed for seed in range(8)]}
    plan = Plan("digits", SPEC, SPEC, PROBLEM, dict.fromkeys(values, SPEC), ("accuracy",), 8, trials=10)
    runs = [
        Run(label, seed, 10, 0, 60.0, 0.5, "trials", steps, steps)
        for label, each in values.items()
        for seed, value in enumerate(each)
        for steps in [(Step(1, 6.0, ((value,),)),)]
    ]
    return compare(plan, runs)


def test_a_test_is_one_line_of_a_narrow_terminal(compared: Compared, capsys: pytest.CaptureFixture[str]) -> None:
    show(compared, [Path("results.json")])
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if "+1.15 to" in line or " to +1.60" in line]
    assert line.split() == "evolution 8 0 0 +1.35 +1.10 to +1.60 +1.00 0.0078".split()
    assert "evolution (p 0.0078)" in out and out.rstrip().endswith("results.json")


def test_a_metric_keeps_its_capitals(compared: Compared, capsys: pytest.CaptureFixture[str]) -> None:
    show(replace(compared, metric="naswot"), [])
    assert "NASWOT (highest wins)" in capsys.readouterr().out


def test_several_benchmarks_are_shown_by_ranks_pairs_and_verdicts(
    compared: Compared, capsys: pytest.CaptureFixture[str]
) -> None:
    both = [compared, replace(compared, title="fashion", notes=("Beware.",))]
    show_across(across(both), both, [Path("ranks.svg")])
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines()]
    assert ["evolution", "1.00", "1.00", "1.00"] in lines and ["random", "2.00", "2.00", "2.00"] in lines
    assert "evolution – random 2, 0, 0 +1.00 < 0.001 –".split() in lines
    assert (
        "fashion: Beware." in out
        and "fashion: On average over 8 runs evolution ends with the best accuracy: 51.35 %, random 50.00 %." in out
    )


def test_several_objectives_end_with_a_front(compared: Compared, capsys: pytest.CaptureFixture[str]) -> None:
    show(replace(compared, reference_point=(0.0, 1.0)), [])
    out = " ".join(capsys.readouterr().out.split())
    assert "(highest wins) of the front at the end" in out and "its front was as good" in out and "incumbent" not in out
