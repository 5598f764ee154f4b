"""How much memory a training step will take, and the batch with which it fits.

The graph says what autograd keeps (``graphs.cost.training_memory_mb``). A process grows by more than that: results that
are not kept live for a moment, so do the gradients of activations, and convolutions need working space.
"""

from __future__ import annotations

from dataclasses import replace

from archsmith.core.errors import EvaluationError
from archsmith.graphs.cost import training_memory_mb
from archsmith.graphs.graph import Graph
from archsmith.training.recipe import Recipe

# What a process grows by, in units of what the graph says. ``benchmarks/memory.py --batches 64,128`` on a CPU: float32
# 1.2 to 2.0, median 1.5 (above 1.8 only below 120 MB, where the allocator's habits count most; NASNet-A 1.3), bfloat16
# 0.7 to 1.0.
PREDICTED = 1.8
SMALLEST_BATCH = 16


def step_memory_mb(graph: Graph, batch_size: int) -> float:
    """Megabytes (10⁶ bytes) by which training the network of ``graph`` in batches of ``batch_size`` makes a process
    grow.
    """
    return PREDICTED * training_memory_mb(graph, batch_size)


def fitting(graph: Graph, recipe: Recipe, memory_mb: float | None) -> Recipe:
    """``recipe`` with its batch halved, down to 16, until a step takes no more than ``memory_mb`` (None: no limit).

    Raises EvaluationError (``memory``) when even the smallest batch takes more; nothing is allocated to find out.
    """
    if memory_mb is None:
        return recipe
    while step_memory_mb(graph, recipe.batch_size) > memory_mb:
        if recipe.batch_size // 2 < SMALLEST_BATCH:
            raise EvaluationError(
                f"A training step of this network takes about {step_memory_mb(graph, recipe.batch_size):,.0f} MB in "
                f"batches of {recipe.batch_size}, "
                f"and {memory_mb:,.0f} MB are allowed.",
                "A smaller network or smaller pictures need less.",
                kind="memory",
            )
        recipe = replace(recipe, batch_size=recipe.batch_size // 2)
    return recipe
