from __future__ import annotations

import dataclasses
from typing import Any

from archsmith.bundle.card import card, summary
from archsmith.bundle.manifest import Facts, Manifest, Row, read
from archsmith.core.wording import some_used


def test_says_when_predictions_are_no_better_than_the_mean(years: Any) -> None:
    bad = dataclasses.replace(read(years.folder), facts=Facts(metrics={"test": {"r2": -0.2}}))
    assert "worse than always saying the mean (R² -0.2000): what it has learnt is of no use." in card(bad)


def test_lists_precision_and_recall_of_each_class(exported: Any) -> None:
    rows = (
        {"name": "circle", "n": 30, "precision": 0.9, "recall": 0.8},
        {"name": "blob", "n": 0, "precision": None, "recall": None},
    )
    text = card(dataclasses.replace(read(exported.folder), facts=Facts(per_class=rows)))
    assert "| circle | 30 | 90.0 % | 80.0 % |" in text
    assert "| blob | 0 | – | – |" in text
    many = tuple({"name": f"c{i}", "n": 9, "precision": 0.5, "recall": 1 - i / 100} for i in range(60))
    text = card(dataclasses.replace(read(exported.folder), facts=Facts(per_class=many)))
    assert "These 40 of 60 classes have the lowest recall." in text
    assert "| c59 |" in text and "| c0 |" not in text


def test_what_was_better_but_too_slow_to_export_is_named(exported: Any) -> None:
    rows = (Row("linear", 0.48, exported=True), Row("pretrained", 0.72, enough_seconds=350.0))
    text = card(dataclasses.replace(read(exported.folder), facts=Facts(rows=rows, search={"n_trials": 0})))
    assert "The pretrained network was better on the validation split (0.72 against 0.48)" in text
    assert (
        "No trial of a search came to its end. What was trained instead, all from the same training split, though some"
        in text
    )


def test_a_trial_that_was_better_by_chance_is_named(exported: Any) -> None:
    rows = (Row("searched", 0.98, exported=True), Row("unfinished", 0.99, by_chance=True))
    manifest = dataclasses.replace(read(exported.folder), facts=Facts(rows=rows))
    assert "The best trial was better on the validation split (0.99 against 0.98), but by no more" in card(manifest)
    assert Manifest.from_dict(manifest.to_dict()).facts.rows == rows


def test_a_baseline_that_was_cut_short_is_called_so(exported: Any) -> None:
    rows = (Row("linear", 0.48, epochs=0.02), Row("searched", 0.72, exported=True, epochs=5.0))
    text = card(dataclasses.replace(read(exported.folder), facts=Facts(rows=rows)))
    assert "Hardly trained, so that its score says little: linear model." in text


def test_a_fit_that_the_clock_ended_is_told(exported: Any) -> None:
    rows = (Row("boosted", 0.48, cut=True), Row("searched", 0.72, exported=True, epochs=5.0))
    manifest = dataclasses.replace(read(exported.folder), facts=Facts(rows=rows))
    assert "Cut short by the time, so that more time may bring a better score: gradient boosting." in card(manifest)
    assert Manifest.from_dict(manifest.to_dict()).facts.rows == rows


def test_the_score_says_at_once_that_not_all_examples_were_used(exported: Any) -> None:
    note = some_used(20, 300, "pictures", "reading all of them would take about 30 s")
    facts = Facts(metrics={"test": {"accuracy": 0.9}}, data={"notes": ["Something else.", note]})
    manifest = dataclasses.replace(read(exported.folder), facts=facts)
    assert f"It is right on 90.00 % of the test pictures. {note}" in summary(manifest)
