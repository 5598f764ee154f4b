"""Networks that are trained in full: the honest linear row, the fixed network, and the best searched one."""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from archsmith.bundle.export import export
from archsmith.core.architecture import Architecture
from archsmith.core.protocols import Report
from archsmith.data.splits import Splits
from archsmith.graphs.cost import cost
from archsmith.graphs.graph import Graph
from archsmith.graphs.net import Net
from archsmith.graphs.network import Network
from archsmith.graphs.network_space import NetworkSpace
from archsmith.training.batches import Normalisation
from archsmith.training.loop import train
from archsmith.training.recipe import Recipe

LINEAR_STEPS = 4000  # of the linear row; it is done in seconds and gains nothing after
# Plain logistic regression on pixels: no augmentation, no smoothing, a cosine from a rate that never diverged on the data sets of the benchmarks.
LINEAR_RECIPE = Recipe(learning_rate=0.02, weight_decay=1e-4, label_smoothing=0.0, schedule="cosine", shift=0.0, average=0.0)


@dataclass(frozen=True)
class Candidate:
    """A network that is to be trained in full: a point of ``space`` (None: of no space); ``trial`` says where the search found it, None when it did not."""

    name: str
    graph: Graph
    recipe: Recipe
    architecture: Architecture
    space: NetworkSpace | None = None
    trial: int | None = None


@dataclass
class Final:
    """A network trained in full: ``valid`` accuracy in [0, 1] and ``log_loss`` in nats on the validation part; what it took."""

    candidate: Candidate
    network: Network
    valid: float
    log_loss: float
    seconds: float
    epochs: float
    finished: bool  # reached its number of epochs, rather than its end of time


def linear_candidate(splits: Splits) -> Candidate:
    """Logistic regression on the pixels."""
    net = Net({"image": splits.train.shape})
    net.output(net.op("linear", net.op("flatten", net.input("image")), name="classifier", features=len(splits.classes)))
    return Candidate("linear", net.graph(), LINEAR_RECIPE, Architecture())


def normalisation_of(splits: Splits) -> Normalisation:
    mean, std = splits.statistics
    return Normalisation(tuple(mean), tuple(std))


def train_in_full(
    candidate: Candidate,
    splits: Splits,
    *,
    seed: int,
    epochs: float,
    seconds: float | None,
    folder: Path,
    hurry: Callable[[], bool],
    report: Report,
) -> Final:
    """Train on the training part only, for ``epochs`` or as long as ``seconds`` allow; goes on from the checkpoint in ``folder`` when there is one.

    ``hurry()`` is asked often; once true, the training comes to an end soon. Raises EvaluationError when it diverges or runs out of memory.
    """
    started = time.perf_counter()
    network = Network(candidate.graph, seed=seed)
    trained = train(
        network,
        splits.train,
        candidate.recipe,
        normalisation_of(splits),
        seed=seed,
        valid=splits.valid,
        epochs=epochs,
        seconds=seconds,
        hurry=hurry,
        report=report,
        save_to=folder / f"{candidate.name}.safetensors",
        measure_every=max(1, round(epochs / 20)),
    )
    assert trained.score is not None  # there is always a validation part
    finished = trained.epochs >= 0.999 * epochs
    return Final(candidate, network, trained.score.accuracy, trained.score.log_loss, time.perf_counter() - started, trained.epochs, finished)


def step_seconds(candidate: Candidate, splits: Splits, *, most: float = 2.0) -> float:
    """Median seconds of one training step on this machine, measured on a throw-away network for at most ``most`` seconds."""
    few = splits.train.take(list(range(min(len(splits.train), 4 * candidate.recipe.batch_size))))
    recipe = dataclasses.replace(candidate.recipe, average=0.0)
    network = Network(candidate.graph, seed=0)
    spent, steps = 0.0, []
    while spent < most and len(steps) < 8:
        trained = train(network, few, recipe, normalisation_of(splits), seed=0, epochs=1.0)
        spent += trained.seconds
        steps.append(trained.step_seconds)
    return statistics.median(steps[1:] or steps)  # the first ones also pay for compiled kernels and page faults


def rehearse_export(candidate: Candidate, splits: Splits) -> float:
    """Seconds that writing and verifying a bundle take here, measured on the untrained network in a folder that is thrown away."""
    began = time.perf_counter()
    mean, std = splits.statistics
    with tempfile.TemporaryDirectory() as folder:
        export(Network(candidate.graph, seed=0), candidate.graph, splits.task, Path(folder) / "bundle", mean=mean, std=std)
    return time.perf_counter() - began


def params_and_macs(graph: Graph) -> tuple[int, int]:
    counted = cost(graph)
    return counted.params, counted.macs
