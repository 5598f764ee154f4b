"""What the seeds of the space ``pictures`` cost, and whether they learn.

    python benchmarks/seeds.py [--data FOLDER]

For pictures of 28×28×1 and 32×32×3 the table shows parameters, multiply-adds, and the time of a training step relative
to that of the fixed network: batches of 128, one thread. Both networks take steps in turn, so that a busy machine slows
down both. The fastest step counts, in CPU time.

With ``--data`` each seed also trains for a few epochs on some pictures of Fashion-MNIST (the IDX files of Debian's
package ``dataset-fashion-mnist``), and the table shows its accuracy on the validation split.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from typing import Any

import record
import torch
import torch.nn.functional as F

from archsmith.core.architecture import Architecture
from archsmith.core.protocols import Context
from archsmith.data.images.load import load
from archsmith.evaluators.training import TrainingEvaluator
from archsmith.graphs.cost import cost
from archsmith.graphs.network import Network
from archsmith.spaces.picture_seeds import seeds
from archsmith.spaces.pictures import Pictures
from archsmith.spaces.recipe import PictureRecipe

SHAPES = ((1, 28, 28), (3, 32, 32))
BATCH = 128


class Stepping:
    """A network that takes training steps on one batch of noise. ``fastest``: CPU seconds of its fastest step."""

    def __init__(self, space: Pictures, architecture: Architecture) -> None:
        self.network = Network(space.graph(architecture), seed=0).train()
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=1e-3, momentum=0.9, nesterov=True)
        batch = torch.randn(BATCH, *space.input_shape)
        self.batch = batch.contiguous(memory_format=torch.channels_last)
        self.classes = torch.randint(0, space.n_outputs, (BATCH,))
        self.fastest = float("inf")

    def step(self) -> None:
        began = time.process_time()
        self.optimizer.zero_grad()
        F.cross_entropy(self.network(self.batch), self.classes).backward()
        self.optimizer.step()
        self.fastest = min(self.fastest, time.process_time() - began)


def relative_step(space: Pictures, architecture: Architecture, n_steps: int) -> float:
    """Time of a step relative to that of the fixed network."""
    ours, fixed = Stepping(space, architecture), Stepping(space, space.first())
    for _ in range(n_steps + 1):  # the first one warms up
        ours.step()
        fixed.step()
    return ours.fastest / fixed.fastest


def accuracies(options: argparse.Namespace, folder: str) -> dict[str, float]:
    """Validation accuracy of every seed after a short training."""
    prepared = load(options.data, folder, seed=0)
    space = Pictures.for_task(prepared.splits.task, recipe=PictureRecipe())
    evaluator = TrainingEvaluator(space, str(prepared.folder), n_train=options.n_train, n_valid=2000, anneal=True)
    found = {}
    for name, architecture in seeds(space).items():
        outcome: Any = evaluator.evaluate(architecture, options.epochs, Context(0, 0))
        found[name] = outcome.metrics["accuracy"]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--data", help="folder of Fashion-MNIST; nothing is trained without it")
    parser.add_argument("--n-train", type=int, default=3000)
    parser.add_argument("--epochs", type=float, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    scores: dict[str, float] = {}
    if options.data:
        with tempfile.TemporaryDirectory() as folder:
            scores = accuracies(options, folder)
    heads = [f"{c}x{h}x{w}" for c, h, w in SHAPES]
    print(f"{'':16} " + " ".join(f"{head:>26}" for head in heads))
    print(f"{'seed':16} " + " ".join(f"{'params':>9} {'10^6 MACs':>9} {'step':>6}" for _ in heads) + "  accuracy")
    for name in seeds(Pictures()):
        cells = []
        for shape in SHAPES:
            space = replace(Pictures(), input_shape=shape)
            architecture = seeds(space)[name]
            found = cost(space.graph(architecture))
            step = relative_step(space, architecture, options.steps)
            cells.append(f"{found.params:>9} {found.macs / 1e6:>9.1f} {step:>6.2f}")
        score = f"{100 * scores[name]:>9.1f}" if name in scores else ""
        print(f"{name:16} " + " ".join(cells) + f" {score}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(record.run(main))
