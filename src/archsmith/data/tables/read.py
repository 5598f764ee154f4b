"""The reader of tables. ``read(source)`` returns a ``TableSource``: raw columns, the target, and the split of each row.

It takes a CSV or TSV file (gzipped or not), a Parquet file, a DataFrame, a mapping of columns, a list of records, or a
pair (X, y). X is a DataFrame, a mapping, a list of records or a 2-D array. Types of columns are decided later, in
``columns``, from training rows.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.core.files import expanded, regular_size
from archsmith.data.parquet import categories, open_parquet, to_its_end, unpacked
from archsmith.data.splits import SPLIT_COLUMNS, SPLIT_NAMES, codes_of
from archsmith.data.tables.cells import (
    DATES,
    TEXTS,
    Raw,
    raw,
    short,
)
from archsmith.data.tables.column_notes import Ignored, listed
from archsmith.data.tables.columns import different
from archsmith.data.tables.encode import as_columns, clean_names, refuse_uneven
from archsmith.data.tables.read_csv import CsvFile
from archsmith.data.tables.written import NO_WAY, Evidence, commas_of, target_texts
from archsmith.data.values import as_targets, joined_blanks, lacking

CSV = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
PARQUET = (".parquet", ".pq")
TARGET_NAMES = ("target", "label", "class")  # and y, where it is no coordinate
PANDAS_INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls row names without a name in Parquet
FIRST_ROW = 2  # below the headings
GUESSED = "The target is the last column"  # how the note begins that says so
LOOKED_AT = 1_000  # values that decide whether a column holds splits
Progress = Callable[[str, int, int], None]


class NoTargetError(DataError):
    """A table lacks the column that was named as its target."""


@dataclass(frozen=True, eq=False)
class TableSource:
    """A table as it came, without the rows that have no target.

    ``table``: raw values of the columns by name, without target and split.
    ``targets``: ``(n,)``, whole numbers, floats or texts.
    ``split``: ``(n,)`` int8 indexes into ``SPLITS``; all 0 where the table says nothing of splits.
    ``name``: of the data.
    ``target``: name of the target column.
    ``notes``: what was decided while reading, in sentences.
    ``skipped``: (row, reason) of rows without a target.
    ``skipped_split``: the split of each of these, as in ``split``.
    ``ignored``: columns that hold no values that can be used.
    ``places``: ``(n,)``, which row of the table each one is, as a spreadsheet numbers them.
    ``heading_row``: of a CSV file, in which row the headings are.
    ``categorical``: names of columns that are categories whatever they hold.
    ``decimal_commas``: have the numbers decimal commas? None where the table does not tell, see ``tables.written``.
    ``separator``: of a CSV file; empty for other tables.
    ``names``: of all columns but target and split, in order.
    ``split_column``: name of the column that says the splits; empty where none does.
    ``target_way``: how numbers in the target column are written, and their marks, as in a ``Column``.
    """

    table: Mapping[str, Raw]
    targets: NDArray[Any]
    split: NDArray[np.int8]
    name: str = "table"
    target: str = "target"
    notes: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    ignored: tuple[Ignored, ...] = ()
    places: NDArray[np.int64] | None = None
    categorical: frozenset[str] = frozenset()
    decimal_commas: bool | None = None
    separator: str = ""
    names: tuple[str, ...] = ()
    target_way: tuple[str, str] = NO_WAY
    split_column: str = ""
    heading_row: int = 1
    skipped_split: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, indexes: NDArray[np.int64]) -> TableSource:
        """The rows at ``indexes``, which keep their names."""
        places = np.arange(len(self)) + FIRST_ROW if self.places is None else self.places
        return replace(
            self,
            table={name: values.take(indexes) for name, values in self.table.items()},
            targets=self.targets[indexes],
            split=self.split[indexes],
            places=places[indexes],
        )

    def row(self, index: int) -> str:
        """What a person would call a row."""
        place = index + FIRST_ROW if self.places is None else int(self.places[index])
        return row_name(place, self.separator, self.heading_row)


def row_name(place: int, separator: str, heading_row: int = 1) -> str:
    """What a row is called. People look for that of a CSV file in a spreadsheet or an editor. The rows of other tables
    are counted from 1 below the headings.
    """
    return f"row {place:,} (the headings are row {heading_row})" if separator else f"row {place - FIRST_ROW + 1:,}"


def read(
    source: Any,
    target: str | None = None,
    *,
    learnt: tuple[str, str] = NO_WAY,
    progress: Progress | None = None,
    check: Callable[[], None] | None = None,
) -> TableSource:
    """Read ``source`` (see the module). Raises DataError.

    ``target``: name of the target column.
    ``learnt``: the ``target_way`` of the table that a network was trained on, for targets that can be read in two ways.
    ``progress(what, done, total)``, ``check()``: called after every 10,000 rows of a CSV file.
    """
    if isinstance(source, TableSource):
        return source
    if isinstance(source, str | Path):
        return _file(expanded(source), target, learnt, progress or (lambda *told: None), check or (lambda: None))
    if isinstance(source, tuple | list) and len(source) == 2 and not isinstance(source[0], Mapping):
        return _pair(source[0], source[1], target, learnt)
    if hasattr(source, "shape") and not hasattr(source, "columns") and not getattr(source.dtype, "names", None):
        raise DataError(
            f"The array of shape {tuple(source.shape)} has no targets.",
            "Give a pair (X, y): the array and the targets.",
        )
    return _whole(as_columns(source), target, learnt, "table", source)


def without(source: TableSource, names: Sequence[str]) -> TableSource:
    """``source`` without the columns ``names``, as ones that are not used. Raises DataError for a column that it does
    not have, and for its target.
    """
    refuse_to_ignore(names, source.names, source.target, source.split_column)
    left = {name: values for name, values in source.table.items() if name not in names}
    asked = tuple(Ignored(name, "was left out, as asked") for name in source.table if name in names)
    if not left:
        raise DataError("All columns are to be ignored.", "Leave one at least to learn from.")
    return replace(source, table=left, ignored=(*asked, *source.ignored)) if asked else source


def refuse_to_ignore(names: Sequence[str], columns: Sequence[str], target: str, split: str = "") -> None:
    """Raise DataError for one of ``names`` that is no column of a table, for its target, and for the column ``split``
    that says the splits. ``columns``: all but these.
    """
    for name in names:
        if name == target:
            raise DataError(f"The column {name!r} is the target, so it cannot be left out.", "Ignore another one.")
        if name == split:
            raise DataError(
                f"The column {name!r} says which split each row is in, and is not learnt from.",
                "To have the splits cut by chance, take it out of the table or call it otherwise.",
            )
        if name not in columns:
            known = f"What can be left out: {listed(columns, 8)}."
            raise DataError(f"No column {name!r} is there to ignore.", f"{_meant(columns, name)}{known}")


def kind_of_table(path: Path) -> str:
    """The ending of a table's file, ``.csv`` or ``.csv.gz``. Raises DataError for that of another file."""
    kind = "".join(path.suffixes[-2:]).lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    if kind not in PARQUET and kind not in CSV:
        raise DataError(
            f"Files such as {path.name!r} cannot be read as tables.", "Give a CSV, TSV or Parquet file, or a DataFrame."
        )
    return kind


def _file(
    path: Path, target: str | None, learnt: tuple[str, str], progress: Progress, check: Callable[[], None]
) -> TableSource:
    try:
        if not path.exists():
            raise DataError(f"There is no file {str(path)!r}.", "Check the path.")
        if path.is_dir():
            raise DataError(f"{str(path)!r} is a folder, not a table.", "Give the path of a CSV or Parquet file.")
        if regular_size(path) == 0:
            raise DataError(f"The file {str(path)!r} is empty.", "It was probably not written completely.")
    except (OSError, ValueError) as error:  # a path with a zero byte, no permission to look
        raise DataError(
            f"{str(path)!r} cannot be read ({getattr(error, 'strerror', None) or error}).",
            "Check the path and its permissions.",
        ) from error
    kind = kind_of_table(path)
    if kind in PARQUET:
        return _parquet(path, target, learnt)
    file = CsvFile(path)
    if len(file.names) < 2:
        raise DataError(
            f"The table {str(path)!r} has only one column, {short(file.names[0])!r}.",
            "It needs one to learn and one to learn from.",
        )
    table: dict[str, list[str]] = {name: [] for name in file.names}
    n = 0
    for chunk in file.chunks():
        for name, values in chunk.items():
            table[name] += values
        n = len(table[file.names[0]])
        progress("read", n, 0)
        check()
    if not n:
        raise DataError(f"The table {str(path)!r} has no rows below its first line.", "It needs one for each example.")
    name = path.name[: -len(kind)] or "table"
    gaps = np.searchsorted(np.array(file.gaps, np.int64), np.arange(n), side="right")
    places = np.arange(n) + FIRST_ROW + gaps
    return _whole(table, target, learnt, name, None, file.notes, file.separator, places, file.heading_row)


def _parquet(path: Path, target: str | None, learnt: tuple[str, str]) -> TableSource:
    file = open_parquet(path, packed=True)
    clean_names(file.schema_arrow.names, f"The table {str(path)!r}")
    with to_its_end(path):  # texts may be none, and what pandas noted of its index anything
        frame = unpacked(file.read(use_threads=False), path, categories(path)).to_pandas(use_threads=False)
        frame = frame[[name for name in frame.columns if not PANDAS_INDEX.fullmatch(name)]]
        return _whole(as_columns(frame), target, learnt, path.stem or "table", frame)


def _whole(
    table: Mapping[str, Any],
    target: str | None,
    learnt: tuple[str, str],
    name: str,
    frame: Any,
    notes: tuple[str, ...] = (),
    separator: str = "",
    places: NDArray[np.int64] | None = None,
    heading_row: int = 1,
) -> TableSource:
    """A table with its target in one of the columns."""
    if len(table) < 2:
        only = f"only one column, {short(next(iter(table)))!r}" if table else "no columns"
        raise DataError(f"The table {name!r} has {only}.", "It needs one to learn and one to learn from.")
    split = _split_column(table, target)
    chosen, note = _target_column([column for column in table if column != split], target, name)
    features = {column: values for column, values in table.items() if column != chosen}
    notes, categorical = (*notes, *note), _categorical(frame)
    return _source(
        features, table[chosen], chosen, learnt, name, split, notes, categorical, separator, places, heading_row
    )


def _pair(features: Any, targets: Any, target: str | None, learnt: tuple[str, str]) -> TableSource:
    """The pair (X, y)."""
    table = as_columns(features)
    if not table:
        raise DataError("The table X has no columns.", "Give at least one to learn from.")
    if hasattr(targets, "detach"):
        targets = targets.detach().cpu().numpy()
    if getattr(targets, "ndim", 1) == 2 and targets.shape[1] == 1:
        targets = targets.iloc[:, 0] if hasattr(targets, "iloc") else targets[:, 0]
    if isinstance(targets, str | bytes | set | Mapping) or not hasattr(targets, "__len__") or np.ndim(targets) == 0:
        raise DataError(
            f"The targets y are of the type {type(targets).__name__}.",
            "Give an array or a list.",
        )
    if getattr(targets, "ndim", 1) > 1:
        raise DataError(
            f"The targets y have the shape {tuple(targets.shape)}.",
            "Give one target for each row; rows of 0 and 1 become classes with .argmax(1).",
        )
    n = len(next(iter(table.values())))
    if len(targets) != n:
        raise DataError(f"X has {n:,} rows, but y has {len(targets):,} targets.", "Give one target for each row.")
    series = getattr(targets, "name", None)
    chosen = target or (series if isinstance(series, str) and series.strip() else "target")
    split = _split_column(table, None)
    return _source(table, targets, chosen, learnt, "table", split, (), _categorical(features), "")


def _source(
    table: Mapping[str, Any],
    targets: Any,
    target: str,
    learnt: tuple[str, str],
    name: str,
    split: str | None,
    notes: tuple[str, ...],
    categorical: frozenset[str],
    separator: str,
    places: NDArray[np.int64] | None = None,
    heading_row: int = 1,
) -> TableSource:
    own = raw(targets, target)
    lengths = {column: len(values) for column, values in table.items() if hasattr(values, "__len__")}
    n = refuse_uneven({**lengths, target: len(own)})
    if not n:
        raise DataError(f"The table {name!r} has no rows.", "It needs one for each example.")
    numbered = np.arange(n) + FIRST_ROW if places is None else places

    def where(row: int) -> str:
        return row_name(int(numbered[row]), separator, heading_row)

    columns: dict[str, Raw] = {}
    ignored: list[Ignored] = []
    for column, values in table.items():
        if column != split:
            try:
                columns[column] = raw(values, column)
            except DataError:
                ignored.append(Ignored(column, "holds values that are no numbers, texts or dates"))
    codes = np.zeros(n, np.int8)
    if split:
        values = table[split]
        values = values.tolist() if hasattr(values, "tolist") else list(values)
        codes = codes_of(values, split, where)
    commas = commas_of(map(_evidence, (own, *columns.values())))
    labels, missing, note, way = _targets(own, target, commas, separator, where, learnt)
    reason = f"It has no {lacking(labels, missing)} in the column {target!r}."
    skipped = tuple((where(row), reason) for row in np.flatnonzero(missing).tolist())
    if len(skipped) == n:
        raise DataError(f"The column {target!r} is empty.", "It should hold a class or a number for each row.")
    skipped_split = tuple(codes[missing].tolist())
    kept = np.flatnonzero(~missing)
    if skipped:
        columns = {column: values.take(kept) for column, values in columns.items()}
        labels, codes = labels[kept], codes[kept]
    said = (*notes, *note, *([f"Splits come from the column {split!r}."] if split else []))
    names = tuple(column for column in table if column != split)
    return TableSource(
        columns,
        labels,
        codes,
        name,
        target,
        said,
        skipped,
        tuple(ignored),
        numbered[kept],
        categorical,
        commas,
        separator,
        names,
        way,
        split or "",
        heading_row,
        skipped_split,
    )


def _evidence(values: Raw) -> Evidence:
    return Evidence.of(different(values) if values.form == TEXTS else ())


def _targets(
    values: Raw,
    name: str,
    commas: bool | None,
    separator: str,
    where: Callable[[int], str],
    learnt: tuple[str, str],
) -> tuple[NDArray[Any], NDArray[np.bool_], tuple[str, ...], tuple[str, str]]:
    """Targets, which of them are missing, notes, and how they are written.

    ``commas``, ``separator``, ``where``, ``learnt``: as in ``written.target_texts``.
    """
    if values.form == DATES:
        raise _dates_as_target(name)
    if values.form != TEXTS:
        return (*as_targets(values.values.tolist(), name), (), NO_WAY)
    texts = list(values.values)
    _refuse_dates(texts, name)
    plain, notes, way = target_texts(texts, name, commas, separator, where, learnt)
    found, missing = as_targets(plain, name)
    if found.dtype.kind == "U":
        notes = (*notes, *joined_blanks(texts, name))
    return found, missing, notes, way


def _refuse_dates(texts: Sequence[str], name: str) -> None:
    """Raises DataError where all targets are dates."""
    found = Evidence.of(texts, dates=True)
    if found.known and not found.other:
        raise _dates_as_target(name)


def _dates_as_target(name: str) -> DataError:
    return DataError(
        f"The target {name!r} holds dates, and dates cannot be predicted.",
        "Give numbers, such as days since a day of your choice, or texts for classes.",
    )


def _meant(columns: Sequence[str], target: str) -> str:
    """The column that was probably meant."""
    by_lower = {column.lower(): column for column in columns}
    close = difflib.get_close_matches(target.strip().lower(), by_lower, n=1)
    return f"Did you mean {by_lower[close[0]]!r}? " if close else ""


def _target_column(columns: Sequence[str], target: str | None, name: str) -> tuple[str, tuple[str, ...]]:
    """The target column, and a note where it was guessed."""
    if target is not None:
        if str(target).strip() not in columns:
            raise NoTargetError(
                f"The table {name!r} has no column {str(target)!r}.",
                f"{_meant(columns, str(target))}Its columns are {listed(columns, 8)}; name one of them with --target.",
            )
        return str(target).strip(), ()
    lower = [column.lower() for column in columns]
    names = TARGET_NAMES if set(TARGET_NAMES) & set(lower) or "z" in lower else ("y",)
    named = [column for column in columns if column.lower() in names]
    if len(named) > 1:
        raise DataError(
            f"In the table {name!r}, the target may be the column {' or '.join(map(repr, named[:4]))}.",
            "Say which with --target (target= in Python).",
        )
    if named:
        return named[0], (f"The target is the column {named[0]!r}.",)
    return columns[-1], (f"{GUESSED}, {columns[-1]!r}; name another one with --target.",)


def _split_column(table: Mapping[str, Any], target: str | None) -> str | None:
    """The column of splits, if there is one."""
    for name, values in table.items():
        if name.lower() in SPLIT_COLUMNS and name != target:
            some = values[:LOOKED_AT].tolist() if hasattr(values, "tolist") else list(values[:LOOKED_AT])
            if not all(isinstance(value, str) for value in some):
                continue
            if name.lower() == "split" or all(value.strip().lower() in SPLIT_NAMES for value in some):
                return name
    return None


def _categorical(frame: Any) -> frozenset[str]:
    """Columns of a DataFrame that are declared as categories."""
    if not (hasattr(frame, "dtypes") and hasattr(frame, "columns")):
        return frozenset()
    names = clean_names(list(frame.columns))
    return frozenset(name for name, kind in zip(names, list(frame.dtypes), strict=True) if str(kind) == "category")
