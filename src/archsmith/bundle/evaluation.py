"""How good a bundle is on labelled examples, which go in as they came, exactly as the bundle will be used.

Examples are read and forgotten one window at a time, and of each prediction only what the measures need is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.bundle.intake import Labelled
from archsmith.bundle.predictions import Prediction, predictions
from archsmith.bundle.predictor import Predictor
from archsmith.core import metrics
from archsmith.core.errors import DataError, UsageError
from archsmith.core.wording import visible
from archsmith.data.examples import SPLITS

MOST_CONFUSED = 10  # pairs of classes that are listed


def choose_split(labelled: Labelled, wanted: str | None = None) -> tuple[str, Labelled]:
    """Name of the split to measure on and its examples: ``wanted``, or the test split, or everything where there is
    none.

    Raises UsageError for a split that the data do not have.
    """
    there = [name for index, name in enumerate(SPLITS) if (labelled.split == index).any()]
    if wanted is None:
        wanted = "test" if "test" in there else "all"
    if wanted == "all" or (wanted == "train" and there == ["train"]):
        return "all", labelled
    if wanted not in there:
        if there == ["train"]:  # what has no split of its own counts as one
            raise UsageError("The data are not split.", "Leave --split out: all examples are used.")
        raise UsageError(f"The data have no split {wanted!r}.", f"They have: {', '.join(there)}.")
    code = SPLITS.index(wanted)
    places = np.flatnonzero(labelled.split == code)
    of_split = [n for n, other in enumerate(labelled.skipped_split) if other == code]
    return wanted, replace(
        labelled,
        examples=labelled.examples.take(places),
        targets=labelled.targets[places],
        split=labelled.split[places],
        skipped=tuple(labelled.skipped[n] for n in of_split),
        skipped_split=(code,) * len(of_split),
    )


def evaluate(
    predictor: Predictor,
    labelled: Labelled,
    watch: Callable[[Iterator[Prediction]], Iterable[Prediction]] = iter,
) -> dict[str, Any]:
    """Measures of ``predictor`` on labelled examples.

    Classes: ``n, accuracy, balanced_accuracy, log_loss, expected_calibration_error, classes {name: {n, precision,
    recall, f1}}, confused [{class, taken_for, n}], n_confused``: the pairs of classes that are confused most, and how
    many there are. Regression targets: ``n, target, r2, rmse, mae``. Both: ``skipped
    [[example, reason]]``, which could not be read. ``watch`` wraps the predictions as they come. Raises DataError for
    targets that the bundle cannot mean, and when no example can be read.
    """
    nouns, n = predictor.manifest.intake.nouns, len(labelled)
    if not n:
        raise DataError(f"There are no {nouns} to measure on.")
    truth: NDArray[Any] = (
        true_values(labelled) if predictor.is_regression else true_classes(labelled, predictor.classes)
    )
    skipped = [list(entry) for entry in labelled.skipped]
    kept = np.ones(n, bool)
    # Of each prediction: the value; or the predicted class, its probability, and the probability of the true class.
    found = np.zeros((n, 3))
    for prediction in watch(predictions(predictor, labelled.examples)):
        place, values = prediction.place, prediction.values
        if values is None:
            kept[place] = False
            skipped.append([labelled.examples.name(place), prediction.error or ""])
        elif predictor.is_regression:
            found[place, 0] = values
        else:
            best = int(values.argmax())
            found[place] = best, values[best], values[truth[place]]
    if not kept.any():
        raise DataError(f"None of the {n:,} {nouns} can be read. The first: {skipped[len(labelled.skipped)][1]}")
    if predictor.is_regression:
        measured = {"target": predictor.manifest.output.target, **metrics.regression(found[kept, 0], truth[kept])}
    else:
        measured = _classes(found[kept], truth[kept], predictor.classes)
    return {"n": int(kept.sum()), **measured, "skipped": skipped}


def _classes(found: NDArray[np.float64], truth: NDArray[np.int64], names: Sequence[str]) -> dict[str, Any]:
    predicted = found[:, 0].astype(np.int64)
    confused = metrics.confusion(predicted, truth, len(names))
    return {
        "accuracy": metrics.accuracy(predicted, truth),
        "balanced_accuracy": metrics.balanced_accuracy(predicted, truth),
        "log_loss": metrics.log_loss_of(found[:, 2]),
        "expected_calibration_error": metrics.calibration_error(
            metrics.reliability_of(found[:, 1], predicted == truth)
        ),
        "classes": {name: row.to_dict() for name, row in zip(names, metrics.per_class(confused), strict=True)},
        "confused": [
            {"class": names[true], "taken_for": names[named], "n": n}
            for true, named, n in metrics.most_confused(confused, MOST_CONFUSED)
        ],
        "n_confused": int(np.count_nonzero(confused) - np.count_nonzero(np.diag(confused))),
    }


def true_classes(labelled: Labelled, known: Sequence[str]) -> NDArray[np.int64]:
    """The targets as columns of the bundle's probabilities, ``(n,)``. Raises DataError for a class that it does not
    know.
    """
    targets = labelled.targets
    if np.issubdtype(targets.dtype, np.floating) and (targets % 1 != 0).any():
        raise DataError(
            "The data have numbers with fractions as targets, but the bundle tells classes.",
            f"It knows: {_some(known)}.",
        )
    values, which = np.unique(targets, return_inverse=True)
    column = {visible(name): index for index, name in enumerate(known)}  # as training writes names of classes
    names = [visible(_name(value, labelled.class_names)) for value in values]
    unknown = [name for name in names if name not in column]
    if unknown:
        raise DataError(
            f"The data have a class {unknown[0]!r} that the bundle does not know.", f"It knows: {_some(known)}."
        )
    return np.array([column[name] for name in names], np.int64)[which.reshape(-1)]


def _name(value: Any, names: Sequence[str] | None) -> str:
    """What a target is called: by its place among ``names``, a whole number, or itself."""
    if not isinstance(value, np.floating | np.integer):
        return str(value)
    index = int(value)
    return names[index] if names is not None and 0 <= index < len(names) else str(index)


def _some(known: Sequence[str]) -> str:
    return ", ".join(known[:12]) + (", …" if len(known) > 12 else "")


def true_values(labelled: Labelled) -> NDArray[np.float64]:
    """The targets as regression targets, ``(n,)``. Raises DataError for what is no number."""
    targets = labelled.targets
    if labelled.class_names is not None and np.issubdtype(targets.dtype, np.integer):
        targets = np.array(labelled.class_names)[targets]  # folders named by a number, such as an age
    try:
        values: NDArray[np.float64] = targets.astype(np.float64)
    except ValueError:
        values = np.array([_number(target) for target in targets])
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        raise DataError(
            f"The data have the target {str(targets[wrong[0]])!r}, but the bundle predicts numbers.",
            "Give data whose targets are numbers.",
        )
    return values


def _number(target: Any) -> float:
    try:
        return float(target)
    except ValueError:
        return float("nan")
