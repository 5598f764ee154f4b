"""Checks of a table before anything is trained: what a person should know, and what makes training pointless.

They look at a fingerprint of 64 bits for each row, so that a large table takes little memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.data.findings import (
    LISTED,
    as_json,
    class_sizes,
    counted,
    leaked,
    refuse_unlearnable,
    split_sizes,
    target_figures,
    target_range,
    too_few,
    uneven,
)
from archsmith.data.tables.cells import Raw, short
from archsmith.data.tables.column_notes import Ignored
from archsmith.data.tables.columns import CONSTANT, EMPTY, categories_of, n_codes, numbers_of
from archsmith.data.tables.encode import Apart
from archsmith.data.tables.examples import TableExamples, TableSplits

ODD = np.uint64(0x9E3779B97F4A7C15)  # the constants of splitmix64 (Steele, Lea and Flood 2014)
MIX = np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True)
class Findings:
    """What the checks found.

    ``name``: of the data.
    ``classes``: names of the classes; empty for a regression target.
    ``n_examples``: rows by split.
    ``counts``: rows of each class by split; empty tuples for a regression target.
    ``n_numbers``: how many columns hold numbers.
    ``n_categories``: how many columns hold categories.
    ``n_codes``: how many codes all categories have together.
    ``ignored``: columns that are not used.
    ``duplicates``: rows that repeat an earlier one of the same split, target included.
    ``leaks``: validation rows that are also training rows, test rows that are also either; target included.
    ``contradictions``: training rows whose target is not the commonest among rows with the same values.
    ``made``: splits that were cut from the training split.
    ``skipped``: the first rows that were passed over, with reasons.
    ``notes``: what was converted, in sentences.
    ``warnings``: what a person should look at, in sentences.
    ``n_skipped``: how many rows were passed over.
    ``n_bytes``: on disk.
    ``target``: name, min, median, max, mean and std of training targets; None for classes.
    ``kind``: of data.
    """

    name: str
    classes: tuple[str, ...]
    n_examples: dict[str, int]
    counts: dict[str, tuple[int, ...]]
    n_numbers: int
    n_categories: int
    n_codes: int
    ignored: tuple[Ignored, ...]
    duplicates: int
    leaks: dict[str, int]
    contradictions: int
    made: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    n_skipped: int = 0
    n_bytes: int = 0
    target: dict[str, Any] | None = None
    kind: str = "table"

    @property
    def is_regression(self) -> bool:
        """Is a regression target learnt, rather than a class?"""
        return self.target is not None

    def lines(self) -> list[str]:
        """A short summary for a terminal."""
        numbers, categories = _count(self.n_numbers, "number"), _count(self.n_categories, "category", "categories")
        columns = " and ".join(text for n, text in ((self.n_numbers, numbers), (self.n_categories, categories)) if n)
        if self.target is not None:
            what, spread = f"regression target {self.target['name']!r}", target_range(self.target)
        else:
            what, spread = f"{len(self.classes)} classes", class_sizes(self.counts["train"], self.classes, "row")
        second = f"{split_sizes(self.n_examples, self.made)}; {spread}"
        return [f"{self.name}: {what}, rows of {columns}", second, *self.notes, *self.warnings]

    def to_dict(self) -> dict[str, Any]:
        """JSON."""
        found = {field.name: as_json(getattr(self, field.name)) for field in fields(self)}
        return {**found, "ignored": [[entry.name, entry.reason] for entry in self.ignored]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Findings:
        values = {field.name: data[field.name] for field in fields(cls) if field.name in data}
        return cls(
            **{
                **values,
                "counts": {split: tuple(counts) for split, counts in data["counts"].items()},
                "ignored": tuple(Ignored(name, reason) for name, reason in data["ignored"]),
                "skipped": tuple((name, reason) for name, reason in data["skipped"]),
                **{name: tuple(data[name]) for name in ("classes", "made", "notes", "warnings")},
            }
        )


def _count(n: int, one: str, many: str | None = None) -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def check(
    splits: TableSplits,
    *,
    n_bytes: int = 0,
    warnings: Sequence[str] = (),
    table: Mapping[str, Raw] | None = None,
    indexes: Mapping[str, NDArray[np.int64]] | None = None,
) -> Findings:
    """Look at every split. ``warnings`` are put first. Raises DataError where nothing could be learnt.

    ``table``, ``indexes``: raw values, and their rows by split. They tell rows apart whose rare texts have one code.
    """
    by_name = splits.by_name
    for split, rows in by_name.items():
        if not len(rows):
            raise DataError(f"The {split} split has no rows.", "Give it some.")
    refuse_unlearnable(splits, "row")
    codes = {split: rows.categories for split, rows in by_name.items()}
    if table is not None and indexes is not None:
        apart = Apart(splits.columns)
        codes = {split: apart.codes(found, table, indexes[split]) for split, found in codes.items()}
    inputs = {split: fingerprints(rows.numbers, codes[split]) for split, rows in by_name.items()}
    prints = {split: _mixed(inputs[split], _bits(rows.targets)) for split, rows in by_name.items()}
    seen = np.concatenate([prints["train"], prints["valid"]])
    leaks = {
        "valid": int(np.isin(prints["valid"], prints["train"]).sum()),
        "test": int(np.isin(prints["test"], seen).sum()),
    }
    duplicates = sum(len(found) - len(np.unique(found)) for found in prints.values())
    contradictions = _contradictions(inputs["train"], prints["train"])
    return Findings(
        name=splits.name,
        classes=splits.classes,
        n_examples={split: len(rows) for split, rows in by_name.items()},
        counts={split: tuple(rows.counts().tolist()) for split, rows in by_name.items()},
        n_numbers=len(numbers_of(splits.columns)),
        n_categories=len(categories_of(splits.columns)),
        n_codes=n_codes(splits.columns),
        ignored=splits.ignored,
        duplicates=duplicates,
        leaks=leaks,
        contradictions=contradictions,
        made=splits.made,
        skipped=splits.skipped[:LISTED],
        notes=splits.notes,
        warnings=(*warnings, *_warnings(splits, duplicates, leaks, contradictions)),
        n_skipped=len(splits.skipped),
        n_bytes=n_bytes,
        target=target_figures(splits),
    )


def fingerprints(numbers: NDArray[np.float32], codes: NDArray[np.int64]) -> NDArray[np.uint64]:
    """64 bits for the inputs of each row ``(n,)``: ``numbers`` ``(n, d)`` and ``codes`` ``(n, k)``."""
    found = np.zeros(len(numbers), np.uint64)
    for values in (*numbers.T, *codes.T):
        found = _mixed(found, _bits(values))
    return found


def _bits(values: NDArray[Any]) -> NDArray[np.uint64]:
    """The same bits for equal values: one NaN, one zero."""
    if values.dtype.kind != "f":
        return values.astype(np.int64).view(np.uint64)
    plain = values.astype(np.float64) + 0.0
    plain[np.isnan(plain)] = np.nan
    return plain.view(np.uint64)


def _mixed(state: NDArray[np.uint64], bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = ((state ^ bits) + ODD) * MIX  # wraps around
    mixed = (mixed ^ (mixed >> np.uint64(29))) * ODD
    return np.asarray(mixed ^ (mixed >> np.uint64(32)))


def _contradictions(inputs: NDArray[np.uint64], prints: NDArray[np.uint64]) -> int:
    _, groups = np.unique(inputs, return_inverse=True)
    _, first, counts = np.unique(prints, return_index=True, return_counts=True)
    commonest = np.zeros(int(groups.max(initial=-1)) + 1, np.int64)
    np.maximum.at(commonest, groups[first], counts)
    return int(len(inputs) - commonest.sum())


def _warnings(splits: TableSplits, duplicates: int, leaks: Mapping[str, int], contradictions: int) -> list[str]:
    warnings = []
    if splits.skipped:
        rows = counted(len(splits.skipped), "row", "has", "have")
        warnings.append(f"{rows} no target that can be learnt; the first is {splits.skipped[0][0]}.")
    for column in target_columns(splits.train):
        warnings.append(
            f"The column {short(column)!r} says the target in other words. Leave it out, unless it is known when "
            "predictions are made."
        )
    warnings += uneven(splits, "row")
    # rows that are alike in what is learnt may differ in what is not
    partly = any(entry.reason not in (EMPTY, CONSTANT) for entry in splits.ignored)
    used = " in all columns that are used" if partly else ""
    if duplicates:
        warnings.append(f"{counted(duplicates, 'row', 'repeats', 'repeat')} another one of the same split{used}.")
    warnings += leaked(splits, leaks, "row", ", as far as the columns that are used tell" if partly else "")
    if contradictions:
        other = "target" if splits.is_regression else "class"
        warnings.append(
            f"{counted(contradictions, 'training row', 'has', 'have')} another {other} than a row that reads the same"
            f"{used}."
        )
    return [*warnings, *too_few(splits, "row")]


def target_columns(rows: TableExamples) -> list[str]:
    """Columns that give the target away: each value stands for one class and each class for one value, or values and
    regression targets have the same order.
    """
    found = []
    n_numbers = n_categories = 0
    for column in rows.columns:
        if column.kind == "number":
            values: NDArray[Any] = rows.numbers[:, n_numbers]
            n_numbers += 1
        else:
            values = rows.categories[:, n_categories]
            n_categories += 1
        if column.missing == 0 and (_same_order if rows.is_regression else _one_to_one)(values, rows.targets):
            found.append(column.name)
    return found


def _one_to_one(values: NDArray[Any], targets: NDArray[Any]) -> bool:
    different, codes = np.unique(values, return_inverse=True)
    n = len(np.unique(targets))
    return len(different) == n < len(values) and len(np.unique(codes * n + targets)) == n


def _same_order(values: NDArray[Any], targets: NDArray[Any]) -> bool:
    """Do the targets only rise, or only fall, where the values rise, and only there?"""
    order = np.argsort(values, kind="stable")
    steps, rises = np.diff(values[order].astype(np.float64)), np.diff(targets[order].astype(np.float32))
    return bool(((steps > 0) == (rises > 0)).all() or ((steps > 0) == (rises < 0)).all()) and not (
        (rises[steps == 0] != 0).any()
    )
