"""What a page shows of data: some pictures of every class, or the first rows of a table, as plain JSON and PNG files.

All of it is made by us from arrays that were read. Nothing that a person sent is ever handed on as it came.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archsmith.analysis.axes import round_edges
from archsmith.core.wording import visible
from archsmith.data.examples import Examples, Splits
from archsmith.data.images.examples import ImageExamples
from archsmith.data.images.pictures import Called
from archsmith.data.tables.cells import iso_text
from archsmith.data.tables.columns import Column
from archsmith.data.tables.examples import TableSplits

N_PICTURES = 48
LARGEST_SIDE = 128  # pixels of a thumbnail
N_ROWS, N_COLUMNS = 12, 40
MOST_CLASSES, MOST_COLUMNS, MOST_IGNORED = 300, 300, 50  # that are told one by one
IN_ORDER = 15  # classes that are few enough to be found in their own order
N_BINS = 12
LONGEST_CELL = 80  # characters


def samples(splits: Splits, folder: Path) -> dict[str, Any]:
    """``pictures``, or ``columns`` and ``rows``, of the training split. PNG files are written into ``folder``."""
    if isinstance(splits.train, ImageExamples):
        return {"pictures": wall(splits.train, folder)}
    return head(splits) if isinstance(splits, TableSplits) else {}


def wall(examples: ImageExamples, folder: Path) -> list[dict[str, Any]]:
    """Some of the pictures, each with ``file``, ``label`` and ``name``, of all classes in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for place, index in enumerate(spread(examples)):
        file = f"{place}.png"
        pixels = np.asarray(examples.images[index])
        image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
        image.save(folder / file, "PNG")
        name = "" if examples.called is None else _name(examples.called, index)
        found.append({"file": file, "label": label(examples, index), "name": name})
    return found


def spread(examples: Examples, n: int = N_PICTURES) -> list[int]:
    """Indexes of about ``n`` examples: evenly spaced ones of each class in turn, or of all targets by their size."""
    targets = np.asarray(examples.targets)
    if examples.is_regression:
        order = np.argsort(targets, kind="stable")
        return [int(order[at]) for at in _evenly(len(order), n)]
    present = np.flatnonzero(examples.counts())
    chosen = present[_evenly(len(present), n)]
    each = -(-n // max(1, len(chosen)))
    rows = [own[_evenly(len(own), each)].tolist() for own in (np.flatnonzero(targets == code) for code in chosen)]
    turns = itertools.chain.from_iterable(itertools.zip_longest(*rows))
    return sorted((i for i in itertools.islice((i for i in turns if i is not None), n)), key=lambda i: (targets[i], i))


def head(splits: TableSplits) -> dict[str, Any]:
    """The columns that are learnt from, and the first training rows as a network sees them."""
    examples = splits.train
    shown = [column.name for column in splits.columns[:N_COLUMNS]]
    rows = list(range(min(N_ROWS, len(examples))))
    columns = []
    for column in splits.columns[:MOST_COLUMNS]:
        kind = "date" if column.is_date else column.kind
        facts = {"missing": column.missing, "distinct": column.distinct}
        figures = {name: _figure(column, getattr(column, name)) for name in ("minimum", "median", "maximum")}
        top = [[short(text), share] for text, share in column.top]
        columns.append({"name": short(column.name), "kind": kind, **facts, **figures, "top": top})
    return {
        "n_columns": len(splits.columns),
        "columns": columns,
        "n_ignored": len(splits.ignored),
        "ignored": [[short(each.name), each.reason] for each in splits.ignored[:MOST_IGNORED]],
        "shown": [short(name) for name in shown],
        "rows": [
            [*(_cell(row[name]) for name in shown), label(examples, at)]
            for at, row in zip(rows, examples.rows(rows), strict=True)
        ],
    }


def told(findings: Mapping[str, Any]) -> dict[str, Any]:
    """Findings as JSON for a page: classes are in their order, many of them the largest first, ``n_classes`` is the
    number of all, and nothing in any sentence acts.
    """
    counts, classes = findings["counts"], findings["classes"]
    places = range(len(classes))
    largest = sorted(places, key=lambda at: -counts["train"][at])[:MOST_CLASSES]
    order = list(places) if len(classes) <= IN_ORDER else largest
    return {
        **findings,
        "n_classes": len(classes),
        "classes": [short(classes[at]) for at in order],
        "counts": {split: [each[at] for at in order] for split, each in counts.items()},
        "notes": [visible(line) for line in findings["notes"]],
        "warnings": [visible(line) for line in findings["warnings"]],
        "skipped": [[short(name), visible(why)] for name, why in findings["skipped"]],
    }


def label(examples: Examples, index: int) -> str:
    """The class of an example, or its regression target as text."""
    target = examples.targets[index]
    return f"{float(target):.6g}" if examples.is_regression else short(examples.classes[int(target)])


def histogram(targets: NDArray[Any]) -> dict[str, Any]:
    """How many of the regression targets lie where: ``counts`` of bins, and their round ``edges``, one more; and are
    all targets ``whole`` numbers?
    """
    whole = bool((targets == np.rint(targets)).all())
    edges = round_edges(float(targets.min()), float(targets.max()), N_BINS, whole)
    counts, _ = np.histogram(np.clip(targets, edges[0], edges[-1]), edges)
    return {"counts": [int(n) for n in counts], "edges": edges, "whole": whole}


def short(text: str) -> str:
    """``text`` for a page: nothing in it acts, and it is not too long."""
    plain = visible(text)
    return plain if len(plain) <= LONGEST_CELL else f"{plain[: LONGEST_CELL - 1]}…"


def _figure(column: Column, value: float | None) -> float | str | None:
    """A figure of a column: a number, or a date as text."""
    return iso_text(value) if column.is_date and value is not None else value


def _cell(value: object) -> str | None:
    if value is None:
        return None
    return f"{value:.6g}" if isinstance(value, float) else short(str(value))


def _name(called: Called | Mapping[int, str], index: int) -> str:
    return short("/".join(str(called[index]).replace("\\", "/").split("/")[-2:]))


def _evenly(n: int, wanted: int) -> NDArray[np.int64]:
    """Up to ``wanted`` indexes below ``n``, evenly spaced."""
    return np.unique(np.linspace(0, max(0, n - 1), min(n, wanted)).round().astype(np.int64))
