"""Pictures: everything about them that a job needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from archsmith.automl.modality import Modality, NetworkBaseline, Progress
from archsmith.automl.settings import FitSettings
from archsmith.bundle.images import ImageIntake
from archsmith.core.architecture import Architecture
from archsmith.core.space import Space
from archsmith.data.examples import Examples, Splits
from archsmith.data.images.checks import Findings
from archsmith.data.images.examples import ImageExamples
from archsmith.data.images.load import Loaded, load
from archsmith.data.images.recognise import recognised
from archsmith.graphs.net import Net
from archsmith.graphs.network_space import NetworkSpace
from archsmith.spaces.conv_stages import ConvStages
from archsmith.spaces.recipe import ImageRecipe
from archsmith.training.recipe import Recipe

# Plain linear or logistic regression on pixels: no smoothing, a cosine from a rate that never diverged on the data sets
# of the benchmarks. It is done in seconds and gains nothing after so many steps.
LINEAR = Recipe(learning_rate=0.02, weight_decay=1e-4, label_smoothing=0.0, schedule="cosine", average=0.0)
LINEAR_STEPS = 4000


class Images(Modality):
    """Pictures of any size, in files, archives, tables or arrays."""

    kind = "image"
    noun, nouns = "picture", "pictures"
    space = "conv_stages"

    def recognises(self, settings: FitSettings) -> bool:
        return settings.image is not None or settings.side is not None or recognised(settings.data)

    def load(self, settings: FitSettings, root: Path, seconds: float | None, progress: Progress) -> Loaded:
        return load(
            settings.data,
            root,
            seed=settings.seed,
            side=settings.side,
            task=settings.task,
            balanced=settings.balance,
            image=settings.image,
            target_column=settings.target,
            seconds=seconds,
            progress=progress,
        )

    def findings(self, data: Mapping[str, Any]) -> Findings:
        return Findings.from_dict(data)

    def recipe(self) -> Recipe:
        return Recipe()

    def recipe_space(self) -> Space:
        return ImageRecipe()

    def fixed(self, splits: Splits) -> tuple[NetworkSpace, Architecture]:
        """A residual network."""
        space = ConvStages.for_task(splits.task)
        return space, space.first()

    def baselines(self, splits: Splits) -> tuple[NetworkBaseline, ...]:
        task = splits.task
        net = Net({"image": cast(ImageExamples, splits.train).shape})
        flat = net.op("flatten", net.input("image"))
        net.output(net.op("linear", flat, name="classifier", features=task.outputs[0].n))
        what = f"{'linear' if task.is_regression else 'logistic'} regression on the pixels"
        return (NetworkBaseline("linear", what, net.graph(), LINEAR, LINEAR_STEPS),)

    def intake(self, splits: Splits) -> ImageIntake:
        return ImageIntake.of(splits)

    def raw(self, examples: Examples, indexes: NDArray[np.int64]) -> Any:
        return cast(ImageExamples, examples).take(indexes).originals
