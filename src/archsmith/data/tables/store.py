"""Splits of a table on disk, as plain ``.npy`` files that worker processes map instead of being sent arrays.

A folder is named by what is in it. ``build`` writes a draft beside the folder's place and moves it there when it is
whole. When the same splits are asked for again, it finds the folder. One process at a time writes a draft.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsmith.core.errors import DataError
from archsmith.data.examples import SPLITS
from archsmith.data.store_folder import FACTS, damaged, locked, mark_used, read_json
from archsmith.data.tables.checks import Findings
from archsmith.data.tables.column_notes import Ignored
from archsmith.data.tables.columns import Column, categories_of, numbers_of
from archsmith.data.tables.examples import TableExamples, TableSplits
from archsmith.data.tables.written import NO_WAY

FORMAT = 1
COLUMNS, FINDINGS = "columns.json", "findings.json"
ARRAYS = ("numbers", "categories", "targets")
PLACES = "places"  # an array that earlier stores lack


class TableStore:
    """The ``Store`` of tables."""

    @staticmethod
    def open(folder: str) -> TableSplits:
        """The splits in a folder that ``build`` made; arrays are memory-mapped, read-only. Raises DataError."""
        place = Path(folder)
        facts = read_json(place, FACTS)
        if facts.get("format") != FORMAT or facts.get("kind") != TableSplits.kind:
            raise DataError(
                f"The stored data in {folder!r} are {facts.get('kind')} of format {facts.get('format')}, not "
                f"{TableSplits.kind} of format {FORMAT}.",
                "Delete the folder and read the data again.",
            )
        try:
            splits = _opened(place, facts, read_json(place, COLUMNS))
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise damaged(place) from error
        mark_used(place)
        return splits


def read_findings(folder: str | Path) -> Findings:
    """What the checks found when the splits in ``folder`` were stored. Raises DataError."""
    found = read_json(folder, FINDINGS)
    try:
        return Findings.from_dict(found)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(folder) from error


def build(splits: TableSplits, findings: Findings, root: Path, *, check: Callable[[], None] | None = None) -> Path:
    """The folder of ``splits`` below ``root``, made if it is not there. Raises DataError and then leaves nothing.

    ``check`` is called while another process makes the same folder, and may raise.
    """
    root = Path(root)
    key = fingerprint(splits)
    folder, draft = root / key, root / f".{key}.draft"
    try:
        root.mkdir(parents=True, exist_ok=True)
        if (folder / FACTS).exists():
            return folder
        with locked(root / f".{key}.lock", check or (lambda: None)):
            if not (folder / FACTS).exists():
                shutil.rmtree(draft, ignore_errors=True)  # of a process that was stopped
                try:
                    _write(splits, findings, draft)
                    os.replace(draft, folder)
                except BaseException:
                    shutil.rmtree(draft, ignore_errors=True)
                    raise
    except OSError as error:
        raise DataError(
            f"The table cannot be stored in {str(root)!r} ({error.strerror or error}).",
            "Free some disk space or choose another workspace.",
        ) from error
    return folder


def fingerprint(splits: TableSplits) -> str:
    """16 hexadecimal digits that change with the content."""
    digest = hashlib.blake2b(digest_size=8)
    digest.update(json.dumps([FORMAT, _facts(splits), _columns(splits)], sort_keys=True).encode())
    for split in SPLITS:
        for name in ARRAYS:
            array = np.ascontiguousarray(getattr(splits.by_name[split], name))
            digest.update(f"{array.dtype.str} {array.shape}".encode())
            digest.update(array.data.cast("B") if array.size else b"")
        if (places := splits.by_name[split].places) is not None:
            digest.update(np.ascontiguousarray(places).tobytes())
    return digest.hexdigest()


def _facts(splits: TableSplits) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "kind": splits.kind,
        "name": splits.name,
        "classes": list(splits.classes),
        "target": splits.target,
        "balanced": splits.balanced,
        "made": list(splits.made),
        "notes": list(splits.notes),
        "skipped": [list(entry) for entry in splits.skipped],
    }


def _columns(splits: TableSplits) -> dict[str, Any]:
    return {
        "names": list(splits.names),
        "columns": [column.to_dict() for column in splits.columns],
        "ignored": [dataclasses.asdict(entry) for entry in splits.ignored],
        **({} if splits.target_way == NO_WAY else {"target_way": list(splits.target_way)}),
    }


def _write(splits: TableSplits, findings: Findings, folder: Path) -> None:
    folder.mkdir()
    for split in SPLITS:
        for name in ARRAYS:
            array = getattr(splits.by_name[split], name)
            if array.size:
                np.save(folder / f"{split}_{name}.npy", array, allow_pickle=False)
        if (places := splits.by_name[split].places) is not None:
            np.save(folder / f"{split}_{PLACES}.npy", places, allow_pickle=False)
    _dump(folder / COLUMNS, _columns(splits))
    n_bytes = sum(path.stat().st_size for path in folder.iterdir())
    _dump(folder / FINDINGS, dataclasses.replace(findings, n_bytes=n_bytes).to_dict())
    _dump(folder / FACTS, _facts(splits))


def _dump(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")


def _opened(folder: Path, facts: dict[str, Any], stored: dict[str, Any]) -> TableSplits:
    columns = tuple(Column.from_dict(entry) for entry in stored["columns"])
    return TableSplits(
        **{split: _examples(folder, split, columns, tuple(facts["classes"])) for split in SPLITS},
        name=facts["name"],
        made=tuple(facts["made"]),
        notes=tuple(facts["notes"]),
        skipped=tuple((name, reason) for name, reason in facts["skipped"]),
        target=facts["target"],
        balanced=facts["balanced"],
        folder=str(folder),
        columns=columns,
        ignored=tuple(Ignored(entry["name"], entry["reason"]) for entry in stored["ignored"]),
        names=tuple(stored["names"]),
        target_way=tuple(stored.get("target_way", NO_WAY)),  # which earlier stores lack
    )


def _examples(folder: Path, split: str, columns: tuple[Column, ...], classes: tuple[str, ...]) -> TableExamples:
    targets = np.load(folder / f"{split}_targets.npy", allow_pickle=False)
    n = len(targets)
    numbers: NDArray[Any] = np.zeros((n, 0), np.float32)
    categories: NDArray[Any] = np.zeros((n, 0), np.int64)
    if numbers_of(columns):
        numbers = np.load(folder / f"{split}_numbers.npy", mmap_mode="r", allow_pickle=False)
    if categories_of(columns):
        categories = np.load(folder / f"{split}_categories.npy", mmap_mode="r", allow_pickle=False)
    kept = folder / f"{split}_{PLACES}.npy"
    places = np.load(kept, mmap_mode="r", allow_pickle=False) if kept.exists() else None
    return TableExamples(numbers, categories, targets, classes, columns, places)
