from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from archsmith.analysis.report.policy import MOST_LINES, Policy, drawings, policy_of
from archsmith.analysis.study import read_study
from archsmith.analysis.wording import NB

Notes = dict[str, Any]


def policy(folder: Path) -> Policy:
    found = policy_of(read_study(folder))
    assert found is not None
    return found


def drawn(html: str) -> list[ElementTree.Element]:
    """Both pictures, each being well-formed."""
    return [picture for picture in ElementTree.fromstring(html) if picture.tag.endswith("svg")]


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
    assert "1 of 3 decisions is settled, which means that one option has a probability of 90 % or more: width." in text
    assert "1 decision is about as open as at the beginning: depth." in text
    assert "In 1 decision the policy leans towards one option" in text
    assert "a choice between 4 equally likely options" in text


def test_a_policy_that_learnt_nothing_is_not_called_settled(searched: Any) -> None:
    text = policy(searched([(0.5, {"top_prob/a": 0.3, "top_prob/b": 0.5}) for _ in range(9)])).lead.replace(NB, " ")
    assert (
        text == "None of 2 decisions is settled, which would mean that one option has a probability of 90 % or more. "
        "2 decisions are about as open as at the beginning: b and a."
    )


def test_lines_go_on_where_trials_were_not_drawn_from_the_policy(searched: Any) -> None:
    found = policy(searched([*rising(10), *((0.5, {"operator": "mutate"}) for _ in range(5))]))
    width = next(decision for decision in found.decisions if decision.name == "width")
    assert width.points[9:] == tuple((float(i), pytest.approx(0.99)) for i in range(9, 15))
    assert found.n_trials == 15 and "5 of 15 trials were not drawn from the policy" in found.note


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
    assert len(found.decisions) == MOST_LINES and f"8{NB}more decisions are not drawn" in found.note
    assert "d0, d1, d2, d3 and 16 more" in found.lead


def test_what_is_settled_but_not_drawn_counts(searched: Any) -> None:
    rows: list[tuple[float | None, Notes]] = [
        (0.5, {f"top_prob/d{k}": 0.95 if k == 12 else 0.5 for k in range(13) if k < 12 or i > 2}) for i in range(10)
    ]
    found = policy(searched(rows))
    assert "d12" not in {decision.name for decision in found.decisions}
    assert found.lead.replace(NB, " ").startswith("1 of 13 decisions is settled")


def test_names_stand_beside_their_lines_without_overlapping(searched: Any) -> None:
    rows: list[tuple[float | None, Notes]] = [
        (0.5, {f"top_prob/{'very ' * 20}<long> {k}": 0.97 + k / 1000 for k in range(12)}) for _ in range(10)
    ]
    study = read_study(searched(rows))
    found = policy_of(study)
    assert found is not None
    for picture in drawn(drawings(study, found)["policy"]):
        names = [element for element in picture.iter() if "word" in element.get("class", "")]
        heights = sorted(float(element.get("y", "0")) for element in names)
        assert len(names) == 12 and all(b - a >= 12 for a, b in itertools.pairwise(heights))
        assert heights[-1] < float(picture.get("height", "0"))


def test_notes_that_are_no_numbers_are_no_notes(searched: Any) -> None:
    assert policy_of(read_study(searched([(0.5, {"top_prob/a": "high"}) for _ in range(20)]))) is None


def test_a_handful_of_trials_says_nothing(searched: Any) -> None:
    assert policy_of(read_study(searched([(0.5, {"top_prob/a": 0.5}) for _ in range(7)]))) is None
