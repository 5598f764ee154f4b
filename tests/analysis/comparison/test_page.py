"""The files of a comparison: whole, readable, and asking nobody for anything."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from archsmith.analysis.comparison.page import facts, render, runs_table, write_comparison
from archsmith.core.errors import UsageError

VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [str(values["id"])] if values.get("id") else []
        self.links += [str(values[name]) for name in ("href", "src") if values.get(name)]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)


@pytest.mark.parametrize(
    ("labels", "objectives"),
    [
        (("random",), (("accuracy", True),)),
        (("random", "evolution", "graph_gp"), (("valid_mse", False),)),
        (("a", "b"), (("accuracy", True), ("latency", False))),
        (tuple(f"s{i}" for i in range(12)), (("accuracy", True),)),
    ],
    ids=["one", "three", "two objectives", "twelve"],
)
def test_the_page_is_whole_and_asks_nobody_for_anything(labels: tuple[str, ...], objectives: Any, made_up: Any) -> None:
    pytest.importorskip("jinja2")
    compared, plan = made_up(*labels, objectives=objectives, seconds=800.0)
    text = render(compared, plan)
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert all(link.startswith("#") or link == "data:," for link in page.links)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    words = " ".join(" ".join(page.words).split())
    for part in (*labels, "Over time", "At the end", "How long it takes", "95", "bootstrap", "bench <b>"):
        assert part in words
    assert "<b>" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    assert "prefers-color-scheme: dark" in text
    assert len(text) < 300_000
    if len(labels) > 1:
        assert "Who beats whom" in words and "Wilcoxon" in words and "Holm" in words
        assert "exact up to 300 pairs that differ" in words and "and a few more where some are equal in size" in words
    if len(objectives) > 1:
        assert "by a tenth of the range, or by 0.1 where there is no range" in words


def test_where_just_half_of_the_runs_got_there_the_number_is_what_the_caption_says(made_up: Any) -> None:
    pytest.importorskip("jinja2")
    compared, plan = made_up("random", "half", "few")
    reaches = [
        replace(reach, n_reached=n, n_runs=4, trials=trials, seconds=trials)
        for reach, (n, trials) in zip(compared.reaches, [(4, 20.0), (2, 35.0), (1, None)], strict=True)
    ]
    words = " ".join(" ".join(Page(render(replace(compared, reaches=tuple(reaches)), plan)).words).split())
    assert "half 2 of 4 35 " in words and "few 1 of 4 – –" in words
    assert "Where just half of the runs got there: when the last of these did. A dash stands where fewer did." in words


def test_the_caption_and_the_legend_count_the_same_runs(made_up: Any) -> None:
    pytest.importorskip("jinja2")
    compared, plan = made_up("random", "frail")
    words = " ".join(" ".join(Page(render(compared, plan)).words).split())
    assert "Lines: means of 8 runs, higher" in words
    rows = (compared.rows[0], replace(compared.rows[1], n_nothing=7))
    words = " ".join(" ".join(Page(render(replace(compared, rows=rows), plan)).words).split())
    assert "Lines: means of the runs that count (n), higher" in words and "(n = 1)" in words


def test_all_that_end_best_are_marked(made_up: Any) -> None:
    pytest.importorskip("jinja2")
    compared, plan = made_up("random", "evolution", "local")
    twin = replace(compared.rows[1], mean=compared.rows[2].mean)
    text = render(replace(compared, rows=(compared.rows[0], twin, compared.rows[2])), plan)
    assert re.findall(r'<tr class="best"><th scope="row">.*?</span>(\w+)</th>', text) == ["evolution", "local"]


def test_the_page_speaks_of_no_interval_of_one_run(made_up: Any) -> None:
    pytest.importorskip("jinja2")
    compared, plan = made_up("random", "evolution")
    rows = tuple(replace(row, n_runs=1, independent=1) for row in compared.rows)
    words = " ".join(" ".join(Page(render(replace(compared, n_runs=1, rows=rows), plan)).words).split())
    assert "Lines: one run of each strategy, higher" in words and "Shades" not in words


def test_files_are_written(tmp_path: Path, made_up: Any) -> None:
    pytest.importorskip("matplotlib")
    compared, plan = made_up("random", "evolution")
    files, missing = write_comparison(compared, plan, tmp_path / "out")
    assert [file.name for file in files] == ["results.json", "runs.csv", "curves.svg", "report.html", "curves.png"]
    assert not missing
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["plan"]["title"] == "bench <b>"
    assert [row["label"] for row in results["rows"]] == ["random", "evolution"]
    assert (tmp_path / "out" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(file.name for file in files)


def test_runs_are_a_table_with_a_row_each(made_up: Any) -> None:
    compared, _ = made_up("random", "evolution")
    lost = replace(
        compared, title="=SUM(1)\x1b", finals=(replace(compared.finals[0], value=None), *compared.finals[1:])
    )
    rows = list(csv.DictReader(io.StringIO(runs_table([lost, compared]))))
    assert len(rows) == 32
    assert rows[0]["benchmark"].startswith("'=SUM(1)") and "\x1b" not in rows[0]["benchmark"]  # no formula, no escape
    assert (rows[0]["value"], rows[0]["strategy"], rows[0]["seed"], rows[0]["ended"]) == ("", "random", "0", "trials")
    assert (rows[17]["benchmark"], rows[17]["metric"], float(rows[17]["value"])) == ("bench <b>", "accuracy", 0.551)
    assert (rows[31]["strategy"], rows[31]["trials"], rows[31]["seconds"]) == ("evolution", "30", "700.0")


def test_what_needs_a_missing_package_is_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_up: Any
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    files, missing = write_comparison(*made_up("random"), tmp_path)
    assert [file.name for file in files] == ["results.json", "runs.csv", "curves.svg"]
    assert len(missing) == 2 and all('pip install "archsmith[train]"' in line for line in missing)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, made_up: Any) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="Choose another folder with --out"):
        write_comparison(*made_up("random"), tmp_path / "file" / "out")


def test_facts_name_what_was_compared(made_up: Any) -> None:
    told = dict(facts(*made_up("random", seconds=800.0)))
    assert told["budget of a run"] == "800 simulated seconds"
    assert told["judged by"] == "accuracy of the incumbent at the end"
    assert told["limits"] == "parameters ≤ 1,000,000"
    assert told["runs"] == "8 of each strategy, seeds 0 to 7"


@pytest.mark.parametrize(
    ("seeds", "told"), [((0, 1, 2, 3), "seeds 0 to 3"), ((0, 1, 5), "seeds 0 to 1 and 5"), ((4,), "seed 4")]
)
def test_the_seeds_are_those_that_every_strategy_has_run(made_up: Any, seeds: tuple[int, ...], told: str) -> None:
    compared, plan = made_up("random", "evolution")
    part = replace(compared, n_runs=len(seeds), finals=tuple(run for run in compared.finals if run.seed in seeds))
    assert dict(facts(part, plan))["runs"] == f"{len(seeds)} of each strategy, {told}"


@pytest.mark.parametrize(
    ("evaluator", "said", "unsaid"),
    [("toy", "what the trial itself returned", "benchmark knows"), ("fcnet", "benchmark knows", "itself returned")],
)
def test_only_an_evaluator_with_a_table_has_true_scores(evaluator: str, said: str, unsaid: str, made_up: Any) -> None:
    compared, plan = made_up("random")
    page = render(compared, replace(plan, evaluator={"type": evaluator, "args": {}}))
    assert said in page and unsaid not in page


def test_two_objectives_end_with_a_front(made_up: Any) -> None:
    compared, plan = made_up("random", objectives=(("accuracy", True), ("latency", False)))
    assert dict(facts(compared, plan))["judged by"].endswith("of the front at the end")


def test_the_legend_says_which_lines_are_dashed(made_up: Any) -> None:
    compared, plan = made_up("random", *(f"s{i}" for i in range(9)))
    assert render(compared, plan).count("(dashed, n = ") == 2
