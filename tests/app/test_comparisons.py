"""Comparisons in the workspace: finished, half done, of several benchmarks, damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archsmith.analysis.comparison.across import across
from archsmith.analysis.comparison.across_page import write_across
from archsmith.analysis.comparison.compare import compare
from archsmith.analysis.comparison.page import write_comparison
from archsmith.app.comparisons import REPORT, Comparisons
from archsmith.core.problem import Objective, Problem
from archsmith.runtime.comparison import Comparison, Plan
from archsmith.server.refusals import Refusal
from archsmith.strategies.local import LocalSearch
from archsmith.strategies.nsga2 import NSGA2
from archsmith.strategies.random import RandomSearch
from archsmith.testing.toys import Flat, ToyEvaluator

STRATEGIES = {"random": RandomSearch(), "local": LocalSearch()}


def plan(runs: int = 2, title: str = "toys", seed: int = 0) -> Plan:
    return Plan.of(Problem(Flat()), ToyEvaluator(), STRATEGIES, runs=runs, trials=6, title=title, seed=seed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Comparisons: ``whole``, ``begun`` (not judged), ``several``."""
    place = tmp_path_factory.mktemp("comparisons")
    judged = []
    for name, one in (("whole", plan()), ("begun", plan(title="more toys", seed=9))):
        comparison = Comparison(place / name, one)
        comparison.run()
        judged.append((compare(one, comparison.runs()), one))
    write_comparison(*judged[0], place / "whole")
    write_across(across([one for one, _ in judged]), {one.title: (one, of) for one, of in judged}, place / "several")
    return place


def test_a_finished_one_says_what_it_found(folder: Path) -> None:
    found = Comparisons(folder).get("whole")
    numbers = json.loads((folder / "whole" / "results.json").read_text(encoding="utf-8"))
    assert found.listed.title == "toys" and found.listed.finished and found.listed.n_done == 4
    assert found.verdict.startswith("On average over 2 runs")
    ends = found.tables[0]
    assert [row[0] for row in ends.rows] == [row["label"] for row in numbers["rows"]] == ["random", "local"]
    assert all(len(row) == len(table.columns) for table in found.tables for row in table.rows)
    assert "<svg" in found.chart and [key.dashed for key in found.keys] == [True, False]
    assert set(found.files) == {"report.html", "runs.csv", "results.json"}


def test_with_two_objectives_a_run_ends_with_a_front(tmp_path: Path) -> None:
    problem = Problem(Flat(), (Objective("accuracy"), Objective("params", maximize=False)))
    evaluator, strategies = ToyEvaluator(metrics=("accuracy", "params")), {"random": RandomSearch(), "nsga2": NSGA2()}
    both = Plan.of(problem, evaluator, strategies, runs=2, trials=6, title="both")
    comparison = Comparison(tmp_path / "both", both)
    comparison.run()
    write_comparison(compare(both, comparison.runs()), both, comparison.folder)
    ends = Comparisons(tmp_path).get("both").tables[0]
    assert ends.lead.endswith(" of the last front of each run.") and "incumbent" not in ends.lead


def test_one_without_a_verdict_is_judged_by_its_runs(folder: Path) -> None:
    found = Comparisons(folder).get("begun")
    assert not found.listed.finished and found.listed.headline.replace("\u00a0", " ") == "All 4 runs have finished"
    assert found.verdict and found.files == ()
    assert "means of 2 runs, shades" in found.chart_note.replace("\u00a0", " ")
    (reaches,) = [table for table in found.tables if table.title == "How long it takes"]
    assert "At least half of the runs of random end there or better. A dash" in reaches.lead


def test_one_that_has_only_begun_says_what_is_missing(tmp_path: Path) -> None:
    Comparison(tmp_path / "new", plan(runs=3))
    (found,) = Comparisons(tmp_path).list()
    assert found.headline.replace("\u00a0", " ") == "0 of 6 runs have finished; the same command goes on"
    shown = Comparisons(tmp_path).get("new")
    assert shown.verdict == "" and shown.tables == ()


def test_several_benchmarks_are_ranked(folder: Path) -> None:
    found = Comparisons(folder).get("several")
    assert found.listed.title.replace("\u00a0", " ") == "2 benchmarks: toys, more toys" and found.listed.n_runs == 0
    assert [table.title for table in found.tables] == ["Mean ranks", "Pairs"]
    assert all(len(row) == len(table.columns) for table in found.tables for row in table.rows)


def test_all_are_listed_and_a_damaged_one_says_so(folder: Path, tmp_path: Path) -> None:
    assert {one.name for one in Comparisons(folder).list()} == {"whole", "begun", "several"}
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "results.json").write_text('{"title": 3}', encoding="utf-8")
    (tmp_path / "no comparison").mkdir()
    (found,) = Comparisons(tmp_path).list()
    assert found.name == "broken" and "cannot be read" in found.headline and not found.finished
    assert Comparisons(tmp_path / "nowhere").list() == []


@pytest.mark.parametrize("name", ["nothing", "..", "", "a/b", "whole/../whole", "."])
def test_one_that_is_not_there_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(Refusal) as error:
        Comparisons(folder).get(name)
    assert error.value.status == 404


def test_only_its_own_files_are_given(folder: Path) -> None:
    content, kind = Comparisons(folder).file("whole", REPORT)
    assert kind == "text/html" and b"<html" in content
    for file in ("comparison.json", "../whole/report.html", "curves.png", ""):
        with pytest.raises(Refusal):
            Comparisons(folder).file("whole", file)
