"""The choice among what was trained in full, its calibration, and the one look at the test split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from archsmith.automl.final_training import Final, Workshop
from archsmith.core.files import replacing
from archsmith.core.task import Task
from archsmith.training.calibration import temperature

PREDICTIONS = "predictions.npz"

Predictions = dict[str, np.ndarray[Any, Any]]


def chosen_of(trained: Sequence[Final], task: Task) -> Final:
    """The best on the validation split by the main metric; of equals one that was not stopped early, and then the one
    with the smaller last metric, an error.
    """
    metric, error = task.metric, task.metrics[-1]
    return max(trained, key=lambda final: (final.score.metrics[metric], not final.stopped, -final.score.metrics[error]))


def calibrated(chosen: Final, workshop: Workshop) -> float:
    """The temperature that makes the probabilities of ``chosen`` honest on the validation split."""
    valid = workshop.splits.valid
    return temperature(chosen.outputs(valid), valid.targets)


def look(
    trained: Sequence[Final], chosen: Final, heat: float, workshop: Workshop
) -> tuple[Predictions, dict[str, dict[str, float]], dict[str, tuple[float, float]]]:
    """What the exported network says of validation and test examples, all metrics of each of ``trained`` on the test
    split, and how far each of the others is behind ``chosen`` there, with the standard error of that (see ``Row.gap``).

    Predictions by split: as a person gets them, ``…_labels`` (the targets) and, of probabilities, ``…_raw`` (without
    the temperature).
    """
    goal, splits = workshop.goal, workshop.splits
    predictions: Predictions = {}
    tests, errors = {}, {}
    for final in trained:
        raw = final.outputs(splits.test)
        tests[final.name] = dict(goal.score(raw, splits.test.targets).metrics)
        errors[final.name] = goal.errors(raw, splits.test.targets)
        if final is not chosen:
            continue
        for name, values in {"test": raw, "valid": final.outputs(splits.valid)}.items():
            predictions[name] = goal.predictions(values / heat).numpy()
            predictions[f"{name}_labels"] = np.asarray(splits.by_name[name].targets)
            if splits.task.target.calibrated:
                predictions[f"{name}_raw"] = goal.predictions(values).numpy()
    own = errors.pop(chosen.name)
    return predictions, tests, {name: _gap(other - own) for name, other in errors.items()}


def _gap(saved: np.ndarray[Any, Any]) -> tuple[float, float]:
    """The mean of ``saved`` errors ``(n,)``, and its standard error if both were alike (McNemar 1947)."""
    n = max(1, len(saved))
    return float(saved.sum()) / n, float(np.sqrt((saved**2).sum())) / n


def save(predictions: Predictions, folder: Path) -> None:
    """In one step, so that a kill leaves all or nothing."""
    with replacing(folder / PREDICTIONS) as draft, draft.open("wb") as file:
        np.savez(file, allow_pickle=False, **predictions)


def saved(folder: Path) -> Predictions | None:
    """What ``save`` wrote; None before that."""
    kept = folder / PREDICTIONS
    if not kept.exists():
        return None
    with np.load(kept, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
