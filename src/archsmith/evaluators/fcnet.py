"""FCNet as an evaluator: 62,208 settings of a network with two hidden layers, trained four times each.

There are four regression data sets. Source: Klein and Hutter 2019 (arXiv 1905.04970), table 1. Difference: the file
holds the final validation errors alone. So a trial costs no simulated time, and budgets are counted in trials.

The file is an ``.npz``. It does not come with this package. Its arrays are:

* ``search_space``: the text of a JSON object, hyper-parameter to the list of its options.
* ``keys`` (62208, 9): indices into these options.
* for each data set one array (62208, 4): the mean squared error on validation data of four trainings.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from archsmith.core.architecture import Architecture, Scalar, same
from archsmith.core.errors import DataError, EvaluationError
from archsmith.core.fields import checked
from archsmith.core.problem import Constraint, Objective, Problem
from archsmith.core.protocols import Context, default_objectives
from archsmith.core.seeds import generator
from archsmith.core.space import Choose, Space
from archsmith.core.trial import Outcome
from archsmith.evaluators.means import mean
from archsmith.evaluators.table import Standing
from archsmith.evaluators.table_file import dated, read_arrays

# Klein and Hutter 2019, table 1.
OPTIONS: Mapping[str, tuple[Scalar, ...]] = {
    "activation_fn_1": ("relu", "tanh"),
    "activation_fn_2": ("relu", "tanh"),
    "batch_size": (8, 16, 32, 64),
    "dropout_1": (0.0, 0.3, 0.6),
    "dropout_2": (0.0, 0.3, 0.6),
    "init_lr": (0.0005, 0.001, 0.005, 0.01, 0.05, 0.1),
    "lr_schedule": ("cosine", "const"),
    "n_units_1": (16, 32, 64, 128, 256, 512),
    "n_units_2": (16, 32, 64, 128, 256, 512),
}
MISSING = "FCNet does not come with this package; its .npz form is described in archsmith.evaluators.fcnet."
WIDTHS = tuple(len(options) for options in OPTIONS.values())

Errors = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FcNetSpace(Space):
    """Nine decisions about two hidden layers and their training: 62,208 points. It has no fields."""

    def decide(self, choose: Choose) -> None:
        for path, options in OPTIONS.items():
            choose(path, options)

    def known_size(self) -> int:
        return math.prod(WIDTHS)


@checked
@dataclass(frozen=True)
class FcNetEvaluator:
    """Looks settings of the space FcNetSpace up. The metric is ``valid_mse``, to be minimised.

    ``path``: of the file.
    ``dataset``: ``protein_structure``, ``slice_localization``, ``naval_propulsion`` or ``parkinsons_telemonitoring``.
    ``noisy``: whether a trial gets the error of one of the four trainings, drawn by the trial's seed. Otherwise it gets
        their mean.
    """

    path: str
    dataset: str = "protein_structure"
    noisy: bool = False

    metrics: ClassVar[tuple[str, ...]] = ("valid_mse",)
    simulated: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _read(self.path, self.dataset)

    @property
    def repeatable(self) -> bool:
        return not self.noisy

    def problem(
        self, objectives: tuple[Objective, ...] | None = None, constraints: tuple[Constraint, ...] = ()
    ) -> Problem:
        """The problem of searching this benchmark: minimising the validation error unless told otherwise."""
        return Problem(FcNetSpace(), objectives or default_objectives(self), constraints)

    def evaluate(self, architecture: Architecture, fidelity: float, context: Context) -> Outcome:
        point = _point(architecture)
        if point is None:
            raise EvaluationError(f"FCNet does not have {architecture.to_json()}.", "Search the space FcNetSpace.")
        errors = _read(self.path, self.dataset)[point]
        known = errors[~np.isnan(errors)]
        if not len(known):
            raise EvaluationError("This training failed when the benchmark was recorded.", kind="diverged")
        error = known[int(generator(context.seed, "training").integers(len(known)))] if self.noisy else mean(known)
        return Outcome.success({"valid_mse": float(error)})

    def standing(
        self, architecture: Mapping[str, Any], metric: str | None = None, *, maximize: bool = False
    ) -> Standing | None:
        """How good ``architecture`` really is: the mean over all trainings. None when the benchmark does not know."""
        point, means = _point(architecture), _means(*dated(self.path, MISSING), self.dataset)
        if point is None or np.isnan(means[point]):
            return None
        best = np.nanmax(means) if maximize else np.nanmin(means)
        better = means > means[point] if maximize else means < means[point]
        return Standing(
            float(means[point]), float(best), 1 + int(np.count_nonzero(better)), int(np.count_nonzero(~np.isnan(means)))
        )


def _point(architecture: Mapping[str, Any]) -> int | None:
    """The number of a setting in the order of the space."""
    if len(architecture) != len(OPTIONS):
        return None
    point = 0
    for path, options in OPTIONS.items():
        answer = architecture.get(path)
        index = next((i for i, option in enumerate(options) if same(option, answer)), None)
        if index is None:
            return None
        point = point * len(options) + index
    return point


def _read(path: str, dataset: str) -> Errors:
    """The errors ``(62208, s)`` in the order of the space. Raises DataError."""
    return _parsed(*dated(path, MISSING), dataset)


@lru_cache(maxsize=4)
def _means(path: str, changed: int, dataset: str) -> Errors:
    return mean(_parsed(path, changed, dataset))


@lru_cache(maxsize=4)
def _parsed(path: str, changed: int, dataset: str) -> Errors:
    arrays = read_arrays(path)
    missing = [name for name in ("search_space", "keys", dataset) if name not in arrays]
    if missing:
        known = sorted(set(arrays) - {"search_space", "keys"})
        raise DataError(f"{path!r} has no array {missing[0]!r}.", f"Data sets in it: {', '.join(known) or 'none'}.")
    keys, errors = arrays["keys"], arrays[dataset]
    try:
        space = json.loads(str(arrays["search_space"]))
        # For each of our decisions: its column of keys, and our number of each of the file's options.
        columns = [list(space).index(path) for path in OPTIONS]
        numbers = [[_number(options, option) for option in space[name]] for name, options in OPTIONS.items()]
        indices = tuple(np.array(each)[keys[:, column]] for each, column in zip(numbers, columns, strict=True))
        points = np.ravel_multi_index(indices, WIDTHS)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise DataError(f"{path!r} is not FCNet: its search space or keys are others ({error}).") from error
    n = int(np.prod(WIDTHS))
    if (
        len(points) != n
        or len(np.unique(points)) != n
        or errors.ndim != 2
        or len(errors) != n
        or errors.dtype.kind != "f"
        or np.isinf(errors).any()
    ):
        raise DataError(
            f"{path!r} holds {dataset!r} in the shape {errors.shape} and {len(np.unique(points)):,} settings, not "
            f"{n:,}."
        )
    ordered = np.empty(errors.shape)
    ordered[points] = errors
    return ordered


def _number(options: tuple[Scalar, ...], option: Any) -> int:
    """Raises ValueError."""
    for i, own in enumerate(options):
        if same(own, option):
            return i
    raise ValueError(f"option {option!r}")
