"""How good a bundle is on labelled pictures, which go in at their own size, exactly as the bundle will be used.

Pictures are decoded and forgotten one batch at a time, and of each answer only what the measures need is kept, so that
a set may be larger than memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.bundle.answers import Answer, answers
from archsmith.bundle.predictor import Predictor
from archsmith.core import metrics
from archsmith.core.errors import DataError, UsageError
from archsmith.data.examples import SPLITS
from archsmith.data.images.source import Source

MOST_CONFUSED = 10  # pairs of classes that are listed


def choose_part(source: Source, wanted: str | None = None) -> tuple[str, NDArray[np.int64]]:
    """Name of the split to measure on and the indexes of its pictures: ``wanted``, or the test split, or everything where
    there is none.

    Raises UsageError for a part that the data do not have.
    """
    there = [name for index, name in enumerate(SPLITS) if (source.split == index).any()]
    if wanted is None:
        wanted = "test" if "test" in there else "all"
    if wanted == "all" or (wanted == "train" and there == ["train"]):
        return "all", np.arange(len(source), dtype=np.int64)
    if wanted not in there:
        raise UsageError(f"The data have no split {wanted!r}.", f"They have: {', '.join(there)}.")
    return wanted, np.flatnonzero(source.split == SPLITS.index(wanted))


def evaluate(
    predictor: Predictor,
    source: Source,
    indexes: Iterable[int] | None = None,
    watch: Callable[[Iterator[Answer]], Iterable[Answer]] = iter,
) -> dict[str, Any]:
    """Measures of ``predictor`` on the pictures of ``source`` (those at ``indexes``).

    Classes: ``n, accuracy, balanced_accuracy, log_loss, expected_calibration_error, classes {name: {n, precision,
    recall, f1}}, confused [{class, taken_for, n}]``. Numbers: ``n, target, r2, rmse, mae``. Both: ``skipped [[picture,
    reason]]``, which could not be decoded. ``watch`` wraps the answers as they come. Raises DataError for labels that
    the bundle cannot mean, and when no picture can be decoded.
    """
    chosen = np.arange(len(source), dtype=np.int64) if indexes is None else np.asarray(list(indexes), np.int64)
    if not len(chosen):
        raise DataError("There are no pictures to measure on.")
    truth: NDArray[Any] = (
        true_numbers(source, chosen) if predictor.numeric else true_classes(source, chosen, predictor.classes)
    )
    skipped: list[list[str]] = []
    kept = np.ones(len(chosen), bool)
    # Of each answer: the number; or the predicted class, its probability, and the probability of the true class.
    found = np.zeros((len(chosen), 3))
    for place, answer in enumerate(watch(answers(predictor, source.pictures, chosen.tolist()))):
        if answer.values is None:
            kept[place] = False
            skipped.append([source.pictures.name(answer.index), answer.error or ""])
        elif predictor.numeric:
            found[place, 0] = answer.values
        else:
            best = int(answer.values.argmax())
            found[place] = best, answer.values[best], answer.values[truth[place]]
    if not kept.any():
        raise DataError(f"None of the {len(chosen):,} pictures can be decoded. The first: {skipped[0][1]}")
    measured = (
        _numbers(found[kept], truth[kept], predictor)
        if predictor.numeric
        else _classes(found[kept], truth[kept], predictor.classes)
    )
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
    }


def _numbers(found: NDArray[np.float64], truth: NDArray[np.float64], predictor: Predictor) -> dict[str, Any]:
    return {"target": predictor.manifest.task.outputs[0].name, **metrics.regression(found[:, 0], truth)}


def true_classes(source: Source, indexes: NDArray[np.int64], known: Sequence[str]) -> NDArray[np.int64]:
    """The labels at ``indexes`` as columns of the bundle's probabilities, ``(len(indexes),)``. Raises DataError for a
    class that it does not know.
    """
    labels = source.labels[indexes]
    if source.numeric and (labels % 1 != 0).any():
        raise DataError(
            "The data have numbers with fractions as labels, but the bundle tells classes.",
            f"It knows: {_some(known)}.",
        )
    values, which = np.unique(labels, return_inverse=True)
    column = {name: index for index, name in enumerate(known)}
    names = [_name(value, source) for value in values]
    unknown = [name for name in names if name not in column]
    if unknown:
        raise DataError(
            f"The data have a class {unknown[0]!r} that the bundle does not know.", f"It knows: {_some(known)}."
        )
    return np.array([column[name] for name in names], np.int64)[which.reshape(-1)]


def _name(value: Any, source: Source) -> str:
    if isinstance(value, np.floating | np.integer):
        index = int(value)
        return (
            source.class_names[index]
            if source.class_names is not None and 0 <= index < len(source.class_names)
            else str(index)
        )
    return str(value)


def _some(known: Sequence[str]) -> str:
    return ", ".join(known[:12]) + (", …" if len(known) > 12 else "")


def true_numbers(source: Source, indexes: NDArray[np.int64]) -> NDArray[np.float64]:
    """The labels at ``indexes`` as numbers. Raises DataError for what is none."""
    labels = source.labels[indexes]
    if source.class_names is not None and np.issubdtype(labels.dtype, np.integer):
        labels = np.array(source.class_names)[labels]  # folders named by a number, such as an age
    try:
        numbers: NDArray[np.float64] = labels.astype(np.float64)
    except ValueError:
        numbers = np.array([_number(label) for label in labels])
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if wrong.size:
        raise DataError(
            f"The data have the label {str(labels[wrong[0]])!r}, but the bundle predicts a number.",
            "Give data whose labels are numbers.",
        )
    return numbers


def _number(label: Any) -> float:
    try:
        return float(label)
    except ValueError:
        return float("nan")
