"""Pictures: everything about them that a job needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from archsmith.automl.linear import Linear, n_values
from archsmith.automl.modalities.picture_prior import prior
from archsmith.automl.modalities.picture_probe import probe
from archsmith.automl.modality import Modality, ModelBaseline, NetworkBaseline, Progress
from archsmith.automl.plan import AUTO
from archsmith.automl.pretrained import Pretrained
from archsmith.automl.pretrained_weights import MISSING, Weights, find
from archsmith.automl.settings import FitSettings
from archsmith.bundle.images import ImageIntake
from archsmith.core.architecture import Architecture
from archsmith.core.errors import DataError, UsageError
from archsmith.core.space import Space
from archsmith.data.examples import Examples, Pipeline, Splits
from archsmith.data.images.checks import Findings
from archsmith.data.images.coarse import coarse_size
from archsmith.data.images.examples import ImageExamples
from archsmith.data.images.load import Loaded, load
from archsmith.data.images.pipeline import ImagePipeline
from archsmith.data.images.read import has_columns
from archsmith.data.images.read_table import NoFilesError
from archsmith.data.images.recognise import recognised
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net
from archsmith.graphs.network_space import NetworkSpace
from archsmith.runtime.workspace import Workspace
from archsmith.spaces.conv_stages import ConvStages
from archsmith.spaces.picture_seeds import seeds
from archsmith.spaces.pictures import Pictures
from archsmith.spaces.recipe import PictureRecipe
from archsmith.strategies.forecast import Prior
from archsmith.training import device as devices
from archsmith.training.recipe import Recipe

# Linear or logistic regression on the pixels is solved where it soon is; of more pixels than these, gradient descent
# learns more in the same time: 82 instead of 79 % on 8,670 pictures of clothes in nine seconds.
MOST_SOLVED = 2_000_000  # pixels of the training split
# No smoothing, and a cosine from a rate that never diverged on the data sets of the benchmarks. It gains nothing after
# so many steps.
LINEAR = Recipe(learning_rate=0.02, weight_decay=1e-4, label_smoothing=0.0, schedule="cosine", average=0.0)
LINEAR_STEPS = 4000


class Images(Modality):
    """Pictures of any size, in files, archives, tables or arrays."""

    kind = "image"
    noun, nouns = "picture", "pictures"
    space = "pictures"

    def recognises(self, settings: FitSettings) -> bool:
        return settings.image is not None or settings.side is not None or recognised(settings.data)

    def load(self, settings: FitSettings, root: Path, seconds: float | None, progress: Progress) -> Loaded:
        if settings.ignore:
            raise UsageError("Pictures have no columns to ignore.", "Leave out --ignore.")
        for flag, column in (("--target", settings.target), ("--image-column", settings.image)):
            if column is not None and not has_columns(settings.data):
                raise UsageError(f"These data are no table, so they have no column {column!r}.", f"Leave out {flag}.")
        try:
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
                budget=settings.seconds,
                progress=progress,
            )
        except NoFilesError as error:
            if settings.modality != AUTO or settings.image is not None:
                raise
            other = "To learn from the other columns instead, say --modality table."
            raise DataError(error.message, f"{error.hint} {other}") from error

    def findings(self, data: Mapping[str, Any]) -> Findings:
        return Findings.from_dict(data)

    def recipe(self) -> Recipe:
        return Recipe()

    def probe(self, splits: Splits, device: torch.device, seed: int, seconds: float | None) -> Mapping[str, Any]:
        return asdict(probe(splits, device, seed, seconds))

    def recipe_space(self, probed: Mapping[str, Any]) -> Space:
        """What the probe found to be true of the pictures comes first; what is more than that is left out."""
        plain = PictureRecipe()
        if not probed:
            return plain
        shift, flip = probed["shift"], probed["flip"]
        smaller = tuple(other for other in plain.shifts if other < shift)
        return replace(plain, shifts=(shift, *smaller), flips=(True, False) if flip else (False,))

    def told(self, probed: Mapping[str, Any]) -> str:
        if not probed:
            return ""
        changes = [f"moved by up to {probed['shift']:.0%} of their side"] if probed["shift"] else []
        changes += ["mirrored"] if probed["flip"] else []
        if not changes:
            return "Training shows the pictures as they are: moved or mirrored ones are of another kind here."
        text = f"Training also shows pictures {' and '.join(changes)}"
        if not probed.get("sure", True):  # which earlier logs do not say
            return f"{text}, as suits most pictures: a probe could not tell whether this keeps their labels true."
        return f"{text}: a probe found that this keeps their labels true."

    def fixed(self, splits: Splits) -> tuple[NetworkSpace, Architecture]:
        """A residual network."""
        space = ConvStages.for_task(splits.task)
        return space, space.first()

    def seeds(self, space: NetworkSpace) -> Mapping[str, Architecture]:
        return seeds(space) if isinstance(space, Pictures) else super().seeds(space)

    def curves(self, errors: Mapping[str, float], seen: float | None = None) -> Prior:
        return prior(errors, seen)

    def cheaper(self, splits: Splits, pipeline: Pipeline, graph: Graph) -> Pipeline:
        """Smaller pictures, where they show nearly as much and the network takes them."""
        train = cast(ImageExamples, splits.train)
        size = coarse_size(train.images)
        if size is None or not graph.takes(dict.fromkeys(graph.inputs, (train.shape[0], *size))):
            return pipeline
        return replace(cast(ImagePipeline, pipeline), size=size)

    def baselines(self, splits: Splits, settings: FitSettings) -> tuple[NetworkBaseline | ModelBaseline, ...]:
        task = splits.task
        net = Net({"image": cast(ImageExamples, splits.train).shape})
        flat = net.op("flatten", net.input("image"))
        net.output(net.op("linear", flat, name="classifier", features=task.outputs[0].n))
        what = f"{'linear' if task.is_regression else 'logistic'} regression on the pixels"
        graph = net.graph()
        linear: NetworkBaseline | ModelBaseline = Linear.of(splits, what, graph)
        if len(splits.train) * n_values(graph) > MOST_SOLVED:
            linear = NetworkBaseline("linear", what, graph, replace(LINEAR, balance=splits.balanced), LINEAR_STEPS)
        weights = _weights(settings)
        if weights is None:
            return (linear,)
        return linear, Pretrained.of(splits, weights, devices.choose(settings.device).torch)

    def notes(self, settings: FitSettings) -> tuple[str, ...]:
        return (MISSING,) if settings.pretrained and _weights(settings) is None else ()

    def intake(self, splits: Splits) -> ImageIntake:
        return ImageIntake.of(splits)

    def raw(self, examples: Examples, indexes: NDArray[np.int64]) -> Any:
        return cast(ImageExamples, examples).take(indexes).originals


def _weights(settings: FitSettings) -> Weights | None:
    """The weights from other pictures that the job may use; None without any."""
    if not settings.pretrained:
        return None
    return find(settings.pretrained_weights, Workspace(settings.workspace).path)
