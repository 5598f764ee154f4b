from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from archsmith.analysis.report import mistakes
from archsmith.analysis.report.mistakes import linked, mistakes_of, worst_first
from archsmith.analysis.study import read_study
from archsmith.analysis.wording import NB


def test_the_surest_mistakes_come_first(make: Any) -> None:
    found = mistakes_of(read_study(make(n=600, right=0.5)))
    assert found is not None
    shares = [float(dict(mistake.told)["Taken for"].split("(")[1].replace(f"{NB}%)", "")) for mistake in found.worst]
    assert len(shares) == 24 and shares == sorted(shares, reverse=True)


def test_without_mistakes_there_are_no_worst_ones(make: Any) -> None:
    study = make(n=12)
    np.savez(study / "final" / "predictions.npz", test=np.eye(3, dtype=np.float32), test_labels=np.arange(3))
    assert mistakes_of(read_study(study)) is None


def test_a_regression_shows_the_predictions_that_are_furthest_off(make: Any) -> None:
    found = mistakes_of(read_study(make(classes=(), metric="r2", n=300)))
    assert found is not None
    off = [float(dict(mistake.told)["Off by"]) for mistake in found.worst]
    assert len(off) == 24 and off == sorted(off, reverse=True)


def test_all_mistakes_are_ordered_and_only_those(make: Any) -> None:
    test = read_study(make(n=600, right=0.5)).test
    assert test is not None
    order = worst_first(test)
    assert set(order.tolist()) == set(np.flatnonzero(test.outputs.argmax(axis=1) != test.labels).tolist())
    sure = test.outputs[order].max(axis=1)
    assert (np.diff(sure) <= 0).all()


@pytest.mark.parametrize(
    ("classes", "metric", "what"),
    [(("no", "yes"), "accuracy", "mistakes"), ((), "r2", "test predictions")],
)
def test_a_file_without_all_mistakes_does_not_claim_to_have_them(
    make: Any, monkeypatch: pytest.MonkeyPatch, classes: tuple[str, ...], metric: str, what: str
) -> None:
    study = read_study(make(classes=classes, metric=metric, n=90, right=0.5))
    assert study.test is not None and linked(study) == f"All {what}"
    monkeypatch.setattr(mistakes, "MOST_IN_FILE", len(worst_first(study.test)))
    assert linked(study) == f"All {what}"
    monkeypatch.setattr(mistakes, "MOST_IN_FILE", 2)
    assert linked(study) == f"The 2 worst {what}"


def test_how_sure_it_was_at_most_is_that_of_the_surest_mistake(make: Any) -> None:
    study = read_study(make())
    assert study.test is not None
    probabilities = np.full_like(study.test.outputs, 0.171 / (study.test.outputs.shape[1] - 1))
    probabilities[:, 0] = 0.829
    study.test = replace(study.test, outputs=probabilities)
    found = mistakes_of(study)
    assert found is not None and "It was at most 82.9 % sure when it was wrong." in found.lead.replace(NB, " ")


@pytest.mark.parametrize(
    ("n", "wrong", "advice"), [(7, 0.6, False), (200, 0.6, True), (200, 0.85, False)], ids=["few", "sure", "unsure"]
)
def test_advice_needs_examples_and_predictions_that_need_no_check(
    make: Any, n: int, wrong: float, advice: bool
) -> None:
    """Of ten predictions, three are wrong and seven are right, of which the network is 80 % sure."""
    study = make(n=n)
    right = np.arange(n) % 10 > 2
    sure = np.where(right, 0.8, wrong)
    table = np.stack([sure, 1 - sure, np.zeros(n)], axis=1).astype(np.float32)
    np.savez(study / "final" / "predictions.npz", test=table, test_labels=np.where(right, 0, 1))
    found = mistakes_of(read_study(study))
    assert found is not None and ("a person who checks the rest" in found.lead) == advice


def test_where_they_come_page_by_page_the_lead_counts_none_of_them(make: Any) -> None:
    study = read_study(make(n=600, right=0.5))
    whole, paged = mistakes_of(study), mistakes_of(study, paged=True)
    assert whole is not None and whole.lead.startswith(
        "The 24 mistakes of which the network was surest. The surest one"
    )
    assert paged is not None and paged.lead.startswith("The mistakes of which the network was surest come first. ")
    assert paged.lead.partition("first. ")[2] == whole.lead.partition("first. ")[2]
    numbers = mistakes_of(read_study(make(classes=(), metric="r2", n=300)), paged=True)
    assert numbers is not None and numbers.lead.startswith(
        "The predictions that are furthest off come first. The worst"
    )
