"""Benchmarks by name, for ``--bench``: the shipped tables, tables in files, and published benchmarks whose files are
not part of this package.

A user gives the file of a published benchmark once, with ``--bench-file``. Its path is stored in
``<workspace>/benches.json``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PUBLISHED = {"nas-bench-201": "nasbench201", "fcnet": "fcnet"}  # benchmark -> evaluator
# Beginnings of the metrics that need the table of HW-NAS-Bench, beside NAS-Bench-201.
HARDWARE = ("latency_ms_", "energy_mj_", "arithmetic_intensity_")
REMEMBERED = "benches.json"


@dataclass(frozen=True)
class Bench:
    """A benchmark that was found.

    ``title``: its name for people.
    ``evaluator``: its evaluator, by name in the catalogue.
    ``settings``: settings of the evaluator.
    """

    title: str
    evaluator: str
    settings: Mapping[str, Any]


def find(
    name: str,
    file: str | None,
    dataset: str | None,
    noisy: bool,
    metrics: Sequence[str],
    workspace: Path,
    given: Mapping[str, Any] | None = None,
) -> Bench:
    """The benchmark called ``name``, or ``name:dataset`` for a published one.

    ``file``: path of its file; None: the stored path.
    ``dataset``: None: its default.
    ``noisy``: True: scores of single trainings instead of means.
    ``metrics``: metrics that the caller will use.
    ``given``: settings of the evaluator that the caller has: their files are not looked for, and the title says their
        ``epochs``.

    Raises UsageError and DataError.
    """
    from archsmith.core.errors import UsageError

    name, own = split(name)
    if own is not None and dataset is not None:
        raise UsageError(f"{name}:{own} and --dataset name two data sets.", "Leave --dataset out.")
    dataset = own or dataset
    if name not in PUBLISHED:
        if "," in name and file is None and not os.path.exists(name):
            raise UsageError(
                f"There is no benchmark {name!r}.",
                f"Several are named by several options: {' '.join(f'--bench {each}' for each in name.split(','))}.",
            )
        if dataset is not None:
            raise UsageError(f"The table {name!r} has one data set only.", "Leave --dataset out.")
        path = file or name
        if file is not None or os.sep in path or path.endswith(".npz"):
            path = os.path.abspath(os.path.expanduser(path))
        return Bench(_title(name if file is None else file, "", noisy), "table", {"path": path, "noisy": noisy})
    path = _located(name, file, workspace)
    if name == "fcnet":
        chosen = dataset or "protein_structure"
        return Bench(_title(name, chosen, noisy), PUBLISHED[name], {"path": path, "dataset": chosen, "noisy": noisy})
    chosen = dataset or "cifar10"
    epochs = (given or {}).get("epochs", 200 if noisy else 12)
    settings: dict[str, Any] = {"path": path, "dataset": chosen, "epochs": epochs}
    stem = Path(path).stem
    needed = {"per_seed": (f"{stem}_valid_per_seed.npz", "the results of single trainings")} if noisy else {}
    if any(metric.startswith(HARDWARE) for metric in metrics):
        needed["hardware"] = (f"hw_{stem}.parquet", "latencies")
    for setting, (beside, what) in needed.items():
        if setting not in (given or {}):
            settings[setting] = _beside(path, beside, what, setting)
    length = "12 or 200" if epochs is None else epochs
    return Bench(_title(name, f"{chosen}, {length} epochs", noisy), PUBLISHED[name], settings)


def split(name: str) -> tuple[str, str | None]:
    """A published benchmark and its data set, from ``name:dataset``; every other name as it is."""
    head, colon, dataset = name.partition(":")
    return (head, dataset or None) if colon and head in PUBLISHED else (name, None)


def refuse_shared(names: Sequence[str], file: str | None, dataset: str | None) -> None:
    """Raises UsageError where a ``file`` or a ``dataset`` would be that of several different benchmarks."""
    from archsmith.core.errors import UsageError

    heads = {split(name)[0] for name in names}
    if len(heads) > 1 and file is not None:
        raise UsageError(
            "--bench-file is the file of one benchmark.",
            "Give it once with that benchmark alone, since it is remembered; name tables by their files: --bench FILE.",
        )
    if len(names) > 1 and dataset is not None:
        raise UsageError(
            "--dataset is about one benchmark.", "Name data sets with the benchmarks: --bench nas-bench-201:cifar100."
        )


def _title(name: str, detail: str, noisy: bool) -> str:
    details = [text for text in (detail, "single trainings" if noisy else "") if text]
    return Path(name).stem + (f" ({', '.join(details)})" if details else "")


def _located(name: str, file: str | None, workspace: Path) -> str:
    """The absolute path of a published benchmark's file, as given or as stored."""
    from archsmith.core.errors import DataError

    known = _remembered(workspace) if file is None else {}
    path = known.get(name) if file is None else os.path.abspath(os.path.expanduser(file))
    if path is None:
        raise DataError(
            f"{name} is not part of Archsmith.", "Give its .npz file once with --bench-file PATH; it is remembered."
        )
    if not os.path.isfile(path):
        raise DataError(f"There is no file {path!r}.", f"Give the .npz file of {name} with --bench-file PATH.")
    return path


def remember(name: str, found: Bench, workspace: Path) -> None:
    """Store the path of a published benchmark's file. Call this after the file was read without errors."""
    from archsmith.core.files import write_text

    name, _ = split(name)
    if name not in PUBLISHED:
        return
    known, path = _remembered(workspace), str(found.settings["path"])
    if known.get(name) == path:
        return
    write_text(workspace / REMEMBERED, json.dumps({**known, name: path}, indent=1))


def _remembered(workspace: Path) -> dict[str, str]:
    """The stored paths by benchmark. Raises DataError."""
    from archsmith.core.errors import DataError
    from archsmith.core.files import json_value, reason, small_text

    record = workspace / REMEMBERED
    if not record.is_file():
        return {}
    try:
        found = json_value(small_text(record))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{record} cannot be read: {reason(error)}.", "Delete it, and give the file with --bench-file."
        ) from error
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _beside(path: str, name: str, what: str, setting: str) -> str:
    from archsmith.core.errors import DataError

    file = Path(path).with_name(name)
    if not file.is_file():
        raise DataError(
            f"There is no file {name} beside {path!r}. It holds {what}.",
            f"Put it there, or name it with --set evaluator.{setting}=FILE.",
        )
    return str(file)
