from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from archsmith.analysis.report.page import render
from archsmith.analysis.report.surrogate import SECTION, Guesses, drawings, guesses_of, level_style
from archsmith.analysis.study import read_study

Notes = dict[str, Any]


def guesses(folder: Path) -> Guesses:
    found = guesses_of(read_study(folder))
    assert found is not None
    return found


def drawn(html: str) -> list[ElementTree.Element]:
    """Both pictures, each being well-formed."""
    return [picture for picture in ElementTree.fromstring(html) if picture.tag.endswith("svg")]


def test_notes_that_are_no_numbers_are_no_notes(searched: Any) -> None:
    notes = {"mean": True, "deviation": None, "belief": "?"}
    assert guesses_of(read_study(searched([(0.5, dict(notes)) for _ in range(20)]))) is None


def test_a_handful_of_trials_says_nothing(searched: Any) -> None:
    rows = [(0.1 * i, {"mean": 0.1 * i, "deviation": 1.0}) for i in range(7)]
    assert guesses_of(read_study(searched(rows))) is None


def test_a_surrogate_that_foresees_ranks(searched: Any) -> None:
    rows: list[tuple[float | None, Notes]] = [
        (0.5 + 0.01 * ((7 * i) % 40), {"mean": ((7 * i) % 40) / 20 - 1, "deviation": 0.3}) for i in range(40)
    ]
    found = guesses(searched(rows))
    # the first has none to beat
    assert found.ranks and found.comparable and "rank correlation of 0.80 over 39" in found.lead
    assert all(0 <= dot.expected <= 1 and 0 <= dot.outcome <= 1 for dot in found.dots)
    assert "Chance alone" not in found.lead and "Typically a trial was expected to beat" in found.lead
    assert "over the whole search space the correlation may differ." in found.note  # nobody knows which


def test_the_outcome_is_the_rank_among_the_trials_until_then(searched: Any) -> None:
    scores = [0.5, 0.7, 0.6, 0.6, None, 0.9, None, 0.8, 0.99]
    rows = [(score, {"mean": 0.1 * i, "deviation": 1.0, "large": i == 8}) for i, score in enumerate(scores)]
    found = guesses(searched(rows))
    # a failure is the worst, what breaks a limit better than that alone; equals count half
    expected = [1, 1 / 2, 1 / 2, 0, 1, 1 / 12, 6 / 7, 2 / 8]
    assert [dot.outcome for dot in found.dots] == pytest.approx(expected)
    assert [dot.failed for dot in found.dots] == [False, False, False, True, False, True, False, False]


def test_a_surrogate_that_knows_nothing_is_told_so(searched: Any) -> None:
    rows: list[tuple[float | None, Notes]] = [
        (0.5 + (i * 5 % 12) / 100, {"mean": (i * i % 7) / 7, "deviation": 1.0}) for i in range(12)
    ]
    assert "it is not shown that the surrogate knew anything" in guesses(searched(rows)).lead
    same = [(0.5, {"mean": 0.0, "deviation": 1.0}) for _ in range(12)]
    assert "they cannot be compared" in guesses(searched(same)).lead


def test_beliefs_are_held_against_scores_level_by_level(searched: Any) -> None:
    rows: list[tuple[float | None, Notes]] = [(0.5, {"level": 1}) for _ in range(4)]
    # Within level 2 the order is right, within level 3 it is wrong; level 4 is too small to say anything.
    rows += [(0.6 + 0.01 * i, {"level": 2, "belief": 0.6 + 0.01 * i}) for i in range(10)]
    rows += [(0.9 - 0.01 * i, {"level": 3, "belief": 0.8 + 0.01 * i}) for i in range(10)]
    rows += [
        (0.95, {"level": 4, "belief": 0.9}),
        (None, {"level": 4, "belief": 0.91}),
        (0.99, {"level": 4, "belief": 0.9, "large": True}),
    ]
    found = guesses(searched(rows))
    assert not found.ranks and found.comparable and found.levels == (2, 3, 4) and "2 trials that failed" in found.note
    assert "it is 1.00 at level 2 and −1.00 at level 3." in found.lead


def test_losses_agree_when_they_fall(searched: Any) -> None:
    rows = [(2.0 - 0.1 * i, {"belief": 0.05 * i}) for i in range(10)]
    study = read_study(searched(rows, metric="loss", maximize=False))
    found = guesses_of(study)
    assert found is not None
    assert "rank correlation of 1.00" in found.lead and not found.comparable and found.levels == ()
    assert "loss that came out (lower is better)" in drawings(study, found)["guesses"]


def test_beliefs_are_no_accuracies_in_percent(searched: Any) -> None:
    study = read_study(searched([(93.0 - i, {"belief": 0.9 - 0.02 * i}) for i in range(10)]))
    found = guesses_of(study)
    assert found is not None and not found.comparable and found.diagonal is None
    assert "expected 0.9, came out at 93" in found.dots[0].tip
    page = render(study, [SECTION])
    assert "exactly as expected" not in page and "expected (higher is better)" in page
    assert not re.search(r">[\d.]+(\s| )%</text>", page)


def test_a_line_of_agreement_is_in_the_legend_only_where_it_is_drawn(searched: Any) -> None:
    for shift, there in ((0.0, True), (0.5, False)):
        rows = [(0.2 + 0.01 * i + shift, {"belief": 0.2 + 0.01 * i}) for i in range(10)]
        page = render(read_study(searched(rows)), [SECTION])
        assert ("exactly as expected" in page) is there


def test_beliefs_that_are_optimistic_on_purpose_have_no_line_of_agreement(searched: Any) -> None:
    rows: list[tuple[float | None, Notes]] = [(0.5 + 0.01 * i, {"belief": 0.5 + 0.01 * i}) for i in range(10)]
    assert not guesses(searched(rows, optimism=1.0)).comparable


@pytest.mark.parametrize("noted", [("belief",), ("mean", "deviation")])
def test_within_a_race_what_is_foreseen_is_not_what_comes_out(searched: Any, noted: tuple[str, ...]) -> None:
    rows = [(0.5 + 0.01 * i, dict.fromkeys(noted, 0.5 + 0.01 * i)) for i in range(10)]
    alone, raced = (guesses(searched(rows, **inner)) for inner in ({}, {"inner": {"type": "progressive", "args": {}}}))
    assert alone.comparable and "race" not in alone.note
    assert not raced.comparable and "here that is compared with its first score" in raced.note


def test_every_level_has_a_mark_of_its_own(searched: Any) -> None:
    assert len({level_style(level) for level in range(2, 14)}) == 12
    rows: list[tuple[float | None, Notes]] = [
        (0.5 + 0.01 * i, {"belief": 0.5 + 0.01 * i, "level": 2 + i % 12}) for i in range(36)
    ]
    study = read_study(searched(rows))
    for picture in drawn(drawings(study, guesses(study.folder))["guesses"]):
        assert sum(element.tag.endswith("title") for element in picture.iter()) == (
            36 if picture.get("class") == "wide" else 0
        )
