"""NAS-Bench-201 as an evaluator: all 15,625 cells were trained by its authors, so that a search takes seconds and costs simulated hours.

Source: Dong and Yang 2020 (arXiv 2001.00326); protocol of the baselines: validation accuracy after 12 epochs steers the search, 12,000 simulated
seconds are its budget, and test accuracy after 200 epochs is reported. On CIFAR-10 validation networks were trained on half of the training data,
test networks on all of it.

The file is an ``.npz`` with ``ops`` (15625, 6), indices into ``op_names`` (5,) in the edge order 1←0, 2←0, 2←1, 3←0, 3←1, 3←2, and for each data
set, here ``cifar10``, the columns (15625,): ``cifar10_valid_12``, ``cifar10_test_12``, ``cifar10_valid_200``, ``cifar10_test_200`` in percent,
``cifar10_train_seconds_200`` for all 200 epochs, and ``cifar10_params_m`` in millions. It does not come with this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from archsmith.core.architecture import Architecture, Scalar
from archsmith.core.errors import DataError, EvaluationError, UsageError
from archsmith.core.problem import Problem
from archsmith.core.protocols import Context
from archsmith.core.trial import Outcome
from archsmith.evaluators.table_file import read_arrays
from archsmith.spaces.nasbench201 import OPERATIONS, PATHS

EPOCHS = (12, 200)
COLUMNS = ("valid_12", "test_12", "valid_200", "test_200", "train_seconds_200", "params_m")

Rows = Mapping[tuple[Scalar, ...], int]
Columns = Mapping[str, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class NasBench201Evaluator:
    """Looks cells of the space NasBench201 up in the file ``path``.

    ``dataset``: one that the file has, such as ``cifar10`` and ``cifar100``. ``epochs``: 12 or 200, how long every trial was trained; None: the
    trial's fidelity says it. Metrics: ``accuracy`` on validation data and ``test_accuracy`` after that many epochs, ``final_test_accuracy`` after
    200 (to be reported, never searched for), all as fractions, and ``params``. Seconds are the share of the 200 epochs that were trained.
    """

    path: str
    dataset: str = "cifar10"
    epochs: int | None = 12

    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "test_accuracy", "final_test_accuracy", "params")
    simulated: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.epochs is not None and self.epochs not in EPOCHS:
            raise UsageError(f"NasBench201Evaluator has epochs={self.epochs}.", "The benchmark trained for 12 and for 200 epochs.")
        _read(self.path, self.dataset)

    def prepare(self, problem: Problem, context: Context) -> Mapping[str, Any]:
        """Raises UsageError when the problem's fidelities are not those of the benchmark."""
        if self.epochs is None and problem.fidelity.maximum not in EPOCHS:
            hint = 'Use Fidelity("epochs", 12, 200), or give the evaluator epochs=12.'
            raise UsageError(f"NAS-Bench-201 has no results at {problem.fidelity.name} = {problem.fidelity.maximum:g}.", hint)
        return {}

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        rows, columns = _read(self.path, self.dataset)
        row = rows.get(tuple(architecture.get(path) for path in PATHS))
        if row is None:
            raise EvaluationError(f"NAS-Bench-201 does not have {architecture.to_json()}.", "Search the space NasBench201.")
        epochs = fidelity if self.epochs is None else self.epochs
        if epochs not in EPOCHS:
            raise EvaluationError(f"NAS-Bench-201 has no results after {epochs:g} epochs, only after 12 and 200.")
        metrics = {
            "accuracy": columns[f"valid_{epochs:g}"][row] / 100,
            "test_accuracy": columns[f"test_{epochs:g}"][row] / 100,
            "final_test_accuracy": columns["test_200"][row] / 100,
            "params": columns["params_m"][row] * 1e6,
        }
        seconds = columns["train_seconds_200"][row] * epochs / 200
        return Outcome.success({name: float(value) for name, value in metrics.items()}, float(seconds), {"row": row})


def _read(path: str, dataset: str) -> tuple[Rows, Columns]:
    """Row number by the names of the six operations, and the columns of one data set. Raises DataError."""
    file = Path(path).expanduser()
    if not file.is_file():
        hint = "NAS-Bench-201 does not come with this package; its .npz form is described in archsmith.evaluators.nasbench201."
        raise DataError(f"There is no file {path!r}.", hint)
    return _parsed(str(file.resolve()), dataset, file.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _parsed(path: str, dataset: str, changed: int) -> tuple[Rows, Columns]:
    arrays = read_arrays(path)
    missing = [name for name in ("ops", "op_names", *(f"{dataset}_{column}" for column in COLUMNS)) if name not in arrays]
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
            raise DataError(f"{path!r} holds {name!r} in the shape {values.shape} for {len(ops)} cells, or with values that are not finite.")
    rows = {tuple(names[i] for i in cell): row for row, cell in enumerate(ops.tolist())}
    return rows, {column: values.astype(float) for column, values in columns.items()}
