"""Rows of a table as a bundle takes them: raw numbers and texts, which ``model.onnx`` itself scales and looks up.

Values are read by ``archsmith.data.tables.encode``, which the training data went through as well. numpy and the
standard library only; Parquet files need pyarrow.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from archsmith.bundle.intake import Call, Intake, Labelled, ModelInput, Window
from archsmith.bundle.table_requests import schema, sent_rows, uploaded_rows
from archsmith.bundle.table_rows import ROWS, AskedFile, AskedRows, TableFile, slices
from archsmith.bundle.typed_rows import shown
from archsmith.core.errors import DataError, UsageError
from archsmith.core.task import Task
from archsmith.data.examples import Splits
from archsmith.data.tables.cells import Raw, iso_text, raw
from archsmith.data.tables.column_notes import listed
from archsmith.data.tables.columns import (
    CATEGORY,
    NUMBER,
    Column,
    categories_of,
    code_offsets,
    n_codes,
    numbers_of,
)
from archsmith.data.tables.encode import CATEGORIES_INPUT, NUMBERS_INPUT, as_columns, as_written, encode
from archsmith.data.tables.written import NO_WAY, NUMBER_WAYS

if TYPE_CHECKING:
    from archsmith.data.tables.read import TableSource

NAMED = 8  # columns that a sentence names
UNSEEN = "never seen"  # a text that is no category


@dataclass(frozen=True)
class TableIntake(Intake):
    """Rows of a table.

    ``columns``: those that the network learnt from, in the order of the table.
    ``headings``: of all columns but the target, in the order of the training table; an array without names has these.
    ``target_way``: how numbers in the target column of that table are written, and their marks, as in a ``Column``;
        empty texts where that is not known.
    """

    columns: tuple[Column, ...]
    headings: tuple[str, ...] = ()
    target_way: tuple[str, str] = NO_WAY

    kind: ClassVar[str] = "table"
    noun: ClassVar[str] = "row"
    nouns: ClassVar[str] = "rows"
    reading: ClassVar[str] = "reading the file"
    small_calls: ClassVar[bool] = True

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if not names:
            raise UsageError("A network of tables needs at least one column.")
        if len(set(names)) < len(names) or not set(names) <= set(self.headings or names):
            raise UsageError("The columns of a table and its headings do not belong together.")
        object.__setattr__(self, "headings", self.headings or tuple(names))

    @classmethod
    def of(cls, splits: Splits) -> TableIntake:
        return cls(splits.columns, splits.names, splits.target_way)  # type: ignore[attr-defined]

    def to_inputs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [
            {"name": name, "kind": name, "columns": [_json(column) for column in columns]}
            for name, columns in ((NUMBERS_INPUT, self.numbers), (CATEGORIES_INPUT, self.categories))
            if columns
        ]
        found[0]["headings"] = list(self.headings)
        if self.target_way != NO_WAY:
            found[0]["target"] = dict(zip(("written", "marks"), self.target_way, strict=True))
        return found

    @classmethod
    def from_inputs(cls, inputs: Sequence[Mapping[str, Any]]) -> TableIntake:
        known = {field.name for field in fields(Column)}
        columns = [
            Column.from_dict({name: value for name, value in entry.items() if name in known})
            for one in inputs
            for entry in one["columns"]
        ]
        headings = tuple(map(str, inputs[0]["headings"]))
        told = inputs[0].get("target", {})  # which earlier bundles lack
        way = str(told.get("written", "")), str(told.get("marks", ""))
        if way[0] not in ("", *NUMBER_WAYS):
            raise UsageError(f"The targets of a table are written {way[0][:40]!r}.")
        return cls(tuple(sorted(columns, key=lambda column: headings.index(column.name))), headings, way)

    def fits(self, task: Task) -> bool:
        wanted: list[tuple[str, tuple[int, ...], int | None]] = []
        if self.numbers:
            wanted.append((NUMBERS_INPUT, (len(self.numbers),), None))
        if self.categories:
            wanted.append((CATEGORIES_INPUT, (len(self.categories),), n_codes(self.columns)))
        return [(entry.name, entry.shape, entry.n_codes) for entry in task.inputs] == wanted

    @property
    def numbers(self) -> tuple[Column, ...]:
        """The columns of numbers."""
        return numbers_of(self.columns)

    @property
    def categories(self) -> tuple[Column, ...]:
        """The columns of categories."""
        return categories_of(self.columns)

    @property
    def model_inputs(self) -> tuple[ModelInput, ...]:
        found = []
        if self.numbers:
            found.append(ModelInput(NUMBERS_INPUT, "tensor(double)", (None, len(self.numbers))))
        if self.categories:
            found.append(ModelInput(CATEGORIES_INPUT, "tensor(string)", (None, len(self.categories))))
        return tuple(found)

    # Reading

    def written(self, columns: tuple[Column, ...]) -> TableIntake:
        """This intake for a table that writes its numbers and dates as ``columns`` say."""
        return self if columns == self.columns else replace(self, columns=columns)

    def tables(self, given: Any) -> Iterator[tuple[TableIntake, int, Mapping[str, Any]]]:
        """An intake that knows how the table is written, first row and columns of some rows at a time. Raises
        DataError.
        """
        given = TableFile(Path(given)) if isinstance(given, str | os.PathLike) else given
        if isinstance(given, TableFile):
            intake = self.written(given.columns(self.columns))
            for first, table in given.chunks(self.columns):
                yield intake, first, table
        elif hasattr(given, "__next__"):
            first = 0
            while rows := list(islice(given, ROWS)):
                table = self.raw(as_columns(rows, self.headings))
                yield self.written(as_written(self.columns, [table])), first, table
                first += len(rows)
        elif not hasattr(given, "__len__"):
            raise DataError(
                f"A table cannot be read from something of the type {type(given).__name__}.",
                "Give a path, a DataFrame, a mapping of columns, a list of mappings or a 2-D array.",
            )
        elif len(given):
            whole = self.raw(as_columns(given, self.headings))
            intake = self.written(as_written(self.columns, [whole]))
            for first, table in slices(whole):
                yield intake, first, table

    def raw(self, table: Mapping[str, Any]) -> dict[str, Raw]:
        """The values of the columns that are needed. Raises DataError where one is missing."""
        missing = [column.name for column in self.columns if column.name not in table]
        if missing:
            encode(self.columns, dict.fromkeys(table, ()))  # raises
        return {column.name: raw(table[column.name], column.name) for column in self.columns}

    def inputs(
        self,
        table: Mapping[str, Any],
        first_row: int = 0,
        broken: dict[int, str] | None = None,
        where: Callable[[int], str] | None = None,
    ) -> dict[str, NDArray[Any]]:
        """What ``model.onnx`` takes: ``numbers`` float64 ``(n, d)`` and ``categories`` texts ``(n, k)``, empty where
        they are missing or unknown. Raises DataError for a row that is broken, or puts it into ``broken``.
        """
        found: dict[str, NDArray[Any]] = encode(
            self.columns, table, first_row=first_row, exact=True, broken=broken, where=where
        )
        if CATEGORIES_INPUT in found:
            codes = found[CATEGORIES_INPUT] - np.array(code_offsets(self.columns))
            texts = np.empty(codes.shape, object)
            for k, column in enumerate(self.categories):
                texts[:, k] = np.array(("", *column.categories), object)[codes[:, k]]
            found[CATEGORIES_INPUT] = texts
        return found

    def window(self, table: Mapping[str, Any], first_row: int = 0, where: Callable[[int], str] | None = None) -> Window:
        """All rows. Raises DataError for the first that is broken, which ``where`` names if that is given."""
        inputs = self.inputs(table, first_row, where=where)
        n = len(next(iter(inputs.values())))
        return Window(n, _calls(np.arange(n), inputs))

    def tolerant(
        self, table: Mapping[str, Raw], first_row: int = 0, where: Callable[[int], str] | None = None
    ) -> Window:
        """All rows that are not broken; the others are named, by ``where`` if that is given."""
        broken: dict[int, str] = {}
        inputs = self.inputs(table, first_row, broken, where)
        n = len(next(iter(inputs.values())))
        sound = np.arange(n)
        if broken:
            sound = np.delete(sound, list(broken))
            inputs = {name: values[sound] for name, values in inputs.items()}
        return Window(n, _calls(sound, inputs), broken)

    def windows(self, given: Any) -> Iterator[Window]:
        file = TableFile(Path(given)) if isinstance(given, str | os.PathLike) else None
        for intake, first, table in self.tables(given if file is None else file):
            yield intake.window(table, first, None if file is None else partial(_called, file, first))

    def asked(self, names: Sequence[str], column: str | None = None) -> AskedFile:
        if column is not None:
            raise UsageError(
                "This bundle takes rows of a table, in which no column holds the examples.", "Leave the option out."
            )
        if len(names) != 1:
            raise UsageError(
                f"This bundle takes one table at a time, not {len(names)}.", "Name one CSV or Parquet file."
            )
        return AskedFile(self, TableFile(Path(names[0])))

    def labelled(
        self, data: Any, column: str | None = None, target: str | None = None, likely: str | None = None
    ) -> Labelled:
        if column is not None:
            self.asked((), column)  # raises
        source, notes = self._source(data, target, likely)
        columns = as_written(self.columns, [source.table], source.separator, source.decimal_commas)
        examples = AskedRows(self.written(columns), self.raw(source.table), np.arange(len(source)), source.row)
        return Labelled(
            examples,
            source.targets,
            source.split,
            source.name,
            skipped=source.skipped,
            notes=notes,
            skipped_split=source.skipped_split,
        )

    def _source(self, data: Any, target: str | None, likely: str | None) -> tuple[TableSource, tuple[str, ...]]:
        """The table with its targets, and notes of how these were read. Raises DataError."""
        from archsmith.data.tables.read import NoTargetError, read

        missing = DataError(
            "The table lacks the column of targets: the bundle predicts from all that may be it.",
            "Add the column of what the bundle predicts, or name it with --target.",
        )
        try:
            source = read(data, target or likely, learnt=self.target_way)
        except NoTargetError as error:
            if target:
                raise
            missing = DataError(f"{error.message[:-1]}, which this bundle predicts.", error.hint)
        else:
            if target and target.strip() in (column.name for column in self.columns):
                raise DataError(
                    f"The bundle predicts from the column {target!r}, so that cannot be what it predicts.",
                    f"It predicts {likely!r}." if likely else "Name the column of targets with --target.",
                )
            if target or likely or source.target not in self.headings:
                return source, source.notes
            raise missing
        try:
            source = read(data, learnt=self.target_way)
        except DataError:  # of a guess
            raise missing from None
        if source.target in self.headings:  # what the network is given
            raise missing
        return source, (
            f"There is no column {likely!r}, so {source.target!r} is taken for it; --target names another.",
        )

    # Examples

    def sent(self, examples: Sequence[Any], most_pixels: int) -> Iterator[Window]:
        return sent_rows(self, examples)

    def uploaded(self, files: Sequence[tuple[str, bytes]], most_pixels: int) -> Iterator[Window]:
        return uploaded_rows(self, files)

    def example_schema(self) -> dict[str, Any]:
        return schema(self.columns)

    def sample(self, n: int, rng: np.random.Generator) -> dict[str, Any]:
        """Columns of numbers within what training rows had and of categories, some missing or never seen."""
        found: dict[str, Any] = {}
        for column in self.columns:
            gone = rng.random(n) < 0.1
            if column.kind == NUMBER:
                low, high = column.minimum or 0.0, 1.0 if column.maximum is None else column.maximum
                values = np.where(gone, np.nan, low + (high - low) * rng.random(n))
                found[column.name] = _dates(values) if column.is_date else values
            else:
                texts = ("", UNSEEN, *column.categories)
                places = np.where(gone, rng.integers(0, 2, n), rng.integers(2, len(texts), n))
                found[column.name] = [texts[place] for place in places]
        return found

    def form(self) -> dict[str, Any]:
        return {"columns": [_asked(column) for column in self.columns]}

    # Words

    @property
    def material(self) -> str:
        return "rows of a table"

    @property
    def size(self) -> str:
        counts = ((len(self.numbers), "number", "numbers"), (len(self.categories), "category", "categories"))
        return " and ".join(f"{n:,} {one if n == 1 else many}" for n, one, many in counts if n)

    @property
    def takes(self) -> str:
        names = ", ".join(repr(column.name) for column in self.columns[:NAMED])
        more = len(self.columns) - NAMED
        which = "the column" if len(self.columns) == 1 else "the columns"
        return f"rows of a table with {which} {names}{f' and {more:,} more' if more > 0 else ''}"

    @property
    def usage(self) -> str:
        return '"rows.csv"'

    @property
    def tensors(self) -> str:
        lines = ["inputs = {  # one row without any value; fill in what is known, in the order of the columns above"]
        if self.numbers:
            lines.append(f'    "numbers": np.full((1, {len(self.numbers)}), np.nan),')
        if self.categories:
            lines.append(f'    "categories": np.full((1, {len(self.categories)}), "", object),')
        return "\n".join([*lines, "}"])

    def interface(self) -> list[str]:
        found = []
        if self.numbers:
            found.append(
                f"`model.onnx`, input `numbers`: float64 `(n, {len(self.numbers)})`, the columns of numbers below, in "
                "their order; NaN where a value is missing; dates as days since 1970."
            )
        if self.categories:
            found.append(
                f"`model.onnx`, input `categories`: strings `(n, {len(self.categories)})`, the columns of categories "
                "below, in their order; any other text stands for a missing or unknown value."
            )
        found.append("Inside: everything else, such as scaling, filling gaps and looking up categories.")
        return found

    def limits(self) -> list[str]:
        found = ["Scores hold for rows like those of the test split; data of other times or places can lower them."]
        if self.numbers:
            found.append("Numbers far outside the ranges above are beyond what the network has seen.")
        if self.categories:
            found.append(
                "Categories that are new, or rare in training rows, are all treated alike, as missing ones are."
            )
        return found

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        rows: list[tuple[str, ...]] = [
            (column.name, column.kind, _values(column), f"{100 * column.missing:.3g} %") for column in self.columns
        ]
        return ("column", "kind", "values in training rows", "missing"), rows


def _called(file: TableFile, first: int, place: int) -> str:
    return file.name(first + place)


def _calls(places: NDArray[np.int64], inputs: Mapping[str, NDArray[Any]]) -> tuple[Call, ...]:
    return tuple(
        Call(places[first : first + ROWS], {name: values[first : first + ROWS] for name, values in inputs.items()})
        for first in range(0, len(places), ROWS)
    )


def _json(column: Column) -> dict[str, Any]:
    found = column.to_dict()
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def _asked(column: Column) -> dict[str, Any]:
    """A field of a form: its name, and the categories; or the usual number and the range of training rows as texts, and
    how numbers were written there.
    """
    if column.kind == CATEGORY:
        return {"name": column.name, "categories": list(column.categories)}
    ends = column.minimum, column.median, column.maximum
    least, usual, most = (shown(column, value or 0.0) for value in ends)
    written = {"written": column.written, "marks": column.marks}
    return {"name": column.name, "is_date": column.is_date, "least": least, "usual": usual, "most": most, **written}


def _dates(days: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Days since 1970 as numpy's dates, NaT where one is missing."""
    dates = np.round(np.nan_to_num(days)).astype("datetime64[D]")
    dates[np.isnan(days)] = np.datetime64("NaT")
    return dates


def _values(column: Column) -> str:
    if column.kind == CATEGORY:
        n_rare = column.distinct - len(column.categories)
        rare = f"; {n_rare:,} rare ones count as one" if n_rare > 0 else ""
        return f"{len(column.categories):,}: {listed(column.categories)}{rare}"
    ends = column.minimum or 0.0, column.median or 0.0, column.maximum or 0.0
    low, middle, high = (iso_text(value)[:10] if column.is_date else f"{value:.6g}" for value in ends)
    return f"{low} to {high}, median {middle}"
