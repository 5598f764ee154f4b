"""Boosted trees as a baseline of tables: scikit-learn fits them, and they become a network."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from archsmith.automl.modalities import forest
from archsmith.automl.modality import Fitted
from archsmith.core.errors import ArchsmithError
from archsmith.data.examples import Examples, Splits
from archsmith.data.tables.columns import CATEGORY, code_offsets
from archsmith.data.tables.examples import TableExamples
from archsmith.graphs.network import Network
from archsmith.spaces.tabular import CATEGORIES, NUMBERS

MOST_CATEGORIES = 254  # that the boosted trees of scikit-learn take as categories
FIRST_ROUNDS = 1  # of boosting, before the clock is looked at
CHECKED = 1000  # training rows
JUDGED = 300  # training rows by which a model is seen to diverge
DIVERGED = 0.1  # of the loss after the first round: so much it is larger at the end than at its best
MOST_DIFFERENCE = 1e-4  # of a probability, or in standard deviations of the regression target
FEW_VALUES = 2_000_000  # of a table that one thread fits; of more, as many threads as torch has


@dataclass(frozen=True)
class Boosted:
    """Gradient boosting of scikit-learn, in the manner of LightGBM (Ke et al. 2017), at its defaults.

    ``statistics``: mean and standard deviation of the regression targets; None: classes are learnt.
    ``balanced``: does every class count alike?
    """

    statistics: tuple[float, float] | None = None
    balanced: bool = False

    name = "boosted"
    what = "histogram gradient boosting of scikit-learn, at its defaults"

    @classmethod
    def of(cls, splits: Splits) -> Boosted:
        return cls(splits.target_statistics, splits.balanced)

    def fit(self, train: Examples, seed: int, seconds: float | None = None) -> Fitted:
        """The trees as a network. Without a limit on time, or within it, those that one fit of scikit-learn gives; else
        as many rounds of them as fit into ``seconds``, one at least. Where boosting diverges, those up to its best
        round.
        """
        table = cast(TableExamples, train)
        model = self.model(table, seed, seconds)
        base = forest.baseline_of(model)
        if self.statistics is not None:
            mean, std = self.statistics
            weight, bias = np.eye(1), base - mean
            std = std or 1.0  # where all targets are equal
            weight, bias = weight / std, bias / std
        else:
            weight, bias = _logits(model.classes_, base, len(table.classes))
        network = forest.network_of(model, sources(table), table.inputs, weight, bias)
        self._check(network, model, table.take(range(min(len(table), CHECKED))))
        return Fitted(network, _was_cut(model))

    def _check(self, network: Network, model: Any, some: TableExamples) -> None:
        """Raises ArchsmithError unless the network says what scikit-learn says."""
        rows = {name: torch.from_numpy(array) for name, array in some.batch(np.arange(len(some))).items()}
        with torch.inference_mode():
            found = network(rows if len(rows) > 1 else next(iter(rows.values()))).double()
        if self.statistics is not None:
            mean, std = self.statistics
            expected, given = (model.predict(matrix(some)) - mean) / (std or 1.0), found[:, 0].numpy()
        else:
            expected, given = model.predict_proba(matrix(some)), found.softmax(1).numpy()[:, model.classes_]
        difference = float(np.abs(expected - given).max())
        if not difference <= MOST_DIFFERENCE:
            raise ArchsmithError(
                f"The network of the boosted trees differs from them by {difference:.2g}.",
                "Please report the version of scikit-learn.",
            )

    def model(self, table: TableExamples, seed: int, seconds: float | None) -> Any:
        """What scikit-learn fits."""
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        how = {"categorical_features": categorical(table), "random_state": seed}
        if self.statistics is not None:
            model = HistGradientBoostingRegressor(**how)
        else:
            model = HistGradientBoostingClassifier(class_weight="balanced" if self.balanced else None, **how)
        with _threads(len(table) * len(table.columns)), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the checks of the data have said what matters
            x = matrix(table)
            return before_it_diverged(fitted(model, x, table.targets, seconds), x, table.targets)


def before_it_diverged(model: Any, x: NDArray[np.float64], y: NDArray[Any]) -> Any:
    """``model`` up to the round with the smallest loss on training rows, where its last round is clearly worse. With
    many classes of few rows each, boosting at its defaults may diverge: each round is wilder than the one before.
    """
    some = np.unique(np.linspace(0, len(x) - 1, min(len(x), JUDGED)).round().astype(np.int64))
    losses = [float(loss) for loss in _losses(model, x[some], y[some])]
    if losses[-1] - min(losses) > DIVERGED * losses[0]:
        model._predictors = model._predictors[: int(np.argmin(losses)) + 1]
    return model


def _losses(model: Any, x: NDArray[np.float64], y: NDArray[Any]) -> Iterator[np.floating[Any]]:
    """After each round, the log loss or the mean squared error of some rows."""
    if not hasattr(model, "classes_"):
        yield from (np.square(predicted - y).mean() for predicted in model.staged_predict(x))
        return
    own = np.searchsorted(model.classes_, y)
    for shares in model.staged_predict_proba(x):
        yield -np.log(np.maximum(shares[np.arange(len(y)), own], 1e-12)).mean()


def fitted(model: Any, x: NDArray[np.float64], y: NDArray[Any], seconds: float | None) -> Any:
    """``model`` fitted, in several rounds where there is a limit on time. The next rounds are as many as will fit into
    the time that is left, and at most as many as there were.
    """
    if seconds is None:
        return model.fit(x, y)
    started, most = time.perf_counter(), model.max_iter
    model.set_params(warm_start=True, max_iter=min(most, FIRST_ROUNDS)).fit(x, y)
    while model.n_iter_ == model.max_iter < most and not _has_converged(model):
        spent = time.perf_counter() - started
        more = int(min(1.0, (seconds - spent) / spent) * model.n_iter_)
        if more < 1:
            break
        model.set_params(max_iter=min(most, model.n_iter_ + more)).fit(x, y)
    return model


def _has_converged(model: Any) -> bool:
    """Did the last round end the boosting early? scikit-learn would go on where it is fitted again."""
    scores = model.validation_score_
    n = model.n_iter_no_change
    return len(scores) > n and not (scores[-n:] > scores[-n - 1] + model.tol).any()


def _was_cut(model: Any) -> bool:
    """Did the limit on time end its boosting?"""
    return model.n_iter_ == model.max_iter < type(model)().max_iter and not _has_converged(model)


@contextmanager
def _threads(n_values: int) -> Iterator[None]:
    """One thread for small tables: several wait for each other at every leaf, for minutes on a busy machine."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1 if n_values <= FEW_VALUES else torch.get_num_threads(), user_api="openmp"):
        yield


def _logits(
    classes: NDArray[np.int64], base: NDArray[np.float64], n_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights and biases from the sums of the trees to a logit of every class. Of two classes there is one sum: the
    logit of the second, where the first has 0.
    """
    weight, bias = np.zeros((n_classes, len(base))), np.full(n_classes, forest.UNSEEN)
    bias[classes] = 0.0
    learnt = classes[-len(base) :]
    weight[learnt, np.arange(len(base))] = 1.0
    bias[learnt] = base
    return weight, bias


def matrix(table: TableExamples) -> NDArray[np.float64]:
    """Numbers, then the codes of each category column counted from 0, ``(n, columns)``."""
    rows = table.batch(np.arange(len(table)))
    found = []
    if NUMBERS in rows:
        found.append(rows[NUMBERS].astype(np.float64))
    if CATEGORIES in rows:
        found.append((rows[CATEGORIES] - np.array(code_offsets(table.columns))).astype(np.float64))
    return np.concatenate(found, axis=1)


def sources(table: TableExamples) -> list[forest.Source]:
    """The columns of ``matrix``."""
    n = table.numbers.shape[1]
    texts = [column for column in table.columns if column.kind == CATEGORY]
    return [forest.Source(place) for place in range(n)] + [
        forest.Source(n + place, first, column.n_codes)
        for place, (first, column) in enumerate(zip(code_offsets(table.columns), texts, strict=True))
    ]


def categorical(table: TableExamples) -> list[bool]:
    """Which columns of ``matrix`` are categories, as far as the trees can take so many."""
    return [0 < source.n_codes <= MOST_CATEGORIES for source in sources(table)]
