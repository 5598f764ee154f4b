"""The files of a comparison: whole, readable, and asking nobody for anything."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from archsmith.analysis.charts import WIDE, Axis, Band, plot
from archsmith.analysis.comparison.compare import compare
from archsmith.analysis.comparison.compared import Compared
from archsmith.analysis.comparison.curves import picture, small_picture
from archsmith.analysis.comparison.page import facts, render, write_comparison
from archsmith.core.errors import UsageError
from archsmith.runtime.comparison import Plan, Run, Step

SPEC = {"type": "toy_flat", "args": {"n_decisions": 4}}
VOID = {"meta", "link", "img", "br"}


def made_up(
    *labels: str, objectives: Any = (("accuracy", True),), seconds: float | None = None
) -> tuple[Compared, Plan]:
    problem = {
        "objectives": [list(each) for each in objectives],
        "constraints": [["params", 1e6, None]],
        "fidelity": ["epochs", 1, 1],
    }
    judged_by = tuple(metric for metric, _ in objectives)
    plan = Plan(
        "bench <b>", SPEC, SPEC, problem, dict.fromkeys(labels, SPEC), judged_by, 8, seconds, None if seconds else 30
    )
    runs = []
    for place, label in enumerate(labels):
        for seed in range(8):
            points = [tuple(0.5 + 0.01 * (n + place) + 0.001 * seed for _ in objectives) for n in range(6)]
            steps = tuple(Step(n * 5 + 1, 100.0 * n + 10, (point,)) for n, point in enumerate(points))
            runs.append(Run(label, seed, 30, 0, 700.0, 0.01, "trials", steps, steps if len(objectives) == 1 else ()))
    return compare(plan, runs), plan


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
def test_the_page_is_whole_and_asks_nobody_for_anything(labels: tuple[str, ...], objectives: Any) -> None:
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
    if len(objectives) > 1:
        assert "reference point" in words


def test_files_are_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    compared, plan = made_up("random", "evolution")
    files, missing = write_comparison(compared, plan, tmp_path / "out")
    assert [file.name for file in files] == ["results.json", "curves.svg", "report.html", "curves.png"]
    assert not missing
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["plan"]["title"] == "bench <b>"
    assert [row["label"] for row in results["rows"]] == ["random", "evolution"]
    assert (tmp_path / "out" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(file.name for file in files)


def test_what_needs_a_missing_package_is_left_out_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    files, missing = write_comparison(*made_up("random"), tmp_path)
    assert [file.name for file in files] == ["results.json", "curves.svg"]
    assert len(missing) == 2 and all('pip install "archsmith[train]"' in line for line in missing)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="Choose another folder with --out"):
        write_comparison(*made_up("random"), tmp_path / "file" / "out")


def test_the_picture_stands_by_itself() -> None:
    compared, _ = made_up("random", "evolution")
    svg = picture(compared)
    ElementTree.fromstring(svg)
    assert "var(" not in svg and "evolution: " in svg
    assert svg.count('class="band') == 2


def test_a_small_picture_has_one_strategy_and_the_reference_on_a_scale_that_all_share() -> None:
    compared, _ = made_up("random", "evolution", "local")
    svg = small_picture(compared, "local")
    root = ElementTree.fromstring(svg)
    words = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"random", "local", "trials", "bench <b>: accuracy of the incumbent"} <= words and "evolution" not in words
    assert svg.count('class="band') == 2 and "prefers-color-scheme:dark" in svg and "var(" not in svg
    ticks = {text for text in words if text and text.endswith("%")}
    assert ticks == set(re.findall(r">([^<]+ %)<", small_picture(compared, "evolution")))
    assert svg == small_picture(compared, "local")


def test_facts_name_what_was_compared() -> None:
    told = dict(facts(*made_up("random", seconds=800.0)))
    assert told["budget of a run"] == "800 simulated seconds"
    assert told["judged by"] == "accuracy of the incumbent at the end"
    assert told["limits"] == "parameters ≤ 1e+06"
    assert told["runs"] == "8 of each strategy, seeds 0 to 7"


def test_a_band_is_one_closed_path() -> None:
    svg = plot(
        WIDE, Axis("x", 0, 1), Axis("y", 0, 1), [Band([(0, 0.2, 0.4), (1, 0.3, 0.5)], "s1"), Band([], "s2")], "t"
    )
    assert svg.count('class="band s1"') == 1 and "s2" not in svg
    path = re.search(r'class="band s1" d="M([^"]*)z"', svg)
    assert path is not None and path[1].count("L") == 3
