"""NAS-Bench-201 as an evaluator: its authors trained all 15,625 cells.

So a search takes seconds and costs simulated hours.

Source: Dong and Yang 2020 (arXiv 2001.00326). In the protocol of its baselines, validation accuracy after 12 epochs
steers the search, 12,000 simulated seconds are its budget, and test accuracy after 200 epochs is reported. On CIFAR-10
validation networks were trained on half of the training data, test networks on all of it.

The file is an ``.npz``. It does not come with this package. Its arrays are:

* ``ops`` (15625, 6): indices into ``op_names`` (5,), in the edge order 1←0, 2←0, 2←1, 3←0, 3←1, 3←2.
* ``cifar10_valid_12``, ``cifar10_test_12``, ``cifar10_valid_200``, ``cifar10_test_200`` (15625,): in percent. Other
  data sets have names of their own in place of ``cifar10``.
* ``cifar10_train_seconds_200`` (15625,): for all 200 epochs.
* ``cifar10_params_m`` (15625,): in millions.
* ``arch_index`` (15625,), not needed: the number of each cell in the hardware table, if that is not its row.

Two more files may stand beside it:

* Single trainings: an ``.npz`` with ``cifar10_valid_200_per_seed`` (15625, s) in the same order of rows. NaN: there was
  no such training.
* Hardware (HW-NAS-Bench, Li et al. 2021, arXiv 2103.10584): a Parquet table with a row for each ``arch_index``. Columns
  are such as ``cifar10_edgegpu_latency`` in milliseconds and ``cifar10_fpga_energy`` in millijoules. Negative: it could
  not be measured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import DataError, EvaluationError, MissingExtraError, UsageError
from archsmith.core.fields import checked
from archsmith.core.files import reason
from archsmith.core.problem import Constraint, Fidelity, Objective, Problem
from archsmith.core.protocols import Context, default_objectives
from archsmith.core.seeds import generator
from archsmith.core.trial import Outcome
from archsmith.evaluators.table import Standing
from archsmith.evaluators.table_file import dated, read_arrays
from archsmith.spaces.nasbench201 import OPERATIONS, PATHS, NasBench201

EPOCHS = (12, 200)
COLUMNS = ("valid_12", "test_12", "valid_200", "test_200", "train_seconds_200", "params_m")
FINALS = {
    "accuracy": ("valid_200", 0.01),
    "test_accuracy": ("test_200", 0.01),
    "final_test_accuracy": ("test_200", 0.01),
    "params": ("params_m", 1e6),
}
# Columns of HW-NAS-Bench to our metrics.
MEASURED = {"latency": "latency_ms", "energy": "energy_mj", "arithmetic_intensity": "arithmetic_intensity"}
MISSING = (
    "NAS-Bench-201 does not come with this package; its .npz form is described in archsmith.evaluators.nasbench201."
)

Floats = npt.NDArray[np.float64]
Rows = Mapping[tuple[Scalar, ...], int]
Columns = Mapping[str, Floats]


@checked
@dataclass(frozen=True)
class NasBench201Evaluator:
    """Looks cells of the space NasBench201 up.

    Metrics are ``accuracy`` on validation data and ``test_accuracy``, both after the epochs of the trial;
    ``final_test_accuracy`` after 200 epochs, to be reported and never searched for; ``params``; and
    ``latency_ms_<device>`` and ``energy_mj_<device>``. Accuracies are fractions. Seconds are those of 200 epochs, times
    the share of them that was trained.

    ``path``: of the file.
    ``dataset``: one that the file has, such as ``cifar10`` and ``cifar100``.
    ``epochs``: how long every trial was trained, 12 or 200; None: the trial's fidelity says it.
    ``per_seed``: the file of single trainings. The accuracy after 200 epochs is then that of one of them, drawn by the
        trial's seed, instead of their mean.
    ``hardware``: the Parquet table of latencies and energies, which become metrics.
    """

    path: str
    dataset: str = "cifar10"
    epochs: int | None = 12
    per_seed: str | None = None
    hardware: str | None = None

    simulated: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.epochs is not None and self.epochs not in EPOCHS:
            raise UsageError(
                f"NasBench201Evaluator has epochs={self.epochs}.", "The benchmark trained for 12 and for 200 epochs."
            )
        if self.per_seed is not None and self.epochs == 12:
            raise UsageError(
                "NasBench201Evaluator has per_seed and epochs=12.",
                "Single trainings are known after 200 epochs only: give epochs=200.",
            )
        _read(self.path, self.dataset)
        self._single()
        self._hardware()

    @property
    def metrics(self) -> tuple[str, ...]:
        return (*FINALS, *self._hardware())

    @property
    def repeatable(self) -> bool:
        return self.per_seed is None

    def problem(
        self, objectives: tuple[Objective, ...] | None = None, constraints: tuple[Constraint, ...] = ()
    ) -> Problem:
        """The problem of searching this benchmark; final trainings take 200 epochs.

        Validation accuracy is maximised unless ``objectives`` say otherwise.
        """
        fidelity = Fidelity("epochs", *EPOCHS)
        if self.epochs is not None:
            fidelity = Fidelity("epochs", self.epochs, self.epochs, EPOCHS[-1])
        return Problem(NasBench201(), objectives or default_objectives(self), constraints, fidelity)

    def judged_by(self, metric: str) -> str:
        """The metric that a search for ``metric`` is judged by: the final test accuracy for every accuracy."""
        return "final_test_accuracy" if metric in ("accuracy", "test_accuracy") else metric

    def prepare(self, problem: Problem, context: Context) -> Mapping[str, Any]:
        """Raises UsageError when the problem's fidelities are not those of the benchmark."""
        if self.epochs is None and problem.fidelity.maximum not in EPOCHS:
            hint = 'Use Fidelity("epochs", 12, 200), or give the evaluator epochs=12.'
            raise UsageError(
                f"NAS-Bench-201 has no results at {problem.fidelity.name} = {problem.fidelity.maximum:g}.", hint
            )
        return {}

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        rows, columns = _read(self.path, self.dataset)
        row = rows.get(tuple(architecture.get(path) for path in PATHS))
        if row is None:
            raise EvaluationError(
                f"NAS-Bench-201 does not have {architecture.to_json()}.", "Search the space NasBench201."
            )
        epochs = fidelity if self.epochs is None else self.epochs
        if epochs not in EPOCHS:
            raise EvaluationError(f"NAS-Bench-201 has no results after {epochs:g} epochs, only after 12 and 200.")
        single = self._single()
        if single is not None and epochs == 200:
            known = single[row][~np.isnan(single[row])]
            accuracy = known[int(generator(context.seed, "training").integers(len(known)))]
        else:
            accuracy = columns[f"valid_{epochs:g}"][row]
        metrics = {
            "accuracy": accuracy / 100,
            "test_accuracy": columns[f"test_{epochs:g}"][row] / 100,
            "final_test_accuracy": columns["test_200"][row] / 100,
            "params": columns["params_m"][row] * 1e6,
            **{name: values[row] for name, values in self._hardware().items() if values[row] >= 0},
        }
        seconds = columns["train_seconds_200"][row] * epochs / 200
        return Outcome.success({name: float(value) for name, value in metrics.items()}, float(seconds), {"row": row})

    def standing(
        self, architecture: Mapping[str, Any], metric: str | None = None, *, maximize: bool = True
    ) -> Standing | None:
        """How good ``architecture`` really is by ``metric``: after 200 epochs, on average over all trainings.

        None when the benchmark does not know.
        """
        rows, columns = _read(self.path, self.dataset)
        row = rows.get(tuple(architecture.get(path) for path in PATHS))
        metric = metric or "accuracy"
        if metric in FINALS:
            column, factor = FINALS[metric]
            scores = known = columns[column] * factor
        else:
            scores = self._hardware()[metric]
            known = scores[scores >= 0]
        if row is None or scores[row] < 0:
            return None
        best = known.max() if maximize else known.min()
        better = known > scores[row] if maximize else known < scores[row]
        return Standing(float(scores[row]), float(best), 1 + int(np.count_nonzero(better)), len(known))

    def _single(self) -> Floats | None:
        """The accuracies ``(n, s)`` of single trainings, in percent."""
        if self.per_seed is None:
            return None
        n = len(_read(self.path, self.dataset)[0])
        return _parsed_single(*dated(self.per_seed, MISSING), self.dataset, n)

    def _hardware(self) -> Columns:
        """Metric to its values ``(n,)``, in the order of the main file."""
        if self.hardware is None:
            return {}
        return _parsed_hardware(*dated(self.hardware, MISSING), *dated(self.path, MISSING), self.dataset)


def _read(path: str, dataset: str) -> tuple[Rows, Columns]:
    """Row number by the names of the six operations, and the columns of one data set. Raises DataError."""
    file, changed = dated(path, MISSING)
    return _parsed(file, dataset, changed)


@lru_cache(maxsize=4)
def _parsed(path: str, dataset: str, changed: int) -> tuple[Rows, Columns]:
    arrays = read_arrays(path)
    missing = [
        name for name in ("ops", "op_names", *(f"{dataset}_{column}" for column in COLUMNS)) if name not in arrays
    ]
    if missing:
        known = sorted(name.removesuffix("_valid_200") for name in arrays if name.endswith("_valid_200"))
        raise DataError(f"{path!r} has no array {missing[0]!r}.", f"Data sets in it: {', '.join(known) or 'none'}.")
    ops, names = arrays["ops"], [str(name) for name in arrays["op_names"].ravel().tolist()]
    fits = ops.ndim == 2 and ops.shape[1] == len(PATHS) and ops.dtype.kind == "u" and ops.max(initial=0) < len(names)
    if not fits or sorted(names) != sorted(OPERATIONS):
        expected = f"It should be unsigned integers (n, 6) over {', '.join(OPERATIONS)}."
        raise DataError(f"{path!r} holds 'ops' as {ops.dtype} of shape {ops.shape} over {', '.join(names)}.", expected)
    columns = {column: arrays[f"{dataset}_{column}"] for column in COLUMNS}
    for column, values in columns.items():
        if values.shape != (len(ops),) or values.dtype.kind not in "fiu" or not np.isfinite(values).all():
            name = f"{dataset}_{column}"
            raise DataError(
                f"{path!r} holds {name!r} in the shape {values.shape} for {len(ops)} cells, or with values that are "
                "not finite."
            )
    index = arrays.get("arch_index", np.arange(len(ops)))
    if index.shape != (len(ops),) or index.dtype.kind not in "iu":
        raise DataError(f"{path!r} holds 'arch_index' as {index.dtype} of shape {index.shape} for {len(ops)} cells.")
    rows = {tuple(names[i] for i in cell): row for row, cell in enumerate(ops.tolist())}
    return rows, {column: values.astype(float) for column, values in (*columns.items(), ("arch_index", index))}


@lru_cache(maxsize=4)
def _parsed_single(path: str, changed: int, dataset: str, n: int) -> Floats:
    arrays, name = read_arrays(path), f"{dataset}_valid_200_per_seed"
    if name not in arrays:
        raise DataError(f"{path!r} has no array {name!r}.", f"It has: {', '.join(sorted(arrays))}.")
    values = arrays[name]
    if (
        values.ndim != 2
        or len(values) != n
        or values.dtype.kind != "f"
        or np.isnan(values).all(1).any()
        or np.isinf(values).any()
    ):
        raise DataError(
            f"{path!r} holds {name!r} in the shape {values.shape} for {n} cells, or cells without any training."
        )
    return values.astype(float)


@lru_cache(maxsize=4)
def _parsed_hardware(path: str, changed: int, bench: str, bench_changed: int, dataset: str) -> Columns:
    try:
        import pyarrow.parquet as parquet
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("pyarrow", "train", "Reading latencies") from error
    try:
        table = parquet.read_table(path)
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise DataError(f"{path!r} is not a sound Parquet file: {reason(error)}.") from error
    found = {
        name: re.fullmatch(rf"{re.escape(dataset)}_(\w+?)_({'|'.join(MEASURED)})", name) for name in table.column_names
    }
    names = {column: f"{MEASURED[match[2]]}_{match[1]}" for column, match in found.items() if match}
    if "arch_index" not in table.column_names or not names:
        raise DataError(
            f"{path!r} has no column 'arch_index', or none for {dataset!r} such as {dataset}_edgegpu_latency.",
            f"It has: {', '.join(table.column_names)}.",
        )
    wanted = _parsed(bench, dataset, bench_changed)[1]["arch_index"]
    index = table["arch_index"].to_numpy().astype(float)
    order = np.argsort(index)
    places = (
        order[np.minimum(np.searchsorted(index[order], wanted), len(index) - 1)]
        if len(index)
        else np.zeros(len(wanted), int)
    )
    if not len(index) or (index[places] != wanted).any():
        raise DataError(f"{path!r} lacks some of the cells of {bench!r}.", "Both are told apart by arch_index.")
    columns = {metric: table[column].to_numpy().astype(float)[places] for column, metric in names.items()}
    return {metric: np.where(np.isfinite(values), values, -1.0) for metric, values in columns.items()}
