from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from archsmith.analysis import figures
from archsmith.analysis.beliefs import MOST_LINES, Beliefs, Forecasts, Policy, beliefs_of
from archsmith.analysis.study import read_study
from archsmith.analysis.wording import NB

Notes = dict[str, Any]


def beliefs(folder: Path) -> Beliefs:
    return beliefs_of(read_study(folder))


def policy(folder: Path) -> Policy:
    found = beliefs(folder).policy
    assert found is not None
    return found


def forecasts(folder: Path) -> Forecasts:
    found = beliefs(folder).forecasts
    assert found is not None
    return found


def drawn(html: str) -> list[ElementTree.Element]:
    """Both pictures, each being well-formed."""
    return [picture for picture in ElementTree.fromstring(html) if picture.tag.endswith("svg")]


# A policy


def rising(n: int, **more: Any) -> list[tuple[float | None, Notes]]:
    """``width`` becomes settled, ``depth`` stays open, ``kernel`` leans."""
    rows: list[tuple[float | None, Notes]] = []
    for i in range(n):
        part = i / (n - 1)
        notes = {"top_prob/depth": 0.25, "top_prob/width": 0.5 + 0.49 * part, "top_prob/kernel": 0.5 + 0.25 * part}
        rows.append((0.5, {**notes, "entropy": math.log(4 - 2 * part), **more}))
    return rows


def test_a_policy_says_what_is_settled_and_what_is_open(searched: Any) -> None:
    found = policy(searched(rising(20)))
    assert [decision.name for decision in found.decisions] == ["width", "kernel", "depth"]
    text = found.lead.replace(NB, " ")
    assert "1 of 3 decisions is settled, with one answer at 90 % or more: width." in text
    assert "1 is still about as open as at the beginning: depth." in text
    assert "In 1 the policy leans towards one answer" in text
    assert "between 4 equally likely answers at the beginning, and between 2 at the end" in text


def test_a_policy_that_learnt_nothing_is_not_called_settled(searched: Any) -> None:
    text = policy(searched([(0.5, {"top_prob/a": 0.3, "top_prob/b": 0.5}) for _ in range(9)])).lead.replace(NB, " ")
    assert (
        text == "None of 2 decisions is settled, with one answer at 90 % or more. 2 are still about as open as at the "
        "beginning: b and a."
    )


def test_lines_go_on_where_trials_were_not_drawn_from_the_policy(searched: Any) -> None:
    found = policy(searched([*rising(10), *((0.5, {"operator": "mutate"}) for _ in range(5))]))
    width = next(decision for decision in found.decisions if decision.name == "width")
    assert width.points[9:] == tuple((float(i), pytest.approx(0.99)) for i in range(9, 15))
    assert (found.n_silent, found.n_trials) == (5, 15)


def test_a_decision_that_is_asked_late_begins_late(searched: Any) -> None:
    rows = rising(12)
    rows[6][1]["top_prob/late"] = 0.4
    late = next(decision for decision in policy(searched(rows)).decisions if decision.name == "late")
    assert late.points == tuple((float(i), 0.4) for i in range(6, 12))


def test_long_searches_are_drawn_as_means(searched: Any) -> None:
    found = policy(searched(rising(301)))
    assert all(len(decision.points) <= 30 for decision in found.decisions) and found.each == 11
    assert all(decision.points[-1][0] == 300 for decision in found.decisions)
    assert found.entropy[0][1] > found.entropy[-1][1]


def test_of_many_decisions_the_commonest_are_shown_and_few_are_named(searched: Any) -> None:
    rows: list[tuple[float | None, Notes]] = [
        (0.5, {f"top_prob/d{k}": 0.95 for k in range(20) if k < 15 or i == 0}) for i in range(10)
    ]
    found = policy(searched(rows))
    assert len(found.decisions) == MOST_LINES and found.n_left_out == 8
    assert "d0, d1, d2, d3 and 8 more" in found.lead


def test_names_stand_beside_their_lines_without_overlapping(searched: Any) -> None:
    rows: list[tuple[float | None, Notes]] = [
        (0.5, {f"top_prob/{'very ' * 20}<long> {k}": 0.97 + k / 1000 for k in range(12)}) for _ in range(10)
    ]
    for picture in drawn(figures.policy(policy(searched(rows)))):
        names = [element for element in picture.iter() if "word" in element.get("class", "")]
        heights = sorted(float(element.get("y", "0")) for element in names)
        assert len(names) == 12 and all(b - a >= 12 for a, b in itertools.pairwise(heights))
        assert heights[-1] < float(picture.get("height", "0"))


def test_notes_that_are_no_numbers_are_no_notes(searched: Any) -> None:
    assert beliefs(
        searched([(0.5, {"top_prob/a": "high", "mean": True, "deviation": None, "belief": "?"}) for _ in range(20)])
    ) == Beliefs(None, None)


def test_a_handful_of_trials_says_nothing(searched: Any) -> None:
    assert beliefs(
        searched([(0.1 * i, {"top_prob/a": 0.5, "mean": 0.1 * i, "deviation": 1.0}) for i in range(7)])
    ) == Beliefs(None, None)


# A model


def test_a_model_that_foresees_ranks(searched: Any) -> None:
    rows: list[tuple[float | None, Notes]] = [
        (0.5 + 0.01 * ((7 * i) % 40), {"mean": ((7 * i) % 40) / 20 - 1, "deviation": 0.3}) for i in range(40)
    ]
    found = forecasts(searched(rows))
    # the first has none to beat
    assert found.ranks and found.comparable and "rank correlation of 0.80 over 39" in found.lead
    assert all(0 <= dot.expected <= 1 and 0 <= dot.outcome <= 1 for dot in found.dots)
    assert "Chance alone" not in found.lead and "Typically it expected a trial to beat" in found.lead


def test_the_outcome_is_the_rank_among_the_trials_until_then(searched: Any) -> None:
    scores = [0.5, 0.7, 0.6, 0.6, None, 0.9, None, 0.8, 0.99]
    rows = [(score, {"mean": 0.1 * i, "deviation": 1.0, "large": i == 8}) for i, score in enumerate(scores)]
    found = forecasts(searched(rows))
    # a failure is the worst, what breaks a limit better than that alone; equals count half
    expected = [1, 1 / 2, 1 / 2, 0, 1, 1 / 12, 6 / 7, 2 / 8]
    assert [dot.outcome for dot in found.dots] == pytest.approx(expected)
    assert [dot.failed for dot in found.dots] == [False, False, False, True, False, True, False, False]


def test_a_model_that_knows_nothing_is_told_so(searched: Any) -> None:
    rows: list[tuple[float | None, Notes]] = [
        (0.5 + (i * 5 % 12) / 100, {"mean": (i * i % 7) / 7, "deviation": 1.0}) for i in range(12)
    ]
    assert "it is not shown that the model knew anything" in forecasts(searched(rows)).lead
    same = [(0.5, {"mean": 0.0, "deviation": 1.0}) for _ in range(12)]
    assert "nothing can be said" in forecasts(searched(same)).lead


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
    found = forecasts(searched(rows))
    assert not found.ranks and found.comparable and found.levels == (2, 3, 4) and found.n_unscored == 2
    assert "they agree with 1.00 at level 2 and −1.00 at level 3." in found.lead


def test_losses_agree_when_they_fall(searched: Any) -> None:
    found = forecasts(
        searched([(2.0 - 0.1 * i, {"belief": 0.05 * i}) for i in range(10)], metric="loss", maximize=False)
    )
    assert "rank correlation of 1.00" in found.lead and not found.comparable and found.levels == ()
    assert "loss that came out (less is better)" in figures.forecasts(found, "loss", maximize=False)


def test_beliefs_that_are_optimistic_on_purpose_have_no_line_of_agreement(searched: Any) -> None:
    rows: list[tuple[float | None, Notes]] = [(0.5 + 0.01 * i, {"belief": 0.5 + 0.01 * i}) for i in range(10)]
    assert not forecasts(searched(rows, optimism=1.0)).comparable


def test_every_level_has_a_mark_of_its_own(searched: Any) -> None:
    assert len({figures.level_style(level) for level in range(2, 14)}) == 12
    rows: list[tuple[float | None, Notes]] = [
        (0.5 + 0.01 * i, {"belief": 0.5 + 0.01 * i, "level": 2 + i % 12}) for i in range(36)
    ]
    for picture in drawn(figures.forecasts(forecasts(searched(rows)), "accuracy", maximize=True)):
        assert sum(element.tag.endswith("title") for element in picture.iter()) == (
            36 if picture.get("class") == "wide" else 0
        )
