"""Tables: everything about them that a job needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from archsmith.automl.linear import Linear
from archsmith.automl.modalities.boosted import Boosted
from archsmith.automl.modality import Modality, ModelBaseline, Progress
from archsmith.automl.settings import FitSettings
from archsmith.bundle.tables import TableIntake
from archsmith.core.architecture import Architecture
from archsmith.core.space import Space
from archsmith.data.examples import Examples, Splits
from archsmith.data.tables.checks import Findings
from archsmith.data.tables.examples import TableExamples
from archsmith.data.tables.load import Loaded, load
from archsmith.data.tables.recognise import recognised
from archsmith.graphs.graph import Graph
from archsmith.graphs.network_space import NetworkSpace
from archsmith.spaces.table_seeds import seeds
from archsmith.spaces.tabular import CATEGORIES, NUMBERS, TableRecipe, Tabular
from archsmith.strategies.forecast import Prior
from archsmith.training.recipe import Recipe

# AdamW at a rate near the middle of what Gorishniy et al. 2021 (arXiv 2106.11959) searched.
RECIPE = Recipe(learning_rate=2e-3, weight_decay=1e-2, label_smoothing=0.0, batch_size=256, clip=1.0, optimizer="adamw")


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
            ignore=settings.ignore,
            balanced=settings.balance,
            seconds=seconds,
            progress=progress,
        )

    def findings(self, data: Mapping[str, Any]) -> Findings:
        return Findings.from_dict(data)

    def recipe(self) -> Recipe:
        return RECIPE

    def recipe_space(self, probed: Mapping[str, Any]) -> Space:
        return TableRecipe()

    def fixed(self, splits: Splits) -> tuple[NetworkSpace, Architecture]:
        """A residual network on encoded numbers."""
        space = Tabular.for_task(splits.task)
        return space, space.first()

    def baselines(self, splits: Splits, settings: FitSettings) -> tuple[ModelBaseline, ...]:
        what = f"{'linear' if splits.is_regression else 'logistic'} regression on the columns"
        return Linear.of(splits, what, _linear(splits)), Boosted.of(splits)

    def seeds(self, space: NetworkSpace) -> Mapping[str, Architecture]:
        return seeds(space) if isinstance(space, Tabular) else super().seeds(space)

    def curves(self, errors: Mapping[str, float], seen: float | None = None) -> Prior:
        """Networks of tables soon know what they can know."""
        return Prior(slope=0.05, slope_sd=0.06, bend_sd=0.1)

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
