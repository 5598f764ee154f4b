"""Trainings in full: the hand-made network, the best searched one, and the baselines."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from archsmith.automl.modality import Modality, ModelBaseline, NetworkBaseline
from archsmith.bundle.intake import Intake
from archsmith.core.architecture import Architecture
from archsmith.core.protocols import Report
from archsmith.data.examples import Augmentation, Examples, Pipeline, Splits
from archsmith.graphs.cost import cost
from archsmith.graphs.graph import Graph
from archsmith.graphs.network import Network
from archsmith.graphs.network_space import NetworkSpace
from archsmith.training.goal import Goal, RegressionGoal, Score
from archsmith.training.loop import train
from archsmith.training.measure import outputs
from archsmith.training.memory import fitting
from archsmith.training.recipe import Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Candidate:
    """A network that is to be trained in full.

    ``architecture``, ``space``: where it is a point of a space.
    ``augmentation``: of its training batches.
    ``trial``: where the search found it; None when it did not.
    """

    name: str
    graph: Graph
    recipe: Recipe
    architecture: Architecture = field(default_factory=Architecture)
    space: NetworkSpace | None = None
    augmentation: Augmentation | None = None
    trial: int | None = None

    @property
    def params(self) -> int:
        return cost(self.graph).params

    @property
    def macs(self) -> int:
        return cost(self.graph).macs

    @property
    def what(self) -> str:
        """What it is, in a few words."""
        found = f"trial {self.trial}, " if self.trial is not None else ""
        return f"{found}{self.params:,} parameters, {self.macs / 1e6:.1f} M multiply-adds"

    @classmethod
    def of(cls, baseline: NetworkBaseline) -> Candidate:
        return cls(baseline.name, baseline.graph, baseline.recipe)


@dataclass
class Final:
    """What a training in full came to.

    ``score``: on the validation split.
    ``outputs``: raw outputs ``(n, k)`` of examples, as the goal takes them.
    ``candidate``, ``network``: of a network; None of a model that is none.
    ``seconds``, ``epochs``: what it took.
    """

    name: str
    score: Score
    outputs: Callable[[Examples], Tensor]
    seconds: float
    epochs: float = 0.0
    candidate: Candidate | None = None
    network: Network | None = None


@dataclass(frozen=True)
class Workshop:
    """Where trainings take place.

    ``memory_mb``: what one training may hold, in 10⁶ bytes; None: no limit.
    """

    modality: Modality
    splits: Splits
    device: torch.device
    memory_mb: float | None = None

    @property
    def goal(self) -> Goal:
        return Goal.of(self.splits.task, self.splits.target_statistics)

    @property
    def intake(self) -> Intake:
        """What the exported model takes in."""
        return self.modality.intake(self.splits)

    def pipeline(self, candidate: Candidate) -> Pipeline:
        return self.splits.pipeline(candidate.augmentation)

    def fitted(self, candidate: Candidate) -> Recipe:
        """The candidate's recipe, with a batch that fits into memory."""
        return fitting(candidate.graph, candidate.recipe, self.memory_mb)

    def outputs(self, network: Network, examples: Examples, limit: int | None = None) -> Tensor:
        """Raw outputs ``(n, k)`` on the CPU."""
        return outputs(network, examples, self.splits.pipeline(), device=self.device, limit=limit)

    def train_in_full(
        self,
        candidate: Candidate,
        *,
        seed: int,
        epochs: float,
        seconds: float | None,
        folder: Path,
        hurry: Callable[[], bool],
        report: Report,
    ) -> Final:
        """Train on the training split only, for ``epochs`` or as long as ``seconds`` allow; goes on from the checkpoint
        in ``folder`` when there is one.

        ``hurry()`` is asked often; once true, the training comes to an end soon. Raises EvaluationError when it
        diverges or runs out of memory.
        """
        started = time.perf_counter()
        network = Network(candidate.graph, seed=seed)
        trained = train(
            network,
            self.splits.train,
            self.fitted(candidate),
            self.pipeline(candidate),
            goal=self.goal,
            device=self.device,
            seed=seed,
            valid=self.splits.valid,
            epochs=epochs,
            seconds=seconds,
            hurry=hurry,
            report=report,
            save_to=folder / f"{candidate.name}.safetensors",
            measure_every=max(1, round(epochs / 20)),
        )
        assert trained.score is not None  # there is always a validation split
        took = time.perf_counter() - started

        def predicted(examples: Examples) -> Tensor:
            return self.outputs(network, examples)

        return Final(candidate.name, trained.score, predicted, took, trained.epochs, candidate, network)

    def fit_model(self, baseline: ModelBaseline, seed: int) -> Final:
        """Fit a model that is no network, and score it on the validation split."""
        started = time.perf_counter()
        predict = baseline.fit(self.splits.train, seed)

        def predicted(examples: Examples) -> Tensor:
            return self._as_outputs(predict(examples))

        valid = self.splits.valid
        score = self.goal.score(predicted(valid), valid.targets)
        return Final(baseline.name, score, predicted, time.perf_counter() - started)

    def _as_outputs(self, values: NDArray) -> Tensor:  # type: ignore[type-arg]
        """What a model says, as the goal takes it: regression targets in standard units."""
        goal, rows = self.goal, torch.from_numpy(values).double()
        if isinstance(goal, RegressionGoal):
            rows = ((rows - goal.mean) / goal.std)[:, None]
        return rows
