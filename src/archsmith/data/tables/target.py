"""What is learnt from a table: classes or a regression target.

``data.labels`` decides, after one more rule for tables: whole numbers are classes only while there are few different
ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError, UsageError
from archsmith.core.targets import CLASSIFICATION, REGRESSION
from archsmith.data import labels
from archsmith.data.tables.cells import short
from archsmith.data.tables.columns import MOSTLY
from archsmith.data.tables.read import TableSource
from archsmith.data.tables.written import is_number, is_signed

MANY = 100  # classes of text; a target with more, and more than half as many as rows, is refused


@dataclass(frozen=True, eq=False)
class _Labelled:
    """The targets of a table, as ``data.labels`` takes them."""

    labels: NDArray[Any]
    split: NDArray[np.int8]
    class_names: None = None
    noun: str = "row"


def _refuse_odd_numbers(source: TableSource, task: str) -> None:
    """Raises DataError for targets of text that are meant to be numbers: nearly all are, or the person says so."""
    name, values = repr(source.target), [str(value) for value in source.targets.tolist()]
    signed = [value for value in values if is_signed(value)]
    odd = [row for row, value in enumerate(values) if not is_number(value)]
    if len(signed) >= MOSTLY * len(values):
        raise DataError(
            f"The target {name} holds numbers with a sign beside them, such as {short(signed[0])!r}.",
            "Leave the sign out, so that they are numbers.",
        )
    if odd and len(odd) <= (1 - MOSTLY) * len(values):
        raise DataError(
            f"The target {name} holds numbers, but {source.row(odd[0])} says {short(values[odd[0]])!r}.",
            "Correct the value or leave the cell empty.",
        )
    if odd and task == REGRESSION:
        raise DataError(
            f"In the target {name}, {source.row(odd[0])} says {short(values[odd[0]])!r}, which is not a number.",
            f"To predict classes, leave out --task {REGRESSION}.",
        )


def target_of(source: TableSource, task: str = labels.AUTO) -> labels.Target:
    """Classes or regression targets of every row. Numbers are classes when there are at most 20 different whole
    numbers.

    Raises DataError where nothing can be learnt, UsageError for an unknown ``task``.
    """
    if task not in labels.TASKS:
        raise UsageError(f"The task is {task!r}.", f"It is one of: {', '.join(labels.TASKS)}.")
    values = source.targets
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    name = repr(source.target)
    if values.dtype.kind in "iuf" and task != REGRESSION:
        whole = bool((values == np.rint(values)).all())
        n = len(np.unique(values))
        few = whole and n <= labels.FEW_NUMBERS
        if task == labels.AUTO:
            task = CLASSIFICATION if few else REGRESSION
            if few and n > 2:
                notes = (
                    f"The {n} different whole numbers in {name} are taken for classes. With --task {REGRESSION} they "
                    "are a regression target.",
                )
            elif whole and not few:
                notes = (f"The whole numbers in {name} are taken for a regression target.",)
        if task == CLASSIFICATION and whole:
            values = values.astype(np.int64)
    elif values.dtype.kind == "U":
        n = len(np.unique(values))
        if task == REGRESSION or (task == labels.AUTO and n > labels.FEW_NUMBERS):
            _refuse_odd_numbers(source, task)
        if task != REGRESSION and n > max(MANY, len(values) / 2):
            raise DataError(
                f"The target {name} has {n:,} different texts in {len(values):,} rows.",
                "That looks like names or notes. Choose another target (another column with --target).",
            )
        if task != REGRESSION and n > len(values) / 2:
            warnings = (
                f"The target {name} has {n:,} different texts in {len(values):,} rows. If they are names or notes, "
                "choose another target (another column with --target).",
            )
    meaning = labels.target(_Labelled(values, source.split), task)
    return labels.Target(meaning.labels, meaning.classes, (*notes, *meaning.notes), (*warnings, *meaning.warnings))
