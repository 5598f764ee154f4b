"""Linear and logistic regression as a baseline: solved, not trained step by step, so that a short time or a small
table do not leave it half learnt.

The network is a linear layer behind operations without weights, and of tables a weight for each category beside it.
``training.linear_head`` finds the weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from archsmith.automl.modality import Fitted
from archsmith.data.examples import Examples, Pipeline, Splits
from archsmith.graphs.graph import Graph
from archsmith.graphs.network import Network, fit_constants
from archsmith.training import threads
from archsmith.training.batches import plain_batches
from archsmith.training.goal import Goal
from archsmith.training.linear_head import fit_head

LAYER, TABLE = "linear", "embedding"  # operations
MOST_VALUES = 50_000_000  # features and codes of all rows together: 200 MB, and once more in standard units
BATCH_VALUES = 1_000_000  # the same of a batch
SHARE = 0.5  # of the time that a fit may take
LEAST, LONGEST = 2.0, 15.0  # seconds of a fit; what is cut off says little of linear models


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear layer on what a graph makes of an example.

    ``what``: what it is, in a few words.
    ``graph``: with one ``linear`` layer at most, and one ``embedding`` at most whose weights are averaged; the output
        is their sum.
    ``goal``: what is learnt.
    ``pipeline``: makes of a batch what the network takes.
    """

    what: str
    graph: Graph
    goal: Goal
    pipeline: Pipeline

    name = "linear"

    @classmethod
    def of(cls, splits: Splits, what: str, graph: Graph) -> Linear:
        """For the examples of a job."""
        goal = Goal.of(splits.task, splits.target_statistics)
        if splits.balanced:
            goal = goal.balanced(splits.train.targets)
        return cls(what, graph, goal, splits.pipeline())

    def fit(self, train: Examples, seed: int, seconds: float | None = None) -> Fitted:
        """The network with solved weights, in evaluation mode. Of many examples, as many as ``MOST_VALUES`` allows. One
        thread: several wait for each other at every step, which on a busy machine takes thirty times as long.
        """
        with threads.limited(1):
            return self._fitted(train, seed, None if seconds is None else min(LONGEST, max(LEAST, SHARE * seconds)))

    def _fitted(self, train: Examples, seed: int, seconds: float | None) -> Fitted:
        network = Network(self.graph, seed=seed).eval()
        fit_constants(network, self._batches(train))
        order = np.random.default_rng(seed).permutation(len(train))[: max(1, MOST_VALUES // n_values(self.graph))]
        some = train if len(order) == len(train) else train.take(order)
        layer, table = (_module(network, op) for op in (LAYER, TABLE))
        read = self._read(network, some, [module for module in (layer, table) if module is not None])
        features = torch.zeros(len(some), 0) if layer is None else read[layer]
        head = fit_head(
            features,
            some.targets,
            self.goal,
            self.graph.node(self.graph.outputs[self.graph.main_output]).shape[0],
            seed,
            seconds,
            codes=None if table is None else read[table],
            n_codes=0 if table is None else len(table.get_parameter("weight")),
        )
        bias = head.bias
        with torch.no_grad():
            if layer is not None:
                layer.get_parameter("weight").copy_(head.weight)
                layer.get_parameter("bias").copy_(bias)
                bias = torch.zeros_like(bias)
            if table is not None:
                n_averaged = read[table].shape[1]
                table.get_parameter("weight").copy_((n_averaged * head.code_weight + bias[:, None]).T)
        return Fitted(network, head.cut)

    def _batches(self, examples: Examples) -> Iterator[Any]:
        """Large ones: rows of a table are small, and each batch costs something."""
        return plain_batches(examples, self.pipeline, max(1, BATCH_VALUES // n_values(self.graph)))

    def _read(self, network: Network, some: Examples, modules: list[nn.Module]) -> dict[nn.Module, Tensor]:
        """What reaches each of the modules, for every example."""
        caught: dict[nn.Module, list[Tensor]] = {module: [] for module in modules}

        def catch(module: nn.Module, given: tuple[Tensor, ...]) -> None:
            caught[module].append(given[0])

        hooks = [module.register_forward_pre_hook(catch) for module in modules]
        try:
            with torch.no_grad():
                for batch in self._batches(some):
                    network(batch)
        finally:
            for hook in hooks:
                hook.remove()
        return {module: torch.cat(rows) for module, rows in caught.items()}


def n_values(graph: Graph) -> int:
    """Features and codes of one example."""
    return sum(math.prod(graph.node(node.inputs[0]).shape) for node in graph.nodes if node.op in (LAYER, TABLE))


def _module(network: Network, op: str) -> nn.Module | None:
    name = next((node.name for node in network.graph.nodes if node.op == op), None)
    return None if name is None else network.get_submodule(name)
