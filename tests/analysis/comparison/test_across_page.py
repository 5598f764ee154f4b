from __future__ import annotations

import csv
import io
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archsmith.analysis.comparison.across import across
from archsmith.analysis.comparison.across_page import Each, render, write_across


@pytest.fixture
def each(made_up: Any) -> Each:
    compared, plan = made_up("random", "evolution", "local")
    other = replace(compared, title="other", notes=("Beware of <i>this</i>.",))
    return {"bench-b": (compared, plan), "other": (other, replace(plan, title="other"))}


def test_files_are_written_with_those_of_each_benchmark_beneath(each: Each, tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    found = across([compared for compared, _ in each.values()])
    files, _ = write_across(found, each, tmp_path)
    assert [file.name for file in files] == ["results.json", "runs.csv", "ranks.svg", "report.html"]
    for name in each:
        assert (tmp_path / name / "report.html").is_file() and (tmp_path / name / "runs.csv").is_file()
    results = json.loads((tmp_path / "results.json").read_text())
    assert [row["label"] for row in results["ranked"]] == ["local", "evolution", "random"]
    assert [part["folder"] for part in results["benchmarks"]] == ["bench-b", "other"]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "runs.csv").read_text())))
    assert len(rows) == 2 * 3 * 8 and {row["benchmark"] for row in rows} == {"bench <b>", "other"}


def test_the_page_links_to_each_benchmark_and_loads_nothing(each: Each) -> None:
    pytest.importorskip("jinja2")
    text = render(across([compared for compared, _ in each.values()]), each)
    links = set(re.findall(r'(?:href|src)="([^"]*)"', text))
    assert {link for link in links if not link.startswith(("#", "data:,"))} == {
        "bench-b/report.html",
        "other/report.html",
    }
    ids = re.findall(r' id="([^"]*)"', text)
    assert len(ids) == len(set(ids)) and {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert "bench &lt;b&gt;" in text and "<i>this" not in text
    assert "local ranks best, and is better than evolution and random on these benchmarks" in text


def test_the_page_speaks_of_no_interval_of_one_run(each: Each) -> None:
    pytest.importorskip("jinja2")
    found = across([compared for compared, _ in each.values()])
    assert "means of 8\u00a0runs with 95&nbsp;% intervals, higher" in render(found, each)
    alone = {}
    for name, (compared, plan) in each.items():
        rows = tuple(replace(row, n_runs=1, independent=1) for row in compared.rows)
        alone[name] = (replace(compared, n_runs=1, rows=rows), plan)
    assert "one run of each strategy, higher" in render(found, alone)


def test_what_needs_a_missing_package_is_told_once(each: Each, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    found = across([compared for compared, _ in each.values()])
    files, missing = write_across(found, each, tmp_path)
    assert [file.name for file in files] == ["results.json", "runs.csv", "ranks.svg"]
    assert sum("report.html" in line for line in missing) == 1
