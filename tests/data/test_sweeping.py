from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from archsmith.data.images.load import load
from archsmith.data.lock import FileLock
from archsmith.data.stored import opened
from archsmith.data.sweeping import sweep

ARRAYS = (np.random.default_rng(0).integers(0, 256, (60, 12, 12, 3), dtype=np.uint8), np.arange(60) % 3)


def age(path: Path, days: float) -> None:
    then = time.time() - days * 86400
    os.utime(path, (then, then))


def test_sweeping_removes_what_was_not_used_for_longest(tmp_path: Path) -> None:
    folders = [load(ARRAYS, tmp_path, seed=seed).folder for seed in range(4)]
    for days, folder in zip((1, 4, 3, 2), folders, strict=True):
        age(folder, days)
    size = sum(file.stat().st_size for file in folders[0].iterdir()) / 1e6
    assert sweep(tmp_path, set(), 10 * size) == []
    assert sweep(tmp_path, {str(folders[1])}, 2.5 * size) == [folders[2].name, folders[3].name]
    opened.cache_clear()
    opened(str(folders[1]))
    assert sweep(tmp_path, set(), 1.5 * size) == [folders[0].name]


def test_sweeping_removes_old_drafts_that_nobody_writes(tmp_path: Path) -> None:
    for name, days in (("old", 2), ("new", 0.5), ("held", 2)):
        draft = tmp_path / f".{name}.draft"
        draft.mkdir()
        age(draft, days)
    lock = FileLock(tmp_path / ".held.lock")
    assert lock.take()
    assert sweep(tmp_path) == [".old.draft"]
    lock.release()
    assert sweep(tmp_path / "nowhere") == []
