"""Benchmark tables: the results of many trainings in one ``.npz`` file, read without pickle.

The schema, version 1, for n architectures with up to d decisions, f fidelities, s seeds and m metrics:

==================  ==========  ================================================================================
array               shape       meaning
==================  ==========  ================================================================================
``format``          ()          the text ``archsmith table 1``
``paths``           (d,)        text: decision paths, in the order in which they are asked
``options``         (d,)        text: for each path a JSON list of its options, which keeps 1, 1.0 and true apart
``answers``         (n, d)      integers: index into the path's options; -1: the decision is not asked here
``fidelity``        ()          text: the name of the fidelity axis, ``epochs`` for instance
``fidelities``      (f,)        numbers, ascending: the fidelities that were recorded
``seconds``         (n, f)      numbers: what a training up to that fidelity took
``metrics``         (m,)        text: names of letters, digits and underscores, the main metric first
``metric_<name>``   (n, f, s)   numbers, one array a metric; f and s may be 1 (the same for all); NaN: not recorded
==================  ==========  ================================================================================

Shares are best written as 64-bit floats: 601 / 698 in 32 bits is off by up to 3e-8, and the means of trainings with as
many right answers then differ.

No two rows are the same. Whether a decision is asked depends on the answers before it. An architecture whose main
metric is NaN for all seeds failed.

Own design. What tables of this kind hold follows NAS-Bench-201 (Dong and Yang 2020, arXiv 2001.00326) and FCNet (Klein
and Hutter 2019, arXiv 1905.04970).
"""

from __future__ import annotations

import itertools
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from archsmith.core.architecture import Scalar
from archsmith.core.errors import DataError, UsageError
from archsmith.core.files import json_value, reading, regular_size, replacing
from archsmith.evaluators.means import mean
from archsmith.evaluators.shipped_tables import locate

FORMAT = "archsmith table 1"
MAX_BYTES = 4 * 2**30  # of all arrays together, unpacked
MAX_ROWS = 5_000_000
MAX_DECISIONS = 1000
MAX_KNOWN = 100_000  # branches remembered; a search asks for the same few again and again
NAME = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)

Floats = npt.NDArray[np.floating]
Wrong = Callable[[str], DataError]


@dataclass(frozen=True)
class Question:
    """A decision that some rows ask.

    ``options``: the answers that these rows give.
    ``weights``: how many rows each option has; None where all have as many.
    ``rows``: of each option, the first row and the one behind the last.
    """

    options: tuple[Scalar, ...]
    weights: tuple[int, ...] | None
    rows: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Table:
    """A table in memory, rows in lexicographic order of their answers. Fields are as in the file.

    ``columns``: the answers, one array ``(n,)`` a decision.
    ``metrics``: arrays by name.
    """

    paths: tuple[str, ...]
    options: tuple[tuple[Scalar, ...], ...]
    columns: tuple[npt.NDArray[np.int32], ...]
    fidelity: str
    fidelities: tuple[float, ...]
    seconds: Floats
    metrics: Mapping[str, Floats]
    _branches: dict[tuple[int, int, int], npt.NDArray[np.intp]] = field(default_factory=dict, repr=False)
    _questions: dict[tuple[int, int, int], Question | None] = field(default_factory=dict, repr=False)
    _finals: dict[str, Floats] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.seconds)

    def branches(self, low: int, high: int, decision: int) -> npt.NDArray[np.intp]:
        """Where rows low … high - 1 part, which are alike in all decisions before this one.

        Answer i has the rows from entry i + 1 up to entry i + 2.
        """
        known = self._branches.get((low, high, decision))
        if known is None:
            # Edges have the column's own type. Others would make searchsorted convert the whole column.
            edges = np.arange(-1, len(self.options[decision]) + 1, dtype=np.int32)
            known = self._branches[low, high, decision] = low + np.searchsorted(self.columns[decision][low:high], edges)
            if len(self._branches) > MAX_KNOWN:
                self._branches.clear()
        return known

    def question(self, low: int, high: int, decision: int) -> Question | None:
        """What rows low … high - 1 ask here, which are alike in all decisions before. None where they do not ask."""
        key = (low, high, decision)
        if key not in self._questions:
            if len(self._questions) > MAX_KNOWN:
                self._questions.clear()
            self._questions[key] = self._question(self.branches(low, high, decision).tolist(), self.options[decision])
        return self._questions[key]

    @staticmethod
    def _question(bounds: list[int], options: tuple[Scalar, ...]) -> Question | None:
        if bounds[1] != bounds[0]:  # rows that leave a decision out come first; either all do or none
            return None
        rows = [(low, high) for low, high in itertools.pairwise(bounds[1:])]
        present = [i for i, (low, high) in enumerate(rows) if high > low]
        weights = tuple(rows[i][1] - rows[i][0] for i in present)
        return Question(
            tuple(options[i] for i in present),
            None if min(weights) == max(weights) else weights,
            tuple(rows[i] for i in present),
        )

    def finals(self, metric: str) -> Floats:
        """``(n,)``: the mean over seeds of ``metric`` at the highest fidelity; NaN where nothing was recorded."""
        if metric not in self._finals:
            self._finals[metric] = mean(self.metrics[metric][:, -1, :])
        return self._finals[metric]

    def find(self, architecture: Mapping[str, Scalar]) -> int | None:
        """The row of ``architecture``, None when there is none."""
        low, high, n_used = 0, len(self), 0
        for decision, path in enumerate(self.paths):
            answer = -1
            if path in architecture:
                answer = _index(self.options[decision], architecture[path])
                n_used += 1
            bounds = self.branches(low, high, decision)
            low, high = int(bounds[answer + 1]), int(bounds[answer + 2])
            if low == high or (path in architecture and answer < 0):
                return None
        return low if n_used == len(architecture) else None


def _index(options: tuple[Scalar, ...], answer: Scalar) -> int:
    return next((i for i, option in enumerate(options) if type(option) is type(answer) and option == answer), -1)


def read_table(path: str | Path) -> Table:
    """The table in ``path``, which may be the name of a shipped one. Raises DataError.

    A file that did not change is read once.
    """
    file = locate(path)
    try:
        facts = os.stat(file)
    except OSError as error:
        raise DataError(
            f"The table {str(path)!r} cannot be read: {error.strerror}.", "Give the path of an .npz file."
        ) from error
    return _read(file, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=4)
def _read(path: str, changed: int, size: int) -> Table:
    return _table(read_arrays(path), path)


def dated(path: str, hint: str) -> tuple[str, int]:
    """The absolute path of a file, and when it was changed. Raises DataError with ``hint`` where there is none."""
    file = os.path.abspath(os.path.expanduser(path))
    try:
        return file, os.stat(file).st_mtime_ns
    except OSError:
        raise DataError(f"There is no file {path!r}.", hint) from None


def read_arrays(path: str) -> dict[str, npt.NDArray[Any]]:
    """All arrays of an ``.npz`` file, none of them pickled, within ``MAX_BYTES``. Raises DataError."""
    with reading(f"{path!r} is not a sound .npz file", "Give the file of a benchmark table."):
        regular_size(path)
        with zipfile.ZipFile(path) as members:
            total = sum(member.file_size for member in members.infolist())
        if total > MAX_BYTES:
            raise DataError(
                f"{path!r} unpacks to {total / 2**30:.1f} GiB.", f"At most {MAX_BYTES / 2**30:.0f} GiB are read."
            )
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}


def _table(arrays: Mapping[str, npt.NDArray[Any]], path: str) -> Table:
    def wrong(what: str) -> DataError:
        return DataError(f"The table {path!r} {what}.", "The schema is described in archsmith.evaluators.table_file.")

    def array(name: str, shape: tuple[int | None, ...], kinds: str) -> npt.NDArray[Any]:
        if name not in arrays:
            raise wrong(f"has no array {name!r}")
        found = arrays[name]
        fits = len(found.shape) == len(shape) and all(
            want is None or have == want for have, want in zip(found.shape, shape, strict=True)
        )
        if not fits or found.dtype.kind not in kinds:
            expected = ", ".join("any" if want is None else str(want) for want in shape)
            raise wrong(
                f"holds {name!r} as {found.dtype} of shape {found.shape}, where the shape should be ({expected}) and "
                f"the kind one of {kinds!r}"
            )
        return found

    if str(array("format", (), "U")) != FORMAT:
        raise wrong(f"has the format {str(arrays['format'])!r}, not {FORMAT!r}")
    paths = tuple(array("paths", (None,), "U").tolist())
    answers = array("answers", (None, len(paths)), "iu")
    n = len(answers)
    if not 0 < n <= MAX_ROWS or len(paths) > MAX_DECISIONS or len(set(paths)) < len(paths):
        raise wrong(f"has {n} rows and {len(paths)} decisions, {len(set(paths))} of them different")
    options = tuple(_options(text, wrong) for text in array("options", (len(paths),), "U").tolist())
    limits = np.array([len(each) for each in options], dtype=np.int64)
    if ((answers < -1) | (answers >= limits)).any():
        raise wrong("holds answers that no option stands for")
    order = np.lexsort(answers.T[::-1]) if len(paths) else np.arange(n)
    columns = tuple(np.ascontiguousarray(answers[order, i], dtype=np.int32) for i in range(len(paths)))
    _check_order(columns, n, paths, wrong)

    fidelities = array("fidelities", (None,), "fiu").astype(float)
    if (
        not len(fidelities)
        or not np.isfinite(fidelities).all()
        or (fidelities <= 0).any()
        or (np.diff(fidelities) <= 0).any()
    ):
        raise wrong(f"has fidelities that are not positive and ascending: {fidelities.tolist()[:10]}")
    seconds = array("seconds", (n, len(fidelities)), "fiu").astype(float)[order]
    if not np.isfinite(seconds).all() or (seconds < 0).any():
        raise wrong("holds seconds that are negative or not finite")
    names = array("metrics", (None,), "U").tolist()
    if not names or len(set(names)) < len(names) or not all(NAME.fullmatch(name) for name in names):
        raise wrong(f"names its metrics {names}")
    metrics: dict[str, Floats] = {}
    for name in names:
        values = array(f"metric_{name}", (n, None, None), "fiu")[order]
        if values.shape[1] not in (1, len(fidelities)) or not values.shape[2] or np.isinf(values).any():
            raise wrong(f"holds 'metric_{name}' in the shape {values.shape}, or with infinite values")
        if np.isnan(values).all():  # every trial would fail
            raise wrong(f"holds no number in 'metric_{name}'")
        metrics[name] = values.astype(values.dtype if values.dtype.kind == "f" else float)
    n_seeds = {values.shape[2] for values in metrics.values()} - {1}
    if len(n_seeds) > 1:
        raise wrong(f"has metrics with different numbers of seeds: {sorted(n_seeds)}")
    return Table(paths, options, columns, str(array("fidelity", (), "U")), tuple(fidelities.tolist()), seconds, metrics)


def _options(text: str, wrong: Wrong) -> tuple[Scalar, ...]:
    try:
        options = json_value(text)
        if (
            isinstance(options, list)
            and options
            and all(option is None or isinstance(option, bool | int | float | str) for option in options)
        ):
            # refuses NaN, which JSON does not have
            different = {json.dumps(option, allow_nan=False) for option in options}
            if len(different) == len(options):
                return tuple(options)
    except ValueError:
        pass
    raise wrong(f"has options that are not a JSON list of different scalars: {text[:80]!r}")


def _check_order(columns: tuple[npt.NDArray[np.int32], ...], n: int, paths: tuple[str, ...], wrong: Wrong) -> None:
    """Raises DataError unless all rows differ, and those that agree in all decisions before one ask the same next."""
    begins = np.zeros(n, dtype=bool)  # does a new group of rows that agree so far begin here?
    begins[0] = True
    for path, column in zip(paths, columns, strict=True):
        differs = column[1:] != column[:-1]
        some_not = (column[1:] < 0) != (column[:-1] < 0)
        if (some_not & ~begins[1:]).any():
            raise wrong(f"asks {path!r} of only some of the architectures that agree before it")
        begins[1:] |= differs
    if not begins.all():
        raise wrong("holds the same architecture twice")


def write_table(
    path: str | Path,
    architectures: Iterable[Mapping[str, Scalar]],
    metrics: Mapping[str, npt.ArrayLike],
    *,
    seconds: npt.ArrayLike = 0.0,
    fidelities: Sequence[float] = (1,),
    fidelity: str = "epochs",
) -> Table:
    """Write ``path`` in the schema above and read it back. Raises UsageError or DataError, and then leaves no file.

    Decisions keep the order in which the architectures ask them.

    ``metrics``: name to values ``(n,)``, ``(n, f)`` or ``(n, f, s)`` in the order of ``architectures``; the main metric
        comes first.
    ``seconds``: ``(n, f)``, ``(n,)`` or one number.
    """
    rows = [dict(architecture) for architecture in architectures]
    paths = _merged(rows)
    options: dict[str, dict[str, Scalar]] = {p: {} for p in paths}
    for row in rows:
        for decision, answer in row.items():
            options[decision].setdefault(json.dumps(answer), answer)
    indexes = {p: {text: i for i, text in enumerate(options[p])} for p in paths}
    answers = np.array(
        [[indexes[p][json.dumps(row[p])] if p in row else -1 for p in paths] for row in rows], dtype=np.int32
    ).reshape(len(rows), len(paths))
    cost, shape = np.asarray(seconds, dtype=float), (len(rows), len(fidelities))
    if cost.shape not in ((), shape[:1], shape):
        raise UsageError(
            f"The seconds have the shape {cost.shape}, of {shape[0]} architectures at {shape[1]} fidelities.",
            "Give one number, (n,) or (n, fidelities).",
        )
    arrays: dict[str, npt.NDArray[Any]] = {
        "format": np.array(FORMAT),
        "paths": np.array(paths, dtype=np.str_),
        "options": np.array([json.dumps(list(options[p].values())) for p in paths], dtype=np.str_),
        "answers": answers.astype(np.min_scalar_type(-max(1, int(answers.max(initial=0)) + 1))),
        "fidelity": np.array(fidelity),
        "fidelities": np.asarray(fidelities, dtype=float),
        "seconds": np.broadcast_to(cost[:, None] if cost.ndim == 1 else cost, shape),
        "metrics": np.array(list(metrics), dtype=np.str_),
    }
    for name, given in metrics.items():
        values = np.asarray(given)
        if not 1 <= values.ndim <= 3:
            raise UsageError(
                f"The metric {name!r} has the shape {values.shape}.",
                "Give (n,), (n, fidelities) or (n, fidelities, seeds).",
            )
        arrays[f"metric_{name}"] = values.reshape(*values.shape, *(1,) * (3 - values.ndim))
    _table(arrays, str(path))  # raises before anything is written
    with replacing(path) as draft, draft.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return read_table(path)


def _merged(rows: Sequence[Mapping[str, Scalar]]) -> list[str]:
    """All paths in one order that agrees with the order in every row.

    Paths that no row orders come by first appearance.
    """
    followers: dict[str, set[str]] = {}
    for asked in dict.fromkeys(tuple(row) for row in rows):
        for path, follower in zip(asked, (*asked[1:], None), strict=True):
            followers.setdefault(path, set()).update(() if follower is None else (follower,))
    merged: list[str] = []
    waiting = dict.fromkeys(followers)
    while waiting:
        behind = set().union(*(followers[path] for path in waiting))
        free = next((path for path in waiting if path not in behind), None)
        if free is None:
            raise UsageError(
                "These architectures ask the same decisions in different orders.", "Take them from one search space."
            )
        merged.append(free)
        del waiting[free]
    return merged
