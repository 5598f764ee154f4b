from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

from archsmith.analysis.comparison.across import across
from archsmith.analysis.comparison.ranks import chart, picture

SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_has_a_row_for_each_strategy_and_its_own_title(made_up: Any) -> None:
    compared, _ = made_up("random", "evolution", "local")
    svg = picture(across([compared, replace(compared, title="other & more")]))
    root = ElementTree.fromstring(svg)
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert words[0] == "Mean ranks on 2 benchmarks, 8 runs each"
    assert [word for word in words if word in ("local", "evolution", "random")] == ["local", "evolution", "random"]
    tips = [title.text for title in root.iter(f"{SVG}title")]
    assert "local on other & more: 1.00" in tips and "local: 1.00" in tips
    assert "var(" not in svg and "prefers-color-scheme:dark" in svg
    dots = {circle.get("cx") for circle in root.iter(f"{SVG}circle") if circle.get("r") == "6"}
    assert len(dots) == 3  # ranks 1, 2 and 3


def test_a_line_joins_what_was_not_shown_to_differ(made_up: Any) -> None:
    compared, _ = made_up("random", "evolution", "local")
    found = across([compared, replace(compared, title="b")])
    assert found.groups == () and 'class="ink"' not in picture(found)
    joined = picture(replace(found, groups=(("evolution", "random"),)))
    dots = re.findall(r'class="ink" cx="([\d.]+)" cy="([\d.]+)"', joined)
    assert len(dots) == 2 and dots[0][0] == dots[1][0] and f'd="M{dots[0][0]} {dots[0][1]}V{dots[1][1]}"' in joined


def test_a_page_gets_both_sizes_with_long_names_cut(made_up: Any) -> None:
    compared, _ = made_up("random", "a_strategy_with_a_very_long_name_indeed")
    both = chart(across([compared, replace(compared, title="b")]))
    assert both.count("<svg") == 2 and both.count("…") == 2
