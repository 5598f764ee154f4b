from __future__ import annotations

import dataclasses
from typing import Any

from archsmith.bundle.card import card
from archsmith.bundle.manifest import CARD, Facts, read


def test_states_the_facts_of_the_run(exported: Any) -> None:
    text = (exported.folder / CARD).read_text(encoding="utf-8")
    numbers = ("400 for training", "100 for the final score", "90.00 %", "69.00 %", "1,200 seconds")
    for fact in ("# shapes", "conv_stages", "evolution", "**searched**", *numbers):
        assert fact in text
    assert exported.facts.command in text
    assert f"{read(exported.folder).params:,} parameters" in text
    assert "uneven" in text and "20 to 300" in text
    assert "±5.9 points" in text  # 1.96 * sqrt(0.9 * 0.1 / 100)


def test_names_from_outside_stay_in_their_cells(exported: Any) -> None:
    text = (exported.folder / CARD).read_text(encoding="utf-8")
    assert "line\\|dash" in text
    hostile = dataclasses.replace(read(exported.folder), facts=Facts(name="a\n# b <script>"))
    assert "# a # b &lt;script>" in card(hostile)


def test_says_what_was_not_recorded(exported: Any) -> None:
    bare = dataclasses.replace(read(exported.folder), facts=Facts(), verification=None)
    text = card(bare)
    assert "Data set: not recorded" in text
    assert "It was not scored on a test split." in text
    assert "Seed: not recorded" in text
