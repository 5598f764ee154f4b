"""Tables: everything about them that a job needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from archsmith.automl.modality import Modality, ModelBaseline, NetworkBaseline, Progress
from archsmith.automl.settings import FitSettings
from archsmith.bundle.tables import TableIntake
from archsmith.core.architecture import Architecture
from archsmith.core.space import Space
from archsmith.data.examples import Examples, Splits
from archsmith.data.tables.checks import Findings
from archsmith.data.tables.columns import code_offsets
from archsmith.data.tables.examples import TableExamples
from archsmith.data.tables.load import Loaded, load
from archsmith.data.tables.recognise import recognised
from archsmith.graphs.graph import Graph
from archsmith.graphs.network_space import NetworkSpace
from archsmith.spaces.tabular import CATEGORIES, NUMBERS, TableRecipe, Tabular
from archsmith.training.recipe import Recipe

# AdamW at a rate near the middle of what Gorishniy et al. 2021 (arXiv 2106.11959) searched.
RECIPE = Recipe(learning_rate=2e-3, weight_decay=1e-2, label_smoothing=0.0, batch_size=256, clip=1.0, optimizer="adamw")
LINEAR = Recipe(learning_rate=1e-2, weight_decay=0.0, label_smoothing=0.0, schedule="cosine", optimizer="adamw")
LINEAR_STEPS = 4000
MOST_CATEGORIES = 254  # that the boosted trees of scikit-learn take as categories


class Tables(Modality):
    """Rows of numbers and categories, in files, frames or arrays."""

    kind = "table"
    noun, nouns = "row", "rows"
    space = "tabular"

    def recognises(self, settings: FitSettings) -> bool:
        return recognised(settings.data)

    def load(self, settings: FitSettings, root: Path, seconds: float | None, progress: Progress) -> Loaded:
        return load(
            settings.data,
            root,
            seed=settings.seed,
            target=settings.target,
            task=settings.task,
            balanced=settings.balance,
            seconds=seconds,
            progress=progress,
        )

    def findings(self, data: Mapping[str, Any]) -> Findings:
        return Findings.from_dict(data)

    def recipe(self) -> Recipe:
        return RECIPE

    def recipe_space(self) -> Space:
        return TableRecipe()

    def fixed(self, splits: Splits) -> tuple[NetworkSpace, Architecture]:
        """A residual network on encoded numbers."""
        space = Tabular.for_task(splits.task)
        return space, space.first()

    def baselines(self, splits: Splits) -> tuple[NetworkBaseline | ModelBaseline, ...]:
        regression = splits.is_regression
        what = f"{'linear' if regression else 'logistic'} regression on the columns"
        linear = NetworkBaseline("linear", what, _linear(splits), LINEAR, LINEAR_STEPS)
        return linear, Boosted(regression, splits.balanced)

    def intake(self, splits: Splits) -> TableIntake:
        return TableIntake.of(splits)

    def raw(self, examples: Examples, indexes: NDArray[np.int64]) -> Any:
        return cast(TableExamples, examples).rows(indexes)


def _linear(splits: Splits) -> Graph:
    """A linear layer on standardised numbers and marks of missing ones, and a weight for each category."""
    space = Tabular.for_task(splits.task)
    net, terms = space.net(), []
    if space.numbers:
        x = net.op("standardise", net.input(NUMBERS))
        if space.missing:
            x = net.op("concat", x, net.op("missing", net.input(NUMBERS), columns=space.missing))
        terms.append(net.op("linear", x, name="numbers_head", features=space.n_outputs))
    if space.categories:
        weights = net.op("embedding", net.input(CATEGORIES), size=space.n_codes, dim=space.n_outputs)
        terms.append(net.op("token_mean", weights))
    net.output(net.op("add", *terms) if len(terms) > 1 else terms[0])
    return net.graph()


@dataclass(frozen=True)
class Boosted:
    """Gradient boosting of scikit-learn, in the manner of LightGBM (Ke et al. 2017), at its defaults.

    ``regression``: is a regression target learnt?
    ``balanced``: does every class count alike?
    """

    regression: bool
    balanced: bool = False

    name = "boosted"
    what = "histogram gradient boosting of scikit-learn, at its defaults"

    def fit(self, train: Examples, seed: int) -> Callable[[Examples], NDArray[np.float64]]:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        table = cast(TableExamples, train)
        categorical = _categorical(table)
        if self.regression:
            regressor = HistGradientBoostingRegressor(categorical_features=categorical, random_state=seed)
            regressor.fit(_matrix(table), table.targets)
            return lambda examples: np.asarray(regressor.predict(_matrix(cast(TableExamples, examples))))
        weight = "balanced" if self.balanced else None
        classifier = HistGradientBoostingClassifier(
            categorical_features=categorical, random_state=seed, class_weight=weight
        )
        classifier.fit(_matrix(table), table.targets)

        def predict(examples: Examples) -> NDArray[np.float64]:
            found = classifier.predict_proba(_matrix(cast(TableExamples, examples)))
            every = np.full((len(found), len(table.classes)), 1e-9)  # a class may be missing in training rows
            every[:, classifier.classes_] = np.maximum(found, 1e-9)
            return np.asarray(np.log(every))

        return predict


def _matrix(table: TableExamples) -> NDArray[np.float64]:
    """Numbers, then the codes of each category column counted from 0, ``(n, columns)``."""
    rows = table.batch(np.arange(len(table)))
    found = []
    if NUMBERS in rows:
        found.append(rows[NUMBERS].astype(np.float64))
    if CATEGORIES in rows:
        found.append((rows[CATEGORIES] - np.array(code_offsets(table.columns))).astype(np.float64))
    return np.concatenate(found, axis=1)


def _categorical(table: TableExamples) -> list[bool]:
    """Which columns of ``_matrix`` are categories, as far as the trees can take so many."""
    numbers = [False for column in table.columns if column.kind == "number"]
    categories = [len(column.categories) < MOST_CATEGORIES for column in table.columns if column.kind == "category"]
    return [*numbers, *categories]
