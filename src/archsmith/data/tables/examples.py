"""Encoded rows of a table, and their splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.core.task import Input
from archsmith.data.examples import Augmentation, Examples, Indexes, Splits
from archsmith.data.tables.cells import iso_text
from archsmith.data.tables.column_notes import Ignored
from archsmith.data.tables.columns import Column, categories_of, code_offsets, n_codes, numbers_of
from archsmith.data.tables.encode import CATEGORIES_INPUT, NUMBERS_INPUT
from archsmith.data.tables.written import NO_WAY

if TYPE_CHECKING:
    from archsmith.data.tables.pipeline import TablePipeline


@dataclass(frozen=True, eq=False)
class TableExamples(Examples):
    """Rows of a table.

    ``numbers``: float32 ``(n, d)``, NaN where a value is missing; ``d`` may be 0. May be a memory map.
    ``categories``: int64 ``(n, k)``, codes; ``k`` may be 0. May be a memory map.
    ``targets``, ``classes``: see ``Examples``.
    ``columns``: what the columns of ``numbers`` and ``categories`` are.
    ``places``: ``(n,)``, which row of the table each one was, see ``TableSource``; None where that was not kept.
    """

    numbers: NDArray[np.float32]
    categories: NDArray[np.int64]
    targets: NDArray[Any]
    classes: tuple[str, ...]
    columns: tuple[Column, ...]
    places: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        wanted = len(numbers_of(self.columns)), len(categories_of(self.columns))
        if (self.numbers.shape[1:], self.categories.shape[1:]) != ((wanted[0],), (wanted[1],)):
            raise DataError(
                f"The columns say {wanted[0]} numbers and {wanted[1]} categories, but the arrays have the shapes "
                f"{self.numbers.shape} and {self.categories.shape}."
            )
        if self.places is not None and len(self.places) != len(self.numbers):
            raise DataError(f"There are {len(self.numbers):,} rows, but {len(self.places):,} places of rows.")
        if len(self.numbers) != len(self.categories):
            raise DataError(f"There are {len(self.numbers):,} rows of numbers, but {len(self.categories):,} of codes.")
        self._check_targets()

    @classmethod
    def of(
        cls,
        encoded: dict[str, NDArray[Any]],
        targets: NDArray[Any],
        classes: tuple[str, ...],
        columns: tuple[Column, ...],
        places: NDArray[np.int64] | None = None,
    ) -> TableExamples:
        """Examples from what ``encode`` returned."""
        n = len(targets)
        numbers = encoded.get(NUMBERS_INPUT, np.zeros((n, 0), np.float32))
        categories = encoded.get(CATEGORIES_INPUT, np.zeros((n, 0), np.int64))
        return cls(numbers, categories, targets, classes, columns, places)

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """``numbers`` ``(d,)`` and ``categories`` ``(k,)``. An input without columns is left out."""
        found = []
        if numbers := numbers_of(self.columns):
            missing = tuple(place for place, column in enumerate(numbers) if column.missing)
            found.append(Input(NUMBERS_INPUT, "numbers", (len(numbers),), missing=missing))
        if categories := categories_of(self.columns):
            found.append(Input(CATEGORIES_INPUT, "categories", (len(categories),), n_codes=n_codes(self.columns)))
        return tuple(found)

    def batch(self, indexes: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """``numbers`` float32 ``(b, d)`` and ``categories`` int64 ``(b, k)``. An input without columns is left out."""
        found: dict[str, NDArray[Any]] = {}
        if self.numbers.shape[1]:
            found[NUMBERS_INPUT] = np.take(self.numbers, indexes, axis=0)
        if self.categories.shape[1]:
            found[CATEGORIES_INPUT] = np.take(self.categories, indexes, axis=0)
        return found

    def take(self, indexes: Indexes) -> TableExamples:
        chosen = np.asarray(indexes, dtype=np.int64)
        return TableExamples(
            np.take(self.numbers, chosen, axis=0),
            np.take(self.categories, chosen, axis=0),
            self.targets[chosen],
            self.classes,
            self.columns,
            None if self.places is None else self.places[chosen],
        )

    @property
    def n_bytes(self) -> int:
        return self.numbers.nbytes + self.categories.nbytes + self.targets.nbytes

    def rows(self, indexes: Indexes) -> list[dict[str, object]]:
        """The rows at ``indexes``, as a person reads them and ``encode`` takes them. Values by column name: a float, a
        date as text, the text of a category, or None where a value is missing or rare.
        """
        chosen = np.asarray(indexes, dtype=np.int64)
        found: list[dict[str, object]] = [{} for _ in chosen]
        numbers, codes = self.numbers[chosen], self.categories[chosen]
        offsets = code_offsets(self.columns)
        n_numbers = n_categories = 0
        for column in self.columns:
            values: list[object]
            if column.kind == "number":
                values = [_number(column, value) for value in numbers[:, n_numbers]]
                n_numbers += 1
            else:
                texts = (None, *column.categories)
                values = [texts[code] for code in (codes[:, n_categories] - offsets[n_categories]).tolist()]
                n_categories += 1
            for row, value in zip(found, values, strict=True):
                row[column.name] = value
        return found


def _number(column: Column, value: np.float32) -> object:
    if np.isnan(value):
        return None
    number = float(str(value)) + column.offset  # the shortest text of a float32: 0.455, not 0.45500001
    if column.is_date:
        return iso_text(number, 6 if column.offset else 0)  # without an offset, float32 is not exact to the second
    return number


@dataclass(frozen=True, eq=False)
class TableSplits(Splits):
    """The splits of a table. Other fields: see ``Splits``.

    ``columns``: the columns that networks learn from, in the order of the table.
    ``ignored``: the other columns.
    ``names``: of all columns but the target, in the order of the table. An array without names is read by these.
    ``target_way``: how numbers in the target column are written, and their marks, see ``TableSource``.
    """

    train: TableExamples
    valid: TableExamples
    test: TableExamples
    columns: tuple[Column, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    names: tuple[str, ...] = ()
    target_way: tuple[str, str] = NO_WAY

    kind: ClassVar[str] = "table"

    @property
    def by_name(self) -> Mapping[str, TableExamples]:
        return {"train": self.train, "valid": self.valid, "test": self.test}

    def pipeline(self, augmentation: Augmentation | None = None) -> TablePipeline:
        from archsmith.data.tables.pipeline import TablePipeline

        return TablePipeline()
