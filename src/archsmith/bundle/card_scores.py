"""The scores of a model card: in one sentence, by split, by class, and beside the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from archsmith.bundle.manifest import Manifest, Row
from archsmith.bundle.markdown import cell, number, percent, score, share, table
from archsmith.core.targets import metric_meaning, metric_title
from archsmith.core.wording import (
    CUT,
    HARDLY_TRAINED,
    SPLITS,
    hardly,
    left_out,
    network_name,
    passed_over,
    sentence_case,
)

MOST_CLASSES = 40  # rows of a table of classes


def in_a_sentence(manifest: Manifest) -> str:
    """How good it is on the test split, and whether that split is a part of what there was."""
    some = left_out(map(str, manifest.facts.data.get("notes", ())))
    return f"{_measured(manifest)} {some}".strip()


def _measured(manifest: Manifest) -> str:
    test = manifest.facts.metrics.get("test", {})
    nouns = f"test {manifest.intake.nouns}"
    if manifest.is_regression and test.get("r2") is not None:
        rmse = test.get("rmse")
        error = f" Its {metric_title('rmse')} is {score('rmse', rmse)}." if rmse is not None else ""
        if test["r2"] <= 0:
            worse = "worse" if test["r2"] < 0 else "no better"
            mean = f"{worse} than always saying the mean (R² {test['r2']:.4f})"
            return f"On the {nouns} it is {mean}: what it has learnt is of no use.{error}"
        return f"On the {nouns} it explains {percent(test['r2'])} of the variance (R²).{error}"
    if not manifest.is_regression and test.get("accuracy") is not None:
        return f"It is right on {percent(test['accuracy'])} of the {nouns}."
    return "It was not scored on a test split."


def scores(manifest: Manifest) -> str:
    """The section of the card."""
    tables = [_by_split(manifest), _by_class(manifest), _rows(manifest)]
    return "\n\n".join(part for part in tables if part) or "Not recorded."


def _by_split(manifest: Manifest) -> str:
    metrics = manifest.facts.metrics
    if not metrics:
        return ""
    recorded = {name for split in metrics.values() for name in split}
    names = [name for name in manifest.task.metrics if name in recorded]
    names += sorted(recorded - {*names})
    cells = (
        (f"the {SPLITS.get(split, split)} split", *(score(name, values.get(name)) for name in names))
        for split, values in metrics.items()
    )
    shown = table(("this network on", *map(metric_title, names)), cells)
    known = [f"{sentence_case(metric_title(name))}: {metric_meaning(name)}." for name in names if metric_meaning(name)]
    return "\n\n".join([shown, " ".join(known)] if known else [shown])


def _by_class(manifest: Manifest) -> str:
    """Precision and recall; of many classes those that are found least."""
    rows: Sequence[Mapping[str, Any]] = manifest.facts.per_class
    if not rows:
        return ""
    nouns = manifest.intake.nouns
    text = (
        f"Class by class, on the test {nouns}. Precision: of those given this name, how many deserve it. Recall: of "
        f"its own {nouns}, how many are found."
    )
    if len(rows) > MOST_CLASSES:
        text += f" These {MOST_CLASSES} of {len(rows)} classes have the lowest recall."
        rows = sorted(rows, key=lambda row: (row.get("recall") is None, row.get("recall")))[:MOST_CLASSES]
    cells = ((row["name"], number(row.get("n")), share(row.get("precision")), share(row.get("recall"))) for row in rows)
    return f"{text}\n\n{table(('class', nouns, 'precision', 'recall'), cells)}"


def _rows(manifest: Manifest) -> str:
    rows = manifest.facts.rows
    if not rows:
        return ""
    metric = manifest.task.metric
    title = metric_title(metric)
    trained = any(row.epochs for row in rows)
    heading = ("", f"validation {title}", f"test {title}", "parameters", "multiplications", "training seconds")
    parts = [
        _heading(manifest.facts.search.get("n_trials")),
        table((*heading, *(("epochs",) if trained else ())), (_row(row, metric, trained) for row in rows)),
    ]
    notes = ["**Bold**: the network in this bundle."] if any(row.exported for row in rows) else []
    notes += ["An epoch is one pass through the training split."] if trained else []
    for what, names in (
        (f"{HARDLY_TRAINED}, so that its score says little", [row.name for row in rows if hardly(asdict(row))]),
        (f"{CUT}, so that more time may bring a better score", [row.name for row in rows if row.cut]),
    ):
        notes += [f"{sentence_case(what)}: {cell(', '.join(map(network_name, names)))}."] * bool(names)
    notes += [passed_over(map(asdict, rows))]
    told = " ".join(filter(None, notes))
    return "\n\n".join([*parts, *([told] * bool(told))])


def _heading(n_trials: int | None) -> str:
    same = "all from the same training split, though some may not have seen all of it:"
    if n_trials == 0:
        return f"No trial of a search came to its end. What was trained instead, {same}"
    return f"What the search brought, beside models that need none (baselines), {same}"


def _row(row: Row, metric: str, trained: bool) -> tuple[str, ...]:
    """``trained``: are epochs told?"""
    name = cell(network_name(row.name))
    seconds = "–" if row.seconds is None else f"{row.seconds:.0f}"
    cells = (f"**{name}**" if row.exported else name, score(metric, row.valid), score(metric, row.test))
    epochs = ("–" if row.epochs is None else f"{row.epochs:.3g}",) if trained else ()
    return (*cells, number(row.params), number(row.macs), seconds, *epochs)
