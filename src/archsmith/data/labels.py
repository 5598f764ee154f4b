"""What the labels mean: classes, or a regression target.

Text, whole numbers and booleans are classes. Numbers with fractions are a regression target. Whole numbers that came as
floats are classes while there are few different ones: a gap in a table turns 1 into 1.0. Where this guess is wrong, the
person says the ``task``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError, UsageError
from archsmith.core.files import reading
from archsmith.core.targets import CLASSIFICATION, REGRESSION
from archsmith.core.wording import amount, visible
from archsmith.data.examples import SPLITS
from archsmith.data.values import LONGEST_NAME, as_float, is_gone, names_of, refuse_long, whole_numbers

AUTO = "auto"
TASKS = (AUTO, CLASSIFICATION, REGRESSION)
FEW_NUMBERS = 20  # different whole numbers; up to that many, floats such as 1.0 and 2.0 are classes
ALL_DIFFERENT = 0.95  # share of the examples; with so many different whole numbers, a target may name them
MANY_CLASSES = 100  # different whole numbers; with more, they may well be a regression target
REGRESSION_HINT = f"say --task {REGRESSION} to learn them as a regression target"


class Labelled(Protocol):
    """What a reader returns, as far as labels go.

    ``labels``: ``(n,)``, whole numbers, text or floats.
    ``split``: ``(n,)`` int8 indexes into ``SPLITS``.
    ``class_names``: names for labels 0, 1, …; None where labels stand for themselves.
    ``noun``: what an example is called, ``picture`` or ``row``.
    """

    @property
    def labels(self) -> NDArray[Any]: ...

    @property
    def split(self) -> NDArray[np.int8]: ...

    @property
    def class_names(self) -> tuple[str, ...] | None: ...

    @property
    def noun(self) -> str: ...


@dataclass(frozen=True, eq=False)
class Target:
    """What is learnt from a source of ``n`` examples.

    ``labels``: ``(n,)``, int32 indexes into ``classes``, or float64 regression targets.
    ``classes``: names of the classes; empty for a regression target.
    ``notes``: what was decided, in sentences.
    ``warnings``: what a person should look at, in sentences.
    """

    labels: NDArray[Any]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def is_regression(self) -> bool:
        return not self.classes


def as_labels(labels: Any) -> NDArray[Any]:
    """``labels`` as ``(n,)`` integers, strings or finite floats. Raises DataError for one-hot rows, and for missing
    values, of which it names the first row.
    """
    if hasattr(labels, "detach"):
        labels = labels.detach().cpu().numpy()
    array = label_array(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            f"The labels have the shape {array.shape}.",
            "Give one label for each example; rows of 0 and 1 become labels with .argmax(1).",
        )
    if array.dtype == object:
        array = _plain(array)
    if array.dtype == np.bool_:
        return array.astype(np.int64)
    if array.dtype.kind == "f":
        wrong = np.flatnonzero(~np.isfinite(array))
        if wrong.size:
            raise DataError(
                f"Row {wrong[0]} has the label {array[wrong[0]]}.",
                "Every example needs a label; leave out those without.",
            )
        return array.astype(np.float64)
    if array.dtype.kind not in "iuUST":
        raise DataError(
            f"The labels are of type {array.dtype}.",
            "Give whole numbers or strings for classes, or numbers for a regression target.",
        )
    if array.dtype.kind in "iu":
        return array
    if array.dtype.itemsize <= 4 * LONGEST_NAME and array.dtype.kind == "U":
        return array
    with reading("The labels are bytes that are no text", "Decode them first."):
        texts = [value.decode() if isinstance(value, bytes) else value for value in array.tolist()]
    return names_of(texts)


def label_array(labels: Any) -> NDArray[Any]:
    """``labels`` as an array of any shape. Raises DataError where they are none."""
    if isinstance(labels, list | tuple):
        refuse_long(value for value in labels if isinstance(value, str | bytes))
    with reading("The labels cannot be read as an array", "Give one label for each example."):
        return np.asarray(labels)


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """An array of Python objects as an array of strings, integers or floats."""
    values = array.tolist()
    for row, value in enumerate(values):
        if is_gone(value):
            raise DataError(
                f"Row {row} has no label: it is missing ({value}).",
                "Every example needs a label; leave out those without.",
            )
    if all(isinstance(value, str) for value in values):
        return names_of(values)
    if all(isinstance(value, int | np.integer | np.bool_) for value in values):
        return whole_numbers([int(value) for value in values])
    if all(isinstance(value, int | float | np.integer | np.floating) for value in values):
        return np.array([as_float(value) for value in values])
    kinds = sorted({type(value).__name__ for value in values})
    raise DataError(
        f"The labels are Python objects of different types ({', '.join(kinds[:4])}).",
        "Give only strings, or only numbers.",
    )


def target(source: Labelled, task: str = AUTO) -> Target:
    """What is learnt from ``source``. Raises DataError where nothing can be, and UsageError for an unknown ``task``."""
    if task not in TASKS:
        raise UsageError(f"The task is {task!r}.", f"It is one of: {', '.join(TASKS)}.")
    labels = source.labels
    floats = labels.dtype.kind == "f"
    whole = floats and bool((labels == np.rint(labels)).all())
    many = floats and not (whole and len(np.unique(labels)) <= FEW_NUMBERS)
    if task == REGRESSION or (task == AUTO and many):
        return _regression(source)
    notes = []
    if floats:
        if not whole:
            raise DataError(
                "The labels are numbers with fractions, but classes are wanted.",
                f"Use whole numbers or strings, or {REGRESSION_HINT}.",
            )
        labels = labels.astype(np.int64)
        if task == AUTO:
            n = len(np.unique(labels))
            notes.append(
                f"The labels are {n} different whole numbers, written as fractions. They were taken for classes. "
                f"With --task {REGRESSION} they are a regression target."
            )
    return _classes(source, labels, tuple(notes))


def _regression(source: Labelled) -> Target:
    labels = source.labels
    if source.class_names is not None and labels.dtype.kind in "iu":
        labels = np.array(source.class_names)[labels]  # folders named by a number, such as an age
    if labels.dtype.kind == "U":
        try:
            labels = np.char.strip(labels).astype(np.float64)
        except ValueError:
            row = next(i for i, value in enumerate(labels.tolist()) if not _is_number(value))
            raise DataError(
                f"{source.noun.capitalize()} {row + 1:,} has the label {str(labels[row])!r}, which is not a number.",
                f"To predict classes, leave out --task {REGRESSION}.",
            ) from None
    numbers = labels.astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if wrong.size:
        raise DataError(
            f"{source.noun.capitalize()} {wrong[0] + 1:,} has the regression target {numbers[wrong[0]]}.",
            f"Every {source.noun} needs a finite number. Leave out those without one.",
        )
    own = numbers[source.split == 0]
    if own.size and own.min() == own.max():
        raise DataError(
            f"The regression target is {own[0]:g} for every training {source.noun}.",
            "There is nothing to learn from that.",
        )
    if np.abs(numbers).max(initial=0.0) > 1e30:  # networks compute in float32, and squares must fit it
        raise DataError(
            f"There are regression targets as large as {np.abs(numbers).max():g}.",
            "Give them in other units, or as logarithms.",
        )
    return Target(numbers, (), warnings=tuple(_numbering(numbers, source.noun)))


def _alike(classes: Sequence[str]) -> list[str]:
    """A warning where names of classes differ by the case of their letters, or by blanks, only."""
    before: dict[str, str] = {}
    pairs = []
    for name in classes:
        other = before.setdefault(" ".join(name.casefold().split()), name)
        if other != name:
            pairs.append((other, name))
    if not pairs:
        return []
    one, other = pairs[0]
    more = f", and {amount(len(pairs) - 1, 'more pair')} differ as little" if len(pairs) > 1 else ""
    return [f"{one!r} and {other!r} are two classes{more}. If they mean the same, write them alike in the data."]


def _numbering(numbers: NDArray[np.float64], noun: str) -> list[str]:
    """A warning where a regression target seems to number the examples."""
    n = len(np.unique(numbers))
    if n <= FEW_NUMBERS or n < ALL_DIFFERENT * len(numbers) or (numbers != np.rint(numbers)).any():
        return []
    steps = np.diff(numbers)
    if (steps > 0).all() or (steps < 0).all() or np.ptp(numbers) < 2 * n:
        return [
            f"The regression target is another whole number for nearly every {noun}, like a count of the {noun}s. "
            "If it only names them, nothing can be learnt: choose another target (another column with --target)."
        ]
    return []


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _classes(source: Labelled, labels: NDArray[Any], notes: tuple[str, ...]) -> Target:
    values = np.unique(labels[source.split == 0])
    classes = tuple(map(str, values))
    names = source.class_names
    named = (
        names is not None
        and values.size > 0
        and values.dtype.kind in "iu"
        and 0 <= values.min()
        and labels.max() < len(names)
    )
    if names is not None and named:
        classes = tuple(names[v] for v in values)
    shown = tuple(map(visible, classes))
    if shown != classes:
        odd = next(one for one, other in zip(shown, classes, strict=True) if one != other)
        notes += (f"Names of classes hold characters that cannot be shown. They are written out, as in {odd}.",)
        classes = shown
    places = np.minimum(np.searchsorted(values, labels), max(0, len(values) - 1)).astype(np.int32)
    unknown = np.flatnonzero(values[places] != labels) if len(values) else np.zeros(0, np.int64)
    if unknown.size:
        first = int(unknown[0])
        label = names[int(labels[first])] if names is not None and named else str(labels[first])
        raise DataError(
            f"The {SPLITS[source.split[first]]} split has the class {label!r}, which has no training {source.noun}s.",
            "Every class needs some.",
        )
    if len(set(classes)) < len(classes):
        twice = next(name for name in classes if classes.count(name) > 1)
        raise DataError(f"Two classes are called {twice!r}.", "Give each a name of its own.")
    if len(classes) < 2:
        raise DataError(
            f"There is only one class, {classes[0]!r}." if classes else "There are no classes.",
            "At least two are needed.",
        )
    warnings = _alike(classes)
    if source.class_names is None and values.dtype.kind in "iu" and len(values) > max(MANY_CLASSES, len(labels) / 2):
        warnings.append(
            f"There are {len(values):,} classes for {len(labels):,} {source.noun}s. If the labels are not classes, "
            f"{REGRESSION_HINT}."
        )
    return Target(places, classes, notes, tuple(warnings))
