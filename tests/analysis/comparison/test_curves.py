from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from archsmith.analysis.comparison.curves import picture, small_picture


def test_the_picture_stands_by_itself(made_up: Any) -> None:
    compared, _ = made_up("random", "evolution")
    svg = picture(compared)
    ElementTree.fromstring(svg)
    assert "var(" not in svg and "evolution: " in svg
    assert svg.count('class="band') == 2


def test_a_small_picture_has_one_strategy_and_the_reference_on_a_scale_that_all_share(made_up: Any) -> None:
    compared, _ = made_up("random", "evolution", "local")
    svg = small_picture(compared, "local")
    root = ElementTree.fromstring(svg)
    words = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"random", "local", "trials", "bench <b>: accuracy of the incumbent"} <= words and "evolution" not in words
    assert svg.count('class="band') == 2 and "prefers-color-scheme:dark" in svg and "var(" not in svg
    ticks = {text for text in words if text and text.endswith("%")}
    assert ticks == set(re.findall(r">([^<]+ %)<", small_picture(compared, "evolution")))
    assert svg == small_picture(compared, "local")
