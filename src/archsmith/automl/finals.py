"""Networks that are trained in full: the honest linear row, the fixed network, and the best searched one."""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archsmith.bundle.export import export
from archsmith.core.architecture import Architecture
from archsmith.core.protocols import Report
from archsmith.data.examples import Splits
from archsmith.graphs.cost import cost
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net
from archsmith.graphs.network import Network
from archsmith.graphs.network_space import NetworkSpace
from archsmith.training.batches import Normalisation
from archsmith.training.goal import Goal, Score
from archsmith.training.loop import train
from archsmith.training.measure import outputs
from archsmith.training.memory import fitting
from archsmith.training.recipe import Recipe

if TYPE_CHECKING:
    import torch

LINEAR_STEPS = 4000  # of the linear row; it is done in seconds and gains nothing after
# Plain linear or logistic regression on pixels: no augmentation, no smoothing, a cosine from a rate that never diverged
# on the data sets of the benchmarks.
LINEAR_RECIPE = Recipe(
    learning_rate=0.02, weight_decay=1e-4, label_smoothing=0.0, schedule="cosine", shift=0.0, average=0.0
)


@dataclass(frozen=True)
class Candidate:
    """A network that is to be trained in full: a point of ``space`` (None: of no space); ``trial`` says where the
    search found it, None when it did not.
    """

    name: str
    graph: Graph
    recipe: Recipe
    architecture: Architecture
    space: NetworkSpace | None = None
    trial: int | None = None

    @property
    def params(self) -> int:
        return cost(self.graph).params

    @property
    def macs(self) -> int:
        return cost(self.graph).macs


@dataclass
class Final:
    """A network trained in full, its ``score`` on the validation split, and what it took."""

    candidate: Candidate
    network: Network
    score: Score
    seconds: float
    epochs: float


@dataclass(frozen=True)
class Workshop:
    """Where trainings take place: the parts of the data, the device, and the memory that one training may hold (None:
    no limit).
    """

    splits: Splits
    device: torch.device
    memory_mb: float | None = None

    @property
    def goal(self) -> Goal:
        return Goal.of(self.splits)

    @property
    def normalisation(self) -> Normalisation:
        mean, std = self.splits.statistics
        return Normalisation(tuple(mean), tuple(std))

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
            fitting(candidate.graph, candidate.recipe, self.memory_mb),
            self.normalisation,
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
        return Final(candidate, network, trained.score, time.perf_counter() - started, trained.epochs)

    def step_seconds(self, candidate: Candidate, *, most: float = 2.0) -> float:
        """Median seconds of one training step on this machine, measured on a throw-away network for at most ``most``
        seconds.
        """
        train_set = self.splits.train
        few = train_set.take(list(range(min(len(train_set), 4 * candidate.recipe.batch_size))))
        recipe = dataclasses.replace(fitting(candidate.graph, candidate.recipe, self.memory_mb), average=0.0)
        network = Network(candidate.graph, seed=0)
        spent, steps = 0.0, []
        while spent < most and len(steps) < 8:
            trained = train(
                network, few, recipe, self.normalisation, goal=self.goal, device=self.device, seed=0, epochs=1.0
            )
            spent += trained.seconds
            steps.append(trained.step_seconds)
        return statistics.median(steps[1:] or steps)  # the first ones also pay for compiled kernels and page faults

    def picture_seconds(self, candidate: Candidate, n: int = 512) -> float:
        """Seconds of one picture's forward pass, measured on up to ``n`` validation pictures."""
        network, n = Network(candidate.graph, seed=0), min(n, len(self.splits.valid))
        began = 0.0
        for _ in range(2):  # the first time also pays for compiled kernels
            began = time.perf_counter()
            outputs(network, self.splits.valid, self.normalisation, device=self.device, limit=n)
        return (time.perf_counter() - began) / n

    def rehearse_export(self, candidate: Candidate) -> float:
        """Seconds that writing and verifying a bundle take here, measured on the untrained network in a folder that is
        thrown away.
        """
        began = time.perf_counter()
        mean, std = self.splits.statistics
        with tempfile.TemporaryDirectory() as folder:
            target, network = Path(folder) / "bundle", Network(candidate.graph, seed=0)
            export(
                network,
                candidate.graph,
                self.splits.task,
                target,
                mean=mean,
                std=std,
                target_statistics=self.splits.target_statistics,
            )
        return time.perf_counter() - began


def linear_candidate(splits: Splits) -> Candidate:
    """Linear regression, logistic for classes, on the pixels."""
    net = Net({"image": splits.train.shape})
    net.output(
        net.op("linear", net.op("flatten", net.input("image")), name="classifier", features=splits.task.outputs[0].n)
    )
    return Candidate("linear", net.graph(), LINEAR_RECIPE, Architecture())
