"""A network that has learnt from other pictures: EfficientNet-Lite0 with weights from ImageNet, and a linear layer of
its own for the classes or the regression target at hand.

Batch norm keeps the statistics of ImageNet and is part of the convolutions. Features with statistics of the pictures at
hand are much worse (on 435 stamps of Tux Paint 72 instead of 80 % are told right), and training that begins with them
first has to make good for that.

Its features stay as they are. They are computed once for each training picture, and the linear layer is fitted on them
(``training.linear_head``). What comes out is one network, which can be exported, and which training can carry on with
(``fine_tuning``).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archsmith.automl.modality import Fitted
from archsmith.automl.pretrained_weights import Weights, fill
from archsmith.bundle.manifest import Origin
from archsmith.core.architecture import Architecture
from archsmith.data.examples import Examples, Pipeline, Splits
from archsmith.data.images.augmentation import ImageAugmentation
from archsmith.graphs.graph import Graph
from archsmith.graphs.network import Network
from archsmith.spaces.efficientnet import STEP, EfficientNetLite
from archsmith.training.batches import gather, given, moved
from archsmith.training.device import placed
from archsmith.training.goal import Goal
from archsmith.training.linear_head import fit_head
from archsmith.training.recipe import Recipe

SIDES = (64, 96, 128, 160, 224)  # pixels of the longer side that pictures are brought to, unless they are larger
# Larger than this many times their own side does not help. On 435 stamps of Tux Paint in 8 classes, brought to 32
# pixels, sizes of 96, 128, 160 and 224 give 76, 78, 80 and 79 %; brought to 64 pixels, 80, 80, 81 and 81 %.
ENLARGED = 4
LATEST = 0.5  # share of the time after which no more features are computed; the linear layer gets the rest
PROBED = 32  # examples whose features tell how fast the machine is
BATCH_PIXELS = 2**19  # of a batch: 56 pictures at 96 pixels, 10 at 224; the largest map takes 200 MB

# Carrying on. Rates of this size change what was learnt without forgetting it.
FINE_TUNING = Recipe(
    learning_rate=3e-4, weight_decay=1e-2, label_smoothing=0.1, batch_size=32, clip=1.0, optimizer="adamw"
)
MILD = ImageAugmentation(shift=0.08, flip=True)


@dataclass(frozen=True, eq=False)
class Pretrained:
    """A linear layer on frozen features.

    ``weights``: of the backbone.
    ``goal``: what is learnt.
    ``n_outputs``: of the linear layer.
    ``pipeline``: makes of a batch what a network of the job takes.
    ``mean``, ``std``: what it normalises each channel with.
    ``device``: where features are computed.
    """

    weights: Weights
    goal: Goal
    n_outputs: int
    pipeline: Pipeline
    mean: tuple[float, ...]
    std: tuple[float, ...]
    device: torch.device

    name = "pretrained"
    what = "a linear layer on features of EfficientNet-Lite0, which has learnt from ImageNet"

    @classmethod
    def of(cls, splits: Splits, weights: Weights, device: torch.device) -> Pretrained:
        """For the pictures of a job."""
        goal = Goal.of(splits.task, splits.target_statistics)
        mean, std = splits.statistics  # type: ignore[attr-defined]
        return cls(
            weights,
            goal.balanced(splits.train.targets) if splits.balanced else goal,
            splits.task.outputs[0].n,
            splits.pipeline(),
            tuple(mean),
            tuple(std),
            device,
        )

    @property
    def origin(self) -> Origin:
        """Where the weights come from."""
        return self.weights.origin

    def carrying_on(self) -> Recipe:
        """How training carries on with all weights of the network."""
        return fine_tuning()[0]

    def fit(self, train: Examples, seed: int, seconds: float | None = None) -> Fitted:
        """The network with a fitted linear layer, in evaluation mode. ``seconds`` decides how large pictures are made,
        and how many training examples are looked at where all would take too long.
        """
        end = None if seconds is None else time.perf_counter() + seconds
        tensors = self.weights.tensors()
        order = np.random.default_rng(seed).permutation(len(train))
        sizes = sizes_for(_shape(train))
        size = sizes[-1]
        if seconds is not None and len(sizes) > 1:
            size = self._affordable(train, order, sizes, tensors, LATEST * seconds)
        network = self._network(train, size, tensors, seed)
        latest = None if end is None or seconds is None else end - (1 - LATEST) * seconds
        features, seen = self._features(network, train, order, size, latest)
        left = None if end is None else max(0.1, end - time.perf_counter())
        head = fit_head(features, train.targets[seen], self.goal, self.n_outputs, seed, left)
        layer = network.get_submodule("classifier.linear")
        with torch.no_grad():
            layer.weight.copy_(head.weight)
            layer.bias.copy_(head.bias)
        return Fitted(network, cut=head.cut or len(seen) < len(train))

    def _network(self, train: Examples, size: tuple[int, int], tensors: dict[str, Tensor], seed: int) -> Network:
        network = Network(self._space(train, size).graph(Architecture()), seed=seed).eval()
        fill(network, tensors)
        return network

    def _space(self, train: Examples, size: tuple[int, int]) -> EfficientNetLite:
        return EfficientNetLite(_shape(train), self.n_outputs, None, size, self.mean, self.std, folded=True)

    def _affordable(
        self,
        train: Examples,
        order: NDArray[np.int64],
        sizes: tuple[tuple[int, int], ...],
        tensors: dict[str, Tensor],
        seconds: float,
    ) -> tuple[int, int]:
        """The largest of ``sizes`` at which the features of all examples take at most ``seconds``, as a batch at the
        smallest size says.
        """
        smallest = sizes[0]
        batch = order[: min(PROBED, _batch_size(smallest))]
        network = self._network(train, smallest, tensors, 0)
        times = []
        for _ in range(2):  # the first one pays for what torch sets up
            began = time.perf_counter()
            self._features(network, train, batch, smallest, None)
            times.append((time.perf_counter() - began) / len(batch))
        area = smallest[0] * smallest[1]
        fit = [size for size in sizes if times[-1] * len(order) * size[0] * size[1] / area <= seconds]
        return fit[-1] if fit else smallest

    def _features(
        self, network: Network, train: Examples, order: NDArray[np.int64], size: tuple[int, int], latest: float | None
    ) -> tuple[Tensor, NDArray[np.int64]]:
        """Features ``(m, 1280)`` on the CPU of the examples ``order``, or of as many as there is time for, and which
        ones these are.
        """
        extractor = headless(network)
        rows: list[Tensor] = []
        n = 0
        with placed(extractor, self.device), torch.inference_mode():
            for batch in _batches(order, _batch_size(size)):
                raw = moved(gather(train, batch), self.device)
                rows.append(extractor(given(self.pipeline.inputs(raw), self.device)).float().cpu())
                n += len(batch)
                if latest is not None and time.perf_counter() > latest:
                    break
        return torch.cat(rows).clone(), order[:n]


def headless(network: Network) -> Network:
    """The network up to the features that its linear layer takes, sharing its weights."""
    graph = network.graph
    (name,) = graph.node("classifier.linear").inputs
    nodes = tuple(node for node in graph.nodes if node.name != "classifier.linear")
    cut = Network(Graph(nodes, graph.scopes, graph.inputs, {graph.main_output: name}), seed=0)
    cut.load_state_dict(network.state_dict(), strict=False, assign=True)
    return cut.eval()


def fine_tuning() -> tuple[Recipe, ImageAugmentation]:
    """How training carries on with all weights of a network that ``Pretrained.fit`` gave."""
    return FINE_TUNING, MILD


def sizes_for(shape: tuple[int, int, int]) -> tuple[tuple[int, int], ...]:
    """Sizes ``(H, W)`` that pictures ``(C, H, W)`` may be brought to, from small to large. None makes them smaller, and
    all keep their shape as far as multiples of 32 allow.
    """
    _, height, width = shape
    longer = max(height, width)
    sides = [side for side in SIDES if side >= longer] or [-(-longer // STEP) * STEP]
    enough = [side for side in sides if side >= ENLARGED * longer]
    chosen = [side for side in sides if not enough or side <= enough[0]]
    return tuple((_rounded(height * side / longer), _rounded(width * side / longer)) for side in chosen)


def _rounded(side: float) -> int:
    """The next multiple of 32."""
    return int(-(-round(side, 6) // STEP)) * STEP


def _shape(train: Examples) -> Any:
    return train.inputs[0].shape


def _batch_size(size: tuple[int, int]) -> int:
    return max(1, BATCH_PIXELS // (size[0] * size[1]))


def _batches(order: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(order), size):
        yield order[start : start + size]
