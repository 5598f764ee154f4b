"""Splits on disk as plain ``.npy`` files, so that worker processes map them instead of being sent arrays.

A folder is named by its content (pictures, labels, class names and where they were cut), written to a draft and moved into place whole; writing the
same splits again costs only the hashing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from archsmith.core.errors import DataError
from archsmith.data.images import ImageSet
from archsmith.data.splits import Splits

FORMAT = 1
FACTS = "splits.json"


def key(splits: Splits) -> str:
    """16 hexadecimal digits that name the content of ``splits``."""
    digest = hashlib.blake2b(digest_size=8)
    digest.update(json.dumps([FORMAT, splits.classes, splits.name, splits.scale, splits.made]).encode())
    for part, data in splits.parts.items():
        digest.update(f"{part}{data.images.shape}{data.files is not None}".encode())
        for array in (data.images, data.labels):
            for start in range(0, len(array), 4096):
                digest.update(array[start : start + 4096].tobytes())
        digest.update("\0".join(data.files or ()).encode())
    return digest.hexdigest()


def write(splits: Splits, root: Path) -> Path:
    """Store ``splits`` below ``root`` and return their folder, ``root/<key>``."""
    folder = Path(root) / key(splits)
    if (folder / FACTS).exists():
        return folder
    draft = Path(root) / f".{folder.name}-{uuid.uuid4().hex[:8]}"
    draft.mkdir(parents=True)
    try:
        for part, data in splits.parts.items():
            np.save(draft / f"{part}_images.npy", data.images, allow_pickle=False)
            np.save(draft / f"{part}_labels.npy", data.labels, allow_pickle=False)
        if isinstance(splits.test.raw, np.ndarray):  # originals are wanted again when the exported network is verified
            np.save(draft / "test_raw.npy", splits.test.raw, allow_pickle=False)
        mean, std = splits.statistics
        facts = {
            "format": FORMAT,
            "name": splits.name,
            "classes": splits.classes,
            "mean": mean,
            "std": std,
            "made": splits.made,
            "notes": splits.notes,
            "skipped": splits.skipped,
            "scale": splits.scale,
            "files": {part: data.files for part, data in splits.parts.items()},
        }
        (draft / FACTS).write_text(json.dumps(facts), encoding="utf-8")
        os.replace(draft, folder)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        if not (folder / FACTS).exists():  # else another process was faster
            raise DataError(
                f"The data cannot be stored in {str(root)!r} ({error.strerror}).", "Free some disk space or choose another workspace."
            ) from error
    return folder


def open_splits(folder: str | Path) -> Splits:
    """The splits in a folder that ``write`` made; pictures are memory-mapped, read-only. Raises DataError."""
    folder = Path(folder)
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"There are no stored data in {str(folder)!r}.", "Read the data again.") from error
    except json.JSONDecodeError as error:
        raise DataError(f"The stored data in {str(folder)!r} are damaged.", "Delete the folder and read the data again.") from error
    if facts.get("format") != FORMAT:
        raise DataError(
            f"The stored data in {str(folder)!r} are of format {facts.get('format')}, not {FORMAT}.", "Delete the folder and read the data again."
        )
    try:
        sets = {part: _open(folder, part, facts) for part in ("train", "valid", "test")}
    except (OSError, ValueError) as error:
        raise DataError(f"The stored data in {str(folder)!r} are damaged ({error}).", "Delete the folder and read the data again.") from error
    splits = Splits(
        **sets,
        name=facts["name"],
        made=tuple(facts["made"]),
        notes=tuple(facts["notes"]),
        skipped=tuple((file, reason) for file, reason in facts["skipped"]),
        scale=facts["scale"],
    )
    splits.__dict__["statistics"] = (tuple(facts["mean"]), tuple(facts["std"]))  # known already: fills the cached property
    return splits


def _open(folder: Path, part: str, facts: dict[str, Any]) -> ImageSet:
    files = facts["files"][part]
    raw = folder / f"{part}_raw.npy"
    return ImageSet(
        np.load(folder / f"{part}_images.npy", mmap_mode="r", allow_pickle=False),
        np.load(folder / f"{part}_labels.npy", allow_pickle=False),
        tuple(facts["classes"]),
        None if files is None else tuple(files),
        np.load(raw, mmap_mode="r", allow_pickle=False) if raw.exists() else None,
    )
