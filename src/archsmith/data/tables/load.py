"""From what a person has to three splits of an encoded, checked table on disk: read, split, fit, encode, check.

A table that is refused leaves nothing on disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from archsmith.core.errors import DataError
from archsmith.core.wording import some_used
from archsmith.data.examples import SPLITS
from archsmith.data.labels import Target
from archsmith.data.splits import FEWEST, Cut, stratified
from archsmith.data.splits import cut as cut_by
from archsmith.data.tables import checks
from archsmith.data.tables.checks import Findings
from archsmith.data.tables.columns import columns_of
from archsmith.data.tables.encode import encode
from archsmith.data.tables.examples import TableExamples, TableSplits
from archsmith.data.tables.read import Progress, TableSource, read, without
from archsmith.data.tables.store import TableStore, build, read_findings
from archsmith.data.tables.target import target_of

PROBED = 2_000  # rows that are encoded to forecast the time of all
FEWEST_USED = 5_000  # rows that are always used, whatever the budget


@dataclass(frozen=True, eq=False)
class Loaded:
    """What ``load`` returns.

    ``splits``: the table, memory-mapped from ``folder``.
    ``folder``: where the splits are stored.
    ``findings``: what the checks found.
    """

    splits: TableSplits
    folder: Path
    findings: Findings


def load(
    source: Any,
    root: Path,
    *,
    seed: int,
    target: str | None = None,
    task: str = "auto",
    ignore: Sequence[str] = (),
    balanced: bool = False,
    seconds: float | None = None,
    progress: Progress | None = None,
    check: Callable[[], None] | None = None,
) -> Loaded:
    """Read ``source`` (see ``read``), split it with ``seed`` and store it below ``root``. Raises DataError.

    ``target``: name of the target column.
    ``task``: ``auto``, ``classification`` or ``regression``.
    ``ignore``: names of columns to learn without.
    ``balanced``: every class counts alike.
    ``seconds``: where encoding would take longer, a share of the rows is used.
    ``progress(what, done, total)``: called between steps.
    ``check()``: called between steps, and may raise.
    """
    told, look = progress or (lambda what, done, total: None), check or (lambda: None)
    listing = without(read(source, target, progress=told, check=look), ignore)
    _refuse_few(listing)
    meaning = target_of(listing, task)
    cut = cut_by(meaning.labels, listing.split, seed, noun="row")
    look()
    notes: tuple[str, ...] = ()
    if seconds is not None:
        cut, notes = affordable(listing, meaning, cut, seconds, seed)
        if notes:  # what is not used is not encoded either
            used = np.flatnonzero(cut.split >= 0)
            meaning = replace(meaning, labels=meaning.labels[used])
            listing, cut = listing.take(used), Cut(cut.split[used], cut.made)
    splits = encoded(listing, meaning, cut, balanced=balanced, notes=notes)
    look()
    told("encode", len(listing), len(listing))
    findings = checks.check(splits, warnings=meaning.warnings, table=listing.table, indexes=cut.indexes)
    return reopen(build(splits, findings, Path(root), check=look))


def reopen(folder: str | Path) -> Loaded:
    """What ``load`` made, from its folder. Raises DataError when it has gone."""
    return Loaded(TableStore.open(str(folder)), Path(folder), read_findings(folder))


def encoded(
    source: TableSource, meaning: Target, cut: Cut, *, balanced: bool = False, notes: tuple[str, ...] = ()
) -> TableSplits:
    """The splits in memory. Every constant comes from training rows. Raises DataError."""
    indexes = cut.indexes
    fitted = columns_of(
        source.table,
        indexes["train"],
        ignored=source.ignored,
        categorical=source.categorical,
        decimal_commas=source.decimal_commas,
        separator=source.separator,
        where=source.row,
    )
    arrays = encode(fitted.columns, source.table, where=source.row)
    dtype = np.int64 if meaning.classes else np.float64
    targets = meaning.labels.astype(dtype)
    splits: dict[str, Any] = {
        name: TableExamples.of(
            {key: array[rows] for key, array in arrays.items()},
            targets[rows],
            meaning.classes,
            fitted.columns,
            None if source.places is None else source.places[rows],
        )
        for name, rows in indexes.items()
    }
    return TableSplits(
        **splits,
        name=source.name,
        made=cut.made,
        notes=(*source.notes, *notes, *meaning.notes, *fitted.notes),
        skipped=source.skipped,
        target=source.target,
        balanced=balanced and bool(meaning.classes),
        columns=fitted.columns,
        ignored=fitted.ignored,
        names=source.names,
        target_way=source.target_way,
    )


def _refuse_few(source: TableSource) -> None:
    n = int((source.split == 0).sum())
    if n < FEWEST:
        raise DataError(
            f"There {'is' if n == 1 else 'are'} only {n} training row{'' if n == 1 else 's'}.",
            f"At least {FEWEST} are needed, and hundreds to learn well.",
        )


def affordable(
    source: TableSource, meaning: Target, cut: Cut, seconds: float, seed: int
) -> tuple[Cut, tuple[str, ...]]:
    """``cut``, or the share of each split that can be encoded in ``seconds``, with a note that says so. ``cut`` as well
    where some rows alone cannot be encoded: what is wrong with them, if anything, is said of the whole table.
    """
    n = len(source)
    if n <= FEWEST_USED:
        return cut, ()
    train = cut.indexes["train"]
    train = train[np.linspace(0, len(train) - 1, min(PROBED, len(train))).astype(np.int64)]  # the table may be sorted
    started = time.perf_counter()
    few = {name: values.take(train) for name, values in source.table.items()}
    rows = np.arange(len(train))
    try:
        fitted = columns_of(
            few,
            rows,
            categorical=source.categorical,
            decimal_commas=source.decimal_commas,
            separator=source.separator,
        )
        encode(fitted.columns, few)
    except DataError:
        return cut, ()
    forecast = (time.perf_counter() - started) * n / max(1, len(train))
    share = max(seconds / forecast, FEWEST_USED / n) if forecast > seconds else 1.0
    if share >= 1:
        return cut, ()
    split = np.full(n, -1, np.int8)
    n_classes = len(meaning.classes)
    for name, own in cut.indexes.items():
        chosen = stratified(meaning.labels[own], n_classes, round(share * len(own)), seed, "share")
        split[own[chosen]] = SPLITS.index(name)
    used = Cut(split, cut.made)
    why = f"encoding all of them would take about {forecast:.0f} s"
    return used, (some_used(used.n, n, "rows", why),)
