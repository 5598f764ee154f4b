from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

from archsmith.analysis.comparison.curves import (
    axes,
    colour_class,
    counted,
    intervals,
    is_dashed,
    means,
    picture,
    small_picture,
    title,
)


def test_the_picture_stands_by_itself(made_up: Any) -> None:
    compared, _ = made_up("random", "evolution")
    svg = picture(compared)
    ElementTree.fromstring(svg)
    assert "var(" not in svg and "evolution: " in svg
    assert svg.count('class="band') == 2
    words = [text.text or "" for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert "bench <b>: accuracy of the incumbent, means of 8 runs with 95 % intervals" in words
    assert any(word.startswith("evolution: ") and word.endswith("(n = 8)") for word in words)


def test_the_axis_says_whose_seconds_it_counts(made_up: Any) -> None:
    compared, _ = made_up("random", seconds=500.0)
    assert axes(compared)[0].label == "simulated seconds of search"
    assert axes(replace(compared, simulated=False))[0].label == "seconds of trials"


def test_a_curve_says_how_many_runs_it_is_the_mean_of(made_up: Any) -> None:
    compared, _ = made_up("random", "evolution")
    rows = (replace(compared.rows[0], n_nothing=3), replace(compared.rows[1], independent=1))
    compared = replace(compared, rows=rows)
    assert (counted(compared, "random"), counted(compared, "evolution")) == (5, 1)
    assert means(compared) == "means of the runs that count (n)" and means(compared) in picture(compared)
    assert means(compared, each=True) == "means of the runs that count (random 5 and evolution 1)"


def test_one_run_has_no_interval(made_up: Any) -> None:
    compared, _ = made_up("random", "evolution")
    assert intervals(compared)
    rows = tuple(replace(row, n_runs=1, independent=1) for row in compared.rows)
    alone = replace(compared, n_runs=1, rows=rows)
    assert not intervals(alone)
    assert title(alone) == "bench <b>: accuracy of the incumbent, one run of each strategy"


def test_a_small_picture_has_one_strategy_and_the_reference_on_a_scale_that_all_share(made_up: Any) -> None:
    compared, _ = made_up("random", "evolution", "local")
    svg = small_picture(compared, "local")
    root = ElementTree.fromstring(svg)
    words = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {
        "random",
        "local",
        "trials; means of 8 runs",
        "bench <b>: accuracy of the incumbent",
    } <= words and "evolution" not in words
    assert svg.count('class="band') == 2 and "prefers-color-scheme:dark" in svg and "var(" not in svg
    ticks = {text for text in words if text and text.endswith("%")}
    assert ticks == set(re.findall(r">([^<]+ %)<", small_picture(compared, "evolution")))
    assert svg == small_picture(compared, "local")


def test_ten_strategies_have_ten_kinds_of_lines(made_up: Any) -> None:
    compared, _ = made_up("random", *(f"s{i}" for i in range(9)))
    styles = {(colour_class(compared, label), is_dashed(compared, label)) for label in compared.labels}
    assert len(styles) == 10
    assert [label for label in compared.labels if is_dashed(compared, label)] == ["random", "s8"]
    assert picture(compared).count('stroke-dasharray="5 4"/>') == 4  # two lines, and the same in the legend
